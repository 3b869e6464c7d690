import type { Board, Layout, Tile } from "../api/types";
import { Failure } from "../api/client";
import { settle } from "../lib/grid";
import { call, session } from "./session.svelte";
import { ui } from "./ui.svelte";

const BOARD = "hedgerow.board";

/** Boards and places. The node keeps them; this page edits a copy and sends it a moment later. */
class LayoutState {
  revision = $state(0);
  boards = $state.raw<Board[]>([]);
  active = $state(sessionStorage.getItem(BOARD) ?? "");
  loaded = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | null = null;
  /** How many are on their way to the node. */
  #sending = 0;
  /** Told by the node while something of ours was on its way. */
  #heard: Layout | null = null;

  board = $derived(this.boards.find((b) => b.id === this.active) ?? this.boards[0]);

  async read(): Promise<void> {
    this.take(await call("layout.get", {}));
  }

  /** A layout from the node. An own change that is not sent yet wins over an older one only. */
  take(layout: Layout): void {
    if (this.loaded && layout.revision < this.revision) return;
    if (layout.revision > this.revision) clearTimeout(this.#timer);
    this.revision = layout.revision;
    this.boards = layout.boards;
    this.loaded = true;
    if (!this.boards.some((b) => b.id === this.active)) this.active = this.boards[0]?.id ?? "";
  }

  /** What the node tells by itself. While something is on its way it may be just that, older than what was changed here since: it waits. */
  hear(layout: Layout): void {
    if (layout.revision <= this.revision) return;
    if (this.#sending > 0) this.#heard = layout;
    else this.take(layout);
  }

  show(id: string): void {
    this.active = id;
    sessionStorage.setItem(BOARD, id);
  }

  boardOf(instance: string): Board | undefined {
    return this.boards.find((b) => b.tiles.some((t) => t.instance === instance));
  }

  setTiles(board: string, tiles: readonly Tile[]): void {
    this.#change(this.boards.map((b) => (b.id === board ? { ...b, tiles: [...tiles] } : b)));
  }

  add(name: string): void {
    const id = crypto.randomUUID().slice(0, 8);
    this.#change([...this.boards, { id, name, tiles: [] }]);
    this.show(id);
  }

  rename(id: string, name: string): void {
    this.#change(this.boards.map((b) => (b.id === id ? { ...b, name } : b)));
  }

  move(id: string, by: -1 | 1): void {
    const boards = [...this.boards], i = boards.findIndex((b) => b.id === id), j = i + by;
    const a = boards[i], b = boards[j];
    if (!a || !b) return;
    boards[i] = b;
    boards[j] = a;
    this.#change(boards);
    ui.say(`${a.name} is now board ${j + 1} of ${boards.length}`);
  }

  /** Its widgets go to the neighbour, so that none is lost from sight. */
  remove(id: string): void {
    const before = this.boards, i = before.findIndex((b) => b.id === id), gone = before[i], heir = before[i === 0 ? 1 : i - 1];
    if (!gone || !heir) return;
    const below = Math.max(0, ...heir.tiles.map((t) => t.y + t.h));
    const tiles = settle([...heir.tiles, ...gone.tiles.map((t) => ({ ...t, y: t.y + below }))]);
    this.#change(before.filter((b) => b.id !== id).map((b) => (b.id === heir.id ? { ...b, tiles } : b)));
    this.show(heir.id);
    const moved = gone.tiles.length > 0 ? ` Its widgets are on ${heir.name} now.` : "";
    ui.toast(`Board ${gone.name} removed.${moved}`, { name: "Undo", run: () => { this.#change(before); this.show(id); } });
  }

  #change(boards: Board[]): void {
    this.boards = boards;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), 400);
  }

  async save(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#saving;
    this.#saving = this.#send();
    await this.#saving;
  }

  async #send(): Promise<void> {
    const sent = this.boards;
    this.#sending += 1;
    try {
      const answer = await call("layout.set", { revision: this.revision, boards: sent });
      if (answer.revision >= this.revision) {
        this.revision = answer.revision;
        if (this.boards === sent) this.boards = answer.boards;
      }
    } catch (error) {
      if (error instanceof Failure && error.code === "closed") return;
      await this.read().catch(() => undefined);
      ui.toast("The boards were changed in another window at the same moment; here is how they are now.");
    } finally {
      this.#sending -= 1;
      const heard = this.#heard;
      this.#heard = null;
      if (heard) this.hear(heard);
    }
  }
}

export const layout = new LayoutState();
session.onEvent((event) => {
  if (event.event === "layout_changed") layout.hear(event.layout);
});
