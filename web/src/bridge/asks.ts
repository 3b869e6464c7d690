/**
 * Which permission the person is asked about, and when: one question at a time, one for all calls that wait for the
 * same, none that a widget could use to wear somebody down. Nothing here has a clock: the time is passed in.
 */
import type { Permission } from "../api/types";
import { Refusal } from "./read";

export const ASKS = {
  /** From one question of an instance to its next, milliseconds. */
  pause: 2_000,
  /** Calls that wait for one answer. */
  waiting: 64,
} as const;

/** What a no means to the widget. */
export const denied = (why = "the person did not allow it"): Refusal => new Refusal(why, "denied");

interface Waiter { resolve(): void; reject(error: Refusal): void }

export interface Ask {
  readonly instance: string;
  readonly permission: Permission;
  /** Asked where the person did not look: it waits until they open it. */
  quiet: boolean;
}

interface Waiting extends Ask {
  waiters: Waiter[];
  /** Its background part needs it, whatever becomes of its windows. */
  offered: boolean;
}

export class Asks {
  #asks: Waiting[] = [];
  #shown: Waiting | null = null;
  /** What was refused for as long as the widget is open. */
  #refused = new Set<string>();
  #last = new Map<string, number>();

  /** A call waits for it. @throws Refusal `denied` when it was refused already */
  want(instance: string, permission: Permission, quiet: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#refused.has(key(instance, permission))) return reject(denied());
      const ask = this.#ask(instance, permission, quiet);
      if (ask.waiters.length >= ASKS.waiting) return reject(denied("too many calls wait for the person"));
      ask.waiters.push({ resolve, reject });
    });
  }

  /** Its background part needs it; nothing waits here. */
  offer(instance: string, permission: Permission, quiet: boolean): void {
    if (!this.#refused.has(key(instance, permission))) this.#ask(instance, permission, quiet).offered = true;
  }

  /** The person wants to see a question that waits. False when there is none. */
  open(instance: string, permission: Permission): boolean {
    const at = this.#asks.findIndex((a) => a.instance === instance && a.permission === permission);
    const ask = this.#asks[at];
    if (!ask) return false;
    ask.quiet = false;
    this.#last.delete(instance);
    this.#asks.splice(at, 1);
    this.#asks.unshift(ask);
    return true;
  }

  get shown(): Ask | null {
    return this.#shown;
  }

  /** Those that wait for the person to open them. */
  get quiet(): readonly Ask[] {
    return this.#asks.filter((a) => a.quiet);
  }

  /** Takes the next question, if one may be shown now. */
  next(now: number): Ask | null {
    if (this.#shown) return null;
    const ask = this.#asks.find((a) => !a.quiet && this.#from(a) <= now);
    if (!ask) return null;
    this.#asks.splice(this.#asks.indexOf(ask), 1);
    this.#shown = ask;
    return ask;
  }

  /** When there may be a next one; null when none waits. */
  due(): number | null {
    const times = this.#shown ? [] : this.#asks.filter((a) => !a.quiet).map((a) => this.#from(a));
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** Something else came in the way: it is shown later. */
  postpone(): void {
    if (this.#shown) this.#asks.unshift(this.#shown);
    this.#shown = null;
  }

  /** The answer to the question that is shown. `once` is for the call that waited first. */
  answer(how: "yes" | "once" | "no", now: number): void {
    const ask = this.#shown;
    if (!ask) return;
    this.#shown = null;
    this.#last.set(ask.instance, now);
    if (how === "no") this.#refused.add(key(ask.instance, ask.permission));
    for (const [n, waiter] of ask.waiters.entries()) {
      if (how === "yes" || (how === "once" && n === 0)) waiter.resolve();
      else waiter.reject(denied(how === "once" ? "the person allowed it for one call, which was another one" : undefined));
    }
  }

  /** It was granted or refused elsewhere: nothing needs to be asked any more. */
  settle(instance: string, permission: Permission, allowed: boolean): void {
    const mine = (a: Ask) => a.instance === instance && a.permission === permission;
    const all = [...this.#asks, ...(this.#shown ? [this.#shown] : [])].filter(mine);
    this.#asks = this.#asks.filter((a) => !mine(a));
    if (this.#shown && mine(this.#shown)) this.#shown = null;
    if (allowed) this.#refused.delete(key(instance, permission));
    else this.#refused.add(key(instance, permission));
    for (const waiter of all.flatMap((a) => a.waiters)) allowed ? waiter.resolve() : waiter.reject(denied());
  }

  /** The person changed their mind: it may ask again. */
  forget(instance: string, permission: Permission): void {
    this.#refused.delete(key(instance, permission));
  }

  /** Its windows are gone, or loaded anew. */
  drop(instance: string): void {
    const mine = [...this.#asks, ...(this.#shown ? [this.#shown] : [])].filter((a) => a.instance === instance);
    this.#asks = this.#asks.filter((a) => a.instance !== instance || a.offered);
    if (this.#shown?.instance === instance && !this.#shown.offered) this.#shown = null;
    for (const refused of [...this.#refused]) if (refused.startsWith(`${instance} `)) this.#refused.delete(refused);
    for (const waiter of mine.flatMap((a) => a.waiters.splice(0))) waiter.reject(denied("the widget was closed"));
  }

  #from(ask: Ask): number {
    return (this.#last.get(ask.instance) ?? -Infinity) + ASKS.pause;
  }

  #ask(instance: string, permission: Permission, quiet: boolean): Waiting {
    const same = (a: Ask) => a.instance === instance && a.permission === permission;
    const known = this.#shown && same(this.#shown) ? this.#shown : this.#asks.find(same);
    if (known) {
      known.quiet &&= quiet; // Asked again where the person looks.
      return known;
    }
    const ask: Waiting = { instance, permission, quiet, waiters: [], offered: false };
    this.#asks.push(ask);
    return ask;
  }
}

const key = (instance: string, permission: Permission): string => `${instance} ${permission}`;
