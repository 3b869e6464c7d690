import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { CONFIG, HUB, ORIGIN, plain, running, turn, SOURCE } from "./page.mjs";

test("it asks the dashboard for a port until it gets one, and trusts nobody else", () =>
  running({}, async ({ hub, connect, webxdc }) => {
    await new Promise((resolve) => setTimeout(resolve, 70));
    assert.ok(hub.asked.length >= 2, "asks again");
    assert.equal(hub.asked[0].target, HUB);
    assert.equal(hub.asked[0].data.hedgerow, 1);
    assert.equal(hub.asked[0].data.type, "connect");
    const sent = webxdc.sendUpdate({ payload: 1 }, "");
    connect({ origin: "http://evil.example" });
    connect({ source: {} });
    await turn();
    assert.equal(hub.calls.length, 0, "a stranger's port is not used");
    connect();
    await sent;
    assert.deepEqual(hub.calls[0].args, { update: { payload: 1 } });
    const count = hub.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 120));
    assert.equal(hub.asked.length, count, "stops asking");
  }));

test("names and limits are plain values, and only two globals appear", () =>
  running({}, async ({ page, webxdc, before, context }) => {
    assert.equal(webxdc.selfAddr, "aa");
    assert.equal(webxdc.selfName, "Mia");
    assert.equal(webxdc.sendUpdateInterval, 1);
    assert.equal(webxdc.sendUpdateMaxSize, 128000);
    const added = Object.keys(page).filter((name) => !before.includes(name));
    assert.deepEqual(added.sort(), ["hedgerow", "webxdc"]);
    assert.ok(vm.runInContext("Object.isFrozen(window.hedgerow) && Object.isFrozen(window.hedgerow.features)", context));
    assert.equal(page.hedgerow.api, 1);
  }));

test("sendUpdate keeps what webxdc defines and nothing else", () =>
  running({}, async ({ webxdc, hub, connect }) => {
    connect();
    await webxdc.sendUpdate(
      { payload: { a: [1, null], f: undefined }, info: "i", href: "x.html", document: "d", summary: "s", notify: { "*": "n" }, junk: 1 },
      "description",
    );
    assert.deepEqual(hub.calls[0], {
      id: 1, call: "send_update",
      args: { update: { payload: { a: [1, null] }, info: "i", href: "x.html", document: "d", summary: "s", notify: { "*": "n" } } },
    });
    for (const payload of [null, 0, "", false]) await webxdc.sendUpdate({ payload });
    assert.deepEqual(hub.calls.slice(1).map((c) => c.args.update.payload), [null, 0, "", false]);
  }));

test("sendUpdate refuses at once what is no update", () =>
  running({}, async ({ webxdc, hub, connect }) => {
    connect();
    const circle = {};
    circle.circle = circle;
    const type = { name: "TypeError" };
    for (const update of [undefined, null, 1, {}, { payload: undefined }, { payload: () => 1 }, { payload: circle }, { payload: 1n }]) {
      assert.throws(() => webxdc.sendUpdate(update, ""), type);
    }
    assert.throws(() => webxdc.sendUpdate({ payload: "ä".repeat(64000) }), type, "bytes, not letters");
    await webxdc.sendUpdate({ payload: "a".repeat(127000) });
    assert.equal(hub.calls.length, 1);
  }));

test("the promise of sendUpdate fails when the node refuses, and is never unhandled", () =>
  running({ answer: () => ({ error: { code: "local", message: "the disk is full" } }) }, async ({ webxdc, hub, connect }) => {
    connect();
    webxdc.sendUpdate({ payload: 1 });
    await assert.rejects(webxdc.sendUpdate({ payload: 2 }), (e) => e.message === "the disk is full" && e.code === "local");
    assert.equal(hub.errors.length, 2);
  }));

test("what is too long or half a character is cut or mended, so that the update is not lost", () =>
  running({}, async ({ webxdc, hub, connect }) => {
    connect();
    const long = "x".repeat(999) + "😀tail";
    const people = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`p${n}`, "n"]));
    await webxdc.sendUpdate({ payload: "a\ud800b\\ud800", info: long, document: long, summary: "s", notify: { ...people, "*": long } });
    const { update } = hub.calls[0].args;
    assert.equal(update.payload, "a\ufffdb\\ud800");
    assert.deepEqual([update.info, update.document, update.summary], ["x".repeat(999), "x".repeat(999), "s"]);
    assert.equal(Object.keys(update.notify).length, 256);
    assert.equal(update.notify["*"], "x".repeat(999));
    const deep = (levels) => JSON.parse("[".repeat(levels) + '"[{"' + "]".repeat(levels));
    await webxdc.sendUpdate({ payload: deep(100) });
    assert.throws(() => webxdc.sendUpdate({ payload: deep(101) }), /nested/);
  }));

