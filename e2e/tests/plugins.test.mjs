// Plugins (O2): what the owner agrees to, what they may call, how they end; and the doors they come through.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync, existsSync } from "node:fs";
import { createConnection } from "node:net";
import { get } from "node:http";
import { join } from "node:path";
import { Node, cli, folder, until } from "../lib/node.mjs";
import { connect } from "../../sdk/js/index.js";

/** A folder with a plugin. */
function plugin(t, name, script, more = "") {
  const path = join(folder(t, "plugin"), name);
  mkdirSync(path);
  writeFileSync(join(path, "run.sh"), script);
  writeFileSync(join(path, "plugin.toml"), `name = "${name}"\nversion = "1"\ncommand = ["sh", "run.sh"]\n${more}\n`);
  return path;
}
/** The answer to one call of a plugin after another, as `data.code` or "done". */
async function outcomes(link, count, method, params) {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await link.call(method, params).then(() => "done", (error) => error.code));
  return all;
}
const asks = (...names) => `permissions = [${names.map((n) => `{name = "${n}", reason = "Because"}`).join(", ")}]`;
const state = async (node, name) => (await node.run("plugin", "list")).find((p) => p.name === name);
const lives = (pid) => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};
const refused = async (node, ...args) => {
  const { code, err } = await cli(["--data", node.data, ...args]);
  assert.equal(code, 1);
  return err;
};
/** Lines over the Unix socket, as they are. */
function raw(t, path) {
  const socket = createConnection(path);
  t.after(() => socket.destroy());
  let text = "";
  socket.setEncoding("utf8").on("data", (part) => (text += part));
  socket.on("error", () => {});
  const ended = new Promise((done) => socket.once("close", done));
  const lines = () => text.split("\n").filter(Boolean).map((l) => JSON.parse(l));
  const say = async (value, count) => {
    socket.write(typeof value === "string" ? `${value}\n` : `${JSON.stringify(value)}\n`);
    return until(`line ${count}`, () => lines().length >= count && lines()[count - 1]);
  };
  return { socket, lines, say, ended };
}

test("a plugin runs after the owner's yes, with what it was granted and nothing else", async (t) => {
  const node = await Node.start(t);
  const added = await node.run("plugin", "add", plugin(t, "clock", "echo hello; exec sleep 1000", asks("node", "contacts")));
  assert.equal(added.state, "new");
  assert.match(added.rights, /all your rights/);
  assert.match(await refused(node, "plugin", "start", "clock"), /not allowed yet.*plugin allow clock/);
  assert.match(await refused(node, "call", "plugin.allow", JSON.stringify({ name: "clock", hash: "0" })), /changed since it was shown/);
  assert.match(await refused(node, "plugin", "allow", "clock", "--permissions", "files"), /does not ask for/);
  const allowed = await node.run("plugin", "allow", "clock", "--permissions", "node");
  assert.deepEqual(allowed.permissions.map((p) => [p.name, p.granted]), [["node", true], ["contacts", false]]);
  const started = await node.run("plugin", "start", "clock");
  assert.equal(started.state, "running");
  const tokenFile = join(node.data, "plugin-tokens/clock.token");
  assert.equal(statSync(tokenFile).mode & 0o777, 0o600);

  const { api } = await node.run("status");
  const it = await connect({ api: api.unix, tokenFile });
  assert.deepEqual([it.plugin, it.permissions], ["clock", ["node"]]);
  assert.equal((await it.call("node.status")).node, node.ready.node);
  await assert.rejects(it.call("peers.list"), { code: "denied", message: /needs the permission "contacts"/ });
  for (const method of ["plugin.list", "node.login_link", "node.shutdown", "app.open", "audit.list"]) {
    const params = method === "app.open" ? { instance: "abcdefghijklmnop" } : {};
    await assert.rejects(it.call(method, params), { code: "denied", message: new RegExp(`${method} is not for plugins`) });
  }
  await assert.rejects(it.call("no.such"), { code: "unknown_method" });
  // The node is still there, and knows what was asked.
  const calls = await until("it is in the list of calls", async () => {
    const lines = await node.run("audit", "clock");
    return lines.length >= 6 && lines;
  });
  const sum = (method, key) => calls.filter((l) => l.method === method).reduce((n, l) => n + l[key], 0);
  assert.deepEqual([sum("node.status", "calls"), sum("node.status", "refused"), sum("peers.list", "refused")], [1, 0, 1]);

  const token = readFileSync(tokenFile, "utf8");
  await node.run("plugin", "revoke", "clock");
  assert.match(await it.closed, /stopped|taken back/);
  assert.equal(existsSync(tokenFile), false);
  await assert.rejects(connect({ api: api.unix, token }), { code: "denied" });
  await node.run("plugin", "allow", "clock");
  await node.run("plugin", "start", "clock");
  await assert.rejects(connect({ api: api.unix, token }), { code: "denied" }, "a new start has a new token");
  assert.equal((await state(node, "clock")).permissions[1].granted, true);
});

