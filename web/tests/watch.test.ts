import { describe, expect, test } from "vitest";
import { Pulse, WATCH, Watch, type Health } from "../src/bridge/watch";

/** Runs a widget for so long; `delay` is how late it answers, null for never. */
function run(pulse: Pulse, from: number, ms: number, delay: (at: number) => number | null): Health[] {
  const seen: Health[] = [], answers: [number, number][] = [];
  for (let now = from; now < from + ms; now += 50) {
    for (const [n, at] of answers.filter(([, at]) => at <= now)) { pulse.pong(n, at); answers.splice(answers.findIndex(([m]) => m === n), 1); }
    const n = pulse.ping(now), wait = n === null ? null : delay(now);
    if (n !== null && wait !== null) answers.push([n, now + wait]);
    seen.push(pulse.health(now));
  }
  return seen;
}

describe("whether a widget lives", () => {
  test("one that answers is well, and is asked about every two seconds", () => {
    const pulse = new Pulse(0);
    let asked = 0;
    expect(new Set(run(pulse, 0, 60_000, () => { asked += 1; return 5; }))).toEqual(new Set(["well"]));
    expect(Math.abs(asked - 30)).toBeLessThan(3);
  });
  test("one that stopped answering is frozen after six seconds, not before", () => {
    const pulse = new Pulse(0);
    run(pulse, 0, 10_000, () => 5);
    const seen = run(pulse, 10_000, 9_000, () => null);
    const at = seen.indexOf("frozen") * 50;
    expect(at).toBeGreaterThanOrEqual(WATCH.frozen);
    expect(at).toBeLessThan(WATCH.frozen + 1.5 * WATCH.every);
  });
  test("a large app may take longer for its first answer", () => {
    const seen = run(new Pulse(0), 0, 20_000, () => null);
    expect(seen.indexOf("frozen")).toBe(WATCH.first / 50);
  });
  test("one whose answers are late most of the time is hungry; one that is late at times is not", () => {
    expect(run(new Pulse(0), 0, 20_000, () => 300).at(-1)).toBe("hungry");
    let n = 0;
    expect(run(new Pulse(0), 0, 60_000, () => (n++ % 3 === 0 ? 300 : 10))).not.toContain("hungry");
  });
  test("hungry for a minute is too much, and it recovers when it answers in time again", () => {
    const pulse = new Pulse(0);
    run(pulse, 0, 60_000, () => 300);
    expect(pulse.tooHungry(60_000)).toBe(false);
    run(pulse, 60_000, 10_000, () => 300);
    expect(pulse.tooHungry(70_000)).toBe(true);
    expect(run(pulse, 70_000, 20_000, () => 5).at(-1)).toBe("well");
    expect(pulse.tooHungry(90_000)).toBe(false);
  });
  test("one that works in a beat of its own is found hungry, wherever the beat begins", () => {
    for (const beat of [500, 1_000, 2_000]) for (let begin = 0; begin < beat; begin += 50) {
      const busy = (at: number): number => { const into = (at + begin) % beat; return into < beat * 0.9 ? beat * 0.9 - into : 0; };
      expect(run(new Pulse(0), 0, 30_000, busy), `${beat} ms, begun ${begin} ms before`).toContain("hungry");
    }
  });
  test("one that holds more than a gigabyte is found, after three answers and not by one", () => {
    const pulse = new Pulse(0);
    const answer = (now: number, heap: number): void => { const n = pulse.ping(now); if (n !== null) pulse.pong(n, now + 5, heap); };
    for (let now = 0; now < 30_000; now += 2_600) { answer(now, now % 5_200 === 0 ? 2 * WATCH.memory : 2 ** 20); expect(pulse.health(now + 10)).toBe("well"); }
    for (let k = 0; k < WATCH.fat; k += 1) answer(40_000 + k * 3_000, WATCH.memory + 1);
    expect(pulse.health(50_000)).toBe("memory");
  });
  test("nothing is judged while the dashboard was blocked or nobody looked", () => {
    const pulse = new Pulse(0);
    run(pulse, 0, 10_000, () => 5);
    pulse.ping(10_000);
    pulse.excuse(30_000);
    expect(pulse.health(40_000)).toBe("well");
    const hidden = new Pulse(0);
    hidden.ping(0);
    hidden.rest(900_000);
    expect(hidden.health(900_100)).toBe("well");
    expect(run(hidden, 900_000, 20_000, () => null)).toContain("frozen");
  });
  test("answers to nothing, and the same answer again, count for nothing", () => {
    const pulse = new Pulse(0);
    pulse.ping(0);
    for (let n = 2; n < 50; n += 1) pulse.pong(n, 10);
    expect(pulse.health(WATCH.first)).toBe("frozen");
  });
  test("a dialog of the browser is no standstill, a loop of them is", () => {
    const pulse = new Pulse(0);
    run(pulse, 0, 4_000, () => 5);
    pulse.dialog(true, 4_000);
    const one = run(pulse, 4_000, WATCH.dialog, () => null);
    expect(new Set(one)).toEqual(new Set(["well"]));
    expect(pulse.health(4_000 + WATCH.dialog)).toBe("dialogs");
    const loop = new Pulse(0);
    run(loop, 0, 4_000, () => 5);
    for (let n = 0; n < WATCH.dialogs; n += 1) { loop.dialog(true, 4_000 + n * 10); if (n < WATCH.dialogs - 1) expect(loop.health(4_005 + n * 10)).toBe("well"); loop.dialog(false, 4_006 + n * 10); }
    expect(loop.health(4_200)).toBe("dialogs");
    loop.pong(3, 4_200);
  });
  test("a page that is gone and followed by none crashed; one that is followed by another did not", () => {
    const gone = new Pulse(0);
    gone.closed(1_000, false);
    expect([gone.health(1_000 + WATCH.lost - 1), gone.health(1_000 + WATCH.lost)]).toEqual(["well", "crashed"]);
    const next = new Pulse(0);
    next.closed(1_000, true);
    next.loaded(1_500);
    expect(next.health(60_000)).toBe("well");
    // Told late by the browser; a page that says so itself says it before.
    next.closed(1_600, false);
    expect(next.health(60_000)).toBe("well");
  });
  test("a page without the script has nobody who could answer, and is not taken for a silent one", () => {
    const pulse = new Pulse(0);
    run(pulse, 0, 10_000, () => 5);
    pulse.closed(10_000, true);
    pulse.loaded(10_500);
    expect(new Set(run(pulse, 10_500, 60_000, () => null))).toEqual(new Set(["well"]));
    pulse.connected();
    expect(run(pulse, 80_000, 20_000, () => null)).toContain("frozen");
  });
});

describe("the watch over all", () => {
  test("fifty widgets are not asked in one moment, and a late timer excuses all of them", () => {
    const watch = new Watch(), asked: number[] = [];
    const widgets = new Map(Array.from({ length: 50 }, (_, n) => [`w${n}`, { pulse: new Pulse(0, n * 40), ping: () => void (count += 1) }]));
    let count = 0;
    for (let now = 0; now < 4_000; now += WATCH.tick) { count = 0; watch.tick(now, false, widgets, () => undefined); asked.push(count); }
    expect(Math.max(...asked)).toBeLessThanOrEqual(10);
    const told: Health[] = [];
    watch.tick(60_000, false, widgets, (_, health) => told.push(health));
    expect(new Set(told)).toEqual(new Set(["well"]));
    watch.tick(120_000, true, widgets, () => { throw new Error("nobody looks"); });
  });
});
