// A Yjs document that travels as webxdc updates. Concurrent edits merge; the order of arrival does not matter.
//
// Yjs names its writers by numbers that anybody could copy, and two different edits under one number would let the
// copies of a document drift apart. So the upper 24 bits of a writer's number are a hash of their address, and an
// update is taken only if all its edits carry the hash of its verified sender.
import * as Y from "yjs";
import { fromBase64, toBase64 } from "./bytes.js";
import { number } from "./people.js";

export { Y };
export const MAX_UPDATE = 90_000;
const RANDOM = 2 ** 28;

const hash = (address) => number(address) >>> 8;
export const belongs = (client, address) => Math.floor(client / RANDOM) === hash(address);

export function writerId(address) {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] % RANDOM;
  return hash(address) * RANDOM + random;
}

export class SharedDoc {
  doc = new Y.Doc();
  #self;
  #parts = [];
  #timer = 0;
  #send;
  #delay;

  /** `send(payload)` is called with each batch of own edits, `delay` milliseconds after the first of them. */
  constructor(self, send, delay = 0) {
    this.#self = self;
    this.#send = send;
    this.#delay = delay;
    this.doc.clientID = writerId(self);
    this.doc.on("update", (update, origin) => origin === "own" && this.#queue(update));
  }

  /** Runs an edit and sends it. */
  edit(change) {
    // Yjs picks a new number by itself when it sees its own used elsewhere.
    if (!belongs(this.doc.clientID, this.#self)) this.doc.clientID = writerId(this.#self);
    return this.doc.transact(change, "own");
  }

  #queue(update) {
    const size = this.#parts.reduce((n, p) => n + p.length, 0);
    if (size > 0 && size + update.length > MAX_UPDATE / 2) this.flush();
    this.#parts.push(update);
    if (!this.#timer) this.#timer = setTimeout(() => this.flush(), this.#delay);
  }

  get unsent() {
    return this.#parts.length > 0;
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const parts = this.#parts.splice(0);
    if (parts.length === 0) return;
    this.#send({ k: "y", d: toBase64(parts.length === 1 ? parts[0] : Y.mergeUpdates(parts)) });
  }

  /** Takes an update. False if it makes no sense or speaks for somebody else. */
  apply(payload, sender) {
    if (payload.k !== "y") return false;
    const bytes = fromBase64(payload.d, MAX_UPDATE * 1.1);
    if (!bytes) return false;
    try {
      // Read whole before anything is changed, so that a broken one leaves no half behind.
      const { structs } = Y.decodeUpdate(bytes);
      if (!structs.every((s) => belongs(s.id.client, sender))) return false;
      Y.applyUpdate(this.doc, bytes, "other");
      return true;
    } catch {
      return false;
    }
  }
}

/** Changes `text` (Y.Text) into `next` by the smallest single replacement, so that edits elsewhere in it survive. */
export function rewrite(shared, text, next) {
  const old = text.toString();
  const { at, remove, insert } = difference(old, next);
  if (remove === 0 && insert === "") return;
  // A very long insertion goes in pieces: one update has to fit into one message.
  const STEP = 20_000;
  shared.edit(() => {
    if (remove > 0) text.delete(at, remove);
    if (insert.length <= STEP) text.insert(at, insert);
  });
  if (insert.length <= STEP) return;
  for (let i = 0; i < insert.length; ) {
    let end = Math.min(insert.length, i + STEP);
    const last = insert.charCodeAt(end - 1);
    if (end < insert.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    const piece = insert.slice(i, end);
    shared.edit(() => text.insert(at + i, piece));
    i = end;
  }
}

const highHalf = (code) => code >= 0xd800 && code <= 0xdbff;
const lowHalf = (code) => code >= 0xdc00 && code <= 0xdfff;

/** Where two texts differ, never cutting a surrogate pair. */
export function difference(old, next) {
  const most = Math.min(old.length, next.length);
  let at = 0;
  while (at < most && old.charCodeAt(at) === next.charCodeAt(at)) at += 1;
  if (at > 0 && highHalf(old.charCodeAt(at - 1))) at -= 1;
  let tail = 0;
  while (tail < most - at && old.charCodeAt(old.length - 1 - tail) === next.charCodeAt(next.length - 1 - tail)) tail += 1;
  if (tail > 0 && lowHalf(old.charCodeAt(old.length - tail))) tail -= 1;
  return { at, remove: old.length - at - tail, insert: next.slice(at, next.length - tail) };
}
