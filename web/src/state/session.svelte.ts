import { Client, words, type Link, type Socket, type Tier } from "../api/client";
import type { Event } from "../api/types";

const KEY = "hedgerow.token";

/** Who this page is to the node, and how the connection does. */
class Session {
  phase = $state<"starting" | "login" | "ready">("starting");
  link = $state<Link>("connecting");
  /** Why the login page is shown, if it is not the first time. */
  reason = $state("");
  busy = $state(false);
  /** As the node says; partial until it said so. */
  tier = $state<Tier>("partial");
  #token: string | null = null;
  #channel: BroadcastChannel | null = null;
  #listeners: ((event: Event) => void)[] = [];
  #ready: (() => void)[] = [];

  readonly client = new Client({
    open: () => new WebSocket(`ws://${location.host}/api/ws`) as unknown as Socket,
    token: () => this.#token,
    onLink: (link) => this.#onLink(link),
    onTier: (tier) => (this.tier = tier),
    onEvent: (event) => this.#listeners.forEach((listen) => listen(event)),
  });

  get token(): string | null {
    return this.#token;
  }
  onEvent(listen: (event: Event) => void): void {
    this.#listeners.push(listen);
  }
  /** Called on every new connection, the first included. */
  onReady(then: () => void): void {
    this.#ready.push(then);
  }

  /** Takes the code or the token from wherever it is. Returns an invitation that the address carried. */
  async begin(): Promise<string | null> {
    const fragment = new URLSearchParams(location.hash.slice(1));
    if (location.hash) history.replaceState(null, "", location.pathname);
    this.#channel = new BroadcastChannel("hedgerow");
    this.#channel.onmessage = (e: MessageEvent<unknown>) => this.#fromTab(e.data);
    const code = fragment.get("login");
    if (code) await this.login(code);
    else {
      this.#token = sessionStorage.getItem(KEY) ?? (await this.#askTabs());
      if (this.#token) this.#accept(this.#token, false);
      else this.phase = "login";
    }
    return fragment.get("invite");
  }

  /** Trades a code, or a whole login address, for a token. */
  async login(text: string): Promise<void> {
    const code = /[#&]login=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
    this.busy = true;
    try {
      const answer = await fetch("/api/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ code: decodeURIComponent(code) }) });
      if (!answer.ok) throw new Error("This link was used already or is too old. Ask the node for a new one: run `hedgerow login`.");
      const { token } = (await answer.json()) as { token: string };
      this.#accept(token, true);
    } catch (error) {
      const offline = error instanceof TypeError;
      this.reason = offline ? "The node on this machine is not answering. Start it with `hedgerow up`, then try again." : words(error);
      const known = sessionStorage.getItem(KEY);
      if (known && !this.#token) this.#accept(known, false);
      else if (this.phase !== "ready") this.phase = "login";
    } finally {
      this.busy = false;
    }
  }

  #accept(token: string, tell: boolean): void {
    this.#token = token;
    sessionStorage.setItem(KEY, token);
    if (tell) this.#channel?.postMessage({ token });
    this.client.start();
  }

  #onLink(link: Link): void {
    this.link = link;
    if (link === "ready") {
      this.phase = "ready";
      this.reason = "";
      for (const then of this.#ready) then();
    } else if (link === "refused") {
      this.#token = null;
      sessionStorage.removeItem(KEY);
      this.reason = "The node was started anew since this page was opened, so it asks who you are once more.";
      this.phase = "login";
    }
  }

  /** Another tab of this origin wants the token, or has one. Widgets have other origins and hear nothing of it. */
  #fromTab(data: unknown): void {
    if (data === "token?") {
      if (this.#token && this.link === "ready") this.#channel?.postMessage({ token: this.#token });
    } else if (typeof data === "object" && data !== null && "token" in data && typeof data.token === "string") {
      if (!this.#token) this.#accept(data.token, false);
    }
  }

  async #askTabs(): Promise<string | null> {
    this.#channel?.postMessage("token?");
    await new Promise((later) => setTimeout(later, 200));
    return this.#token;
  }
}

export const session = new Session();
export const call: Client["call"] = (method, params) => session.client.call(method, params);
