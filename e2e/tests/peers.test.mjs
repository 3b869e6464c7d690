// Apps that talk to their equals on other nodes (Z1-Z6, Z8, O1, O2): widgets in a browser, plugins, programs.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Node, folder, until } from "../lib/node.mjs";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { zip } from "../lib/pack.mjs";
import { connect } from "../../sdk/js/index.js";

after(closeBrowser);
const SDK = resolve(import.meta.dirname, "../../sdk");

/** A widget of two lines: it shows what it hears and says hello. */
const WIDGET = `<!doctype html><meta charset="utf-8"><title>Talk</title><script src="webxdc.js"></script><ul></ul><script>
hedgerow.peers.onMessage((m) => (document.querySelector("ul").innerHTML += "<li>" + JSON.stringify(m.message), window.last = m));
hedgerow.peers.broadcast({ hello: "from a widget" });
</script>`;
const MANIFEST = `name = "Talk"\n[hedgerow]\nlicense = "MIT"\nversion = "1.0.0"\npermissions = [{ name = "peers", reason = "To talk" }]\n`;

/** A plugin of ten lines in Python that speaks in the app of that widget. */
const PLUGIN = `import asyncio, hedgerow
async def stream(node):
    stream = await node.peers.accept_stream()
    await stream.write(b"".join([piece async for piece in stream])[::-1])
    await stream.end()
async def main():
    async with hedgerow.connect() as node:
        asyncio.create_task(stream(node))
        async for m in node.peers:
            print(m.content, flush=True)
            await (m.reply({"echo": m.content}) if m.awaits_reply else node.peers.broadcast({"heard": m.content}))
asyncio.run(main())
`;

function plugin(t, name, app, more = "") {
  const path = join(folder(t, "plugin"), name);
  mkdirSync(path);
  cpSync(join(SDK, "python/hedgerow"), join(path, "hedgerow"), { recursive: true });
  writeFileSync(join(path, "main.py"), PLUGIN);
  const asks = ["peers", "streams"].map((n) => `{ name = "${n}", reason = "To talk" }`).join(", ");
  writeFileSync(join(path, "plugin.toml"), `name = "${name}"\nversion = "1"\ncommand = ["python3", "main.py"]\napp = "${app}"\npermissions = [${asks}]\n${more}`);
  return path;
}

async function publish(t, node, files) {
  const xdc = join(folder(t, "app"), "talk.xdc");
  writeFileSync(xdc, zip(files));
  return (await node.run("widget", "publish", xdc)).uuid;
}

test("a two-line widget and a ten-line plugin on different nodes exchange broadcasts, replies and streams", async (t) => {
  assert.ok(PLUGIN.split("\n").length <= 14);
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const uuid = await publish(t, a, { "index.html": WIDGET, "manifest.toml": MANIFEST });
  await b.run("plugin", "add", plugin(t, "talker", uuid));
  await b.run("plugin", "allow", "talker");
  await b.run("plugin", "start", "talker");
  const { origin } = await a.run("instance", "add", uuid);
  const page = await openHub(await profile(t), a);
  const frame = await appFrame(page, origin);
  const logs = async () => (await b.run("plugin", "logs", "talker")).map((l) => l.text).join("\n");
  await until("the plugin heard the widget", async () => (await logs()).includes("from a widget"));
  await until("the widget heard the plugin", () => frame.evaluate(() => document.body.textContent.includes('{"heard":{"hello":"from a widget"}}')));
  const [last, members, me] = await frame.evaluate(async () => [window.last, await hedgerow.peers.list(), await hedgerow.peers.open()]);
  assert.equal(members.length, 1);
  assert.equal(members[0].peer, last.from);
  assert.equal(members[0].who, last.signed, "signed by who is there");
  assert.notEqual(last.signed, me.who);
  assert.equal(me.who, await frame.evaluate(() => webxdc.selfAddr));
  assert.equal(last.from.length, 16, "an alias of this app, no node id and no address");
  const reply = await frame.evaluate((to) => hedgerow.peers.send(to, { how: ["are", "you"] }), last.from);
  assert.deepEqual(reply.message, { echo: { how: ["are", "you"] } });
  const gathered = await frame.evaluate(() => hedgerow.peers.broadcast("anybody?", { broadcast: false, timeout: 5 }));
  assert.deepEqual(gathered.replies.map((r) => r.message), [{ echo: "anybody?" }]);
  const back = await frame.evaluate(async (to) => {
    const stream = await hedgerow.streams.open(to, "song");
    await stream.write("x".repeat(300000) + "yz");
    await stream.end();
    let text = "";
    for await (const piece of stream) text += new TextDecoder().decode(piece);
    return [text.length, text.slice(0, 3)];
  }, last.from);
  assert.deepEqual(back, [300002, "zyx"], await logs());
  await b.run("plugin", "stop", "talker");
  const error = await frame.evaluate((to) => hedgerow.streams.open(to).catch((e) => e.message), last.from);
  assert.match(error, /not running there/);
  assert.deepEqual(page.problems.filter((p) => !p.includes("webrtc")), []);
});

