// The promised numbers of whole nodes and browsers: `node e2e/bench/node.mjs PATH_OF_HEDGEROW`. Prints JSON for
// `cargo xtask bench`: median and spread of each.
process.env.HEDGEROW_BIN = process.argv[2];
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
const { Node, until } = await import("../lib/node.mjs");
const { caller } = await import("../lib/calls.mjs");
const { appFrame, closeBrowser, openHub, profile } = await import("../lib/browser.mjs");
const { zip } = await import("../lib/pack.mjs");

const closing = [];
const t = { after: (close) => closing.push(close) };
const numbers = {};
function report(name, values, unit, target, atLeast = false) {
  const sorted = [...values].sort((a, b) => a - b);
  const round = (x) => Number(x.toFixed(x < 10 ? 3 : 1));
  const median = sorted[Math.floor(sorted.length / 2)];
  numbers[name] = { median: round(median), min: round(sorted[0]), max: round(sorted.at(-1)), unit };
  if (target !== undefined) Object.assign(numbers[name], { target, ok: atLeast ? median >= target : median <= target });
  console.error(name, JSON.stringify(numbers[name]));
}

async function startToReady() {
  const data = mkdtempSync(join(tmpdir(), "hedgerow-bench-"));
  const times = [];
  for (let i = 0; i < 10; i++) {
    const begun = performance.now();
    const node = spawn(process.argv[2], ["up", "--json", "--no-browser", "--no-lan", "--no-port-mapping", "--listen", "127.0.0.1:0", "--data", data], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((done) => node.stdout.once("data", done));
    times.push(performance.now() - begun);
    node.kill("SIGTERM");
    await new Promise((done) => node.once("exit", done));
  }
  rmSync(data, { recursive: true });
  report("start_to_ready_first", [times[0]], "ms", 1000);
  report("start_to_ready", times.slice(1), "ms", 1000);
}

function firstScreenSize() {
  const out = execFileSync("node", [resolve(import.meta.dirname, "../../web/tests/size.mjs")], { encoding: "utf8" });
  report("hub_first_screen_gzip", [Number(/first screen (\d+) bytes/.exec(out)[1]) / 1000], "kB", 100);
}

async function firstPaint(node) {
  const times = [];
  const context = await profile(t);
  for (let i = 0; i < 8; i++) {
    const page = await openHub(context, node);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    await page.close();
  }
  report("hub_first_paint", times.slice(1), "ms", 200);
}

const PAGE = `<!doctype html><meta charset=utf-8><script src="webxdc.js"></script><body>bench<script>
window.seen = [];
window.webxdc.setUpdateListener((u) => window.seen.push([u.payload, performance.timeOrigin + performance.now()]), 0)
  .then(() => (window.started = performance.now()));
</script>`;

async function widgets(a, b) {
  const file = join(mkdtempSync(join(tmpdir(), "hedgerow-bench-")), "bench.xdc");
  writeFileSync(file, zip({ "index.html": PAGE, "manifest.toml": 'name = "Bench"' }));
  const { uuid } = await a.run("widget", "publish", file, "--license", "MIT", "--version", "1.0.0");
  const onA = await a.run("instance", "add", uuid, "--space", "invited");
  const onB = await b.run("instance", "join", (await a.run("instance", "invite", onA.instance)).invite);
  const pageA = await openHub(await profile(t), a);
  const pageB = await openHub(await profile(t), b);
  const frameA = await appFrame(pageA, onA.origin);
  const frameB = await appFrame(pageB, onB.origin);
  const times = [];
  for (let i = 0; i < 105; i++) {
    const sent = await frameA.evaluate((i) => {
      const at = performance.timeOrigin + performance.now();
      window.webxdc.sendUpdate({ payload: i }, "");
      return at;
    }, i);
    const [, got] = await (await frameB.waitForFunction((i) => window.seen.find(([n]) => n === i), i, { polling: 2 })).jsonValue();
    if (i >= 5) times.push(got - sent);
  }
  report("update_widget_to_widget", times, "ms", 20);
  const starts = [];
  for (let i = 0; i < 9; i++) {
    // From nothing to a widget whose script has run and which has its updates.
    const ms = await pageB.evaluate(async (origin) => {
      const frame = [...document.querySelectorAll("iframe")].find((f) => f.src.startsWith(origin));
      const begun = performance.now();
      const loaded = new Promise((done) => frame.addEventListener("load", done, { once: true }));
      frame.src = frame.src;
      await loaded;
      return performance.now() - begun;
    }, onB.origin);
    starts.push(ms);
  }
  report("widget_start_warm", starts.slice(1), "ms", 100);
}

async function catchUp(a) {
  const uuid = (await a.run("widget", "search", "shout"))[0].uuid;
  const { instance } = await a.run("instance", "add", uuid, "--space", "invited");
  const { invite } = await a.run("instance", "invite", instance);
  const call = caller(a);
  const begun = performance.now();
  let next = 0;
  const writer = async () => {
    while (next < 10_000) {
      const payload = { n: next++, text: "x".repeat(100) };
      await call("app.send_update", { instance, update: { payload } });
    }
  };
  await Promise.all(Array.from({ length: 64 }, writer));
  report("write_10000_updates", [(performance.now() - begun) / 1000], "s");
  const times = [];
  for (let i = 0; i < 5; i++) {
    const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
    await until("connected", async () => (await b.run("peers")).length > 0);
    const ask = caller(b);
    const from = performance.now();
    const joined = await ask("instance.join", { invite });
    for (;;) {
      const { max_serial } = await ask("app.updates", { instance: joined.instance, serial: 1e9 });
      if (max_serial === 10_000) break;
      await new Promise((done) => setTimeout(done, 5));
    }
    times.push((performance.now() - from) / 1000);
    await b.kill();
  }
  report("catch_up_10000", times, "s", 2);
}

async function download(a) {
  const rates = [];
  for (let i = 0; i < 5; i++) {
    const size = 60 << 20;
    const file = join(mkdtempSync(join(tmpdir(), "hedgerow-bench-")), "big.xdc");
    writeFileSync(file, zip({ "index.html": `big ${i}`, "data.bin": randomBytes(size) }));
    const { uuid } = await a.run("widget", "publish", file, "--license", "MIT", "--version", "1.0.0", "--name", `Big ${i}`);
    rmSync(file);
    const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
    await until("B knows it", async () => (await b.run("widget", "search", "big", String(i)))[0]);
    const ask = caller(b);
    const from = performance.now();
    // `widget.files` needs the whole package, fetched and durable, and nothing else.
    await ask("widget.files", { uuid });
    rates.push(size / 1e6 / ((performance.now() - from) / 1000));
    await b.kill();
    rmSync(b.data, { recursive: true, force: true });
  }
  report("package_download", rates, "MB/s", 200, true);
}

async function idle() {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await until("connected", async () => (await b.run("peers")).length > 0);
  await new Promise((done) => setTimeout(done, 5_000));
  const ticks = () => readFileSync(`/proc/${b.process.pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13).map(Number).reduce((x, y) => x + y);
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${b.process.pid}/status`, "utf8"))[1]) / 1024;
  const [cpu, memory] = [[], []];
  for (let i = 0; i < 4; i++) {
    const before = ticks();
    await new Promise((done) => setTimeout(done, 10_000));
    cpu.push((ticks() - before) / 10);
    memory.push(rss());
  }
  report("idle_cpu", cpu, "%", 0.5);
  report("idle_memory", memory, "MiB", 60);
}

try {
  await startToReady();
  firstScreenSize();
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await firstPaint(a);
  await widgets(a, b);
  await catchUp(a);
  await download(a);
  await idle();
  console.log(JSON.stringify(numbers));
} finally {
  for (const close of closing.reverse()) await close();
  await closeBrowser();
}
process.exit(0);
