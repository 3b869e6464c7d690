// 17-24: what a widget might take of another widget or of the hub. `stolen` says whether it got it.
const steal = (id, name, js, more = {}) => ({ id, name, stolen: true, js, ...more });
/** Two instances of one file: each leaves a mark and looks for the other's. */
const twins = (id, name, put, look) => steal(`17.${id}`, name, `
  const me = Math.random().toString(36).slice(2) + location.host.slice(0, 4);
  ${put} for (let i = 0; i < 10; i++) { await later(300); const found = await (async () => { ${look} })(); if (found) return stolen(true, found); } stolen(false);`, { twins: true, files: { "s.js": `const all = []; onconnect = (e) => { const p = e.ports[0]; all.push(p); p.onmessage = (m) => all.forEach((o) => o.postMessage(m.data)); };` } });

export default [
  twins("local-storage", "localStorage of a sibling", `localStorage.setItem("m" + me, me);`, `for (let i = 0; i < localStorage.length; i++) { const k = localStorage.key(i); if (k.startsWith("m") && k !== "m" + me) return k; }`),
  twins("indexed-db", "IndexedDB of a sibling", `indexedDB.open("db-" + me);`, `return (await indexedDB.databases()).map((d) => d.name).find((n) => n !== "db-" + me);`),
  twins("cache", "Cache of a sibling", `await caches.open("c-" + me);`, `return (await caches.keys()).find((n) => n !== "c-" + me);`),
  twins("broadcast", "BroadcastChannel of a sibling", `let got = null; const ch = new BroadcastChannel("x"); ch.onmessage = (e) => (got = e.data);`, `ch.postMessage(me); return got;`),
  twins("locks", "locks of a sibling", `navigator.locks.request("l-" + me, () => new Promise(() => {}));`, `const q = await navigator.locks.query(); return q.held.map((l) => l.name).find((n) => n !== "l-" + me);`),
  twins("shared-worker", "shared worker of a sibling", `let got = null; const w = new SharedWorker("s.js"); w.port.onmessage = (e) => { if (e.data !== me) got = e.data; };`, `w.port.postMessage(me); return got;`),
  twins("storage-files", "private files of a sibling", `const root = await navigator.storage.getDirectory(); await root.getFileHandle("f-" + me, { create: true });`, `for await (const n of root.keys()) if (n !== "f-" + me) return n;`),

  steal("18.service-worker", "registering a service worker", `const r = await navigator.serviceWorker.register("sw.js").catch((e) => String(e)); stolen(typeof r !== "string", r);`, { files: { "sw.js": "self.onfetch = () => {};" } }),
  steal("18.service-worker.scope", "a service worker for everything, as a module", `const r = await navigator.serviceWorker.register("/sub/sw.js", { type: "module", scope: "/sub/" }).catch((e) => String(e)); stolen(typeof r !== "string", r);`, { files: { "sub/sw.js": "self.onfetch = () => {};" } }),

  steal("20.parent-document", "reading the parent's document", `let t = null; try { t = parent.document.title; } catch (e) { void e; } stolen(t !== null && parent !== window, t);`, { top: true }),
  steal("20.top-storage", "reading the hub's storage and token", `let t = null; try { t = top.sessionStorage.length + top.localStorage.length; } catch (e) { void e; } stolen(t !== null && top !== window, t);`, { top: true }),
  steal("20.frames", "reading other frames by their number", `let t = null; await later(1000); for (let i = 0; i < parent.length; i++) { try { if (parent[i] !== window && parent[i].document) t = i; } catch (e) { void e; } } stolen(t !== null, t);`, { twins: true }),
  steal("20.parent-eval", "setting a function in the parent", `let t = false; try { parent.hacked = 1; t = parent.hacked === 1; } catch (e) { void e; } stolen(t && parent !== window);`, { top: true }),

  steal("22.frame-sibling", "framing another widget", `const p = await peer; let got = false; onmessage = (e) => { if (e.data === "framed") got = true; }; addFrame({ src: p + "/victim.html" }); await later(1500); stolen(got, p);`, { peer: true, files: { "victim.html": `<script>parent.postMessage("framed", "*")</script>` } }),
  steal("22.frame-sibling.nested", "framing another widget from a data: frame", `const p = await peer; let got = false; onmessage = (e) => { if (e.data === "framed") got = true; }; addFrame({ src: "data:text/html,<iframe src='" + p + "/victim.html'></iframe>" }); await later(1500); stolen(got, p);`, { peer: true, files: { "victim.html": `<script>top.frames; parent.parent.postMessage("framed", "*")</script>` } }),
  steal("23.script", "another widget's file as a script", `const p = await peer; const s = document.createElement("script"); s.src = p + "/secret.js"; document.body.append(s); await later(1500); stolen(window.secret === 42, p);`, { peer: true, files: { "secret.js": "window.secret = 42;" } }),
  steal("23.image", "another widget's file as an image", `const p = await peer; const i = new Image(); const r = await new Promise((d) => { i.onload = () => d(true); i.onerror = () => d(false); i.src = p + "/x.svg"; }); stolen(r, p);`, { peer: true, files: { "x.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>` } }),
  steal("23.fetch", "whether another widget has a file", `const p = await peer; const r = await fetch(p + "/secret.js", { mode: "no-cors" }).then(() => true, () => false); stolen(r, p);`, { peer: true, files: { "secret.js": "1" } }),
  steal("23.api", "the API of the hub", `const r = await fetch(location.host.includes("control") ? "/report" : "http://" + location.host.replace(/^[^.]+\\./, "") + "/api/rpc", { method: "POST", mode: "no-cors", body: "{}" }).then(() => true, () => false); stolen(r);`, { top: true }),

  steal("24.shared-memory", "SharedArrayBuffer and exact clocks", `stolen(typeof SharedArrayBuffer !== "undefined" || self.crossOriginIsolated, self.crossOriginIsolated);`, { top: true, isolate: true }),
];
