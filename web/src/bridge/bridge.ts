import type { Client } from "../api/client";
import type { Event } from "../api/types";
import { isConnect } from "./protocol";
import { AppSession, type Chrome } from "./session";

/** Messages of one widget to the hub's window in a second. It needs one for each of its windows. */
const FLOOD = 2_000;

/** Finds which instance a window belongs to by its origin, which no other instance has, and gives it a port. */
export class Bridge {
  #client: Client;
  #chrome: Chrome;
  #sessions = new Map<string, AppSession>();
  #byOrigin = new Map<string, string>();
  #told = new Map<string, { since: number; count: number }>();

  constructor(client: Client, chrome: Chrome) {
    this.#client = client;
    this.#chrome = chrome;
  }

  /** The instances that are placed now. The others lose their ports. */
  place(instances: readonly { instance: string; origin: string }[]): void {
    this.#byOrigin = new Map(instances.map((i) => [i.origin, i.instance]));
    const placed = new Set(instances.map((i) => i.instance));
    for (const id of [...this.#sessions.keys()]) if (!placed.has(id)) this.restart(id);
  }

  /** Forgets the windows of an instance, because they are loaded anew or gone. */
  restart(instance: string): void {
    this.#sessions.get(instance)?.stop();
    if (this.#sessions.delete(instance)) this.#chrome.closed(instance);
  }

  /** Those that have windows. */
  get sessions(): ReadonlyMap<string, AppSession> {
    return this.#sessions;
  }

  /** The frame of an instance has a new page. */
  loaded(instance: string): void {
    this.#sessions.get(instance)?.pulse.loaded(performance.now());
  }

  /** For the hub window's `message` event. */
  receive(e: Pick<MessageEvent<unknown>, "data" | "origin" | "source">): void {
    const instance = this.#byOrigin.get(e.origin);
    if (this.#floods(instance ?? instanceAbove(e.source))) return;
    if (instance === undefined || !isConnect(e.data) || e.source === null || !("postMessage" in e.source)) return;
    let session = this.#sessions.get(instance);
    if (!session) this.#sessions.set(instance, (session = new AppSession(instance, this.#client, this.#chrome)));
    const channel = new MessageChannel();
    session.connect(channel.port1);
    (e.source as Window).postMessage({ hedgerow: 1, type: "port" }, e.origin, [channel.port2]);
  }

  /** Counts a message; a widget that sends without an end is stopped, so that the hub stays in hand. */
  #floods(instance: string | undefined): boolean {
    if (instance === undefined) return false;
    const now = performance.now();
    let told = this.#told.get(instance);
    if (!told || now - told.since > 1_000) this.#told.set(instance, (told = { since: now, count: 0 }));
    told.count += 1;
    if (told.count === FLOOD) {
      this.restart(instance);
      this.#chrome.trouble(instance, "It sent far too many messages and was stopped.");
    }
    return told.count >= FLOOD;
  }

  /** For the events of the node. */
  event(event: Event): void {
    if (event.event === "app_update") this.#sessions.get(event.instance)?.update(event.update);
    else if (event.event === "app_realtime") this.#sessions.get(event.instance)?.realtime(event.sender, event.data);
    else if (event.event === "background.message") this.#sessions.get(event.instance)?.background(event.message);
    else if (event.event === "peers.message" || event.event === "peers.presence" || event.event === "streams.incoming") this.#sessions.get(event.listener)?.equals(event);
  }

  reopen(): void {
    for (const session of this.#sessions.values()) void session.reopen();
  }
}

/** The instance in whose frame a window of another origin stands, at any depth. */
function instanceAbove(source: MessageEventSource | null): string | undefined {
  if (typeof window === "undefined" || source === null || !("parent" in source)) return undefined;
  let at: Window = source;
  for (let depth = 0; at.parent !== window; depth++) {
    if (depth > 16 || at.parent === at) return undefined;
    at = at.parent;
  }
  for (const frame of document.querySelectorAll("iframe")) {
    if (frame.contentWindow === at) return frame.closest<HTMLElement>("[data-instance]")?.dataset.instance;
  }
  return undefined;
}
