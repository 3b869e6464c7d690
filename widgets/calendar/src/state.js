// Events, which everybody may change, and proposals of times, which belong to who made them. Equal for everybody.
import { block, compare, id, int, isObject, key, line, list, time } from "./shared/check.js";
import { keepNewest, Owned, Shared } from "./shared/registers.js";

export const MAX_SLOTS = 40;
const MAX_EVENTS = 5000;
const MAX_MEETS_EACH = 100;
const MAX_MARKS_EACH = 500;
const LONGEST = 60 * 86_400_000;
const REPEATS = ["daily", "weekly", "monthly", "yearly"];

/** A day as text, "2026-11-21", if it exists. */
export function day(v) {
  if (typeof v !== "string" || !/^2[01]\d\d-\d\d-\d\d$/.test(v)) return "";
  const made = new Date(`${v}T00:00:00Z`);
  return Number.isNaN(made.getTime()) || made.toISOString().slice(0, 10) !== v ? "" : v;
}

/** A clean event, or null. */
export function eventValue(v) {
  if (!isObject(v)) return null;
  const base = {
    title: line(v.title, 120), place: line(v.place, 120), note: block(v.note, 1000),
    repeat: REPEATS.includes(v.repeat) ? v.repeat : "", deleted: v.deleted === true, allDay: v.allDay === true,
  };
  if (!base.title) return null;
  if (base.allDay) {
    const first = day(v.first);
    const last = day(v.last);
    if (!first || !last || last < first || Date.parse(last) - Date.parse(first) > LONGEST) return null;
    return { ...base, first, last };
  }
  const start = time(v.start);
  const end = time(v.end);
  if (start === null || end === null || end < start || end - start > LONGEST) return null;
  return { ...base, start, end };
}

export class Calendar {
  #events = new Map();
  #meets = new Map();
  #marks = new Map();

  apply(payload, { sender, t }) {
    if (payload.k === "ev") this.#event(payload, sender, t);
    if (payload.k === "meet") this.#meet(payload, sender, t);
    if (payload.k === "marks") this.#mark(payload, sender, t);
  }

  #event(payload, sender, t) {
    const own = id(payload.id);
    const op = id(payload.u);
    const value = eventValue(payload.v);
    if (!own || !op || !value) return;
    if (!this.#events.has(own)) {
      if (this.#events.size >= MAX_EVENTS * 4) return;
      this.#events.set(own, new Shared());
    }
    this.#events.get(own).offer(op, list(payload.prev, 32, id), t, sender, value);
  }

  /** What a change of this event has to name as replaced. */
  seen(eventId) {
    return this.#events.get(eventId)?.seen() ?? [];
  }

  event(eventId) {
    const head = this.#events.get(eventId)?.get();
    return head ? { id: eventId, by: head.sender, changed: head.t, ...head.value } : null;
  }

  events() {
    return [...this.#events.keys()].map((e) => this.event(e)).filter((e) => e && !e.deleted)
      .sort((a, b) => compare(a.id, b.id)).slice(0, MAX_EVENTS);
  }

  #meet(payload, sender, t) {
    const own = id(payload.id);
    const rev = int(payload.rev, 0, 1e9);
    const title = line(payload.title, 120);
    const slots = list(payload.slots, MAX_SLOTS, (s) => {
      if (!isObject(s)) return null;
      const [i, start, end] = [id(s.i), time(s.s), time(s.e)];
      return i && start !== null && end !== null && end >= start && end - start <= LONGEST ? { id: i, start, end } : null;
    });
    const once = [...new Map(slots.map((s) => [s.id, s])).values()].sort((a, b) => a.start - b.start || compare(a.id, b.id));
    if (!own || rev === null || !title || once.length === 0) return;
    const at = `${sender}/${own}`;
    if (!this.#meets.has(sender)) this.#meets.set(sender, new Map());
    const mine = this.#meets.get(sender);
    if (!mine.has(at)) mine.set(at, Object.assign(new Owned(), { id: at }));
    mine.get(at).offer(rev, t, id(payload.u), {
      key: at, id: own, by: sender, title, slots: once, chosen: id(payload.chosen), closed: payload.closed === true, deleted: payload.deleted === true, made: time(payload.made) ?? t,
    });
    keepNewest(mine, MAX_MEETS_EACH);
  }

  #mark(payload, sender, t) {
    const meet = key(payload.meet);
    const rev = int(payload.rev, 0, 1e9);
    if (!meet || rev === null) return;
    const marks = list(payload.m, MAX_SLOTS, (pair) => {
      const slot = Array.isArray(pair) ? id(pair[0]) : "";
      const mark = Array.isArray(pair) ? int(pair[1], 0, 2) : null;
      return slot && mark !== null ? [slot, mark] : null;
    });
    if (!this.#marks.has(sender)) this.#marks.set(sender, new Map());
    const mine = this.#marks.get(sender);
    if (!mine.has(meet)) mine.set(meet, Object.assign(new Owned(), { id: meet }));
    mine.get(meet).offer(rev, t, id(payload.u), new Map(marks));
    keepNewest(mine, MAX_MARKS_EACH);
  }

  marksOf(meetKey, who) {
    const owned = this.#marks.get(who)?.get(meetKey);
    return { rev: owned?.rev ?? -1, marks: owned?.value ?? new Map() };
  }

  meet(meetKey) {
    return this.meets().find((m) => m.key === meetKey) ?? null;
  }

  /** Proposals, newest first, each slot with who said what (2 yes, 1 maybe, 0 no) and the best one marked. */
  meets() {
    const all = [...this.#meets.values()].flatMap((m) => [...m.values()]).filter((o) => o.value && !o.value.deleted);
    return all.map((o) => this.#count({ rev: o.rev, ...o.value })).sort((a, b) => b.made - a.made || compare(a.key, b.key));
  }

  #count(meet) {
    const answers = new Map();
    for (const [who, mine] of this.#marks) {
      const marks = mine.get(meet.key)?.value;
      if (marks && meet.slots.some((s) => marks.has(s.id))) answers.set(who, marks);
    }
    const people = [...answers.keys()].sort(compare);
    const slots = meet.slots.map((s) => {
      const by = [[], [], []];
      for (const who of people) if (answers.get(who).has(s.id)) by[answers.get(who).get(s.id)].push(who);
      return { ...s, no: by[0], maybe: by[1], yes: by[2], score: by[2].length * 2 + by[1].length };
    });
    const best = slots.filter((s) => s.score > 0)
      .sort((a, b) => b.score - a.score || b.yes.length - a.yes.length || a.no.length - b.no.length || a.start - b.start || compare(a.id, b.id))[0];
    return { ...meet, slots, people, answers, best: best?.id ?? "" };
  }
}
