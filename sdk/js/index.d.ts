import type { ErrorCode, Event, Methods, Permission } from "./types";
export type * from "./types";

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
}

/** Connects to the node that started this plugin, or to the one of a data folder. */
export function connect(options?: Options): Promise<Node>;
