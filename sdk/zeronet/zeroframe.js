// ZeroFrame for sites that are ported to Hedgerow: the commands and events of ZeroNet's PeerMessage plugin, by their names,
// on top of `hedgerow.peers`. Put it into the package, before the site's own scripts and after webxdc.js. See README.md.
"use strict";

class ZeroFrame {
  // Replies that may still be given, by the hash of the message.
  #owed = new Map();

  constructor() {
    hedgerow.peers
      .onMessage((event) => this.#receive(event), { judge: true })
      .then(() => this.onOpenWebsocket())
      .catch((error) => this.error(error.message));
  }

  /** For the site to override, as in ZeroNet. */
  onOpenWebsocket() {}
  onRequest(cmd, message) {
    console.debug("no handler for", cmd, message);
  }
  error(...args) {
    console.error("[ZeroFrame]", ...args);
  }

  cmd(name, params = {}, answer = null) {
    this.cmdp(name, params).then(
      (result) => answer && answer(result),
      (error) => answer && answer({ error: error.message }),
    );
  }

  async cmdp(name, params = {}) {
    const commands = {
      peerBroadcast: ["message", "privatekey", "peer_count", "broadcast", "immediate", "timeout"],
      peerSend: ["ip", "message", "privatekey", "to", "immediate", "timeout"],
      peerValid: ["hash"],
      peerInvalid: ["hash"],
    };
    if (!Object.hasOwn(commands, name)) throw new Error(`${name} is not one of ${Object.keys(commands).join(", ")}`);
    // By name or in order, as ZeroNet takes them.
    const given = Array.isArray(params) ? Object.fromEntries(commands[name].map((key, at) => [key, params[at]])) : typeof params === "object" ? params : { [commands[name][0]]: params };
    return this[`_${name}`](given);
  }

  async _peerBroadcast({ message, privatekey, peer_count = 5, broadcast = true, immediate = false, timeout = 60 }) {
    const options = { peerCount: peer_count, broadcast, immediate, timeout, signed: privatekey !== false };
    const sent = await hedgerow.peers.broadcast(message, options);
    return broadcast ? "ok" : sent.replies.map((reply) => ({ ip: reply.from, hash: reply.id, reply: reply.message, signed_by: reply.signed }));
  }

  async _peerSend({ ip, message, privatekey, to, immediate = false, timeout = 60 }) {
    if (to !== undefined && to !== null) {
      const event = this.#owed.get(to);
      this.#owed.delete(to);
      if (event === undefined) throw new Error("nobody waits for a reply to this message");
      await hedgerow.peers.reply(event, message);
      return "ok";
    }
    const reply = await hedgerow.peers.send(ip, message, { immediate, timeout, signed: privatekey !== false });
    return reply && { ip: reply.from, hash: reply.id, reply: reply.message, signed_by: reply.signed };
  }

  async _peerValid({ hash }) {
    await hedgerow.peers.valid(hash);
    return "ok";
  }

  async _peerInvalid({ hash }) {
    await hedgerow.peers.invalid(hash);
    return "ok";
  }

  #receive(event) {
    if (event.reply !== null) {
      this.#owed.set(event.id, event);
      if (this.#owed.size > 256) this.#owed.delete(this.#owed.keys().next().value);
    }
    const params = { ip: event.from, hash: event.id, message: event.message, signed_by: event.signed ?? "", broadcast: !event.direct };
    this.onRequest("peerReceive", { cmd: "peerReceive", params });
  }
}
