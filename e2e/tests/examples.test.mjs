// The examples, used by people and programs on real nodes (Z1-Z10, O2, W5).
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { BIN, Node, folder, until } from "../lib/node.mjs";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { packFolder } from "../lib/pack.mjs";

after(closeBrowser);
const ROOT = resolve(import.meta.dirname, "../..");

/** Nodes that know each other. */
async function nodes(t, count) {
  const all = [await Node.start(t)];
  while (all.length < count) all.push(await Node.start(t, { args: ["--peer", all[0].ready.ticket] }));
  return all;
}
/** An example on all of them, each in a browser of its own. */
async function open(t, example, all) {
  const xdc = packFolder(join(ROOT, "examples", example), join(folder(t, "app"), `${example}.xdc`));
  const { uuid } = await all[0].run("widget", "publish", xdc);
  const frames = [];
  for (const [i, node] of all.entries()) {
    await node.call("profile.set", { name: `P${i}` });
    await until("it is in the directory", async () => (await node.run("widget", "search", ""))[0]);
    const { instance, origin } = await node.run("instance", "add", uuid);
    // By a stranger on all nodes but the first: the person says yes.
    await node.run("grant", "allow", instance, "peers");
    const page = await openHub(await profile(t), node);
    frames.push(await appFrame(page, origin));
  }
  return frames;
}
const text = (frame, selector) => frame.$eval(selector, (node) => node.textContent);

test("chat: what one says in a room the others in it read, with who signed it", async (t) => {
  const frames = await open(t, "chat", await nodes(t, 3));
  await until("all see two others", async () => (await Promise.all(frames.map((f) => text(f, "#others")))).every((s) => s === "2 others are here"));
  await frames[2].fill("#room", "shed");
  const say = async (frame, words) => {
    await frame.fill("#text", words);
    await frame.click("#say button");
  };
  await say(frames[0], "good morning");
  await until("P1 reads it", async () => /P0good morning/.test(await text(frames[1], "#lines")));
  await say(frames[1], "<b>you too</b>");
  await until("P0 reads it, as it was written", async () => (await text(frames[0], "#lines")).includes("P1<b>you too</b>"));
  assert.equal(await text(frames[2], "#lines"), "", "another room");
  for (let i = 0; i < 20; i++) await say(frames[0], `flood ${i}`);
  await until("who is too fast is told", async () => /too many messages; try again/.test(await text(frames[0], "#lines")));
});

test("tic-tac-toe: two play, a third with the key watches, a fourth without it sees nothing", async (t) => {
  const [x, o, watcher, outsider] = await open(t, "tictactoe", await nodes(t, 4));
  await until("all know the others", async () => {
    const counts = await Promise.all([x, o, watcher, outsider].map((f) => f.evaluate(async () => (await hedgerow.peers.list()).length)));
    return counts.every((count) => count === 3);
  });
  const heard = await outsider.evaluate(() => void (window.heard = [], hedgerow.peers.onMessage((m) => window.heard.push(m))));
  assert.equal(heard, undefined);
  await x.click("#open button");
  const key = await until("there is a key", async () => (await text(x, "#own")).match(/hgk1[a-z2-7]+/)?.[0]);
  for (const frame of [o, watcher]) {
    await frame.fill("#key", key);
    await frame.click("#sit button");
    await until("it sat down", async () => !/give somebody the key|Open a table/.test(await text(frame, "#status")));
  }
  const move = async (frame, cell) => {
    await until("it is their turn", async () => (await text(frame, "#status")) === "Your turn.");
    await frame.click(`#board button:nth-child(${cell + 1})`);
  };
  for (const [frame, cell] of [[x, 0], [o, 3], [x, 1], [o, 4], [x, 2]]) await move(frame, cell);
  await until("X won", async () => (await text(x, "#status")) === "You won." && (await text(o, "#status")) === "You lost.");
  await until("the spectator saw it", async () => (await text(watcher, "#status")) === "X won.");
  assert.equal(await text(watcher, "#board"), "XXXOO");
  const seen = await outsider.evaluate(() => window.heard.map((m) => [m.encrypted, Object.keys(m.message).sort()]));
  assert.ok(seen.length > 0);
  for (const [encrypted, keys] of seen) assert.deepEqual([encrypted, keys], ["sealed", ["kind", "sealed", "table"]]);
});

