import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, running, turn } from "./page.mjs";

test("what lies outside is asked of the dashboard, and its answer reads like that of a web site", () => {
  const body = new TextEncoder().encode('{"n":5}');
  const answer = ({ call }) =>
    call === "web_fetch" ? { url: "https://x.example/a", status: 203, headers: { "content-type": "application/json" }, body } : call === "contacts_list" ? [{ name: "Mia" }] : call === "permissions_ask" ? true : null;
  return running({ answer }, async ({ page, hub, connect }) => {
    const { web, contacts, notify, permissions } = page.hedgerow;
    connect();
    const got = await web.fetch("https://x.example/", { method: "post", headers: new Map([["accept", "*/*"]]), body: "hi", cache: "no-store" });
    assert.deepEqual([got.ok, got.status, got.url, got.headers.get("Content-Type"), got.headers.get("x")], [true, 203, "https://x.example/a", "application/json", null]);
    assert.deepEqual([(await got.json()).n, await got.text(), (await got.bytes()).length], [5, '{"n":5}', 7]);
    assert.deepEqual(plain(await contacts.list()), [{ name: "Mia" }]);
    await notify("It is noon");
    await notify(5, "Clock");
    assert.equal(await permissions.ask("camera"), true);
    await web.fetch("https://x.example/", { body: new Uint8Array([1, 2]) });
    await assert.rejects(web.fetch("https://x.example/", { body: { a: 1 } }), { name: "TypeError" });
    assert.deepEqual(plain(hub.calls.slice(0, 5).map((c) => [c.call, c.args])), [
      ["web_fetch", { url: "https://x.example/", headers: { accept: "*/*" }, method: "post", body: "hi" }],
      ["contacts_list", {}], ["notify", { text: "It is noon" }], ["notify", { text: "5", title: "Clock" }], ["permissions_ask", { permission: "camera" }],
    ]);
    assert.deepEqual([...hub.calls[5].args.body], [1, 2]);
    assert.ok(Object.isFrozen(web) && Object.isFrozen(permissions));
  });
});

test("a refusal has a code that a program can read", () =>
  running({ answer: () => ({ error: { code: "denied", message: "the person did not allow it" } }) }, async ({ page, connect }) => {
    connect();
    await assert.rejects(page.hedgerow.contacts.list(), { code: "denied", message: "the person did not allow it" });
  }));

test("messages of the background part that came before somebody listens are not lost", () =>
  running({}, async ({ page, hub, connect }) => {
    const port = connect();
    const { background } = page.hedgerow;
    port.postMessage({ event: "background_message", message: 1 });
    await turn();
    const heard = [];
    background.onmessage = (message) => heard.push(message);
    port.postMessage({ event: "background_message", message: { n: 2 } });
    await turn();
    assert.deepEqual(plain(heard), [1, { n: 2 }]);
    await background.tell({ hello: true });
    assert.deepEqual(plain(hub.calls.map((c) => [c.call, c.args])), [["background_tell", { message: { hello: true } }]]);
    await assert.rejects(async () => background.tell(undefined), { name: "TypeError" });
  }));

test("it answers pings beside all calls, and says when a dialog of the browser stops it", () => {
  const shown = [];
  return running({ dialogs: { alert: (text) => shown.push(text), confirm: () => true } }, async ({ page, hub, connect }) => {
    const port = connect();
    port.postMessage({ event: "ping", n: 7 });
    await turn();
    page.alert("hi");
    assert.equal(page.confirm("sure?"), true);
    await turn();
    page.dispatchEvent(new Event("pagehide"));
    await turn();
    assert.deepEqual(shown, ["hi"]);
    assert.equal(hub.calls.pop().sign, "bye");
    assert.deepEqual(plain(hub.calls.map(({ sign, n, open }) => ({ sign, n, open }))), [{ sign: "pong", n: 7 }, ...[true, false, true, false].map((open) => ({ sign: "dialog", open }))]);
  });
});
