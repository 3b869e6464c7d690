import type { UpdateOut, Updates } from "../api/types";

/**
 * Hands updates to one widget window in order, each once, none left out: pages from the node first, then what it
 * pushes. A pushed update that does not follow the last one makes it read pages again.
 */
export class Feed {
  #page: (serial: number) => Promise<Updates>;
  #push: (update: UpdateOut) => void;
  #cursor = 0;
  #listening = false;
  #round = 0;
  /** The round that is reading pages now. */
  #reading: number | null = null;
  #waiting = new Map<number, UpdateOut>();

  constructor(page: (serial: number) => Promise<Updates>, push: (update: UpdateOut) => void) {
    this.#page = page;
    this.#push = push;
  }

  /** Serial of the last update handed over. */
  get cursor(): number {
    return this.#cursor;
  }

  /** From now on everything after `serial`. Resolves when all that the node knew at first was handed over. */
  listen(serial: number): Promise<number> {
    this.#round += 1;
    this.#cursor = serial;
    this.#listening = true;
    this.#waiting.clear();
    return new Promise((resolve, reject) => this.#start(resolve, reject));
  }

  /** An update that the node pushed. */
  offer(update: UpdateOut): void {
    if (!this.#listening || update.serial <= this.#cursor) return;
    this.#waiting.set(update.serial, update);
    if (this.#waiting.size > 1_000) this.#waiting.delete(Math.min(...this.#waiting.keys()));
    if (this.#reading !== null) return; // Handed over when the reading ends.
    if (update.serial === this.#cursor + 1) this.#flush();
    else this.#start();
  }

  /** The connection to the node is new: read what came meanwhile. */
  resume(): void {
    if (this.#listening && this.#reading === null) this.#start();
  }

  stop(): void {
    this.#round += 1;
    this.#listening = false;
    this.#waiting.clear();
  }

  /** One reading at a time; that of an earlier round ends by itself and hands over nothing more. */
  #start(known: (serial: number) => void = () => undefined, failed: (error: unknown) => void = () => undefined): void {
    const round = this.#round;
    this.#reading = round;
    this.#read(round, known).catch((error: unknown) => {
      if (this.#reading === round) this.#reading = null; // The next push, or the next connection, reads again.
      failed(error);
    });
  }

  async #read(round: number, known: (serial: number) => void): Promise<void> {
    let first: number | null = null;
    for (;;) {
      const from = this.#cursor;
      const page = await this.#page(from);
      first ??= page.max_serial;
      if (round !== this.#round) return known(first);
      this.#hand(page.updates);
      if (this.#cursor >= first) known(first);
      if (this.#cursor === from || (this.#cursor >= page.max_serial && !this.#gap())) break;
    }
    this.#flush();
    this.#reading = null; // In the same turn, so that no push falls between.
    known(first);
  }

  /** What waits does not follow what was handed over. */
  #gap(): boolean {
    const after = [...this.#waiting.keys()].filter((serial) => serial > this.#cursor);
    return after.length > 0 && Math.min(...after) !== this.#cursor + 1;
  }

  #hand(updates: readonly UpdateOut[]): void {
    for (const update of updates) {
      if (update.serial <= this.#cursor) continue;
      this.#cursor = update.serial;
      this.#waiting.delete(update.serial);
      this.#push(update);
    }
  }

  #flush(): void {
    const rest = [...this.#waiting.values()].sort((a, b) => a.serial - b.serial);
    this.#waiting.clear();
    this.#hand(rest);
  }
}
