// The real node, spoken to as a program of its owner does.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zip } from "../lib/pack.mjs";

export const BIN = process.env.HEDGEROW_BIN;

export class Product {
  /** `data`: of a node that ended. */
  static async start(more = [], data = mkdtempSync(join(tmpdir(), "attack-node-"))) {
    const node = new Product();
    node.data = data;
    const line = ["up", "--json", "--no-browser", "--no-lan", "--no-port-mapping", "--no-dht", "--no-serve", "--listen", "127.0.0.1:0", "--data", node.data, ...more];
    node.child = spawn(BIN, line, { stdio: ["ignore", "pipe", "pipe"] });
    node.log = "";
    node.child.stderr.on("data", (bytes) => (node.log = (node.log + bytes).slice(-20_000)));
    node.ended = new Promise((done) => node.child.once("exit", done));
    await new Promise((done, fail) => {
      node.child.stdout.once("data", done);
      node.ended.then((code) => fail(new Error(`the node ended with ${code}: ${node.log}`)));
    });
    const file = JSON.parse(readFileSync(join(node.data, "api.json"), "utf8"));
    node.port = file.port;
    node.token = file.token;
    return node;
  }
  /** Ends it and leaves its data. */
  async end() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
  async stop() {
    await this.end();
    rmSync(this.data, { recursive: true, force: true, maxRetries: 5 });
  }
  /** Runs a command against it and answers its JSON. */
  run(...args) {
    return JSON.parse(execFileSync(BIN, ["--data", this.data, "--json", ...args], { encoding: "utf8" }));
  }
  post(path, type, body) {
    return new Promise((done, fail) => {
      const headers = { authorization: `Bearer ${this.token}`, "content-type": type, "content-length": Buffer.byteLength(body) };
      // A connection of its own: one that is kept would have been ended while something else held this process up.
      const asked = request({ agent: false, host: "127.0.0.1", port: this.port, path, method: "POST", headers }, (answer) => {
        let text = "";
        answer.on("data", (bytes) => (text += bytes));
        answer.on("end", () => done(JSON.parse(text)));
      });
      asked.on("error", fail);
      asked.end(body);
    });
  }
  async call(method, params = {}) {
    const answer = await this.post("/api/rpc", "application/json", JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  }
  /** Installs a package of these files and places it `count` times. */
  async place(name, files, count = 1) {
    const { package: id } = await this.post("/api/packages", "application/octet-stream", zip({ "manifest.toml": `name = ${JSON.stringify(name)}\n`, ...files }));
    const { uuid } = await this.call("widget.install", { package: id });
    const placed = [];
    for (let i = 0; i < count; i++) placed.push(await this.call("instance.add", { uuid }));
    return { uuid, placed };
  }
  async reports(instance) {
    const { updates } = await this.call("app.updates", { instance });
    return updates.map((u) => u.payload);
  }
}
