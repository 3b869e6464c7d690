// Messages and streams between the equals of an app on different nodes, with the names that widgets know them by.

const PIECE = 96_000;
const WAITING = 4096;

const bytesOf = (data) => (typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength));

/** Bytes to and from one member. `for await` reads until the other side ended its direction. */
export class Stream {
  #node;
  #number;

  constructor(node, { stream, peer, name }) {
    this.#node = node;
    this.#number = stream;
    this.peer = peer;
    this.name = name;
  }

  /** Writes; waits while the other side reads more slowly. */
  async write(data) {
    const bytes = bytesOf(data);
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#node.call("streams.write", { stream: this.#number, data: bytes.subarray(at, at + PIECE).toString("base64") });
    }
  }

  /** What has come, or null at the end. */
  async read() {
    const { data, end } = await this.#node.call("streams.read", { stream: this.#number });
    return end ? null : new Uint8Array(Buffer.from(data, "base64"));
  }

  /** Nothing more is written; reading goes on. */
  async end() {
    await this.#node.call("streams.write", { stream: this.#number, end: true });
  }

  async close() {
    await this.#node.call("streams.close", { stream: this.#number });
  }

  async *[Symbol.asyncIterator]() {
    for (let piece = await this.read(); piece !== null; piece = await this.read()) yield piece;
  }
}

/** The other members of an app. */
export class Peers {
  #node;
  #who;
  #listener;
  #early = [];
  #onMessage = null;
  #onPresence = null;

  constructor(node, app) {
    this.#node = node;
    this.#who = app === undefined ? {} : { app };
    this.#listener = app === undefined ? `plugin:${node.plugin}` : null;
    node.on("peers.message", (event) => event.listener === this.#listener && this.#take(event));
    node.on("peers.presence", (event) => event.listener === this.#listener && this.#onPresence?.(event));
  }

  #call(method, params = {}) {
    return this.#node.call(method, { ...this.#who, ...params });
  }

  #take(event) {
    if (this.#onMessage) return this.#onMessage(event);
    this.#early.push(event);
    if (this.#early.length > WAITING) this.#early.shift();
  }

  /** Takes part. A plugin does from the start, and needs this only to judge messages. */
  async open({ judge = false, rules } = {}) {
    const opened = await this.#call("peers.open", { judge, ...(rules === undefined ? {} : { rules }) });
    this.#listener ??= `app:${opened.app}`;
    return opened;
  }

  /** Calls `listen` for each message; those that came before wait for it. */
  onMessage(listen) {
    this.#onMessage = listen;
    for (const event of this.#early.splice(0)) listen(event);
  }

  onPresence(listen) {
    this.#onPresence = listen;
  }

  /** To all members; or with `broadcast: false` to `peerCount` of them, whose `replies` are the answer. */
  broadcast(message, options = {}) {
    return this.#call("peers.broadcast", { message, ...options });
  }

  /** To one member. Answers with the reply, or null if there was none within `timeout` seconds. */
  async send(to, message, options = {}) {
    return (await this.#call("peers.send", { to, message, ...options })).reply;
  }

  /** Replies to a message that awaits a reply. */
  async reply(event, message, options = {}) {
    await this.#call("peers.reply", { to: event?.reply ?? event, message, ...options });
  }

  /** Other members: `peer`, `who`, `linked`. */
  list() {
    return this.#call("peers.members");
  }

  /** Gives a group a new key, or the one of another member; answers the key. `encrypt: "group:NAME"` uses it. */
  async addGroup(group, key) {
    return (await this.#call("secrets.add_group", { group, ...(key === undefined ? {} : { key }) })).key;
  }

  async valid(event) {
    await this.#call("peers.verdict", { id: event.id ?? event, valid: true });
  }

  async invalid(event) {
    await this.#call("peers.verdict", { id: event.id ?? event, valid: false });
  }

  /** A stream to a member; it has to accept it. */
  async openStream(to, name = "") {
    return new Stream(this.#node, await this.#call("streams.open", { to, name }));
  }

  /** The next stream that a member opens. */
  async acceptStream(options = {}) {
    return new Stream(this.#node, await this.#call("streams.accept", options));
  }
}
