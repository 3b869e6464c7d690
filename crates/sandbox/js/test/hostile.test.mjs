// Whatever comes to a widget's window from elsewhere, and whatever the other end of the port says: the script throws
// nothing, and takes nothing for the dashboard that is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HUB, ORIGIN, running } from "./page.mjs";

// HEDGEROW_FUZZ_SEED=n runs one again; HEDGEROW_FUZZ_ROUNDS makes it longer.
const SEED = Number(process.env.HEDGEROW_FUZZ_SEED ?? 2026);
const ROUNDS = Number(process.env.HEDGEROW_FUZZ_ROUNDS ?? 3000);

// Mulberry32: the same for a seed.
function chance(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n) => next() % n;
  return { next, below, one: (of) => of[below(of.length)] };
}

const WORDS = ["", "a", "__proto__", "constructor", "update", "ping", "realtime", "background_message", "peers_message", "port", "a".repeat(3000), "\ud800"];

function anything(by, depth = 0) {
  switch (by.below(depth > 4 ? 8 : 16)) {
    case 0: return undefined;
    case 1: return null;
    case 2: return by.below(2) === 0;
    case 3: case 4: return by.one([0, 1, -1, 0.5, NaN, Infinity, 2 ** 53]);
    case 5: case 6: return by.one(WORDS);
    case 7: return 10n;
    case 8: return new Uint8Array(by.one([0, 3]));
    case 9: return by.one([new Map([[1, 2]]), new Date(NaN), new Error("x"), new Set()]);
    case 10: {
      const ring = {};
      ring.self = ring;
      return ring;
    }
    case 11: {
      let deep = 1;
      for (let i = by.one([10, 2000]); i > 0; i--) deep = [deep];
      return deep;
    }
    case 12: return Array.from({ length: by.below(4) }, () => anything(by, depth + 1));
    default: {
      const made = {};
      for (let n = by.below(5); n > 0; n--) {
        const key = by.one([...WORDS, "id", "event", "result", "error", "update", "listen", "data", "message", "serial", "hedgerow", "type"]);
        Object.defineProperty(made, key, { value: anything(by, depth + 1), enumerable: true, configurable: true, writable: true });
      }
      return made;
    }
  }
}

/** What the dashboard might say, nearly right. */
function said(by) {
  const kinds = [
    { event: "ping", n: anything(by) },
    { event: "update", update: by.one([anything(by), { payload: anything(by), serial: anything(by), max_serial: 1 }]), listen: anything(by) },
    { event: "realtime", data: anything(by), sender: anything(by) },
    { event: by.one(["peers_message", "peers_presence", "streams_incoming"]), data: anything(by) },
    { event: "background_message", message: anything(by) },
    { id: by.below(40), result: anything(by) },
    { id: by.below(40), error: anything(by) },
    { id: anything(by), result: anything(by), error: anything(by), event: anything(by) },
  ];
  return by.below(5) ? by.one(kinds) : anything(by);
}

const later = () => new Promise((resolve) => setImmediate(resolve));

test("nothing that comes from elsewhere is taken for the dashboard", async () => {
  const by = chance(SEED);
  await running({}, async ({ page, fromTop, webxdc, hub }) => {
    const { port1, port2 } = new MessageChannel();
    let heard = 0;
    port1.onmessage = () => heard++;
    webxdc.sendUpdate({ payload: 1 }, "").catch(() => undefined);
    for (let round = 0; round < ROUNDS; round++) {
      const right = { hedgerow: 1, type: "port" };
      const data = by.below(3) ? right : anything(by);
      const origin = by.one([ORIGIN, "null", "", `${HUB}.evil.example`, HUB.replace("4400", "4401"), "https://hub.localhost:4400"]);
      assert.doesNotThrow(() => fromTop(data, { origin, ports: [port2] }), `seed ${SEED}, round ${round}`);
      // From the dashboard's origin, but not its window.
      assert.doesNotThrow(() => fromTop(data, { source: by.one([page, null, {}]), ports: [port2] }), `seed ${SEED}, round ${round}`);
      // From the dashboard, but no port.
      const other = anything(by);
      if (other?.type !== "port") assert.doesNotThrow(() => fromTop(other), `seed ${SEED}, round ${round}`);
    }
    await later();
    assert.equal(heard, 0, "a call went to somebody else");
    assert.equal(hub.calls.length, 0);
    port1.close();
    port2.close();
  });
});

test("whatever the other end of the port says, the script goes on", async () => {
  const by = chance(SEED + 1);
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  try {
    await running({ answer: () => "none" }, async ({ page, connect, webxdc, hub }) => {
      const port = connect();
      webxdc.setUpdateListener(() => undefined, 0).catch(() => undefined);
      page.hedgerow.peers.onMessage?.(() => undefined);
      const channel = webxdc.joinRealtimeChannel();
      channel.setListener(() => undefined);
      for (let round = 0; round < ROUNDS; round++) {
        if (round % Math.ceil(ROUNDS / 20) === 0) webxdc.sendUpdate({ payload: round }, "").catch(() => undefined);
        try {
          port.postMessage(said(by));
        } catch {
          // No value that can be posted.
        }
        if (round % 50 === 0) await later();
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(unhandled, [], `seed ${SEED}`);
      // It still does what it is asked.
      const before = hub.calls.length;
      webxdc.sendUpdate({ payload: "after" }, "").catch(() => undefined);
      for (let n = 0; n < 100 && hub.calls.length === before; n++) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(hub.calls.length > before, "it hangs");
    });
  } finally {
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  }
});
