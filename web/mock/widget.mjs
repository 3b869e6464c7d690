// A stand-in for running widgets: the bridge spoken as a widget speaks it, and simple content for the screenshots.
import { readFileSync } from "node:fs";

const CONTENT = {
  shout: `<p><b>mia</b> <small>2 min</small><br>Crag is dry, who is in for Saturday?</p><p><b>tom</b> <small>1 min</small><br>Me. I made a poll for the car.</p><div id="log"></div><form id="f"><input id="in" aria-label="Say something" placeholder="Say something to everyone here"></form>`,
  poll: `<p class="b"><i class="w1"></i><span>Tom's van</span><span>5</span></p><p class="b"><i class="w2"></i><span>Train</span><span>2</span></p><p class="b"><i class="w3"></i><span>Mia's car</span><span>1</span></p><button id="link">Read the timetable</button> <button id="share">Share</button>`,
  checklist: `<p><label><input type="checkbox" checked> Quickdraws</label></p><p><label><input type="checkbox" checked> First-aid kit</label></p><p><label><input type="checkbox"> Stove</label></p><p><label><input type="checkbox"> Coffee</label></p>`,
  whiteboard: `<svg viewBox="0 0 500 300" width="100%" height="240" fill="none" stroke-width="4" stroke-linecap="round"><path d="M20 280C80 120 120 220 170 90S260 60 300 130s90-60 180-90" stroke="#888"/><path d="M170 280c10-60-20-90 20-150s10-60 30-90" stroke="#2f7d4f"/></svg>`,
  notes: `<p><b>Saturday</b></p><p>Ask Mia about the long rope. Bring the good stove.</p>`,
  meet: `<p>Friday suits most.</p>`,
};
const STYLE = `:root{color-scheme:light dark}body{font:14px/1.5 system-ui,sans-serif;margin:12px}@media(prefers-color-scheme:dark){body{background:#1d2420;color:#e6ebe5}}.b{position:relative;display:flex;justify-content:space-between;background:#8881;border-radius:8px;padding:5px 10px;margin:0 0 8px;overflow:hidden}.b i{position:absolute;inset:0 auto 0 0;background:#2f7d4f22}.w1{width:62%}.w2{width:25%}.w3{width:12%}input:not([type]){width:100%;padding:7px 10px;border:1px solid #8886;border-radius:10px;background:transparent;color:inherit;font:inherit;box-sizing:border-box}`;
const SCRIPT = `
let port, next = 1; const waiting = new Map(); const got = []; window.got = got; window.loads = (Number(sessionStorage.loads || 0) + 1); sessionStorage.loads = window.loads;
const call = (call, args) => new Promise((ok, no) => { const id = next++; waiting.set(id, [ok, no]); port.postMessage({ id, call, args }); });
window.call = call;
addEventListener("message", async (e) => {
  if (e.data?.type !== "port") return;
  port = e.ports[0];
  port.onmessage = ({ data }) => {
    if (data.event === "ping") return window.mute || port.postMessage({ sign: "pong", n: data.n, heap: window.heap });
    if (data.event === "background_message") return (window.told ??= []).push(data.message);
    if (data.event === "update") { got.push(data.update.serial); const log = document.getElementById("log"); if (log && data.update.payload?.text) { const p = document.createElement("p"); p.textContent = data.update.payload.text; log.append(p); } return; }
    const w = waiting.get(data.id); if (!w) return; waiting.delete(data.id);
    "error" in data ? w[1](Object.assign(new Error(data.error.message), { code: data.error.code })) : w[0](data.result);
  };
  window.listened = await call("listen", { serial: 0 });
});
window.top.postMessage({ hedgerow: 1, type: "connect" }, location.protocol + "//" + location.host.split(".").slice(1).join("."));
document.getElementById("f")?.addEventListener("submit", (e) => { e.preventDefault(); call("send_update", { update: { payload: { text: document.getElementById("in").value } } }); document.getElementById("in").value = ""; });
document.getElementById("link")?.addEventListener("click", () => call("open_link", { url: "https://ex\\u00e4mple.org/timetable?from=here" }).catch(() => {}));
document.getElementById("share")?.addEventListener("click", () => call("send_to_chat", { text: "Tom's van leads with 5", file: { name: "result.txt", blob: new Blob(["5"]) } }).catch(() => {}));
`;

// The script that the node serves, from its parts.
const part = (name) => readFileSync(new URL(`../../crates/sandbox/js/${name}.js`, import.meta.url), "utf8");
const real = (hub) => ["peers", "stats", "doors"].reduce((all, name) => all.replace(`  __HEDGEROW_${name.toUpperCase()}__;\n`, () => part(name)), part("webxdc"))
  .replace("__HEDGEROW_CONFIG__", JSON.stringify({ selfAddr: "p-me", selfName: "Robin", hub, sendUpdateInterval: 100, sendUpdateMaxSize: 128000, version: "0.1.0", api: 1, features: [] }));

/** `notes` runs the real script; the others speak for themselves. `/plain.html` of each has none. */
export function widgetPage(key, path, hub) {
  if (path === "/webxdc.js") return { type: "text/javascript", body: real(hub) };
  if (path === "/app.js") return { type: "text/javascript", body: SCRIPT };
  if (path === "/app.css") return { type: "text/css", body: STYLE };
  return { type: "text/html; charset=utf-8", body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${key}</title><link rel="stylesheet" href="/app.css"><body>${CONTENT[key] ?? "<p>Hello.</p>"}${path === "/plain.html" ? "" : `<script src="${key === "notes" ? "/webxdc.js" : "/app.js"}"></script>`}</body></html>` };
}
