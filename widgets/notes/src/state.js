// Notes in a Yjs document: notes: id -> {text: Y.Text, pinned, gone, at}. Checked when read.
import { compare, id, rid, time } from "./shared/check.js";
import { rewrite, SharedDoc, Y } from "./shared/ydoc.js";

export const MAX_TEXT = 200_000;
const MAX_NOTES = 5000;

export class Notes {
  constructor(self, send) {
    this.shared = new SharedDoc(self, send);
    this.map = this.shared.doc.getMap("notes");
  }

  apply(payload, { sender }) {
    return this.shared.apply(payload, sender);
  }

  #note(key, m) {
    const text = m.get("text");
    if (!id(key) || !(text instanceof Y.Text)) return null;
    const whole = text.toString().replace(/\r/g, "");
    return { id: key, text: whole.slice(0, MAX_TEXT), pinned: m.get("pinned") === true, at: time(m.get("at")) ?? 0 };
  }

  get(key) {
    const m = this.map.get(key);
    return m instanceof Y.Map && m.get("gone") !== true ? this.#note(key, m) : null;
  }

  /** All notes: pinned ones first, then the latest. */
  view() {
    const out = [];
    for (const [key, m] of this.map.entries()) {
      if (!(m instanceof Y.Map) || m.get("gone") === true) continue;
      const note = this.#note(key, m);
      if (note) out.push(note);
    }
    return out.sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.at - a.at || compare(a.id, b.id)).slice(0, MAX_NOTES);
  }

  create(text = "", now = Date.now()) {
    const key = rid();
    this.shared.edit(() => {
      const m = new Y.Map();
      m.set("text", new Y.Text());
      m.set("at", now);
      this.map.set(key, m);
    });
    if (text) this.write(key, text, now);
    return key;
  }

  write(key, text, now = Date.now()) {
    const m = this.map.get(key);
    const old = m?.get?.("text");
    if (!(old instanceof Y.Text) || old.toString() === text) return;
    rewrite(this.shared, old, text.slice(0, MAX_TEXT));
    this.shared.edit(() => m.set("at", now));
  }

  set(key, name, value) {
    const m = this.map.get(key);
    if (m instanceof Y.Map) this.shared.edit(() => m.set(name, value));
  }
}

const plain = (l) => l.replace(/^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+(?:\[[ xX]\]\s*)?|\d+[.)]\s+)/, "").replace(/[*_`]{1,3}/g, "").trim();

export function title(text) {
  const first = text.slice(0, 2000).split("\n").map(plain).find(Boolean);
  return first ? first.slice(0, 120) : "New note";
}

export function snippet(text) {
  return text.slice(0, 2000).split("\n").map(plain).filter(Boolean).slice(1).join(" ").slice(0, 160);
}

/** Notes that contain all words, and the text around the first hit. */
export function search(notes, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return notes.map((note) => ({ note, hit: snippet(note.text) }));
  return notes.flatMap((note) => {
    const low = note.text.toLowerCase();
    if (!wanted.every((w) => low.includes(w))) return [];
    const at = low.indexOf(wanted[0]);
    const from = Math.max(0, at - 30);
    return [{ note, hit: `${from > 0 ? "…" : ""}${note.text.slice(from, at + 120).replace(/\s+/g, " ")}` }];
  });
}

/** Where a caret lands when the text changes elsewhere. */
export function caret(at, { at: from, remove, insert }) {
  if (at <= from) return at;
  if (at >= from + remove) return at - remove + insert.length;
  return from + insert.length;
}

/** A name for a file, from the title. */
export const fileName = (text, ending) => `${title(text).replace(/[^\p{L}\p{N} _.-]+/gu, "").trim().slice(0, 60) || "note"}.${ending}`;
