/** What a widget may ask of things that lie outside of it: web sites, people, its background part, its permissions. */
import type { Client } from "../api/client";
import type { JsonValue, Permission } from "../api/types";
import { fromBase64, toBase64 } from "./base64";
import { own, plain, readText, Refusal, toJson } from "./read";

export const DOOR_LIMITS = {
  /** Characters of a notification and of its title; the node has the last word. */
  text: 300,
  title: 80,
  /** Characters of an address of the web. */
  url: 8_192,
  /** Header fields of a web request, and characters of one. */
  headers: 32,
  header: 4_096,
  /** Bytes that a web request carries. */
  body: 1_048_576,
  /** Bytes of one message to the background part, as JSON. */
  message: 65_536,
} as const;

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/** What widgets can be granted. Others are names of things that do not exist for them. */
const PERMISSIONS: readonly string[] = ["contacts", "directory", "notifications", "peers", "widgets", "web", "background", "storage", "torrents", "camera", "microphone", "clipboard"] satisfies Permission[];

interface WebRequest { url: string; method: string; headers: { [key in string]: string }; body: Uint8Array | null }

export type DoorCall =
  | { call: "notify"; text: string; title: string | null }
  | { call: "web_fetch"; request: WebRequest }
  | { call: "contacts_list" }
  | { call: "background_status" }
  | { call: "background_tell"; message: JsonValue }
  | { call: "permissions_list" }
  | { call: "permissions_ask"; permission: Permission };

export type DoorPush = { event: "background_message"; message: JsonValue };

/** What a widget learns of its own permissions, and nothing of how the owner came to decide so. */
export interface OwnPermission { name: Permission; state: string; sentence: string }

/** The hub's side of the permissions. */
export interface Doorkeeper {
  permissions(instance: string): Promise<OwnPermission[]>;
  /** Resolves when the person allowed it. @throws Refusal `denied` */
  permit(instance: string, permission: Permission): Promise<void>;
}

/** Reads one request; null when it is about something else. @throws Refusal with the reason */
export function readDoorCall(call: unknown, args: object): DoorCall | null {
  switch (call) {
    case "notify": {
      const title = own(args, "title");
      return { call, text: readText(own(args, "text"), DOOR_LIMITS.text, "text"), title: title === undefined || title === null ? null : readText(title, DOOR_LIMITS.title, "title") };
    }
    case "web_fetch":
      return { call, request: readRequest(args) };
    case "background_tell": {
      const text = toJson(own(args, "message"), "message");
      if (new TextEncoder().encode(text).byteLength > DOOR_LIMITS.message) throw new Refusal(`the message is larger than ${DOOR_LIMITS.message} bytes`);
      return { call, message: JSON.parse(text) as JsonValue };
    }
    case "permissions_ask": {
      const name = readText(own(args, "permission"), 32, "permission");
      if (!PERMISSIONS.includes(name)) throw new Refusal("there is no such permission");
      return { call, permission: name as Permission };
    }
    case "contacts_list":
    case "background_status":
    case "permissions_list":
      return { call };
    default:
      return null;
  }
}

function readRequest(args: object): WebRequest {
  const url = readText(own(args, "url"), DOOR_LIMITS.url, "url");
  const rawMethod = own(args, "method"), rawHeaders = own(args, "headers"), rawBody = own(args, "body");
  const method = rawMethod === undefined || rawMethod === null ? "GET" : readText(rawMethod, 16, "method").toUpperCase();
  if (!METHODS.includes(method)) throw new Refusal(`method must be one of ${METHODS.join(", ")}`);
  const headers = Object.create(null) as WebRequest["headers"];
  if (rawHeaders !== undefined && rawHeaders !== null) {
    const from = plain(rawHeaders, "headers"), keys = Object.keys(from);
    if (keys.length > DOOR_LIMITS.headers) throw new Refusal(`there are more than ${DOOR_LIMITS.headers} headers`);
    for (const key of keys) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(key)) throw new Refusal("the name of a header is not allowed");
      const value = readText(own(from, key), DOOR_LIMITS.header, "a header");
      if (/[\r\n\0]/.test(value)) throw new Refusal("a header has only one line");
      headers[key] = value;
    }
  }
  return { url, method, headers, body: rawBody === undefined || rawBody === null ? null : readBody(rawBody) };
}

function readBody(body: unknown): Uint8Array {
  const bytes = typeof body === "string" ? (body.length > DOOR_LIMITS.body ? null : new TextEncoder().encode(body)) : body;
  if (bytes !== null && !(bytes instanceof Uint8Array)) throw new Refusal("body must be text or a Uint8Array");
  if (bytes === null || bytes.byteLength > DOOR_LIMITS.body) throw new Refusal(`body is larger than ${DOOR_LIMITS.body} bytes`);
  return bytes;
}

export async function answerDoor(call: DoorCall, instance: string, client: Client, keeper: Doorkeeper): Promise<unknown> {
  switch (call.call) {
    case "notify":
      return void (await client.call("notices.add", { instance, text: call.text, ...(call.title === null ? {} : { title: call.title }) }));
    case "web_fetch": {
      const { url, method, headers, body } = call.request;
      const answer = await client.call("web.fetch", { instance, url, method, headers, ...(body === null ? {} : { body: toBase64(body) }) });
      return { ...answer, body: fromBase64(answer.body) ?? new Uint8Array(0) };
    }
    case "contacts_list":
      return client.call("contacts.list", { instance });
    case "background_status":
      return client.call("background.status", { instance });
    case "background_tell":
      return void (await client.call("background.tell", { instance, message: call.message }));
    case "permissions_list":
      return keeper.permissions(instance);
    case "permissions_ask":
      return askFor(call.permission, instance, keeper);
  }
}

/** For what no call needs, because the browser gives it: camera, microphone, clipboard. */
async function askFor(permission: Permission, instance: string, keeper: Doorkeeper): Promise<boolean> {
  const known = (await keeper.permissions(instance)).find((p) => p.name === permission);
  if (!known) throw new Refusal(`this widget does not ask for the permission "${permission}" in its manifest.toml`, "denied");
  if (known.state === "allowed") return true;
  if (known.state !== "ask") return false;
  return keeper.permit(instance, permission).then(() => true, () => false);
}
