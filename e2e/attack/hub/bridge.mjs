// 21, 25, 27 and 33: a widget that speaks to the dashboard in ways that `webxdc.js` does not. Each attack gets a page with the
// widget in it (the hub, or a careless page of the widget's own origin) and answers what the attacker got.
import { setTimeout as sleep } from "node:timers/promises";
import { FAIR, until } from "./driven.mjs";

const ran = async (reports) => until(async () => (await reports()).some((r) => r.ran));
const gets = (id, name, files, more = {}) => ({ id, name, files, ...more, attack: async (stage) => {
  await ran(stage.reports);
  // As soon as it got what it wanted, or when there was time enough for that.
  await until(async () => (await stage.reports()).some((r) => r.got), more.wait ?? 1_500);
  const all = await stage.reports();
  return { ran: all.some((r) => r.ran), got: all.some((r) => r.got), evidence: all.find((r) => r.why)?.why };
} });

/** Whoever asks the careless page for a port gets one, whatever the window. */
const GIVES_PORTS = `<title>top</title><script>onmessage = (e) => { const c = new MessageChannel(); e.source.postMessage({ hedgerow: 1, type: "port" }, "*", [c.port2]); };</script><iframe src="/index.html"></iframe>`;
const ASKS = `onmessage = (e) => e.ports[0] && parent.postMessage("got a port", "*"); top.postMessage({ hedgerow: 1, type: "connect" }, "*")`;
const child = (set) => `onmessage = (e) => { if (e.data === "got a port") say({ got: true, why: e.data }); }; addFrame(${set}); await later(400); say({ ran: true });`;

/** The second page of the careless top takes any port that it is handed and tells it a secret. */
const TAKES_PORTS = `<title>top</title><iframe src="/index.html"></iframe><iframe src="/victim.html"></iframe>`;
const VICTIM = `<script>onmessage = (e) => e.ports[0]?.postMessage("secret");</script>`;

/** Keeps what others say under the name that they say. */
const BELIEVES = `<title>top</title><script>onmessage = (e) => { if (e.data.instance) fetch("/report", { method: "POST", body: JSON.stringify({ written: e.data.instance }) }); };</script><iframe src="/index.html"></iframe>`;
/** The port that \`webxdc.js\` has, taken from it. */
const PORT = `let port = null; const send = MessagePort.prototype.postMessage;
  MessagePort.prototype.postMessage = function (...all) { if (all[0] && all[0].call) port = this; return send.apply(this, all); };
  await say({ ran: true }); if (port === null) port = { postMessage: (m) => parent.postMessage(m, "*") };`;

/** Ticks for as long as the page lives, each with the number of this load. */
const TICKS = `const load = Math.random(); let n = 0; say({ ran: true, load }); for (const on of ["pagehide", "unload", "visibilitychange"]) addEventListener(on, () => say({ load, n: ++n, on }));
  setInterval(() => say({ load, n: ++n }), 100);`;
const ticks = (all, load) => Math.max(0, ...all.filter((r) => r.load === load && r.n).map((r) => r.n));

const OUTSIDE = ["//evil.example/x", "https://evil.example/", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "..", "../../other/index.html", "a/../../x", "/\\evil.example", "\\\\evil.example", "http:evil.example", "index.html\u0000//x", "blob:x"];

