// Headless Chromium from Debian, one for all tests of a file.
import { chromium } from "playwright-core";
import { existsSync } from "node:fs";

const PATH = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(PATH)) throw new Error(`${PATH} is missing: apt-get install chromium, or set CHROMIUM`);

let browser;
/** A fresh browser profile: nothing is logged in. */
export async function profile(t, options = {}) {
  browser ??= await chromium.launch({
    executablePath: PATH,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  t.after(() => context.close());
  return context;
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
