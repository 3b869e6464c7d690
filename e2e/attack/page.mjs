// Makes the page of a vector. The same bytes are served by the node and, without any header, by the control.
import { V4, V6 } from "./netns.mjs";
import { ZONE } from "./sink.mjs";

/** @typedef {{ id: string, name: string, head?: string, body?: string, js?: string, files?: Record<string, string>,
 *   stolen?: boolean, peer?: boolean, top?: boolean, alone?: boolean, asks?: string[], isolate?: boolean, wait?: number }} Vector */

/** What every page begins with: `ran()` says that the attack was carried out, `stolen(yes)` also whether it got what it wanted. */
const PRELUDE = `
  const say = (payload) => webxdc.sendUpdate({ payload }, "");
  window.ran = (more) => say({ ran: true, ...more });
  window.stolen = (yes, why) => say({ ran: true, stolen: !!yes, why: String(why ?? "") });
  window.later = (ms) => new Promise((done) => setTimeout(done, ms));
  window.addFrame = (set) => { const f = document.createElement("iframe"); Object.assign(f, set); document.body.append(f); return f; };
  window.peer = new Promise((done) => (window.gotPeer = done));
  window.begun = (async () => {
    await webxdc.setUpdateListener((u) => { if (u.payload && u.payload.peer) window.gotPeer(u.payload.peer); }, 0);
    await say({ begun: true });
  })();`;

/** Files of a page that a hand drives: `index.html` is a script in `files.js`, begun with the prelude. */
export function drivenFiles(id, { js, body = "", ...more }) {
  return { ...more, "index.html": `<!doctype html><meta charset="utf-8"><title>${id}</title><script src="webxdc.js"></script><script>${PRELUDE}</script><body>${body}<script>begun.then(async () => { ${js ?? ""} });</script>` };
}

/** The manifest of a widget that asks for these permissions. */
export function asking(name, permissions = []) {
  const list = permissions.map((p) => `{ name = "${p}", reason = "to try it" }`);
  return list.length === 0 ? {} : { "manifest.toml": `name = ${JSON.stringify(name)}\n[hedgerow]\npermissions = [${list.join(", ")}]\n` };
}

/** Names and addresses of the vector with this number. */
export function names(vector, number, tier) {
  const slug = vector.id.replace(/[^a-z0-9]+/gi, "-").toLowerCase().slice(0, 40);
  return { host: `v${number}-${slug}-${tier}.${ZONE}`, ip: V4(number), ip6: V6(number) };
}

/** The files of the package: `SINK`, `SINKIP6` and `SINKIP` stand for the vector's own name and addresses. */
export function files(vector, { host, ip, ip6 }) {
  const fill = (text) => text.replaceAll("SINKIP6", ip6).replaceAll("SINKIP", ip).replaceAll("SINK", host);
  const js = vector.js === undefined ? "await later(200); ran();" : vector.js;
  const index = `<!doctype html><html><head><meta charset="utf-8"><title>${vector.id}</title>${vector.head ?? ""}
<script src="webxdc.js"></script><script>${PRELUDE}</script></head><body>${vector.body ?? ""}
<script>addEventListener("load", async () => { await begun; try { ${js} } catch (error) { say({ failed: String(error) }); } });</script>
</body></html>`;
  const all = { ...asking(vector.id, vector.asks), "index.html": index, ...vector.files };
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, typeof text === "string" ? fill(text) : text]));
}

/** The page of a stranger (`--pages`), as it is but for a word before it that it ran. A page that leaves at once cannot say
 * so; it leaves a note in its own storage, which `index.html` finds when it is opened again. */
export function strangersPage(html, { host, ip, ip6 }) {
  const filled = html.replaceAll("SINKIP6", ip6).replaceAll("SINKIP", ip).replaceAll("SINK", host);
  const ours = `<script src="webxdc.js"></script><script>try { localStorage.setItem("attack-ran", "1"); } catch (e) { void e; }${PRELUDE}
    addEventListener("load", () => ran());</script>`;
  const doctype = /^\s*<!doctype[^>]*>/i.exec(filled)?.[0] ?? "";
  const rest = filled.slice(doctype.length);
  const page = /<head[^>]*>/i.test(rest) ? doctype + rest.replace(/<head[^>]*>/i, (head) => head + ours) : doctype + ours + rest;
  const index = `<!doctype html><script src="webxdc.js"></script><script>${PRELUDE}
    begun.then(() => (localStorage.getItem("attack-ran") ? ran() : location.replace("page.html")));</script>`;
  return { "index.html": index, "page.html": page };
}
