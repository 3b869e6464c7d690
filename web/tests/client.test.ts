import { describe, expect, test } from "vitest";
import { Client, Failure, type Link, type Socket } from "../src/api/client";
import type { Event } from "../src/api/types";

class Wire implements Socket {
  readyState = 1;
  onopen: Socket["onopen"] = null;
  onclose: Socket["onclose"] = null;
  onmessage: Socket["onmessage"] = null;
  onerror: Socket["onerror"] = null;
  sent: string[] = [];
  closed = false;
  send(text: string) { this.sent.push(text); }
  close() { this.closed = true; }
  say(value: unknown) { this.onmessage?.({ data: typeof value === "string" ? value : JSON.stringify(value) }); }
  open() { this.onopen?.({} as never); }
  ready() { this.open(); this.say({ ready: true, api: 1 }); }
}
function setup() {
  const wires: Wire[] = [], links: Link[] = [], events: Event[] = [];
  const client = new Client({ open: () => { const w = new Wire(); wires.push(w); return w; }, token: () => "secret", onLink: (l) => links.push(l), onEvent: (e) => events.push(e), backoffMs: 1, patienceMs: 30 });
  client.start();
  const wire = (n = 0): Wire => { const w = wires[n]; if (!w) throw new Error("no connection"); return w; };
  return { client, wires, wire, links, events };
}
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms));
const idOf = (w: Wire, n = 1): number => (JSON.parse(w.sent[n] ?? "{}") as { id: number }).id;

describe("the connection to the node", () => {
  test("the token is the first frame; calls wait for the welcome", async () => {
    const { client, wire } = setup();
    const answer = client.call("profile.get", {});
    wire().open();
    expect(wire().sent.map((s) => JSON.parse(s) as unknown)).toEqual([{ token: "secret" }]);
    wire().say({ ready: true, api: 1 });
    wire().say({ jsonrpc: "2.0", id: idOf(wire()), result: { name: "Robin" } });
    expect(await answer).toEqual({ name: "Robin" });
  });
  test("answers find their calls in any order, and refusals carry the node's words", async () => {
    const { client, wire } = setup();
    wire().ready();
    const a = client.call("profile.get", {}), b = client.call("peers.list", {});
    wire().say({ id: idOf(wire(), 2), result: [] });
    wire().say({ id: idOf(wire(), 1), error: { code: -32000, message: "Not now.", data: { code: "refused" } } });
    expect(await b).toEqual([]);
    await expect(a).rejects.toMatchObject({ message: "Not now.", code: "refused" });
  });
  test("a lost connection fails what was sent, keeps what was not, and opens again", async () => {
    const { client, wire, links, wires } = setup();
    wire().ready();
    const sent = client.call("profile.get", {});
    sent.catch(() => undefined);
    wire().onclose?.({ code: 1006 });
    await expect(sent).rejects.toBeInstanceOf(Failure);
    const later = client.call("profile.get", {});
    while (wires.length < 2) await wait(1);
    wire(1).ready();
    wire(1).say({ id: idOf(wire(1)), result: { name: "back" } });
    expect(await later).toEqual({ name: "back" });
    expect(links).toEqual(["connecting", "ready", "lost", "connecting", "ready"]);
    client.stop();
  });
  test("without a node a call fails after its patience", async () => {
    const { client } = setup();
    await expect(client.call("profile.get", {})).rejects.toMatchObject({ code: "closed" });
    client.stop();
  });
  test("a refused token ends it at once", () => {
    const one = setup();
    one.wire().open();
    one.wire().onclose?.({ code: 4401 });
    expect(one.links.at(-1)).toBe("refused");
    const two = setup();
    two.wire().open();
    two.wire().say({ error: { message: "no" } });
    expect(two.links.at(-1)).toBe("refused");
  });
  test("garbage and unknown answers change nothing", () => {
    const { wire, events, links } = setup();
    wire().ready();
    for (const bad of ["", "null", "5", "{", '{"id":99,"result":1}', '{"method":"event"}', '{"method":"event","params":5}']) wire().say(bad);
    wire().onmessage?.({ data: new Uint8Array(3) });
    wire().say({ method: "event", params: { event: "instances_changed" } });
    expect(events).toEqual([{ event: "instances_changed" }]);
    expect(links.at(-1)).toBe("ready");
  });
});