test("a link that leads out of the app is left off, the update goes", () =>
  running({}, async ({ webxdc, hub, connect }) => {
    connect();
    const inside = ["page.html", "./page.html#a", "#a", "?b", "/c.html", "index.html?t=1:2"];
    const outside = ["https://x.example/", "//x.example/", "javascript:0", "mailto:a@b", "h".repeat(1001)];
    for (const href of [...inside, "../up.html?x", ...outside, ""]) await webxdc.sendUpdate({ payload: 1, href });
    const sent = hub.calls.map((c) => c.args.update.href);
    assert.deepEqual(sent.splice(0, inside.length), inside);
    assert.deepEqual(sent, ["up.html?x", ...outside.map(() => undefined), undefined]);
    assert.equal(hub.warnings.length, outside.length);
  }));

test("many updates at once all arrive, in order, and never too many are under way", () => {
  const waiting = [];
  let most = 0;
  const answer = (data, port) => {
    waiting.push(data.id);
    most = Math.max(most, waiting.length);
    setImmediate(() => port.postMessage({ id: waiting.shift(), result: null }));
    return "none";
  };
  return running({ answer }, async ({ webxdc, hub, connect }) => {
    const all = Array.from({ length: 130 }, (_, n) => webxdc.sendUpdate({ payload: n }));
    connect();
    await Promise.all(all);
    assert.deepEqual(hub.calls.map((c) => c.args.update.payload), all.map((_, n) => n));
    assert.ok(most <= 16, `${most} at once`);
  });
});

const update = (serial, max_serial, more = {}) => ({ payload: { n: serial }, serial, max_serial, sender: "bb", time_ms: 5, ...more });

function history(count) {
  return (data, port) => {
    if (data.call !== "listen") return undefined;
    for (let serial = data.args.serial + 1; serial <= count; serial++) {
      port.postMessage({ event: "update", update: update(serial, count), listen: data.args.listen });
    }
    return { max_serial: count };
  };
}

test("setUpdateListener resolves after all known updates, in order, from a serial", () =>
  running({ answer: history(5) }, async ({ webxdc, connect }) => {
    connect();
    const seen = [];
    const value = await webxdc.setUpdateListener((u) => seen.push(plain(u)), 2);
    assert.equal(value, undefined);
    assert.deepEqual(seen.map((u) => u.serial), [3, 4, 5]);
    assert.deepEqual(seen[0], { payload: { n: 3 }, serial: 3, max_serial: 5, sender: "bb", time_ms: 5 });
    assert.throws(() => webxdc.setUpdateListener(), { name: "TypeError" });
  }));

test("later updates come too, and an exception stops nothing", () =>
  running({ answer: history(2) }, async ({ webxdc, connect, hub }) => {
    const port = connect();
    const seen = [];
    await webxdc.setUpdateListener((u) => {
      seen.push(u.serial);
      if (u.serial === 1) throw new Error("of the app");
    });
    port.postMessage({ event: "update", update: update(3, 3, { info: "hi", href: "a", document: null }) });
    await turn();
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(hub.errors[0][0].message, "of the app");
  }));

test("the last listener wins, without what was meant for the one before", () =>
  running({ answer: history(3) }, async ({ webxdc, connect }) => {
    const port = connect();
    const [first, second] = [[], []];
    webxdc.setUpdateListener((u) => first.push(u.serial));
    await webxdc.setUpdateListener((u) => second.push(u.serial), 1);
    port.postMessage({ event: "update", update: update(4, 4), listen: 1 });
    port.postMessage({ event: "update", update: update(4, 4), listen: 2 });
    await turn();
    assert.deepEqual(first, []);
    assert.deepEqual(second, [2, 3, 4]);
  }));

test("a second port is not used, so that no call is made twice", () =>
  running({ answer: (data, port) => (data.call === "send_update" ? "none" : history(2)(data, port)) }, async ({ webxdc, connect, hub }) => {
    webxdc.sendUpdate({ payload: 1 });
    connect();
    connect();
    const seen = [];
    await webxdc.setUpdateListener((u) => seen.push(u.serial));
    assert.deepEqual(hub.calls.map((c) => c.call), ["send_update", "listen"]);
    assert.deepEqual(seen, [1, 2]);
  }));

