// `cargo xtask attack`: attacks the real node and the real browser inside networks that lead nowhere, and the same pages
// without protection beside them. README.md says what the columns mean and how a group is added.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { inside, make } from "./netns.mjs";
import { vectors } from "./vectors/index.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean" },
    only: { type: "string" },
    tier: { type: "string", default: "all" },
    pages: { type: "string" },
    components: { type: "string" },
    requests: { type: "string" },
    seed: { type: "string" },
    help: { type: "boolean" },
  },
});
const USAGE = `cargo xtask attack [--json] [--only ID,ID] [--tier strict|partial|all]   all attacks, or those whose ids begin so
cargo xtask attack --pages DIR [--json] [--tier …]   each *.html of a folder, as a widget; SINK in it becomes a watched name
cargo xtask attack --components DIR [--json]   each *.wasm of a folder, as the background part of a widget
cargo xtask attack --requests N [--seed S] [--json]   random requests against the API`;
/** Requests that go with every full run. */
const SHORT = 20_000;
const TIERS = ["strict", "partial"];

if (options.help || !["all", ...TIERS].includes(options.tier)) {
  console.error(USAGE);
  process.exit(options.help ? 0 : 2);
}
const tiers = options.tier === "all" ? TIERS : [options.tier];
const begin = Date.now();
const say = (text) => process.stderr.write(`${text}\n`);
const good = (t) => t.ran && t.blocked && t.control_leaked;
const got = (r) => r !== undefined && (r.stolen === true || r.leaks.length > 0);
const chosen = (id) => !options.only || options.only.split(",").some((one) => id.startsWith(one.trim()));

if (options.requests) await requestsAlone();
else await suite();

/** Pages of others, components of others, or both. */
function foreign() {
  return options.pages !== undefined || options.components !== undefined;
}

async function requestsAlone() {
  const out = await phase("requests", "requests.mjs", { count: Number(options.requests), seed: options.seed });
  console.log(JSON.stringify(out));
  process.exit(out.unauthenticated_2xx === 0 && out.alive ? 0 : 1);
}

async function suite() {
  const ids = foreign() ? [] : vectors.map((v) => v.id).filter(chosen);
  const pages = options.pages ? readdirSync(options.pages).filter((name) => name.endsWith(".html")).sort().map((name) => resolve(join(options.pages, name))) : null;
  const tests = [];
  const withPages = pages !== null || ids.length > 0;
  const run = (tier, some = ids) => phase(tier, "phase.mjs", { tier, ids: some, pages });
  // Side by side, because each is mostly waiting: pages as they are served; the control and then the browser's switches alone;
  // what is no page. What is judged by how long others wait comes after them.
  const control = withPages ? run("control").then((r) => again(r, (one) => !got(one), run)) : null;
  const network = vectors.filter((v) => ids.includes(v.id) && !v.stolen).map((v) => v.id);
  const launched = async () => {
    await control;
    if (!tiers.includes("strict") || network.length === 0) return [];
    return [await again(await phase("launcher", "phase.mjs", { tier: "launcher", ids: network }), (r) => !r.ran, run)];
  };
  const served = async () => {
    const results = [];
    for (const tier of withPages ? tiers : []) results.push(await again(await run(tier), (r) => !r.ran, run));
    return results;
  };
  const only = options.only ?? null;
  const calm = async () => (foreign() ? [] : hub("calm", only));
  const [here, bare, others] = await Promise.all([served(), launched(), calm()]);
  for (const result of [...here, ...bare]) tests.push(...judged(result, await control));
  tests.push(...others);
  if (!foreign()) {
    const parts = await Promise.all(["timed", "components"].map((part) => hub(part, only)));
    tests.push(...parts.flat());
    await alone(tests, "timed", parts[0].filter((t) => t.slow).map((t) => t.id));
    const waited = parts[1].filter((t) => t.slow).map((t) => t.id);
    // How long the owner waits is measured over all of them.
    await alone(tests, "components", waited.includes("C00.owner") ? ["C"] : waited);
  }
  if (options.components) tests.push(...(await phase("components", "hub.mjs", { part: "strangers", folder: resolve(options.components) })).tests);
  report(foreign() ? tests : tests.filter((t) => chosen(t.id)));
}

async function hub(part, only) {
  return (await phase(`hub-${part}`, "hub.mjs", { part, only, count: SHORT })).tests;
}

/** A wait is a measurement: those that only made others wait too long are measured again with the machine for themselves. */
async function alone(tests, part, ids) {
  if (ids.length === 0) return;
  for (const second of await hub(part, ids.join(","))) {
    const first = tests.findIndex((t) => t.id === second.id);
    // What got through in another way stays as it is.
    if (first >= 0 && (tests[first].slow || tests[first].blocked)) tests[first] = { ...second, again: `too slow beside others: ${tests[first].evidence ?? ""}` };
  }
}

