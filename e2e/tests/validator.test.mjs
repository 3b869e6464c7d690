// A WebAssembly program as filter of an app's messages (Z9): with the widget or plugin, on who sends and who receives.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Node, folder, until } from "../lib/node.mjs";
import { zip } from "../lib/pack.mjs";
import { connect } from "../../sdk/js/index.js";

/** Bodies with a `y` as second byte are valid, such as `"yes"`: `alloc` gives 64 times the length that it is asked for. */
const FILTER = Buffer.from(
  `0061736d 01000000
   01 0e 02 60017f017f 60047f7f7f7f017f
   03 03 02 00 01
   05 03 01 00 04
   07 1a 03 066d656d6f72790200 05616c6c6f630000 0576616c69640001
   0a 15 02 07 00 2000 4106 74 0b  0b 00 2000 2d0001 41f900 46 0b`.replace(/\s/g, ""),
  "hex",
);
/** The same with an import. */
const GREEDY = Buffer.from("0061736d 01000000 01 04 01 600000 02 0b 01 03656e76 036e6f77 0000".replace(/\s/g, ""), "hex");
const RULES = `validator = "filter.wasm"\nmax_bytes = 1000\n`;
const MANIFEST = `name = "Filtered"
[hedgerow]
license = "MIT"
version = "1.0.0"
permissions = [{ name = "peers", reason = "To talk" }]
[hedgerow.messages]
${RULES}`;

async function publish(t, node, files) {
  const xdc = join(folder(t, "app"), "filtered.xdc");
  writeFileSync(xdc, zip({ "index.html": "<!doctype html>", "manifest.toml": MANIFEST, ...files }));
  return (await node.run("widget", "publish", xdc)).uuid;
}

/** A program of the owner that speaks in an app. */
async function speaker(t, node, name) {
  const link = await connect({ data: node.data });
  t.after(() => link.close());
  const app = link.app(name);
  const heard = [];
  app.onMessage((m) => heard.push(m.message));
  await app.open();
  return { app, heard };
}

const filtered = (error) => error.code === "refused" && /validator says/.test(error.message);

test("a widget's validator lets one message through and stops another, at who sends and at who receives", async (t) => {
  assert.ok(WebAssembly.validate(FILTER) && WebAssembly.validate(GREEDY));
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const uuid = await publish(t, a, { "filter.wasm": FILTER });
  for (const node of [a, b]) {
    await until("it is known", async () => (await node.run("widget", "search", "filtered"))[0]);
    const { instance } = await node.run("instance", "add", uuid);
    await node.run("grant", "allow", instance, "peers");
  }
  const [atA, atB] = [await speaker(t, a, uuid), await speaker(t, b, uuid)];
  await until("they found each other", async () => (await atA.app.list()).length === 1);
  await atA.app.broadcast("yes");
  await until("B heard", () => atB.heard.includes("yes"));
  await assert.rejects(atA.app.broadcast("no"), filtered);
  await assert.rejects(atB.app.broadcast({ y: 1 }), filtered);

  // Somebody without the widget has no rules to keep to.
  const c = await Node.start(t, { args: ["--peer", b.ready.ticket, "--no-dht"] });
  const atC = await speaker(t, c, uuid);
  await until("C found them", async () => (await atC.app.list()).length > 0);
  await atC.app.broadcast("not this");
  await atC.app.broadcast("you, too");
  await until("both heard what is valid", () => [atA, atB].every(({ heard }) => heard.includes("you, too")));
  assert.ok(![...atA.heard, ...atB.heard].includes("not this"), "what came before it is stopped at the first node");
  const [member] = await atC.app.list();
  assert.equal(await atC.app.send(member.peer, "no", { timeout: 0.5 }), null, "direct messages are judged, too");
  assert.ok(![...atA.heard, ...atB.heard].includes("no"));

  // The program is loaded again when the node starts.
  await b.stop();
  const again = await Node.start(t, { data: b.data, args: ["--peer", a.ready.ticket] });
  const { app } = await speaker(t, again, uuid);
  await assert.rejects(app.broadcast("no"), filtered);
  await app.broadcast("yes again");
  await until("A heard", () => atA.heard.includes("yes again"));
});

test("a widget whose validator cannot be run is not published, and a program of the owner brings none", async (t) => {
  const a = await Node.start(t);
  const cases = [
    [{}, /is not among the files/],
    [{ "filter.wasm": Buffer.from("no module") }, /no WebAssembly module/],
    [{ "filter.wasm": GREEDY }, /imports .*env\.now/],
    [{ "filter.wasm": FILTER.subarray(0, 8) }, /must export/],
    [{ "filter.wasm": Buffer.alloc(300 << 10) }, /too large/],
  ];
  for (const [files, why] of cases) await assert.rejects(publish(t, a, files), why);
  const rules = { validator: "filter.wasm" };
  const owner = await connect({ data: a.data });
  t.after(() => owner.close());
  await assert.rejects(owner.call("peers.open", { app: "tea", rules }), /names a file of a widget or a plugin/);
});

test("a plugin's validator is a file of its folder, and is refused where it is missing", async (t) => {
  const a = await Node.start(t);
  const path = join(folder(t, "plugin"), "sieve");
  mkdirSync(path);
  const toml = `name = "sieve"\nversion = "1"\ncommand = ["cat"]\npermissions = [{ name = "peers", reason = "To talk" }]\n[messages]\n${RULES}`;
  writeFileSync(join(path, "plugin.toml"), toml);
  await assert.rejects(a.run("plugin", "add", path), /is not among the files/);
  writeFileSync(join(path, "filter.wasm"), FILTER);
  await a.run("plugin", "add", path);
  await a.run("plugin", "allow", "sieve");
  const { app } = await speaker(t, a, "sieve");
  await assert.rejects(app.broadcast("no"), filtered);
  await app.broadcast("yes");
});
