import assert from "node:assert/strict";
import { test } from "node:test";
import { flat, forSeeds, nextId, NOW } from "../seeds.mjs";
import * as check from "../../shared/check.js";
import { initials, People } from "../../shared/people.js";
import { keepNewest, Owned, Shared } from "../../shared/registers.js";
import { brief } from "../../shared/sync.js";
import { between, dayText, ics, occurrences, weeks } from "../../dist/calendar/dates.js";
import { day, eventValue } from "../../dist/calendar/state.js";

test("text from others is bounded and cannot reorder or hide itself", () => {
  assert.equal(check.line("a\u202eb\u0000c\n d", 50), "abc d");
  assert.equal(check.line("x".repeat(100), 10).length, 10);
  assert.equal(check.line("x".repeat(1e6), 10), "");
  assert.equal(check.line("😀😀", 3), "😀");
  assert.equal(check.line("a\ud800b", 9).isWellFormed(), true);
  assert.equal(check.block("\n a\r\nb\t\n\n", 50), " a\nb");
  for (const odd of [null, 5, {}, [], undefined]) assert.equal(check.line(odd, 9) + check.block(odd, 9) + check.id(odd) + check.addr(odd), "");
});

test("ids, keys, times and lists accept only what they should", () => {
  assert.equal(check.id("abcd-_9"), "abcd-_9");
  assert.equal(check.id("a/b12"), "");
  assert.equal(check.key("some/addr/abcd"), "some/addr/abcd");
  assert.equal(check.key("/abcd"), "");
  assert.equal(check.time(NOW), NOW);
  for (const odd of [0, -1, 1e15, NaN, "5", 1.5]) assert.equal(check.time(odd), null);
  assert.deepEqual(check.list([1, "x", 3], 3, (v) => check.int(v, 0, 9)), [1, 3]);
  assert.deepEqual(check.list([1, 2, 3, 4], 3, (v) => v), []);
  assert.match(check.rid(), /^[A-Za-z0-9_-]{12}$/);
});

test("values that one or many may change end equal in any order", () => {
  forSeeds(200, (rng) => {
    const ops = [];
    for (let n = 0; n < 12; n += 1) ops.push({ op: nextId(), prev: ops.filter(() => rng.int(3) === 0).map((o) => o.op), t: rng.int(4), sender: rng.pick(["a", "b"]), rev: rng.int(3) });
    const results = [ops, rng.shuffle(ops), rng.shuffle([...ops, ...ops])].map((order) => {
      const [owned, shared] = [new Owned(), new Shared()];
      for (const o of order) {
        owned.offer(o.rev, o.t, o.op, o.op);
        shared.offer(o.op, o.prev, o.t, o.sender, o.op);
      }
      return flat([owned.value, shared.get()?.value ?? null]);
    });
    assert.equal(results[1], results[0]);
    assert.equal(results[2], results[0]);
  });
});

test("a bounded map keeps the newest, whatever came first", () => {
  const make = (order) => {
    const map = new Map(order.map((n) => [n, { t: n, id: String(n) }]));
    keepNewest(map, 10, 0);
    return [...map.keys()].sort((a, b) => a - b).join();
  };
  const all = Array.from({ length: 30 }, (_, n) => n);
  assert.equal(make(all), make([...all].reverse()));
});

test("people with the same name can be told apart, and the newest name wins", () => {
  const people = new People("me-1234", "Mia");
  people.saw("eve-9999", "mia", NOW);
  assert.equal(people.name("eve-9999"), "mia ·9999");
  people.saw("eve-9999", "eve", NOW + 1);
  people.saw("eve-9999", "old", NOW - 1);
  assert.equal(people.name("eve-9999"), "eve");
  assert.equal(people.label("me-1234"), "You");
  assert.equal(initials("anna maria"), "AM");
  assert.equal(initials("😀"), "😀");
});

test("short texts have no line breaks and end with an ellipsis when cut", () => {
  assert.equal(brief("a\n b", 20), "a b");
  assert.equal(brief("x".repeat(30), 20), `${"x".repeat(19)}…`);
});

