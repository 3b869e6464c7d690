/** What a widget may say to the hub, checked. A widget is a stranger: nothing of it is used before it was read here. */
import type { UpdateIn, UpdateOut } from "../api/types";
import { readDoorCall, type DoorCall, type DoorPush } from "./doors";
import { readPeerCall, type PeerCall, type PeerPush } from "./peers";
import { readStatsCall, type StatsCall } from "./stats";
import { own, plain, readBytes, readText, Refusal, toJson } from "./read";

export { Refusal } from "./read";

export type Call =
  | { call: "send_update"; update: UpdateIn }
  | { call: "updates"; serial: number }
  | { call: "listen"; serial: number }
  | { call: "realtime_join" }
  | { call: "realtime_leave" }
  | { call: "realtime_send"; data: Uint8Array }
  | { call: "send_to_chat"; text: string | null; file: { name: string; blob: Blob } | null }
  | { call: "open_link"; url: string }
  | StatsCall
  | DoorCall
  | PeerCall;

/** The error as `webxdc.js` gives it to the widget: an `Error` with a `code`. */
export type Reply = { id: number; result: unknown } | { id: number; error: { code: string; message: string } };
export type Push = { event: "update"; update: UpdateOut } | { event: "realtime"; data: Uint8Array; sender: string } | { event: "ping"; n: number } | PeerPush | DoorPush;

export const LIMITS = {
  /** Bytes of one update as JSON; the node has the last word. */
  update: 128_000,
  /** Bytes of one realtime message. */
  realtime: 128_000,
  /** Bytes of a shared file. */
  file: 100_000_000,
  /** Characters of a shared text. */
  text: 1_000_000,
  /** Characters of an address. */
  url: 8_192,
  /** Characters of each short text of an update. */
  short: 1_024,
  /** Addresses in `notify`. */
  notify: 256,
} as const;

/** True for the first message of a widget window, which asks for a port. */
export function isConnect(data: unknown): boolean {
  return typeof data === "object" && data !== null && own(data, "hedgerow") === 1 && own(data, "type") === "connect";
}

/**
 * What a window says of itself, beside its calls: it lives (and how many bytes its scripts hold, where the browser tells),
 * goes away, or a dialog of the browser begins or ends there.
 */
export type Sign = { sign: "pong"; n: number; heap: number } | { sign: "dialog"; open: boolean } | { sign: "bye" };

export function readSign(data: unknown): Sign | null {
  if (typeof data !== "object" || data === null) return null;
  const sign = own(data, "sign"), n = own(data, "n"), open = own(data, "open"), heap = own(data, "heap");
  if (sign === "pong" && typeof n === "number" && Number.isSafeInteger(n)) return { sign, n, heap: typeof heap === "number" && heap > 0 ? heap : 0 };
  if (sign === "bye") return { sign };
  return sign === "dialog" && typeof open === "boolean" ? { sign, open } : null;
}

/** The number that the answer must carry, or null when the message is none of ours. */
export function requestId(data: unknown): number | null {
  if (typeof data !== "object" || data === null) return null;
  const id = own(data, "id");
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0 ? id : null;
}

/** Reads one request. @throws Refusal with the reason */
export function readCall(data: unknown): Call {
  const message = plain(data, "message");
  const call = own(message, "call");
  const raw = own(message, "args");
  const args = raw === undefined || raw === null ? {} : plain(raw, "args");
  switch (call) {
    case "send_update":
      return { call, update: readUpdate(own(args, "update")) };
    case "updates":
    case "listen":
      return { call, serial: readSerial(own(args, "serial")) };
    case "realtime_join":
    case "realtime_leave":
      return { call };
    case "realtime_send":
      return { call, data: readBytes(own(args, "data"), LIMITS.realtime) };
    case "send_to_chat":
      return readShare(args);
    case "open_link":
      return { call, url: readText(own(args, "url"), LIMITS.url, "url") };
    default: {
      const other = readStatsCall(call, args) ?? readDoorCall(call, args) ?? readPeerCall(call, args);
      if (other === null) throw new Refusal("there is no such call", "unknown_method");
      return other;
    }
  }
}

function readSerial(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Refusal("serial must be a whole number from 0");
  return value;
}

function readUpdate(value: unknown): UpdateIn {
  const from = plain(value, "update");
  const text = toJson(own(from, "payload"), "payload");
  const update: UpdateIn = { payload: JSON.parse(text) as UpdateIn["payload"] };
  for (const key of ["info", "href", "document", "summary"] as const) {
    const part = own(from, key);
    if (part !== undefined && part !== null) update[key] = readText(part, LIMITS.short, key);
  }
  const notify = own(from, "notify");
  if (notify !== undefined && notify !== null) update.notify = readNotify(plain(notify, "notify"));
  if (new TextEncoder().encode(text).byteLength > LIMITS.update) throw new Refusal(`the update is larger than ${LIMITS.update} bytes`);
  return update;
}

function readNotify(from: object): { [key in string]: string } {
  const keys = Object.keys(from);
  if (keys.length > LIMITS.notify) throw new Refusal(`notify names more than ${LIMITS.notify} people`);
  const notify = Object.create(null) as { [key in string]: string };
  for (const key of keys) {
    if (key.length > 256) throw new Refusal("an address in notify is too long");
    notify[key] = readText(own(from, key), LIMITS.short, "a text in notify");
  }
  return notify;
}

function readShare(args: object): Call {
  const rawText = own(args, "text"), rawFile = own(args, "file");
  const text = rawText === undefined || rawText === null ? null : readText(rawText, LIMITS.text, "text");
  if (rawFile === undefined || rawFile === null) {
    if (text === null) throw new Refusal("there is neither a text nor a file");
    return { call: "send_to_chat", text, file: null };
  }
  const from = plain(rawFile, "file");
  const name = readText(own(from, "name"), 255, "the file's name").replace(/[\\/\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/gu, "_").trim();
  const blob = own(from, "blob");
  if (!(blob instanceof Blob)) throw new Refusal("the file has no content");
  if (blob.size > LIMITS.file) throw new Refusal(`the file is larger than ${LIMITS.file} bytes`);
  if (name === "" || /^\.+$/.test(name)) throw new Refusal("the file has no name");
  return { call: "send_to_chat", text, file: { name, blob } };
}

/** An address that a person may be asked to open, or null. */
export function externalUrl(text: string): URL | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  return url.protocol === "https:" || url.protocol === "http:" || url.protocol === "mailto:" ? url : null;
}

/** The address inside a widget that a notification leads to; anything that leaves the widget leads to its start. */
export function insideUrl(origin: string, href: string | null): string {
  const start = `${origin}/index.html`;
  if (!href || href.length > LIMITS.short || /^[a-z][a-z0-9+.-]*:/i.test(href) || /[\\\u0000-\u001f]/.test(href)) return start;
  if (href.startsWith("#") || href.startsWith("?")) return start + href;
  try {
    const url = new URL(href, `${origin}/`);
    return url.origin === origin && !url.username ? url.href : start;
  } catch {
    return start;
  }
}
