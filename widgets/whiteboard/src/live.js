// Pens of others while they draw, over the realtime channel. Nothing here lasts: strokes come as updates too.
import { addr, id, int, isObject, line, rid } from "./shared/check.js";
import { COLOURS, MAX_POINTS, MAX_WIDTH } from "./state.js";

const MAX_PENS = 40;
const GONE = 6000;
const STEP = 45;
// While nobody else is seen, a pen that only hovers is told once a second.
const ALONE = 1000;
const number = (v) => (typeof v === "number" && Math.abs(v) < 1e6 ? v : null);

export class Live {
  pens = new Map();
  #channel = null;
  #session = rid();
  #self;
  #changed;
  #last = 0;
  #timer = 0;
  #next = null;

  constructor(self, changed) {
    this.#self = self;
    this.#changed = changed;
    try {
      this.#channel = window.webxdc.joinRealtimeChannel();
      this.#channel.setListener((data, sender) => this.#take(data, sender));
    } catch {
      this.#channel = null;
    }
    setInterval(() => this.#tidy(), 1000);
    addEventListener("pagehide", () => this.#send({ bye: 1 }));
  }

  #send(message) {
    if (!this.#channel) return;
    const full = { v: 1, s: this.#session, a: this.#self.addr, n: this.#self.name, ...message };
    try {
      this.#channel.send(new TextEncoder().encode(JSON.stringify(full)));
    } catch {
      this.#channel = null;
    }
  }

  /** Tells where the own pen is, and what was drawn since the last time. */
  tell(x, y, drawing) {
    this.#next = { x: Math.round(x * 4) / 4, y: Math.round(y * 4) / 4, drawing };
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#last = Date.now();
      const { x: px, y: py, drawing: d } = this.#next;
      if (!d) return this.#send({ x: px, y: py });
      const from = Math.min(d.told ?? 0, d.points.length);
      d.told = d.points.length;
      const p = d.points.slice(from, from + 1500).map((v) => Math.round(v * 100) / 100);
      this.#send({ x: px, y: py, i: d.id, c: d.c, w: d.w, o: from, p });
    }, Math.max(0, (this.pens.size === 0 && !drawing ? ALONE : STEP) - (Date.now() - this.#last)));
  }

  #take(data, sender) {
    if (data.length > 40_000) return;
    let m;
    try {
      m = JSON.parse(new TextDecoder().decode(data));
    } catch {
      return;
    }
    if (!isObject(m) || m.v !== 1) return;
    const who = addr(sender) || addr(m.a);
    const session = id(m.s);
    if (!who || !session || session === this.#session) return;
    const key = `${who}/${session}`;
    if (m.bye) {
      this.pens.delete(key);
      return this.#changed();
    }
    const x = number(m.x);
    const y = number(m.y);
    if (x === null || y === null || (!this.pens.has(key) && this.pens.size >= MAX_PENS)) return;
    const pen = this.pens.get(key) ?? { who, stroke: null };
    Object.assign(pen, { x, y, name: line(m.n, 40), seen: Date.now() });
    pen.stroke = this.#stroke(pen, m);
    this.pens.set(key, pen);
    this.#changed();
  }

  #stroke(pen, m) {
    const own = id(m.i);
    const c = int(m.c, 0, COLOURS - 1);
    const w = int(m.w, 1, MAX_WIDTH);
    const from = int(m.o, 0, MAX_POINTS * 3);
    if (!own || c === null || w === null || from === null || !Array.isArray(m.p) || m.p.length > 1500 || m.p.length % 3 !== 0) return pen.stroke;
    const points = m.p.map(number);
    if (points.includes(null)) return pen.stroke;
    const old = pen.stroke?.id === own ? pen.stroke.points : [];
    // A lost piece leaves a gap for now; the whole stroke comes as an update.
    const all = old.slice(0, from).concat(points).slice(0, MAX_POINTS * 3);
    for (let i = 2; i < all.length; i += 3) all[i] = Math.max(0, Math.min(1, all[i]));
    return all.length === 0 ? null : { id: own, key: `${pen.who}/${own}`, c, w, points: all };
  }

  /** Forgets live strokes that have arrived as updates. */
  arrived(has) {
    for (const pen of this.pens.values()) if (pen.stroke && has(pen.stroke.key)) pen.stroke = null;
  }

  #tidy() {
    const size = this.pens.size;
    for (const [key, pen] of this.pens) if (Date.now() - pen.seen > GONE) this.pens.delete(key);
    if (this.pens.size !== size) this.#changed();
  }
}
