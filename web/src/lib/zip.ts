/** A zip file without compression, for handing the files of a widget to the person. */
import { bytes } from "./words";

const MAX_FILES = 2_000, MAX_BYTES = 100_000_000;
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc32(data: Uint8Array): number {
  let c = 0xffffffff;
  for (const b of data) c = (TABLE[(c ^ b) & 255] ?? 0) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** What both headers of a file have in common: 26 bytes from "version needed" to the lengths of name and extra field. */
function shared(crc: number, size: number, name: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(26));
  for (const [at, value] of [[0, 20], [2, 0x0800], [4, 0], [6, 0], [8, 0x21], [22, name]] as const) view.setUint16(at, value, true);
  for (const [at, value] of [[10, crc], [14, size], [18, size]] as const) view.setUint32(at, value, true);
  return new Uint8Array(view.buffer);
}

/** @throws Error when there is too much to hold in memory */
export function zip(files: readonly { path: string; data: Uint8Array<ArrayBuffer> }[]): Blob {
  const size = files.reduce((n, f) => n + f.data.length, 0);
  if (files.length > MAX_FILES || size > MAX_BYTES) throw new Error(`This is more than the browser should pack: ${files.length} files, ${bytes(size)}`);
  const parts: Uint8Array<ArrayBuffer>[] = [], index: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { path, data } of files) {
    const name = new TextEncoder().encode(path), head = shared(crc32(data), data.length, name.length);
    const more = new DataView(new ArrayBuffer(14));
    more.setUint32(10, offset, true);
    parts.push(Uint8Array.of(0x50, 0x4b, 3, 4), head, name, data);
    index.push(Uint8Array.of(0x50, 0x4b, 1, 2, 20, 0), head, new Uint8Array(more.buffer), name);
    offset += 30 + name.length + data.length;
  }
  const table = index.reduce((n, p) => n + p.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  for (const at of [8, 10]) end.setUint16(at, files.length, true);
  end.setUint32(12, table, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...index, new Uint8Array(end.buffer)], { type: "application/zip" });
}
