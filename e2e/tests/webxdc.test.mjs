// Apps by others take the word of webxdc literally (W1 W5): many updates at once, long texts, forms, a link that
// wants a window of its own.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { Node, folder } from "../lib/node.mjs";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { packFolder } from "../lib/pack.mjs";

after(closeBrowser);
const GUESTBOOK = resolve(import.meta.dirname, "../apps/guestbook");
const COUNT = 300;

/** Places the guest book on a new node; a second node joins. */
async function shared(t) {
  const xdc = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const { uuid } = await a.run("widget", "publish", xdc, "--license", "MIT", "--version", "1.0.0");
  const onA = await a.run("instance", "add", uuid, "--space", "invited");
  const onB = await b.run("instance", "join", (await a.run("instance", "invite", onA.instance)).invite);
  return { a, b, onA, onB };
}

test("hundreds of updates sent in one go arrive everywhere, each once, in order", async (t) => {
  const { a, b, onA, onB } = await shared(t);
  const frameA = await appFrame(await openHub(await profile(t), a), onA.origin);
  const frameB = await appFrame(await openHub(await profile(t), b), onB.origin);
  const lost = await frameA.evaluate(async (count) => {
    const info = "long ".repeat(1_000);
    const send = (_, n) => window.webxdc.sendUpdate({ payload: { text: `${n}` }, info }, "");
    const sent = Array.from({ length: count }, send);
    return (await Promise.allSettled(sent)).filter((one) => one.status === "rejected").map((one) => String(one.reason));
  }, COUNT);
  assert.deepEqual(lost, []);
  const all = Array.from({ length: COUNT }, (_, n) => `${n}`);
  for (const frame of [frameA, frameB]) {
    await frame.waitForFunction((count) => document.querySelectorAll("#list li").length >= count, COUNT);
    assert.deepEqual(await frame.$$eval("#list li", (items) => items.map((item) => item.textContent)), all);
  }
});

test("a form and a link that wants a new window lead to pages of the app, in its frame", async (t) => {
  const a = await Node.start(t);
  const { uuid } = await a.run("widget", "install", packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc")));
  const { origin } = await a.run("instance", "add", uuid);
  const frame = await appFrame(await openHub(await profile(t), a), origin);
  await frame.evaluate(() => {
    document.body.innerHTML = '<form action="index.html"><input name="q" value="1"><button id="send">Go</button></form>';
  });
  await Promise.all([frame.waitForURL(`${origin}/index.html?q=1`), frame.click("#send")]);
  await frame.evaluate(() => {
    document.body.innerHTML = '<a id="link" target="_blank" href="index.html?q=2#there">there</a>';
  });
  await Promise.all([frame.waitForURL(`${origin}/index.html?q=2#there`), frame.click("#link")]);
  assert.equal(await frame.evaluate(() => typeof window.webxdc.sendUpdate), "function");
});
