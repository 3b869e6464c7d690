// Real nodes for end-to-end tests: one process each, a data folder each, driven by the command line.
import { spawn, execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const BIN = process.env.HEDGEROW_BIN ?? resolve(import.meta.dirname, "../../target/debug/hedgerow");
if (!existsSync(BIN)) throw new Error(`${BIN} is missing: run \`cargo xtask test\`, or build it and set HEDGEROW_BIN`);

/** A folder that goes away with the test. */
export function folder(t, name = "node") {
  const path = mkdtempSync(join(tmpdir(), `hedgerow-${name}-`));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export class Node {
  /** Starts a node and waits until it is ready. */
  static async start(t, { data = folder(t), args = [], port = 0, env = {}, cwd } = {}) {
    const node = new Node();
    node.data = data;
    node.log = "";
    const line = ["up", "--json", "--no-browser", "--no-lan", "--no-port-mapping", "--listen", `127.0.0.1:${port}`, "--data", data, ...args];
    node.process = spawn(BIN, line, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, cwd });
    node.process.stderr.on("data", (bytes) => (node.log += bytes));
    node.ended = new Promise((done) => node.process.once("exit", (code, signal) => done({ code, signal })));
    t.after(() => node.kill());
    node.ready = await new Promise((done, fail) => {
      let text = "";
      node.process.stdout.on("data", (bytes) => {
        text += bytes;
        const end = text.indexOf("\n");
        if (end >= 0) done(JSON.parse(text.slice(0, end)));
      });
      node.ended.then(({ code }) => fail(new Error(`the node ended with ${code}: ${text}${node.log}`)));
    });
    return node;
  }
  /** Runs a command against this node; answers its JSON, or throws with its error line. */
  async run(...args) {
    const { code, out, err } = await cli(["--data", this.data, "--json", ...args]);
    if (code !== 0) throw Object.assign(new Error(`${args.join(" ")}: ${out}${err}`), { code, out, err });
    return JSON.parse(out);
  }
  call(method, params = {}) {
    return this.run("call", method, JSON.stringify(params));
  }
  /** Ends the process as a power cut would. */
  async kill() {
    this.process.kill("SIGKILL");
    return this.ended;
  }
  /** Ends it politely. */
  async stop() {
    this.process.kill("SIGTERM");
    return this.ended;
  }
}

/** Runs the program once. */
export function cli(args, { input, env } = {}) {
  return new Promise((done) => {
    const child = execFile(BIN, args, { timeout: 120_000, maxBuffer: 64 << 20, env: { ...process.env, ...env } }, (error, out, err) =>
      done({ code: error ? (error.code ?? 1) : 0, out, err }),
    );
    // A program that refuses at once does not read what it was given.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
  });
}

/** Tries until `check` answers something true, at most `ms` milliseconds. */
export async function until(what, check, ms = 20_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const result = await check();
      if (result) return result;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`waited ${ms} ms for: ${what}${last ? ` (${last.message})` : ""}`);
}
