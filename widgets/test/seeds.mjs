// Repeatable randomness for tests. A failing test prints its seed; SEED=n runs that one again.
export function random(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (n) => Math.floor(next() * n);
  return {
    next, int,
    pick: (list) => list[int(list.length)],
    shuffle(list) {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i -= 1) {
        const j = int(i + 1);
        [out[i], out[j]] = [out[j], out[i]];
      }
      return out;
    },
  };
}

/** Runs a check for many seeds. */
export function forSeeds(count, check) {
  const first = process.env.SEED ? Number(process.env.SEED) : 0;
  const seeds = process.env.SEED ? [first] : Array.from({ length: count }, (_, n) => n * 7919 + 1);
  for (const seed of seeds) {
    try {
      check(random(seed), seed);
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
}

const ODD = [
  null, undefined, true, false, 0, -1, 1.5, NaN, Infinity, 1e308, 2 ** 53, -(2 ** 53), "", "x", "a".repeat(5000), "__proto__", "constructor",
  "toString", "\u202egnp.exe", "<img src=x onerror=alert(1)>", "\ud800", "javascript:alert(1)", [], [[]], {}, { length: 1e9 }, { __proto__: null },
  Array.from({ length: 300 }, () => "a"), [null, [null, null]], { toString: 1 }, "2026-02-31", "9999-99-99", "AAAA", "////",
];

/** A payload with some of its fields replaced by nonsense. */
export function spoiled(rng, payload) {
  const out = structuredClone(payload);
  for (let n = 1 + rng.int(3); n > 0; n -= 1) {
    const keys = Object.keys(out).filter((k) => k !== "k");
    const key = rng.int(6) === 0 ? "__proto__x" : rng.pick(keys);
    if (!key) continue;
    const inner = out[key];
    if (inner && typeof inner === "object" && Object.keys(inner).length > 0 && rng.int(2) === 0) inner[rng.pick(Object.keys(inner))] = rng.pick(ODD);
    else out[key] = rng.pick(ODD);
  }
  return out;
}

/** Plain data of a view, with Maps in a fixed form, for comparison. */
export const flat = (value) =>
  JSON.stringify(value, (_, v) => (v instanceof Map ? [...v].sort(([a], [b]) => (a < b ? -1 : 1)) : v instanceof Set ? [...v].sort() : v));

export const USERS = ["mia-addr", "tom-addr", "anouk-addr"];
export const NOW = Date.UTC(2026, 10, 21, 12);
let count = 0;
export const nextId = () => `id${String((count += 1)).padStart(6, "0")}`;