test("a changed plugin.toml asks again, and one that leaves can come back", async (t) => {
  const node = await Node.start(t);
  await node.run("plugin", "add", plugin(t, "clock", "exec sleep 1000", "autostart = true"));
  assert.match(await refused(node, "plugin", "add", plugin(t, "clock", "")), /there is a plugin clock already/);
  assert.equal((await node.run("plugin", "allow", "clock")).state, "running", "it starts with the node");
  const file = join(node.data, "plugins/clock/plugin.toml");
  writeFileSync(file, readFileSync(file, "utf8") + `\n${asks("files")}\n`);
  assert.match(await refused(node, "plugin", "restart", "clock"), /changed since you allowed it/);
  assert.equal((await state(node, "clock")).state, "changed");
  writeFileSync(file, readFileSync(file, "utf8") + "\ncolour = 1\n");
  const broken = await state(node, "clock");
  assert.deepEqual([broken.state, /colour/.test(broken.why)], ["broken", true]);
  await node.run("plugin", "remove", "clock");
  assert.deepEqual(await node.run("plugin", "list"), []);
  assert.equal((await node.run("plugin", "remove", "--undo", "clock")).state, "broken");
  assert.match(await refused(node, "plugin", "remove", "../clock"), /there is no plugin/);
});

test("plugins that start with the node do, and all end with it, also when it is killed", async (t) => {
  const node = await Node.start(t);
  const script = "trap '' TERM\nsetsid sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' &\nwhile :; do sleep 1; done";
  await node.run("plugin", "add", plugin(t, "stay", script, "autostart = true"));
  const first = await node.run("plugin", "allow", "stay");
  const child = join(node.data, "plugins/stay/child");
  await until("its child runs", () => existsSync(child) && readFileSync(child, "utf8").endsWith("\n"));
  const pids = [first.pid, Number(readFileSync(child, "utf8"))];
  assert.ok(pids.every(lives));
  await node.kill();
  await until("both are gone", () => !pids.some(lives));
  const again = await Node.start(t, { data: node.data });
  const second = await until("it runs again", async () => {
    const now = await state(again, "stay");
    return now.state === "running" && now;
  });
  await again.stop();
  assert.equal(lives(second.pid), false, "a node that ends in good order leaves nobody");
});

test("a crash loop is held and told; its logs say why", async (t) => {
  const node = await Node.start(t);
  await node.run("plugin", "add", plugin(t, "crash", "echo out of ideas >&2; exit 3"));
  await node.run("plugin", "allow", "crash");
  await node.run("plugin", "start", "crash");
  const held = await until("held", async () => {
    const now = await state(node, "crash");
    return now.state === "held" && now;
  }, 30_000);
  assert.match(held.why, /6 times in a row, last: exit code 3/);
  const lines = await node.run("plugin", "logs", "crash");
  assert.ok(lines.some((l) => l.stream === "err" && l.text === "out of ideas"));
  await until("the person is told", async () => (await node.call("notices.list")).some((n) => /crash does not run/.test(n.text)));
});

