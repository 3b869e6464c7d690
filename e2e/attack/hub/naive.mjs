// A server without a single check: what the attacks on the API are worth against somebody careless.
import { createHash } from "node:crypto";
import net from "node:net";

export class Naive {
  #open = new Set();
  static async start() {
    const naive = new Naive();
    naive.server = net.createServer((socket) => naive.#serve(socket));
    await new Promise((done) => naive.server.listen(0, "127.0.0.1", done));
    naive.port = naive.server.address().port;
    return naive;
  }
  async stop() {
    for (const socket of this.#open) socket.destroy();
    this.server.close();
  }

  /** One connection at a time, as long as it likes: the next one waits. Any header, any length, no limit. */
  #turn = Promise.resolve();
  #serve(socket) {
    this.#open.add(socket);
    socket.on("error", () => {});
    socket.pause();
    const ended = new Promise((done) => socket.once("close", () => (this.#open.delete(socket), done())));
    this.#turn = this.#turn.then(() => {
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1");
        // Whatever ends with an empty line is a request; a body is the next one.
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          socket.write(/upgrade: websocket/i.test(head) ? upgraded(head) : answered(head));
        }
      });
      socket.resume();
      return ended;
    });
  }
}

function answered(head) {
  const body = `{"jsonrpc":"2.0","id":1,"result":${JSON.stringify(head.slice(0, 4000))}}`;
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function upgraded(head) {
  const key = /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const text = Buffer.from('{"ready":true}');
  return Buffer.concat([Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`), Buffer.from([0x81, text.length]), text]);
}
