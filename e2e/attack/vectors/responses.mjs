// 15: one answer of the origin without headers is a page without a fence, in which its neighbour may act.
// The document behind the frame has the widget's own origin, so the widget writes what it likes into it.
const inside = (url, after = "") => `
  const f = addFrame({ src: ${url} });
  await Promise.race([new Promise((done) => (f.onload = done)), later(8000)]);
  ${after}
  const d = f.contentDocument;
  if (d) {
    if (!d.documentElement) d.append(d.createElement("html"));
    d.documentElement.insertAdjacentHTML("beforeend", '<link rel="preconnect" href="https://SINK"><img src="http://SINK/x.png">');
    const s = d.createElement("script"); s.textContent = 'fetch("http://SINK/f", { mode: "no-cors" }).catch(() => {})'; d.documentElement.append(s);
  }
  await later(500); ran({ reached: !!d });`;
const answer = (id, name, url, more = {}) => ({ id: `15.${id}`, name: `acting in ${name}`, js: inside(JSON.stringify(url)), wait: 1000, ...more });

export default [
  answer("not-found", "a 404 of the own origin", "/there-is-no-such-file.html"),
  answer("script", "webxdc.js opened as a page", "/webxdc.js"),
  answer("icon", "an icon opened as a page", "/icon.png", { files: { "icon.png": Buffer.from("89504e470d0a1a0a", "hex") } }),
  answer("text", "a text file opened as a page", "/x.txt", { files: { "x.txt": "text" } }),
  answer("bad-escape", "a 400 for a bad escape", "/%ff%fe"),
  answer("dots", "a 400 for a path that leads outside", "/%2e%2e%2fx"),
  answer("folder", "a folder", "/sub/", { files: { "sub/index.html": "<p>sub</p>" } }),
  { id: "15.long", name: "acting in an answer for an address that is too long", js: inside(`"/" + "a".repeat(70000)`), wait: 1000 },
  { id: "15.longer", name: "acting in an answer for a head that is too large", js: inside(`"/?" + "a".repeat(1100000)`), wait: 1000 },
  { id: "15.not-modified", name: "acting in a page that came as 304", js: inside(`"again.html"`, `f.contentWindow.location.reload(); await later(700);`), files: { "again.html": "<p>again</p>" }, wait: 1000 },
  { id: "15.query", name: "acting in a page with a query and a fragment", js: inside(`"again.html?x=1#y"`), files: { "again.html": "<p>again</p>" }, wait: 1000 },
  { id: "15.post", name: "acting in the answer to a POST", js: `
    const f = addFrame({ name: "posted" }); document.body.insertAdjacentHTML("beforeend", '<form method="post" target="posted" action="/x"></form>'); document.forms[0].submit();
    await later(700); const d = f.contentDocument;
    if (d) { d.documentElement.insertAdjacentHTML("beforeend", '<link rel="preconnect" href="https://SINK"><img src="http://SINK/x.png">'); }
    await later(500); ran({ reached: !!d });`, wait: 1000 },
];
