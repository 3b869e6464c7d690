// Files from one person to another (issue 3, item 7): asked, verified, resumed, never overwriting.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BIN, Node, cli, folder, until } from "../lib/node.mjs";

/** `hedgerow send --json` that goes on while the test does. */
function sending(t, node, file, peer) {
  const child = spawn(BIN, ["--data", node.data, "--json", "send", file, peer.slice(0, 8)], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill());
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  const events = () => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const ended = new Promise((done) => child.once("close", (code) => done(code)));
  return { events, ended };
}
async function two(t) {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await a.call("profile.set", { name: "Ash" });
  await until("connected", async () => (await b.run("peers")).length === 1 && (await a.run("peers")).length === 1);
  return [a, b];
}
function made(t, size, name = "garden.bin") {
  const path = join(folder(t, "send"), name);
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}
/** Looks as often as it can: what moves has to be caught in the middle. */
async function closely(check) {
  const end = Date.now() + 20_000;
  while (!check()) {
    if (Date.now() > end) throw new Error("nothing moved for 20 seconds");
    await new Promise((done) => setImmediate(done));
  }
}
const offered = (node) => until("the offer is there", async () => (await node.run("files")).find((f) => f.incoming && f.state === "asking"));

test("50 MB arrive whole though the receiver is killed in the middle and the sender later", { timeout: 120_000 }, async (t) => {
  let [a, b] = await two(t);
  const { path, bytes } = made(t, 50 << 20);
  const send = sending(t, a, path, b.ready.node);
  const offer = await offered(b);
  assert.equal(offer.size, 50 << 20);
  assert.ok((await b.call("notices.list")).some((n) => n.text.includes("Ash wants to send you garden.bin")));
  const to = folder(t, "inbox");
  await b.run("files", "accept", String(offer.number), "--to", to);
  const part = () => readdirSync(to).find((name) => name.endsWith(".part"));
  await closely(() => part() && statSync(join(to, part())).size > (8 << 20));
  await b.kill();
  const durable = statSync(join(to, part())).size;
  assert.ok(durable < 50 << 20, "killed in the middle");
  assert.equal(existsSync(join(to, "garden.bin")), false, "no name before it is whole");
  b = await Node.start(t, { data: b.data });
  // It goes on by itself, from what was there.
  await until("it goes on", async () => existsSync(join(to, "garden.bin")) || statSync(join(to, part())).size >= durable);
  assert.equal(await send.ended, 0);
  const events = send.events();
  assert.equal(events[0].event, "offered");
  assert.ok(events.some((e) => e.event === "progress" && e.done > 0 && e.size === 50 << 20));
  const last = events.at(-1);
  assert.deepEqual([last.event, last.state, last.done], ["done", "done", 50 << 20]);
  assert.ok(readFileSync(join(to, "garden.bin")).equals(bytes));
  assert.deepEqual(readdirSync(to), ["garden.bin"]);
  const { bytes_out } = (await a.run("peers"))[0];
  assert.ok(bytes_out < (50 << 20) - durable / 2, `only the rest was sent again: ${bytes_out} after ${durable}`);
  const got = (await b.run("files"))[0];
  assert.deepEqual([got.state, got.place, got.hash], ["done", join(to, "garden.bin"), last.hash]);
});

test("a sender that is killed goes on after its restart", { timeout: 120_000 }, async (t) => {
  let [a, b] = await two(t);
  const { path, bytes } = made(t, 50 << 20);
  const send = sending(t, a, path, b.ready.node);
  const offer = await offered(b);
  await b.run("files", "accept", String(offer.number));
  const inbox = join(b.data, "files");
  await closely(() => readdirSync(inbox).some((name) => statSync(join(inbox, name)).size > (2 << 20)));
  await a.kill();
  assert.equal(existsSync(join(inbox, "garden.bin")), false, "killed in the middle");
  a = await Node.start(t, { data: a.data });
  assert.equal(await send.ended, 0, "the command found the node again");
  assert.ok(readFileSync(join(inbox, "garden.bin")).equals(bytes));
});

