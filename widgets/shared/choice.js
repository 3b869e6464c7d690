// How many entries a list of the front page has, and how its figures are written. Without a screen.
import { id, int } from "./check.js";
import { Owned } from "./registers.js";

export const SIZES = [3, 5, 10, 20, 50];
export const USUAL = 5;

/** How many entries each person wants to see. Only the own choice counts here. */
export class Choice {
  #of = new Map();
  apply(payload, { sender, t }) {
    const size = int(payload.n_max, 1, 100);
    const rev = int(payload.rev, 0, 1e9);
    if (payload.k !== "size" || size === null || rev === null) return;
    if (!this.#of.has(sender)) this.#of.set(sender, new Owned());
    this.#of.get(sender).offer(rev, t, id(payload.u), size);
  }
  size(person) {
    return this.#of.get(person)?.value ?? USUAL;
  }
  next(person) {
    return (this.#of.get(person)?.rev ?? -1) + 1;
  }
}

/** "4.6"; an empty text when nobody rated it. */
export const starText = (v) => (typeof v === "number" && v >= 0 && v <= 5 ? v.toFixed(1) : "");
export const counted = (n, one, many = `${one}s`) => `${(int(n, 0, 1e12) ?? 0).toLocaleString()} ${n === 1 ? one : many}`;