test("getAllUpdates reads the whole history in pieces", () =>
  running(
    { answer: ({ args }) => ({ updates: [args.serial + 1, args.serial + 2].filter((n) => n <= 5).map((n) => update(n, 5)), max_serial: 5 }) },
    async ({ webxdc, connect }) => {
      connect();
      assert.deepEqual(plain(await webxdc.getAllUpdates()).map((u) => u.serial), [1, 2, 3, 4, 5]);
    },
  ));

test("getAllUpdates of an empty history is an empty list", () =>
  running({ answer: () => ({ updates: [], max_serial: 0 }) }, async ({ webxdc, connect }) => {
    connect();
    assert.equal((await webxdc.getAllUpdates()).length, 0);
  }));

test("realtime: bytes go out as copies and come in as Uint8Array", () =>
  running({}, async ({ webxdc, connect, hub }) => {
    const port = connect();
    const channel = webxdc.joinRealtimeChannel();
    assert.throws(() => webxdc.joinRealtimeChannel(), /joined already/);
    const bytes = new Uint8Array(new ArrayBuffer(1000), 10, 3).fill(7);
    channel.send(bytes);
    bytes.fill(0);
    for (const bad of [[1], "text", new ArrayBuffer(1), new Uint8Array(128001)]) {
      assert.throws(() => channel.send(bad), { name: "TypeError" });
    }
    port.postMessage({ event: "realtime", data: new Uint8Array([1]), sender: "bb" });
    await turn();
    const seen = [];
    channel.setListener((data, sender) => seen.push([[...data], sender]));
    port.postMessage({ event: "realtime", data: new Uint8Array([2, 3]), sender: "cc" });
    await turn();
    assert.deepEqual(seen, [[[1], "bb"], [[2, 3], "cc"]]);
    assert.deepEqual(hub.calls.map((c) => c.call), ["realtime_join", "realtime_send"]);
    assert.deepEqual([...hub.calls[1].args.data], [7, 7, 7]);
    assert.equal(hub.calls[1].args.data.buffer.byteLength, 3);
  }));

test("realtime: leaving ends it, joining again works, early messages are bounded", () =>
  running({}, async ({ webxdc, connect, hub }) => {
    const port = connect();
    const channel = webxdc.joinRealtimeChannel();
    for (let n = 0; n < 150; n++) port.postMessage({ event: "realtime", data: new Uint8Array([n]), sender: "bb" });
    await turn();
    const seen = [];
    channel.setListener((data) => seen.push(data[0]));
    assert.equal(seen.length, 100);
    assert.equal(seen[99], 149);
    channel.leave();
    channel.leave();
    assert.throws(() => channel.send(new Uint8Array(1)), /was left/);
    assert.throws(() => channel.setListener(() => {}), /was left/);
    port.postMessage({ event: "realtime", data: new Uint8Array([1]), sender: "bb" });
    webxdc.joinRealtimeChannel();
    await turn();
    assert.equal(seen.length, 100);
    assert.deepEqual(hub.calls.map((c) => c.call), ["realtime_join", "realtime_leave", "realtime_join"]);
  }));

test("realtime: of what is too much for the line the oldest goes", () =>
  running({}, async ({ webxdc, connect, hub }) => {
    const channel = webxdc.joinRealtimeChannel();
    for (let n = 0; n < 250; n++) channel.send(new Uint8Array([n]));
    connect();
    const sent = () => hub.calls.filter((c) => c.call === "realtime_send").map((c) => c.args.data[0]);
    while (sent().length < 200) await turn();
    assert.deepEqual(sent(), Array.from({ length: 200 }, (_, n) => n + 50));
    assert.equal(hub.calls[0].call, "realtime_join");
  }));

