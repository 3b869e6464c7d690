// Two kinds of shared value that end equal for everybody, in whatever order the updates arrive.
import { compare } from "./check.js";

/**
 * A value that one person owns (maybe on several devices): the highest revision wins, then the later time, then the
 * greater id. A person with a wrong clock or a huge revision harms only themselves.
 */
export class Owned {
  rev = -1;
  t = 0;
  op = "";
  value = null;
  offer(rev, t, op, value) {
    if (rev < this.rev) return false;
    if (rev === this.rev && (t < this.t || (t === this.t && op <= this.op))) return false;
    Object.assign(this, { rev, t, op, value });
    return true;
  }
}

/**
 * A value that everybody may change. Each change names the changes it has seen and replaces; of those that nobody
 * replaced, the latest wins, then the greater sender and id. So nobody can lock a value with a date in the far future:
 * the next change simply replaces theirs.
 */
export class Shared {
  ops = new Map();
  replaced = new Set();
  offer(op, prev, t, sender, value) {
    for (const old of prev) {
      if (old === op) continue;
      this.replaced.add(old);
      if (this.ops.has(old)) this.ops.set(old, null);
    }
    if (this.ops.has(op)) {
      // The same id from two people: the greater sender wins, so that the order of arrival does not matter.
      const known = this.ops.get(op);
      if (known === null || compare(`${known.sender}/${known.t}`, `${sender}/${t}`) >= 0) return;
    }
    this.ops.set(op, this.replaced.has(op) ? null : { op, t, sender, value });
  }
  /** The changes that nobody replaced, best first. */
  heads() {
    return [...this.ops.values()]
      .filter((o) => o !== null)
      .sort((a, b) => b.t - a.t || compare(b.sender, a.sender) || compare(b.op, a.op));
  }
  get() {
    return this.heads()[0] ?? null;
  }
  /** What a new change has to name as replaced. */
  seen() {
    return this.heads().slice(0, 32).map((o) => o.op);
  }
}

/** Keeps the newest `max` of a map whose values have `t` and `id`: the same ones for everybody. */
export function keepNewest(map, max, slack = 64) {
  if (map.size <= max + slack) return;
  const order = [...map.entries()].sort(([, a], [, b]) => b.t - a.t || compare(b.id, a.id));
  for (const [key] of order.slice(max)) map.delete(key);
}
