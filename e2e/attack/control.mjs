// The same pages without any protection: a plain server on `*.localhost`, no header, no sandbox, no fence in the browser.
// A vector that does not get through here proves nothing elsewhere.
import { createServer } from "node:http";
import { extname } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml", ".xml": "text/xml", ".png": "image/png", ".pdf": "application/pdf", ".mht": "multipart/related", ".css": "text/css", ".vtt": "text/vtt" };

/** `window.webxdc` of the control: tells its own origin. */
const SHIM = (peer) => `window.webxdc = {
  sendUpdate: (u) => fetch(location.origin + "/report", { method: "POST", body: JSON.stringify(u.payload), keepalive: true }),
  setUpdateListener: async (cb) => { const peer = ${JSON.stringify(peer ?? null)}; if (peer) setTimeout(() => cb({ payload: { peer } }), 50); },
};`;

export class Control {
  /** label -> { files, reports, top, isolate, peer } */
  #sites = new Map();
  #framed = [];
  #windows = [];

  async start() {
    this.server = createServer({ maxHeaderSize: 4 << 20 }, (request, response) => this.#answer(request, response));
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = this.server.address().port;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
  origin(label) {
    return `http://${label}.control.localhost:${this.port}`;
  }
  add(label, site) {
    this.#sites.set(label, { reports: [], ...site });
  }
  reports(label) {
    return this.#sites.get(label)?.reports ?? [];
  }
  /** The page that frames these, and opens a window of its own for those. */
  hub(framed, windows) {
    this.#framed = framed;
    this.#windows = windows.map((label) => `${this.origin(label)}/${this.#sites.get(label).alone ? "index" : "top"}.html`);
    return `http://control.localhost:${this.port}/`;
  }

  #answer(request, response) {
    const label = /^([a-z0-9-]+)\.control\.localhost/.exec(request.headers.host ?? "")?.[1];
    const site = this.#sites.get(label);
    const path = request.url.split("?")[0].slice(1) || "index.html";
    const send = (status, type, body, more = {}) => response.writeHead(status, { "content-type": type, ...more }).end(body);
    if (!label) return send(200, "text/html", this.#hub());
    if (!site) return send(404, "text/plain", "no such site");
    const more = site.isolate ? { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" } : {};
    if (path === "report") return this.#report(request, site, () => send(204, "text/plain", ""));
    if (path === "webxdc.js") return send(200, "text/javascript", SHIM(site.peer), more);
    if (path === "top.html") return send(200, "text/html", `<title>top</title><iframe src="/index.html"></iframe>`, more);
    if (path === "sub/" && site.files["sub/index.html"]) return send(200, "text/html", site.files["sub/index.html"], more);
    if (path in site.files) return send(200, TYPES[extname(path)] ?? "", site.files[path], more);
    // Errors that a page may stand in, as bare as can be.
    send(404, "text/html", "not here", more);
  }
  #hub() {
    const frames = this.#framed.map((label) => `<iframe src="${this.origin(label)}/index.html"></iframe>`);
    return `${frames.join("")}<script>for (const page of ${JSON.stringify(this.#windows)}) open(page, "_blank", "noopener")</script>`;
  }
  #report(request, site, done) {
    let text = "";
    request.on("data", (bytes) => (text += bytes));
    request.on("end", () => {
      try {
        site.reports.push(JSON.parse(text));
      } catch {
        // Cut off.
      }
      done();
    });
  }
}
