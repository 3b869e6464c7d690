import type { ErrorCode, Event, Methods, Permission } from "./types";

/** A refusal of the node, or of the connection to it, with a sentence for people. */
export class Failure extends Error {
  readonly code: ErrorCode | "closed";
  /** What has to be granted, if that is why. */
  readonly permission: Permission | null;
  constructor(code: ErrorCode | "closed", message: string, permission: Permission | null = null) {
    super(message);
    this.code = code;
    this.permission = permission;
  }
}

/** What a program is told of anything thrown. */
export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The sentence to show for anything thrown. The node's own begin small, to fit into a line of the command line. */
export function words(error: unknown): string {
  const text = reason(error);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[\p{L}\p{N})]$/u.test(text) ? "." : "");
}

/** What keeps widgets from the network: the browser that `hedgerow open` starts, or any other with the headers alone. */
export type Tier = "strict" | "partial";

export type Link = "connecting" | "ready" | "lost" | "refused";

/** What the client needs of a WebSocket; the browser's own fits. */
export interface Socket {
  readonly readyState: number;
  onopen: ((e: never) => void) | null;
  onclose: ((e: { code: number }) => void) | null;
  onmessage: ((e: { data: unknown }) => void) | null;
  onerror: ((e: never) => void) | null;
  send(text: string): void;
  close(): void;
}

interface Pending {
  text: string;
  sent: boolean;
  resolve(value: unknown): void;
  reject(error: Failure): void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export interface ClientOptions {
  open(): Socket;
  token(): string | null;
  onLink(link: Link): void;
  onEvent(event: Event): void;
  /** The node says of which tier this session is. */
  onTier?(tier: Tier): void;
  /** First wait between attempts in milliseconds; doubles up to 16 times that. */
  backoffMs?: number;
  /** How long a call may wait for a connection. */
  patienceMs?: number;
}

const LOST = "The node on this machine is not answering. It was not done; try again when it is back.";

/** JSON-RPC 2.0 over one WebSocket that opens itself again. */
export class Client {
  #options: ClientOptions;
  #socket: Socket | null = null;
  #ready = false;
  #stopped = false;
  #next = 1;
  #tries = 0;
  #closedEarly = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending = new Map<number, Pending>();

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Opens the connection, or opens it again at once. */
  start(): void {
    this.#stopped = false;
    clearTimeout(this.#timer);
    if (!this.#socket) this.#open();
  }

  /** Closes for good; pending calls fail. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#drop();
    socket?.close();
  }

  call<M extends keyof Methods>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    const id = this.#next++;
    const text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    return new Promise((resolve, reject) => {
      const pending: Pending = { text, sent: false, resolve: resolve as (value: unknown) => void, reject, timer: undefined };
      this.#pending.set(id, pending);
      if (this.#ready) this.#send(pending);
      else {
        pending.timer = setTimeout(() => {
          this.#pending.delete(id);
          reject(new Failure("closed", LOST));
        }, this.#options.patienceMs ?? 10_000);
      }
    });
  }

  #send(pending: Pending): void {
    clearTimeout(pending.timer);
    pending.sent = true;
    this.#socket?.send(pending.text);
  }

  #open(): void {
    const token = this.#options.token();
    if (!token) return;
    this.#options.onLink("connecting");
    const socket = this.#options.open();
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      socket.send(JSON.stringify({ token }));
    };
    socket.onmessage = (e) => {
      if (socket === this.#socket) this.#receive(e.data);
    };
    socket.onerror = () => undefined;
    socket.onclose = (e) => {
      if (socket !== this.#socket) return;
      const early = opened && !this.#ready;
      this.#drop();
      if (this.#stopped) return;
      this.#closedEarly = early ? this.#closedEarly + 1 : 0;
      const refused = early && (e.code === 1008 || (e.code >= 4000 && e.code < 5000) || this.#closedEarly >= 3);
      if (refused) return this.#refuse();
      this.#options.onLink("lost");
      this.#retry();
    };
  }

  #refuse(): void {
    this.#stopped = true;
    const socket = this.#socket;
    this.#drop();
    socket?.close();
    for (const [id, p] of this.#pending) this.#fail(id, p);
    this.#options.onLink("refused");
  }

  #retry(): void {
    const base = this.#options.backoffMs ?? 500;
    const wait = Math.min(base * 2 ** Math.min(this.#tries, 4), base * 16) * (0.8 + Math.random() * 0.4);
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  /** Forgets the socket. What was sent may or may not have been done, so it fails; what was not sent keeps waiting. */
  #drop(): void {
    this.#socket = null;
    this.#ready = false;
    for (const [id, p] of this.#pending) if (p.sent || this.#stopped) this.#fail(id, p);
  }

  #fail(id: number, pending: Pending): void {
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    pending.reject(new Failure("closed", LOST));
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") return;
    let message: Record<string, unknown>;
    try {
      const parsed: unknown = JSON.parse(data);
      if (typeof parsed !== "object" || parsed === null) return;
      message = parsed as Record<string, unknown>;
    } catch {
      return;
    }
    if (!this.#ready) {
      if (message.ready === true) {
        this.#options.onTier?.(message.tier === "strict" ? "strict" : "partial");
        this.#welcome();
      } else if ("error" in message || message.ready === false) this.#refuse();
      return;
    }
    if (message.method === "event") {
      const params = message.params as Event | undefined;
      if (params && typeof params.event === "string") this.#options.onEvent(params);
      return;
    }
    if (typeof message.id === "number") this.#answer(message.id, message);
  }

  #welcome(): void {
    this.#ready = true;
    this.#tries = 0;
    this.#closedEarly = 0;
    this.#options.onLink("ready");
    for (const p of this.#pending.values()) if (!p.sent) this.#send(p);
  }

  #answer(id: number, message: Record<string, unknown>): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    const error = message.error as { message?: unknown; data?: { code?: unknown; permission?: unknown } } | undefined;
    if (error === undefined || error === null) return pending.resolve(message.result);
    const code = typeof error.data?.code === "string" ? (error.data.code as ErrorCode) : "bug";
    const permission = typeof error.data?.permission === "string" ? (error.data.permission as Permission) : null;
    pending.reject(new Failure(code, typeof error.message === "string" && error.message ? error.message : "The node refused this without a reason.", permission));
  }
}