test("sendToChat wants a text, or a file with exactly one body, which may be empty", () =>
  running({}, async ({ webxdc, connect, hub }) => {
    connect();
    const blob = new Blob(["x"]);
    const bad = [
      undefined, {}, { file: {} }, { file: { name: "a" } }, { file: { blob } }, { file: { name: "", blob } },
      { file: { name: "a", blob, plainText: "b" } }, { file: { name: "a", blob: "no" } }, { file: { name: "a", base64: "%%%" } },
    ];
    for (const message of bad) await assert.rejects(webxdc.sendToChat(message));
    assert.equal(hub.calls.length, 0);
    await webxdc.sendToChat({ text: "t" });
    await webxdc.sendToChat({ file: { name: "a", blob } });
    await webxdc.sendToChat({ text: "", file: { name: "a", plainText: "" } });
    await webxdc.sendToChat({ file: { name: "a", base64: "AAEC/w==" } });
    const files = hub.calls.map((c) => c.args.file?.blob);
    assert.equal(await files[1].text(), "x");
    assert.equal(files[2].size, 0);
    assert.deepEqual([...new Uint8Array(await files[3].arrayBuffer())], [0, 1, 2, 255]);
  }));

test("sendToChat fails when the person declines", () =>
  running({ answer: () => ({ error: "declined" }) }, async ({ webxdc, connect }) => {
    connect();
    await assert.rejects(webxdc.sendToChat({ text: "t" }), /declined/);
  }));

test("importFiles picks files, or none when cancelled", () =>
  running({}, async ({ webxdc, inputs }) => {
    const picked = webxdc.importFiles({ extensions: [".txt"], mimeTypes: ["image/*"], multiple: true });
    assert.deepEqual([inputs[0].type, inputs[0].accept, inputs[0].multiple, inputs[0].clicked], ["file", ".txt,image/*", true, 1]);
    inputs[0].files = ["a", "b"];
    inputs[0].dispatchEvent(new Event("change"));
    assert.deepEqual(plain(await picked), ["a", "b"]);
    const none = webxdc.importFiles();
    inputs[1].dispatchEvent(new Event("cancel"));
    assert.deepEqual(plain(await none), []);
    assert.ok(inputs.every((input) => input.removed === 1));
  }));

function click(page, path, more = {}) {
  const event = new Event(more.type ?? "click", { cancelable: true });
  Object.assign(event, more.button === undefined ? {} : { button: more.button });
  event.composedPath = () => path;
  if (more.handled) event.preventDefault();
  page.dispatchEvent(event);
  return event.defaultPrevented;
}
const link = (href, { name = "a", attribute = "href", ...more } = {}) => ({
  localName: name,
  getAttribute: (asked) => (asked === attribute ? href : (more[asked] ?? null)),
});

test("links that lead outside are handed to the dashboard, others work as usual", () =>
  running({}, async ({ page, connect, hub }) => {
    connect();
    const outside = [
      link("https://example.org/x"), link("//example.org/y"), link("mailto:a@example.org"),
      link("http://hub.localhost:4400/"), link("https://example.org/z", { name: "area" }),
      link("https://example.org/svg", { attribute: "xlink:href" }),
    ];
    for (const a of outside) assert.ok(click(page, [{ localName: "b" }, a, { localName: "body" }]));
    assert.ok(click(page, [link("https://example.org/m")], { type: "auxclick", button: 1 }));
    for (const href of ["#a", "other.html", "/x?y", `${ORIGIN}/z`, "blob:x", "data:,x", "javascript:0", "http://["]) {
      assert.ok(!click(page, [link(href)]), href);
    }
    assert.ok(!click(page, [{ localName: "a", getAttribute: () => null }]));
    assert.ok(!click(page, [link("https://example.org/r")], { type: "auxclick", button: 2 }));
    click(page, [link("https://example.org/h")], { handled: true });
    await turn();
    assert.deepEqual(hub.calls.map((c) => [c.call, c.args.url]), [
      "https://example.org/x", "http://example.org/y", "mailto:a@example.org", "http://hub.localhost:4400/",
      "https://example.org/z", "https://example.org/svg", "https://example.org/m",
    ].map((url) => ["open_link", url]));
  }));

test("a page of the app that wants a window of its own opens in this one", () =>
  running({}, async ({ page }) => {
    assert.ok(click(page, [link("b.html?c#d", { target: "_BLANK" })]));
    assert.deepEqual(page.visited, [`${ORIGIN}/b.html?c#d`]);
    for (const more of [{ target: "frame" }, { target: "_self" }, {}, { target: "_blank", download: "" }]) {
      assert.ok(!click(page, [link("b.html", more)]));
    }
    assert.ok(!click(page, [link("blob:x", { target: "_blank" })]));
    assert.equal(page.visited.length, 1);
  }));

