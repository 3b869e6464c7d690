// Two people, one browser: opens a widget for each, checks that nothing went wrong in the console, runs axe, takes
// pictures when SHOTS names a folder.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Host } from "./host/host.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const KNOWN = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"];
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SHOTS = process.env.SHOTS;

export async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? KNOWN.find((path) => existsSync(path));
  if (!executablePath) throw new Error("No Chromium found. Install it, or name it with CHROMIUM=/path/to/chromium.");
  return chromium.launch({ executablePath, args: FLAGS });
}

export class Stage {
  #browser;
  #contexts = [];
  problems = [];

  constructor(browser, widget, options) {
    this.#browser = browser;
    this.widget = widget;
    this.host = new Host(widget, options);
  }

  async person(name, options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 480, height: 640 }, locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", bypassCSP: false, ...options });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(8000);
    page.on("pageerror", (error) => this.problems.push(`${name}: ${error.stack}`));
    page.on("console", (message) => ["error"].includes(message.type()) && this.problems.push(`${name}: ${message.text()}`));
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith("http") && !hostname.endsWith(".localhost")) this.problems.push(`${name}: asked ${request.url()}`);
    });
    await this.open(page, name);
    return page;
  }

  async open(page, name) {
    await page.goto(this.host.url(name));
    await page.waitForSelector("html[data-ready]");
  }

  /** axe in both colour schemes; the page must have no finding of any weight. */
  async axe(page, what) {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(60);
      // Injected past the content policy, in the page's own world.
      if (!(await page.evaluate(() => "axe" in window))) await this.#inject(page);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      const found = violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target} ${n.any[0]?.message ?? n.all[0]?.message ?? ""}`).join(" | ")}`);
      assert.deepEqual(found, [], `axe, ${what}, ${scheme}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }

  async #inject(page) {
    const { readFile } = await import("node:fs/promises");
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: `${await readFile(axe, "utf8")};0` });
    await session.detach();
  }

  async shots(page, what) {
    if (!SHOTS) return;
    mkdirSync(SHOTS, { recursive: true });
    const before = page.viewportSize();
    for (const [width, height] of [[320, 400], [900, 700]]) {
      for (const scheme of ["light", "dark"]) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForTimeout(150);
        await page.screenshot({ path: join(SHOTS, `${this.widget}-${what}-${width}-${scheme}.png`) });
      }
    }
    await page.setViewportSize(before);
    await page.emulateMedia({ colorScheme: "light" });
  }

  /** At 280 pixels nothing may stick out sideways. */
  async narrow(page) {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 280, height: 360 });
    await page.waitForTimeout(100);
    const wide = await page.evaluate(() => {
      const out = [...document.querySelectorAll("body *")].filter((n) => !n.closest(".sr, .grid, pre, canvas, dialog:not([open]), details:not([open]) > div") && n.getClientRects().length > 0 && n.getBoundingClientRect().right > innerWidth + 1);
      return out.slice(0, 3).map((n) => `${n.localName}.${n.className} ${Math.round(n.getBoundingClientRect().right)}`);
    });
    await page.setViewportSize(before);
    assert.deepEqual(wide, [], "wider than 280 pixels");
  }

  async end() {
    for (const context of this.#contexts) await context.close();
    await this.host.stop();
    assert.deepEqual(this.problems, [], "errors in the page");
  }
}

/** Waits until `check` gives a truthy value. */
export async function until(check, what, limit = 6000) {
  const end = Date.now() + limit;
  let last;
  while (Date.now() < end) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error.message;
    }
    await new Promise((done) => setTimeout(done, 40));
  }
  throw new Error(`waited in vain for: ${what} (last: ${last})`);
}
