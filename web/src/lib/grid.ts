import type { Tile } from "../api/types";

export const COLUMNS = 12;

const overlap = (a: Tile, b: Tile): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** Reading order: row by row. */
export const reading = (tiles: readonly Tile[]): Tile[] => [...tiles].sort((a, b) => a.y - b.y || a.x - b.x || (a.instance < b.instance ? -1 : 1));

/** Moves overlapping tiles down until none overlap; tiles earlier in reading order keep their place. */
export function settle(tiles: readonly Tile[]): Tile[] {
  const placed: Tile[] = [];
  for (const tile of reading(tiles)) {
    const w = Math.min(Math.max(tile.w, 1), COLUMNS);
    const t = { ...tile, w, h: Math.max(tile.h, 1), x: Math.min(Math.max(tile.x, 0), COLUMNS - w), y: Math.max(tile.y, 0) };
    while (placed.some((p) => overlap(p, t))) t.y += 1;
    placed.push(t);
  }
  return placed;
}

/** The tile and its neighbour in reading order change places: what "up" and "down" mean on a phone. */
export function swap(tiles: readonly Tile[], instance: string, by: -1 | 1): Tile[] {
  const order = reading(tiles);
  const i = order.findIndex((t) => t.instance === instance);
  const a = order[i], b = order[i + by];
  if (!a || !b) return order;
  order[i] = { ...a, x: Math.min(b.x, COLUMNS - a.w), y: b.y };
  order[i + by] = { ...b, x: Math.min(a.x, COLUMNS - b.w), y: a.y };
  return settle(order);
}

/** Where a new tile of this size fits first. */
export function firstGap(tiles: readonly Tile[], w: number, h: number): { x: number; y: number } {
  for (let y = 0; ; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) {
      if (!tiles.some((t) => overlap(t, { instance: "", x, y, w, h }))) return { x, y };
    }
  }
}
