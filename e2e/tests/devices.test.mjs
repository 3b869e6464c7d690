// A person's second device, made from the recovery words, has what the first has (W7, C7 in part, J3, J12).
import { test } from "node:test";
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { Node, cli, folder, until } from "../lib/node.mjs";
import { packFolder } from "../lib/pack.mjs";

const GUESTBOOK = resolve(import.meta.dirname, "../apps/guestbook");
const texts = async (node, instance) =>
  (await node.call("app.updates", { instance, serial: 0 })).updates.map((update) => update.payload);
const say = (node, instance, payload) => node.call("app.send_update", { instance, update: { payload } });
const names = async (node) => (await node.run("instance", "list")).map((i) => i.name).sort();

test("a device restored from the words gets instances, notes, own widgets and spaces of the first, and gives back", async (t) => {
  const a = await Node.start(t);
  await a.call("profile.set", { name: "Ash" });
  const xdc = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  const published = await a.run("widget", "publish", xdc, "--license", "MIT", "--version", "1.0.0");
  const notes = (await a.run("widget", "search", "notes"))[0].uuid;
  const mine = await a.run("instance", "add", notes);
  await say(a, mine.instance, "bread");
  const friend = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const shared = await friend.run("instance", "join", (await invited(a, published.uuid)).invite);
  await say(friend, shared.instance, "from the friend");

  const { words } = await a.call("recovery.words");
  const data = folder(t, "second");
  const restored = await cli(["restore", "--words", "--data", data, "--json"], { input: `${[words].flat().join(" ")}\n` });
  assert.equal(restored.code, 0, restored.err);
  const b = await Node.start(t, { data, args: ["--peer", a.ready.ticket] });
  assert.equal(b.ready.user, a.ready.user);
  assert.notEqual(b.ready.node, a.ready.node);

  await until("B has the instances of A", async () => (await names(b)).length === 2);
  assert.deepEqual(await names(b), await names(a));
  await until("B has the notes", async () => (await texts(b, mine.instance)).includes("bread"));
  await say(b, mine.instance, "butter");
  await until("A has what B noted", async () => (await texts(a, mine.instance)).includes("butter"));
  assert.equal((await b.call("profile.get")).name, "Ash");

  const onB = (await b.run("instance", "list")).find((i) => i.space === "invited");
  await until("B has the friend's words", async () => (await texts(b, onB.instance)).includes("from the friend"));
  await say(b, onB.instance, "from my second device");
  await until("the friend has B's", async () => (await texts(friend, shared.instance)).includes("from my second device"));
  const members = await friend.call("instance.members", { instance: shared.instance });
  assert.equal(members.length, 2, "two devices of one user are one member");

  await until("B can run the widget", async () => !(await b.run("instance", "list")).some((i) => i.missing));
  const next = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  const again = await b.run("widget", "publish", next, "--license", "MIT", "--version", "1.1.0");
  assert.equal(again.uuid, published.uuid, "a second device publishes the next version of the same widget");

  await b.call("instance.rename", { instance: mine.instance, name: "Shopping" });
  await until("A has the new name", async () => (await names(a)).includes("Shopping"));
  await a.run("instance", "remove", mine.instance);
  await until("it is gone from B too", async () => !(await names(b)).includes("Shopping"));
  await b.call("instance.undo_remove", { instance: mine.instance });
  await until("it is back on A", async () => (await names(a)).includes("Shopping"));
});

async function invited(node, uuid) {
  const { instance } = await node.run("instance", "add", uuid, "--space", "invited");
  return node.run("instance", "invite", instance);
}
