// Whatever a call carries, what is behind the permission check answers it: random values for every method of the API, made of its own
// description and of what earlier answers named. CALLS and SEED make the run longer or another.
import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { caller } from "../lib/calls.mjs";
import { dice } from "../lib/dice.mjs";
import { Node, folder } from "../lib/node.mjs";
import { packFolder } from "../lib/pack.mjs";
import { maker } from "../lib/schema.mjs";
import { connect } from "../../sdk/js/index.js";

const CALLS = Number(process.env.CALLS ?? 10_000);
const SEED = Number(process.env.SEED ?? 2026);
const AT_ONCE = 12;
/** The longest that a call may take whose wait somebody bounded; those that say how long they wait are asked for little. */
const PATIENCE = 60_000;
/** Codes of errors that say that the node is wrong, not who calls. */
const BUGS = [-32_603, "bug"];
/** A call that is larger than this may be ended with its connection, before it was read. */
const LARGE = 1 << 20;
/** Not part of it: ends the node. */
const NOT = ["node.shutdown"];
/**
 * Costs seconds by design (a passphrase made slow, a search in the network, waiting for somebody), or takes away what other calls are
 * about: one in so many of what is chosen is carried out.
 */
const RARE = [
  "node.backup", "node.doctor", "node.report", "peers.find", "peers.trace", "streams.accept", "streams.read", "web.fetch", "widget.publish",
  "widget.remove", "instance.remove", "instance.leave", "plugin.remove", "plugin.revoke", "plugin.stop", "grant.revoke", "grant.deny", "peers.forget", "peers.block", "directory.block", "files.clear", "directory.remove_comment",
];
const RARE_ONE_IN = 12;
const METHODS = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../docs/api/openrpc.json"), "utf8"));
const GUESTBOOK = resolve(import.meta.dirname, "../apps/guestbook");

/** Names of values to values: what answers said, so that calls are about things that are there. */
class Seen {
  #values = new Map();
  known = (name) => this.#values.get(name) ?? [];
  take(value, name = "", depth = 0) {
    if (depth > 8 || value === null) return;
    if (Array.isArray(value)) for (const one of value.slice(0, 20)) this.take(one, name, depth + 1);
    else if (typeof value === "object") for (const [key, inner] of Object.entries(value)) this.take(inner, key, depth + 1);
    else if (typeof value !== "string" || value.length < 20_000) for (const as of [name, ...(ALSO[name] ?? [])]) this.#put(as, value);
  }
  #put(name, value) {
    const list = this.#values.get(name) ?? [];
    if (list.includes(value)) return;
    list.push(value);
    if (list.length > 40) list.splice(1, 1);
    this.#values.set(name, list);
  }
}
/** Other names that methods have for the same thing. */
const ALSO = { key: ["subject", "by", "author", "keys", "person"], user: ["subject", "key"], node: ["id", "to", "from"], uuid: ["id"], package: ["id", "release", "hash"], id: ["parent", "release"], words: ["words"], name: ["group", "app"] };

/** Calls over the Unix socket, which lasts: what is open is closed with it. */
function lasting(t, options) {
  let link = null;
  const again = () => (link ??= connect(options).then((node) => (node.closed.then(() => (link = null)), t.after(() => node.close()), node)));
  return async (method, params) => (await again()).call(method, params);
}

async function stage(t) {
  const home = folder(t, "cwd");
  const first = await Node.start(t, { args: ["--no-dht"], cwd: home });
  const second = await Node.start(t, { args: ["--no-dht", "--peer", first.ready.ticket], cwd: home });
  const xdc = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  await second.run("widget", "publish", xdc, "--license", "MIT", "--version", "1.0.0");
  const own = await first.run("widget", "publish", xdc, "--license", "MIT", "--version", "1.0.0");
  for (let i = 0; i < 2; i++) await first.call("instance.add", { uuid: own.uuid });
  const path = join(home, "poker");
  mkdirSync(path);
  const names = ["node", "contacts", "files", "directory", "peers", "streams", "notifications"];
  writeFileSync(join(path, "plugin.toml"), `name = "poker"\nversion = "1"\ncommand = ["sleep", "100000"]\npermissions = [${names.map((name) => `{ name = "${name}", reason = "to try it" }`).join(", ")}]\n`);
  await first.run("plugin", "add", path);
  await first.run("plugin", "allow", "poker", "--permissions", names.join(","));
  await first.run("plugin", "start", "poker");
  const token = readFileSync(join(first.data, "plugin-tokens/poker.token"), "utf8").trim();
  return { first, second, token };
}

