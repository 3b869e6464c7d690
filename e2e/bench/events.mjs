// The promised numbers of messages to a widget in a browser: `node e2e/bench/events.mjs PATH_OF_HEDGEROW`. Prints JSON for
// `cargo xtask bench`. The messages come from a program of the same node, so nothing but the doors is measured.
process.env.HEDGEROW_BIN = process.argv[2];
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
const { Node, until } = await import("../lib/node.mjs");
const { appFrame, closeBrowser, openHub, profile } = await import("../lib/browser.mjs");
const { zip } = await import("../lib/pack.mjs");
const { connect } = await import("../../sdk/js/index.js");

const SECONDS = 5;
const closing = [];
const t = { after: (close) => closing.push(close) };
const numbers = {};
const report = (name, value, unit, target, ok) => {
  numbers[name] = { median: value, min: value, max: value, unit, target, ok };
  console.error(name, JSON.stringify(numbers[name]));
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>Count</title><script src="webxdc.js"></script><p></p><script>
let [count, frames, longest, last] = [0, 0, 0, performance.now()];
hedgerow.peers.onMessage((m) => (count += 1));
(function frame() {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
  frames += 1;
  document.querySelector("p").textContent = count;
  requestAnimationFrame(frame);
})();
const counted = () => ({ count, frames, longest, now: performance.now() });
const begin = () => ((longest = 0), counted());
</script>`;
const MANIFEST = `name = "Count"
[hedgerow]
license = "MIT"
version = "1.0.0"
permissions = [{ name = "peers", reason = "To count" }]
[hedgerow.messages]
rate_per_signer = 10000
burst_per_signer = 100000
`;

const node = await Node.start(t, { args: ["--no-dht"] });
const folder = mkdtempSync(join(tmpdir(), "hedgerow-events-"));
closing.push(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "count.xdc"), zip({ "index.html": PAGE, "manifest.toml": MANIFEST }));
const { uuid } = await node.run("widget", "publish", join(folder, "count.xdc"));
const { origin } = await node.run("instance", "add", uuid);
const frame = await appFrame(await openHub(await profile(t), node), origin);
const owner = await connect({ data: node.data });
const app = owner.app(uuid);
await app.open();
await frame.evaluate(() => hedgerow.peers.open());

// The way of one call from a widget and back.
const micros = await frame.evaluate(async () => {
  const times = [];
  for (let i = 0; i < 300; i++) {
    const begun = performance.now();
    await hedgerow.secrets.groups();
    if (i >= 50) times.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 8));
  }
  return times.sort((a, b) => a - b)[125];
});
report("api_widget_round_trip_ms", Number(micros.toFixed(3)), "ms", 1, micros <= 1);

await app.broadcast(-1);
await until("the first one is there", () => frame.evaluate(() => count > 0));
const before = await frame.evaluate(() => begin());
const end = Date.now() + SECONDS * 1000;
let sent = 0;
const begun = Date.now();
const waiting = new Set();
while (Date.now() < end) {
  // 10,000 a second, handed over as they are due.
  const due = Math.floor(((Date.now() - begun) / 1000) * 10_000);
  for (; sent < due && waiting.size < 60; sent++) {
    const one = app.broadcast(sent).catch(() => undefined);
    waiting.add(one);
    void one.then(() => waiting.delete(one));
  }
  if (waiting.size >= 60) await Promise.race(waiting);
  else await sleep(1);
}
await Promise.all(waiting);
const seconds = (Date.now() - begun) / 1000;
await until("all are there", async () => (await frame.evaluate(() => counted())).count >= before.count + sent, 30_000);
const after = await frame.evaluate(() => counted());
const rate = Math.round((after.count - before.count) / seconds);
report("widget_events_per_s", rate, "1/s", 10_000, rate >= 9_900);
const fps = Number((((after.frames - before.frames) * 1000) / (after.now - before.now)).toFixed(1));
report("widget_frames_per_s_meanwhile", fps, "1/s", 55, fps >= 55);
owner.close();
for (const close of closing.reverse()) await close();
await closeBrowser();
console.log(JSON.stringify(numbers));
process.exit(0);
