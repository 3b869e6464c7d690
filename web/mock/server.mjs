// A node to develop the dashboard against: same doors, headers and methods, data in memory. Never part of the product.
// PORT (4455), SCENE (full|empty|strict). The login code is always "mock".
import { PEOPLE } from "./directory-data.mjs";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { hex, QR, RECOVERY, state, WIDGETS } from "./data.mjs";
import { directoryState } from "./directory-data.mjs";
import { grantMethods, grantState } from "./grants.mjs";
import { directoryMethods } from "./directory.mjs";
import { widgetPage } from "./widget.mjs";

const PORT = Number(process.env.PORT ?? 4455);
const DIST = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const TOKEN = process.env.TOKEN ?? "mock-token";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const CSP = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; connect-src 'self' ws://hub.localhost:${PORT}; frame-src http://*.hub.localhost:${PORT}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html`;
const sceneOf = (name) => ({ ...state(name === "bare" ? "empty" : name === "strict" ? "full" : name), dir: directoryState(name), ...grantState(name) });
let s = sceneOf(process.env.SCENE ?? "full");
const sockets = new Set();

const emit = (event) => { for (const ws of sockets) if (ws.ready) ws.send(JSON.stringify({ jsonrpc: "2.0", method: "event", params: event })); };
const refuse = (message, code = "refused", permission = undefined) => { throw Object.assign(new Error(message), { code, permission }); };
const withOrigin = (i) => ({ ...i, origin: `http://${i.instance}.hub.localhost:${PORT}` });
const instance = (id) => s.instances.find((i) => i.instance === id) ?? refuse("There is no such widget on the boards.", "not_found");
const widget = (uuid) => s.dir.known.find((w) => w.uuid === uuid) ?? refuse("There is no such widget in the directory.", "not_found");
const plugin = (name, more) => { const p = s.plugins.find((x) => x.name === name) ?? refuse("There is no such plugin.", "not_found"); if (more) { Object.assign(p, more); emit({ event: "plugins_changed", name, state: p.state }); } return p; };
const changed = () => { s.layout = { ...s.layout, revision: s.layout.revision + 1 }; emit({ event: "layout_changed", layout: s.layout }); emit({ event: "instances_changed" }); };

function add(w, space, name, board) {
  const id = `new${String(s.next++).padStart(13, "0")}`;
  const i = { instance: id, uuid: w.uuid, name: name ?? w.name, space, space_id: hex(id), widget_name: w.name, summary: null, document: null, icon: w.icon, owner: true, members: 1, online: 0, unsent: 0, version: w.version, closed: false, missing: false };
  s.instances.push(i);
  s.members.set(id, [{ pseudonym: "p-me", name: s.name, me: true, owner: true, online: true, last_change_ms: null }]);
  s.installed.set(w.uuid, w.version);
  const b = s.layout.boards.find((x) => x.id === board) ?? s.layout.boards[0];
  b.tiles.push({ instance: id, x: 0, y: Math.max(0, ...b.tiles.map((t) => t.y + t.h)), w: 4, h: 4 });
  changed();
  return withOrigin(i);
}