test(`random calls behind the permission check are all answered, and none finds a bug (seed ${SEED})`, { timeout: 240_000 + CALLS * 100 }, async (t) => {
  const { first, second, token } = await stage(t);
  const d = dice(SEED);
  const seen = new Seen();
  const make = maker(d, METHODS.components.schemas, seen.known);
  // What is refused before it was read ends its connection, and that must not be another call's.
  const owner = [caller(first, { keepAlive: false }), lasting(t, { data: first.data })];
  const plugin = [caller(first, { keepAlive: false, token }), lasting(t, { api: join(first.data, "api.sock"), token })];
  const methods = METHODS.methods.filter((m) => !NOT.includes(m.name));
  seen.take(await owner[0]("node.status"));
  const wrong = [];
  const done = new Map();
  let left = CALLS;
  const one = async () => {
    const method = d.of(methods);
    if (RARE.includes(method.name) && d.below(RARE_ONE_IN) > 0) return;
    left -= 1;
    const params = {};
    for (const { name, required, schema } of method.params) {
      if (name === "timeout") params[name] = 1;
      else if (required ? !d.often(0.02) : d.often(0.5)) params[name] = make(schema, name);
    }
    const text = JSON.stringify(params);
    const by = d.of(method["x-callers"].includes("plugin") || d.below(10) === 0 ? d.of([owner, plugin]) : owner);
    const begin = Date.now();
    const answer = await Promise.race([by(method.name, params).then((result) => ({ result }), (error) => ({ error })), sleep(PATIENCE, { late: true }, { ref: false })]);
    const said = () => `${method.name} ${text.slice(0, 2_000)}`;
    if (answer.late) wrong.push(`no answer in ${PATIENCE} ms: ${said()}`);
    // One of the calls may just have stopped the plugin, or taken its permissions back: that ends its connection, with what is under way.
    else if (answer.error?.code === "closed" && plugin.includes(by)) return;
    else if (answer.error && (answer.error.code === undefined || /^E[A-Z]|^closed$/.test(answer.error.code)) && text.length < LARGE) wrong.push(`no JSON-RPC answer (${answer.error.message}): ${said()}`);
    else if (BUGS.includes(answer.error?.code)) wrong.push(`a bug (${answer.error.message}): ${said()}`);
    const to = done.get(method.name) ?? { calls: 0, good: 0, longest: 0, codes: {} };
    to.calls += 1;
    to.longest = Math.max(to.longest, Date.now() - begin);
    if (answer.result !== undefined) to.good += 1;
    else {
      to.codes[answer.error?.code] = (to.codes[answer.error?.code] ?? 0) + 1;
      if (process.env.CALLS_TABLE && to.codes[answer.error?.code] % 20 === 1) console.error(answer.error?.message, said().slice(0, 400));
    }
    done.set(method.name, to);
    if (answer.result !== undefined) seen.take(answer.result);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left > 0 && wrong.length < 10) await one();
  }));
  const log = first.log + second.log;
  if (process.env.CALLS_TABLE) for (const [name, how] of [...done].sort()) console.error(name, JSON.stringify(how));
  assert.deepEqual(wrong, [], `seed ${SEED}`);
  assert.doesNotMatch(log, /panicked/);
  assert.equal(first.process.exitCode, null, "the node lives");
  assert.ok((await first.call("node.status")).node);
  // It proves something only where it gets behind the check.
  const reached = [...done.values()].filter((how) => how.good > 0).length;
  t.diagnostic(`${CALLS} calls of ${done.size} methods; ${reached} of them were carried out at least once; the longest took ${Math.max(...[...done.values()].map((how) => how.longest))} ms`);
  assert.ok(reached > methods.length / 2, `only ${reached} of ${methods.length} methods were ever carried out`);
});
