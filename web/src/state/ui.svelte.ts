import { words } from "../api/client";
import type { GrantInfo, Instance, Level } from "../api/types";

/** What lies over the board. One at a time. */
export type Sheet =
  | { kind: "directory"; uuid?: string; query?: string; part?: "mine" | "settings" }
  | { kind: "invite"; instance: string }
  | { kind: "join"; invite?: string }
  | { kind: "leave"; instance: string }
  | { kind: "permissions"; instance: string; part?: "activity" }
  | { kind: "people"; connect?: boolean }
  | { kind: "connection" }
  | { kind: "files" }
  | { kind: "plugins" }
  | { kind: "settings" }
  | { kind: "notices" }
  | { kind: "publish"; file?: File }
  | { kind: "welcome"; step?: "name" | "words" }
  | { kind: "name"; title: string; label: string; value: string; action: string; save: (name: string) => Promise<void> }
  | { kind: "palette" };

/** A question of a widget; it goes over everything. */
export type Prompt =
  | { kind: "link"; from: string; url: URL; answer: (yes: boolean) => void }
  | { kind: "grant"; question: Question }
  | { kind: "share"; from: string; text: string | null; file: { name: string; blob: Blob } | null; answer: (yes: boolean) => void };

/** What the person is asked to allow a widget. */
export interface Question {
  instance: Instance;
  grant: GrantInfo;
  level: Level;
  /** As the directory names them; empty when it is not known. */
  author: string;
}

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action: { name: string; run: () => void } | null;
}

const DESKTOP = "hedgerow.desktop";

export type Theme = "system" | "light" | "dark";
const THEME = "hedgerow.theme";

class Ui {
  sheet = $state.raw<Sheet | null>(null);
  prompt = $state.raw<Prompt | null>(null);
  toasts = $state.raw<Toast[]>([]);
  arranging = $state(false);
  maximised = $state<string | null>(null);
  /** Read out by screen readers. */
  said = $state("");
  theme = $state<Theme>("system");
  /** One or two columns: widgets are moved up and down by their menu instead of arranged. */
  narrow = $state(false);
  /** News also as notifications of the system, while this page is not looked at. */
  desktop = $state(localStorage.getItem(DESKTOP) === "1" && "Notification" in window && Notification.permission === "granted");
  #next = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  constructor() {
    const kept = localStorage.getItem(THEME);
    if (kept === "light" || kept === "dark") this.theme = kept;
    const dark = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 1099px)");
    this.narrow = narrow.matches;
    dark.addEventListener("change", () => this.#paint());
    narrow.addEventListener("change", () => {
      this.narrow = narrow.matches;
      if (this.narrow) this.arranging = false;
    });
    this.#paint();
  }

  open(sheet: Sheet): void {
    this.sheet = sheet;
  }
  close(): void {
    this.sheet = null;
  }
  say(text: string): void {
    this.said = this.said === text ? `${text}\u00a0` : text;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(THEME, theme);
    this.#paint();
  }

  async setDesktop(on: boolean): Promise<void> {
    const allowed = on && "Notification" in window && (await Notification.requestPermission()) === "granted";
    this.desktop = allowed;
    localStorage.setItem(DESKTOP, allowed ? "1" : "0");
    if (on && !allowed) this.toast("The browser does not allow it. Allow notifications for this page in the browser's settings, then try again.", null, true);
  }
  /** Text only; whoever clicks it comes back to this page. */
  outside(title: string, text: string, then: () => void): void {
    if (!this.desktop || document.visibilityState === "visible") return;
    let note: Notification;
    try {
      note = new Notification(title, { body: text, icon: "/icon.svg", tag: title });
    } catch {
      return; // Browsers of phones let only background services do this.
    }
    note.onclick = () => {
      window.focus();
      note.close();
      then();
    };
  }

  #paint(): void {
    const dark = this.theme === "dark" || (this.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }

  /** Says what was done, with a way back if there is one. */
  toast(text: string, action: Toast["action"] = null, bad = false): number {
    const id = this.#next++;
    this.toasts = [...this.toasts.slice(-2), { id, text, bad, action }];
    this.#timers.set(id, setTimeout(() => this.dismiss(id), action || bad ? 12_000 : 5_000));
    return id;
  }
  /** It stays as long as somebody points at it or has the focus in it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
  }
  release(id: number): void {
    this.hold(id);
    this.#timers.set(id, setTimeout(() => this.dismiss(id), 5_000));
  }
  /** Runs the newest way back that is still shown. */
  undo(): boolean {
    const toast = this.toasts.findLast((t) => t.action?.name === "Undo");
    if (!toast?.action) return false;
    this.dismiss(toast.id);
    toast.action.run();
    return true;
  }
  dismiss(id: number): void {
    this.hold(id);
    this.#timers.delete(id);
    this.toasts = this.toasts.filter((t) => t.id !== id);
  }
  fail(error: unknown): void {
    this.toast(words(error), null, true);
  }
}

export const ui = new Ui();

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    ui.toast(`${what} copied.`);
  } catch {
    ui.toast(`The browser did not allow copying. Select the text and copy it by hand.`, null, true);
  }
}
