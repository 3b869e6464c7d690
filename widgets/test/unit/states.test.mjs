import assert from "node:assert/strict";
import { test } from "node:test";
import { flat, forSeeds, nextId, NOW, spoiled, USERS } from "../seeds.mjs";
import { grouped, mentions, Talk } from "../../dist/shout/state.js";
import { Polls } from "../../dist/poll/state.js";
import { Sheet, hideParts, pack, simplify, unpack } from "../../dist/whiteboard/state.js";
import { Calendar } from "../../dist/calendar/state.js";

// Each kind: how to make a state, how to look at it, and how to write random changes of three people.
const base = (rng) => ({ sender: rng.pick(USERS), t: NOW - rng.int(1_000_000), u: nextId() });
const wrap = ({ sender, t, u }, payload) => ({ payload: { ...payload, u, t }, meta: { sender, t } });

const KINDS = {
  shout: {
    make: () => new Talk(),
    look: (s) => s.messages(NOW).map(({ serial, ...m }) => m),
    write(rng, known) {
      const b = base(rng);
      const id = rng.int(3) === 0 && known.length > 0 ? rng.pick(known) : nextId();
      known.push(id);
      if (rng.int(4) === 0) return wrap(b, { k: "gone", id, rev: rng.int(4), gone: rng.int(2) === 0 });
      return wrap(b, { k: "msg", id, text: `text ${rng.int(5)}` });
    },
  },
  poll: {
    make: () => new Polls(),
    look: (s) => s.view(NOW),
    write(rng, known) {
      const b = base(rng);
      const kind = known.length === 0 ? 0 : rng.int(6);
      if (kind === 0) {
        const id = rng.int(4) === 0 && known.length > 0 ? rng.pick(known).split("/")[1] : nextId();
        known.push(`${b.sender}/${id}`);
        return wrap(b, { k: "poll", id, q: `q${rng.int(3)}`, options: ["a", "b", "c"].slice(0, 2 + rng.int(2)), multi: rng.int(2) === 0, closes: rng.int(2) ? NOW - rng.int(900_000) : null });
      }
      const poll = rng.pick(known);
      if (kind === 1) return wrap(b, { k: "state", id: poll.split("/")[1], rev: rng.int(5), closed: rng.int(2) ? NOW - rng.int(900_000) : null, reopened: rng.int(3) === 0, deleted: rng.int(8) === 0 });
      return wrap(b, { k: "vote", poll, rev: rng.int(5), picks: [rng.int(4), rng.int(4)].slice(0, rng.int(3)) });
    },
  },
  whiteboard: {
    make: () => new Sheet(),
    look: (s) => s.view(),
    write(rng, known) {
      const b = base(rng);
      const kind = known.length === 0 ? 0 : rng.int(4);
      if (kind <= 1) {
        const i = rng.int(6) === 0 && known.length > 0 ? rng.pick(known).split("/")[1] : nextId();
        known.push(`${b.sender}/${i}`);
        return wrap(b, { k: "ink", s: [{ i, c: rng.int(8), w: 1 + rng.int(20), t: b.t, p: pack([rng.int(100), rng.int(100), 0.5, rng.int(100), rng.int(100), 0.7]) }] });
      }
      const [by, id] = rng.pick(known).split("/");
      if (kind === 2) {
        const hider = nextId();
        known.hiders = [...(known.hiders ?? []), `${b.sender}/${hider}`];
        return wrap(b, { k: "hide", id: hider, of: [[by, [id]]] });
      }
      return wrap(b, { k: "back", keys: known.hiders ? [rng.pick(known.hiders)] : ["x/none"] });
    },
  },
  calendar: {
    make: () => new Calendar(),
    look: (s) => [s.events(), s.meets()],
    write(rng, known) {
      const b = base(rng);
      const kind = rng.int(5);
      if (kind <= 1) {
        known.events ??= [];
        const old = known.events.length > 0 && rng.int(2) === 0 ? rng.pick(known.events) : { id: nextId(), ops: [] };
        known.events.push(old);
        const prev = old.ops.filter(() => rng.int(2) === 0);
        old.ops.push(b.u);
        const v = rng.int(2) ? { title: `e${rng.int(9)}`, start: NOW, end: NOW + rng.int(9) } : { title: "day", allDay: true, first: "2026-11-21", last: "2026-11-22", deleted: rng.int(5) === 0 };
        return wrap(b, { k: "ev", id: old.id, prev, v });
      }
      const slots = [1, 2, 3].map((n) => ({ i: `slot${n}`, s: NOW + n * 1000, e: NOW + n * 1000 + 10 }));
      if (kind === 2 || known.length === 0) {
        const id = nextId();
        known.push(`${b.sender}/${id}`);
        return wrap(b, { k: "meet", id, rev: rng.int(4), title: `m${rng.int(3)}`, slots, made: b.t, closed: rng.int(4) === 0 });
      }
      return wrap(b, { k: "marks", meet: rng.pick(known), rev: rng.int(4), m: slots.map((s) => [s.i, rng.int(3)]) });
    },
  },
};

