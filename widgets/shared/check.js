// Checks for what comes from other people. Everything from outside is hostile until it passed one of these: each
// returns a safe value or an empty one ("" or null), and never throws.

/** A plain JSON object (not null, not a list). */
export const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

// Control characters, and the marks that reorder text on screen so that it reads as something else.
const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const cut = (s, max) => {
  if (s.length <= max) return s;
  const end = s.charCodeAt(max - 1);
  return s.slice(0, end >= 0xd800 && end <= 0xdbff ? max - 1 : max);
};

const whole = (s) => (s.isWellFormed && !s.isWellFormed() ? s.toWellFormed() : s);

/** Text of several lines, at most `max` UTF-16 units. */
export function block(v, max) {
  if (typeof v !== "string" || v.length > max * 8 + 64) return "";
  const lines = v.replace(/\r\n?/g, "\n").replace(/\t/g, "  ").replace(UNSEEN, "");
  return whole(cut(lines, max)).replace(/[ \n]+$/, "").replace(/^\n+/, "");
}

/** Text of one line, at most `max` UTF-16 units, outer spaces removed. */
export function line(v, max) {
  if (typeof v !== "string" || v.length > max * 8 + 64) return "";
  return whole(cut(v.replace(/[\s\u2028\u2029]+/g, " ").replace(UNSEEN, "").trim(), max));
}

/** An id that this project made: 4 to 64 letters, digits, `_` or `-`. */
export const id = (v) => (typeof v === "string" && /^[A-Za-z0-9_-]{4,64}$/.test(v) ? v : "");

/** A person's address as the host gives it. */
export const addr = (v) => (typeof v === "string" && v.length > 0 && v.length <= 256 ? v : "");

/** Two ids joined by a slash: who made a thing, and its own id. Addresses may contain a slash, ids may not. */
export const key = (v) => (typeof v === "string" && v.length <= 330 && /.\/[A-Za-z0-9_-]{4,64}$/s.test(v) ? v : "");

const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2200, 0, 1);

/** Milliseconds since 1970, between the years 2000 and 2200, else null. */
export const time = (v) => (Number.isSafeInteger(v) && v >= EARLIEST && v < LATEST ? v : null);

/** A whole number within bounds, else null. */
export const int = (v, low, high) => (Number.isSafeInteger(v) && v >= low && v <= high ? v : null);

/** A list of at most `max` entries, each passed through `check`; empty results are left out. Longer lists are refused. */
export function list(v, max, check) {
  if (!Array.isArray(v) || v.length > max) return [];
  return v.map(check).filter((x) => x !== "" && x !== null && x !== undefined);
}

/** A new random id: 72 bits, 12 characters. */
export function rid() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
}

/** Order of text by code units: the same on every machine, whatever its language. */
export const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
