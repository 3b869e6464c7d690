// Spaces and nodes: members come and go, public talk, backups, and trouble with the machine (J3-J5, O3, J12).
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Node, cli, folder, until } from "../lib/node.mjs";

const texts = async (node, instance) =>
  (await node.call("app.updates", { instance, serial: 0 })).updates.map((update) => update.payload);
const say = (node, instance, payload) => node.call("app.send_update", { instance, update: { payload } });
const hears = (what, node, instance, payload) => until(what, async () => (await texts(node, instance)).includes(payload));
const shout = async (node) => (await node.run("widget", "search", "shout"))[0].uuid;

test("who leaves or is removed reads nothing that is written later, and can be invited again", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const c = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const { instance: onA } = await a.run("instance", "add", await shout(a), "--space", "invited");
  const { invite } = await a.run("instance", "invite", onA);
  const { instance: onB } = await b.run("instance", "join", invite);
  const { instance: onC } = await c.run("instance", "join", invite);
  await say(b, onB, "from B");
  await say(c, onC, "from C");
  for (const [node, at] of [[a, onA], [b, onB], [c, onC]]) {
    await hears("all hear B", node, at, "from B");
    await hears("all hear C", node, at, "from C");
  }
  const { self_addr } = await b.call("app.open", { instance: onB });
  const left = await a.call("instance.remove_member", { instance: onA, pseudonym: self_addr });
  assert.equal(left.some((m) => m.pseudonym === self_addr), false);
  await until("B knows", async () => (await b.run("instance", "list"))[0].closed);
  await say(a, onA, "without B");
  await hears("C goes on", c, onC, "without B");
  assert.equal((await texts(b, onB)).includes("without B"), false);
  await assert.rejects(say(b, onB, "let me in"), /./);

  await b.run("instance", "join", (await a.run("instance", "invite", onA)).invite);
  await hears("B is back", b, onB, "without B");
  await c.call("instance.leave", { instance: onC });
  await until("C is gone", async () => (await a.call("instance.members", { instance: onA })).length === 2);
});

test("everybody who places a widget in public hears the others", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const uuid = await shout(a);
  const { instance: onA } = await a.run("instance", "add", uuid, "--space", "public");
  const { instance: onB } = await b.run("instance", "add", uuid, "--space", "public");
  await say(a, onA, "hello everybody");
  await hears("B hears it", b, onB, "hello everybody");
  const copy = await b.call("instance.duplicate", { instance: onB });
  assert.equal(copy.space, "private");
  assert.deepEqual(await texts(b, copy.instance), ["hello everybody"]);
});

test("a backup brings everything back, encrypted on the way", async (t) => {
  const a = await Node.start(t);
  const { instance } = await a.run("instance", "add", await shout(a));
  await say(a, instance, "the secret word");
  const file = join(folder(t, "backup"), "all.hedgerow");
  await a.call("node.backup", { path: file, passphrase: "correct horse" });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(file).includes("secret word"), false);
  await a.stop();
  const data = folder(t, "restored");
  const restore = (passphrase) => cli(["restore", file, "--data", data, "--json"], { env: { HEDGEROW_BACKUP_PASSPHRASE: passphrase } });
  const wrong = await restore("wrong words");
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /passphrase/);
  const good = await restore("correct horse");
  assert.equal(good.code, 0, good.err);
  const b = await Node.start(t, { data });
  assert.equal(b.ready.user, a.ready.user);
  assert.deepEqual(await texts(b, instance), ["the secret word"]);
  assert.equal(statSync(join(data, "identity.key")).mode & 0o777, 0o600);
});

test("a damaged database, a read-only folder, a taken folder and a taken port each get one clear line", async (t) => {
  const up = (data, port = 0) => cli(["up", "--no-browser", "--no-lan", "--no-port-mapping", "--listen", `127.0.0.1:${port}`, "--data", data]);
  const refused = ({ code, err, out }, reason) => {
    assert.equal(code, 1, out);
    assert.match(err, reason);
    assert.equal(err.trim().split("\n").length, 1, err);
  };
  const a = await Node.start(t);
  refused(await up(a.data), /another node already uses/);
  const port = JSON.parse(readFileSync(join(a.data, "api.json"))).port;
  refused(await up(folder(t), port), /port \d+ is used by another program/);
  await a.stop();
  writeFileSync(join(a.data, "hedgerow.db"), randomBytes(65536));
  refused(await up(a.data), /database|damaged/);
  assert.equal(existsSync(join(a.data, "identity.key")), true, "the key is not touched");
  const file = join(folder(t), "file");
  writeFileSync(file, "x");
  refused(await up(join(file, "data")), /cannot use the data folder/);
});

test("a full disk loses nothing that was acknowledged, is told, and ends when there is room again", async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "hedgerow-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
  t.after(() => {
    execFileSync("umount", ["-l", disk]);
    rmdirSync(disk);
  });
  const a = await Node.start(t, { data: join(disk, "data") });
  const { instance } = await a.run("instance", "add", await shout(a));
  await say(a, instance, "kept 0");
  const filler = join(disk, "filler");
  execFileSync("sh", ["-c", `dd if=/dev/zero of=${filler} bs=64k 2>/dev/null || true`]);
  const kept = ["kept 0"];
  const big = "x".repeat(60_000);
  const refused = await until("the disk refuses", async () => {
    const text = `kept ${kept.length} ${big}`;
    try {
      await say(a, instance, text);
      kept.push(text);
    } catch (error) {
      return error;
    }
  });
  assert.match(refused.message, /full/);
  assert.match((await a.call("node.status")).trouble, /full/);
  assert.deepEqual(await texts(a, instance), kept);
  rmSync(filler);
  await say(a, instance, "after");
  assert.deepEqual(await texts(a, instance), [...kept, "after"]);
  assert.equal((await a.call("node.status")).trouble, null);
  await a.kill();
});
