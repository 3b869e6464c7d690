// Bytes as text (base64), for payloads that are JSON.

export function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

/** Null when `text` is not base64 or stands for more than `max` bytes. */
export function fromBase64(text, max) {
  if (typeof text !== "string" || text.length > Math.ceil(max / 3) * 4) return null;
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}
