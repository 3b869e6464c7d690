// Runs inside a network namespace: pages of one tier, or the control. Prints what happened as one line of JSON.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as browsers from "./browser.mjs";
import { Control } from "./control.mjs";
import { seen, STRAY } from "./netns.mjs";
import { files, names, strangersPage } from "./page.mjs";
import { Product } from "./product.mjs";
import { Sink } from "./sink.mjs";
import { vectors } from "./vectors/index.mjs";

/** Pages at once: each is a process of the browser. */
const BATCH = 26;
/** How long a page may take until it ran. */
const PATIENCE = JSON.parse(process.argv[2]).pages ? 6_000 : 25_000;
/** How long after that packets may still come. */
const SETTLE = 2_500;

/** Leaks of one page that are told. */
const MOST = 100;

const plan = JSON.parse(process.argv[2]);
const sink = new Sink();
await sink.start();
const all = plan.pages ? strangers(plan.pages) : vectors.map((v, i) => ({ ...v, number: i + 1 })).filter((v) => plan.ids.includes(v.id) && !(v.strictOnly && plan.tier === "partial"));
for (const v of all) {
  v.at = names(v, v.number, plan.tier);
  sink.register(v.at.host, v.number);
  v.files = v.html === undefined ? files(v, v.at) : strangersPage(v.html, v.at);
  v.reports = [];
}
const size = plan.pages ? 1 : BATCH;
if (["control", "launcher"].includes(plan.tier)) await control();
else await product();
// All of it, however long, before the end.
process.stdout.write(`${JSON.stringify(summary())}\n`, () => process.exit(0));

