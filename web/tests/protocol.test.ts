import { describe, expect, test } from "vitest";
import { Flow } from "../src/bridge/flow";
import { externalUrl, insideUrl, isConnect, LIMITS, readCall, Refusal, requestId } from "../src/bridge/protocol";
import { fromBase64, toBase64 } from "../src/bridge/base64";

const hostile = (text: string): unknown => JSON.parse(text);

describe("what a widget says", () => {
  test("only the exact greeting asks for a port", () => {
    expect(isConnect({ hedgerow: 1, type: "connect" })).toBe(true);
    for (const bad of [null, 1, "connect", [], { hedgerow: 2, type: "connect" }, { type: "connect" }, Object.create({ hedgerow: 1, type: "connect" })]) expect(isConnect(bad)).toBe(false);
  });
  test("a request without a plain number is none", () => {
    expect(requestId({ id: 7 })).toBe(7);
    for (const bad of [{ id: -1 }, { id: 1.5 }, { id: "1" }, { id: NaN }, {}, null, Object.create({ id: 1 })]) expect(requestId(bad)).toBeNull();
  });
  test("unknown calls and inherited names are refused", () => {
    for (const call of ["shutdown", "constructor", "__proto__", "toString", "", 5, null]) expect(() => readCall({ id: 1, call })).toThrow(Refusal);
    expect(() => readCall(Object.create({ call: "realtime_join" }))).toThrow(Refusal);
    expect(() => readCall({ call: "listen", args: Object.create({ serial: 5 }) })).not.toThrow();
    expect(readCall({ call: "listen", args: Object.create({ serial: 5 }) })).toEqual({ call: "listen", serial: 0 });
  });
  test("an update keeps known fields only and changes no prototype", () => {
    const args = hostile('{"update":{"payload":{"__proto__":{"polluted":1},"a":[1]},"info":"i","evil":1,"notify":{"*":"all","__proto__":"x"}}}');
    const read = readCall({ call: "send_update", args });
    if (read.call !== "send_update") throw new Error("another call");
    expect(Object.keys(read.update).sort()).toEqual(["info", "notify", "payload"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(read.update.notify?.["*"]).toBe("all");
  });
  test("updates that are no JSON, missing or too large are refused", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const payload of [undefined, cycle, 10n, "x".repeat(LIMITS.update)]) expect(() => readCall({ call: "send_update", args: { update: { payload } } })).toThrow(Refusal);
    expect(() => readCall({ call: "send_update", args: { update: { payload: 1, info: "x".repeat(LIMITS.short + 1) } } })).toThrow(Refusal);
    expect(() => readCall({ call: "send_update", args: { update: { payload: 1, notify: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [n, "x"])) } } })).toThrow(Refusal);
    expect(() => readCall({ call: "send_update", args: { update: null } })).toThrow(Refusal);
    expect(readCall({ call: "send_update", args: { update: { payload: null } } })).toMatchObject({ update: { payload: null } });
  });
  test("serials and bytes have their shapes", () => {
    for (const serial of [-1, 1.5, "1", Infinity, {}]) expect(() => readCall({ call: "updates", args: { serial } })).toThrow(Refusal);
    for (const data of ["text", [1], new ArrayBuffer(2), new Uint8Array(LIMITS.realtime + 1)]) expect(() => readCall({ call: "realtime_send", args: { data } })).toThrow(Refusal);
  });
  test("a shared file's name cannot lead elsewhere or hide its ending", () => {
    const share = (name: unknown) => readCall({ call: "send_to_chat", args: { file: { name, blob: new Blob(["a"]) } } });
    expect(share("../../etc/x\u202egnp.exe")).toMatchObject({ file: { name: ".._.._etc_x_gnp.exe" } });
    for (const bad of ["", " ", "..", 5, "x".repeat(300)]) expect(() => share(bad)).toThrow(Refusal);
    expect(() => readCall({ call: "send_to_chat", args: { file: { name: "a", blob: { size: 1 } } } })).toThrow(Refusal);
    expect(() => readCall({ call: "send_to_chat", args: {} })).toThrow(Refusal);
  });
  test("bytes survive base64", () => {
    const data = Uint8Array.from({ length: 100_000 }, (_, n) => (n * 31) & 255);
    expect(fromBase64(toBase64(data))).toEqual(data);
    expect(fromBase64("%%%")).toBeNull();
  });
});