test("nothing is written before somebody agrees, and a refusal is told", async (t) => {
  const [a, b] = await two(t);
  const { path } = made(t, 3_000_000);
  const send = sending(t, a, path, b.ready.node);
  const offer = await offered(b);
  assert.equal(existsSync(join(b.data, "files")), false);
  await b.run("files", "refuse", String(offer.number));
  assert.equal(await send.ended, 1);
  assert.match(send.events().at(-1).error.message, /did not take garden.bin/);
  assert.equal((await a.run("files"))[0].state, "refused");
  // A folder, a missing file and a stranger are refused at once.
  for (const [args, words] of [
    [["send", a.data, b.ready.node.slice(0, 8)], /is a folder; send its files one by one/],
    [["send", "/no/such/file", b.ready.node.slice(0, 8)], /cannot read/],
    [["send", path, "zzzzzz"], /no peer is called/],
  ]) {
    const { code, err } = await cli(["--data", a.data, ...args]);
    assert.equal(code, 1);
    assert.match(err, words);
  }
});

test("either side may stop, and nothing is left of it", async (t) => {
  const [a, b] = await two(t);
  const { path } = made(t, 200 << 20);
  for (const [stopper, who] of [[a, "out"], [b, "in"]]) {
    const send = sending(t, a, path, b.ready.node);
    const offer = await offered(b);
    await b.run("files", "accept", String(offer.number));
    const number = who === "in" ? offer.number : send.events()[0].number;
    await stopper.run("files", "stop", String(number));
    assert.equal(await send.ended, 1);
    await until("both know", async () => (await a.run("files"))[0].state === "stopped" && (await b.run("files"))[0].state === "stopped");
    await until("nothing is left", async () => readdirSync(join(b.data, "files")).length === 0);
  }
});

test("names of others are harmless, and nothing is overwritten", async (t) => {
  const [a, b] = await two(t);
  const to = folder(t, "inbox");
  for (const [name, kept] of [["..\\..\\evil.txt", "evil.txt"], [".bashrc", "bashrc"], ["evil.txt", "evil (1).txt"], ["a\u202Etxt.exe", "atxt.exe"]]) {
    const { path, bytes } = made(t, 100, name);
    const receive = cli(["--data", b.data, "--json", "receive", "--yes", "--to", to, "--from", a.ready.node.slice(0, 8)]);
    const send = await cli(["--data", a.data, "--json", "send", path, b.ready.node.slice(0, 8)]);
    assert.equal(send.code, 0, send.out);
    const got = JSON.parse((await receive).out.trim().split("\n").at(-1));
    assert.equal(got.place, join(to, kept));
    assert.ok(readFileSync(join(to, kept)).equals(bytes));
  }
  const empty = made(t, 0, "empty").path;
  const [, { code, out }] = await Promise.all([cli(["--data", b.data, "receive", "--yes", "--to", to]), cli(["--data", a.data, "--json", "send", empty, b.ready.node.slice(0, 8)])]);
  assert.equal(code, 0, out);
  assert.equal(statSync(join(to, "empty")).size, 0);
});

test("a rule takes so much from one person without asking, and a limit refuses what is too large", async (t) => {
  const [a, b] = await two(t);
  const settings = await b.run("files", "always", a.ready.node.slice(0, 8), "1");
  assert.deepEqual(settings.always.map((x) => [x.name, x.size]), [["Ash", 1_000_000]]);
  const sent = await cli(["--data", a.data, "send", made(t, 900_000, "one").path, b.ready.node.slice(0, 8)]);
  assert.equal(sent.code, 0, sent.err);
  assert.equal(statSync(join(b.data, "files", "one")).size, 900_000);
  const second = sending(t, a, made(t, 200_000, "two").path, b.ready.node);
  const offer = await offered(b);
  assert.equal(offer.name, "two", "over the measure of the day, a person is asked");
  await b.run("files", "limit", "1");
  const large = await cli(["--data", a.data, "send", made(t, 1_000_001, "three").path, b.ready.node.slice(0, 8)]);
  assert.equal(large.code, 1);
  assert.match(large.err, /files over 1 MB are not taken there/);
  await b.run("files", "accept", String(offer.number));
  assert.equal(await second.ended, 0);
});

test("a file offered to somebody who is away is sent when they are back", async (t) => {
  const [a, b] = await two(t);
  const { path, bytes } = made(t, 1_000_000);
  await b.stop();
  await until("gone", async () => (await a.run("peers")).length === 0);
  const send = sending(t, a, path, b.ready.node);
  await until("it waits", async () => send.events().some((e) => e.event === "waiting" && !e.connected));
  const again = await Node.start(t, { data: b.data });
  const offer = await offered(again);
  mkdirSync(join(b.data, "files"), { recursive: true });
  await again.run("files", "accept", String(offer.number));
  assert.equal(await send.ended, 0);
  assert.ok(readFileSync(join(b.data, "files", "garden.bin")).equals(bytes));
});
