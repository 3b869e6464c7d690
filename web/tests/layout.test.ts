// Boards: what is changed here while something is on its way to the node is not lost.
import { beforeEach, expect, test, vi } from "vitest";
import type { Board, Layout } from "../src/api/types";

const told: { listen?: (event: unknown) => void } = {};
const calls: { boards: Board[]; answer: (layout: Layout) => void }[] = [];
vi.mock("../src/state/session.svelte", () => ({
  session: { onEvent: (listen: (event: unknown) => void) => (told.listen = listen) },
  call: (_: string, params: { boards: Board[] }) => new Promise((answer) => calls.push({ boards: params.boards, answer })),
}));
vi.mock("../src/state/ui.svelte", () => ({ ui: { say: () => undefined, toast: () => undefined } }));

const tile = (h: number) => [{ instance: "a", x: 0, y: 0, w: 4, h }];
const boards = (h: number): Board[] => [{ id: "one", name: "One", tiles: tile(h) }];

beforeEach(() => {
  vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
  vi.useFakeTimers();
});

test("a change made while an earlier one is on its way survives the news of that earlier one", async () => {
  const { layout } = await import("../src/state/layout.svelte");
  layout.take({ revision: 1, boards: boards(3) });
  layout.setTiles("one", tile(4));
  await vi.advanceTimersByTimeAsync(500);
  expect(calls.length).toBe(1);
  layout.setTiles("one", tile(5));
  // The node tells everybody, before it answers who changed it.
  told.listen?.({ event: "layout_changed", layout: { revision: 2, boards: boards(4) } });
  expect(layout.board?.tiles[0]?.h).toBe(5);
  calls[0]?.answer({ revision: 2, boards: boards(4) });
  await vi.advanceTimersByTimeAsync(500);
  expect(calls[1]?.boards).toEqual(boards(5));
  // What somebody else changed meanwhile is taken once ours is there.
  told.listen?.({ event: "layout_changed", layout: { revision: 4, boards: boards(9) } });
  calls[1]?.answer({ revision: 3, boards: boards(5) });
  await vi.advanceTimersByTimeAsync(0);
  expect(layout.board?.tiles[0]?.h).toBe(9);
});
