// 13 with a click, 21, 24 and 25, 27 to 29: what a widget does to the window around it. Each attack gets a page with the
// widget in it (the hub, or a careless page of the widget's own origin) and answers what the attacker got.
import { setTimeout as sleep } from "node:timers/promises";
import { bridge } from "./bridge.mjs";
import { judged } from "./judge.mjs";
import { pool } from "../pool.mjs";
import { Product } from "../product.mjs";
import { answers, Driven, until } from "./driven.mjs";

const clicked = (code) => `document.body.style.cssText = "margin:0;height:100vh;background:#ccc"; addEventListener("click", async () => { ${code} });`;
const pollute = `for (const data of [JSON.parse('{"__proto__":{"polluted":1}}'), { hedgerow: 1, type: "connect", constructor: { prototype: { polluted: 1 } } }, JSON.parse('{"hedgerow":1,"type":"connect","__proto__":{"polluted":1}}')]) parent.postMessage(data, "*"); await say({ ran: true });`;
/** A page that takes what it is told: the control of 21. */
const CARELESS = `<title>top</title><script>const merge = (to, from) => { for (const k in from) { if (typeof from[k] === "object") merge(to[k] ??= {}, from[k]); else to[k] = from[k]; } return to; };
  onmessage = (e) => { merge({}, e.data); window.told = (window.told ?? 0) + 1; if (e.data.instance) window.spoofed = e.data.instance; for (let i = 0; i < 3e6; i++) JSON.stringify(i); };</script><iframe src="/index.html"></iframe>`;

async function press(page, frame, reports) {
  const element = await (await frame.frameElement()).boundingBox();
  await page.mouse.click(element.x + element.width / 2, element.y + element.height / 2);
  await until(async () => (await reports()).some((r) => r.ran), 5_000);
  // What it did beside saying so.
  await sleep(400);
}
const withClick = (id, name, code, got, more = {}) => ({ id, name, files: { js: clicked(code) }, attack: async ({ page, frames, reports }) => {
  await until(() => frames()[0]);
  await frames()[0].locator("body").waitFor();
  const before = page.url();
  await press(page, frames()[0], reports);
  return got({ page, before, reports: await reports() });
}, ...more });

/** Got when the page does not answer. */
async function waited(page) {
  const got = !(await answers(page));
  return { got, slow: got };
}

/** A while after a flood began, the page must answer again, whatever it did about it. */
async function flooded({ page, reports }) {
  await until(async () => (await reports()).some((r) => r.ran));
  await sleep(4_000);
  return waited(page);
}

