  // A part of webxdc.js: `peers`, `secrets` and `streams` of window.hedgerow, in the scope of that script.

  // ---- messages between those who have the widget -------------------------------------------------------------
  const MAX_EARLY_MESSAGES = 1000;
  const MAX_MESSAGE = 128000;
  const on = { message: null, presence: null, incoming: null };
  const early = [];
  let judges = false;
  let opening = null;

  // Only what others may see of it is looked at: the JSON.
  function said(message, what) {
    let text;
    try {
      text = JSON.stringify(message);
    } catch (error) {
      throw new TypeError(`${what}: the message is not JSON: ${error.message}`);
    }
    if (text === undefined) throw new TypeError(`${what}: the message is missing or not JSON`);
    if (depthOf(text) > MAX_DEPTH) throw new TypeError(`${what}: the message is nested more than ${MAX_DEPTH} deep`);
    text = whole(text);
    if (new TextEncoder().encode(text).length > MAX_MESSAGE) {
      throw new TypeError(`${what}: the message is larger than ${MAX_MESSAGE} bytes`);
    }
    return JSON.parse(text);
  }

  function picked(options, names) {
    const out = {};
    for (const name of names) if (given(options) && given(options[name])) out[name] = options[name];
    return out;
  }

  function heard(kind, event) {
    if (!on[kind]) return kind === "message" && early.length < MAX_EARLY_MESSAGES ? early.push(event) : undefined;
    try {
      on[kind](event);
    } catch (error) {
      console.error(error);
    }
  }

  function pushPeers({ event, data }) {
    if (data === null || typeof data !== "object") return;
    const kind = { peers_message: "message", peers_presence: "presence", streams_incoming: "incoming" }[event];
    if (kind) heard(kind, data);
  }

  // From now on messages come; all calls that need others wait for this.
  function takePart(judge = false) {
    if (!opening || (judge && !judges)) {
      judges = judges || judge;
      const mine = call("peers_open", { judge: judges });
      opening = mine;
      mine.catch(() => {
        if (opening === mine) opening = null;
      });
    }
    return opening;
  }

  function listenTo(kind, callback, judge) {
    if (typeof callback !== "function") throw new TypeError("a listener is a function");
    on[kind] = callback;
    if (kind === "message") for (const event of early.splice(0)) heard(kind, event);
    return quiet(takePart(judge));
  }

  const SENDING = ["peerCount", "broadcast", "immediate", "timeout", "signed", "encrypt", "clear"];
  const peers = Object.freeze({
    // Who one is in this widget: {app, me, who, links, members}.
    open: () => takePart(),
    onMessage: (callback, options) => listenTo("message", callback, Boolean(given(options) && options.judge)),
    onPresence: (callback) => listenTo("presence", callback),
    async broadcast(message, options) {
      const params = { message: said(message, "broadcast"), ...picked(options, SENDING) };
      await takePart();
      return call("peers_broadcast", params);
    },
    // Answers with the reply: {from, id, message, signed}, or null when none came in time.
    async send(to, message, options) {
      const params = { to: String(to), message: said(message, "send"), ...picked(options, [...SENDING, "toApp"]) };
      await takePart();
      return (await call("peers_send", params)).reply;
    },
    reply(event, message, options) {
      const to = given(event) && typeof event === "object" ? event.reply : event;
      if (!given(to)) throw new TypeError("reply: nobody waits for a reply to this message");
      const params = { to: String(to), message: said(message, "reply"), ...picked(options, ["encrypt", "clear"]) };
      return call("peers_reply", params).then(() => undefined);
    },
    async list() {
      await takePart();
      return call("peers_members", {});
    },
    valid: (event) => call("peers_verdict", { id: String(event.id ?? event), valid: true }).then(() => undefined),
    invalid: (event) => call("peers_verdict", { id: String(event.id ?? event), valid: false }).then(() => undefined),
  });

  // ---- secrets: what only one pseudonym or one group can read ---------------------------------------------------
  const secrets = Object.freeze({
    groups: () => call("secrets_groups", {}),
    // Without a key a new one is made; the answer has it, to be given to the others.
    addGroup: (group, key) => call("secrets_add_group", { group: String(group), ...picked({ key }, ["key"]) }),
    forgetGroup: (group) => call("secrets_forget_group", { group: String(group) }).then(() => undefined),
    seal: (to, message, clear) =>
      call("secrets_seal", { to: String(to), message: said(message, "seal"), ...picked({ clear }, ["clear"]) }).then((answer) => answer.sealed),
    open: (sealed, from) => call("secrets_open", { sealed: String(sealed), from: String(from) }),
  });

  // ---- streams of bytes between two who have the widget -----------------------------------------------------------
  const MAX_PIECE = 96000;

  function bytesOf(data) {
    if (typeof data === "string") return new TextEncoder().encode(data);
    if (isBytes(data)) return data;
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw new TypeError("write: give a text, a Uint8Array or an ArrayBuffer");
  }

  function streamOf({ stream, peer, name }) {
    const write = async (data) => {
      const bytes = bytesOf(data);
      for (let at = 0; at < bytes.length; at += MAX_PIECE) {
        await call("streams_write", { stream, data: bytes.slice(at, at + MAX_PIECE), end: false });
      }
    };
    const read = async () => {
      const { data, end } = await call("streams_read", { stream });
      return end ? null : data;
    };
    return Object.freeze({
      peer,
      name,
      write,
      read,
      end: () => call("streams_write", { stream, data: new Uint8Array(0), end: true }).then(() => undefined),
      close: () => call("streams_close", { stream }).then(() => undefined),
      async *[Symbol.asyncIterator]() {
        for (let piece = await read(); piece !== null; piece = await read()) yield piece;
      },
    });
  }

  const streams = Object.freeze({
    onIncoming: (callback) => listenTo("incoming", callback),
    async open(to, name) {
      await takePart();
      return streamOf(await call("streams_open", { to: String(to), name: given(name) ? String(name) : "" }));
    },
    async accept(options) {
      await takePart();
      return streamOf(await call("streams_accept", picked(options, ["name", "timeout"])));
    },
  });
