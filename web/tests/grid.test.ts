import { expect, test } from "vitest";
import type { Tile } from "../src/api/types";
import { firstGap, reading, settle, swap } from "../src/lib/grid";

const t = (instance: string, x: number, y: number, w = 4, h = 3): Tile => ({ instance, x, y, w, h });
const overlaps = (tiles: Tile[]) => tiles.some((a, i) => tiles.slice(i + 1).some((b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h));

test("settled tiles never overlap and stay inside twelve columns", () => {
  let seed = 7;
  const random = (n: number) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
  for (let round = 0; round < 200; round += 1) {
    const tiles = Array.from({ length: 12 }, (_, n) => t(`i${n}`, random(14) - 1, random(20), random(13), random(6)));
    const done = settle(tiles);
    expect(overlaps(done), `round ${round}`).toBe(false);
    expect(done.every((x) => x.x >= 0 && x.x + x.w <= 12 && x.h >= 1)).toBe(true);
  }
});
test("up and down exchange neighbours in reading order", () => {
  const tiles = [t("a", 0, 0), t("b", 4, 0), t("c", 0, 3)];
  expect(reading(swap(tiles, "a", 1)).map((x) => x.instance)).toEqual(["b", "a", "c"]);
  expect(reading(swap(tiles, "c", -1)).map((x) => x.instance)).toEqual(["a", "c", "b"]);
  expect(swap(tiles, "a", -1).map((x) => x.instance)).toEqual(["a", "b", "c"]);
});
test("a new tile goes to the first gap", () => {
  expect(firstGap([t("a", 0, 0), t("b", 8, 0)], 4, 3)).toEqual({ x: 4, y: 0 });
});