const hub = [
  withClick("13.top.click", "leading the whole window elsewhere after a click", `say({ ran: true }); top.location = "http://v-13-click.sink.test/";`, async ({ page, before, reports }) => {
    const got = await until(() => page.url() !== before, 2_500);
    return { ran: reports.some((r) => r.ran), got, evidence: page.url() };
  }),
  withClick("12.open.click", "opening a window after a click", `const w = open("http://v-12-click.sink.test/"); await say({ ran: true, got: w !== null });`, async ({ reports }) => ({ ran: reports.some((r) => r.ran), got: reports.some((r) => r.got) })),
  withClick("29.fullscreen", "the whole screen after a click", `const got = await document.documentElement.requestFullscreen().then(() => true, () => false); await say({ ran: true, got });`, async ({ reports }) => ({ ran: reports.some((r) => r.ran), got: reports.some((r) => r.got) })),
  withClick("29.pointer-lock", "taking the pointer after a click", `const got = await Promise.race([document.body.requestPointerLock().then(() => true, () => false), later(800).then(() => document.pointerLockElement !== null)]); await say({ ran: true, got });`, async ({ reports }) => ({ ran: reports.some((r) => r.ran), got: reports.some((r) => r.got) })),
  { id: "29.title", name: "a title that looks like the hub's or another's", files: { js: `try { top.document.title = "evil"; } catch (e) { void e; } document.title = "evil"; await say({ ran: true });` }, attack: async ({ page, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    return { got: (await page.title()) === "evil", evidence: await page.title() };
  } },
  { id: "21.pollution", name: "messages that change the prototype of everything", files: { js: pollute }, careless: CARELESS, attack: async ({ page, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    await sleep(300);
    return { got: await page.evaluate(() => ({}).polluted === 1) };
  } },
  { id: "21.flood", name: "messages without an end", files: { js: `say({ ran: true }); await later(300); for (;;) { for (let i = 0; i < 5000; i++) parent.postMessage({ hedgerow: 2, i }, "*"); await later(5); }` }, careless: CARELESS, attack: flooded },
  { id: "21.flood.frame", name: "messages without an end from a data: frame", files: { js: `say({ ran: true }); await later(300); addFrame({ src: "data:text/html,\\x3Cscript>setInterval(() => { for (let i = 0; i < 5000; i++) parent.parent.postMessage({ i }, '*') }, 5)\\x3C/script>" });` }, careless: CARELESS, attack: flooded },
  { id: "21.oversized", name: "80 messages of 4 MB, and one that is deep", files: { js: `let deep = {}; const a = deep; for (let i = 0; i < 4000; i++) deep = deep.a = {}; try { parent.postMessage(a, "*"); } catch (e) { void e; } for (let i = 0; i < 80; i++) parent.postMessage({ hedgerow: 1, type: "connect", big: "x".repeat(4 << 20) }, "*"); say({ ran: true });` }, careless: CARELESS, attack: async ({ page, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    await sleep(1_000);
    return waited(page);
  } },
  { id: "25.spin", name: "a loop without an end", files: { js: `say({ ran: true }); await later(500); for (;;);` }, attack: async ({ page, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    await sleep(1_200);
    return waited(page);
  } },
  { id: "25.dialogs", name: "questions without an end", files: { js: `say({ ran: true }); await later(300); for (let i = 0; i < 30; i++) alert(i);` }, attack: async ({ page, dialogs, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    await sleep(1_500);
    return { got: dialogs.length >= 10 || !(await answers(page)), evidence: `${dialogs.length} dialogs` };
  } },
  { id: "24.process", name: "sharing a process with the hub", files: { js: `say({ ran: true });` }, attack: async ({ page, frames }) => {
    const session = await page.context().newCDPSession(page);
    const { targetInfos } = await session.send("Target.getTargets");
    const origin = new URL(frames()[0].url()).origin;
    return { got: !targetInfos.some((t) => t.type === "iframe" && t.url.startsWith(origin)), evidence: targetInfos.map((t) => t.type).join(" ") };
  } },
  { id: "25.memory", name: "memory without an end", files: { js: `await say({ ran: true }); await later(300); const all = []; for (;;) all.push(new Array(1e7).fill({}));` }, attack: async ({ page, reports }) => {
    await until(async () => (await reports()).some((r) => r.ran));
    let here = await waited(page);
    for (let i = 0; i < 8 && !here.got; i++) {
      await sleep(500);
      here = await waited(page);
    }
    return here;
  } },
];

/** 28 and the other half of 29: the question before an address is opened outside. The control is a question without care. */
const QUESTION = `<title>top</title><body><script>function ask(url) { const b = document.createElement("button"); b.textContent = "Open"; b.onclick = () => (document.body.dataset.opened = url); document.body.append(url, b); }</script><iframe src="/index.html"></iframe>`;
const question = (url) => `await later(300); (window.webxdc && window.hedgerow ? (() => { const a = document.createElement("a"); a.href = ${JSON.stringify(url)}; document.body.append(a); a.click(); })() : parent.ask(${JSON.stringify(url)})); say({ ran: true });`;
const opened = (page, context, before) => context.pages().length > before || page.evaluate(() => document.body.dataset.opened !== undefined);
const prompts = [
  { id: "28.double-click", name: "the question answered by the second of two clicks", files: { js: question("https://evil.example/") }, careless: QUESTION, attack: async ({ page }) => {
    const before = page.context().pages().length;
    const button = page.getByRole("button", { name: "Open", exact: true });
    await button.waitFor({ timeout: 25_000 });
    const box = await button.boundingBox();
    await page.mouse.click(box.x + 3, box.y + 3);
    await sleep(200);
    return { got: !!(await opened(page, page.context(), before)) };
  } },
  { id: "28.focus", name: "the question answered by a key that was meant for something else", files: { js: question("https://evil.example/") }, careless: QUESTION.replace("document.body.append(url, b);", "document.body.append(url, b); b.focus();"), attack: async ({ page }) => {
    const before = page.context().pages().length;
    const button = page.getByRole("button", { name: "Open", exact: true });
    await button.waitFor({ timeout: 25_000 });
    await page.keyboard.press("Enter");
    await sleep(200);
    return { got: !!(await opened(page, page.context(), before)) };
  } },
  { id: "29.punycode", name: "an address that looks like another in the question", files: { js: question("https://\u0430pple.example/") }, careless: QUESTION, attack: async ({ page }) => {
    await page.getByRole("button", { name: "Open", exact: true }).waitFor({ timeout: 25_000 });
    const text = await page.evaluate(() => document.body.innerText);
    return { ran: text.includes("pple"), got: text.includes("\u0430pple") };
  } },
];

/** All of them, each worker with a node and a browser of its own: a dashboard shows whatever its node has. */
export async function chrome(workers, wanted) {
  const list = [...hub, ...bridge, ...prompts].filter(wanted);
  if (list.length === 0) return [];
  const stages = await Promise.all(Array.from({ length: Math.min(workers, list.length) }, async () => ({ node: await Product.start(), driven: await Driven.start() })));
  const results = await pool(list, stages.length, (test, worker) => {
    const stage = stages[worker];
    const once = async (open) => {
      stage.driven = await alive(stage.driven);
      const opened = await open(stage.driven);
      try {
        return await test.attack(opened);
      } finally {
        await opened.end();
      }
    };
    return judged(test, () => once((driven) => driven.hub(stage.node, test)), () => once((driven) => driven.bare(test)));
  });
  for (const { node, driven } of stages) await Promise.all([driven.stop(), node.stop()]);
  return results;
}

/** The browser, or another one if an attack ended it. */
async function alive(driven) {
  if (driven.hand.isConnected()) return driven;
  await driven.stop();
  return Driven.start();
}
