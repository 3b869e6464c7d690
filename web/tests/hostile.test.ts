/** Whatever a widget posts: the hub's window throws nothing, and the node is called with nothing that was not asked for. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Failure, type Client } from "../src/api/client";
import { Bridge } from "../src/bridge/bridge";
import { readCall } from "../src/bridge/protocol";
import { Refusal } from "../src/bridge/read";
import type { Chrome } from "../src/bridge/session";
import { anything, CALLS, Chance, message } from "./hostile";

/** HEDGEROW_FUZZ_SEED=n runs one again; HEDGEROW_FUZZ_ROUNDS makes it longer. */
const SEED = Number(process.env.HEDGEROW_FUZZ_SEED ?? 2026), ROUNDS = Number(process.env.HEDGEROW_FUZZ_ROUNDS ?? 3_000);
vi.setConfig({ testTimeout: 60_000 + ROUNDS * 5 });
const ORIGIN = "http://a.hub.localhost:1";
/** What each call of a widget becomes; `null`: nothing of the node. */
const METHOD: Record<string, string | null> = { send_update: "app.send_update", updates: "app.updates", listen: "app.updates", realtime_join: "app.realtime_join", realtime_leave: "app.realtime_join", realtime_send: "app.realtime_send", send_to_chat: null, open_link: null, open_widget: null, notify: "notices.add", web_fetch: "web.fetch", permissions_list: null, permissions_ask: null };
const methodOf = (call: { call: string; list?: string }): string | null => {
  if (call.call === "stats") return `stats.${call.list}`;
  const known = METHOD[call.call];
  return known === undefined ? call.call.replace("_", ".") : known;
};

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
});
afterEach(() => {
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
  vi.restoreAllMocks();
});

const settle = async () => { for (let n = 0; n < 12; n++) await new Promise((later) => setImmediate(later)); };

/** A port without a thread between: what is posted to the hub arrives at once, as it would after structured clone. */
class Port {
  onmessage: ((e: { data: unknown }) => void) | null = null;
  answers: unknown[] = [];
  closed = false;
  addEventListener(): void { /* nothing closes by itself here */ }
  close(): void { this.closed = true; }
  /** What the hub answers must be a value that can be posted. */
  postMessage(data: unknown): void { this.answers.push(structuredClone(data)); }
}

function setup(chance: Chance) {
  const calls: { method: string; params: Record<string, unknown> }[] = [], shown: string[] = [];
  const client = { call: async (method: string, params: Record<string, unknown>) => {
    calls.push({ method, params });
    if (chance.below(12) === 0) throw new Failure(chance.one(["needs_grant", "denied", "limit", "not_found"]), "no", chance.one(["web", null, "peers"]));
    if (method === "app.open") return { send_update_max_size: 100_000, max_serial: 0 };
    if (method === "app.updates") return { updates: [], max_serial: 0 };
    if (method === "streams.open" || method === "streams.accept") return { stream: chance.one([7, 8]), peer: "p", name: "" };
    if (method === "streams.read") return { data: chance.one(["aGk=", "%"]), end: false };
    if (method === "web.fetch") return { url: "u", status: 200, headers: {}, body: chance.one(["aGk=", "%"]) };
    return {};
  } } as unknown as Client;
  const say = (what: string) => async () => { shown.push(what); if (chance.below(4) === 0) throw new Refusal("no", "denied"); };
  const chrome: Chrome = { openLink: say("link"), share: say("share"), openWidget: say("widget"), permit: say("permit"), closed: () => undefined, trouble: () => undefined, permissions: async () => [{ name: "camera", state: chance.one(["ask", "allowed", "denied"]), sentence: "s" }] };
  const bridge = new Bridge(client, chrome);
  bridge.place([{ instance: "a", origin: ORIGIN }]);
  return { bridge, calls, shown };
}

/** As it arrives, or `undefined` where nothing can be posted. */
function cloned(value: unknown): { value: unknown } | undefined {
  try {
    return { value: structuredClone(value) };
  } catch {
    return undefined;
  }
}

