import { describe, expect, test } from "vitest";
import { ASKS, Asks } from "../src/bridge/asks";

/** A call; those that nobody looks at any more may fail. */
const wants = (asks: Asks, ...a: Parameters<Asks["want"]>): Promise<void> => { const p = asks.want(...a); p.catch(() => undefined); return p; };
const settled = async (p: Promise<void>): Promise<string> => Promise.race([p.then(() => "yes", (e: { code: string }) => e.code), new Promise<string>((later) => setTimeout(later, 0, "waits"))]);

describe("which permission the person is asked about", () => {
  test("many calls that wait for one permission cause one question, and one answer serves all", async () => {
    const asks = new Asks(), calls = Array.from({ length: 20 }, () => wants(asks, "a", "web", false));
    expect(asks.next(0)).toMatchObject({ instance: "a", permission: "web" });
    const late = wants(asks, "a", "web", false);
    expect(asks.next(10_000)).toBeNull();
    asks.answer("yes", 1_000);
    expect(new Set(await Promise.all([...calls, late].map(settled)))).toEqual(new Set(["yes"]));
    expect(asks.due()).toBeNull();
  });
  test("no more calls wait than can be counted", async () => {
    const asks = new Asks(), calls = Array.from({ length: ASKS.waiting + 1 }, () => wants(asks, "a", "web", false));
    expect(await settled(calls[ASKS.waiting]!)).toBe("denied");
    expect(await settled(calls[0]!)).toBe("waits");
    asks.drop("a");
    expect(await settled(calls[0]!)).toBe("denied");
  });
  test("one at a time, in the order they came, and an instance asks at most once in two seconds", () => {
    const asks = new Asks();
    void wants(asks, "a", "web", false);
    void wants(asks, "a", "contacts", false);
    void wants(asks, "b", "web", false);
    expect(asks.next(0)?.instance).toBe("a");
    expect(asks.next(5_000)).toBeNull();
    asks.answer("no", 5_000);
    expect(asks.next(5_000)?.instance).toBe("b");
    asks.answer("yes", 5_500);
    expect(asks.next(6_999)).toBeNull();
    expect(asks.due()).toBe(7_000);
    expect(asks.next(7_000)).toMatchObject({ instance: "a", permission: "contacts" });
  });
  test("after not now there is no second question for as long as the widget is open", async () => {
    const asks = new Asks(), first = wants(asks, "a", "web", false);
    asks.next(0);
    asks.answer("no", 0);
    expect(await settled(first)).toBe("denied");
    for (let n = 0; n < 50; n += 1) expect(await settled(wants(asks, "a", "web", false))).toBe("denied");
    asks.offer("a", "web", false);
    expect(asks.due()).toBeNull();
    asks.drop("a");
    expect(await settled(wants(asks, "a", "web", false))).toBe("waits");
  });
  test("once is for the call that waited first", async () => {
    const asks = new Asks(), calls = [wants(asks, "a", "web", false), wants(asks, "a", "web", false)];
    asks.next(0);
    asks.answer("once", 0);
    expect(await Promise.all(calls.map(settled))).toEqual(["yes", "denied"]);
  });
  test("what nobody looks at waits quietly until it is opened, or asked for where somebody looks", () => {
    const asks = new Asks();
    void wants(asks, "a", "web", true);
    void wants(asks, "b", "web", true);
    expect([asks.due(), asks.next(9_000), asks.quiet.length]).toEqual([null, null, 2]);
    expect(asks.open("b", "contacts")).toBe(false);
    expect(asks.open("b", "web")).toBe(true);
    expect(asks.next(0)?.instance).toBe("b");
    asks.answer("yes", 0);
    void wants(asks, "a", "web", false);
    expect(asks.next(0)?.instance).toBe("a");
  });
  test("a background part goes on asking when the window is closed, and a question that came in between comes first", async () => {
    const asks = new Asks();
    asks.offer("a", "web", false);
    const call = wants(asks, "a", "web", false);
    asks.next(0);
    asks.postpone();
    asks.drop("a");
    expect(await settled(call)).toBe("denied");
    expect(asks.next(0)).toMatchObject({ instance: "a", permission: "web" });
  });
  test("an answer that was given elsewhere ends the question here", async () => {
    const asks = new Asks(), shown = wants(asks, "a", "web", false), waits = wants(asks, "a", "contacts", true);
    asks.next(0);
    asks.settle("a", "web", true);
    asks.settle("a", "contacts", false);
    expect([await settled(shown), await settled(waits), asks.shown]).toEqual(["yes", "denied", null]);
  });
});
