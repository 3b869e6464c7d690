// Components against the node: each is installed with a page, allowed to run in the background and watched; as the control the
// same bytes run in bare wasmtime, which gives whatever is imported and stops at nothing.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seen } from "../netns.mjs";
import { pool } from "../pool.mjs";
import { Product } from "../product.mjs";
import { CROWD, LABOUR, guests } from "./guests.mjs";
import { judged } from "./judge.mjs";

const TOOL = process.env.GUESTS;
const WIT = resolve(import.meta.dirname, "../../../docs/api/hedgerow.wit");
/** How long the owner may wait while components do what they do. */
const FAIR = 2_000;
/** Bytes that the node may grow by while one runs: what a component may have, and what translating and answering take. */
const GROWTH = 400 << 20;
/** Longer than another one's translation may hold one up. */
const PATIENT = 60_000;
/** One that is still translated after this long has not run. */
const TRANSLATING = 320_000;
const AT_ONCE = 3;
/** What one event may cost, and what it takes to find out that it did (50 ms), and to ask. */
const EVENT_MS = 2_000;
const SLACK_MS = 300;

const page = { "index.html": "<p>x</p>" };
const manifest = (name, web) => {
  const more = web ? `, { name = "web", hosts = ["${web}"], reason = "to try it" }` : "";
  return { "manifest.toml": `name = ${JSON.stringify(name)}\n[hedgerow]\ncomponent = "background.wasm"\npermissions = [{ name = "background", reason = "to try it" }${more}]\n` };
};

/** Runs it where nothing holds it back. */
const bare = (path, ms = 3_000) => new Promise((done) => execFile(TOOL, ["bare", path, String(ms)], { timeout: ms + 30_000 }, (error, text) => {
  try {
    done(JSON.parse(text));
  } catch {
    done({ loaded: true, ended: false, crashed: true, why: String(error?.signal ?? error) });
  }
}));
/** The same without WebAssembly: a process that nobody watches. */
const deep = () => new Promise((done) => execFile(TOOL, ["deep"], { timeout: 30_000 }, (error) => done({ crashed: !!error?.signal })));

