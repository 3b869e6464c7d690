// Draws the icons: simple shapes, sampled 4 × 4 per pixel, written as PNG. No image library, same bytes every time.
import { deflateSync } from "node:zlib";

const SIZE = 128;
const SAMPLES = 4;

const hex = (s) => [1, 3, 5].map((i) => parseInt(s.slice(i, i + 2), 16));
const box = (x, y, w, h, r) => (px, py) => {
  const dx = Math.max(x + r - px, px - (x + w - r), 0);
  const dy = Math.max(y + r - py, py - (y + h - r), 0);
  return px >= x && px <= x + w && py >= y && py <= y + h && dx * dx + dy * dy <= r * r;
};
const disc = (x, y, r) => (px, py) => (px - x) ** 2 + (py - y) ** 2 <= r * r;
const pathOf = (width, ...p) => (px, py) => {
  for (let i = 0; i + 3 < p.length; i += 2) {
    const [ax, ay, bx, by] = p.slice(i, i + 4);
    const long = (bx - ax) ** 2 + (by - ay) ** 2;
    const at = long === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / long));
    if ((px - ax - at * (bx - ax)) ** 2 + (py - ay - at * (by - ay)) ** 2 <= (width / 2) ** 2) return true;
  }
  return false;
};
const polygon = (...p) => (px, py) => {
  let inside = false;
  for (let i = 0, j = p.length - 2; i < p.length; j = i, i += 2) {
    if (p[i + 1] > py !== p[j + 1] > py && px < ((p[j] - p[i]) * (py - p[i + 1])) / (p[j + 1] - p[i + 1]) + p[i]) inside = !inside;
  }
  return inside;
};
const wave = (f, x0, x1, step = 3) => {
  const out = [];
  for (let x = x0; x <= x1; x += step) out.push(x, f(x));
  return out;
};

const WHITE = "#ffffff";
const PALE = "#e6f1e9";
const tile = (colour) => [box(4, 4, 120, 120, 28), colour];

