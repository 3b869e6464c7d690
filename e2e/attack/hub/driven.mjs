// A raw Chromium that is looked at from outside, for attacks whose proof is on the hub's side or that need a hand to click.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { plain } from "../browser.mjs";
import { Control } from "../control.mjs";
import { asking, drivenFiles } from "../page.mjs";

/** How long a page that answers takes at most. */
export const FAIR = 4_000;

export class Driven {
  static async start() {
    const driven = new Driven();
    driven.browser = plain(["about:blank"], ["--remote-debugging-port=0"]);
    let port = null;
    for (let i = 0; i < 100 && port === null; i++) {
      await sleep(100);
      try {
        port = readFileSync(join(driven.browser.profile, "DevToolsActivePort"), "utf8").split("\n")[0];
      } catch {
        // Not written yet.
      }
    }
    driven.hand = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    driven.context = driven.hand.contexts()[0];
    driven.control = new Control();
    await driven.control.start();
    return driven;
  }
  async stop() {
    await this.hand.close().catch(() => {});
    await this.browser.stop();
    this.control.stop();
  }

  /** The hub with a widget of these files, `count` times, that was granted what it asks for; removed again by `end`. */
  async hub(node, { id, files, count = 1, asks = [] }) {
    const page = await this.context.newPage();
    const dialogs = this.#dialogs(page);
    const placed = await node.place(id, { ...asking(id, asks), ...drivenFiles(id, files) }, count);
    const [{ instance }, other] = placed.placed;
    for (const permission of asks) await node.call("grant.give", { instance, permission, how: "always", anyway: true });
    await page.goto((await node.call("node.login_link")).hub);
    const end = async () => {
      await Promise.race([page.close({ runBeforeUnload: false }).catch(() => {}), sleep(3_000)]);
      await node.call("widget.remove", { uuid: placed.uuid, with_instances: true });
    };
    const frames = () => placed.placed.map((p) => page.frames().find((f) => f.url().startsWith(p.origin)));
    await until(async () => (await Promise.all(placed.placed.map((p) => node.reports(p.instance)))).every((all) => all.some((r) => r.begun)));
    let removed = false;
    const there = async () => {
      if (removed) await node.call("instance.undo_remove", { instance });
      removed = false;
    };
    return {
      page, frames, dialogs, end,
      reports: async () => (await there(), node.reports(instance)),
      /** Its updates as the node keeps them. */
      raw: async () => (await node.call("app.updates", { instance })).updates,
      /** What the second one wrote. */
      second: () => node.reports(other.instance),
      /** Tells it who the second one is. */
      tell: async () => {
        await node.call("app.send_update", { instance, update: { payload: { peer: other.instance } } });
        return other.instance;
      },
      remove: async () => {
        await node.call("instance.remove", { instance });
        removed = true;
      },
      revoke: (permission) => node.call("grant.revoke", { instance, permission }),
    };
  }
  /** The same files without protection: framed by a page of their own origin that believes everything. */
  async bare({ id, files, careless: top }) {
    const label = `d${id.replace(/[^a-z0-9]+/g, "")}`;
    this.control.add(label, { peer: "victim", files: { ...drivenFiles(id, files), ...(top ? { "own.html": top } : {}) } });
    const page = await this.context.newPage();
    const dialogs = this.#dialogs(page);
    await page.goto(`${this.control.origin(label)}/${top ? "own" : "top"}.html`, { waitUntil: "commit" }).catch(() => {});
    const end = () => Promise.race([page.close({ runBeforeUnload: false }).catch(() => {}), sleep(3_000)]);
    const reports = async () => this.control.reports(label);
    await until(async () => (await reports()).some((r) => r.begun));
    return {
      page, frames: () => page.frames().slice(1), dialogs, end, reports,
      raw: async () => (await reports()).map((r) => (r.href === undefined ? { payload: r } : { href: r.href, payload: { link: r.href } })),
      second: reports,
      tell: async () => "victim",
      // Out of sight, and that is all.
      remove: () => page.evaluate(() => void (document.querySelector("iframe").hidden = true)),
      revoke: async () => {},
    };
  }
  #dialogs(page) {
    const list = [];
    page.on("dialog", (dialog) => {
      list.push(dialog.type());
      // The tenth stays: a page that goes on for ever is stopped somewhere.
      if (list.length < 10) dialog.dismiss().catch(() => {});
    });
    return list;
  }
}

/** Whether a page still answers. */
export async function answers(page) {
  const said = await Promise.race([page.evaluate(() => 1 + 1).catch(() => 0), sleep(FAIR).then(() => 0)]);
  return said === 2;
}

export async function until(check, ms = 30_000) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (await check()) return true;
    await sleep(100);
  }
  return false;
}