export const bridge = [
  gets("21.port.data", "a port for a data: frame inside the widget", { js: child("{ src: `data:text/html,\\x3Cscript>" + ASKS + "\\x3C/script>` }") }, { careless: GIVES_PORTS }),
  gets("21.port.sandboxed", "a port for a sandboxed frame inside the widget", { js: child("{ sandbox: \"allow-scripts\", srcdoc: `<script>" + ASKS + "<\\/script>` }") }, { careless: GIVES_PORTS }),
  gets("21.port.forged", "handing a sibling a port in the dashboard's name", {
    js: `say({ ran: true }); for (let i = 0; i < 40; i++) { for (let f = 0; f < parent.length; f++) { if (parent[f] === window) continue; const c = new MessageChannel(); c.port1.onmessage = (e) => say({ got: true, why: JSON.stringify(e.data).slice(0, 200) }); parent[f].postMessage({ hedgerow: 1, type: "port" }, "*", [c.port2]); } await later(50); }`,
    "victim.html": VICTIM,
  }, { careless: TAKES_PORTS, count: 2, wait: 2_500 }),
  { id: "21.instance", name: "calls in another instance's name", count: 2, files: { js: `${PORT} const other = await peer;
    for (const call of ["send_update", "updates"]) port.postMessage({ id: 900, call, instance: other, args: { instance: other, serial: 0, update: { instance: other, payload: { written: other } } } });
    port.postMessage({ id: 901, call: "send_update", instance: other, __proto__: { instance: other }, args: JSON.parse(JSON.stringify({ update: { payload: { written: other } }, instance: other })) });` }, careless: BELIEVES,
  attack: async ({ tell, reports, second }) => {
    await ran(reports);
    const other = await tell();
    await sleep(1_500);
    // What it writes in its own space with the other's name is its own affair.
    return { got: (await second()).some((r) => r.written === other), evidence: `${(await reports()).filter((r) => r.written).length} in its own space` };
  } },
  { id: "21.replay", name: "another widget's calls, recorded and sent again to the dashboard's window and port", count: 2, files: { js: `${PORT} const other = await peer; const calls = [{ id: 1, call: "send_update", instance: other, args: { update: { payload: { written: other } } } }, { hedgerow: 1, type: "connect", instance: other }, { hedgerow: 1, type: "call", id: 1, instance: other, call: "send_update", args: { update: { payload: { written: other } } } }, { jsonrpc: "2.0", id: 1, instance: other, method: "app.send_update", params: { instance: other, update: { payload: { written: other } } } }];
    for (let i = 0; i < 5; i++) for (const call of calls) { parent.postMessage(call, "*"); if (call.jsonrpc) port.postMessage(call); }` }, careless: BELIEVES,
  attack: async ({ tell, reports, second }) => {
    await ran(reports);
    const other = await tell();
    await sleep(1_500);
    return { got: (await second()).some((r) => r.written === other) };
  } },

  { id: "25.beforeunload", name: "holding the dashboard with a question when it is left", files: { js: `document.body.style.cssText = "margin:0;height:100vh"; addEventListener("click", () => say({ ran: true })); addEventListener("beforeunload", (e) => { e.preventDefault(); e.returnValue = "stay"; });` },
  attack: async ({ page, frames, dialogs, reports }) => {
    await until(() => frames()[0]);
    const box = await (await frames()[0].frameElement()).boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    const did = await ran(reports);
    await Promise.race([page.reload({ waitUntil: "commit" }).catch(() => {}), sleep(3_000)]);
    return { ran: did, got: dialogs.includes("beforeunload"), evidence: dialogs.join(" ") };
  } },
  { id: "25.crash", name: "a page whose process dies", files: { js: `say({ ran: true });` }, attack: async ({ page, frames, reports }) => {
    await ran(reports);
    await until(() => frames()[0]);
    const around = await page.context().newCDPSession(page);
    // Its own process if it has one, else that of the window around it. What drives the browser takes the death of a frame for
    // that of its window; so the window itself is asked.
    const session = await page.context().newCDPSession(frames()[0]).catch(() => around);
    session.send("Page.crash").catch(() => {});
    await sleep(1_500);
    const said = await Promise.race([around.send("Runtime.evaluate", { expression: "1 + 1" }).catch(() => null), sleep(FAIR)]);
    return { got: said?.result?.value !== 2, evidence: session === around ? "one process" : "a process of its own" };
  } },

  { id: "27.update", name: "links of updates that lead out of the widget", files: { js: `for (const href of ${JSON.stringify(OUTSIDE)}) await say({ href }).catch(() => {}), await webxdc.sendUpdate({ payload: { link: href }, href, info: "look", notify: { "*": "look" } }, "").catch(() => {}); say({ ran: true });` },
  attack: async ({ reports, raw }) => {
    await ran(reports);
    const all = await raw();
    const kept = all.filter((u) => typeof u.href === "string" && OUTSIDE.includes(u.href));
    return { ran: all.filter((u) => u.payload?.link).length >= OUTSIDE.length - 1, got: kept.length > 0, evidence: kept.map((u) => u.href).join(" ") };
  } },

  { id: "33.removed", name: "a widget that goes on calling after it was taken off", files: { js: TICKS }, attack: async ({ reports, remove }) => {
    await ran(reports);
    const { load } = (await reports()).find((r) => r.load);
    await until(async () => ticks(await reports(), load) > 3);
    const before = ticks(await reports(), load);
    const begin = Date.now();
    await remove();
    const meanwhile = (Date.now() - begin) / 100;
    await sleep(2_000);
    const after = ticks(await reports(), load);
    // What was under way when it was taken off may still arrive.
    return { ran: before > 3, got: after > before + meanwhile + 10, evidence: `${before} then ${after}` };
  } },
  { id: "33.revoked", name: "a widget that goes on notifying after that was taken back", asks: ["notifications"], files: { js: `const load = Math.random(); let n = 0; say({ ran: true, load }); const notify = (text) => window.hedgerow ? hedgerow.notify(text) : Promise.resolve();
    for (;;) { await later(250); await notify("x" + n).then(() => say({ load, n: ++n }), () => {}); }` }, attack: async ({ reports, revoke }) => {
    await ran(reports);
    const { load } = (await reports()).find((r) => r.load);
    await until(async () => ticks(await reports(), load) > 2);
    await revoke("notifications");
    const before = ticks(await reports(), load);
    await sleep(2_000);
    const after = ticks(await reports(), load);
    return { ran: before > 2, got: after > before + 2, evidence: `${before} then ${after}` };
  } },
];
