import { Bridge } from "../bridge/bridge";
import { externalUrl, insideUrl, Refusal } from "../bridge/protocol";
import type { Chrome } from "../bridge/session";
import { WATCH, Watch, type Health } from "../bridge/watch";
import { data } from "./data.svelte";
import { grants } from "./grants.svelte";
import { session } from "./session.svelte";
import { copy, ui } from "./ui.svelte";

let lastLink = Number.NEGATIVE_INFINITY;
let lastPage = -Infinity;

const nameOf = (instance: string): string => data.byId.get(instance)?.name ?? "A widget";

/** Why a widget was taken out. */
export interface Paused {
  why: "frozen" | "dialogs" | "crashed" | "hungry" | "memory" | "person";
}

/** Frames of running widgets, and the hub's side of what they ask. */
class Apps {
  /** Why an instance does not run. */
  trouble = $state.raw<Record<string, string>>({});
  /** Grows when a frame shall be loaded anew. */
  loads = $state.raw<Record<string, { count: number; src: string }>>({});

  /** Frames that were taken out, so that their processes end. */
  paused = $state.raw<Record<string, Paused>>({});
  /** Those that answer late most of the time. */
  hungry = $state.raw<ReadonlySet<string>>(new Set());
  /** How often a widget stood still. One that did it twice may open no dialogs any more: a loop of them stops the dashboard. */
  #stops = new Map<string, number>();
  #watch = new Watch();

  readonly chrome: Chrome = {
    openLink: (instance, text) => this.#openLink(instance, text),
    share: (instance, text, file) => this.#share(instance, text, file),
    openWidget: (instance, uuid) => this.#openWidget(instance, uuid),
    permissions: (instance) => grants.mine(instance),
    closed: (instance) => grants.closed(instance),
    permit: (instance, permission) => grants.want(instance, permission),
    trouble: (instance, reason) => {
      const rest = { ...this.trouble };
      delete rest[instance];
      if (reason !== null) rest[instance] = reason;
      this.trouble = rest;
    },
  };
  readonly bridge = new Bridge(session.client, this.chrome);

  /** Loads a widget anew, at a place inside it if a notification leads there. */
  reload(instance: string, href: string | null = null): void {
    const origin = data.byId.get(instance)?.origin;
    if (!origin) return;
    this.bridge.restart(instance);
    this.chrome.trouble(instance, null);
    this.#unpause(instance);
    this.loads = { ...this.loads, [instance]: { count: (this.loads[instance]?.count ?? 0) + 1, src: insideUrl(origin, href) } };
  }

  /** Takes the frame out. What the widget sent is kept; what it only held in its page is lost. */
  pause(instance: string, why: Paused["why"]): void {
    if (this.paused[instance]) return;
    if (why === "frozen" || why === "dialogs") this.#stops.set(instance, (this.#stops.get(instance) ?? 0) + 1);
    this.bridge.restart(instance);
    this.paused = { ...this.paused, [instance]: { why } };
    this.#busy(instance, false);
    ui.say(`${nameOf(instance)} was paused`);
  }

  /** A dialog of a page holds the whole window up, and one after the other would hold it for ever: not for strangers. */
  mayOpenDialogs(instance: string): boolean {
    const level = grants.all.get(instance)?.level ?? "stranger";
    return level !== "stranger" && (this.#stops.get(instance) ?? 0) < 2;
  }

  #unpause(instance: string): void {
    if (!this.paused[instance]) return;
    const rest = { ...this.paused };
    delete rest[instance];
    this.paused = rest;
  }

  #busy(instance: string, is: boolean): void {
    if (this.hungry.has(instance) === is) return;
    const next = new Set(this.hungry);
    is ? next.add(instance) : next.delete(instance);
    this.hungry = next;
  }

  /** Asks all that run whether they live; called by one timer. */
  beat = (): void => {
    this.#watch.tick(performance.now(), document.hidden, this.bridge.sessions, (instance, health, tooHungry) => this.#found(instance, health, tooHungry));
  };

  #found(instance: string, health: Health, tooHungry: boolean): void {
    if (health === "frozen" || health === "dialogs" || health === "crashed" || health === "memory") return this.pause(instance, health);
    this.#busy(instance, health === "hungry");
    if (tooHungry && !document.activeElement?.closest(`[data-instance="${CSS.escape(instance)}"]`)) this.pause(instance, "hungry");
  }

  #openLink(instance: string, text: string): Promise<void> {
    const url = externalUrl(text);
    if (!url) {
      ui.toast(`${nameOf(instance)} wanted to open an address of a kind that is not allowed. It was not opened.`, null, true);
      return Promise.reject(new Refusal("only http, https and mailto addresses can be opened"));
    }
    if (ui.prompt || performance.now() - lastLink < 1_000) return Promise.reject(new Refusal("another question is open"));
    return new Promise((resolve, reject) => {
      const answer = (yes: boolean) => {
        ui.prompt = null;
        lastLink = performance.now();
        if (yes) {
          // A browser that is kept from the network opens nothing outside.
          if (session.tier === "strict") void copy(url.href, "Address");
          else window.open(url.href, "_blank", "noopener,noreferrer");
          resolve();
        } else reject(new Refusal("the person did not open it"));
      };
      ui.prompt = { kind: "link", from: nameOf(instance), url, answer };
    });
  }

  /** A click in a frame counts for the pages around it, and moves the focus into that frame: so it was this widget. */
  async #openWidget(instance: string, uuid: string): Promise<void> {
    const frame = document.activeElement;
    const clicked = navigator.userActivation?.isActive !== false && frame instanceof HTMLIFrameElement && frame.closest(`[data-instance="${CSS.escape(instance)}"]`) !== null;
    if (!clicked) throw new Refusal("a widget can be opened only after a click");
    if (ui.prompt || performance.now() - lastPage < 1_000) throw new Refusal("at most one a second");
    lastPage = performance.now();
    ui.open({ kind: "directory", uuid });
  }

  #share(instance: string, text: string | null, file: { name: string; blob: Blob } | null): Promise<void> {
    if (ui.prompt) return Promise.reject(new Refusal("another question is open"));
    return new Promise((resolve, reject) => {
      const answer = (yes: boolean) => {
        ui.prompt = null;
        if (yes) resolve();
        else reject(new Refusal("the person did not share it"));
      };
      ui.prompt = { kind: "share", from: nameOf(instance), text, file, answer };
    });
  }
}

export const apps = new Apps();
session.onEvent((event) => apps.bridge.event(event));
setInterval(apps.beat, WATCH.tick);
