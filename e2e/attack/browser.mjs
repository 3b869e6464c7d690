// Raw headless Chromium: nothing drives it, so nothing in it is switched off that a person's browser has.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** For a test machine: no graphics, no fence of its own as root, a camera that nobody is asked for, windows without a click.
 * The last two make it easier to leak. */
export const PLAIN = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--disable-gpu", "--window-size=1600,12000", "--disable-popup-blocking", "--hide-scrollbars"];
/** Talks of Chromium itself with its makers, which no page causes. */
export const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--no-pings", "--disable-features=MediaRouter,DialMediaRouteProvider,OptimizationHints", "--no-first-run", "--no-default-browser-check"];

/** Names that Chromium looks up by itself all the same. */
export const ITS_OWN = /^((clients\d|accounts|sb-ssl|www|update|content-autofill|optimizationguide-pa)\.)?(google|googleapis|gstatic)\.com$/;

/** Starts it; answers what ends it and its whole family. */
export function start(program, args) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  let log = "";
  child.stderr.on("data", (bytes) => (log = (log + bytes).slice(-20_000)));
  const ended = new Promise((done) => child.once("exit", done));
  return {
    child,
    log: () => log,
    async stop() {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
      await Promise.race([ended, new Promise((done) => setTimeout(done, 3_000))]);
    },
  };
}

/** A fresh profile with these addresses open. */
export function plain(addresses, more = []) {
  const profile = mkdtempSync(join(tmpdir(), "attack-profile-"));
  const browser = start(CHROMIUM, ["--headless=new", `--user-data-dir=${profile}`, ...PLAIN, ...QUIET.filter((flag) => flag !== "--no-pings"), ...more, ...addresses]);
  const stop = browser.stop;
  browser.profile = profile;
  browser.stop = async () => {
    await stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return browser;
}