/** Pages of others, one at a time: whatever leaves while one is there was its doing. */
function strangers(pages) {
  return pages.map((path, i) => ({ id: path.replace(/^.*\//, ""), name: path, number: i + 1, html: readFileSync(path, "utf8"), wait: 2_500 }));
}

function batches(list) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

function over(v) {
  return v.reports.some((r) => r.ran || r.failed);
}

/** Waits until every page said that it ran or failed. */
async function begun(batch, read) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end && !batch.every(over)) {
    await sleep(150);
    await Promise.all(batch.filter((v) => !over(v)).map(async (v) => (v.reports = await read(v))));
  }
}

/** Waits a while longer for what they caused; each batch does so while the next one begins. */
async function settled(batch, read) {
  await sleep(SETTLE + Math.max(0, ...batch.map((v) => v.wait ?? 0)));
  for (const v of batch) {
    if (plan.again && !batch.every(over)) await plan.again(v);
    v.reports = await read(v).catch(() => v.reports);
    if (plan.pages) v.strays = strays();
  }
}

/** Batch after batch: `place`, wait, and while the next one is placed settle and `remove`. Pages of others have the time for themselves. */
async function run(place, read, remove) {
  let last = null;
  for (const batch of batches(all)) {
    const placed = await place(batch);
    await begun(batch, read);
    await last;
    last = settled(batch, read).then(() => remove(batch, placed));
    if (plan.pages) await last;
  }
  await last;
}

async function product() {
  const node = await Product.start();
  const browser = plan.tier === "strict" ? strict(node) : browsers.plain([(await node.call("node.login_link")).hub]);
  if (plan.pages) plan.again = (v) => openedAgain(node, v);
  const place = async (v) => {
    Object.assign(v, await node.place(v.id, v.files, v.twins || v.peer ? 2 : 1));
    const { instance } = v.placed[0];
    if (v.peer) await node.call("app.send_update", { instance, update: { payload: { peer: v.placed[1].origin } } });
    for (const permission of v.asks ?? []) await node.call("grant.give", { instance, permission, how: "always", anyway: true });
  };
  const read = async (v) => (await Promise.all(v.placed.map((p) => node.reports(p.instance)))).flat();
  try {
    await run(
      async (batch) => { for (const v of batch) await place(v); },
      read,
      async (batch) => { for (const v of batch) await node.call("widget.remove", { uuid: v.uuid, with_instances: true }); },
    );
    plan.alive = browser.child.exitCode === null;
    if (process.env.ATTACK_LOG) process.stderr.write(browser.log());
  } finally {
    await browser.stop();
    await node.stop();
  }
}

/** Takes the widget off the dashboard and puts it back, so that a page that left at once can be asked whether it ran. */
async function openedAgain(node, v) {
  const { instance } = v.placed[0];
  await node.call("instance.remove", { instance });
  await sleep(500);
  await node.call("instance.undo_remove", { instance });
  await sleep(3_000);
}

/** The browser exactly as `hedgerow open` starts it. */
function strict(node) {
  const command = strictly(node);
  return browsers.start(command[0], command.slice(1));
}
function strictly(node) {
  return node.run("open", "--headless", "--print", "--browser", browsers.CHROMIUM, "--", ...browsers.PLAIN).command;
}

/** The switches of `hedgerow open` for pages of the control: what the browser keeps in when no header helps it. */
async function switches(server) {
  if (plan.tier !== "launcher") return [];
  const node = await Product.start();
  const flags = strictly(node).filter((flag) => /^--(host-resolver|proxy|webrtc|force-webrtc|disable-quic|disable-features)/.test(flag));
  await node.stop();
  return flags.map((flag) => flag.replaceAll(`hub.localhost:${node.port}`, `control.localhost:${server.port}`).replaceAll("hub.localhost", "control.localhost"));
}

async function control() {
  const server = new Control();
  await server.start();
  const flags = await switches(server);
  const place = async (batch) => {
    const [labels, tops] = [[], []];
    for (const v of batch) {
      const label = `c${v.number}`;
      server.add(label, { ...v, peer: v.peer ? server.origin(`${label}-peer`) : null });
      server.add(`${label}-peer`, { files: v.files });
      (v.top ? tops : labels).push(...Array(v.twins ? 2 : 1).fill(label));
      // Some of what others try is done by windows only.
      if (plan.pages) tops.push(label);
    }
    return browsers.plain([server.hub(labels, tops)], flags);
  };
  await run(place, async (v) => server.reports(`c${v.number}`), (_, browser) => browser.stop());
  plan.alive = true;
  server.stop();
}

/** What left and belongs to no vector. In a browser that is not kept from the network, not what it asks its makers. */
function strays() {
  const known = new Set([...all.map((v) => v.number), STRAY]);
  const strict = ["strict", "launcher"].includes(plan.tier);
  const mdns = "224.0.0.251/udp/5353";
  const to = seen().to.filter((place) => !known.has(numberOf(place)) && !place.endsWith("/53") && (strict || place !== mdns));
  const foreign = sink.hits.filter((hit) => sink.number(hit.host) === STRAY && hit.kind === "dns" && (strict || !browsers.ITS_OWN.test(hit.host)));
  return [...new Set([...to, ...foreign.map((hit) => `dns ${hit.host}`)])];
}

function numberOf(place) {
  const four = /^10\.66\.(\d+)\.(\d+)\//.exec(place);
  if (four) return Number(four[1]) * 256 + Number(four[2]);
  const six = /^2001:db8::66:([0-9a-f]+)\//.exec(place);
  return six ? Number.parseInt(six[1], 16) : null;
}

function summary() {
  const out = seen();
  const leaks = new Map(all.map((v) => [v.number, new Set()]));
  for (const place of out.to) leaks.get(numberOf(place))?.add(`packet to ${place}`);
  for (const hit of sink.hits) leaks.get(sink.number(hit.host))?.add(`${hit.kind} ${hit.host}`);
  const before = new Set();
  const results = all.map((v) => {
    const own = (v.strays ?? []).filter((one) => !before.has(one));
    for (const one of own) before.add(one);
    return {
      id: v.id,
      name: v.name,
      stolen: v.stolen ? v.reports.some((r) => r.stolen === true) : undefined,
      ran: v.reports.some((r) => r.ran),
      failed: v.reports.find((r) => r.failed)?.failed,
      why: v.reports.find((r) => r.why)?.why,
      killed: v.id.startsWith("07.") && v.reports.some((r) => r.ran) && v.js?.includes("alive") && !v.reports.some((r) => r.alive) ? true : undefined,
      leaks: [...leaks.get(v.number), ...own].slice(0, MOST),
    };
  });
  return { tier: plan.tier, alive: plan.alive, packets: out.packets, strays: strays(), results };
}
