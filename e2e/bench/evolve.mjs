// Real nodes among which a widget is forked into a better one: does the fork overtake its ancestor by itself, and how long
// does an update take to reach everybody?
//
//   HEDGEROW_BIN=… node e2e/bench/evolve.mjs [--nodes 30] [--liars 0.2] [--seed 1] [--minutes 3] [--json]
//
// Each node knows three earlier ones by ticket. People look at the directory in turn, install the best rated widget for
// the word they look for, use it, and rate it by how good it is, with their own mood; liars praise the ancestor and damn the
// fork. Nodes go away and come back all the time. Nobody tells anybody of the fork.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Node } from "../lib/node.mjs";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const NODES = option("nodes", 30);
const LIARS = option("liars", 0.2);
const MINUTES = option("minutes", 3);
const JSON_OUT = process.argv.includes("--json");
let state = option("seed", 1) >>> 0;
/** The same numbers for a seed. */
const chance = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const pick = (list) => list[Math.floor(chance() * list.length)];
const say = (text) => JSON_OUT || console.log(text);

const cleanups = [];
const folders = mkdtempSync(join(tmpdir(), "hedgerow-evolve-"));
/** What Node.start wants of a test. */
const t = { after: (what) => cleanups.push(what) };
const ARGS = ["--no-dht", "--no-serve", "--no-park"];

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
/** A call over HTTP: quicker than a process for each. */
async function call(node, method, params = {}) {
  const { port, token } = node.api;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const text = await new Promise((done, fail) => {
    const request = http.request({ host: "127.0.0.1", port, path: "/api/rpc", method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.on("data", (bytes) => (text += bytes)).on("end", () => done(text));
    });
    request.on("error", fail);
    request.end(body);
  });
  const { result, error } = JSON.parse(text);
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

async function start(number, peers) {
  const data = join(folders, String(number));
  const node = await Node.start(t, { data, args: [...ARGS, ...peers.flatMap((peer) => ["--peer", peer])] });
  node.api = JSON.parse(readFileSync(join(data, "api.json"), "utf8"));
  return node;
}

async function publish(node, name, version, more = {}) {
  const folder = mkdtempSync(join(folders, "widget-"));
  const extra = Object.entries(more).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n");
  writeFileSync(join(folder, "index.html"), `<!doctype html><title>${name}</title><p>${name} ${version}</p>`);
  writeFileSync(join(folder, "manifest.toml"), `name = "${name}"\n[hedgerow]\nversion = "${version}"\nlicense = "MIT"\nsummary = "Plan a garden"\n${extra}\n`);
  return node.run("widget", "publish", folder);
}

async function until(what, seconds, test) {
  const begin = performance.now();
  for (;;) {
    if (await test()) return performance.now() - begin;
    if (performance.now() - begin > seconds * 1000) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

async function main() {
  const nodes = [];
  const tickets = [];
  for (let number = 0; number < NODES; number++) {
    const peers = new Set();
    while (peers.size < Math.min(3, number)) peers.add(pick(tickets));
    const node = await start(number, [...peers]);
    node.peers = [...peers];
    await call(node, "profile.set", { name: `Person ${number}` });
    tickets.push((await call(node, "node.ticket")).ticket);
    nodes.push(node);
  }
  // Who somebody has a ticket from is somebody they know.
  for (const node of nodes) for (const ticket of node.peers) await call(node, "peers.connect", { ticket });
  say(`${NODES} nodes run, each with the tickets of up to three others`);

  const ancestor = await publish(nodes[0], "Plot planner", "1.0.0", { tags: ["garden"] });
  const here = async (uuid) => (await Promise.all(nodes.map((n) => call(n, "widget.search", { query: "garden", limit: 100 })))).every((list) => list.some((w) => w.uuid === uuid));
  const spread = await until("the ancestor is known everywhere", 60, () => here(ancestor.uuid));
  say(`the ancestor is in every directory after ${Math.round(spread)} ms`);

  // An update reaches all who have it installed.
  await Promise.all(nodes.slice(1).map((node) => call(node, "widget.install", { uuid: ancestor.uuid })));
  for (const node of nodes) await call(node, "directory.set", { updates: "all" });
  await sleep(3000);
  const begin = performance.now();
  await publish(nodes[0], "Plot planner", "1.0.1", { tags: ["garden"], uuid: ancestor.uuid });
  const times = await Promise.all(nodes.slice(1).map(async (node) => {
    await until("the update is installed", 60, async () => (await call(node, "widget.list")).some((w) => w.uuid === ancestor.uuid && w.version === "1.0.1"));
    return performance.now() - begin;
  }));
  times.sort((a, b) => a - b);
  const update = { nodes: times.length, p50_ms: Math.round(times[times.length >> 1]), last_ms: Math.round(times.at(-1)) };
  say(`the update is installed on ${update.nodes} nodes: half after ${update.p50_ms} ms, the last after ${update.last_ms} ms`);

  // Everybody says what they think of the ancestor: not much.
  const liar = (number) => number > 0 && number <= Math.round(NODES * LIARS);
  const opinion = (number, good) => {
    if (liar(number)) return good ? 1 : 5;
    const mood = chance() < 0.2 ? -1 : chance() < 0.2 ? 1 : 0;
    return Math.max(1, Math.min(5, (good ? 5 : 2) + mood));
  };
  for (const [number, node] of nodes.entries()) if (number > 0 && chance() < 0.6) await call(node, "directory.rate", { uuid: ancestor.uuid, stars: opinion(number, false) });

  const forker = nodes.length - 1;
  const copy = await call(nodes[forker], "widget.fork", { uuid: ancestor.uuid });
  const fork = await publish(nodes[forker], copy.name, "1.1.0", { tags: ["garden"], uuid: copy.uuid, ancestor: ancestor.uuid });
  say(`Person ${forker} published a better fork; from here on people look and choose by themselves`);

  const rated = new Set();
  const history = [];
  const forkBegin = performance.now();
  let overtaken = null;
  const restarted = new Set();
  while (performance.now() - forkBegin < MINUTES * 60_000) {
    // Somebody looks for a garden planner.
    const number = Math.floor(chance() * NODES);
    const node = nodes[number];
    const list = await call(node, "widget.search", { query: "garden", order: "rating" });
    const newest = await call(node, "widget.search", { query: "garden", order: "newest" });
    // Most take the best rated; some are curious about what is new.
    const wanted = [fork.uuid, ancestor.uuid];
    const choice = (chance() < 0.3 ? newest : list).find((w) => wanted.includes(w.uuid));
    if (choice && !rated.has(`${number} ${choice.uuid}`)) {
      const good = choice.uuid === fork.uuid;
      if (!(good ? number === forker : number === 0)) {
        await call(node, "widget.install", { uuid: choice.uuid }).catch(() => undefined);
        await call(node, "directory.rate", { uuid: choice.uuid, stars: opinion(number, good) });
        rated.add(`${number} ${choice.uuid}`);
      }
    }
    // Churn: somebody goes, and comes back.
    if (chance() < 0.08) {
      const away = 1 + Math.floor(chance() * (NODES - 2));
      await nodes[away].stop();
      await sleep(300);
      const back = await start(away, nodes[away].peers);
      back.peers = nodes[away].peers;
      nodes[away] = back;
      restarted.add(away);
    }
    const tops = await Promise.all(nodes.map(async (n) => (await call(n, "widget.search", { query: "garden", order: "rating" })).find((w) => wanted.includes(w.uuid))?.uuid));
    const share = tops.filter((uuid, n) => !liar(n) && uuid === fork.uuid).length / tops.filter((_, n) => !liar(n)).length;
    history.push({ seconds: Math.round((performance.now() - forkBegin) / 100) / 10, ratings: rated.size, share });
    if (share >= 0.95) {
      overtaken = history.at(-1);
      break;
    }
  }
  const users = [];
  for (const n of nodes) users.push(await call(n, "widget.list").then((l) => [l.some((w) => w.uuid === fork.uuid), l.some((w) => w.uuid === ancestor.uuid)]));
  const lineage = await call(nodes[1], "directory.lineage", { uuid: fork.uuid });
  const result = {
    nodes: NODES,
    liars: LIARS,
    restarted: restarted.size,
    spread_ms: Math.round(spread),
    update,
    overtaken,
    fork_installed: users.filter(([fork]) => fork).length,
    lineage: lineage.widgets.map((w) => w.name),
    history: history.filter((_, n) => n % Math.ceil(history.length / 20) === 0),
  };
  if (JSON_OUT) console.log(JSON.stringify(result));
  else if (overtaken) say(`after ${overtaken.seconds} s and ${overtaken.ratings} ratings the fork is first on ${Math.round(overtaken.share * 100)} % of honest nodes; ${restarted.size} nodes went and came back`);
  else say(`the fork was first on ${Math.round((history.at(-1)?.share ?? 0) * 100)} % of honest nodes at the end`);
  if (!overtaken) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`evolve: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const clean of cleanups.reverse()) await clean();
  rmSync(folders, { recursive: true, force: true });
}
