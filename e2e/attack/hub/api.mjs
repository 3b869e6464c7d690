// 15 (as bytes) and 30-34: who may ask the daemon for what.
import net from "node:net";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ask, missing } from "../wire.mjs";

const CALL = '{"jsonrpc":"2.0","id":1,"method":"node.status","params":{}}';
const JSON_TYPE = ["content-type", "application/json"];
const program = (to) => [["host", `127.0.0.1:${to.node.port}`], ["authorization", `Bearer ${to.token}`], JSON_TYPE];
const good = (answer) => answer !== null && answer.status >= 200 && answer.status < 300;
const shown = (answer) => (answer ? `${answer.status}` : "closed");
/** One request; got when it is answered well. */
const one = (id, name, make) => ({ id, name, attack: async (to) => {
  const [method, path, headers, body] = make(to);
  const answer = await ask(to.port, method, path, headers, body ?? "");
  return { got: good(answer), evidence: shown(answer) };
} });

const hosts = {
  foreign: () => "evil.example", "foreign-port": (p) => `evil.example:${p}`, "trailing-dot": (p) => `hub.localhost.:${p}`, "no-port": () => "hub.localhost",
  "other-port": (p) => `hub.localhost:${p + 1}`, suffix: (p) => `hub.localhost.evil.example:${p}`, prefix: (p) => `evilhub.localhost:${p}`, "ipv6": (p) => `[::1]:${p}`,
  zero: (p) => `0.0.0.0:${p}`, short: (p) => `127.1:${p}`, "other-loopback": (p) => `127.0.0.2:${p}`, decimal: (p) => `2130706433:${p}`, user: (p) => `x@hub.localhost:${p}`,
  empty: () => "", "deep-widget": (p) => `a.b.hub.localhost:${p}`, "upper-widget": (p) => `AAAAAAAAAAAAAAAA.hub.localhost:${p}`, localhost: (p) => `x.localhost:${p}`,
};
const rebinding = Object.entries(hosts).flatMap(([id, host]) => [
  one(`30.host.${id}.api`, `the API with the right token under the host ${host("PORT").replace("PORT1", "PORT+1")}`, (to) => ["POST", "/api/rpc", [["host", host(to.node.port)], ...program(to).slice(1)], CALL]),
  one(`30.host.${id}.page`, `the dashboard under the host ${host("PORT").replace("PORT1", "PORT+1")}`, (to) => ["GET", "/", [["host", host(to.node.port)]]]),
]);

