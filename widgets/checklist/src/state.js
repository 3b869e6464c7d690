// The lists in a Yjs document:
//   sections: id -> {name, pos, gone}      items: id -> {text: Y.Text, in, pos, done, who, gone}
// Whatever stands in the document may come from anybody: it is checked when read.
import { block, compare, id, line, rid } from "./shared/check.js";
import { rewrite, SharedDoc, Y } from "./shared/ydoc.js";

export const MAX_TEXT = 500;
const MAX_ITEMS = 3000;
const MAX_SECTIONS = 100;
const FIRST = "main";

const position = (v) => (typeof v === "number" && Math.abs(v) < 1e12 ? v : 0);
const inOrder = (a, b) => a.pos - b.pos || compare(a.id, b.id);

export class Lists {
  constructor(self, send) {
    this.shared = new SharedDoc(self, send);
    this.items = this.shared.doc.getMap("items");
    this.sections = this.shared.doc.getMap("sections");
  }

  apply(payload, { sender }) {
    return this.shared.apply(payload, sender);
  }

  #read(map, max, make) {
    const out = [];
    for (const [key, value] of map.entries()) {
      if (!id(key) || !(value instanceof Y.Map) || out.length >= max * 4) continue;
      const made = make(key, value);
      if (made) out.push(made);
    }
    return out.sort(inOrder).slice(0, max);
  }

  #item(key, m) {
    const text = m.get("text");
    if (m.get("gone") === true) return null;
    const shown = line(text instanceof Y.Text && text.length <= 4000 ? text.toString() : "", MAX_TEXT);
    if (!shown) return null;
    return { id: key, text: shown, in: id(m.get("in")) || FIRST, pos: position(m.get("pos")), done: m.get("done") === true, who: line(m.get("who"), 260) };
  }

  /** Sections in order, each with its items. The first one needs no name and is always there. */
  view() {
    const sections = this.#read(this.sections, MAX_SECTIONS, (key, m) =>
      m.get("gone") === true || key === FIRST ? null : { id: key, name: line(m.get("name"), 80) || "Section", pos: position(m.get("pos")), items: [] });
    const first = this.sections.get(FIRST);
    const name = first instanceof Y.Map ? line(first.get("name"), 80) : "";
    const all = [{ id: FIRST, name, pos: -Infinity, items: [] }, ...sections];
    const byId = new Map(all.map((s) => [s.id, s]));
    for (const item of this.#read(this.items, MAX_ITEMS, (key, m) => this.#item(key, m))) {
      // Items of a deleted section come back in the first one only if they were not deleted with it.
      (byId.get(item.in) ?? all[0]).items.push(item);
    }
    return all;
  }

  count() {
    const items = this.view().flatMap((s) => s.items);
    return { done: items.filter((i) => i.done).length, all: items.length };
  }

  add(section, text, who = "") {
    const clean = line(text, MAX_TEXT);
    if (!clean) return null;
    const key = rid();
    const items = this.view().find((s) => s.id === section)?.items ?? [];
    this.shared.edit(() => {
      const m = new Y.Map();
      m.set("text", new Y.Text(clean));
      m.set("in", section);
      m.set("pos", (items.at(-1)?.pos ?? 0) + 1);
      if (who) m.set("who", who);
      this.items.set(key, m);
    });
    return key;
  }

  #set(map, key, values) {
    this.shared.edit(() => {
      let m = map.get(key);
      if (!(m instanceof Y.Map)) map.set(key, (m = new Y.Map()));
      for (const [name, value] of Object.entries(values)) if (m.get(name) !== value) m.set(name, value);
    });
  }

  set(key, values) {
    if (this.items.get(key) instanceof Y.Map) this.#set(this.items, key, values);
  }

  setText(key, text) {
    const clean = line(text, MAX_TEXT);
    const old = this.items.get(key)?.get?.("text");
    if (clean && old instanceof Y.Text) rewrite(this.shared, old, clean);
  }

  setMany(keys, values) {
    for (const key of keys) this.set(key, values);
  }

  addSection(name) {
    const key = rid();
    this.#set(this.sections, key, { name: line(name, 80), pos: (this.view().at(-1).id === FIRST ? 0 : this.view().at(-1).pos) + 1 });
    return key;
  }

  setSection(key, values) {
    this.#set(this.sections, key, values);
  }

  /** Puts an item into a section before the item at `index` there (its own place not counted). */
  move(key, section, index) {
    const others = (this.view().find((s) => s.id === section)?.items ?? []).filter((i) => i.id !== key);
    const before = others[index - 1];
    const after = others[index];
    let pos = before ? (after ? (before.pos + after.pos) / 2 : before.pos + 1) : (after ? after.pos - 1 : 1);
    if ((before && pos <= before.pos) || (after && pos >= after.pos)) {
      // No room between the two numbers: number the section anew.
      this.shared.edit(() => others.forEach((item, n) => this.items.get(item.id).set("pos", n < index ? n + 1 : n + 2)));
      pos = index + 1;
    }
    this.set(key, { in: section, pos });
  }
}

/** Lines of pasted text as items: list marks at the start are left out. */
export const pasted = (text) =>
  block(text, 20_000).split("\n").map((l) => line(l.replace(/^\s*(?:[-*•+]|\d+[.)])?\s*(?:\[[ xX]?\])?\s*/u, ""), MAX_TEXT)).filter(Boolean).slice(0, 200);
