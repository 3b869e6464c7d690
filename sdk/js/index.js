// A Hedgerow node for plugins and programs: calls, events, errors. See README.md.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Peers } from "./peers.js";
import { open } from "./transport.js";

export { Peers, Stream } from "./peers.js";

/** What the node refused or could not do. `code` is for programs, `message` for people. */
export class HedgerowError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "HedgerowError";
    this.code = code;
  }
}

function place({ api, token, tokenFile, data } = {}) {
  const env = process.env;
  const folder = data ?? (api === undefined && !env.HEDGEROW_API ? env.HEDGEROW_DATA : undefined);
  if (folder !== undefined) {
    const socket = join(folder, "api.sock");
    const port = () => JSON.parse(readFileSync(join(folder, "api.json"), "utf8")).port;
    api ??= existsSync(socket) ? socket : `ws://127.0.0.1:${port()}/api/ws`;
    tokenFile ??= join(folder, "api.token");
  }
  api ??= env.HEDGEROW_API;
  tokenFile ??= env.HEDGEROW_TOKEN_FILE;
  if (!api || !(token ?? tokenFile)) throw new HedgerowError("bad_params", "not started by a node: give { data: its data folder }");
  return { api, token: (token ?? readFileSync(tokenFile, "utf8")).trim() };
}

/** Connects to the node that started this plugin, or to the one of a data folder: `connect({ data })`. */
export async function connect(options) {
  const { api, token } = place(options);
  const link = await open(api);
  const node = new Node(link);
  const ready = new Promise((yes, no) => node._welcome(yes, no));
  link.send(JSON.stringify({ token }));
  const hello = await ready;
  node.plugin = hello.plugin ?? null;
  node.permissions = hello.permissions ?? null;
  if (node.plugin !== null) node.peers = new Peers(node);
  return node;
}

class Node {
  #link;
  #next = 1;
  #waiting = new Map();
  #listeners = new Map();
  #ended = null;

  constructor(link) {
    this.#link = link;
    /** Settled when the connection has ended, with the reason if the node said one. */
    this.closed = new Promise((done) => (this.#ended = done));
    link.onclose = () => this.#end("the connection was closed");
  }

  _welcome(yes, no) {
    this.#link.ontext = (text) => {
      const hello = JSON.parse(text);
      if (hello.ready) yes(hello);
      else no(new HedgerowError(hello.error?.code ?? "denied", hello.error?.message ?? "not let in"));
      this.#link.ontext = (text) => this.#receive(JSON.parse(text));
    };
    void this.closed.then((why) => no(new HedgerowError("closed", why)));
  }

  /** Calls a method with parameters by name. */
  call(method, params = {}) {
    if (!this.#ended) return Promise.reject(new HedgerowError("closed", "the connection was closed"));
    const id = this.#next++;
    return new Promise((yes, no) => {
      this.#waiting.set(id, { yes, no });
      this.#link.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /** The members of an app, for a program of the owner: UUID of a widget or name of a plugin. Begin with `open`. */
  app(name) {
    return new Peers(this, name);
  }

  /** Calls `listen` for each event of this name, or of any name for `*`. Returns what ends that. */
  on(name, listen) {
    const all = this.#listeners.get(name) ?? this.#listeners.set(name, new Set()).get(name);
    all.add(listen);
    return () => void all.delete(listen);
  }

  close() {
    this.#link.close();
    this.#end("closed here");
  }

  #receive(message) {
    if (message.method === "event") {
      for (const name of [message.params.event, "*"]) for (const listen of this.#listeners.get(name) ?? []) listen(message.params);
    } else if (message.method === "closing") {
      this.#end(message.params.reason);
    } else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) waiting?.no(new HedgerowError(message.error.data?.code ?? "bug", message.error.message));
      else waiting?.yes(message.result);
    }
  }

  #end(why) {
    this.#ended?.(why);
    this.#ended = null;
    for (const { no } of this.#waiting.values()) no(new HedgerowError("closed", why));
    this.#waiting.clear();
  }
}