const METHODS = {
  ...directoryMethods(() => s, emit, refuse),
  ...grantMethods(() => s, emit, refuse),
  "node.status": () => ({ node: hex("node"), user: hex("user"), person: PEOPLE.me.key, name: s.name, version: "0.1.0", hub: `http://hub.localhost:${PORT}/`, peers: s.peers.filter((p) => p.path !== "none").length, known_peers: s.peers.length, directory_size: s.dir.known.length, started_ms: Date.now() - 5e6, recovery_confirmed: s.recovery, passphrase_set: false, rss_bytes: 41_000_000, trouble: null }),
  "node.ticket": () => ({ ticket: `hedge1${hex("ticket")}${hex("more")}`, qr_svg: QR }),
  "profile.get": () => ({ name: s.name }),
  "profile.set": ({ name }) => { s.name = name; return { name }; },
  "recovery.words": () => ({ words: RECOVERY }),
  "recovery.confirm": ({ words }) => { const ok = Object.entries(words).every(([n, w]) => RECOVERY[n] === w); if (ok) s.recovery = true; return { confirmed: ok }; },
  "peers.list": () => s.peers,
  "files.list": () => [],
  "plugin.list": () => s.plugins,
  "plugin.logs": () => [{ time_ms: Date.now() - 60_000, stream: "node", text: "started as process 4711" }, { time_ms: Date.now() - 59_000, stream: "out", text: "listening" }, { time_ms: Date.now() - 4_000, stream: "err", text: "warning: the mailbox is empty" }],
  "plugin.allow": (p) => plugin(p.name, { allowed: true, state: "running", why: null, since_ms: Date.now(), permissions: plugin(p.name).permissions.map((x) => ({ ...x, granted: !p.permissions || p.permissions.includes(x.name) })) }),
  "plugin.revoke": ({ name }) => plugin(name, { allowed: false, state: "new", why: "waits for your yes", since_ms: null }),
  "plugin.start": ({ name }) => plugin(name, { state: "running", why: null, since_ms: Date.now() }),
  "plugin.restart": ({ name }) => plugin(name, { state: "running", why: null, since_ms: Date.now() }),
  "plugin.stop": ({ name }) => plugin(name, { state: "stopped", why: null, since_ms: null, memory_bytes: null }),
  "plugin.remove": ({ name }) => { s.gone = plugin(name); s.plugins = s.plugins.filter((p) => p.name !== name); return {}; },
  "plugin.undo_remove": () => { s.plugins.push({ ...s.gone, state: "new", allowed: false, why: "waits for your yes" }); return s.gone; },
  "files.settings": () => ({ folder: "/data/files", room: 50e9, max_size: 64e9, always: [] }),
  "peers.connect": ({ ticket }) => {
    if (!ticket.startsWith("hedge1")) refuse("This is not a ticket. A ticket begins with hedge1.", "bad_params");
    s.peers.push({ node: hex(ticket), user: null, name: "Anouk", path: "direct", rtt_ms: 31, since_ms: Date.now(), last_seen_ms: Date.now(), bytes_in: 0, bytes_out: 0, own: false, blocked: false });
    emit({ event: "peers_changed", connected: 1 });
    return { node: hex(ticket), name: "Anouk", path: "direct" };
  },
  "peers.forget": ({ node }) => { s.peers = s.peers.filter((p) => p.node !== node); return {}; },
  "peers.block": ({ node }) => { s.peers = s.peers.map((p) => (p.node === node ? { ...p, blocked: true, path: "none" } : p)); return {}; },
  "peers.unblock": ({ node }) => { s.peers = s.peers.map((p) => (p.node === node ? { ...p, blocked: false } : p)); return {}; },
  "widget.install": ({ uuid, package: p }) => { const w = p ? WIDGETS[5] : widget(uuid); s.installed.set(w.uuid, w.version); return { uuid: w.uuid, version: w.version, name: w.name, release: w.release }; },
  "widget.update_plan": ({ uuid }) => ({ uuid, from: s.installed.get(uuid), to: widget(uuid).version, added: [{ name: "realtime", sentence: "Can send to the others while they look at it", reason: "Shows who is choosing now", scope: ["20 messages a minute"] }], removed: [{ name: "web", sentence: "Can reach old.example.org", reason: "", scope: ["old.example.org"] }] }),
  "widget.update": ({ uuid }) => { const w = widget(uuid); s.installed.set(uuid, w.version); emit({ event: "widgets_changed" }); return { uuid, version: w.version, name: w.name, release: w.release }; },
  "widget.rollback": ({ uuid }) => ({ uuid, version: "0.9.0", name: widget(uuid).name, release: null }),
  "widget.list": () => [...s.installed].map(([uuid, version]) => { const w = widget(uuid); return { uuid, name: w.name, version, release: w.release, update: version === w.version ? null : w.version, previous: null, instances: 1, icon: w.icon, summary: w.summary, size: w.size, unpublished: false }; }),
  "widget.remove": ({ uuid }) => { s.installed.delete(uuid); emit({ event: "widgets_changed" }); return {}; },
  "widget.publish": () => refuse("The licence \"proprietary\" is not an open-source one. Choose one of the list, for example MIT."),
  "instance.add": async ({ uuid, space = "private", name, board }) => {
    const w = widget(uuid);
    if (!s.installed.has(uuid)) for (const part of [0.3, 0.7]) { emit({ event: "fetch_progress", uuid, done: Math.round(w.size * part), total: w.size, failed: null }); await new Promise((r) => setTimeout(r, 60)); }
    emit({ event: "fetch_progress", uuid, done: w.size, total: w.size, failed: null });
    return add(w, space, name, board);
  },
  "instance.list": () => s.instances.map(withOrigin),
  "instance.rename": ({ instance: id, name }) => { const i = instance(id); i.name = name; emit({ event: "instances_changed" }); return withOrigin(i); },
  "instance.duplicate": ({ instance: id }) => { const i = instance(id); return add(widget(i.uuid), "private", `${i.name} (copy)`); },
  "instance.remove": ({ instance: id }) => {
    const i = instance(id), b = s.layout.boards.find((x) => x.tiles.some((t) => t.instance === id));
    s.removed.set(id, { i, board: b?.id, tile: b?.tiles.find((t) => t.instance === id) });
    s.instances = s.instances.filter((x) => x !== i);
    s.layout = { ...s.layout, boards: s.layout.boards.map((x) => ({ ...x, tiles: x.tiles.filter((t) => t.instance !== id) })) };
    changed();
    return {};
  },
  "instance.undo_remove": ({ instance: id }) => { const r = s.removed.get(id) ?? refuse("It cannot be brought back any more."); s.removed.delete(id); s.instances.push(r.i); (s.layout.boards.find((b) => b.id === r.board) ?? s.layout.boards[0]).tiles.push(r.tile); changed(); return withOrigin(r.i); },
  "instance.removed": () => [],
  "instance.invite": ({ instance: id }) => { instance(id); const text = `hedgeinvite1${hex(id)}${hex("key")}`; return { invite: text, link: `http://hub.localhost:4400/#invite=${text}`, qr_svg: QR }; },
  "instance.preview_invite": ({ invite }) => { if (!/hedgeinvite1/.test(invite)) refuse("This is not an invitation. One begins with hedgeinvite1.", "bad_params"); const w = WIDGETS[5]; return { from: "Mia", from_pseudonym: "p-mia", uuid: w.uuid, widget_name: w.name, name: "Day of the hike", space: "invited", joined: null, local: false, summary: METHODS["widget.search"]({ query: w.name })[0] }; },
  "instance.join": async () => { await new Promise((r) => setTimeout(r, 100)); return add(WIDGETS[5], "invited", "Day of the hike"); },
  "instance.members": ({ instance: id }) => s.members.get(id) ?? [],
  "instance.remove_member": ({ instance: id, pseudonym }) => { s.members.set(id, (s.members.get(id) ?? []).filter((m) => m.pseudonym !== pseudonym)); return s.members.get(id); },
  "instance.leave": (p) => METHODS["instance.remove"](p),
  "layout.get": () => s.layout,
  "layout.set": (next) => { if (next.revision !== s.layout.revision) { emit({ event: "layout_changed", layout: s.layout }); refuse("The boards changed meanwhile."); } s.layout = { ...next, revision: next.revision + 1 }; emit({ event: "layout_changed", layout: s.layout }); return s.layout; },
  "notices.list": () => s.notices,
  "notices.dismiss": ({ ids = [] }) => { s.notices = s.notices.map((n) => (ids.length === 0 || ids.includes(n.id) ? { ...n, seen: true } : n)); return {}; },
  "app.open": ({ instance: id }) => { instance(id); return { instance: id, self_addr: "p-me", self_name: s.name, send_update_interval: 100, send_update_max_size: 128000, max_serial: (s.updates.get(id) ?? []).length, version: "0.1.0", features: [] }; },
  "app.close": ({ instance: id }) => { for (const g of s.grants.get(id) ?? []) if (g.state === "not_now") g.state = "ask"; return {}; },
  "app.send_update": ({ instance: id, update }) => {
    const list = s.updates.get(id) ?? [];
    s.updates.set(id, list);
    const out = { info: null, href: null, document: null, summary: null, notify: null, ...update, serial: list.length + 1, max_serial: list.length + 1, sender: "p-me", time_ms: Date.now() };
    list.push(out);
    emit({ event: "app_update", instance: id, update: out });
    return { serial: out.serial };
  },
  "app.updates": ({ instance: id, serial = 0 }) => { const list = s.updates.get(id) ?? []; return { updates: list.filter((u) => u.serial > serial).slice(0, 500), max_serial: list.length }; },
  "app.realtime_join": () => ({}),
  "app.realtime_send": () => ({}),
  "mock.notice": (n) => { const notice = { id: s.nextNotice++, instance: null, title: "", text: "", href: null, time_ms: Date.now(), seen: false, ...n }; s.notices.unshift(notice); emit({ event: "notice", notice }); return {}; },
};

