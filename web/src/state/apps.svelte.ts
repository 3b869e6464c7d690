import { Bridge } from "../bridge/bridge";
import { externalUrl, insideUrl, Refusal } from "../bridge/protocol";
import type { Chrome } from "../bridge/session";
import { data } from "./data.svelte";
import { call, session } from "./session.svelte";
import { ui } from "./ui.svelte";

let lastLink = 0;
let lastPage = -Infinity;

const nameOf = (instance: string): string => data.byId.get(instance)?.name ?? "A widget";

/** Frames of running widgets, and the hub's side of what they ask. */
class Apps {
  /** Why an instance does not run. */
  trouble = $state.raw<Record<string, string>>({});
  /** Grows when a frame shall be loaded anew. */
  loads = $state.raw<Record<string, { count: number; src: string }>>({});

  readonly chrome: Chrome = {
    openLink: (instance, text) => this.#openLink(instance, text),
    share: (instance, text, file) => this.#share(instance, text, file),
    openWidget: (instance, uuid) => this.#openWidget(instance, uuid),
    declares: (instance, permission) => this.#declares(instance, permission),
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
    this.loads = { ...this.loads, [instance]: { count: (this.loads[instance]?.count ?? 0) + 1, src: insideUrl(origin, href) } };
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
          window.open(url.href, "_blank", "noopener,noreferrer");
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

  /** By widget and version: a new release may ask for something else. */
  #asked = new Map<string, Promise<string[]>>();
  async #declares(instance: string, permission: string): Promise<boolean> {
    const i = data.byId.get(instance);
    if (!i) return false;
    const key = `${i.uuid} ${i.version ?? ""}`;
    let asked = this.#asked.get(key);
    if (!asked) {
      asked = call("widget.show", { uuid: i.uuid }).then((w) => (w.releases.find((r) => r.version === i.version) ?? w).permissions.map((p) => p.name));
      this.#asked.set(key, asked);
      asked.catch(() => this.#asked.delete(key));
    }
    return (await asked).includes(permission);
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
