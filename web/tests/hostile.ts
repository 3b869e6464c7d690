/** Values that a widget can post, by chance and the same for a seed: what structured clone lets through, and worse. */

export class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n: number): number {
    return this.next() % n;
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
}

const WORDS = ["", "a", "__proto__", "constructor", "toString", "instance", "a".repeat(2_000), "a".repeat(9_000), "\u0000", "\ud800", "\u202e", "javascript:alert(1)", "https://x.example/", "http://127.0.0.1/", "../../x", "camera", "web", "top_widgets", "00000000-0000-8000-8000-000000000000", "group:x", "*"];
const NUMBERS = [0, 1, -1, 7, -0, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), 1e308];

/** Any value. Cyclic, deep, large, of classes that look like others. */
export function anything(chance: Chance, depth = 0): unknown {
  switch (chance.below(depth > 4 ? 8 : 20)) {
    case 0: return undefined;
    case 1: return null;
    case 2: return chance.below(2) === 0;
    case 3: case 4: return chance.one(NUMBERS);
    case 5: case 6: return chance.one(WORDS);
    case 7: return BigInt(chance.next());
    case 8: return new Uint8Array(chance.one([0, 1, 100, 200_000]));
    case 9: return new ArrayBuffer(8);
    case 10: return new Date(chance.one([0, NaN]));
    case 11: return new Map([[anything(chance, depth + 1), anything(chance, depth + 1)]]);
    case 12: return chance.one([new Error("x"), /x/g, new Set([1]), new Blob(["x"]), new Float64Array(2), Object(1), Object("x")]);
    case 13: {
      const ring: Record<string, unknown> = { a: 1 };
      ring.self = ring;
      return ring;
    }
    case 14: {
      let deep: unknown = 1;
      for (let i = chance.one([10, 500, 5_000]); i > 0; i--) deep = chance.below(2) ? [deep] : { d: deep };
      return deep;
    }
    case 15: return Array.from({ length: chance.below(5) }, () => anything(chance, depth + 1));
    case 16: return new Array(chance.one([0, 1_000, 4_294_967_295]));
    default: return object(chance, depth);
  }
}

function object(chance: Chance, depth: number): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (let n = chance.below(5); n > 0; n--) Object.defineProperty(made, chance.one(WORDS), { value: anything(chance, depth + 1), enumerable: true, configurable: true, writable: true });
  return made;
}

/** Calls as a widget's script makes them. */
export const CALLS: Record<string, Record<string, unknown>> = {
  send_update: { update: { payload: { a: 1 }, info: "x", href: "index.html", document: "d", summary: "s", notify: { "*": "n" } } },
  updates: { serial: 0 },
  listen: { serial: 0 },
  realtime_join: {},
  realtime_leave: {},
  realtime_send: { data: new Uint8Array([1, 2]) },
  send_to_chat: { text: "hi", file: { name: "a.txt", blob: new Blob(["x"]) } },
  open_link: { url: "https://x.example/" },
  open_widget: { uuid: "00000000-0000-8000-8000-000000000000" },
  stats: { list: "top_widgets", limit: 5 },
  notify: { text: "x", title: "t" },
  web_fetch: { url: "https://x.example/", method: "POST", headers: { accept: "text/html" }, body: "x" },
  contacts_list: {},
  background_status: {},
  background_tell: { message: { a: 1 } },
  permissions_list: {},
  permissions_ask: { permission: "camera" },
  peers_open: { judge: true },
  peers_members: {},
  peers_broadcast: { message: 1, signed: true, encrypt: "group:x", clear: { a: 1 } },
  peers_send: { to: "a", message: 1, toApp: "chat", timeout: 5 },
  peers_reply: { to: "a", message: 1 },
  peers_verdict: { id: "a", valid: true },
  secrets_groups: {},
  secrets_add_group: { group: "x", key: "hgk1" },
  secrets_forget_group: { group: "x" },
  secrets_seal: { to: "a", message: 1, clear: 2 },
  secrets_open: { sealed: "AA==", from: "a" },
  streams_open: { to: "a", name: "x" },
  streams_accept: { name: "x", timeout: 1 },
  streams_write: { stream: 7, data: new Uint8Array(2), end: false },
  streams_read: { stream: 7 },
  streams_close: { stream: 7 },
};

/** A message of a widget: a call that is nearly right, a sign of life, or anything. */
export function message(chance: Chance): unknown {
  if (chance.below(6) === 0) return anything(chance);
  if (chance.below(10) === 0) return { sign: chance.one(["pong", "bye", "dialog", anything(chance)]), n: anything(chance), open: anything(chance) };
  const name = chance.one(Object.keys(CALLS));
  const args: Record<string, unknown> = { ...CALLS[name] };
  for (let n = chance.below(3); n > 0; n--) {
    const key = chance.one([...Object.keys(args), "instance", "stream", ...WORDS]);
    Object.defineProperty(args, key, { value: anything(chance), enumerable: true, configurable: true, writable: true });
  }
  const made: Record<string, unknown> = { id: chance.one([chance.below(50), chance.next(), anything(chance)]), call: chance.below(20) ? name : anything(chance), args: chance.below(20) ? args : anything(chance) };
  if (chance.below(20) === 0) delete made[chance.one(["id", "call", "args"])];
  return made;
}
