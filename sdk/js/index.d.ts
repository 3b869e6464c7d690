import type { AppMember, AppPeers, BroadcastSent, ErrorCode, Event, JsonValue, Methods, PeerReply, Permission } from "./types.js";
export type * from "./types.js";

export interface Options {
  /** Data folder of a node of one's own: connects as its owner. */
  data?: string;
  /** Path of the Unix socket, or address of the WebSocket. */
  api?: string;
  tokenFile?: string;
  token?: string;
}

/** What the node refused or could not do. */
export class HedgerowError extends Error {
  readonly code: ErrorCode | "closed";
  constructor(code: ErrorCode | "closed", message: string);
}

export interface Node {
  /** Name of this plugin; null for a program of the owner. */
  readonly plugin: string | null;
  /** What it was granted; null for a program of the owner, who may everything. */
  readonly permissions: Permission[] | null;
  /** Settled when the connection has ended, with the reason. */
  readonly closed: Promise<string>;
  call<M extends keyof Methods>(method: M, params?: Methods[M]["params"]): Promise<Methods[M]["result"]>;
  on<E extends Event["event"]>(name: E, listen: (event: Extract<Event, { event: E }>) => void): () => void;
  on(name: "*", listen: (event: Event) => void): () => void;
  close(): void;
  /** The same plugin on other nodes; only in a plugin. */
  readonly peers: Peers;
  /** The members of an app, for a program of the owner: UUID of a widget or name of a plugin. Begin with `open`. */
  app(name: string): Peers;
}

type Message = Extract<Event, { event: "peers.message" }>;
type Presence = Extract<Event, { event: "peers.presence" }>;
type Sending = Omit<Methods["peers.broadcast"]["params"], "message" | "app" | "instance">;
type SendingOne = Omit<Methods["peers.send"]["params"], "message" | "to" | "app" | "instance">;

/** Bytes to and from one member. */
export interface Stream extends AsyncIterable<Uint8Array> {
  readonly peer: string;
  readonly name: string;
  write(data: string | Uint8Array | ArrayBuffer): Promise<void>;
  /** What has come, or null at the end. */
  read(): Promise<Uint8Array | null>;
  end(): Promise<void>;
  close(): Promise<void>;
}

/** The other members of an app. */
export interface Peers {
  open(options?: { judge?: boolean; rules?: JsonValue }): Promise<AppPeers>;
  onMessage(listen: (message: Message) => void): void;
  onPresence(listen: (presence: Presence) => void): void;
  broadcast(message: JsonValue, options?: Sending): Promise<BroadcastSent>;
  send(to: string, message: JsonValue, options?: SendingOne): Promise<PeerReply | null>;
  reply(message: Message | string, reply: JsonValue, options?: { encrypt?: string; clear?: JsonValue }): Promise<void>;
  addGroup(group: string, key?: string): Promise<string>;
  list(): Promise<AppMember[]>;
  valid(message: Message | string): Promise<void>;
  invalid(message: Message | string): Promise<void>;
  openStream(to: string, name?: string): Promise<Stream>;
  acceptStream(options?: { name?: string; timeout?: number }): Promise<Stream>;
}

/** Connects to the node that started this plugin, or to the one of a data folder. */
export function connect(options?: Options): Promise<Node>;