test("window.open and navigation outside go the same way", () =>
  running({}, async ({ page, connect, hub }) => {
    connect();
    assert.equal(page.open("https://example.org/"), null);
    assert.equal(page.open("local.html", "_blank"), "a window");
    assert.equal(page.open(), "a window");
    const navigate = (url, more = {}) => {
      const event = Object.assign(new Event("navigate", { cancelable: true }), { destination: { url }, ...more });
      page.navigation.dispatchEvent(event);
      return event.defaultPrevented;
    };
    assert.ok(navigate("https://example.org/n"));
    assert.ok(!navigate(`${ORIGIN}/b.html`));
    assert.ok(!navigate("https://example.org/d", { downloadRequest: "x" }));
    await turn();
    assert.deepEqual(hub.calls.map((c) => c.args.url), ["https://example.org/", "https://example.org/n"]);
    assert.equal(page.opened.length, 2);
  }));

test("outside of the dashboard every call says where to open it", () =>
  running({ alone: true }, async ({ webxdc, page }) => {
    assert.equal(page.webxdc.selfAddr, "aa");
    for (const promise of [
      webxdc.sendUpdate({ payload: 1 }), webxdc.setUpdateListener(() => {}), webxdc.getAllUpdates(), webxdc.sendToChat({ text: "t" }),
    ]) {
      await assert.rejects(promise, /from the dashboard/);
    }
  }));

test("a second copy of the script changes nothing", () =>
  running({}, async ({ page, context }) => {
    const first = page.webxdc;
    vm.runInContext(SOURCE.replace("__HEDGEROW_CONFIG__", JSON.stringify(CONFIG)), context);
    assert.equal(page.webxdc, first);
  }));

test("calls to others wait until the app takes part, messages that came early are not lost, and slow calls block no other", () =>
  running({ answer: ({ call }) => (call === "peers_open" ? { me: "m" } : call === "peers_send" ? "none" : call === "peers_broadcast" ? { id: "1", replies: [] } : {}) }, async ({ page, hub, connect }) => {
    const { peers } = page.hedgerow;
    assert.deepEqual(plain(await Promise.allSettled([peers.broadcast(() => 1)]))[0].status, "rejected");
    const port = connect();
    const sent = peers.broadcast({ a: [1] }, { peerCount: 2, evil: 1 });
    assert.deepEqual(plain(await sent), { id: "1", replies: [] });
    assert.deepEqual(plain(hub.calls.map((c) => [c.call, c.args])), [["peers_open", { judge: false }], ["peers_broadcast", { message: { a: [1] }, peerCount: 2 }]]);
    port.postMessage({ event: "peers_message", data: { id: "7", message: "early", reply: "3" } });
    await turn();
    const heard = [];
    await peers.onMessage((m) => heard.push(m), { judge: true });
    assert.equal(heard[0].message, "early");
    assert.deepEqual(plain(hub.calls.at(-1)), { id: hub.calls.at(-1).id, call: "peers_open", args: { judge: true } });
    await peers.reply(heard[0], "yes");
    assert.deepEqual(plain(hub.calls.at(-1).args), { to: "3", message: "yes" });
    assert.throws(() => peers.reply({ reply: null }, 1), /nobody waits/);
    for (let i = 0; i < 40; i++) peers.send("p", i).catch(() => undefined);
    await turn();
    await assert.rejects(peers.send("p", 41), /Too many calls wait/);
    await peers.valid(heard[0]);
    assert.deepEqual(plain(hub.calls.at(-1)).args, { id: "7", valid: true });
  }));

test("lists of the directory are asked for by name, and nothing else goes along", () =>
  running({ answer: () => [{ name: "Poll" }] }, async ({ page, hub, connect }) => {
    const { stats, openWidget } = page.hedgerow;
    connect();
    assert.deepEqual(plain(await stats.topWidgets({ limit: 3, instance: "other" })), [{ name: "Poll" }]);
    await stats.newestWidgets();
    await stats.topAuthors({ limit: null });
    await stats.topModerators();
    await stats.similarPeers();
    await openWidget("u-1");
    assert.deepEqual(plain(hub.calls.map((c) => [c.call, c.args])), [
      ["stats", { list: "top_widgets", limit: 3 }], ["stats", { list: "newest_widgets" }], ["stats", { list: "top_authors" }],
      ["stats", { list: "top_moderators" }], ["stats", { list: "similar_peers" }], ["open_widget", { uuid: "u-1" }],
    ]);
    assert.ok(Object.isFrozen(stats));
  }));