test("a widget without the permission talks to nobody, and says how it would", async (t) => {
  const a = await Node.start(t);
  const uuid = await publish(t, a, { "index.html": WIDGET, "manifest.toml": 'name = "Mute"\n[hedgerow]\nlicense = "MIT"\nversion = "1.0.0"\n' });
  const { instance, origin } = await a.run("instance", "add", uuid);
  const frame = await appFrame(await openHub(await profile(t), a), origin);
  const error = await frame.evaluate(() => hedgerow.peers.broadcast(1).catch((e) => e.message));
  assert.match(error, /does not ask for "peers".*reason/);
  await assert.rejects(a.call("peers.broadcast", { instance, message: 1 }), /did not ask/);
});

test("messages that may wait are there when the app opens, others are not, and filters hold on both sides", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const rules = '[messages]\naccept = "msg.n < 100"\nmax_bytes = 200\n';
  for (const node of [a, b]) {
    await node.run("plugin", "add", plugin(t, "counter", "counters", rules));
    await node.run("plugin", "allow", "counter");
  }
  await a.run("plugin", "start", "counter");
  const token = async (node) => connect({ data: node.data });
  const owner = await token(a);
  t.after(() => owner.close());
  const app = owner.app("counters");
  await app.open();
  await until("B is a member", async () => (await app.list()).length === 1);
  await app.broadcast({ n: 1 }, { immediate: true });
  await app.broadcast({ n: 2 });
  await assert.rejects(app.broadcast({ n: 100 }), (e) => e.code === "refused" && /filter/.test(e.message));
  await assert.rejects(app.broadcast({ n: 1, x: "x".repeat(300) }), (e) => e.code === "limit" && /allows 200/.test(e.message));
  await assert.rejects(app.open({ rules: {} }), (e) => e.code === "refused");
  await new Promise((done) => setTimeout(done, 500));
  await b.run("plugin", "start", "counter");
  const logs = async () => (await b.run("plugin", "logs", "counter")).map((l) => l.text);
  await until("B has the one that may wait", async () => (await logs()).includes("{'n': 1}"));
  assert.ok(!(await logs()).includes("{'n': 2}"), "the other one was for who was there");
});

test("an app that judges holds messages back until it has, and asks of another app arrive with its name", async (t) => {
  const nodes = [await Node.start(t)];
  // A chain: what B does not pass on, C does not get.
  nodes.push(await Node.start(t, { args: ["--no-dht", "--peer", nodes[0].ready.ticket] }));
  const links = await Promise.all(nodes.map((node) => connect({ data: node.data })));
  t.after(() => links.forEach((link) => link.close()));
  const [a, b] = links.map((link) => link.app("judged"));
  await a.open();
  const heard = [];
  await b.open({ judge: true });
  b.onMessage((m) => heard.push(m));
  await until("they found each other", async () => (await a.list()).length === 1);
  await a.broadcast("good");
  await until("B heard", () => heard.length === 1);
  assert.equal(heard[0].judge, true);
  await b.valid(heard[0]);
  const [member] = await a.list();
  assert.equal(await a.send(member.peer, "no answer", { timeout: 0.3 }), null);
  const other = links[0].app("another");
  await other.open();
  const said = other.send(member.peer, "from elsewhere", { toApp: "judged", timeout: 10 });
  const asked = await until("it came", () => heard.find((m) => m.message === "from elsewhere"));
  assert.match(asked.from_app, /^[0-9a-f]{64}$/);
  await b.reply(asked, "welcome");
  assert.equal((await said).message, "welcome");
  await assert.rejects(b.reply(asked, "again"), (e) => e.code === "refused" && /nobody waits/.test(e.message));
  await assert.rejects(a.send("0".repeat(16), 1), (e) => e.code === "not_found");
  await assert.rejects(a.broadcast(1, { timeout: 601 }), (e) => e.code === "bad_params");
  const features = await nodes[0].call("peers.features", { node: nodes[1].ready.node, apps: ["judged", "another"], protocols: ["overlay/1", "tea/1"] });
  assert.deepEqual(features, { apps: ["judged"], protocols: ["overlay/1"] });
});

