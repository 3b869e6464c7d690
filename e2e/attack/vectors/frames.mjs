// 8 and 9: frames and workers that might not inherit the policy.
const IMG = "<img src=http://SINK/x.png>";
const framed = (id, name, js) => ({ id: `08.${id}`, name, js: `${js} await later(500); ran();` });
const WORK = `try { importScripts("http://SINK/i.js") } catch (e) {} fetch("http://SINK/f", { mode: "no-cors" }).catch(() => {}); try { new WebSocket("ws://SINK/w") } catch (e) {}`;
const worker = (id, name, js, files) => ({ id: `09.${id}`, name, js: `try { ${js} } catch (e) { void e; } await later(500); ran();`, files });
const blob = `URL.createObjectURL(new Blob([${JSON.stringify(WORK)}], { type: "text/javascript" }))`;

export default [
  framed("frame.external", "frame of another host", `addFrame({ src: "http://SINK/x" });`),
  framed("frame.external.tls", "frame of another host over TLS", `addFrame({ src: "https://SINK/x" });`),
  framed("frame.data", "image in a data: frame", `addFrame({ src: "data:text/html,${IMG}" });`),
  framed("frame.blob", "image in a blob: frame", `addFrame({ src: URL.createObjectURL(new Blob(["${IMG}"], { type: "text/html" })) });`),
  framed("frame.srcdoc", "image in srcdoc", `addFrame({ srcdoc: "${IMG}" });`),
  framed("frame.blank", "image written into about:blank", `const d = addFrame({}).contentDocument; d.write("${IMG}"); d.close();`),
  framed("frame.javascript", "javascript: frame", `addFrame({ src: "javascript:'${IMG}'" });`),
  framed("frame.sandboxed", "image in a sandboxed frame", `addFrame({ sandbox: "allow-scripts", srcdoc: "${IMG}<script>fetch('http://SINK/y',{mode:'no-cors'})<\\/script>" });`),
  framed("frame.nested", "data: in data: in srcdoc", `addFrame({ srcdoc: "<iframe src=\\"data:text/html,<iframe srcdoc='${IMG}'></iframe>\\"></iframe>" });`),
  framed("frame.redirected-data", "data: frame that goes elsewhere", `addFrame({ src: "data:text/html,\\x3Cscript>location='http://SINK/x'\\x3C/script>" });`),
  { id: "08.frame.own-file", name: "image in a page of the package, framed", js: `addFrame({ src: "sub/other.html" }); await later(500); ran();`, files: { "sub/other.html": `<link rel=preconnect href=https://SINK>${IMG}` } },
  { id: "08.frame.meta-policy", name: "a page of the package that states a policy of its own", js: `addFrame({ src: "other.html" }); await later(500); ran();`, files: { "other.html": `<meta http-equiv=Content-Security-Policy content="default-src *">${IMG}` } },
  framed("frame.fenced", "object with a blob: page", `const o = document.createElement("object"); o.data = URL.createObjectURL(new Blob(["${IMG}"], { type: "text/html" })); document.body.append(o);`),

  worker("worker.blob", "blob: worker", `new Worker(${blob});`),
  worker("worker.file", "worker of the package", `new Worker("w.js");`, { "w.js": WORK }),
  worker("worker.module", "module worker with an import from outside", `new Worker("m.js", { type: "module" });`, { "m.js": `import "http://SINK/i.js";` }),
  worker("worker.shared", "shared worker", `new SharedWorker("w.js");`, { "w.js": WORK }),
  worker("worker.shared-blob", "shared blob: worker", `new SharedWorker(${blob});`),
  worker("worker.nested", "worker in a worker", `new Worker("n.js");`, { "n.js": `new Worker("w.js");`, "w.js": WORK }),
  worker("worker.webtransport", "WebTransport in a worker", `new Worker("t.js");`, { "t.js": `new WebTransport("https://SINK:4433/x").ready.catch(() => {});` }),
  worker("worker.data", "data: worker", `new Worker("data:text/javascript," + encodeURIComponent(${JSON.stringify(WORK)}));`),
  worker("worklet", "worklet module from outside", `CSS.paintWorklet ? CSS.paintWorklet.addModule("http://SINK/p.js").catch(() => {}) : 0; const c = new AudioContext(); c.audioWorklet.addModule("http://SINK/a.js").catch(() => {});`),
];
