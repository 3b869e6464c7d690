// The talk: a set of messages and who took theirs back. Equal for everybody, whatever the order of arrival.
import { block, compare, id, int } from "./shared/check.js";
import { keepNewest, Owned } from "./shared/registers.js";

export const MAX_TEXT = 4000;
const MAX_PER_AUTHOR = 2000;
const CLOCK_AHEAD = 10 * 60_000;
const TOGETHER = 5 * 60_000;

export class Talk {
  #authors = new Map();
  #gone = new Map();

  /** Takes one update. Updates that make no sense are left out. */
  apply(payload, { sender, t, serial = 0 }) {
    const own = id(payload.id);
    if (!own) return;
    const key = `${sender}/${own}`;
    if (payload.k === "msg") this.#message(key, own, sender, t, serial, block(payload.text, MAX_TEXT));
    if (payload.k === "gone") {
      const rev = int(payload.rev, 0, 1e9);
      if (rev === null) return;
      if (!this.#gone.has(key)) this.#gone.set(key, new Owned());
      this.#gone.get(key).offer(rev, t, id(payload.u), payload.gone === true);
    }
  }

  #message(key, own, sender, t, serial, text) {
    if (!text) return;
    if (!this.#authors.has(sender)) this.#authors.set(sender, new Map());
    const mine = this.#authors.get(sender);
    const known = mine.get(key);
    if (known) {
      if (!known.serial) known.serial = serial;
      // One author, one id, two texts: the later one, then the greater one, so that everybody shows the same.
      if (known.t > t || (known.t === t && compare(known.text, text) >= 0)) return;
    }
    mine.set(key, { key, id: own, sender, t, text, serial: known?.serial ?? serial });
    keepNewest(mine, MAX_PER_AUTHOR);
  }

  goneRev(key) {
    return this.#gone.get(key)?.rev ?? -1;
  }

  /** All messages in order. Dates in the future do not push a message below later ones: those stay where they came. */
  messages(now) {
    const all = [...this.#authors.values()].flatMap((m) => [...m.values()]);
    for (const m of all) m.gone = this.#gone.get(m.key)?.value === true;
    const ahead = (m) => m.t > now + CLOCK_AHEAD;
    for (const m of all) m.at = m.t;
    if (all.some(ahead)) {
      let latest = 0;
      for (const m of [...all].sort((a, b) => (a.serial || Infinity) - (b.serial || Infinity) || compare(a.key, b.key))) {
        if (ahead(m)) m.at = (latest || now) + 0.5;
        else latest = Math.max(latest, m.t);
      }
    }
    return all.sort((a, b) => a.at - b.at || compare(a.key, b.key));
  }
}

/** Messages in rows for the screen: groups of one author within five minutes and a day. */
export function grouped(messages, dayOf) {
  const rows = [];
  for (const m of messages) {
    const last = rows[rows.length - 1];
    const same = last && last.sender === m.sender && m.at - last.until < TOGETHER && dayOf(last.at) === dayOf(m.at);
    if (same) {
      last.messages.push(m);
      last.until = m.at;
    } else rows.push({ sender: m.sender, at: m.at, until: m.at, messages: [m] });
  }
  return rows;
}

/** Whom a text mentions with @name: addresses, or "*" for @all and @everyone. */
export function mentions(text, people) {
  const found = new Set();
  const low = text.toLowerCase();
  for (let at = low.indexOf("@"); at >= 0; at = low.indexOf("@", at + 1)) {
    if (at > 0 && /[\p{L}\p{N}]/u.test(low[at - 1])) continue;
    const rest = low.slice(at + 1);
    const starts = (name) => rest.startsWith(name) && !/^[\p{L}\p{N}]/u.test(rest.slice(name.length));
    if (starts("all") || starts("everyone")) found.add("*");
    const fits = people.filter((p) => starts(p.name.toLowerCase()));
    const longest = Math.max(0, ...fits.map((p) => p.name.length));
    for (const p of fits) if (p.name.length === longest) found.add(p.addr);
  }
  return [...found];
}
