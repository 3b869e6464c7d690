// The clipboard example (J2): two nodes, two files as clipboards.
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BIN, Node, folder, until } from "../lib/node.mjs";

const PROGRAM = resolve(import.meta.dirname, "../../examples/clipboard/clipboard.py");

function sharing(t, node, peer, file) {
  const child = spawn("python3", [PROGRAM, peer.slice(0, 8), "--file", file, "--data", node.data, "--hedgerow", BIN, "--every", "0.1"], { detached: true });
  // With what it started: a listener would outlive it.
  t.after(() => { try { process.kill(-child.pid, "SIGKILL"); } catch { /* It ended by itself. */ } });
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  child.stderr.on("data", (part) => (text += part));
  return () => text;
}

test("what is copied on one machine is the clipboard of the other, both ways and after a break", async (t) => {
  const a = await Node.start(t);
  let b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await until("connected", async () => (await b.run("peers")).length === 1 && (await a.run("peers")).length === 1);
  const dir = folder(t, "clipboard");
  const [here, there] = [join(dir, "a"), join(dir, "b")];
  const [saidA, saidB] = [sharing(t, a, b.ready.node, here), sharing(t, b, a.ready.node, there)];
  await until("both run", async () => saidA().includes("sharing") && saidB().includes("sharing"));
  const has = (file, text) => until(`${text} arrived (${saidA()} / ${saidB()})`, async () => existsSync(file) && readFileSync(file, "utf8") === text);
  writeFileSync(here, "from A, with ümlauts");
  await has(there, "from A, with ümlauts");
  writeFileSync(there, "from B");
  await has(here, "from B");
  // Nothing goes round in a circle.
  assert.equal(saidA().match(/^sent/gm)?.length, 1);
  await b.stop();
  writeFileSync(here, "while B was away");
  b = await Node.start(t, { data: b.data });
  await has(there, "while B was away");
});
