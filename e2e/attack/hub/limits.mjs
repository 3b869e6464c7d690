// 35: attacks on the node's time and memory. Got when the owner has to wait, or a second request is smuggled in.
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Wire, ask, request } from "../wire.mjs";

const CALL = '{"jsonrpc":"2.0","id":1,"method":"node.status","params":{}}';
/** How long the owner's own call may take while all this goes on. */
const FAIR = 2_000;

/** How long the owner waits for an answer. */
async function owner(to) {
  const begin = Date.now();
  const answer = await ask(to.port, "POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], ["authorization", `Bearer ${to.token}`], ["content-type", "application/json"]], CALL, to.naive ? FAIR + 500 : 15_000);
  return { ms: Date.now() - begin, good: answer?.status === 200 };
}

/** Opens `count` connections that each send `bytes` and then wait. */
async function crowd(to, count, bytes) {
  const all = Array.from({ length: count }, () => {
    const socket = net.connect(to.port, "127.0.0.1", () => socket.write(bytes));
    socket.on("error", () => {});
    return socket;
  });
  await sleep(400);
  return all;
}
const crowded = (id, name, count, bytes) => ({ id: `35.${id}`, name, attack: async (to) => {
  const all = await crowd(to, count, bytes(to));
  const { ms, good } = await owner(to);
  for (const socket of all) socket.destroy();
  await sleep(200);
  return { got: !good || ms > FAIR, slow: true, evidence: `${good ? "" : "not "}answered after ${ms} ms` };
} });

/** Bytes that two readers might cut differently: got when there is more than one good answer. */
const smuggled = (id, name, bytes) => ({ id: `35.smuggling.${id}`, name, attack: async (to) => {
  const answers = [];
  const wire = new Wire(to.port, (answer) => answers.push(answer.status));
  wire.methods.push("POST", "GET");
  wire.socket.write(bytes(to));
  await Promise.race([wire.closed, sleep(1_200)]);
  wire.close();
  return { got: answers.filter((status) => status === 200).length > 0, evidence: answers.join(" ") || "closed" };
} });
const hidden = (to) => `GET / HTTP/1.1\r\nhost: ${to.hub}\r\n\r\n`;
const base = (to, lines) => `POST /api/rpc HTTP/1.1\r\nhost: ${to.hub}\r\norigin: http://${to.hub}\r\n${lines}\r\n\r\n`;

/** A large or deep body with the right token: refused, and the node goes on. */
const heavy = (id, name, body) => ({ id: `35.${id}`, name, attack: async (to) => {
  const text = body();
  const answer = await ask(to.port, "POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], ["authorization", `Bearer ${to.token}`], ["content-type", "application/json"]], text, 20_000);
  const after = await owner(to);
  return { got: answer?.status === 200 || !after.good || after.ms > FAIR, slow: answer?.status !== 200, evidence: `${answer?.status ?? "closed"}, then ${after.ms} ms` };
} });

export const limits = [
  crowded("slowloris", "200 heads that do not end", 200, (to) => `GET / HTTP/1.1\r\nhost: ${to.hub}\r\nx: `),
  crowded("slowloris.more", "600 heads that do not end, more than are served at once", 600, (to) => `GET / HTTP/1.1\r\nhost: ${to.hub}\r\nx: `),
  crowded("slow-body", "600 bodies that do not come", 600, (to) => request("POST", "/api/login", [["host", to.hub], ["origin", `http://${to.hub}`], ["content-type", "application/json"], ["content-length", "900"]]).replace("content-length: 0\r\n", "")),
  crowded("silent", "600 connections that say nothing", 600, () => ""),
  crowded("websockets", "600 WebSockets without a token", 600, (to) => `GET /api/ws HTTP/1.1\r\nhost: ${to.hub}\r\norigin: http://${to.hub}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`),
  smuggled("cl-te", "both lengths", (to) => base(to, `content-length: ${hidden(to).length + 5}\r\ntransfer-encoding: chunked`) + `0\r\n\r\n${hidden(to)}`),
  smuggled("te-te", "an encoding that is written oddly", (to) => base(to, "transfer-encoding: chunked\r\ntransfer-encoding: xchunked") + `0\r\n\r\n${hidden(to)}`),
  smuggled("cl-cl", "two lengths", (to) => base(to, `content-length: 0\r\ncontent-length: ${hidden(to).length}`) + hidden(to)),
  smuggled("cl-space", "a length with a space before the colon", (to) => base(to, `content-length : ${hidden(to).length}`) + hidden(to)),
  smuggled("line", "a line break in a header", (to) => `GET /none HTTP/1.1\r\nhost: evil.example\r\nx: a\nhost: ${to.hub}\r\n\r\n`),
  heavy("depth", "JSON a million levels deep", () => "[".repeat(1_000_000)),
  heavy("depth.params", "parameters 100,000 levels deep", () => `{"jsonrpc":"2.0","id":1,"method":"node.status","params":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`),
  heavy("large", "a call of 6 MB", () => `{"jsonrpc":"2.0","id":1,"method":"node.status","params":{"a":"${"x".repeat(6 << 20)}"}}`),
  { id: "35.head", name: "a head of 4 MB", attack: async (to) => {
    const answer = await ask(to.port, "GET", "/", [["host", to.hub], ["x", "y".repeat(4 << 20)]]);
    const after = await owner(to);
    return { got: answer?.status === 200 || !after.good || after.ms > FAIR, slow: answer?.status !== 200, evidence: `${answer?.status ?? "closed"}, then ${after.ms} ms` };
  } },
];