test("the doors take JSON-RPC 2.0 to the letter and refuse the rest precisely", async (t) => {
  const node = await Node.start(t);
  const { api } = await node.run("status");
  assert.equal(statSync(api.unix).mode & 0o777, 0o600);
  const token = readFileSync(api.token_file, "utf8");
  const { socket, say, lines, ended } = raw(t, api.unix);
  assert.deepEqual(await say({ token }, 1), { ready: true, api: 1 });
  const code = async (value, count) => (({ id, error }) => [id, error.code])(await say(value, count));
  assert.deepEqual(await code("{nonsense", 2), [null, -32700]);
  assert.deepEqual(await code("[".repeat(100_000), 3), [null, -32700], "a bomb of depth");
  assert.deepEqual(await code([{ jsonrpc: "2.0", id: 1, method: "node.status" }], 4), [null, -32600], "batches are refused");
  assert.match(lines()[3].error.message, /batches are not taken/);
  assert.deepEqual(await code({ jsonrpc: "1.0", id: 7, method: "node.status" }, 5), [7, -32600]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: {}, method: "node.status" }, 6), [null, -32600]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: "a", method: 1 }, 7), ["a", -32600]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: "b", method: "node.status", params: 1 }, 8), ["b", -32600]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: "c", method: "node.status", params: [1] }, 9), ["c", -32602]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: 1.5, method: "nope" }, 10), [1.5, -32601]);
  assert.deepEqual(await code({ jsonrpc: "2.0", id: "d", method: "node.status", params: { x: 1 } }, 11), ["d", -32602]);
  // A notification is never answered, not even with an error.
  socket.write(`${JSON.stringify({ jsonrpc: "2.0", method: "nope" })}\n`);
  const answer = await say({ jsonrpc: "2.0", id: null, method: "layout.get" }, 12);
  assert.deepEqual([answer.id, answer.jsonrpc, "result" in answer, "error" in answer], [null, "2.0", true, false]);
  // Many at once, in one write, are all answered.
  socket.write(Array.from({ length: 1000 }, (_, id) => `${JSON.stringify({ jsonrpc: "2.0", id, method: "layout.get" })}\n`).join(""));
  await until("all are answered", () => lines().length === 1012);
  assert.equal(new Set(lines().slice(12).map((l) => l.id)).size, 1000);
  socket.write(" ".repeat((4 << 20) + 2));
  await ended;
  assert.deepEqual(lines().at(-1).params, { code: 1009, reason: "the line is too long" });
});

