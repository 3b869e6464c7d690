// The main job (W1 W5 W7 W11 W13, O1 O3, C12, J3-J5): two people share a widget with no server; a third gets it
// and its data from the second while the first is away.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { Node, folder, until } from "../lib/node.mjs";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { packFolder } from "../lib/pack.mjs";

after(closeBrowser);
const GUESTBOOK = resolve(import.meta.dirname, "../apps/guestbook");
const lines = (frame) => frame.$$eval("#list li", (items) => items.map((item) => item.textContent));
const write = async (frame, text) => {
  await frame.fill("#text", text);
  await frame.click("button");
};
const sameLines = (what, frame, expected) =>
  until(what, async () => {
    const found = await lines(frame);
    return found.length === expected.length && expected.every((line) => found.includes(line));
  });

test("two nodes introduced by one ticket share an unmodified webxdc app, live, offline and with a third", async (t) => {
  const xdc = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await a.call("profile.set", { name: "Ash" });
  await b.call("profile.set", { name: "Birch" });

  const published = await a.run("widget", "publish", xdc, "--license", "MIT", "--version", "1.0.0");
  assert.match(published.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-/);
  const found = await until("B finds it by search", async () => (await b.run("widget", "search", "guest"))[0], 5_000);
  assert.equal(found.uuid, published.uuid);
  const installed = await b.run("widget", "install", published.uuid);
  assert.deepEqual([installed.uuid, installed.version], [published.uuid, "1.0.0"]);

  const onA = await a.run("instance", "add", published.uuid, "--space", "invited");
  const { invite } = await a.run("instance", "invite", onA.instance);
  const onB = await b.run("instance", "join", invite);

  const pageA = await openHub(await profile(t), a);
  const pageB = await openHub(await profile(t), b);
  const frameA = await appFrame(pageA, onA.origin);
  const frameB = await appFrame(pageB, onB.origin);
  await write(frameA, "first from A");
  await write(frameB, "first from B");
  const both = ["first from A", "first from B"];
  await sameLines("A converges", frameA, both);
  await sameLines("B converges", frameB, both);

  const dataB = b.data;
  await b.kill();
  await write(frameA, "while B was dead");
  await sameLines("A goes on alone", frameA, [...both, "while B was dead"]);
  const b2 = await Node.start(t, { data: dataB });
  const again = await openHub(await profile(t), b2);
  const originB = (await b2.run("instance", "list")).find((i) => i.instance === onB.instance).origin;
  const frameB2 = await appFrame(again, originB);
  const three = [...both, "while B was dead"];
  await sameLines("B catches up", frameB2, three);

  const inviteFromB = (await b2.run("instance", "invite", onB.instance)).invite;
  await a.stop();
  const c = await Node.start(t, { args: ["--peer", b2.ready.ticket] });
  const onC = await c.run("instance", "join", inviteFromB);
  const frameC = await appFrame(await openHub(await profile(t), c), onC.origin);
  await sameLines("C has all of it without A", frameC, three);
  await write(frameC, "from C");
  await sameLines("B sees C", frameB2, [...three, "from C"]);

  const a2 = await Node.start(t, { data: a.data, args: ["--peer", b2.ready.ticket] });
  await until("A hears what it missed", async () => {
    const { updates } = await a2.call("app.updates", { instance: onA.instance });
    return updates.some((u) => u.payload.text === "from C");
  });
});