for (const [name, kind] of Object.entries(KINDS)) {
  test(`${name}: the same updates in any order, some twice, give the same view`, () => {
    forSeeds(150, (rng) => {
      const known = [];
      const updates = Array.from({ length: 40 }, () => kind.write(rng, known));
      const views = Array.from({ length: 4 }, (_, n) => {
        const state = kind.make();
        const order = n === 0 ? updates : rng.shuffle([...updates, ...updates.filter(() => rng.int(3) === 0)]);
        for (const u of order) state.apply(u.payload, u.meta);
        return flat(kind.look(state));
      });
      for (const view of views) assert.equal(view, views[0]);
    });
  });

  test(`${name}: looking at the state between updates does not change where it ends`, () => {
    forSeeds(40, (rng) => {
      const known = [];
      const updates = Array.from({ length: 30 }, () => kind.write(rng, known));
      const [one, two] = [kind.make(), kind.make()];
      for (const u of updates) one.apply(u.payload, u.meta);
      for (const u of rng.shuffle(updates)) {
        two.apply(u.payload, u.meta);
        kind.look(two);
      }
      assert.equal(flat(kind.look(one)), flat(kind.look(two)));
    });
  });

  test(`${name}: nonsense from others neither throws nor breaks convergence`, () => {
    forSeeds(150, (rng) => {
      const known = [];
      const updates = Array.from({ length: 40 }, () => {
        const u = kind.write(rng, known);
        return rng.int(2) === 0 ? { ...u, payload: spoiled(rng, u.payload) } : u;
      });
      const [one, two] = [kind.make(), kind.make()];
      for (const u of updates) one.apply(u.payload, u.meta);
      for (const u of rng.shuffle(updates)) two.apply(u.payload, u.meta);
      assert.equal(flat(kind.look(one)), flat(kind.look(two)));
      assert.equal({}.polluted, undefined);
    });
  });
}

const say = (talk, sender, id, text, t = NOW, serial = 0) => talk.apply({ k: "msg", id, text }, { sender, t, serial });

test("shout: nobody can change or take back the message of another", () => {
  const talk = new Talk();
  say(talk, "mia", "idid1", "mine");
  say(talk, "eve", "idid1", "hers");
  talk.apply({ k: "gone", id: "idid1", rev: 5, gone: true, u: "opop1" }, { sender: "eve", t: NOW });
  const [a] = talk.messages(NOW).filter((m) => m.sender === "mia");
  assert.equal(a.text, "mine");
  assert.equal(a.gone, false);
});

test("shout: a date in the far future does not stay below later messages", () => {
  const talk = new Talk();
  say(talk, "mia", "id01", "first", NOW - 3000, 1);
  say(talk, "eve", "id02", "from 2199", Date.UTC(2199, 0), 2);
  say(talk, "mia", "id03", "last", NOW - 1000, 3);
  assert.deepEqual(talk.messages(NOW).map((m) => m.text), ["first", "from 2199", "last"]);
});