/** Asks the node again and again how it is, and notes the longest wait. */
function watched(node) {
  let over = false;
  let longest = 0;
  const all = (async () => {
    while (!over) {
      const begin = performance.now();
      await node.call("node.status").catch(() => (longest = Infinity));
      longest = Math.max(longest, performance.now() - begin);
      await sleep(50);
    }
  })();
  return async () => {
    over = true;
    await all;
    return Math.round(longest);
  };
}
const memory = (node) => 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.child.pid}/status`, "utf8"))?.[1] ?? 0);

const how = async (node, instance) => (await node.call("component.list")).find((c) => c.instance === instance);
const lines = async (node, instance) => (await node.call("component.logs", { instance, lines: 500 })).map((line) => line.text);

/** Installs it `count` times and lets it run; answers once it said something, ended or was refused. */
async function runs(node, name, wasm, { web, patience = 12_000, count = 1, enough = () => false } = {}) {
  const { uuid, placed } = await node.place(name, { ...page, ...manifest(name, web), "background.wasm": wasm }, count);
  const { instance } = placed[0];
  const begin = Date.now();
  for (const one of placed) {
    await node.call("grant.give", { instance: one.instance, permission: "background", how: "always" });
    if (web) await node.call("grant.give", { instance: one.instance, permission: "web", how: "always", anyway: true });
  }
  let end = Date.now() + patience;
  let state = null;
  let said = [];
  while (Date.now() < end) {
    await sleep(100);
    state = await how(node, instance);
    // It did nothing yet: the translator has limits of its own.
    if (state?.state === "compiling") end = Math.min(Date.now() + patience, begin + TRANSLATING);
    said = await lines(node, instance);
    if (state?.cpu_ms > EVENT_MS + SLACK_MS) break;
    if (["held", "waiting", "paused"].includes(state?.state) || state?.restarts > 0 || said.some((line) => ["got", "not"].includes(line)) || enough(state, said)) break;
  }
  return { uuid, instance, state, said, refused: state?.state === "held" && state.events === 0 && state.restarts === 0 };
}

/** It was stopped, whether it was begun anew since or not. */
const ended = (state) => state?.restarts > 0 || ["waiting", "held", "paused"].includes(state?.state);

async function attack(node, test, path) {
  const { uuid, instance, state, said, refused } = await runs(node, test.id, readFileSync(path), { ...test, patience: test.ends ? 45_000 : test.patience, enough: (s, all) => (test.revoke && all.length > 1) || test.ran?.(s, all) });
  const out = { ran: true, evidence: `${state?.state}: ${state?.why ?? said.slice(-1)[0] ?? ""}`.slice(0, 200) };
  const won = said.includes("got");
  if (test.refused) Object.assign(out, { ran: refused, got: !refused });
  else if (test.ends) {
    // It runs behind everything else, so a busy machine may not have given it its two seconds yet.
    Object.assign(out, { ran: ended(state) || state?.cpu_ms > EVENT_MS, got: won || state?.cpu_ms > EVENT_MS + SLACK_MS, slow: !won && state?.cpu_ms < 2 * EVENT_MS, evidence: `${out.evidence}; ${state?.cpu_ms} ms of the processor` });
  }
  else if (test.revoke) Object.assign(out, await revoked(node, instance));
  else if (test.took) Object.assign(out, { ran: test.ran ? test.ran(state, said) : state.events + state.restarts > 0 || said.length > 1, got: test.took(await how(node, instance), await lines(node, instance)) });
  else Object.assign(out, { ran: said.includes("got") || said.includes("not"), got: won });
  await node.call("widget.remove", { uuid, with_instances: true });
  return out;
}

/** It calls once a second: the list of calls says whether it still does. */
async function revoked(node, instance) {
  const calls = async () => (await node.call("audit.list", { name: instance })).filter((line) => line.method === "app.realtime_send").reduce((sum, line) => sum + line.calls, 0);
  await sleep(1_500);
  const before = await calls();
  await node.call("grant.revoke", { instance, permission: "background" });
  const at = await calls();
  await sleep(2_500);
  // One may have been under way.
  const after = await calls();
  const { state } = await how(node, instance);
  return { ran: before > 1, got: after > at + 1 || state !== "not_allowed", evidence: `${before}, ${at}, then ${after}; ${state}` };
}

async function control(test, path) {
  const told = await (test.deep ? deep() : bare(path));
  if (test.deep) return told.crashed;
  if (test.bare) return test.bare(told);
  return test.refused ? told.loaded && (told.ran || !!test.made || !told.why) : told.text.includes("got");
}

function against(node, test, path) {
  return judged(test, () => attack(node, test, path), async () => ({ got: await control(test, path) }));
}

/** A component with `size` bytes of nothing in a section of its own. */
function padded(wasm, size) {
  const leb = [];
  for (let n = size + 2; ; n >>>= 7) {
    leb.push((n & 127) | (n > 127 ? 128 : 0));
    if (n <= 127) break;
  }
  return Buffer.concat([wasm, Buffer.from([0, ...leb, 1, 120]), Buffer.alloc(size)]);
}

/** A good component, translated by bare wasmtime, or much larger. */
function others(folder) {
  const good = join(folder, "C09.contacts.wasm");
  execFileSync(TOOL, ["translate", good, join(folder, "C03.translated.wasm")]);
  writeFileSync(join(folder, "C03.size.wasm"), padded(readFileSync(good), 40 << 20));
}

/** One whose translation does not end: another one must not wait for that, nor the owner. */
async function labour(node, folder) {
  const path = join(folder, `${LABOUR.id}.wasm`);
  const told = bare(path);
  const [watch, before] = [watched(node), memory(node)];
  const { uuid, placed } = await node.place(LABOUR.id, { ...page, ...manifest(LABOUR.id), "background.wasm": readFileSync(path) });
  const [{ instance }] = placed;
  await node.call("grant.give", { instance, permission: "background", how: "always" });
  const translated = async () => (await how(node, instance))?.state === "compiling";
  for (let i = 0; i < 100 && !(await translated()); i++) await sleep(100);
  const begin = Date.now();
  // Not the same as before, or its code would be here.
  const other = await runs(node, "other", padded(readFileSync(join(folder, `${LABOUR.beside}.wasm`)), 8), { patience: PATIENT });
  const waited = Date.now() - begin;
  const [ran, longest, grown] = [await translated(), await watch(), memory(node) - before];
  for (const one of [uuid, other.uuid]) await node.call("widget.remove", { uuid: one, with_instances: true });
  const there = other.said.includes("not");
  const out = { id: LABOUR.id, name: LABOUR.name, tier: "any", ran, blocked: there && longest < FAIR && grown < GROWTH, control_leaked: !(await told).loaded, evidence: `the other one was there after ${waited} ms, the owner waited ${longest} ms at most, the node grew by ${grown >> 20} MiB` };
  return out.blocked ? out : { ...out, slow: true };
}

async function crowd(node, path) {
  const watch = watched(node);
  const { uuid, state } = await runs(node, CROWD.id, readFileSync(path), { count: CROWD.count, patience: 10_000 });
  await sleep(2_000);
  const all = (await node.call("component.list")).filter((c) => c.uuid === uuid);
  const longest = await watch();
  await node.call("widget.remove", { uuid, with_instances: true });
  const told = await bare(path, 1_000);
  return { id: CROWD.id, name: CROWD.name, tier: "any", ran: all.length === CROWD.count && state !== undefined, blocked: longest < FAIR, ...(longest < FAIR ? {} : { slow: true }), control_leaked: !told.ended, evidence: `the owner waited ${longest} ms at most` };
}

/** All of them; `wanted` says which. */
export async function components(wanted) {
  const list = guests.filter(wanted);
  const [many, long] = [wanted(CROWD), wanted(LABOUR)];
  if (list.length === 0 && !many && !long) return [];
  const folder = mkdtempSync(join(tmpdir(), "attack-guests-"));
  const node = await Product.start();
  try {
    const ours = readFileSync(WIT, "utf8");
    const specs = [...guests, LABOUR].filter((g) => g.spec).map((g) => ({ name: g.id, ...g.spec(ours) }));
    execFileSync(TOOL, ["make", folder], { input: JSON.stringify(specs) });
    others(folder);
    const watch = watched(node);
    const first = seen().packets;
    const tests = await pool(list, AT_ONCE, (test) => against(node, test, join(folder, `${test.id}.wasm`)));
    const longest = await watch();
    if (many) tests.push(await crowd(node, join(folder, `${CROWD.of}.wasm`)));
    if (long) tests.push(await labour(node, folder));
    if (list.length === guests.length) {
      const packets = seen().packets - first;
      tests.push({ id: "C00.packets", name: "not one packet left the machine for any of them", tier: "any", ran: tests.every((t) => t.ran), blocked: packets === 0, control_leaked: tests.some((t) => t.id === "C09.web" && t.control_leaked), packets });
      tests.push({ id: "C00.owner", name: "the owner never waits for them", tier: "any", ran: true, blocked: longest < FAIR, ...(longest < FAIR ? {} : { slow: true }), control_leaked: tests.some((t) => t.id === "C06.loop" && t.control_leaked), evidence: `${longest} ms at most` });
    }
    return tests;
  } finally {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Components of others, one at a time: whatever leaves the machine, the time and the memory of the node, and what it may cost. */
export async function strangers(node, folder) {
  const tests = [];
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".wasm")).sort()) {
    const path = resolve(join(folder, name));
    const out = { id: basename(name), name: path, tier: "any", ran: false, blocked: false, control_leaked: false, leaks: [] };
    tests.push(out);
    try {
      const [packets, before, watch] = [seen(), memory(node), watched(node)];
      const { uuid, instance, refused } = await runs(node, name, readFileSync(path), { patience: 5_000, enough: () => false });
      await sleep(2_500);
      const [state, said, after] = [await how(node, instance), await lines(node, instance), seen()];
      const longest = await watch();
      const grown = memory(node) - before;
      await node.call("widget.remove", { uuid, with_instances: true });
      const told = await bare(path);
      out.ran = refused || state.events > 0 || state.restarts > 0 || ["waiting", "held", "paused", "running"].includes(state.state);
      const known = new Set(packets.to);
      if (after.packets > packets.packets) out.leaks.push(`${after.packets - packets.packets} packets`, ...after.to.filter((place) => !known.has(place)));
      if (longest >= FAIR) out.leaks.push(`the owner waited ${longest} ms`);
      if (grown > GROWTH) out.leaks.push(`the node grew by ${grown >> 20} MiB`);
      if (state.calls > 650) out.leaks.push(`${state.calls} calls`);
      if (state.bytes > 6 << 20) out.leaks.push(`${state.bytes} bytes`);
      if (state.memory_bytes > 64 << 20) out.leaks.push(`${state.memory_bytes} bytes of memory`);
      if (said.join("").length > 80 << 10) out.leaks.push("lines");
      out.blocked = out.leaks.length === 0;
      // Without limits it gets what ours refused, goes on for ever, or takes more than it may.
      out.control_leaked = told.crashed === true || (refused && told.loaded) || !told.ended || told.calls > 0 || told.lines > 100 || told.bytes > 1 << 20 || told.peak > 200 << 20 || state.state === "waiting";
      out.evidence = `${state.state}: ${state.why ?? said.slice(-1)[0] ?? ""}`.slice(0, 300);
      out.bare = told;
    } catch (error) {
      out.failed = String(error?.message ?? error).slice(0, 300);
    }
  }
  return tests;
}
