// HTTP as bytes: what no client library would send, and the answers to it.
import net from "node:net";

/** A connection that sends bytes and gives back whole answers. */
export class Wire {
  #text = Buffer.alloc(0);
  #waiting = [];
  ended = false;

  /** @param {(answer: Answer) => void} onAnswer called for each answer in turn, unless `one` waits for it */
  constructor(port, onAnswer = () => {}, host = "127.0.0.1") {
    this.onAnswer = onAnswer;
    /** Methods of the requests on their way: an answer to HEAD has no body. */
    this.methods = [];
    this.socket = net.connect(port, host);
    this.socket.setNoDelay(true);
    this.closed = new Promise((done) => this.socket.once("close", done));
    this.socket.on("error", () => {});
    this.socket.on("data", (bytes) => {
      this.#text = this.#text.length ? Buffer.concat([this.#text, bytes]) : bytes;
      this.#read();
    });
    this.socket.once("close", () => {
      this.ended = true;
      for (const wait of this.#waiting.splice(0)) wait(null);
    });
  }
  send(bytes, method = "GET") {
    this.methods.push(method);
    this.socket.write(bytes);
  }
  /** Sends and waits for one answer, or null when the connection ends or `ms` are over. */
  one(bytes, method = "GET", ms = 5_000) {
    return new Promise((done) => {
      const timer = setTimeout(() => done(null), ms);
      this.#waiting.push((answer) => (clearTimeout(timer), done(answer)));
      this.send(bytes, method);
    });
  }
  close() {
    this.socket.destroy();
  }

  #read() {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.#text.toString("latin1", 0, end);
      const status = Number(head.slice(9, 12));
      const method = this.methods[0];
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const size = method === "HEAD" || status === 304 || status < 200 ? 0 : length;
      if (this.#text.length < end + 4 + size) return;
      const body = this.#text.toString("utf8", end + 4, end + 4 + size);
      this.#text = this.#text.subarray(end + 4 + size);
      if (status === 100) continue;
      this.methods.shift();
      const answer = { status, head, body };
      const wait = this.#waiting.shift();
      if (wait) wait(answer);
      else this.onAnswer(answer);
      if (status === 101) return;
    }
  }
}

/** The bytes of a request. `headers` are lines in order, so that they may repeat or be wrong. */
export function request(method, path, headers, body = "") {
  const size = Buffer.byteLength(body);
  const length = size || method === "POST" ? `content-length: ${size}\r\n` : "";
  return `${method} ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}${length}\r\n${body}`;
}

/** Asks once over a connection of its own. */
export async function ask(port, method, path, headers, body = "", ms = 15_000) {
  const wire = new Wire(port);
  const answer = await wire.one(request(method, path, headers, body), method, ms);
  wire.close();
  return answer;
}

/** Headers that every answer must have, whatever it answers. */
export const FENCE = ["content-security-policy", "x-content-type-options", "cross-origin-resource-policy", "cross-origin-opener-policy", "origin-agent-cluster", "referrer-policy", "x-dns-prefetch-control", "permissions-policy", "cache-control"];

/** Which of them an answer lacks. */
export function missing(answer, more = []) {
  const head = answer.head.toLowerCase();
  return [...FENCE, ...more].filter((name) => !head.includes(`\r\n${name}:`));
}
