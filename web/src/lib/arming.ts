/**
 * When the buttons of a question take a press. A press that was meant for something else (the second of a double-click,
 * a key that is held, a click into a game) must not answer it. Nothing here has a clock: the time is passed in.
 */
export const ARMING = {
  /** Seen by a focused window for so long, milliseconds. */
  seen: 600,
  /** Without a press or a key for so long. */
  quiet: 300,
} as const;

export class Arming {
  /** Since when it is seen by a focused window; null while it is not. */
  #since: number | null = null;
  #active = -Infinity;
  #armed = false;
  #held = new Set<string>();
  /** The button that was pressed after the arming. */
  #pressed: string | null = null;

  /** Whether the window has the focus and shows the question. */
  seen(on: boolean, now: number): void {
    if (on) this.#since ??= now;
    else this.disarm();
  }

  /** Out of sight or moved: everything begins anew. */
  disarm(): void {
    this.#since = null;
    this.#armed = false;
    this.#pressed = null;
    this.#held.clear();
  }

  /** Another size: what is under the pointer may be another button now. */
  moved(now: number): void {
    this.disarm();
    this.#since = now;
  }

  /** A press or a key anywhere in the window. */
  activity(now: number): void {
    this.#active = now;
  }

  armed(now: number): boolean {
    if (this.#since === null) return false;
    this.#armed ||= now - this.#since >= ARMING.seen && now - this.#active >= ARMING.quiet;
    return this.#armed;
  }

  /** A pointer goes down on a button. */
  down(button: string, trusted: boolean, now: number): void {
    this.#pressed = trusted && this.armed(now) ? button : null;
  }

  /** A key goes down on a button. False: it must do nothing. */
  key(button: string, key: string, repeat: boolean, trusted: boolean, now: number): boolean {
    if (repeat || !trusted || this.#held.has(key) || !this.armed(now)) return false;
    this.#held.add(key);
    this.#pressed = button;
    return true;
  }

  keyUp(key: string): void {
    this.#held.delete(key);
  }

  /** Whether a click answers the question. `pointer`: a mouse or a finger made it; else a key, or a screen reader. */
  click(button: string, pointer: boolean, trusted: boolean, now: number): boolean {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (!trusted || !this.armed(now)) return false;
    return pressed === button || (!pointer && pressed === null && this.#held.size === 0);
  }
}
