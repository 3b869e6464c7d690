/** Bounds on how much a widget may ask, so that one in a loop cannot occupy the node or the hub. */
export class Flow {
  #tokens: number;
  #last: number;
  #inFlight = 0;
  #refused = 0;
  #now: () => number;
  readonly perSecond: number;
  readonly maxInFlight: number;

  constructor(now: () => number = () => performance.now(), perSecond = 200, maxInFlight = 64) {
    this.#now = now;
    this.perSecond = perSecond;
    this.maxInFlight = maxInFlight;
    this.#tokens = perSecond;
    this.#last = now();
  }

  /** Takes one call; the sentence says why not. Every call that was taken ends with `done`. */
  take(): string | null {
    const now = this.#now();
    this.#tokens = Math.min(this.perSecond, this.#tokens + ((now - this.#last) / 1000) * this.perSecond);
    this.#last = now;
    if (this.#tokens < 1) {
      this.#refused += 1;
      return `more than ${this.perSecond} calls in a second; wait a little`;
    }
    if (this.#inFlight >= this.maxInFlight) return `more than ${this.maxInFlight} calls without an answer; wait for one`;
    this.#tokens -= 1;
    this.#refused = 0;
    this.#inFlight += 1;
    return null;
  }

  done(): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
  }

  /** Refused this often without a pause: nobody there reads the answers, stop listening. */
  get hopeless(): boolean {
    return this.#refused > 20_000;
  }
}
