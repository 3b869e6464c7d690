// A mock node and a browser in front of it, for the walks in this folder.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const SHOTS = process.env.SHOTS ?? "/tmp/shots-ui";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
mkdirSync(SHOTS, { recursive: true });

export const must = (ok, text) => { if (!ok) throw new Error(text); };

/** Starts both. `end()` stops them and says how it went. */
export async function stage(port) {
  const HUB = `http://hub.localhost:${port}/`;
  let node = null;
  const startNode = async (env = {}) => {
    node = spawn(process.execPath, [join(here, "../mock/server.mjs")], { env: { ...process.env, PORT: port, SCENE: "empty", ...env }, stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((r) => node.stdout.once("data", r));
  };
  const stopNode = () => new Promise((r) => { node.once("exit", r); node.kill(); });
  await startNode();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: HUB }).catch(() => {});
  const page = await context.newPage();
  page.setDefaultTimeout(5000);
  const problems = [];
  const watch = (p) => {
    p.on("console", (m) => { if (m.type() === "error" && !/WebSocket|ERR_CONNECTION|401|status of 404/.test(m.text())) problems.push(m.text()); });
    p.on("pageerror", (e) => problems.push(`${e.message}\n${e.stack ?? ""}`));
  };
  watch(page);

  let passed = 0, failed = 0;
  const only = process.env.ONLY ? new RegExp(process.env.ONLY) : null;
  const step = async (name, work) => {
    if (only && !only.test(name)) return;
    try {
      await work();
      passed += 1;
      console.log(`ok    ${name}`);
    } catch (e) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${String(e.message ?? e).split("\n").slice(0, 6).join("\n      ")}`);
      await page.screenshot({ path: `${SHOTS}/fail-${failed}.png` }).catch(() => {});
      await page.reload().catch(() => {});
      await page.waitForTimeout(500);
    }
  };
  const axe = async (name) => {
    await page.waitForTimeout(200);
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => (await globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] })).violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any?.[0]?.message ?? n.failureSummary ?? ""}`).join(" | ")}`));
    if (found.length) throw new Error(`axe on ${name}: ${found.join("\n")}`);
  };
  const shot = async (name) => {
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${SHOTS}/${name}.png` });
  };
  const scene = (name) => page.evaluate((n) => fetch("/mock/scene", { method: "POST", body: n }).then(() => 0), name);
  const dialog = () => page.locator("dialog[open]");
  const closeSheet = async () => { await page.keyboard.press("Escape"); await dialog().waitFor({ state: "detached" }); };
  const menu = async (of, entry) => { await page.getByRole("button", { name: of, exact: true }).click(); await page.getByRole("menuitem", { name: entry }).click(); };
  const end = async () => {
    await browser.close();
    await stopNode();
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed ? 1 : 0);
  };
  return { HUB, startNode, stopNode, context, page, watch, problems, step, axe, shot, scene, dialog, closeSheet, menu, end };
}