describe("addresses", () => {
  test("only web and mail addresses may be opened, shown as they are reached", () => {
    expect(externalUrl("https://exämple.org/a")?.host).toBe("xn--exmple-cua.org");
    expect(externalUrl("mailto:a@b.c")).not.toBeNull();
    for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:x", "//x.org", "x", " ", "vbscript:x", "intent://x"]) expect(externalUrl(bad)).toBeNull();
  });
  test("a notification leads only inside the widget", () => {
    const origin = "http://abc.hub.localhost:4400", start = `${origin}/index.html`;
    expect(insideUrl(origin, "#a")).toBe(`${start}#a`);
    expect(insideUrl(origin, "page.html?x=1")).toBe(`${origin}/page.html?x=1`);
    expect(insideUrl(origin, "../../x.html")).toBe(`${origin}/x.html`);
    for (const bad of [null, "//evil.org/x", "https://evil.org", "javascript:alert(1)", "\\\\evil.org", "/\\evil.org", "java\nscript:x"]) expect(insideUrl(origin, bad)).toBe(start);
  });
});

describe("how much a widget may ask", () => {
  test("more than the rate is refused and recovers with time", () => {
    let now = 0;
    const flow = new Flow(() => now, 10, 100);
    for (let n = 0; n < 10; n += 1) expect(flow.take()).toBeNull();
    expect(flow.take()).toMatch(/in a second/);
    now = 500;
    for (let n = 0; n < 5; n += 1) expect(flow.take()).toBeNull();
    expect(flow.take()).toMatch(/in a second/);
  });
  test("calls without an answer are bounded", () => {
    const flow = new Flow(() => 0, 1000, 3);
    for (let n = 0; n < 3; n += 1) expect(flow.take()).toBeNull();
    expect(flow.take()).toMatch(/without an answer/);
    flow.done();
    expect(flow.take()).toBeNull();
  });
  test("a widget that never stops is given up", () => {
    const flow = new Flow(() => 0, 10, 100);
    for (let n = 0; n < 20_100; n += 1) flow.take();
    expect(flow.hopeless).toBe(true);
  });
  test("messages to others are JSON of a bounded size, and options have their shapes", () => {
    const call = (name: string, args: unknown) => readCall({ call: name, args });
    expect(call("peers_broadcast", { message: { a: 1 }, peerCount: 3, broadcast: false, evil: 1, instance: "b", app: "c" }))
      .toEqual({ call: "peers_broadcast", params: { message: { a: 1 }, peerCount: 3, broadcast: false } });
    expect(call("peers_send", { to: "ab", message: null, toApp: "clock" })).toEqual({ call: "peers_send", params: { to: "ab", message: null, toApp: "clock" } });
    for (const message of [undefined, 10n, "x".repeat(128_000)]) expect(() => call("peers_broadcast", { message })).toThrow(Refusal);
    for (const bad of [{ peerCount: -1 }, { peerCount: "5" }, { timeout: NaN }, { broadcast: 1 }, { signed: "yes" }]) expect(() => call("peers_broadcast", { message: 1, ...bad })).toThrow(Refusal);
    for (const to of [undefined, 5, "x".repeat(200)]) expect(() => call("peers_send", { to, message: 1 })).toThrow(Refusal);
    for (const stream of [undefined, "1", 1.5, Infinity]) expect(() => call("streams_read", { stream })).toThrow(Refusal);
    for (const data of ["text", new Uint8Array(128_001)]) expect(() => call("streams_write", { stream: 1, data })).toThrow(Refusal);
    const read = call("peers_broadcast", hostile('{"message":{"__proto__":{"polluted":1}},"__proto__":{"peerCount":9}}'));
    expect(read).toEqual({ call: "peers_broadcast", params: { message: JSON.parse('{"__proto__":{"polluted":1}}') } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
