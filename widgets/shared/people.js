// Names of the people in this space. The address is verified by the host; the name is only what they call themselves.
import { addr, compare, line, time } from "./check.js";

const MAX_PEOPLE = 2000;
const COLOURS = ["#7a4fb5", "#a83f55", "#2c6a9e", "#2a7048", "#83560a", "#98427a", "#2f6b70", "#59616f"];

/** A number from text, the same everywhere (FNV-1a). */
export function number(text) {
  let n = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) n = Math.imul(n ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return n;
}

export const colour = (address) => COLOURS[number(address) % COLOURS.length];

export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...(words[0] ?? "?")].slice(0, 2).join("");
  return letters.toUpperCase();
}

export class People {
  #known = new Map();
  #shown = null;
  constructor(selfAddr, selfName) {
    this.self = selfAddr;
    this.saw(selfAddr, selfName, Date.now());
  }
  /** Remembers the newest name of a person. */
  saw(address, name, t) {
    const a = addr(address);
    const n = line(name, 40);
    const when = time(t) ?? 0;
    if (!a || !n) return;
    const old = this.#known.get(a);
    if (!old && this.#known.size >= MAX_PEOPLE) return;
    if (old && (old.t > when || (old.t === when && compare(old.name, n) >= 0))) return;
    this.#known.set(a, { name: n, t: when });
    if (old?.name !== n) this.#shown = null;
  }
  #names() {
    if (this.#shown) return this.#shown;
    const same = new Map();
    for (const { name } of this.#known.values()) same.set(name.toLowerCase(), (same.get(name.toLowerCase()) ?? 0) + 1);
    const names = new Map();
    for (const [a, { name }] of this.#known) names.set(a, same.get(name.toLowerCase()) > 1 ? `${name} ·${a.slice(-4)}` : name);
    const list = [...names].map(([a, name]) => ({ addr: a, name })).sort((a, b) => compare(a.name, b.name));
    return (this.#shown = { names, list });
  }
  /** A name to show. Two people with the same name get the end of their address added. */
  name(address) {
    return this.#names().names.get(address) ?? `someone ${address.slice(-4)}`;
  }
  label(address) {
    return address === this.self ? "You" : this.name(address);
  }
  /** Everybody known, by name. */
  all() {
    return this.#names().list;
  }
}