async function body(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
}
function hubHeaders(type) {
  return { "content-type": type, "content-security-policy": CSP, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "origin-agent-cluster": "?1", "permissions-policy": "camera=(), microphone=(), geolocation=()" };
}

async function hub(req, res) {
  const json = (code, value) => { res.writeHead(code, hubHeaders("application/json")); res.end(JSON.stringify(value)); };
  const path = new URL(req.url, "http://hub.localhost").pathname;
  if (path === "/api/login" && req.method === "POST") {
    const { code } = JSON.parse((await body(req)).toString() || "{}");
    return code === "mock" ? json(200, { token: TOKEN }) : json(401, { message: "This code is not valid." });
  }
  if (path === "/api/packages" && req.method === "POST") {
    if (req.headers.authorization !== `Bearer ${TOKEN}`) return json(401, { message: "Not allowed." });
    await body(req);
    return json(200, { package: hex("package") });
  }
  if (path === "/mock/scene" && req.method === "POST") { s = sceneOf((await body(req)).toString()); return json(200, {}); }
  const file = normalize(join(DIST, path === "/" ? "index.html" : path));
  if (!file.startsWith(DIST)) return json(404, {});
  try {
    const gz = await readFile(`${file}.gz`);
    res.writeHead(200, { ...hubHeaders(TYPES[extname(file)] ?? "application/octet-stream"), "content-encoding": "gzip", "cache-control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache" });
    res.end(gz);
  } catch {
    json(404, { message: "There is no such file." });
  }
}