test("calendar: months have whole weeks that begin on the right day", () => {
  for (let month = 0; month < 24; month += 1) {
    for (const first of [1, 6, 7]) {
      const rows = weeks(2026, month, first);
      assert.ok(rows.every((w) => w.length === 7 && w[0].getDay() === first % 7));
      const days = rows.flat().filter((d) => d.getMonth() === month % 12);
      assert.equal(days.length, new Date(2026, month + 1, 0).getDate());
    }
  }
});

test("calendar: repeating events happen when they should, also far from their start", () => {
  const at = (y, m, d, h = 0) => new Date(y, m, d, h).getTime();
  const weekly = { id: "e", title: "x", start: at(2020, 0, 6, 18), end: at(2020, 0, 6, 20), repeat: "weekly" };
  const found = occurrences(weekly, at(2026, 10, 1), at(2026, 11, 1));
  assert.equal(found.length, 5);
  for (const o of found) {
    assert.equal(new Date(o.start).getDay(), 1);
    assert.equal(new Date(o.start).getHours(), 18);
  }
  const last = { id: "m", title: "x", start: at(2026, 0, 31), end: at(2026, 0, 31), repeat: "monthly" };
  assert.deepEqual(occurrences(last, at(2026, 0, 1), at(2026, 5, 1)).map((o) => dayText(new Date(o.start))), ["2026-01-31", "2026-03-31", "2026-05-31"]);
  const leap = { id: "l", title: "x", allDay: true, first: "2024-02-29", last: "2024-02-29", repeat: "yearly" };
  assert.deepEqual(occurrences(leap, at(2024, 0, 1), at(2033, 0, 1)).map((o) => new Date(o.start).getFullYear()), [2024, 2028, 2032]);
  const daily = { id: "d", title: "x", allDay: true, first: "2010-01-01", last: "2010-01-02", repeat: "daily" };
  assert.equal(occurrences(daily, at(2026, 0, 10), at(2026, 0, 11)).length, 2);
  assert.ok(occurrences(daily, 0, at(2100, 0, 1)).length <= 400);
  const birth = { id: "b", title: "x", allDay: true, first: "2001-07-15", last: "2001-07-15", repeat: "yearly" };
  assert.equal(between([birth], at(2190, 6, 15), at(2190, 6, 16)).length, 1);
});

test("calendar: only real days and sensible spans are events", () => {
  assert.equal(day("2026-02-29"), "");
  assert.equal(day("2028-02-29"), "2028-02-29");
  assert.equal(eventValue({ title: "x", start: NOW, end: NOW - 1 }), null);
  assert.equal(eventValue({ title: "x", start: NOW, end: NOW + 1e11 }), null);
  assert.equal(eventValue({ title: "x", allDay: true, first: "2026-01-02", last: "2026-01-01" }), null);
  assert.equal(eventValue({ title: " ", start: NOW, end: NOW }), null);
});

test("calendar: the .ics has folded lines, escaped text and the right end of a whole day", () => {
  const file = ics([
    { id: "a1", title: "Rope, slings; and a very long title that has to be folded because it is long é😀", allDay: true, first: "2026-11-21", last: "2026-11-21", note: "one\ntwo" },
    { id: "b2", title: "x", start: NOW, end: NOW + 3_600_000, repeat: "weekly" },
  ], NOW);
  assert.ok(file.split("\r\n").every((l) => new TextEncoder().encode(l).length <= 75));
  assert.match(file, /DTSTART;VALUE=DATE:20261121\r\nDTEND;VALUE=DATE:20261122/);
  assert.match(file.replace(/\r\n /g, ""), /SUMMARY:Rope\\, slings\\; and/);
  assert.match(file, /DESCRIPTION:one\\ntwo/);
  assert.match(file, /RRULE:FREQ=WEEKLY/);
  assert.ok(file.startsWith("BEGIN:VCALENDAR\r\n") && file.endsWith("END:VCALENDAR\r\n"));
});
