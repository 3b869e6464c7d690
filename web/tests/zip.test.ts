import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { zip } from "../src/lib/zip";

test("another program reads what was packed, byte for byte", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zip-"));
  try {
    const files = [{ path: "index.html", data: new TextEncoder().encode("<p>Grüße</p>") }, { path: "source/äpp.js", data: Uint8Array.from({ length: 70_000 }, (_, n) => n % 251) }, { path: "empty.txt", data: new Uint8Array(0) }];
    writeFileSync(join(folder, "a.zip"), new Uint8Array(await zip(files).arrayBuffer()));
    execFileSync("python3", ["-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])", join(folder, "a.zip"), folder]);
    for (const f of files) expect(new Uint8Array(readFileSync(join(folder, f.path)))).toEqual(f.data);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
test("what is too much for a browser is refused", () => {
  expect(() => zip(Array.from({ length: 2_001 }, (_, n) => ({ path: `${n}`, data: new Uint8Array(0) })))).toThrow(/2001 files/);
});