test("a value by chance is a call that was read whole, or a refusal that says why", () => {
  const chance = new Chance(SEED);
  for (let round = 0; round < ROUNDS * 5; round++) {
    const value = chance.below(3) ? message(chance) : anything(chance);
    try {
      const call = readCall(value);
      expect(Object.hasOwn(CALLS, call.call), `seed ${SEED}, round ${round}`).toBe(true);
    } catch (error) {
      expect(error, `seed ${SEED}, round ${round}`).toBeInstanceOf(Refusal);
    }
  }
});

test("whatever a widget posts, the node is called for its instance, with what was asked for and no more", async () => {
  // As fast as it likes: the bounds on that have tests of their own.
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += 100));
  const chance = new Chance(SEED);
  const { bridge, calls, shown } = setup(chance);
  const port = new Port();
  vi.stubGlobal("MessageChannel", class { port1 = port; port2 = {}; });
  const connect = () => bridge.receive({ data: { hedgerow: 1, type: "connect" }, origin: ORIGIN, source: { postMessage: () => undefined } as unknown as MessageEventSource });
  connect();
  vi.unstubAllGlobals();
  const streams = new Set<number>(), reached = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const where = `seed ${SEED}, round ${round}`;
    const posted = cloned(message(chance));
    if (!posted) continue;
    if (port.onmessage === null) break; // It said goodbye.
    if ((posted.value as { sign?: unknown } | null)?.sign === "bye") continue;
    calls.length = shown.length = port.answers.length = 0;
    port.onmessage({ data: posted.value });
    await settle();
    let asked: ReturnType<typeof readCall> | null = null;
    try { asked = readCall(posted.value); } catch { /* refused */ }
    // Opened once, and again after it failed; pages until there are no more.
    const made = calls.filter((c) => c.method !== "app.open" && !(asked?.call === "listen" && c.method === "app.updates"));
    for (const c of calls) {
      if (c.method.startsWith("streams.") && "stream" in c.params) expect(streams.has(c.params.stream as number), `${where}: ${c.method}`).toBe(true);
      else expect(c.params.instance, `${where}: ${c.method}`).toBe("a");
      expect(cloned(JSON.parse(JSON.stringify(c.params))), where).toBeDefined();
    }
    const expected = asked === null ? null : methodOf(asked);
    expect(new Set(made.map((c) => c.method)).size, where).toBeLessThanOrEqual(1);
    for (const c of made) expect(c.method, where).toBe(expected);
    if (made.length + shown.length > 0 && asked !== null) reached.add(asked.call);
    // Once, and once more after the person said yes.
    expect(made.length, where).toBeLessThanOrEqual(2);
    expect(shown.filter((what) => what !== "permit").length, where).toBeLessThanOrEqual(1);
    if (asked === null) expect(shown, where).toEqual([]);
    const id = (posted.value as { id?: unknown } | null)?.id;
    for (const answer of port.answers as { id?: unknown; event?: unknown }[]) if (!("event" in answer)) expect(answer.id, where).toBe(id);
    expect(port.answers.filter((a) => !("event" in (a as object))).length, where).toBeLessThanOrEqual(1);
    for (const answer of port.answers as { result?: { stream?: number } }[]) if (typeof answer.result?.stream === "number") streams.add(answer.result.stream);
    expect(unhandled, where).toEqual([]);
  }
  // It was no widget that only ever got refusals.
  const quiet = ["permissions_list", "permissions_ask"];
  expect([...reached].filter((call) => !quiet.includes(call)).sort()).toEqual(Object.keys(CALLS).filter((call) => !quiet.includes(call)).sort());
});

test("whatever another window posts, nobody but a placed instance gets a port", () => {
  const chance = new Chance(SEED + 1);
  const { bridge, calls } = setup(chance);
  for (let round = 0; round < ROUNDS; round++) {
    const source = chance.one([null, {}, { postMessage: () => { throw new Error("it must not be answered"); } }]);
    const origin = chance.one(["null", "", "http://b.hub.localhost:1", "http://a.hub.localhost:2", "http://a.hub.localhost:1.evil.example", "__proto__"]);
    expect(() => bridge.receive({ data: message(chance), origin, source: source as MessageEventSource | null })).not.toThrow();
  }
  expect(calls).toEqual([]);
  expect(bridge.sessions.size).toBe(0);
});