const server = createServer((req, res) => {
  const host = req.headers.host ?? "";
  if (host === `hub.localhost:${PORT}`) return void hub(req, res).catch(() => res.destroy());
  const id = host.split(".")[0];
  const i = s.instances.find((x) => x.instance === id);
  const page = widgetPage(WIDGETS.find((w) => w.uuid === i?.uuid)?.key, new URL(req.url, "http://x").pathname, `http://hub.localhost:${PORT}`);
  res.writeHead(i ? 200 : 404, { "content-type": page.type, "content-security-policy": `default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self' http://hub.localhost:${PORT}`, "origin-agent-cluster": "?1", "x-content-type-options": "nosniff" });
  res.end(page.body);
});

const wss = new WebSocketServer({ server, path: "/api/ws" });
wss.on("connection", (ws) => {
  ws.on("close", () => sockets.delete(ws));
  ws.on("message", async (data) => {
    const m = JSON.parse(data.toString());
    if (!ws.ready) {
      if (m.token !== TOKEN) return ws.close(4401, "refused");
      ws.ready = true;
      sockets.add(ws);
      return ws.send(JSON.stringify({ ready: true, api: 1, tier: s.tier }));
    }
    try {
      if (m.method.startsWith("stats.")) METHODS["mock.needs"]({ instance: m.params.instance, permission: "directory" });
      const run = METHODS[m.method] ?? refuse(`there is no method ${m.method}`, "unknown_method");
      ws.send(JSON.stringify({ jsonrpc: "2.0", id: m.id, result: await run(m.params ?? {}) }));
    } catch (e) {
      ws.send(JSON.stringify({ jsonrpc: "2.0", id: m.id, error: { code: -32000, message: e.message, data: { code: e.code ?? "bug", permission: e.permission } } }));
    }
  });
});
server.listen(PORT, "127.0.0.1", () => console.log(`mock node: http://hub.localhost:${PORT}/#login=mock`));
