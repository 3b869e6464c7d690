// Headless Chromium from Debian, one for all tests of a file.
import { chromium } from "playwright-core";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(PATH)) throw new Error(`${PATH} is missing: apt-get install chromium, or set CHROMIUM`);

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
/** A fresh browser profile: nothing is logged in. */
export async function profile(t, options = {}) {
  browser ??= await chromium.launch({
    executablePath: PATH,
    args: FLAGS,
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  t.after(() => context.close());
  return context;
}
/** A Chromium with more switches: exactly the one of `hedgerow open` when `tier` is strict, which shows the dashboard at once. */
export async function raw(t, node, tier, more) {
  const own = mkdtempSync(join(tmpdir(), "hedgerow-browser-"));
  const all = [...FLAGS, "--window-size=1440,900", "--remote-debugging-port=0", ...more];
  const strict = tier === "strict" ? (await node.run("open", "--headless", "--print", "--browser", PATH, "--", ...all)).command : null;
  const line = strict ?? [PATH, "--headless=new", `--user-data-dir=${own}`, ...all, "about:blank"];
  const profile = line.find((flag) => flag.startsWith("--user-data-dir=")).slice("--user-data-dir=".length);
  const child = spawn(line[0], line.slice(1), { stdio: "ignore", detached: true });
  const ended = new Promise((done) => child.once("exit", done));
  t.after(async () => {
    try { process.kill(-child.pid, "SIGKILL"); } catch { /* It ended by itself. */ }
    await ended;
    rmSync(own, { recursive: true, force: true, maxRetries: 5 });
  });
  for (let i = 0; i < 150; i++) {
    if (existsSync(join(profile, "DevToolsActivePort"))) break;
    await new Promise((done) => setTimeout(done, 100));
  }
  const port = readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n")[0];
  const hand = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
  return hand.contexts()[0];
}
export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

/** Logs in to a node's dashboard with a fresh one-time link. */
export async function openHub(context, node) {
  const { hub } = await node.run("login");
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  await page.goto(hub);
  return page;
}

/** The frame of an instance on a dashboard, once its page has run. */
export async function appFrame(page, origin) {
  for (let i = 0; i < 200; i++) {
    const frame = page.frames().find((f) => f.url().startsWith(origin));
    if (frame && (await frame.evaluate(() => document.readyState === "complete" && !!window.webxdc).catch(() => false))) return frame;
    await page.waitForTimeout(50);
  }
  throw new Error(`no frame of ${origin}: ${page.frames().map((f) => f.url()).join(", ")}`);
}
