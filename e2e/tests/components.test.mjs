// A background part of a widget (W25): counts a space while the dashboard is closed, and stops when its grant is revoked.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { folder, Node, until } from "../lib/node.mjs";
import { zip } from "../lib/pack.mjs";
import { component } from "../lib/component.mjs";
import { component as wat, core } from "../lib/wat.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/space-stats");
after(closeBrowser);

function packed(t, more = {}) {
  const files = { "background.wasm": component(EXAMPLE) };
  for (const name of ["index.html", "app.js", "style.css", "manifest.toml", "src/background.mjs"]) files[name] = readFileSync(join(EXAMPLE, name));
  const path = join(folder(t, "app"), "space-stats.xdc");
  writeFileSync(path, zip({ ...files, ...more }));
  return path;
}

const say = (node, instance, text) => node.call("app.send_update", { instance, update: { payload: { text } } });
const how = async (node, instance) => (await node.run("component", "list")).find((c) => c.instance === instance);
/** Making it ready takes a while, once. */
const running = (node, instance) => until("it runs", async () => (await how(node, instance)).state === "running", 240_000);

test("a component counts a space with no dashboard open, keeps that over a restart, and ends with its grant", async (t) => {
  const data = folder(t, "stats");
  let node = await Node.start(t, { data });
  const { uuid } = await node.run("widget", "install", packed(t));
  const { instance } = await node.run("instance", "add", uuid);

  assert.equal((await how(node, instance)).state, "not_allowed", "nothing runs before the person said yes");
  await say(node, instance, "before");
  await node.run("grant", "allow", instance, "background");
  await running(node, instance);
  for (const text of ["one", "two", "three"]) await say(node, instance, text);
  await until("they were counted", async () => (await how(node, instance)).events >= 4);
  assert.match((await node.run("component", "logs", instance)).map((line) => line.text).join("\n"), /1 are counted now/);
  const before = await how(node, instance);
  assert.ok(before.kept_bytes > 0 && before.memory_bytes > 0 && before.cpu_ms > 0, JSON.stringify(before));
  const audit = await node.run("audit", instance);
  assert.ok(audit.some((line) => line.kind === "component" && line.method === "app.updates"), "what it called is on the list");
  assert.ok(audit.some((line) => line.method === "grant background: always"), "and what the person decided");

  await node.kill();
  node = await Node.start(t, { data });
  await running(node, instance);
  await until("it read on from where it was", async () => /4 updates were counted before/.test((await node.run("component", "logs", instance)).map((l) => l.text).join("\n")));

  const page = await openHub(await profile(t), node);
  const origin = (await node.run("instance", "list")).find((i) => i.instance === instance).origin;
  const frame = await appFrame(page, origin);
  await until("the page shows the counts", async () => (await frame.$eval("#total", (e) => e.textContent)) === "4");
  await page.screenshot({ path: join(import.meta.dirname, "../shots/space-stats.png") }).catch(() => {});
  await page.close();

  await node.run("grant", "revoke", instance, "background");
  assert.equal((await how(node, instance)).state, "not_allowed");
  await say(node, instance, "not counted");
  await node.run("grant", "allow", instance, "background");
  await running(node, instance);
  const lines = await until("it began anew", async () => {
    const text = (await node.run("component", "logs", instance)).map((line) => line.text).join("\n");
    return /are counted now/.test(text) && text;
  });
  assert.match(lines, /4 updates were counted before\n5 are counted now/, "what was said meanwhile it read later; it was not there to count it");
  await node.stop();
});

test("a new release's background part takes over when it is ready, with what the one before kept", async (t) => {
  const node = await Node.start(t);
  const place = folder(t, "parts");
  // Says what was kept, keeps the name of its own release, says that.
  const part = (version) => wat(place, `v${version}`, core({
    imports: `(import "hedgerow:widget/host@0.1.0" "log" (func $log (param i32 i32)))
      (import "hedgerow:widget/host@0.1.0" "keep" (func $keep (param i32 i32 i32 i32 i32 i32)))
      (import "hedgerow:widget/host@0.1.0" "kept" (func $kept (param i32 i32 i32)))`,
    texts: { key: "release", mine: `release ${version}` },
    body: `(if (i32.eqz (i32.load8_u (local.get $event))) (then
      (call $kept (global.get $key) (global.get $key_len) (i32.const 512))
      (if (i32.load8_u (i32.const 512)) (then (call $log (i32.load (i32.const 516)) (i32.load (i32.const 520)))))
      (call $keep (global.get $key) (global.get $key_len) (i32.const 1) (global.get $mine) (global.get $mine_len) (i32.const 512))
      (call $log (global.get $mine) (global.get $mine_len))))`,
  }));
  const publish = async (version) => {
    const path = join(place, `${version}.xdc`);
    const manifest = `name = "Keeper"\n[hedgerow]\nversion = "${version}"\nlicense = "MIT"\nsummary = "Keeps"\ncomponent = "part.wasm"\npermissions = [{ name = "background", reason = "To keep" }]`;
    writeFileSync(path, zip({ "index.html": "keeps", "manifest.toml": manifest, "part.wasm": await part(version) }));
    return node.run("widget", "publish", path);
  };
  const logs = async (instance) => (await node.run("component", "logs", instance)).map((line) => line.text);
  const { uuid } = await publish("1.0.0");
  const { instance } = await node.run("instance", "add", uuid);
  await node.run("grant", "allow", instance, "background");
  await until("the first runs", async () => (await logs(instance)).includes("release 1.0.0"), 60_000);
  await publish("1.1.0");
  if ((await node.run("widget", "list")).find((w) => w.uuid === uuid).version !== "1.1.0") await node.run("widget", "update", uuid);
  await until("the second runs", async () => (await logs(instance)).at(-1) === "release 1.1.0", 60_000);
  assert.deepEqual((await logs(instance)).slice(-2), ["release 1.0.0", "release 1.1.0"], "the second found what the first had kept");
  assert.equal((await how(node, instance)).state, "running");
  await node.run("widget", "rollback", uuid);
  await until("the first is back", async () => (await logs(instance)).at(-1) === "release 1.0.0", 60_000);
  await node.stop();
});
