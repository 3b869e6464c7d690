// The two ways to a node: lines over a Unix socket, messages over a WebSocket. Both give text out and take text in.
import { createConnection } from "node:net";

/** Longest answer, bytes. */
const LONGEST = 128 * 1024 * 1024;

/** Opens `address`: a path, or an address that begins with `ws://`. */
export const open = (address) => (/^ws:\/\//.test(address) ? web(address) : unix(address));

function unix(path) {
  return new Promise((opened, failed) => {
    const socket = createConnection(path);
    const link = { ontext: () => {}, onclose: () => {}, send: (text) => socket.write(`${text}\n`), close: () => socket.destroy() };
    let parts = [], size = 0;
    socket.on("data", (bytes) => {
      let from = 0;
      for (let end; (end = bytes.indexOf(10, from)) >= 0; from = end + 1) {
        const line = Buffer.concat([...parts, bytes.subarray(from, end)]);
        parts = [];
        size = 0;
        if (line.length) link.ontext(line.toString("utf8"));
      }
      parts.push(bytes.subarray(from));
      size += bytes.length - from;
      if (size > LONGEST) socket.destroy(new Error("the node sent a line without an end"));
    });
    socket.once("connect", () => opened(link));
    socket.on("error", failed);
    socket.once("close", () => link.onclose());
  });
}

function web(address) {
  if (typeof WebSocket === "undefined") throw new Error("this Node.js has no WebSocket; use version 22 or newer, or the Unix socket");
  return new Promise((opened, failed) => {
    const socket = new WebSocket(address);
    const link = { ontext: () => {}, onclose: () => {}, send: (text) => socket.send(text), close: () => socket.close() };
    socket.onmessage = (message) => link.ontext(String(message.data));
    socket.onopen = () => opened(link);
    socket.onerror = () => failed(new Error(`nothing answers at ${address}`));
    socket.onclose = () => link.onclose();
  });
}
