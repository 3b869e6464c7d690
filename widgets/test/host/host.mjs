// A small webxdc host for tests: serves dist/<name>/ to several people under NAME.localhost, who share one list of
// updates. The sender of an update is the host name it came from, so it is verified as it is in Hedgerow.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "../../dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".png": "image/png", ".toml": "text/plain", ".json": "application/json" };
// Stricter than the node's policy for widgets, which also allows inline scripts and eval.
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'";

export const addressOf = (name) => `${name}-0123456789abcdef0123456789abcdef`;

export class Host {
  updates = [];
  violations = [];
  #listeners = new Set();
  #server;

  /** `verified` false leaves out `sender`, as other webxdc hosts do. */
  constructor(widget, { verified = true } = {}) {
    this.widget = widget;
    this.verified = verified;
    this.refuse = false;
    /** What the lists of the directory answer, by name; a text is why they do not. */
    this.lists = {};
    this.#server = createServer((req, res) => this.#answer(req, res).catch((error) => res.writeHead(500).end(String(error))));
  }

  async start() {
    await new Promise((done) => this.#server.listen(0, "127.0.0.1", done));
    this.port = this.#server.address().port;
  }

  stop() {
    for (const { res } of this.#listeners) res.end();
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(done));
  }

  url(name) {
    return `http://${name}.localhost:${this.port}/index.html`;
  }

  /** Adds an update as if `name` had sent it: with this, tests send what the widget never would. */
  post(name, update) {
    const serial = this.updates.length + 1;
    this.updates.push({ ...update, serial, ...(this.verified ? { sender: addressOf(name) } : {}) });
    this.#tell("update", {}, null);
  }

  #tell(event, data, except) {
    for (const { res, who } of this.#listeners) if (who !== except) res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  async #answer(req, res) {
    const who = req.headers.host.split(".")[0];
    const url = new URL(req.url, "http://x");
    const body = async () => {
      const parts = [];
      for await (const part of req) parts.push(part);
      return Buffer.concat(parts).toString("utf8");
    };
    if (url.pathname === "/-/send") {
      const update = JSON.parse(await body());
      if (this.refuse) return res.writeHead(507).end("the disk is full");
      this.post(who, update);
      return res.end("{}");
    }
    if (url.pathname === "/-/realtime") {
      const data = await body();
      this.#tell("realtime", { data, sender: addressOf(who) }, who);
      return res.end("{}");
    }
    if (url.pathname === "/-/updates") {
      const after = Number(url.searchParams.get("after"));
      res.setHeader("content-type", "application/json");
      return res.end(JSON.stringify(this.updates.slice(after).map((u) => ({ ...u, max_serial: this.updates.length }))));
    }
    if (url.pathname === "/-/stats") {
      const list = this.lists[url.searchParams.get("list")] ?? [];
      if (typeof list === "string") return res.writeHead(503).end(list);
      return res.end(JSON.stringify(list.slice(0, Number(url.searchParams.get("limit") ?? 10))));
    }
    if (url.pathname === "/-/events") {
      res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      const listener = { res, who };
      this.#listeners.add(listener);
      res.write(": hello\n\n");
      return req.on("close", () => this.#listeners.delete(listener));
    }
    return this.#file(url.pathname, who, res);
  }

  async #file(path, who, res) {
    res.setHeader("content-security-policy", POLICY);
    res.setHeader("x-content-type-options", "nosniff");
    res.setHeader("cache-control", "no-store");
    if (path === "/webxdc.js") {
      const script = await readFile(join(HERE, "webxdc.js"), "utf8");
      res.setHeader("content-type", TYPES[".js"]);
      return res.end(script.replace("/*CONFIG*/ {}", JSON.stringify({ addr: addressOf(who), name: who })));
    }
    const file = join(DIST, this.widget, normalize(path));
    const data = await readFile(file).catch(() => null);
    if (data === null) return res.writeHead(404).end();
    res.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    return res.end(data);
  }
}
