import type { Client } from "../api/client";
import type { Event } from "../api/types";
import { isConnect } from "./protocol";
import { AppSession, type Chrome } from "./session";

/** Finds which instance a window belongs to by its origin, which no other instance has, and gives it a port. */
export class Bridge {
  #client: Client;
  #chrome: Chrome;
  #sessions = new Map<string, AppSession>();
  #byOrigin = new Map<string, string>();

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
    this.#sessions.delete(instance);
  }

  /** For the hub window's `message` event. */
  receive(e: Pick<MessageEvent<unknown>, "data" | "origin" | "source">): void {
    const instance = this.#byOrigin.get(e.origin);
    if (instance === undefined || !isConnect(e.data) || e.source === null || !("postMessage" in e.source)) return;
    let session = this.#sessions.get(instance);
    if (!session) this.#sessions.set(instance, (session = new AppSession(instance, this.#client, this.#chrome)));
    const channel = new MessageChannel();
    session.connect(channel.port1);
    (e.source as Window).postMessage({ hedgerow: 1, type: "port" }, e.origin, [channel.port2]);
  }

  /** For the events of the node. */
  event(event: Event): void {
    if (event.event === "app_update") this.#sessions.get(event.instance)?.update(event.update);
    else if (event.event === "app_realtime") this.#sessions.get(event.instance)?.realtime(event.sender, event.data);
    else if (event.event === "peers.message" || event.event === "peers.presence" || event.event === "streams.incoming") this.#sessions.get(event.listener)?.equals(event);
  }

  reopen(): void {
    for (const session of this.#sessions.values()) void session.reopen();
  }
}
