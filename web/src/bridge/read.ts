/** How the fields of a stranger's message are read: only its own, only of the expected shape. */

/** The sentence goes back to the widget, and a word for its program. */
export class Refusal extends Error {
  readonly code: string;
  constructor(message: string, code = "refused") {
    super(message);
    this.code = code;
  }
}

export const own = (o: object, key: string): unknown => (Object.hasOwn(o, key) ? (o as Record<string, unknown>)[key] : undefined);

export function plain(value: unknown, what: string): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal(`${what} must be an object`);
  return value;
}

export function readText(value: unknown, max: number, what: string): string {
  if (typeof value !== "string") throw new Refusal(`${what} must be text`);
  if (value.length > max) throw new Refusal(`${what} is longer than ${max} characters`);
  return value;
}

export function readBytes(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Refusal("data must be a Uint8Array");
  if (value.byteLength > max) throw new Refusal(`data is larger than ${max} bytes`);
  return value;
}

export function toJson(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    throw new Refusal(`${what} cannot be written as JSON`);
  }
  if (text === undefined) throw new Refusal(`${what} is missing`);
  return text;
}
