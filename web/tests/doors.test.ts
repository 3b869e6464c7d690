import { describe, expect, test } from "vitest";
import { DOOR_LIMITS, readDoorCall } from "../src/bridge/doors";
import { readCall, readSign } from "../src/bridge/protocol";
import { timeline, methodWords } from "../src/lib/audit";
import { choiceOf, hows, limits, origin, tame } from "../src/lib/permissions";

const text = (n: number) => "x".repeat(n);

describe("what a widget may ask of things outside, read", () => {
  test("each call has the shape that is expected, and nothing else goes along", () => {
    expect(readCall({ call: "notify", args: { text: "hi", title: null, instance: "b" } })).toEqual({ call: "notify", text: "hi", title: null });
    expect(readCall({ call: "web_fetch", args: { url: "https://x.example", method: "post", headers: { Accept: "text/plain" }, body: "ab", junk: 1 } }))
      .toEqual({ call: "web_fetch", request: { url: "https://x.example", method: "POST", headers: { Accept: "text/plain" }, body: new TextEncoder().encode("ab") } });
    expect(readCall({ call: "background_tell", args: { message: { a: [1] } } })).toEqual({ call: "background_tell", message: { a: [1] } });
    for (const call of ["contacts_list", "background_status", "permissions_list"]) expect(readCall({ call, args: { instance: "b" } })).toEqual({ call });
    expect(readCall({ call: "permissions_ask", args: { permission: "camera" } })).toEqual({ call: "permissions_ask", permission: "camera" });
    expect(readDoorCall("send_update", {})).toBeNull();
  });
  test("everything is bounded", () => {
    const bad: [string, object][] = [
      ["notify", { text: text(DOOR_LIMITS.text + 1) }], ["notify", { text: "a", title: text(DOOR_LIMITS.title + 1) }], ["notify", {}],
      ["web_fetch", { url: text(DOOR_LIMITS.url + 1) }], ["web_fetch", { url: 5 }], ["web_fetch", { url: "x", method: "CONNECT" }], ["web_fetch", { url: "x", method: ["GET"] }],
      ["web_fetch", { url: "x", headers: Object.fromEntries(Array.from({ length: DOOR_LIMITS.headers + 1 }, (_, n) => [`h${n}`, ""])) }],
      ["web_fetch", { url: "x", headers: { a: "b\r\nc: d" } }], ["web_fetch", { url: "x", headers: { "a b": "c" } }], ["web_fetch", { url: "x", headers: { a: 1 } }], ["web_fetch", { url: "x", headers: [["a", "b"]] }],
      ["web_fetch", { url: "x", body: new Uint8Array(DOOR_LIMITS.body + 1) }], ["web_fetch", { url: "x", body: text(DOOR_LIMITS.body + 1) }], ["web_fetch", { url: "x", body: { length: 1 } }],
      ["background_tell", {}], ["background_tell", { message: text(DOOR_LIMITS.message) }], ["background_tell", { message: undefined }],
      ["permissions_ask", { permission: "node" }], ["permissions_ask", { permission: "__proto__" }], ["permissions_ask", {}],
    ];
    for (const [call, args] of bad) expect(() => readCall({ call, args }), `${call} ${JSON.stringify(args).slice(0, 60)}`).toThrow();
  });
  test("a header cannot reach the prototype of anything", () => {
    const call = readDoorCall("web_fetch", { url: "x", headers: JSON.parse('{"__proto__": "a"}') as object });
    expect(call).toMatchObject({ call: "web_fetch" });
    expect(Object.getPrototypeOf((call as { request: { headers: object } }).request.headers)).toBeNull();
  });
  test("signs of life are three, and of exact shape", () => {
    expect(readSign({ sign: "bye", id: 1 })).toEqual({ sign: "bye" });
    expect(readSign({ sign: "pong", n: 3, more: 1 })).toEqual({ sign: "pong", n: 3, heap: 0 });
    expect(readSign({ sign: "pong", n: 3, heap: 9 })).toEqual({ sign: "pong", n: 3, heap: 9 });
    for (const heap of ["9", -1, NaN, null]) expect(readSign({ sign: "pong", n: 3, heap })).toEqual({ sign: "pong", n: 3, heap: 0 });
    expect(readSign({ sign: "dialog", open: false })).toEqual({ sign: "dialog", open: false });
    for (const bad of [null, 5, { sign: "pong" }, { sign: "pong", n: "3" }, { sign: "pong", n: 1.5 }, { sign: "dialog", open: 1 }, { sign: "x", n: 1 }, { id: 1, call: "notify" }]) expect(readSign(bad)).toBeNull();
  });
});

describe("permissions in words", () => {
  test("a reason cannot turn or stretch what stands around it", () => {
    expect(tame("for\u202e you\n\n  and\u0000 me\u2066")).toBe("for you and me");
    expect([...tame(text(500), 10)].length).toBe(11);
  });
  test("what is chosen follows from the state", () => {
    expect(choiceOf({ state: "allowed", how: null, by_policy: true })).toBe("policy");
    expect(choiceOf({ state: "allowed", how: "always", by_policy: true })).toBe("always");
    expect(choiceOf({ state: "not_now", how: null, by_policy: false })).toBe("ask");
    expect(choiceOf({ state: "never", how: "always", by_policy: false })).toBe("never");
  });
  test("what makes no sense is not offered", () => {
    expect(hows({ permission: "background", single: false })).toEqual(["always"]);
    expect(hows({ permission: "web", single: true })).toEqual(["once", "while_open", "always"]);
    expect(hows({ permission: "peers", single: false })).toEqual(["while_open", "always"]);
  });
  test("limits that the sentence names are not said twice", () => expect(limits({ sentence: "Can reach a.example", scope: ["a.example", "1 MB a day"] })).toEqual(["1 MB a day"]));
  test("who wrote it is said without a name, too", () => expect(origin("stranger", "")).toBe("By somebody, who is not among the people you trust"));
});

describe("what a widget did", () => {
  const line = (time_ms: number, method: string, more = {}) => ({ time_ms, kind: "widget" as const, name: "a", method, calls: 1, refused: 0, failed: 0, bytes: 10, ...more });
  test("is by day and hour, newest first, one line for the same", () => {
    const noon = new Date(2026, 4, 3, 12, 0).getTime(), MIN = 60_000;
    const days = timeline([line(noon, "web.fetch"), line(noon + 5 * MIN, "web.fetch", { refused: 1 }), line(noon + 61 * MIN, "contacts.list"), line(noon - 24 * 60 * MIN, "web.fetch")]);
    expect(days.map((d) => d.hours.map((h) => h.did.map((w) => [w.method, w.calls, w.refused, w.bytes])))).toEqual([[[["contacts.list", 1, 0, 10]], [["web.fetch", 2, 1, 20]]], [[["web.fetch", 1, 0, 10]]]]);
    expect(days[0]?.start).toBe(new Date(2026, 4, 3).getTime());
  });
  test("has words, and the name of the method where there are none", () => {
    expect(methodWords("web.fetch")).toBe("Fetched from the web");
    expect(methodWords("new.thing")).toBe("new.thing");
    expect(methodWords("grant peers: always")).toBe("You allowed: peers, always");
    expect(methodWords("deny web: for ever")).toBe("You said no: web, for good");
    expect(methodWords("revoke web")).toBe("You took back: web");
  });
});