test("wrong tokens, foreign hosts and foreign origins do not come in", async (t) => {
  const node = await Node.start(t);
  const { api } = await node.run("status");
  const token = readFileSync(api.token_file, "utf8");
  for (const first of [{ token: "0".repeat(64) }, { jsonrpc: "2.0", id: 1, method: "node.status" }, "1", "x".repeat(5000)]) {
    const { say, ended } = raw(t, api.unix);
    assert.equal((await say(first, 1)).ready, false);
    await ended;
  }
  const upgrade = (headers) =>
    new Promise((done) => {
      const key = Buffer.alloc(16, 1).toString("base64");
      const common = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": key };
      const request = get(api.websocket.replace("ws:", "http:"), { headers: { ...common, ...headers } }, (answer) => done(answer.resume().statusCode));
      request.on("upgrade", (answer, socket) => (socket.destroy(), done(answer.statusCode)));
    });
  const { host, port } = new URL(api.websocket);
  assert.equal(await upgrade({}), 101);
  assert.equal(await upgrade({ origin: `http://${host}` }), 101);
  assert.equal(await upgrade({ "sec-fetch-mode": "websocket" }), 101);
  assert.equal(await upgrade({ origin: "https://evil.example" }), 403);
  assert.equal(await upgrade({ origin: `http://hub.localhost:${port}` }), 403);
  assert.equal(await upgrade({ "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await upgrade({ host: "evil.example" }), 421);
  assert.equal(await upgrade({ host: `evil.example:${port}` }), 421);
  assert.equal(await upgrade({ host: `hub.localhost:${port}` }), 403, "the dashboard's door wants its origin");
  const stream = await fetch(`http://127.0.0.1:${port}/api/stream?listen=x`, { headers: { authorization: "Bearer wrong" } });
  assert.ok([401, 403].includes(stream.status));
  assert.ok(token.length >= 64);
});

test("a plugin that floods its socket holds up nobody", async (t) => {
  const node = await Node.start(t);
  await node.run("plugin", "add", plugin(t, "flood", "exec sleep 1000", asks("node")));
  await node.run("plugin", "allow", "flood");
  await node.run("plugin", "start", "flood");
  const { api } = await node.run("status");
  const token = readFileSync(join(node.data, "plugin-tokens/flood.token"), "utf8");
  const line = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "node.status" })}\n`.repeat(500);
  const sockets = Array.from({ length: 10 }, () => createConnection(api.unix));
  t.after(() => sockets.forEach((s) => s.destroy()));
  let cut = 0;
  for (const socket of sockets) {
    socket.on("error", () => {}).once("close", () => (cut += 1));
    socket.write(`${JSON.stringify({ token })}\n`);
    // It never reads an answer.
    socket.write(line.repeat(20));
  }
  await until("two of ten are too many", () => cut >= 2);
  const owner = await connect({ data: node.data });
  t.after(() => owner.close());
  const times = [];
  for (let i = 0; i < 200; i++) {
    const began = performance.now();
    await owner.call("node.status");
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  assert.ok(times[100] < 50, `the owner waits ${times[100]} ms`);
  const { rss_bytes } = await owner.call("node.status");
  assert.ok(rss_bytes < 300e6, `${rss_bytes} bytes`);
});

test("a fenced plugin reaches the node, and nothing else of its owner's", async (t) => {
  const node = await Node.start(t);
  const path = plugin(t, "fenced", "", `sandbox = true\n${asks("node")}`);
  const script = `import json, os, socket
door = socket.socket(socket.AF_UNIX); door.connect(os.environ["HEDGEROW_API"]); lines = door.makefile("rw")
for message in [{"token": open(os.environ["HEDGEROW_TOKEN_FILE"]).read()}, {"jsonrpc": "2.0", "id": 1, "method": "node.status"}]:
    print(json.dumps(message), file=lines, flush=True); answer = json.loads(lines.readline())
print("node", answer["result"]["node"])
for name in ["api.token", "identity.key", "hedgerow.db"]:
    try: open(${JSON.stringify(node.data)} + "/" + name); print("read", name)
    except PermissionError: print("kept out of", name)
`;
  writeFileSync(join(path, "main.py"), script);
  writeFileSync(join(path, "plugin.toml"), readFileSync(join(path, "plugin.toml"), "utf8").replace('["sh", "run.sh"]', '["/usr/bin/python3", "-u", "main.py"]'));
  const { rights } = await node.run("plugin", "add", path);
  await node.run("plugin", "allow", "fenced");
  if (/does not run here/.test(rights)) {
    assert.match(await refused(node, "plugin", "start", "fenced"), /cannot fence/);
    return;
  }
  await node.run("plugin", "start", "fenced");
  const out = async () => (await node.run("plugin", "logs", "fenced")).filter((l) => l.stream !== "node").map((l) => l.text);
  await until("it has tried", async () => (await out()).length >= 4);
  assert.deepEqual(await out(), [`node ${node.ready.node}`, "kept out of api.token", "kept out of identity.key", "kept out of hedgerow.db"]);
});

test("what a plugin says to the person has its name, and is not said without end", async (t) => {
  const node = await Node.start(t);
  await node.run("plugin", "add", plugin(t, "loud", "exec sleep 1000", asks("notifications")));
  await node.run("plugin", "allow", "loud");
  await node.run("plugin", "start", "loud");
  const it = await connect({ api: join(node.data, "api.sock"), tokenFile: join(node.data, "plugin-tokens/loud.token") });
  t.after(() => it.close());
  const all = await outcomes(it, 25, "notices.add", { title: "Hedgerow", text: "You have won" });
  assert.deepEqual([all.slice(0, 10), all.slice(20)], [Array(10).fill("done"), Array(5).fill("limit")]);
  const titles = (await node.call("notices.list")).map((n) => n.title);
  assert.ok(titles.length >= 10 && titles.every((title) => title === "loud: Hedgerow"), titles[0]);
});

test("a data folder with a long path does without the Unix socket", async (t) => {
  const data = join(folder(t, "long"), "x".repeat(120));
  const node = await Node.start(t, { data });
  const { api } = await node.run("status");
  assert.equal(api.unix, null);
  await node.run("plugin", "add", plugin(t, "where", 'echo "$HEDGEROW_API"; exec sleep 1000'));
  await node.run("plugin", "allow", "where");
  await node.run("plugin", "start", "where");
  await until("it knows the WebSocket", async () => (await node.run("plugin", "logs", "where")).some((l) => l.text === api.websocket));
  const token = readFileSync(join(data, "plugin-tokens/where.token"), "utf8");
  const call = (headers) => fetch(api.websocket.replace("ws:", "http:").replace("/ws", "/rpc"), { method: "POST", headers, body: "{}" });
  assert.ok([401, 403].includes((await call({})).status));
  assert.ok(token.length === 64);
});