/** Once more for those that a busy machine left unproven: what leaked before stays. */
async function again(result, unproven, run) {
  const ids = result.results.filter(unproven).map((r) => r.id);
  if (ids.length === 0 || options.pages) return result;
  say(`${result.tier}, again: ${ids.join(", ")}`);
  const second = await run(result.tier, ids);
  const better = new Map(second.results.map((r) => [r.id, r]));
  const results = result.results.map((r) => (better.has(r.id) ? { ...better.get(r.id), stolen: r.stolen || better.get(r.id).stolen, leaks: [...r.leaks, ...better.get(r.id).leaks] } : r));
  return { ...result, packets: result.packets + second.packets, strays: [...result.strays, ...second.strays], alive: result.alive && second.alive, results };
}

/** What a tier's pages did beside what they did without protection. */
function judged(result, reference) {
  const without = new Map(reference.results.map((r) => [r.id, r]));
  const tests = result.results.map((r) => ({
    id: r.id,
    name: r.name,
    tier: result.tier,
    ran: r.ran,
    blocked: !got(r),
    control_leaked: got(without.get(r.id)),
    leaks: r.leaks,
    control_leaks: without.get(r.id)?.leaks.slice(0, 5) ?? [],
    ...(r.why ? { evidence: r.why } : {}),
    ...(r.failed ? { failed: r.failed } : {}),
    ...(r.killed ? { renderer_ended: true } : {}),
  }));
  if (result.tier !== "partial") {
    tests.push({
      id: "00.packets", name: "not one packet of any kind left, whatever sent it", tier: result.tier, ran: result.alive && result.results.every((r) => r.ran),
      blocked: result.packets === 0, control_leaked: reference.packets > 0, leaks: result.strays, packets: result.packets,
    });
  } else if (!options.pages) {
    tests.push({
      id: "00.strays", name: "no name or address but those of the pages above", tier: result.tier, ran: result.alive,
      blocked: result.strays.length === 0, control_leaked: reference.packets > 0, leaks: result.strays,
    });
  }
  return tests;
}

function report(tests) {
  tests.sort((a, b) => (a.id === b.id ? (a.tier < b.tier ? 1 : -1) : a.id < b.id ? -1 : 1));
  const failed = tests.filter((t) => !good(t));
  if (options.json) console.log(JSON.stringify({ tests, seconds: Math.round((Date.now() - begin) / 100) / 10 }));
  else table(tests);
  say(`${tests.length - failed.length} of ${tests.length} held in ${Math.round((Date.now() - begin) / 1000)} s${failed.length ? `; not: ${failed.map((t) => `${t.id} (${t.tier})`).join(", ")}` : ""}`);
  process.exit(failed.length === 0 && tests.length > 0 ? 0 : 1);
}

function table(tests) {
  const rows = tests.map((t) => [t.id, t.tier, t.ran ? "ran" : "DID NOT RUN", t.blocked ? "blocked" : "GOT THROUGH", t.control_leaked ? "leaks" : "NO LEAK", `${t.name}${t.failed ? ` (${t.failed})` : ""}${t.blocked || !t.leaks?.length ? "" : `: ${t.leaks.slice(0, 3).join(", ")}`}`]);
  const head = ["ID", "TIER", "RAN", "HERE", "CONTROL", "WHAT"];
  const width = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  for (const row of [head, ...rows]) console.log(row.map((cell, i) => (i === 5 ? cell : cell.padEnd(width[i]))).join("  "));
}

/** Runs a program of this folder in a network of its own; answers the JSON that it prints. */
async function phase(name, file, plan) {
  const network = `attack-${process.pid}-${name}`;
  const remove = make(network);
  const clean = () => { remove(); process.exit(1); };
  process.once("SIGINT", clean);
  process.once("SIGTERM", clean);
  try {
    say(`${name}…`);
    const from = Date.now();
    const line = inside(network, process.execPath, join(import.meta.dirname, file), JSON.stringify(plan));
    const child = spawn(line[0], line.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (bytes) => (text += bytes));
    const code = await new Promise((done) => child.once("close", done));
    if (code !== 0) throw new Error(`${file} (${name}) ended with ${code}`);
    say(`${name}: ${Math.round((Date.now() - from) / 1000)} s`);
    return JSON.parse(text);
  } finally {
    process.off("SIGINT", clean);
    process.off("SIGTERM", clean);
    remove();
  }
}
