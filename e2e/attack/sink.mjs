// The other end of everything: answers every name, takes every connection, and writes down who came.
import dgram from "node:dgram";
import net from "node:net";
import { PORTS, STRAY, V4 } from "./netns.mjs";

/** Every host name that a vector uses ends with this. */
export const ZONE = "sink.test";

export class Sink {
  /** @type {{kind: string, host: string}[]} */
  hits = [];
  #numbers = new Map();
  #closers = [];

  /** The number behind a name decides its address. */
  register(host, number) {
    this.#numbers.set(host, number);
  }
  number(name) {
    for (let at = name.toLowerCase(); at.includes("."); at = at.slice(at.indexOf(".") + 1)) {
      const number = this.#numbers.get(at);
      if (number !== undefined) return number;
    }
    return STRAY;
  }
  hit(kind, host) {
    this.hits.push({ kind, host: host.toLowerCase() });
  }

  async start() {
    const dns = dgram.createSocket("udp4");
    dns.on("message", (query, from) => {
      const answer = this.#name(query);
      if (answer) dns.send(answer, from.port, from.address);
    });
    const udp = dgram.createSocket("udp6");
    udp.on("message", () => {});
    const dns6 = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        const answer = bytes.length > 14 ? this.#name(bytes.subarray(2)) : null;
        if (answer) socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
      });
    });
    const tcp = net.createServer((socket) => this.#connection(socket));
    // Where queries are diverted to: an answer from any other address is nobody's.
    await new Promise((done) => dns.bind(PORTS.dns, "127.0.0.1", done));
    await new Promise((done) => udp.bind(PORTS.udp, done));
    await new Promise((done) => dns6.listen(PORTS.dns, "::", done));
    await new Promise((done) => tcp.listen(PORTS.tcp, "::", done));
    this.#closers = [dns, udp, dns6, tcp];
  }
  stop() {
    for (const one of this.#closers) one.close();
  }

  /** Answers one query: A with the address of the name, everything else with nothing. */
  #name(query) {
    if (query.length < 17) return null;
    const labels = [];
    let at = 12;
    while (query[at]) {
      labels.push(query.subarray(at + 1, at + 1 + query[at]).toString("latin1"));
      at += query[at] + 1;
      if (at >= query.length) return null;
    }
    const name = labels.join(".");
    const type = query.readUInt16BE(at + 1);
    this.hit("dns", name);
    const question = query.subarray(12, at + 5);
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(type === 1 ? 1 : 0, 6);
    head.fill(0, 8, 12);
    if (type !== 1) return Buffer.concat([head, question]);
    const address = V4(this.number(name)).split(".").map(Number);
    return Buffer.concat([head, question, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address])]);
  }

  #connection(socket) {
    socket.on("error", () => {});
    socket.setTimeout(10_000, () => socket.destroy());
    socket.once("data", (bytes) => {
      if (bytes[0] === 0x16) {
        this.hit("tls", serverName(bytes) ?? "?");
        return socket.destroy();
      }
      const text = bytes.toString("latin1");
      this.hit("http", /\r\nhost: *\[?([^\r\n\]]*?)\]?(?::\d+)?\r\n/i.exec(text)?.[1] ?? "?");
      const body = "/* taken */";
      socket.end(`HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-type: text/html\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
  }
}

/** The name in a TLS ClientHello. */
function serverName(hello) {
  try {
    let at = 43;
    at += 1 + hello[at];
    at += 2 + hello.readUInt16BE(at);
    at += 1 + hello[at];
    const end = Math.min(hello.length, at + 2 + hello.readUInt16BE(at));
    for (at += 2; at + 4 <= end; at += 4 + hello.readUInt16BE(at + 2)) {
      if (hello.readUInt16BE(at) === 0) return hello.subarray(at + 9, at + 9 + hello.readUInt16BE(at + 7)).toString("latin1");
    }
  } catch {
    // Cut short or not TLS.
  }
  return null;
}
