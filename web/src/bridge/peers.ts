/** What a widget may say about messages and streams to its equals on other nodes, checked, and how it is carried out. */
import type { Client } from "../api/client";
import type { Event, JsonValue } from "../api/types";
import { fromBase64, toBase64 } from "./base64";
import { own, readBytes, readText, Refusal, toJson } from "./read";

export const PEER_LIMITS = {
  /** Bytes of one message as JSON; the node has the last word. */
  message: 128_000,
  /** Bytes of a stream that are written at once. */
  piece: 128_000,
  /** Characters of an id or a name. */
  name: 128,
} as const;

interface Sending {
  peerCount?: number;
  broadcast?: boolean;
  immediate?: boolean;
  timeout?: number;
  signed?: boolean;
  encrypt?: string;
  clear?: JsonValue;
}

export type PeerCall =
  | { call: "peers_open"; judge: boolean }
  | { call: "peers_members" }
  | { call: "peers_broadcast"; params: Sending & { message: JsonValue } }
  | { call: "peers_send"; params: Sending & { to: string; message: JsonValue; toApp?: string } }
  | { call: "peers_reply"; params: { to: string; message: JsonValue; encrypt?: string; clear?: JsonValue } }
  | { call: "peers_verdict"; params: { id: string; valid: boolean } }
  | { call: "secrets_groups" }
  | { call: "secrets_add_group"; params: { group: string; key?: string } }
  | { call: "secrets_forget_group"; params: { group: string } }
  | { call: "secrets_seal"; params: { to: string; message: JsonValue; clear?: JsonValue } }
  | { call: "secrets_open"; params: { sealed: string; from: string } }
  | { call: "streams_open"; params: { to: string; name: string } }
  | { call: "streams_accept"; params: { name?: string; timeout?: number } }
  | { call: "streams_write"; stream: number; data: Uint8Array; end: boolean }
  | { call: "streams_read" | "streams_close"; stream: number };

export type PeerPush = { event: "peers_message" | "peers_presence" | "streams_incoming"; data: unknown };

/** Reads one request; null when it is about something else. @throws Refusal with the reason */
export function readPeerCall(call: unknown, args: object): PeerCall | null {
  switch (call) {
    case "peers_open":
      return { call, judge: own(args, "judge") === true };
    case "peers_members":
      return { call };
    case "peers_broadcast":
      return { call, params: { ...readSending(args), message: readMessage(args) } };
    case "peers_send": {
      const toApp = optional(args, "toApp", (v) => readText(v, PEER_LIMITS.name, "toApp"));
      return { call, params: { ...readSending(args), to: readName(args, "to"), message: readMessage(args), ...(toApp === undefined ? {} : { toApp }) } };
    }
    case "peers_reply":
      return { call, params: { ...readSecret(args), to: readName(args, "to"), message: readMessage(args) } };
    case "peers_verdict":
      return { call, params: { id: readName(args, "id"), valid: own(args, "valid") === true } };
    case "secrets_groups":
      return { call };
    case "secrets_add_group": {
      const key = optional(args, "key", (v) => readText(v, PEER_LIMITS.name, "key"));
      return { call, params: { group: readName(args, "group"), ...(key === undefined ? {} : { key }) } };
    }
    case "secrets_forget_group":
      return { call, params: { group: readName(args, "group") } };
    case "secrets_seal": {
      const { clear } = readSecret(args);
      return { call, params: { to: readName(args, "to"), message: readMessage(args), ...(clear === undefined ? {} : { clear }) } };
    }
    case "secrets_open":
      return { call, params: { sealed: readText(own(args, "sealed"), 2 * PEER_LIMITS.message, "sealed"), from: readName(args, "from") } };
    case "streams_open":
      return { call, params: { to: readName(args, "to"), name: readText(own(args, "name") ?? "", PEER_LIMITS.name, "name") } };
    case "streams_accept": {
      const name = optional(args, "name", (v) => readText(v, PEER_LIMITS.name, "name"));
      const timeout = optional(args, "timeout", (v) => readNumber(v, "timeout"));
      return { call, params: { ...(name === undefined ? {} : { name }), ...(timeout === undefined ? {} : { timeout }) } };
    }
    case "streams_write":
      return { call, stream: readStream(args), data: readBytes(own(args, "data"), PEER_LIMITS.piece), end: own(args, "end") === true };
    case "streams_read":
    case "streams_close":
      return { call, stream: readStream(args) };
    default:
      return null;
  }
}

function optional<T>(args: object, key: string, read: (value: unknown) => T): T | undefined {
  const value = own(args, key);
  return value === undefined || value === null ? undefined : read(value);
}

function readNumber(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw new Refusal(`${what} must be a number from 0`);
  return value;
}

function readFlag(value: unknown, what: string): boolean {
  if (typeof value !== "boolean") throw new Refusal(`${what} is true or false`);
  return value;
}

