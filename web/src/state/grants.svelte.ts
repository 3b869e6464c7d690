import type { GrantInfo, How, InstanceGrants, Permission } from "../api/types";
import { Asks, denied } from "../bridge/asks";
import type { OwnPermission } from "../bridge/doors";
import { data } from "./data.svelte";
import { call, session } from "./session.svelte";
import { ui } from "./ui.svelte";

/** Whether the person sees the widget now: on the board that is shown, within the window, not behind something. */
function seen(instance: string): boolean {
  if (document.hidden) return false;
  const tile = document.querySelector<HTMLElement>(`[data-instance="${CSS.escape(instance)}"]`);
  if (!tile || (ui.maximised !== null && ui.maximised !== instance)) return false;
  const box = tile.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
}

/** What widgets may do, and the one question that is asked about it at a time. */
class Grants {
  all = $state.raw<ReadonlyMap<string, InstanceGrants>>(new Map());
  /** Questions that wait until the person opens them. */
  quiet = $state.raw<readonly { instance: string; permission: Permission }[]>([]);
  #asks = new Asks();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading = new Map<string, Promise<InstanceGrants | null>>();

  /** Frames wait for this: what the browser gives them is fixed when they load. */
  known = $state(false);

  readAll = async (): Promise<void> => {
    try {
      const list = await call("grant.list", {});
      this.all = new Map(list.map((g) => [g.instance, g]));
    } finally {
      this.known = true;
    }
  };

  /** Reads anew how one instance stands. */
  read(instance: string): Promise<InstanceGrants | null> {
    const running = this.#reading.get(instance);
    if (running) return running;
    const reading = call("grant.list", { instance }).then((list) => {
      const found = list.find((g) => g.instance === instance);
      if (found) this.take(found);
      return found ?? null;
    }).finally(() => this.#reading.delete(instance));
    this.#reading.set(instance, reading);
    return reading;
  }

  take(grants: InstanceGrants): void {
    this.all = new Map(this.all).set(grants.instance, grants);
  }

  /** For the attribute `allow` of a frame: only what was granted. */
  allow(instance: string): string {
    const allowed = this.all.get(instance)?.grants.filter((g) => g.state === "allowed") ?? [];
    return allowed.flatMap((g) => g.features).join("; ");
  }

  /** What a widget may know of its own permissions. */
  async mine(instance: string): Promise<OwnPermission[]> {
    const grants = this.all.get(instance) ?? (await this.read(instance));
    return (grants?.grants ?? []).map((g) => ({ name: g.permission, state: g.state, sentence: g.sentence }));
  }

  /** A call of a widget waits for a yes. */
  want(instance: string, permission: Permission): Promise<void> {
    if (!data.byId.has(instance)) return Promise.reject(denied());
    const answer = this.#asks.want(instance, permission, !seen(instance));
    this.#go();
    return answer;
  }

  /** Its background part needs it. */
  offer(instance: string, permission: Permission): void {
    if (!data.byId.has(instance)) return;
    this.#asks.offer(instance, permission, !seen(instance));
    this.#go();
  }

  /** The person opens a question that waits. */
  open(instance: string, permission: Permission): void {
    if (this.#asks.open(instance, permission)) this.#go();
  }

  /** Its windows are gone: what they waited for is of no use any more. */
  closed(instance: string): void {
    this.#asks.drop(instance);
    if (this.#asks.shown === null && ui.prompt?.kind === "grant") ui.prompt = null;
    this.#go();
  }

  /** Something changed, here or on another dashboard. */
  async changed(instance: string): Promise<void> {
    const grants = await this.read(instance);
    for (const g of grants?.grants ?? []) {
      if (g.state === "allowed" && g.how !== "once") this.#settle(instance, g.permission, true);
      else if (g.state === "never" || g.state === "not_now") this.#settle(instance, g.permission, false);
      else if (g.state === "ask") this.#asks.forget(instance, g.permission);
    }
    this.#go();
  }

  #settle(instance: string, permission: Permission, allowed: boolean): void {
    const shown = ui.prompt?.kind === "grant" ? ui.prompt.question : null;
    this.#asks.settle(instance, permission, allowed);
    if (shown?.instance.instance === instance && shown.grant.permission === permission) ui.prompt = null;
  }

  /** The answer to the question that is shown. @throws what the node says */
  async answer(instance: string, permission: Permission, how: How | "not_now" | "never", anyway: boolean): Promise<void> {
    if (how === "not_now" || how === "never") {
      await call("grant.deny", { instance, permission, never: how === "never" }).then((g) => this.take(g), () => undefined);
      this.#asks.answer("no", performance.now());
    } else {
      this.take(await call("grant.give", { instance, permission, how, anyway }));
      this.#asks.answer(how === "once" ? "once" : "yes", performance.now());
    }
    ui.prompt = null;
    this.#go();
  }

  /** Shows the next question when nothing else is in the way. */
  #go = (): void => {
    clearTimeout(this.#timer);
    this.quiet = this.#asks.quiet.map(({ instance, permission }) => ({ instance, permission }));
    const due = this.#asks.due();
    if (due === null) return;
    const now = performance.now();
    if (due > now || ui.prompt !== null || ui.sheet !== null || document.hidden) {
      this.#timer = setTimeout(this.#go, Math.max(300, due - now));
      return;
    }
    const ask = this.#asks.next(now);
    if (ask) void this.#show(ask.instance, ask.permission);
  };

  async #show(id: string, permission: Permission): Promise<void> {
    const instance = data.byId.get(id);
    const grants = await this.read(id).catch(() => null);
    const grant = grants?.grants.find((g) => g.permission === permission);
    if (!instance || !grants || !grant) {
      this.#asks.settle(id, permission, false);
      return this.#go();
    }
    const author = await Promise.race([authorOf(instance.uuid), new Promise<string>((later) => setTimeout(later, 1_500, ""))]);
    const still = this.#asks.shown;
    if (still?.instance !== id || still.permission !== permission) return;
    if (document.fullscreenElement) await document.exitFullscreen().catch(() => undefined);
    if (document.pointerLockElement) document.exitPointerLock();
    if (ui.prompt !== null || ui.sheet !== null) {
      this.#asks.postpone();
      return this.#go();
    }
    ui.prompt = { kind: "grant", question: { instance, grant, level: grants.level, author } };
  }
}

/** Authors of widgets as the directory names them. */
const authors = new Map<string, Promise<string>>();
export function authorOf(uuid: string): Promise<string> {
  let author = authors.get(uuid);
  if (!author) {
    author = call("widget.show", { uuid }).then((w) => w.author, () => "");
    authors.set(uuid, author);
  }
  return author;
}

export const grants = new Grants();

/** "reach api.example.org", of "Can reach api.example.org". */
export const wish = (grant: Pick<GrantInfo, "sentence">): string => grant.sentence.replace(/^Can (\p{L})/u, (_, first: string) => first.toLowerCase());

session.onReady(() => void grants.readAll().catch(() => undefined));
session.onEvent((event) => {
  if (event.event === "grants_changed") void grants.changed(event.instance).catch(() => undefined);
  else if (event.event === "grant_wanted") grants.offer(event.instance, event.permission);
});
