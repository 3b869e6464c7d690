import { describe, expect, test } from "vitest";
import type { UpdateOut } from "../src/api/types";
import { Feed } from "../src/bridge/feed";

const update = (serial: number): UpdateOut => ({ payload: serial, serial, max_serial: serial, info: null, href: null, document: null, summary: null, notify: null, sender: "p", time_ms: 0 });
const turn = () => new Promise((r) => setTimeout(r, 0));

function setup(known: number[], page = 3) {
  const store = [...known], got: number[] = [];
  let fail = false, reads = 0;
  const feed = new Feed(async (serial) => {
    reads += 1;
    await turn();
    if (fail) throw new Error("lost");
    return { updates: store.filter((s) => s > serial).slice(0, page).map(update), max_serial: store.at(-1) ?? 0 };
  }, (u) => got.push(u.serial));
  return { feed, store, got, fail: (v: boolean) => (fail = v), reads: () => reads };
}
const until = async (done: () => boolean) => { for (let n = 0; n < 200 && !done(); n += 1) await turn(); };

describe("updates for one window", () => {
  test("all known ones come in order, page by page, before the answer", async () => {
    const { feed, got } = setup([1, 2, 3, 5, 8, 9, 10]);
    expect(await feed.listen(0)).toBe(10);
    expect(got).toEqual([1, 2, 3, 5, 8, 9, 10]);
  });
  test("it starts after the serial asked for", async () => {
    const { feed, got } = setup([1, 2, 3, 4]);
    await feed.listen(2);
    expect(got).toEqual([3, 4]);
  });
  test("pushed ones follow, each once, older ones not again", async () => {
    const { feed, store, got } = setup([1, 2]);
    await feed.listen(0);
    await turn();
    await turn();
    for (const s of [3, 3, 2, 4]) { if (!store.includes(s)) store.push(s); feed.offer(update(s)); }
    await until(() => got.length >= 4);
    expect(got).toEqual([1, 2, 3, 4]);
  });
  test("a gap is filled from the node before the later one is handed over", async () => {
    const { feed, store, got } = setup([1]);
    await feed.listen(0);
    store.push(2, 3, 4, 5, 6);
    feed.offer(update(6));
    await until(() => got.length >= 6);
    expect(got).toEqual([1, 2, 3, 4, 5, 6]);
  });
  test("a gap that the node has too does not hold anything back", async () => {
    const { feed, store, got } = setup([1]);
    await feed.listen(0);
    store.push(9);
    feed.offer(update(9));
    await until(() => got.length >= 2);
    expect(got).toEqual([1, 9]);
  });
  test("ones pushed while pages are read come once and in order", async () => {
    const { feed, store, got } = setup([1, 2, 3, 4, 5]);
    const answer = feed.listen(0);
    store.push(6, 7);
    feed.offer(update(7));
    feed.offer(update(6));
    await answer;
    await until(() => got.length >= 7);
    expect(got).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
  test("after a lost connection the missed ones are read", async () => {
    const { feed, store, got, fail } = setup([1]);
    await feed.listen(0);
    fail(true);
    store.push(2, 3);
    feed.offer(update(3));
    await turn();
    await turn();
    fail(false);
    feed.resume();
    await until(() => got.length >= 3);
    expect(got).toEqual([1, 2, 3]);
  });
  test("pushes in any order at any moment come once, in order, none left out", async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      let state = seed;
      const random = (n: number) => { state = (state * 1103515245 + 12345) & 0x7fffffff; return state % n; };
      const { feed, store, got } = setup(Array.from({ length: random(10) }, (_, n) => n + 1), 1 + random(4));
      const answer = feed.listen(0);
      for (let n = 0; n < 30; n += 1) {
        const serial = (store.at(-1) ?? 0) + 1;
        store.push(serial);
        if (random(4) > 0) feed.offer(update(serial));
        if (random(3) === 0) await turn();
        if (random(5) === 0) feed.offer(update(1 + random(serial)));
      }
      await answer;
      store.push(store.length + 1);
      feed.offer(update(store.length));
      await until(() => got.length >= store.length);
      expect(got, `seed ${seed}`).toEqual(store);
    }
  });
  test("a second call to listen wins", async () => {
    const { feed, got } = setup([1, 2, 3, 4]);
    const first = feed.listen(0), second = feed.listen(3);
    await Promise.all([first, second]);
    expect(got).toEqual([4]);
  });
  test("nothing is handed over before listen or after stop", async () => {
    const { feed, got } = setup([1]);
    feed.offer(update(1));
    expect(got).toEqual([]);
    await feed.listen(0);
    feed.stop();
    feed.offer(update(2));
    await turn();
    expect(got).toEqual([1]);
  });
});