const session = (to) => ["authorization", `Bearer ${to.session}`];
const csrf = [
  one("31.post.simple", "a public page sends a simple POST", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", "http://evil.example"], ["sec-fetch-site", "cross-site"], ["content-type", "text/plain"]], CALL]),
  one("31.post.local", "a public page sends a POST to 127.0.0.1", (to) => ["POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], ["origin", "http://evil.example"], ["content-type", "text/plain"]], CALL]),
  one("31.post.token", "a foreign page with the right session token", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", "http://evil.example"], session(to), JSON_TYPE], CALL]),
  one("31.post.null", "a sandboxed page (Origin null) with the right session token", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", "null"], session(to), JSON_TYPE], CALL]),
  one("31.post.text", "JSON as text/plain with the right token", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", `http://${to.hub}`], session(to), ["content-type", "text/plain"]], CALL]),
  one("31.post.form", "a form", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", `http://${to.hub}`], session(to), ["content-type", "application/x-www-form-urlencoded"]], `x=${CALL}`]),
  one("31.get.image", "an image from a public page", (to) => ["GET", "/api/rpc?method=node.status", [["host", to.hub], ["sec-fetch-site", "cross-site"], ["sec-fetch-mode", "no-cors"], ["sec-fetch-dest", "image"]]]),
  one("31.get.widget", "a widget leads its own frame to the API", (to) => ["GET", "/api/rpc?x", [["host", to.hub], ["sec-fetch-site", "same-site"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "iframe"]]]),
  one("31.embed", "a widget embeds the dashboard's script", (to) => ["GET", "/", [["host", to.hub], ["sec-fetch-site", "same-site"], ["sec-fetch-mode", "no-cors"], ["sec-fetch-dest", "script"]]]),
  one("31.program.browser", "a browser at the address for programs, with the right token", (to) => ["POST", "/api/rpc", [...program(to), ["sec-fetch-site", "none"], ["sec-fetch-mode", "cors"]], CALL]),
  one("19.cookie", "a cookie of any widget in place of a token", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", `http://${to.hub}`], ["cookie", `hedgerow.token=${to.session}; token=${to.session}; authorization=Bearer ${to.session}`], JSON_TYPE], CALL]),
  one("31.preflight", "a preflight", (to) => ["OPTIONS", "/api/rpc", [["host", to.hub], ["origin", "http://evil.example"], ["access-control-request-method", "POST"]]]),
];

const tokens = [
  one("33.session.widget-origin", "a session's token from a widget's origin", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", `http://${to.widget}`], session(to), JSON_TYPE], CALL]),
  one("33.session.widget-host", "a session's token at a widget's host", (to) => ["POST", "/api/rpc", [["host", to.widget], ["origin", `http://${to.widget}`], session(to), JSON_TYPE], CALL]),
  one("33.session.program-door", "a session's token at the door for programs", (to) => ["POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], session(to), JSON_TYPE], CALL]),
  one("33.program.hub-door", "the programs' token at the dashboard's door", (to) => ["POST", "/api/rpc", [["host", to.hub], ["origin", `http://${to.hub}`], ["authorization", `Bearer ${to.token}`], JSON_TYPE], CALL]),
  one("33.sibling.origin", "a widget's file asked for by a sibling's origin", (to) => ["GET", "/index.html", [["host", to.widget], ["origin", "http://bbbbbbbbbbbbbbbb.hub.localhost"]]]),
  one("33.none", "no token", (to) => ["POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], JSON_TYPE], CALL]),
  one("33.upload", "an upload without a token", (to) => ["POST", "/api/packages", [["host", `127.0.0.1:${to.node.port}`]], "PK"]),
  one("33.stream", "a stream without a token", (to) => ["GET", "/api/stream?name=x", [["host", `127.0.0.1:${to.node.port}`]]]),
  { id: "33.uninstalled", name: "a widget's origin after it was taken off", attack: async (to) => {
    if (to.naive) return { got: good(await ask(to.port, "GET", "/index.html", [["host", to.widget]])) };
    const { uuid, placed } = await to.node.place("gone", { "index.html": "<p>gone</p>" });
    const host = new URL(placed[0].origin).host;
    const before = await ask(to.port, "GET", "/index.html", [["host", host]]);
    await to.node.call("widget.remove", { uuid, with_instances: true });
    const after = await ask(to.port, "GET", "/index.html", [["host", host]]);
    return { ran: good(before), got: good(after), evidence: `${shown(before)} then ${shown(after)}` };
  } },
];

const leaks = [
  one("34.url", "the token in the address", (to) => ["POST", `/api/rpc?token=${to.token}&access_token=${to.token}`, [["host", `127.0.0.1:${to.node.port}`], JSON_TYPE], CALL]),
  { id: "34.error-page", name: "an error page that repeats the token of a bad request", attack: async (to) => {
    const answers = [];
    for (const [path, headers] of [[`/api/${to.token}`, program(to)], ["/api/none", program(to)], [`/x?${to.token}`, [["host", to.hub], ["cookie", to.token]]], ["/%ff", [["host", to.widget], ["x", to.token]]]]) answers.push(await ask(to.port, "GET", path, headers));
    return { got: answers.some((a) => a && (a.body + a.head).includes(to.token)), evidence: answers.map(shown).join(" ") };
  } },
  { id: "34.referer", name: "an answer that lets an address be told to others", attack: async (to) => {
    const answers = await Promise.all([ask(to.port, "GET", "/", [["host", to.hub]]), ask(to.port, "GET", "/index.html", [["host", to.widget]]), ask(to.port, "GET", "/none", [["host", to.hub]])]);
    return { got: answers.some((a) => !/\r\nreferrer-policy: no-referrer\r?\n?/i.test(a.head)), evidence: answers.map(shown).join(" ") };
  } },
  { id: "34.login-link", name: "a login code outside of the fragment, or used twice", attack: async (to) => {
    if (to.naive) return { got: good(await ask(to.port, "POST", "/api/login", [["host", to.hub], JSON_TYPE], "{}")) };
    const { hub } = await to.node.call("node.login_link");
    const code = hub.split("#login=")[1];
    const login = () => ask(to.port, "POST", "/api/login", [["host", to.hub], ["origin", `http://${to.hub}`], JSON_TYPE], JSON.stringify({ code }));
    const first = await login();
    const second = await login();
    return { ran: good(first), got: good(second) || new URL(hub).search !== "", evidence: `${shown(first)} then ${shown(second)}` };
  } },
  { id: "34.login-guess", name: "guessing login codes", attack: async (to) => {
    let last = null;
    for (let i = 0; i < 12; i++) last = await ask(to.port, "POST", "/api/login", [["host", to.hub], ["origin", `http://${to.hub}`], JSON_TYPE], JSON.stringify({ code: `guess${i}` }));
    return { got: last?.status !== 429, evidence: shown(last) };
  } },
  { id: "34.command-line", name: "the login code on the command line of `hedgerow open`", attack: async (to) => {
    const { command } = to.node.run("open", "--headless", "--print", "--browser", process.execPath);
    const page = join(to.node.data, "browser", String(to.node.port), "open.html");
    const code = /#login=([^"]+)"/.exec(readFileSync(page, "utf8"))?.[1];
    return { ran: !!code, got: command.some((part) => part.includes(code)) || (statSync(page).mode & 0o77) !== 0, evidence: `${command.length} arguments` };
  }, control: async () => ({ got: ["xdg-open", "http://hub.localhost:1/#login=code"].some((part) => part.includes("code")) }) },
];

/** Frame of a text, as a browser sends it. */
function masked(text) {
  const bytes = Buffer.from(text);
  const head = bytes.length < 126 ? [0x81, 0x80 | bytes.length] : [0x81, 0xfe, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes]);
}

/** Opens a WebSocket with these headers and says `first`; got when the node lets it in. */
const socket = (id, name, headers, first) => ({ id: `32.${id}`, name, attack: (to) => new Promise((done) => {
  const lines = headers(to).map(([key, value]) => `${key}: ${value}\r\n`).join("");
  const connection = net.connect(to.port, "127.0.0.1");
  let text = "";
  const end = () => (connection.destroy(), done({ got: text.includes('"ready":true'), evidence: text.slice(0, 12) }));
  const timer = setTimeout(end, 6_500);
  connection.on("error", () => {});
  connection.on("close", () => (clearTimeout(timer), end()));
  connection.on("data", (bytes) => {
    const upgraded = text === "";
    text += bytes.toString("latin1");
    if (upgraded && text.startsWith("HTTP/1.1 101") && first(to) !== null) connection.write(masked(first(to)));
    if (text.includes('"ready":true') || (upgraded && !text.startsWith("HTTP/1.1 101"))) end();
  });
  connection.write(`GET /api/ws HTTP/1.1\r\n${lines}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`);
}) });
const token = (to) => JSON.stringify({ token: to.session });
const sockets = [
  socket("origin.missing", "without an Origin, with the right token", (to) => [["host", to.hub]], token),
  socket("origin.null", "with Origin null, with the right token", (to) => [["host", to.hub], ["origin", "null"]], token),
  socket("origin.foreign", "from a foreign page, with the right token", (to) => [["host", to.hub], ["origin", "https://evil.example"]], token),
  socket("origin.widget", "from a widget, with the right token", (to) => [["host", to.hub], ["origin", `http://${to.widget}`]], token),
  socket("origin.port", "from another port of the same name", (to) => [["host", to.hub], ["origin", "http://hub.localhost:1"]], token),
  socket("origin.twice", "with two Origins", (to) => [["host", to.hub], ["origin", `http://${to.hub}`], ["origin", "http://evil.example"]], token),
  socket("program.foreign", "from a page at the door for programs, with the right token", (to) => [["host", `127.0.0.1:${to.node.port}`], ["origin", "http://evil.example"]], (to) => JSON.stringify({ token: to.token })),
  socket("host.foreign", "under a foreign name, with the right token", (to) => [["host", `evil.example:${to.node.port}`]], (to) => JSON.stringify({ token: to.token })),
  socket("token.none", "that says nothing", (to) => [["host", to.hub], ["origin", `http://${to.hub}`]], () => null),
  socket("token.wrong", "with a wrong token", (to) => [["host", to.hub], ["origin", `http://${to.hub}`]], () => '{"token":"wrong"}'),
  socket("token.call", "that calls before it said who it is", (to) => [["host", to.hub], ["origin", `http://${to.hub}`]], () => CALL),
  socket("token.other-door", "with the programs' token at the dashboard's door", (to) => [["host", to.hub], ["origin", `http://${to.hub}`]], (to) => JSON.stringify({ token: to.token })),
  socket("token.header", "with the right token as a header only", (to) => [["host", to.hub], ["origin", `http://${to.hub}`], session(to)], () => "{}"),
];

/** Every kind of answer as bytes: got when a header of the fence is missing. */
const answers = (id, name, make, status, more = ["connection-allowlist"]) => ({ id: `15.headers.${id}`, name: `headers of ${name}`, attack: async (to) => {
  const [method, path, headers, body] = make(to);
  const answer = await ask(to.port, method, path, headers, body ?? "");
  const lacks = answer ? missing(answer, more) : [];
  return { ran: to.naive ? true : answer?.status === status, got: lacks.length > 0, evidence: `${shown(answer)} ${lacks.join(" ")}`.trim() };
} });
const widget = (to) => [["host", to.widget]];
const headers = [
  answers("page", "a widget's page", (to) => ["GET", "/index.html", widget(to)], 200),
  answers("head", "HEAD", (to) => ["HEAD", "/index.html", widget(to)], 200),
  answers("not-found", "404", (to) => ["GET", "/none", widget(to)], 404),
  answers("script", "webxdc.js", (to) => ["GET", "/webxdc.js", widget(to)], 200),
  answers("range", "206", (to) => ["GET", "/index.html", [...widget(to), ["range", "bytes=0-1"]]], 206),
  answers("bad-range", "416", (to) => ["GET", "/index.html", [...widget(to), ["range", "bytes=999-"]]], 416),
  answers("bad-escape", "a bad escape", (to) => ["GET", "/%zz", widget(to)], 400),
  answers("outside", "a path that leads outside", (to) => ["GET", "/%2e%2e/x", widget(to)], 400),
  answers("method", "a wrong method", (to) => ["DELETE", "/index.html", widget(to)], 405),
  answers("worker", "a refused service worker", (to) => ["GET", "/sw.js", [...widget(to), ["service-worker", "script"]]], 403),
  answers("foreign-site", "a refused sibling", (to) => ["GET", "/index.html", [...widget(to), ["sec-fetch-site", "same-site"], ["sec-fetch-mode", "no-cors"]]], 403),
  answers("unknown", "an instance that is not there", (to) => ["GET", "/", [["host", `aaaaaaaaaaaaaaaa.hub.localhost:${to.node.port}`]]], 404),
  answers("foreign-host", "a foreign host", (to) => ["GET", "/", [["host", "evil.example"]]], 421),
  answers("no-host", "no host", () => ["GET", "/", []], 400),
  answers("unreadable", "a head that cannot be read", (to) => ["G\x01T", "/", widget(to)], 400),
  answers("too-many", "too many headers", (to) => ["GET", "/", [...widget(to), ...Array.from({ length: 100 }, (_, i) => [`x${i}`, "1"])]], 431),
  answers("hub", "the dashboard", (to) => ["GET", "/", [["host", to.hub]]], 200, []),
  answers("hub.not-found", "404 of the dashboard", (to) => ["GET", "/none", [["host", to.hub]]], 404, []),
  answers("api", "a refused call", (to) => ["POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], JSON_TYPE], CALL], 401),
  { id: "15.headers.not-modified", name: "headers of 304", attack: async (to) => {
    const first = await ask(to.port, "GET", "/index.html", widget(to));
    const tag = /\r\netag: *(\S+)/i.exec(first.head)?.[1] ?? "x";
    const second = await ask(to.port, "GET", "/index.html", [...widget(to), ["if-none-match", tag]]);
    const lacks = missing(second, ["connection-allowlist"]);
    return { ran: to.naive ? true : second.status === 304, got: lacks.length > 0, evidence: `${second.status} ${lacks.join(" ")}`.trim() };
  } },
];

/** Several at once. */
export const answered = [...headers, ...rebinding, ...csrf, ...sockets, ...tokens];
/** One after the other: guessing codes keeps everybody from logging in for a while. */
export const said = leaks;