test("shout: one author keeps at most about 2000 messages, and others keep theirs", () => {
  const talk = new Talk();
  say(talk, "mia", "keep1", "kept", NOW - 1e9);
  for (let n = 0; n < 5000; n += 1) say(talk, "eve", `spam${n}`, "spam", NOW + n);
  const all = talk.messages(NOW + 1e6);
  assert.ok(all.length <= 2100, `${all.length}`);
  assert.ok(all.some((m) => m.text === "kept"));
});

test("shout: mentions find the longest name, not addresses in words", () => {
  const people = [{ addr: "1", name: "Tom" }, { addr: "2", name: "Tom B" }, { addr: "3", name: "Ann" }];
  assert.deepEqual(mentions("hi @tom b, see", people), ["2"]);
  assert.deepEqual(mentions("hi @tom", people), ["1"]);
  assert.deepEqual(mentions("mail me at x@ann", people), []);
  assert.deepEqual(mentions("@annabel", people), []);
  assert.deepEqual(mentions("@all look", people), ["*"]);
});

test("shout: messages of one author within five minutes of one day stand together", () => {
  const at = (n, sender) => ({ sender, at: n * 60_000, t: n * 60_000 });
  const rows = grouped([at(0, "a"), at(2, "a"), at(9, "a"), at(10, "b")], () => 0);
  assert.deepEqual(rows.map((r) => r.messages.length), [2, 1, 1]);
});

const ask = (polls, sender, id, more = {}) => polls.apply({ k: "poll", id, q: "Which car?", options: ["Van", "Train"], ...more }, { sender, t: NOW });
const vote = (polls, sender, poll, rev, picks, t = NOW) => polls.apply({ k: "vote", poll, rev, picks, u: nextId() }, { sender, t });

test("poll: one person has one vote, the last one", () => {
  const polls = new Polls();
  ask(polls, "mia", "poll1");
  vote(polls, "tom", "mia/poll1", 1, [1]);
  vote(polls, "tom", "mia/poll1", 0, [0]);
  const [poll] = polls.view(NOW);
  assert.deepEqual(poll.votes, [[], ["tom"]]);
  assert.equal(poll.people, 1);
});

test("poll: a single-choice poll counts one answer of a vote with several", () => {
  const polls = new Polls();
  ask(polls, "mia", "poll1");
  vote(polls, "eve", "mia/poll1", 0, [0, 1, 1, 0]);
  assert.deepEqual(polls.view(NOW)[0].votes, [["eve"], []]);
});

test("poll: only its maker closes, deletes or re-opens it", () => {
  const polls = new Polls();
  ask(polls, "mia", "poll1");
  polls.apply({ k: "state", id: "poll1", rev: 9, closed: NOW - 1, deleted: true, u: nextId() }, { sender: "eve", t: NOW });
  assert.equal(polls.view(NOW)[0].open, true);
  polls.apply({ k: "state", id: "poll1", rev: 0, closed: NOW - 1, u: nextId() }, { sender: "mia", t: NOW });
  assert.equal(polls.view(NOW)[0].open, false);
});

test("poll: a vote after the end does not count, and the one before it stands", () => {
  const polls = new Polls();
  ask(polls, "mia", "poll1", { closes: NOW + 1000 });
  vote(polls, "tom", "mia/poll1", 0, [0], NOW);
  vote(polls, "tom", "mia/poll1", 1, [1], NOW + 5000);
  assert.deepEqual(polls.view(NOW + 9000)[0].votes, [["tom"], []]);
  polls.apply({ k: "state", id: "poll1", rev: 0, reopened: true, u: nextId() }, { sender: "mia", t: NOW + 9000 });
  assert.deepEqual(polls.view(NOW + 9000)[0].votes, [[], ["tom"]]);
});

