// Polls and votes. A poll belongs to who made it; a vote belongs to who cast it. Equal for everybody.
import { addr, compare, id, int, key, line, list, time } from "./shared/check.js";
import { keepNewest, Owned } from "./shared/registers.js";

export const MAX_OPTIONS = 20;
export const MAX_QUESTION = 200;
export const MAX_OPTION = 120;
const MAX_POLLS_EACH = 200;
const MAX_VOTES_EACH = 1000;
const MAX_CHANGES = 50;

const order = (a, b) => b.rev - a.rev || b.t - a.t || compare(b.op, a.op);

export class Polls {
  #makers = new Map();
  #states = new Map();
  #voters = new Map();

  apply(payload, { sender, t }) {
    if (payload.k === "poll") this.#poll(payload, sender, t);
    if (payload.k === "state") this.#state(payload, sender, t);
    if (payload.k === "vote") this.#vote(payload, sender, t);
  }

  #poll(payload, sender, t) {
    const own = id(payload.id);
    const q = line(payload.q, MAX_QUESTION);
    const options = list(payload.options, MAX_OPTIONS, (o) => line(o, MAX_OPTION));
    if (!own || !q || options.length < 2 || options.length !== payload.options.length) return;
    const poll = { key: `${sender}/${own}`, id: own, by: sender, t, q, options, multi: payload.multi === true, closes: time(payload.closes) };
    if (!this.#makers.has(sender)) this.#makers.set(sender, new Map());
    const mine = this.#makers.get(sender);
    const known = mine.get(poll.key);
    // A poll cannot be changed once asked. If its maker sends two with one id, the earlier counts, then the smaller.
    if (known && (known.t < t || (known.t === t && compare(JSON.stringify(known), JSON.stringify(poll)) <= 0))) return;
    mine.set(poll.key, poll);
    keepNewest(mine, MAX_POLLS_EACH);
  }

  #state(payload, sender, t) {
    const own = id(payload.id);
    const rev = int(payload.rev, 0, 1e9);
    if (!own || rev === null) return;
    const at = `${sender}/${own}`;
    if (!this.#states.has(at)) this.#states.set(at, new Owned());
    this.#states.get(at).offer(rev, t, id(payload.u), {
      closed: time(payload.closed),
      reopened: payload.reopened === true,
      deleted: payload.deleted === true,
    });
  }

  #vote(payload, sender, t) {
    const poll = key(payload.poll);
    const rev = int(payload.rev, 0, 1e9);
    if (!poll || rev === null || !Array.isArray(payload.picks) || payload.picks.length > MAX_OPTIONS) return;
    const picks = [...new Set(list(payload.picks, MAX_OPTIONS, (n) => int(n, 0, MAX_OPTIONS - 1)))].sort((a, b) => a - b);
    if (!this.#voters.has(sender)) this.#voters.set(sender, new Map());
    const mine = this.#voters.get(sender);
    if (!mine.has(poll)) mine.set(poll, { t, id: poll, changes: [] });
    const votes = mine.get(poll);
    const op = id(payload.u);
    if (votes.changes.some((c) => c.rev === rev && c.t === t && c.op === op)) return;
    votes.t = Math.max(votes.t, t);
    votes.changes.push({ rev, t, op, picks });
    votes.changes.sort(order).splice(MAX_CHANGES);
    keepNewest(mine, MAX_VOTES_EACH);
  }

  stateOf(poll) {
    const state = this.#states.get(poll.key);
    return { rev: state?.rev ?? -1, closed: null, reopened: false, deleted: false, ...state?.value };
  }

  /** The next revision of a person's vote. */
  nextRev(pollKey, voter) {
    return (this.#voters.get(voter)?.get(pollKey)?.changes[0]?.rev ?? -1) + 1;
  }

  /** Polls that are not deleted, newest first, with votes counted as of `now`. */
  view(now) {
    const polls = [...this.#makers.values()].flatMap((m) => [...m.values()]);
    return polls
      .map((poll) => this.#count(poll, now))
      .filter((poll) => !poll.deleted)
      .sort((a, b) => b.t - a.t || compare(a.key, b.key));
  }

  #count(poll, now) {
    const state = this.stateOf(poll);
    // Re-opening by hand also sets aside the planned end.
    const end = Math.min(state.closed ?? Infinity, state.reopened ? Infinity : (poll.closes ?? Infinity));
    const votes = poll.options.map(() => []);
    const picked = new Map();
    for (const [voter, polls] of this.#voters) {
      const last = polls.get(poll.key)?.changes.find((c) => c.t <= end);
      const valid = (last?.picks ?? []).filter((n) => n < poll.options.length);
      const picks = poll.multi ? valid : valid.slice(0, 1);
      if (picks.length === 0) continue;
      picked.set(addr(voter), picks);
      for (const n of picks) votes[n].push(voter);
    }
    for (const each of votes) each.sort(compare);
    const most = Math.max(0, ...votes.map((v) => v.length));
    return {
      ...poll, ...state, end, open: now < end, votes, picked, people: picked.size,
      best: most > 0 ? votes.flatMap((v, n) => (v.length === most ? [n] : [])) : [],
    };
  }
}
