// Streams for people and programs (J1 O1): pipes, forwarded ports and pings between two nodes.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer, connect } from "node:net";
import { BIN, Node, cli, until } from "../lib/node.mjs";

/** A command that goes on while the test does. */
function running(t, node, ...args) {
  const child = spawn(BIN, ["--data", node.data, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  t.after(() => child.kill());
  const out = [];
  let err = "";
  child.stdout.on("data", (part) => out.push(part));
  child.stderr.on("data", (part) => (err += part));
  const ended = new Promise((done) => child.once("close", (code) => done(code)));
  return { child, ended, out: () => Buffer.concat(out), err: () => err };
}
async function two(t) {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await a.call("profile.set", { name: "Ash" });
  await until("connected", async () => (await b.run("peers")).length === 1);
  return [a, b];
}
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

test("bytes of a pipe arrive whole, in both directions, and each end is passed on", async (t) => {
  const [a, b] = await two(t);
  const [there, back] = [randomBytes(30 << 20), randomBytes(3 << 20)];
  // Whichever of the two comes first listens; the other is told so.
  const both = [1, 2].map(() => running(t, a, "stream", "listen", "notes.txt"));
  const [code, at] = await Promise.race(both.map(async (one, at) => [await one.ended, at]));
  assert.equal(code, 1);
  assert.match(both[at].err(), /somebody listens under "notes.txt" already/);
  const listener = both[1 - at];
  const caller = running(t, b, "stream", "connect", a.ready.node.slice(0, 8), "notes.txt");
  caller.child.stdin.end(there);
  listener.child.stdin.end(back);
  assert.deepEqual(await Promise.all([caller.ended, listener.ended]), [0, 0], caller.err() + listener.err());
  assert.equal(digest(listener.out()), digest(there));
  assert.equal(digest(caller.out()), digest(back));
});

test("a name without a listener and a stranger's stream are refused with a reason", async (t) => {
  const [a, b] = await two(t);
  const gone = await cli(["--data", b.data, "stream", "connect", a.ready.node.slice(0, 8), "nobody"]);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /nobody listens under that name/);
  const unknown = await cli(["--data", b.data, "stream", "connect", "zzzzzz", "nobody"]);
  assert.match(unknown.err, /no peer is called "zzzzzz"/);
});

test("a port is reachable only while it is allowed", async (t) => {
  const [a, b] = await two(t);
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  const target = `${a.ready.node.slice(0, 8)}:${port}`;
  const refused = await cli(["--data", b.data, "forward", "0", target]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /not on the list of allowed ports/);
  await a.run("port", "allow", String(port));
  const forward = running(t, b, "--json", "forward", "0", target);
  const local = await until("it forwards", async () => JSON.parse(forward.out().toString()).port);
  const echo = await new Promise((done, fail) => {
    const socket = connect(local, "127.0.0.1", () => socket.end("hello over there"));
    let text = "";
    socket.on("data", (part) => (text += part));
    socket.on("end", () => done(text));
    socket.on("error", fail);
  });
  assert.equal(echo, "hello over there");
  assert.deepEqual(await a.run("port", "forbid", String(port)), []);
  assert.match((await cli(["--data", b.data, "forward", "0", target])).err, /not on the list/);
});

test("a new name reaches connected peers at once", async (t) => {
  const [a, b] = await two(t);
  await a.call("profile.set", { name: "Rowan" });
  await until("B shows the new name", async () => (await b.run("peers"))[0].name === "Rowan");
  const report = await b.run("doctor");
  assert.equal(report.peers[0].node, a.ready.node);
  assert.match(report.nat.mapping, /^(none|endpoint-independent|address-dependent|unknown)$/);
  assert.ok(report.advice.length > 20);
});

test("a ping is answered by the program over there", async (t) => {
  const [a, b] = await two(t);
  const { times_ms } = await b.run("ping", a.ready.node.slice(0, 8), "-c", "3");
  assert.equal(times_ms.length, 3);
  assert.ok(times_ms.every((ms) => ms > 0 && ms < 1000));
});

test("a trace tells how a connection came to be, is now, and how it ended", async (t) => {
  const [a, b] = await two(t);
  const trace = await b.run("trace", a.ready.node.slice(0, 8));
  assert.equal(trace.node, a.ready.node);
  assert.match(trace.path, /^(lan|direct)$/);
  assert.equal(trace.dialled, true);
  assert.equal(trace.paths.filter((p) => p.state === "used").length, 1);
  assert.equal(trace.paths[0].address, trace.via);
  assert.equal(trace.ping.times_ms.length, 3);
  const steps = trace.log.map((n) => n.step);
  assert.ok(steps.indexOf("dial") < steps.indexOf("connected"), steps.join());
  assert.equal((await a.run("trace", b.ready.node.slice(0, 8))).dialled, false);
  await a.stop();
  const after = await until("it is gone and called again", async () => {
    const now = await b.run("trace", a.ready.node.slice(0, 8));
    return now.log.some((n) => n.step === "failed") && now;
  });
  assert.equal(after.path, "none");
  assert.equal(after.ping, null);
  assert.match(after.log.find((n) => n.step === "disconnected").text, /the other node closed it/);
  const { out } = await cli(["--data", b.data, "trace", a.ready.node.slice(0, 8)]);
  assert.match(out, /not connected/);
});
