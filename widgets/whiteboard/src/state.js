// The sheet: strokes that are only ever added, and marks that hide them or bring them back. Equal for everybody.
import { addr, compare, id, int, isObject, key, list, time } from "./shared/check.js";
import { fromBase64, toBase64 } from "./shared/bytes.js";

export const COLOURS = 8;
export const MAX_POINTS = 3000;
export const MAX_WIDTH = 64;
const MAX_STROKES_EACH = 6000;
const MAX_BYTES = 24_000;
const FAR = 4_000_000;
/** Points are kept in quarters of a unit. */
export const GRAIN = 4;

// ---- points as bytes: x, y as differences, and pressure 0..15, all as variable-length numbers -----------------
const zig = (n) => (n << 1) ^ (n >> 31);
const zag = (n) => (n >>> 1) ^ -(n & 1);

/** Points [x, y, pressure 0..1, …] as base64. */
export function pack(points) {
  const out = [];
  const put = (n) => {
    let rest = n >>> 0;
    while (rest > 127) {
      out.push((rest & 127) | 128);
      rest >>>= 7;
    }
    out.push(rest);
  };
  let x = 0;
  let y = 0;
  for (let i = 0; i < points.length; i += 3) {
    const nx = Math.round(points[i] * GRAIN);
    const ny = Math.round(points[i + 1] * GRAIN);
    put(zig(nx - x));
    put(zig(ny - y));
    out.push(Math.max(0, Math.min(15, Math.round(points[i + 2] * 15))));
    x = nx;
    y = ny;
  }
  return toBase64(Uint8Array.from(out));
}

/** The points of base64 text, or null if they make no sense. */
export function unpack(text) {
  const bytes = fromBase64(text, MAX_BYTES);
  if (!bytes || bytes.length < 3) return null;
  const points = [];
  let at = 0;
  const get = () => {
    let n = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= bytes.length) return NaN;
      const b = bytes[at];
      at += 1;
      n |= (b & 127) << shift;
      if (b < 128) return zag(n >>> 0);
    }
    return NaN;
  };
  let x = 0;
  let y = 0;
  while (at < bytes.length) {
    x += get();
    y += get();
    const p = bytes[at];
    at += 1;
    if (!(Math.abs(x) <= FAR && Math.abs(y) <= FAR) || p === undefined || p > 15) return null;
    points.push(x / GRAIN, y / GRAIN, p / 15);
    if (points.length > MAX_POINTS * 3) return null;
  }
  return points;
}

/** Leaves out points that lie within `far` of the line between their neighbours (Ramer, Douglas, Peucker). */
export function simplify(points, far) {
  const count = points.length / 3;
  if (count < 3) return points.slice();
  const keep = new Uint8Array(count);
  keep[0] = keep[count - 1] = 1;
  const todo = [[0, count - 1]];
  while (todo.length > 0) {
    const [a, b] = todo.pop();
    const [ax, ay, ap] = points.slice(a * 3, a * 3 + 3);
    const [bx, by, bp] = points.slice(b * 3, b * 3 + 3);
    const dx = bx - ax;
    const dy = by - ay;
    const long = dx * dx + dy * dy;
    let worst = far;
    let at = 0;
    for (let i = a + 1; i < b; i += 1) {
      const px = points[i * 3] - ax;
      const py = points[i * 3 + 1] - ay;
      const along = long === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / long));
      const press = Math.abs(points[i * 3 + 2] - (ap + (bp - ap) * along)) * 6 * far;
      const away = Math.max(Math.hypot(px - along * dx, py - along * dy), press);
      if (away > worst) [worst, at] = [away, i];
    }
    if (at === 0) continue;
    keep[at] = 1;
    todo.push([a, at], [at, b]);
  }
  return points.filter((_, i) => keep[Math.floor(i / 3)]);
}

function bounds(points, width) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 3) {
    x0 = Math.min(x0, points[i]);
    x1 = Math.max(x1, points[i]);
    y0 = Math.min(y0, points[i + 1]);
    y1 = Math.max(y1, points[i + 1]);
  }
  return [x0 - width, y0 - width, x1 + width, y1 + width];
}

const inOrder = (a, b) => a.t - b.t || compare(a.key, b.key);

export class Sheet {
  #strokes = new Map();
  #perAuthor = new Map();
  #hiders = new Map();
  #returned = new Set();
  #shown = null;

  apply(payload, { sender }) {
    if (payload.k === "ink") for (const s of list(payload.s, 1000, (v) => (isObject(v) ? v : null))) this.#stroke(s, sender);
    if (payload.k === "hide") this.#hide(payload, sender);
    if (payload.k === "back") for (const k of list(payload.keys, 1000, key)) this.#returned.add(k);
    this.#shown = null;
  }