test("whiteboard: points survive packing to a quarter of a unit", () => {
  forSeeds(50, (rng) => {
    const points = Array.from({ length: 3 * (1 + rng.int(200)) }, (_, i) => (i % 3 === 2 ? rng.int(16) / 15 : (rng.int(80_000) - 40_000) / 4));
    const back = unpack(pack(points));
    assert.equal(back.length, points.length);
    points.forEach((v, i) => assert.ok(Math.abs(v - back[i]) < 0.13));
  });
});

test("whiteboard: broken points are refused", () => {
  for (const bad of ["", "A", "AAA", "AAAAA===", "/////////////w==", "\u0000", "A".repeat(1e6), null, 5]) assert.equal(unpack(bad)?.length ?? null, bad === "AAAA" ? 3 : null, String(bad).slice(0, 20));
});

test("whiteboard: simplifying keeps the ends and stays near the line", () => {
  const points = [];
  for (let x = 0; x < 200; x += 1) points.push(x, Math.sin(x / 20) * 50, 0.5);
  const less = simplify(points, 0.5);
  assert.ok(less.length < points.length / 3);
  assert.deepEqual(less.slice(0, 3), points.slice(0, 3));
  assert.deepEqual(less.slice(-3), points.slice(-3));
});

test("whiteboard: clearing thousands of strokes fits into updates, and can be taken back", () => {
  const sheet = new Sheet();
  const p = pack([0, 0, 0.5]);
  for (let n = 0; n < 5000; n += 1) sheet.apply({ k: "ink", s: [{ i: `s${String(n).padStart(7, "0")}`, c: 0, w: 2, t: NOW + n, p }] }, { sender: USERS[n % 3] });
  const parts = hideParts(sheet.view());
  for (const of of parts) assert.ok(JSON.stringify(of).length < 100_000);
  parts.forEach((of, n) => sheet.apply({ k: "hide", id: `hide${n}`, of }, { sender: "mia" }));
  assert.equal(sheet.view().length, 0);
  sheet.apply({ k: "back", keys: parts.map((_, n) => `mia/hide${n}`) }, { sender: "tom" });
  assert.equal(sheet.view().length, 5000);
});

test("calendar: a date in the far future cannot lock an event", () => {
  const calendar = new Calendar();
  const change = (u, prev, title, t, sender) => calendar.apply({ k: "ev", id: "event1", u, prev, v: { title, start: NOW, end: NOW } }, { sender, t });
  change("op001", [], "mine", NOW, "mia");
  change("op002", ["op001"], "hers", Date.UTC(2199, 0), "eve");
  change("op003", calendar.seen("event1"), "mine again", NOW + 1, "mia");
  assert.equal(calendar.event("event1").title, "mine again");
});

test("calendar: the best time has most yes, and ties go to the earlier", () => {
  const calendar = new Calendar();
  const slots = [1, 2, 3].map((n) => ({ i: `slot${n}`, s: NOW + n, e: NOW + n }));
  calendar.apply({ k: "meet", id: "meet1", rev: 0, title: "When", slots, u: "opop" }, { sender: "mia", t: NOW });
  const mark = (who, ...m) => calendar.apply({ k: "marks", meet: "mia/meet1", rev: 0, m: m.map((v, n) => [`slot${n + 1}`, v]), u: nextId() }, { sender: who, t: NOW });
  mark("mia", 1, 2, 2);
  mark("tom", 2, 2, 2);
  mark("eve", 1, 0, 0);
  // 4 points each for the second and third, and for the first 1 + 2 + 1; most yes wins, then the earlier.
  assert.equal(calendar.meets()[0].best, "slot2");
  calendar.apply({ k: "meet", id: "meet1", rev: 9, title: "taken over", slots, u: "opop2" }, { sender: "eve", t: NOW });
  assert.equal(calendar.meet("mia/meet1").title, "When");
});
