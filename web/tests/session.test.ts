import { afterEach, describe, expect, test } from "vitest";
import { Failure, type Client } from "../src/api/client";
import type { Permission } from "../src/api/types";
import { Bridge } from "../src/bridge/bridge";
import { Refusal } from "../src/bridge/read";
import type { Chrome } from "../src/bridge/session";

const ports: MessagePort[] = [];
afterEach(() => ports.splice(0).forEach((p) => p.close()));

function setup() {
  const calls: [string, unknown][] = [], troubles: (string | null)[] = [];
  let openFails = false;
  /** Methods that need a yes, and which permission; a yes of the person takes them out. */
  const closed = new Map<string, Permission>();
  let answer: (permission: Permission) => boolean = () => false;
  const client = { call: async (method: string, params: unknown) => {
    calls.push([method, params]);
    const needs = closed.get(method);
    if (needs) throw new Failure("needs_grant", "it needs a yes", needs);
    if (method === "app.open") { if (openFails) throw new Error("The widget is damaged."); return { send_update_max_size: 100, max_serial: 0 }; }
    if (method === "app.updates") return { updates: [], max_serial: 0 };
    if (method === "app.send_update") return { serial: 1 };
    if (method === "web.fetch") return { url: "https://x.example/", status: 200, headers: {}, body: "aGk=" };
    if (method === "streams.open") return { stream: 7, peer: "p", name: "" };
    if (method === "streams.read") return { data: "aGk=", end: false };
    return {};
  } } as unknown as Client;
  const chrome: Chrome = { openLink: async () => undefined, share: async () => undefined, openWidget: async (instance, uuid) => void calls.push(["open", [instance, uuid]]), permissions: async () => [{ name: "camera", state: "ask", sentence: "Can use the camera" }], closed: () => undefined, permit: async (_, permission) => {
    calls.push(["permit", permission]);
    if (!answer(permission)) throw new Refusal("the person did not allow it", "denied");
    for (const [method, needs] of closed) if (needs === permission) closed.delete(method);
  }, trouble: (_, reason) => troubles.push(reason) };
  const bridge = new Bridge(client, chrome);
  bridge.place([{ instance: "a", origin: "http://a.hub.localhost:1" }]);
  const connect = (origin: string, data: unknown = { hedgerow: 1, type: "connect" }) => {
    let port: MessagePort | null = null;
    const source = { postMessage: (_: unknown, to: string, moved: MessagePort[]) => { expect(to).toBe(origin); port = moved[0] ?? null; } };
    bridge.receive({ data, origin, source: source as unknown as MessageEventSource });
    if (port) ports.push(port);
    return port as MessagePort | null;
  };
  const ask = (port: MessagePort, message: unknown) => new Promise<Record<string, unknown>>((ok) => { port.onmessage = (e: MessageEvent<Record<string, unknown>>) => ok(e.data); port.postMessage(message); });
  return { bridge, calls, troubles, connect, ask, failOpen: () => (openFails = true), closed, say: (to: typeof answer) => (answer = to) };
}