  #stroke(s, sender) {
    const own = id(s.i);
    const c = int(s.c, 0, COLOURS - 1);
    const w = int(s.w, 1, MAX_WIDTH);
    const t = time(s.t);
    if (!own || c === null || w === null || t === null || typeof s.p !== "string") return;
    const at = `${sender}/${own}`;
    const known = this.#strokes.get(at);
    const print = `${t} ${c} ${w} ${s.p}`;
    if (known && compare(known.print, print) <= 0) return;
    const points = unpack(s.p);
    if (!points) return;
    if (!known) this.#room(sender, t, at);
    this.#strokes.set(at, { key: at, id: own, by: sender, t, c, w, points, print, box: bounds(points, w) });
  }

  // Each author keeps their newest strokes only.
  #room(sender, t, at) {
    if (!this.#perAuthor.has(sender)) this.#perAuthor.set(sender, new Set());
    const mine = this.#perAuthor.get(sender);
    mine.add(at);
    if (mine.size <= MAX_STROKES_EACH + 500) return;
    const old = [...mine].filter((k) => this.#strokes.has(k)).map((k) => this.#strokes.get(k)).sort(inOrder);
    for (const s of old.slice(0, old.length - MAX_STROKES_EACH)) {
      mine.delete(s.key);
      this.#strokes.delete(s.key);
    }
  }

  #hide(payload, sender) {
    const own = id(payload.id);
    if (!own || !Array.isArray(payload.of) || payload.of.length > 2000) return;
    const hider = `${sender}/${own}`;
    for (const pair of payload.of) {
      if (!Array.isArray(pair)) continue;
      const author = addr(pair[0]);
      if (!author) continue;
      for (const stroke of list(pair[1], 10_000, id)) {
        const at = `${author}/${stroke}`;
        if (!this.#hiders.has(at)) this.#hiders.set(at, new Set());
        const set = this.#hiders.get(at);
        if (set.size < 1000) set.add(hider);
      }
    }
  }

  has(strokeKey) {
    return this.#strokes.has(strokeKey);
  }

  visible(strokeKey) {
    const hiders = this.#hiders.get(strokeKey);
    if (hiders) for (const hider of hiders) if (!this.#returned.has(hider)) return false;
    return this.#strokes.has(strokeKey);
  }

  /** What is to be seen, in the order of drawing. */
  view() {
    this.#shown ??= [...this.#strokes.values()].filter((s) => this.visible(s.key)).sort(inOrder);
    return this.#shown;
  }

  /** Strokes that come within `far` of a line from a to b. */
  near(ax, ay, bx, by, far) {
    return this.view().filter((s) => {
      const [x0, y0, x1, y1] = s.box;
      if (Math.max(ax, bx) + far < x0 || Math.min(ax, bx) - far > x1 || Math.max(ay, by) + far < y0 || Math.min(ay, by) - far > y1) return false;
      const { points: p } = s;
      const reach = far + s.w / 2;
      for (let i = 0; i < p.length; i += 3) {
        const j = Math.min(i + 3, p.length - 3);
        if (apart(ax, ay, bx, by, p[i], p[i + 1], p[j], p[j + 1]) <= reach) return true;
      }
      return false;
    });
  }
}

function pointTo(px, py, ax, ay, bx, by) {
  const dx = bx - ax;
  const dy = by - ay;
  const long = dx * dx + dy * dy;
  const along = long === 0 ? 0 : Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / long));
  return Math.hypot(px - ax - along * dx, py - ay - along * dy);
}

/** Distance of two straight lines; 0 if they cross. */
export function apart(ax, ay, bx, by, cx, cy, dx, dy) {
  const side = (px, py, qx, qy, rx, ry) => Math.sign((qx - px) * (ry - py) - (qy - py) * (rx - px));
  const cross = side(ax, ay, bx, by, cx, cy) * side(ax, ay, bx, by, dx, dy) < 0 && side(cx, cy, dx, dy, ax, ay) * side(cx, cy, dx, dy, bx, by) < 0;
  if (cross) return 0;
  return Math.min(pointTo(ax, ay, cx, cy, dx, dy), pointTo(bx, by, cx, cy, dx, dy), pointTo(cx, cy, ax, ay, bx, by), pointTo(dx, dy, ax, ay, bx, by));
}

/** Strokes by author, as a hide mark carries them, in parts that fit into one update each. */
export function hideParts(strokes, each = 3000) {
  const parts = [];
  for (let i = 0; i < strokes.length; i += each) {
    const of = new Map();
    for (const s of strokes.slice(i, i + each)) {
      if (!of.has(s.by)) of.set(s.by, []);
      of.get(s.by).push(s.id);
    }
    parts.push([...of]);
  }
  return parts;
}