/** A plugin of the examples on a node, with its data folder. */
async function start(t, node, name, { sdk = false } = {}) {
  const path = join(folder(t, "plugin"), name);
  cpSync(join(ROOT, "examples", name), path, { recursive: true });
  if (sdk) cpSync(join(ROOT, "sdk/python/hedgerow"), join(path, "hedgerow"), { recursive: true });
  await node.run("plugin", "add", path);
  await node.run("plugin", "allow", name);
  const data = join(node.data, "plugins", name, "data");
  return { data, start: () => node.run("plugin", "start", name), logs: async () => (await node.run("plugin", "logs", name)).map((l) => l.text).join("\n") };
}

test("the shared clipboard: a copy on one machine is on the others that have the key, and nowhere else", async (t) => {
  const all = await nodes(t, 3);
  const env = { sdk: true };
  const clips = await Promise.all(all.map((node) => start(t, node, "shared-clipboard", env)));
  await clips[0].start();
  const key = await until("there is a key", () => existsSync(join(clips[0].data, "key")) && readFileSync(join(clips[0].data, "key"), "utf8"));
  mkdirSync(clips[1].data, { recursive: true });
  writeFileSync(join(clips[1].data, "key"), key);
  await clips[1].start();
  await clips[2].start();
  await until("they know each other", async () => {
    for (const node of all) await node.run("plugin", "list");
    return (await all[0].call("peers.members", { app: "shared-clipboard" })).length === 2;
  });
  const file = (clip) => join(clip.data, "clipboard.txt");
  await until("it watches", async () => existsSync(join(clips[2].data, "key")));
  await new Promise((done) => setTimeout(done, 700));
  writeFileSync(file(clips[0]), "a copied line\nand another");
  await until("it is there", () => existsSync(file(clips[1])) && readFileSync(file(clips[1]), "utf8") === "a copied line\nand another");
  assert.ok(!existsSync(file(clips[2])), await clips[2].logs());
});

test("the bridge in shell: a line that a program writes to a file is in the others' files", async (t) => {
  const all = await nodes(t, 2);
  const bridges = await Promise.all(all.map((node) => start(t, node, "bridge")));
  for (const bridge of bridges) await bridge.start();
  await until("they know each other", async () => (await all[0].call("peers.members", { app: "bridge" })).length === 1);
  await until("it is ready", () => bridges.every((b) => existsSync(join(b.data, "in"))));
  await until("a line arrives", async () => {
    // `tail` may not watch yet when the file is there.
    appendFileSync(join(bridges[0].data, "out"), 'tea is "ready"\n');
    await new Promise((done) => setTimeout(done, 500));
    return readFileSync(join(bridges[1].data, "in"), "utf8").includes('tea is "ready"\n');
  });
});

test("the file drop in Rust: a file that is put into one folder is in the folders of all others, whole", async (t) => {
  const program = process.env.FILE_DROP ?? resolve(dirname(BIN), "examples/file_drop");
  assert.ok(existsSync(program), `${program} is missing: cargo build --workspace --example file_drop`);
  const all = await nodes(t, 3);
  const drops = [];
  for (const node of all) {
    const path = join(folder(t, "plugin"), "file-drop");
    cpSync(join(ROOT, "examples/file-drop"), path, { recursive: true });
    cpSync(program, join(path, "file_drop"));
    await node.run("plugin", "add", path);
    await node.run("plugin", "allow", "file-drop");
    await node.run("plugin", "start", "file-drop");
    drops.push(join(node.data, "plugins/file-drop/data"));
  }
  await until("they know each other", async () => (await all[0].call("peers.members", { app: "file-drop" })).length === 2);
  const content = randomBytes(1_500_000);
  await until("it watches", () => existsSync(join(drops[0], "out")));
  writeFileSync(join(drops[0], "out", "photo one.jpg"), content);
  for (const drop of drops.slice(1)) {
    await until("it arrived", () => existsSync(join(drop, "in", "photo_one.jpg")));
    assert.ok(readFileSync(join(drop, "in", "photo_one.jpg")).equals(content));
  }
});