describe("the hub's side of a widget", () => {
  test("only windows of a placed instance get a port", () => {
    const { connect } = setup();
    expect(connect("http://a.hub.localhost:1")).not.toBeNull();
    for (const origin of ["http://b.hub.localhost:1", "http://a.hub.localhost:2", "https://a.hub.localhost:1", "null", ""]) expect(connect(origin)).toBeNull();
    expect(connect("http://a.hub.localhost:1", { type: "connect" })).toBeNull();
  });
  test("a call goes to the node for this instance, whatever the widget claims", async () => {
    const { connect, ask, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    expect(await ask(port, { id: 1, call: "send_update", args: { instance: "b", update: { payload: 5 } } })).toEqual({ id: 1, result: { serial: 1 } });
    expect(calls.at(-1)).toEqual(["app.send_update", { instance: "a", update: { payload: 5 } }]);
  });
  test("lists of the directory are asked for this instance, and nothing else goes along", async () => {
    const { connect, ask, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    const args = { list: "top_widgets", limit: 5_000, instance: "b" };
    expect(await ask(port, { id: 2, call: "stats", args })).toMatchObject({ id: 2, result: {} });
    expect(calls.at(-1)).toEqual(["stats.top_widgets", { instance: "a", limit: 100 }]);
    for (const bad of [{ list: "shutdown" }, { list: "__proto__" }, { list: "top_widgets", limit: 0 }, { list: "top_widgets", limit: "9" }, {}]) expect((await ask(port, { id: 3, call: "stats", args: bad })).error).toBeTruthy();
  });
  test("a call that needs a yes waits for the person and is made once more after it", async () => {
    const { connect, ask, calls, closed, say } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    closed.set("web.fetch", "web");
    say((permission) => permission === "web");
    expect(await ask(port, { id: 1, call: "web_fetch", args: { url: "https://x.example/", instance: "b" } })).toEqual({ id: 1, result: { url: "https://x.example/", status: 200, headers: {}, body: new TextEncoder().encode("hi") } });
    expect(calls.filter(([m]) => m === "permit" || m === "web.fetch").map(([m]) => m)).toEqual(["web.fetch", "permit", "web.fetch"]);
    expect(calls.at(-1)).toEqual(["web.fetch", { instance: "a", url: "https://x.example/", method: "GET", headers: {} }]);
  });
  test("a no reaches the widget as `denied`, and nothing is asked twice for one call", async () => {
    const { connect, ask, calls, closed, say } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    closed.set("contacts.list", "contacts");
    expect(await ask(port, { id: 1, call: "contacts_list" })).toEqual({ id: 1, error: { code: "denied", message: "the person did not allow it" } });
    say(() => true);
    closed.set("contacts.list", "contacts");
    const stubborn = { ...Object.fromEntries(closed) };
    expect(stubborn).toEqual({ "contacts.list": "contacts" });
    calls.length = 0;
    // The node still says no after a yes.
    closed.delete = () => false;
    expect(await ask(port, { id: 2, call: "contacts_list" })).toMatchObject({ error: { code: "denied" } });
    expect(calls.map(([m]) => m)).toEqual(["contacts.list", "permit", "contacts.list"]);
  });
  test("the camera can be asked for when the manifest names it, and only then", async () => {
    const { connect, ask, say } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    expect(await ask(port, { id: 1, call: "permissions_ask", args: { permission: "camera" } })).toEqual({ id: 1, result: false });
    say(() => true);
    expect(await ask(port, { id: 2, call: "permissions_ask", args: { permission: "camera" } })).toEqual({ id: 2, result: true });
    expect(await ask(port, { id: 3, call: "permissions_ask", args: { permission: "microphone" } })).toMatchObject({ error: { code: "denied" } });
    expect(await ask(port, { id: 4, call: "permissions_ask", args: { permission: "shutdown" } })).toMatchObject({ error: { message: "there is no such permission" } });
  });
  test("a window answers pings, and a dialog that it opens is no standstill", async () => {
    const { bridge, connect } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    const session = bridge.sessions.get("a")!;
    port.onmessage = (e: MessageEvent<{ event: string; n: number }>) => { if (e.data.event === "ping") port.postMessage({ sign: "pong", n: e.data.n }); };
    const start = performance.now();
    let now = start;
    for (let n = session.pulse.ping(now); n === null; n = session.pulse.ping(now)) now += 100;
    session.ping(1);
    await new Promise((later) => setTimeout(later, 50));
    expect(session.pulse.health(now + 14_000)).not.toBe("frozen");
    port.postMessage({ sign: "dialog", open: true });
    await new Promise((later) => setTimeout(later, 50));
    while (session.pulse.ping(now) === null) now += 100;
    expect(session.pulse.health(now + 14_000)).toBe("well");
  });
  test("only a UUID can be shown", async () => {
    const { connect, ask, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    for (const uuid of ["", "../x", 5, null, "0".repeat(36)]) expect((await ask(port, { id: 1, call: "open_widget", args: { uuid } })).error).toBeTruthy();
    const uuid = "00000000-0000-8000-8000-000000000001";
    await ask(port, { id: 2, call: "open_widget", args: { uuid } });
    expect(calls.filter(([m]) => m === "open")).toEqual([["open", ["a", uuid]]]);
  });
  test("unknown and oversized calls are answered with the reason", async () => {
    const { connect, ask, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    expect(await ask(port, { id: 2, call: "node.shutdown" })).toMatchObject({ id: 2, error: { code: "unknown_method", message: "there is no such call" } });
    expect(((await ask(port, { id: 3, call: "send_update", args: { update: { payload: "x".repeat(200) } } })).error as { message: string }).message).toMatch(/100 are allowed/);
    expect(calls.some(([m]) => m === "app.send_update" || m === "node.shutdown")).toBe(false);
  });
  test("a flood is answered with an error and does not reach the node", async () => {
    const { connect, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    const answers: Record<string, unknown>[] = [];
    const all = new Promise<void>((ok) => { port.onmessage = (e: MessageEvent<Record<string, unknown>>) => { answers.push(e.data); if (answers.length === 1000) ok(); }; });
    for (let id = 0; id < 1000; id += 1) port.postMessage({ id, call: "updates", args: {} });
    await all;
    expect(answers.filter((a) => "error" in a).length).toBeGreaterThan(500);
    expect(calls.filter(([m]) => m === "app.updates").length).toBeLessThan(450);
  });
  test("why an instance does not open is told once to the card and to the call", async () => {
    const { connect, ask, troubles, failOpen } = setup();
    failOpen();
    const port = connect("http://a.hub.localhost:1")!;
    expect(await ask(port, { id: 1, call: "updates", args: {} })).toMatchObject({ error: { message: "The widget is damaged." } });
    expect(troubles).toContain("The widget is damaged.");
  });
  test("realtime reaches only those who joined", async () => {
    const { bridge, connect, ask } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    expect(await ask(port, { id: 1, call: "realtime_send", args: { data: new Uint8Array([1]) } })).toMatchObject({ error: { message: "join the realtime channel first" } });
    await ask(port, { id: 2, call: "realtime_join" });
    const got = new Promise((ok) => { port.onmessage = (e) => ok(e.data); });
    bridge.event({ event: "app_realtime", instance: "a", sender: "p", data: "AQI=" });
    expect(await got).toEqual({ event: "realtime", data: new Uint8Array([1, 2]), sender: "p" });
  });
  test("messages go to those who asked for them, and streams are read by the widget that opened them only", async () => {
    const { bridge, connect, ask, calls } = setup();
    const port = connect("http://a.hub.localhost:1")!;
    const message = { event: "peers.message", listener: "a", from: "x", id: "1", message: 5 } as unknown as Parameters<typeof bridge.event>[0];
    bridge.event(message);
    await ask(port, { id: 1, call: "peers_open", args: { judge: true } });
    expect(calls.at(-1)).toEqual(["peers.open", { instance: "a", judge: true }]);
    const pushed = new Promise((ok) => { port.onmessage = (e: MessageEvent<unknown>) => ok(e.data); });
    bridge.event({ ...message, listener: "b" } as typeof message);
    bridge.event(message);
    expect(await pushed).toMatchObject({ event: "peers_message", data: { listener: "a", message: 5 } });
    expect(((await ask(port, { id: 2, call: "streams_read", args: { stream: 7 } })).error as { message: string }).message).toMatch(/no such stream/);
    await ask(port, { id: 3, call: "streams_open", args: { to: "p" } });
    expect((await ask(port, { id: 4, call: "streams_read", args: { stream: 7 } })).result).toEqual({ data: new TextEncoder().encode("hi"), end: false });
    await bridge.reopen();
    expect(((await ask(port, { id: 5, call: "streams_read", args: { stream: 7 } })).error as { message: string }).message).toMatch(/no such stream/);
    expect(calls.filter(([m]) => m === "peers.open").length).toBe(2);
  });
});
