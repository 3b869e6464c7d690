// Nodes that have nothing to say do without connections, and nothing is late for it (O13).
import { test } from "node:test";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Node, folder, until } from "../lib/node.mjs";

const QUIET = ["--park-after", "2"];
const texts = async (node, instance) =>
  (await node.call("app.updates", { instance, serial: 0 })).updates.map((update) => update.payload);
const say = (node, instance, payload) => node.call("app.send_update", { instance, update: { payload } });
const hears = (what, node, instance, payload) => until(what, async () => (await texts(node, instance)).includes(payload));
const shout = async (node) => (await node.run("widget", "search", "shout"))[0].uuid;
const parked = (what, node, count) =>
  until(what, async () => {
    const peers = await node.run("peers");
    return peers.length === count && peers.every((peer) => peer.path === "parked");
  });

test("three nodes park, and what one of them writes arrives at the others by itself", async (t) => {
  const a = await Node.start(t, { args: QUIET });
  const b = await Node.start(t, { args: [...QUIET, "--peer", a.ready.ticket] });
  const c = await Node.start(t, { args: [...QUIET, "--peer", a.ready.ticket, "--peer", b.ready.ticket] });
  const { instance: onA } = await a.run("instance", "add", await shout(a), "--space", "invited");
  const { invite } = await a.run("instance", "invite", onA);
  const { instance: onB } = await b.run("instance", "join", invite);
  const { instance: onC } = await c.run("instance", "join", invite);
  await say(a, onA, "first");
  await hears("B hears the first", b, onB, "first");
  await hears("C hears the first", c, onC, "first");
  for (const [from, at, text] of [[b, onB, "of B"], [a, onA, "of A"], [c, onC, "of C"]]) {
    for (const node of [a, b, c]) await parked("all are parked", node, 2);
    const [shown] = await a.run("instance", "list");
    assert.equal(shown.online, 2, "who is parked counts as there");
    await say(from, at, text);
    await hears("A hears it", a, onA, text);
    await hears("B hears it", b, onB, text);
    await hears("C hears it", c, onC, text);
  }
  await parked("all are parked", b, 2);
  const ping = await a.run("ping", b.ready.node);
  assert.ok(ping.times_ms.length > 0, "a parked peer answers as if it were connected");
  const { idle } = await a.run("doctor");
  assert.equal(idle.enabled, true);
});

test("a node that keeps its connections is not parked", async (t) => {
  const a = await Node.start(t, { args: QUIET });
  const b = await Node.start(t, { args: ["--no-park", "--peer", a.ready.ticket] });
  await until("connected", async () => (await b.run("peers")).length === 1);
  await sleep(6000);
  assert.notEqual((await b.run("peers"))[0].path, "parked");
  assert.equal((await b.run("doctor")).idle.enabled, false);
});

test("a file for a parked peer is offered at once, and its answer comes back though both have parked again", async (t) => {
  const a = await Node.start(t, { args: QUIET });
  const b = await Node.start(t, { args: [...QUIET, "--peer", a.ready.ticket] });
  await parked("A rests", a, 1);
  const path = join(folder(t, "file"), "text.txt");
  writeFileSync(path, "for B");
  await a.call("files.send", { path, node: b.ready.node });
  const offer = await until("the offer", async () => (await b.run("files"))[0]);
  await parked("B rests", b, 1);
  await b.call("files.accept", { number: offer.number, folder: folder(t, "inbox") });
  await until("it is there", async () => (await a.run("files"))[0].state === "done");
});
