/** Whether a widget still lives, judged by how it answers pings. Nothing here has a clock: the time is passed in. */

export const WATCH = {
  /** About how often a widget is asked, milliseconds. */
  every: 2_000,
  /**
   * Not quite so often: a widget that works in a beat of its own would else be asked at the same point of each beat, and
   * be found busy always or never.
   */
  unsteady: [-500, 250, 500, -250, -250],
  /** Without an answer for so long it is frozen. */
  frozen: 6_000,
  /** The first answer may take longer: large apps start in one piece. */
  first: 15_000,
  /** An answer after so long is late. */
  late: 100,
  /** More than half of the answers of so long are late: it is hungry. */
  window: 15_000,
  /** So few answers say nothing. */
  few: 4,
  /** Hungry for so long without being used: it is paused. */
  hungry: 60_000,
  /** Its scripts hold more than so many bytes, in so many answers one after the other: it is paused. */
  memory: 2 ** 30,
  fat: 3,
  /** The page is gone, and no other came in its place. */
  lost: 6_000,
  /** The end of a page may be told so long after the next one came. */
  settle: 1_000,
  /** A dialog of the browser may stand for so long; and so many in a row without a breath are a loop. */
  dialog: 60_000,
  dialogs: 10,
  /** The shared timer. When it comes later than this, the dashboard itself was blocked. */
  tick: 250,
  drift: 100,
} as const;

export type Health = "well" | "hungry" | "memory" | "frozen" | "dialogs" | "crashed";

/** One widget. */
export class Pulse {
  #due: number;
  #offset: number;
  #n = 0;
  /** When the oldest ping went out that has no answer. */
  #asked: number | null = null;
  #proven = false;
  #lost: number | null = null;
  /** Somebody is there who could answer. */
  #open = true;
  #loaded = -Infinity;
  #answers: { at: number; late: boolean }[] = [];
  #sent = new Map<number, number>();
  #dialog: number | null = null;
  #dialogs = 0;
  /** Answers in a row that told of too much memory. */
  #fat = 0;
  #hungrySince: number | null = null;

  /** `offset`: so that not all widgets are asked at the same moment. */
  constructor(now: number, offset = 0) {
    this.#offset = offset % WATCH.every;
    this.#due = now + this.#offset;
  }

  /** A window took its port. */
  connected(): void {
    this.#lost = null;
    this.#open = true;
  }

  /**
   * The last port closed: the page went, for another one, perhaps without the script, or for good. `said`: by the page
   * itself, before it went; the browser says it some time after.
   */
  closed(now: number, said: boolean): void {
    if (!said && now - this.#loaded < WATCH.settle) return;
    this.#lost ??= now;
    this.#open = false;
    this.#forget();
    this.#proven = false;
  }

  /** Another page came, whether it speaks with the dashboard or not. */
  loaded(now: number): void {
    this.#lost = null;
    this.#loaded = now;
  }

  /** The number of a ping that is to go out now, or null. */
  ping(now: number): number | null {
    if (now < this.#due || !this.#open) return null;
    this.#n += 1;
    this.#due = Math.max(this.#due + WATCH.every + (WATCH.unsteady[this.#n % WATCH.unsteady.length] ?? 0), now);
    this.#sent.set(this.#n, now);
    if (this.#sent.size > 16) this.#sent.delete(this.#sent.keys().next().value ?? 0);
    this.#asked ??= now;
    return this.#n;
  }

  /** An answer, and how many bytes it says to hold. Numbers that were not asked, or were answered before, are not looked at. */
  pong(n: number, now: number, heap = 0): void {
    const sent = this.#sent.get(n);
    if (sent === undefined) return;
    for (const known of [...this.#sent.keys()]) if (known <= n) this.#sent.delete(known);
    this.#proven = true;
    this.#fat = heap > WATCH.memory ? this.#fat + 1 : 0;
    this.#dialogs = 0;
    this.#dialog = null;
    this.#asked = this.#sent.values().next().value ?? null;
    this.#answers.push({ at: now, late: now - sent > WATCH.late });
    this.#old(now);
  }

  /** A dialog of the browser begins or ends there: it stands still meanwhile, and means to. */
  dialog(open: boolean, now: number): void {
    if (open) this.#dialogs += 1;
    this.#dialog = open ? now : null;
    if (this.#asked !== null) this.#asked = now;
  }

  /** The dashboard itself was blocked for so long: nobody could answer in time. */
  excuse(ms: number): void {
    if (this.#asked !== null) this.#asked += ms;
    if (this.#lost !== null) this.#lost += ms;
    if (this.#dialog !== null) this.#dialog += ms;
    for (const [n, at] of this.#sent) this.#sent.set(n, at + ms);
  }

  /** Nobody looks, and the browser lets widgets sleep: everything is counted anew. */
  rest(now: number): void {
    if (this.#lost !== null) this.#lost = now;
    if (this.#dialog !== null) this.#dialog = now;
    this.#asked = null;
    this.#sent.clear();
    this.#answers = [];
    this.#due = now + this.#offset;
  }

  health(now: number): Health {
    if (this.#lost !== null) return now - this.#lost >= WATCH.lost ? "crashed" : "well";
    if (this.#dialogs >= WATCH.dialogs) return "dialogs";
    if (this.#dialog !== null) return now - this.#dialog >= WATCH.dialog ? "dialogs" : "well";
    const silent = this.#asked === null ? 0 : now - this.#asked;
    if (silent >= (this.#proven ? WATCH.frozen : WATCH.first)) return "frozen";
    if (this.#fat >= WATCH.fat) return "memory";
    this.#old(now);
    const late = this.#answers.filter((a) => a.late).length;
    const hungry = this.#answers.length >= WATCH.few && late * 2 > this.#answers.length;
    this.#hungrySince = hungry ? (this.#hungrySince ?? now) : null;
    return hungry ? "hungry" : "well";
  }

  /** It takes so much that it is to be paused, if nobody uses it. */
  tooHungry(now: number): boolean {
    return this.#hungrySince !== null && now - this.#hungrySince >= WATCH.hungry;
  }

  #forget(): void {
    this.#asked = null;
    this.#sent.clear();
    this.#dialog = null;
    this.#dialogs = 0;
    this.#fat = 0;
  }

  #old(now: number): void {
    while (this.#answers[0] && now - this.#answers[0].at > WATCH.window) this.#answers.shift();
  }
}

/** What `Watch` needs of a running widget. */
export interface Watched {
  readonly pulse: Pulse;
  ping(n: number): void;
}

/** All of them, on one timer. */
export class Watch {
  #last: number | null = null;

  /** Asks those whose turn it is, and tells how each of them is. */
  tick(now: number, hidden: boolean, widgets: ReadonlyMap<string, Watched>, tell: (instance: string, health: Health, tooHungry: boolean) => void): void {
    const late = this.#last === null ? 0 : now - this.#last - WATCH.tick;
    this.#last = now;
    for (const [instance, widget] of widgets) {
      if (hidden) {
        widget.pulse.rest(now);
        continue;
      }
      if (late > WATCH.drift) widget.pulse.excuse(late);
      const n = widget.pulse.ping(now);
      if (n !== null) widget.ping(n);
      const health = widget.pulse.health(now);
      tell(instance, health, widget.pulse.tooHungry(now));
    }
  }
}
