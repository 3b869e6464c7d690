// Random requests against the API of a real node: none without the right token, host and origin may be answered with 2xx.
import { createServer } from "node:http";
import { dice } from "../lib/dice.mjs";
import { Product } from "./product.mjs";
import { Wire, missing, request } from "./wire.mjs";

const CONNECTIONS = 12;
const AHEAD = 24;
/** One in so many is a right one, so that the others are known to fail for what is wrong in them. */
const RIGHT = 50;

/** One request: what is sent, whether it is a right one, and whether its path is the API's. */
export function made(d, to) {
  const api = d.of(["/api/rpc", "/api/rpc", "/api/packages", "/api/stream", "/api/ws", "/api/login", "/api/", "/api/rpc/", "/api/none"]);
  if (d.below(RIGHT) === 0) return right(d, to);
  const path = d.of([api, api, api, api, `${api}?token=${to.token}`, `//${api.slice(1)}`, `/.${api}`, `/%61pi/rpc`, `/x/..${api}`, `${api}#x`, `${api.toUpperCase()}`, "/", "/index.html", "/webxdc.js", "/assets/none.js", noise(d)]);
  const method = d.of(["POST", "POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post"]);
  const door = d.of(["hub", "program", "widget", "foreign"]);
  const host = { hub: to.hub, program: `127.0.0.1:${to.port}`, widget: to.widget, foreign: d.of(["evil.example", `evil.example:${to.port}`, `hub.localhost.evil.example:${to.port}`, `hub.localhost:${to.port + 1}`, "hub.localhost", `[::1]:${to.port}`, `HUB.localhost:${to.port}`, `hub.localhost.:${to.port}`, `0.0.0.0:${to.port}`, `127.1:${to.port}`, ""]) }[door];
  const token = credential(d, to, door);
  const headers = [["host", host]];
  if (d.often(0.05)) headers.push(["host", to.hub]);
  const origin = d.of([null, null, `http://${to.hub}`, `http://${to.widget}`, "null", "http://evil.example", `http://127.0.0.1:${to.port}`, "file://", `http://${to.hub}.evil.example`]);
  if (origin) headers.push(["origin", origin]);
  if (d.often(0.3)) headers.push(["sec-fetch-site", d.of(["same-origin", "same-site", "cross-site", "none"])]);
  if (d.often(0.2)) headers.push(["sec-fetch-mode", d.of(["cors", "no-cors", "navigate", "websocket"])]);
  if (d.often(0.1)) headers.push(["sec-fetch-dest", d.of(["document", "iframe", "empty", "script", "serviceworker"])]);
  if (token) headers.push(token);
  if (d.often(0.2)) headers.push(["cookie", `hedgerow.token=${to.token}; token=${to.session}`]);
  if (d.often(0.1)) headers.push(d.of([["x-forwarded-host", to.hub], ["x-original-url", "/api/rpc"], ["x-http-method-override", "POST"], ["forwarded", `host=${to.hub}`], ["x-real-ip", "127.0.0.1"]]));
  if (api === "/api/ws" && d.often(0.5)) headers.push(["connection", "upgrade"], ["upgrade", "websocket"], ["sec-websocket-version", "13"], ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="]);
  headers.push(["content-type", d.of(["application/json", "application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "APPLICATION/JSON"])]);
  const body = ["GET", "HEAD", "OPTIONS", "TRACE"].includes(method) && d.often(0.9) ? "" : d.of([call("node.status"), call("node.login_link"), call("api.methods"), "{}", "[]", "null", `{"code":"${to.session}"}`, `{"code":"${"a".repeat(43)}"}`, `{"code":null}`, call("node.status").repeat(2), "[".repeat(300), noise(d)]);
  return { method, path, host, right: false, bytes: request(method, path, headers, body) };
}

const call = (method) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} });
const noise = (d) => `/${Array.from({ length: d.below(24) }, () => d.of([..."abcXYZ019._~-%/?&=;:@!$'()*+,"])).join("")}`;

function right(d, to) {
  const [host, origin, token] = d.of([[to.hub, `http://${to.hub}`, to.session], [`127.0.0.1:${to.port}`, null, to.token]]);
  const headers = [["host", host], ["authorization", `Bearer ${token}`], ["content-type", "application/json"]];
  if (origin) headers.push(["origin", origin], ["sec-fetch-site", "same-origin"]);
  return { method: "POST", path: "/api/rpc", host, right: true, bytes: request("POST", "/api/rpc", headers, call("node.status")) };
}

/** None, a wrong one, nearly the right one, the right one of the other door, or the right one in the wrong shape. */
function credential(d, to, door) {
  const good = door === "hub" ? to.session : to.token;
  const other = door === "hub" ? to.token : to.session;
  const at = d.below(good.length);
  const near = good.slice(0, at) + (good[at] === "a" ? "b" : "a") + good.slice(at + 1);
  const text = d.of([null, null, `Bearer ${near}`, `Bearer ${other}`, `Bearer ${good}x`, `Bearer ${good.slice(1)}`, `Bearer  ${good}`, `bearer ${good}`, `Basic ${Buffer.from(`:${good}`).toString("base64")}`, good, "Bearer ", "Bearer null", `Bearer ${"A".repeat(d.below(2000))}`]);
  return text === null ? null : ["authorization", text];
}

/** What an answer means: `wrong` if it gave what only the owner may have. */
function judge(asked, answer, to, out) {
  out.statuses[answer.status] = (out.statuses[answer.status] ?? 0) + 1;
  if (missing(answer).length > 0 && answer.status !== 101) out.bare += 1;
  const good = answer.status >= 200 && answer.status < 300;
  if (asked.right) {
    if (good) out.authenticated_2xx += 1;
    else out.authenticated_refused += 1;
  } else if (good) {
    // Public by design: the files of the dashboard and of a widget, under their own names, and never the API.
    const file = ["GET", "HEAD"].includes(asked.method) && !/^\/+api\//i.test(asked.path) && [to.hub, to.widget].includes(asked.host);
    if (file && !/"jsonrpc"|"token"/.test(answer.body.slice(0, 400))) out.public_2xx += 1;
    else {
      out.unauthenticated_2xx += 1;
      if (out.examples.length < 5) out.examples.push({ asked: asked.bytes.slice(0, 600), status: answer.status });
    }
  }
}

/** Sends `count` requests over several connections that each carry many. */
export async function flood(port, to, count, seed) {
  const d = dice(seed);
  const out = { requests: 0, unauthenticated_2xx: 0, public_2xx: 0, authenticated_2xx: 0, authenticated_refused: 0, bare: 0, unanswered: 0, statuses: {}, examples: [] };
  let left = count;
  const worker = async () => {
    while (left > 0) {
      const asked = [];
      const wire = new Wire(port, (answer) => {
        judge(asked.shift(), answer, to, out);
        if (answer.status === 101) return wire.close();
        fill();
      });
      const fill = () => {
        while (asked.length < AHEAD && left > 0 && !wire.ended) {
          left -= 1;
          out.requests += 1;
          const one = made(d, to);
          asked.push(one);
          wire.send(one.bytes, one.method);
        }
        if (asked.length === 0) wire.close();
      };
      fill();
      await wire.closed;
      // What was on its way when the server closed is asked again elsewhere: it was not answered.
      out.unanswered += Math.max(0, asked.length - 1);
      left += Math.max(0, asked.length - 1);
      out.requests -= Math.max(0, asked.length - 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  return out;
}

/** Who is asked: a node with a widget and a session. */
export async function target(node) {
  const { placed } = await node.place("victim", { "index.html": "<p>x</p>" });
  const link = await node.call("node.login_link");
  const code = link.hub.split("#login=")[1];
  const hub = `hub.localhost:${node.port}`;
  const wire = new Wire(node.port);
  const answer = await wire.one(request("POST", "/api/login", [["host", hub], ["origin", `http://${hub}`], ["content-type", "application/json"]], JSON.stringify({ code })), "POST");
  wire.close();
  return { port: node.port, hub, widget: new URL(placed[0].origin).host, token: node.token, session: JSON.parse(answer.body).token };
}

/** A server that asks nobody who they are: the count must see it. */
export async function naive(to, count, seed) {
  const server = createServer((_, response) => response.end("ok"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const out = await flood(server.address().port, to, count, seed);
  server.closeAllConnections();
  server.close();
  return out;
}

if (process.argv[1] === import.meta.filename) {
  const plan = JSON.parse(process.argv[2]);
  const seed = Number(plan.seed ?? Math.floor(Math.random() * 2 ** 32));
  const node = await Product.start();
  const to = await target(node);
  const begin = Date.now();
  const out = await flood(node.port, to, plan.count, seed);
  const seconds = (Date.now() - begin) / 1000;
  const alive = (await node.call("node.status")) !== null;
  const control = await naive(to, 2_000, seed);
  await node.stop();
  // All of it, however long, before the end.
  process.stdout.write(JSON.stringify({ ...out, seed, seconds, alive, control_unauthenticated_2xx: control.unauthenticated_2xx }), () => process.exit(0));
}