function readSending(args: object): Sending {
  const sending: Sending = {};
  for (const key of ["broadcast", "immediate", "signed"] as const) {
    const flag = optional(args, key, (v) => readFlag(v, key));
    if (flag !== undefined) sending[key] = flag;
  }
  for (const key of ["peerCount", "timeout"] as const) {
    const number = optional(args, key, (v) => readNumber(v, key));
    if (number !== undefined) sending[key] = number;
  }
  return { ...sending, ...readSecret(args) };
}

function readSecret(args: object): { encrypt?: string; clear?: JsonValue } {
  const encrypt = optional(args, "encrypt", (v) => readText(v, PEER_LIMITS.name, "encrypt"));
  const clear = optional(args, "clear", (v) => JSON.parse(toJson(v, "clear")) as JsonValue);
  return { ...(encrypt === undefined ? {} : { encrypt }), ...(clear === undefined ? {} : { clear }) };
}

function readMessage(args: object): JsonValue {
  const text = toJson(own(args, "message"), "message");
  if (new TextEncoder().encode(text).byteLength > PEER_LIMITS.message) throw new Refusal(`the message is larger than ${PEER_LIMITS.message} bytes`);
  return JSON.parse(text) as JsonValue;
}

function readName(args: object, key: string): string {
  return readText(own(args, key), PEER_LIMITS.name, key);
}

function readStream(args: object): number {
  const stream = own(args, "stream");
  if (typeof stream !== "number" || !Number.isSafeInteger(stream)) throw new Refusal("stream must be the number of a stream");
  return stream;
}

/** One instance among its equals: what its windows asked for, and what comes for them. */
export class Peers {
  #instance: string;
  #client: Client;
  #open: { judge: boolean } | null = null;
  /** Streams of this instance. The node counts those of all widgets together. */
  #streams = new Set<number>();

  constructor(instance: string, client: Client) {
    this.#instance = instance;
    this.#client = client;
  }

  /** The node is back: take part again. Streams have ended. */
  async reopen(): Promise<void> {
    this.#streams.clear();
    if (this.#open) await this.#client.call("peers.open", { instance: this.#instance, judge: this.#open.judge });
  }

  stop(): void {
    this.#streams.clear();
    if (this.#open) void this.#client.call("peers.close", { instance: this.#instance }).catch(() => undefined);
    this.#open = null;
  }

  /** What to tell the windows of an event, if it is for them. */
  push(event: Event): PeerPush | null {
    if (!this.#open) return null;
    if (event.event === "peers.message") return { event: "peers_message", data: event };
    if (event.event === "peers.presence") return { event: "peers_presence", data: event };
    return event.event === "streams.incoming" ? { event: "streams_incoming", data: event } : null;
  }

  async answer(call: PeerCall): Promise<unknown> {
    const instance = this.#instance;
    const client = this.#client;
    switch (call.call) {
      case "peers_open": {
        const judge = call.judge || (this.#open?.judge ?? false);
        const before = this.#open;
        // Before the answer, so that nothing that comes at once is lost.
        this.#open = { judge };
        try {
          return await client.call("peers.open", { instance, judge });
        } catch (error) {
          this.#open = before;
          throw error;
        }
      }
      case "peers_members":
        return client.call("peers.members", { instance });
      case "peers_broadcast":
        return client.call("peers.broadcast", { instance, ...call.params });
      case "peers_send":
        return client.call("peers.send", { instance, ...call.params });
      case "peers_reply":
        return client.call("peers.reply", { instance, ...call.params });
      case "peers_verdict":
        return client.call("peers.verdict", { instance, ...call.params });
      case "secrets_groups":
        return client.call("secrets.groups", { instance });
      case "secrets_add_group":
        return client.call("secrets.add_group", { instance, ...call.params });
      case "secrets_forget_group":
        return client.call("secrets.forget_group", { instance, ...call.params });
      case "secrets_seal":
        return client.call("secrets.seal", { instance, ...call.params });
      case "secrets_open":
        return client.call("secrets.open", { instance, ...call.params });
      case "streams_open":
        return this.#keep(await client.call("streams.open", { instance, ...call.params }));
      case "streams_accept":
        return this.#keep(await client.call("streams.accept", { instance, ...call.params }));
      case "streams_write":
        return client.call("streams.write", { stream: this.#mine(call.stream), data: toBase64(call.data), end: call.end });
      case "streams_read": {
        const { data, end } = await client.call("streams.read", { stream: this.#mine(call.stream) });
        return { data: fromBase64(data) ?? new Uint8Array(0), end };
      }
      case "streams_close":
        this.#mine(call.stream);
        this.#streams.delete(call.stream);
        return client.call("streams.close", { stream: call.stream });
    }
  }

  #keep<T extends { stream: number }>(opened: T): T {
    this.#streams.add(opened.stream);
    return opened;
  }

  #mine(stream: number): number {
    if (!this.#streams.has(stream)) throw new Refusal("there is no such stream; it may have ended");
    return stream;
  }
}
