// Packages and releases: refused when bad, updated with a question, gone back from (W8 W11 W23 W26), on the command line.
import { test } from "node:test";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Node, cli, folder, until } from "../lib/node.mjs";
import { zip } from "../lib/pack.mjs";

const page = "<!doctype html><title>t</title><script src=webxdc.js></script>";
const pack = (t, files) => {
  const path = join(folder(t, "app"), "app.xdc");
  writeFileSync(path, Buffer.isBuffer(files) ? files : zip(files));
  return path;
};
const manifest = (version, more = "") =>
  `name = "Tide"\n[hedgerow]\nversion = "${version}"\nlicense = "MIT"\nsummary = "Water levels"\n${more}`;
const refused = async (node, reason, ...args) => {
  const { code, out, err } = await cli(["--data", node.data, ...args]);
  assert.equal(code, 1, `${args.join(" ")} was taken: ${out}`);
  assert.match(err, reason);
  assert.equal(err.trim().split("\n").length, 1, `one line: ${err}`);
};

test("an update asks before it takes more permissions, and can be gone back from", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const first = await a.run("widget", "publish", pack(t, { "index.html": page, "manifest.toml": manifest("1.0.0") }));
  await until("B hears of it", async () => (await b.run("widget", "search", "water lev")).length === 1);
  await b.run("widget", "install", first.uuid);
  const more = 'permissions = [{ name = "notifications", reason = "Tells you of floods" }]';
  const second = await a.run("widget", "publish", pack(t, { "index.html": page, "manifest.toml": manifest("1.1.0", more) }));
  assert.equal(second.uuid, first.uuid, "a release of the same widget keeps its UUID");
  await until("B hears of the release", async () => (await b.run("widget", "search", "tide"))[0]?.version === "1.1.0");

  await refused(b, /asks for more: Can notify you/, "widget", "update", first.uuid);
  assert.equal((await b.run("widget", "list")).find((w) => w.uuid === first.uuid).version, "1.0.0");
  const plan = await b.call("widget.update_plan", { uuid: first.uuid });
  assert.deepEqual(plan.added.map((p) => [p.name, p.reason]), [["notifications", "Tells you of floods"]]);
  assert.equal((await b.run("widget", "update", first.uuid, "--accept-permissions")).version, "1.1.0");
  assert.equal((await b.run("widget", "rollback", first.uuid)).version, "1.0.0");
  await refused(a, /published already/, "widget", "publish", pack(t, { "index.html": page, "manifest.toml": manifest("1.0.5") }));
  await refused(b, /not yours/, "widget", "publish", pack(t, { "index.html": page, "manifest.toml": manifest("2.0.0") }), "--uuid", first.uuid);
});

test("a download that nobody can serve can be stopped, and goes on when somebody can", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const { uuid } = await a.run("widget", "publish", pack(t, { "index.html": page, "manifest.toml": manifest("1.0.0") }));
  await until("B hears of it", async () => (await b.run("widget", "search", "tide")).length === 1);
  await a.kill();
  const waiting = cli(["--data", b.data, "widget", "install", uuid]);
  const ended = await until("it is stopped", async () => {
    await b.call("widget.cancel", { uuid });
    return Promise.race([waiting, new Promise((done) => setTimeout(done, 20))]);
  });
  assert.equal(ended.code, 1);
  assert.match(ended.err, /the download was stopped/);
  await Node.start(t, { data: a.data });
  assert.equal((await b.run("widget", "install", uuid)).version, "1.0.0");
});

test("bad packages are refused with one line that says why, and the node goes on", async (t) => {
  const node = await Node.start(t);
  const good = zip({ "index.html": page, "manifest.toml": manifest("1.0.0") });
  const publish = (reason, files, ...args) => refused(node, reason, "widget", "publish", pack(t, files), ...args);
  const install = (reason, files) => refused(node, reason, "widget", "install", pack(t, files));

  await install(/no sound \.xdc|damaged/, good.subarray(0, good.length - 30));
  await install(/damaged|no sound/, Buffer.from(good.toString("latin1").replace("webxdc.js", "webxdc.jz"), "latin1"));
  await install(/forbidden name/, { "index.html": page, "../up.js": "1" });
  await install(/two files called/, { "index.html": page, "A.js": "1", "a.js": "2" });
  await install(/no index\.html/, { "main.html": page });
  await install(/unknown key "licence".*did you mean "license"/, { "index.html": page, "manifest.toml": '[hedgerow]\nlicence = "MIT"' });
  await install(/the permission "fly" is unknown; known are/, { "index.html": page, "manifest.toml": '[hedgerow]\npermissions = ["fly"]' });
  await install(/larger than a package may be/, Buffer.alloc(65 << 20));
  await publish(/licence is needed to publish/, { "index.html": page }, "--version", "1.0.0");
  await publish(/not an open-source licence/, { "index.html": page }, "--version", "1.0.0", "--license", "BUSL-1.1");
  await publish(/no SPDX licence expression; did you mean MIT/, { "index.html": page }, "--version", "1.0.0", "--license", "mit1");
  await publish(/a version is needed/, { "index.html": page }, "--license", "MIT");
  await publish(/semver/, { "index.html": page }, "--license", "MIT", "--version", "one");
  assert.equal((await node.run("widget", "install", pack(t, good))).version, "1.0.0");
});

test("a new widget of the skeleton is packed, published and placed", async (t) => {
  const node = await Node.start(t);
  const dir = join(folder(t, "new"), "my-widget");
  assert.equal((await cli(["widget", "new", dir, "--name", "My <first> widget"])).code, 0);
  const again = await cli(["widget", "new", dir]);
  assert.equal(again.code, 1, "an existing folder is not written over");
  const out = join(dir, "..", "out.xdc");
  assert.equal((await cli(["widget", "pack", dir, "--output", out])).code, 0);
  const { uuid } = await node.run("widget", "publish", out);
  const shown = await node.run("widget", "show", uuid);
  assert.equal(JSON.stringify(shown).includes("My <first> widget"), true);
  const placed = await node.run("instance", "add", uuid);
  assert.equal((await node.run("instance", "list"))[0].instance, placed.instance);
  await node.run("widget", "remove", uuid, "--with-instances");
  assert.deepEqual(await node.run("instance", "list"), []);
});