test("what is encrypted to a pseudonym or a group is read by them alone, with its clear part for filters", async (t) => {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const c = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const links = await Promise.all([a, b, c].map((node) => connect({ data: node.data })));
  t.after(() => links.forEach((link) => link.close()));
  const apps = links.map((link) => link.app("vault"));
  const heard = [[], [], []];
  const who = [];
  for (const [i, app] of apps.entries()) {
    app.onMessage((m) => heard[i].push(m));
    who.push((await app.open({ rules: { accept: "msg.kind == 'note'" } })).who);
  }
  await until("all are linked", async () => (await Promise.all(apps.map((app) => app.list()))).every((list) => list.length === 2));
  const said = async (i, id) => until(`${i} heard ${id}`, () => heard[i].find((m) => m.id === id));
  const key = await apps[0].addGroup("us");
  assert.match(key, /^hgk1[a-z2-7]{56}$/);
  await apps[1].addGroup("friends", key);
  await assert.rejects(apps[0].broadcast({ text: 1 }, { encrypt: "group:us" }), (e) => e.code === "refused", "the filter sees no kind");
  const clear = { kind: "note" };
  const { id } = await apps[0].broadcast({ text: "ours" }, { encrypt: "group:us", clear });
  const [atB, atC] = [await said(1, id), await said(2, id)];
  assert.deepEqual([atB.message, atB.clear, atB.encrypted], [{ text: "ours" }, clear, "group:friends"]);
  assert.equal(atC.encrypted, "sealed");
  assert.deepEqual(Object.keys(atC.message), ["kind", "sealed"]);
  const rotated = await apps[0].addGroup("us");
  assert.notEqual(rotated, key);
  const after = await apps[0].broadcast({ text: "new key" }, { encrypt: "group:us", clear });
  assert.equal((await said(1, after.id)).encrypted, "sealed", "B was not given the new key");
  const to = await apps[0].broadcast({ text: "to C" }, { encrypt: who[2], clear });
  assert.deepEqual([(await said(2, to.id)).message, (await said(2, to.id)).encrypted], [{ text: "to C" }, "to_me"]);
  assert.equal((await said(1, to.id)).encrypted, "sealed");
  const { sealed } = await links[0].call("secrets.seal", { app: "vault", to: who[1], message: [1, 2], clear: "about" });
  const open = (i, from) => links[i].call("secrets.open", { app: "vault", sealed, from });
  assert.deepEqual(await open(1, who[0]), { message: [1, 2], clear: "about", encrypted: "to_me" });
  await assert.rejects(open(1, who[2]), (e) => e.code === "refused", "somebody else says to have sealed it");
  await assert.rejects(open(2, who[0]), (e) => e.code === "refused");
  assert.deepEqual((await links[0].call("secrets.groups", { app: "vault" })).map((g) => [g.group, g.keys.length]), [["us", 2]]);
});

test("a site with a p2p.json for ZeroNet works with its own names for messages, and its filter holds", async (t) => {
  const shim = readFileSync(join(SDK, "zeronet/zeroframe.js"));
  const page = `<!doctype html><meta charset="utf-8"><title>Site</title><script src="webxdc.js"></script><script src="zeroframe.js"></script><script>
    class Site extends ZeroFrame {
      heard = [];
      onRequest(cmd, { params }) {
        this.heard.push([cmd, params]);
        if (params.message.cmd === "bad") this.cmd("peerInvalid", params.hash);
        else this.cmd("peerValid", params.hash);
        if (!params.broadcast) this.cmd("peerSend", { ip: params.ip, message: { cmd: "hi back" }, to: params.hash });
      }
    }
    window.site = new Site();</script>`;
  const p2p = JSON.stringify({ filter: '\\{"cmd": "[a-z ]+"\\}$', size_limit: 1024, freq_limit: 0.1 });
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  const files = { "index.html": page, "zeroframe.js": shim, "p2p.json": p2p, "manifest.toml": 'name = "Site"\n[hedgerow]\nlicense = "MIT"\nversion = "1.0.0"\n' };
  const uuid = await publish(t, a, files);
  const frames = [];
  for (const node of [a, b]) {
    await until("it is known", async () => (await node.run("widget", "search", "site"))[0]);
    const { instance, origin } = await node.run("instance", "add", uuid);
    await node.run("grant", "allow", instance, "peers");
    frames.push(await appFrame(await openHub(await profile(t), node), origin));
  }
  assert.deepEqual((await b.call("widget.show", { uuid })).permissions.map((p) => p.name), ["peers"]);
  const cmd = (frame, ...args) => frame.evaluate((args) => site.cmdp(...args).catch((e) => ({ error: e.message })), args);
  await until("they are linked", async () => (await frames[0].evaluate(() => hedgerow.peers.list())).some((m) => m.linked));
  assert.equal(await cmd(frames[0], "peerBroadcast", { message: { cmd: "hello" } }), "ok");
  const [name, params] = await until("B hears", () => frames[1].evaluate(() => site.heard[0]));
  assert.equal(name, "peerReceive");
  assert.deepEqual(params.message, { cmd: "hello" });
  assert.match(params.signed_by, /^[0-9a-f]{64}$/);
  assert.match((await cmd(frames[0], "peerBroadcast", { message: { cmd: "HELLO" } })).error, /filter/);
  const gathered = await cmd(frames[1], "peerBroadcast", { message: { cmd: "who" }, broadcast: false, timeout: 5 });
  assert.deepEqual(gathered.map((r) => r.reply), [{ cmd: "hi back" }]);
  assert.deepEqual((await cmd(frames[1], "peerSend", { ip: params.ip, message: { cmd: "you" } })).reply, { cmd: "hi back" });
  assert.match((await cmd(frames[0], "fileWrite", {})).error, /is not one of/);
});
