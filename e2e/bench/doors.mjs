// The promised numbers of the API's doors (O2): `node e2e/bench/doors.mjs PATH_OF_HEDGEROW`. Prints JSON for
// `cargo xtask bench`.
process.env.HEDGEROW_BIN = process.argv[2];
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createConnection } from "node:net";
const { Node } = await import("../lib/node.mjs");

const ROUNDS = 5000;
const closing = [];
const t = { after: (close) => closing.push(close) };
const numbers = {};
function report(name, micros, target) {
  micros.sort((a, b) => a - b);
  const at = (share) => Number(micros[Math.floor(micros.length * share)].toFixed(1));
  numbers[name] = { median: at(0.5), min: at(0), max: at(0.99), unit: "µs", target, ok: at(0.5) <= target };
  console.error(name, JSON.stringify(numbers[name]));
}

/** Lines over the Unix socket: one is sent when the one before was answered. */
async function unix(path) {
  const socket = createConnection(path);
  await new Promise((done) => socket.once("connect", done));
  return { ask: (text) => new Promise((done) => (socket.once("data", done), socket.write(`${text}\n`))), end: () => socket.destroy() };
}
/** Small messages over a WebSocket, by hand: Node.js 20 has no client. */
async function web(address) {
  const { host, hostname, port, pathname } = new URL(address);
  const key = randomBytes(16).toString("base64");
  const headers = { host, connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": key };
  const socket = await new Promise((done, fail) => {
    request({ hostname, port, path: pathname, headers }).on("upgrade", (_, socket) => done(socket)).on("error", fail).end();
  });
  socket.setNoDelay(true);
  const frame = (text) => {
    const data = Buffer.from(text);
    if (data.length > 125) throw new Error("too long for this");
    return Buffer.concat([Buffer.from([0x81, 0x80 | data.length, 0, 0, 0, 0]), data]);
  };
  return { ask: (text) => new Promise((done) => (socket.once("data", done), socket.write(frame(text)))), end: () => socket.destroy() };
}

const node = await Node.start(t);
const { api } = await node.run("status");
const token = readFileSync(api.token_file, "utf8");
for (const [name, door] of [["api_unix_socket", await unix(api.unix)], ["api_websocket", await web(api.websocket)]]) {
  await door.ask(JSON.stringify({ token }));
  const micros = [];
  for (let id = 0; id < ROUNDS + 500; id++) {
    const begun = performance.now();
    await door.ask(JSON.stringify({ jsonrpc: "2.0", id, method: "node.status" }));
    if (id >= 500) micros.push((performance.now() - begun) * 1000);
  }
  report(`${name}_round_trip_us`, micros, 150);
  door.end();
}
for (const close of closing) await close();
console.log(JSON.stringify(numbers));
process.exit(0);