export const ICONS = {
  shout: [tile("#2f7d4f"), [box(26, 30, 76, 54, 18), WHITE], [polygon(42, 80, 42, 104, 66, 82), WHITE], [pathOf(7, 42, 49, 86, 49), "#2f7d4f"], [pathOf(7, 42, 65, 70, 65), "#8fc3a3"]],
  poll: [tile("#3c6e4c"), [box(26, 30, 76, 18, 9), "#5d8f6d"], [box(26, 30, 68, 18, 9), WHITE], [box(26, 55, 76, 18, 9), "#5d8f6d"], [box(26, 55, 30, 18, 9), PALE], [box(26, 80, 76, 18, 9), "#5d8f6d"], [box(26, 80, 48, 18, 9), PALE]],
  checklist: [tile("#4f8a3c"), [box(26, 28, 22, 22, 6), WHITE], [pathOf(5, 31.5, 39.5, 35.5, 43.5, 43, 34.5), "#4f8a3c"], [pathOf(8, 60, 39, 98, 39), "#a9cf9c"], [box(26, 53, 22, 22, 6), WHITE], [pathOf(5, 31.5, 64.5, 35.5, 68.5, 43, 59.5), "#4f8a3c"], [pathOf(8, 60, 64, 88, 64), "#a9cf9c"], [box(26, 78, 22, 22, 6), WHITE], [box(30, 82, 14, 14, 3), "#4f8a3c"], [pathOf(8, 60, 89, 98, 89), WHITE]],
  whiteboard: [tile("#e3efe6"), [pathOf(8, ...wave((x) => 82 - 20 * Math.sin((62 - x) / 6.05), 23, 62)), "#2f7d4f"], [pathOf(16, 74, 66, 98, 34), "#1f5c3a"], [polygon(66, 61, 79, 72, 62, 82), "#f0ad5d"], [disc(98, 34, 8), "#1f5c3a"]],
  notes: [tile("#7a8f3a"), [box(32, 22, 64, 84, 10), WHITE], [polygon(76, 22, 97, 43, 97, 21), "#7a8f3a"], [polygon(76, 22, 76, 43, 97, 43), "#d5dcb5"], [pathOf(6, 44, 48, 66, 48), "#7a8f3a"], [pathOf(6, 44, 64, 84, 64), "#c3cd97"], [pathOf(6, 44, 78, 84, 78), "#c3cd97"], [pathOf(6, 44, 92, 68, 92), "#c3cd97"]],
  calendar: [tile("#1f7468"), [box(24, 32, 80, 72, 12), WHITE], [box(24, 32, 80, 20, 10), "#bfe0d8"], [pathOf(7, 44, 24, 44, 40), WHITE], [pathOf(7, 84, 24, 84, 40), WHITE], ...[0, 1, 2].flatMap((r) => [0, 1, 2, 3].map((c) => [disc(38 + c * 17.3, 63 + r * 14, 4.6), "#c9d8d4"])), [disc(72.6, 77, 9), "#1f7468"]],
  "top-widgets": [tile("#2f7d4f"), [box(28, 70, 20, 32, 5), "#8fc3a3"], [box(54, 46, 20, 56, 5), WHITE], [box(80, 82, 20, 20, 5), "#8fc3a3"], [polygon(64, 16, 69, 27, 81, 28, 72, 36, 75, 48, 64, 41, 53, 48, 56, 36, 47, 28, 59, 27), "#f0ad5d"]],
  "newest-widgets": [tile("#4f8a3c"), [pathOf(7, 64, 104, 64, 58), WHITE], [disc(48, 50, 20), WHITE], [box(28, 30, 20, 20, 2), WHITE], [disc(82, 38, 16), "#cfe6c4"], [box(82, 38, 16, 16, 2), "#4f8a3c"], [disc(82, 38, 14), "#cfe6c4"]],
  "top-authors": [tile("#3c6e4c"), [disc(64, 46, 19), WHITE], [(x, y) => y < 102 && disc(64, 102, 34)(x, y), WHITE], [pathOf(6, 52, 92, 60, 100, 78, 82), "#3c6e4c"]],
  "top-moderators": [tile("#7a8f3a"), [pathOf(7, 64, 26, 64, 100), WHITE], [pathOf(7, 44, 102, 84, 102), WHITE], [pathOf(7, 32, 40, 96, 40), WHITE], [(x, y) => y > 64 && disc(34, 64, 18)(x, y), WHITE], [(x, y) => y > 64 && disc(94, 64, 18)(x, y), WHITE], [pathOf(3, 34, 42, 22, 64), WHITE], [pathOf(3, 34, 42, 46, 64), WHITE], [pathOf(3, 94, 42, 82, 64), WHITE], [pathOf(3, 94, 42, 106, 64), WHITE]],
  "similar-peers": [tile("#1f7468"), [disc(48, 64, 30), "#bfe0d8"], [disc(80, 64, 30), WHITE], [(x, y) => disc(48, 64, 30)(x, y) && disc(80, 64, 30)(x, y), "#f0ad5d"]],
};

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** CRC-32, as PNG and zip want it. */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = TABLE[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** The PNG of one icon. */
export function png(shapes) {
  const painted = shapes.map(([inside, colour]) => [inside, hex(colour)]);
  const rows = Buffer.alloc(SIZE * (SIZE * 4 + 1));
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      const sum = [0, 0, 0];
      let hits = 0;
      for (let n = 0; n < SAMPLES * SAMPLES; n += 1) {
        const px = x + ((n % SAMPLES) + 0.5) / SAMPLES;
        const py = y + (Math.floor(n / SAMPLES) + 0.5) / SAMPLES;
        let top = null;
        for (const [inside, colour] of painted) if (inside(px, py)) top = colour;
        if (!top) continue;
        hits += 1;
        for (let k = 0; k < 3; k += 1) sum[k] += top[k];
      }
      const at = y * (SIZE * 4 + 1) + 1 + x * 4;
      for (let k = 0; k < 3; k += 1) rows[at + k] = hits === 0 ? 0 : Math.round(sum[k] / hits);
      rows[at + 3] = Math.round((255 * hits) / (SAMPLES * SAMPLES));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(SIZE, 0);
  head.writeUInt32BE(SIZE, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk("IHDR", head), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
