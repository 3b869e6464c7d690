import type { AppInfo, Event, JsonValue, UpdateOut } from "../api/types";
import type { Client } from "../api/client";
import { Failure, reason, words } from "../api/client";
import { fromBase64, toBase64 } from "./base64";
import { answerDoor, type Doorkeeper } from "./doors";
import { Feed } from "./feed";
import { Flow } from "./flow";
import { Peers, type PeerCall } from "./peers";
import { answerStats } from "./stats";
import { LIMITS, readCall, readSign, Refusal, requestId, type Call, type Push, type Reply } from "./protocol";
import { Pulse } from "./watch";

/** What a session asks of the person, through the hub's own windows. */
export interface Chrome extends Doorkeeper {
  openLink(instance: string, url: string): Promise<void>;
  share(instance: string, text: string | null, file: { name: string; blob: Blob } | null): Promise<void>;
  /** Shows the page of a widget; only after a click in this one. */
  openWidget(instance: string, uuid: string): Promise<void>;
  /** Its windows lost their ports. */
  closed(instance: string): void;
  /** `null`: it runs. Else why it does not. */
  trouble(instance: string, reason: string | null): void;
}

const MAX_PORTS = 8;

/** For the widget's program. A yes that is still missing after the person was asked is a no to it. */
function codeOf(error: unknown): string {
  if (error instanceof Failure) return error.code === "needs_grant" ? "denied" : error.code;
  return error instanceof Refusal ? error.code : "bug";
}

interface Window {
  port: MessagePort;
  feed: Feed;
}

/** One running instance: its windows' ports on one side, the node on the other. */
export class AppSession {
  readonly instance: string;
  #client: Client;
  #chrome: Chrome;
  #flow = new Flow();
  /** Signs of life are not calls, and are bounded for themselves. */
  #signs = new Flow(() => performance.now(), 50, 1);
  #windows: Window[] = [];
  #joined = false;
  #peers: Peers;
  #info: Promise<AppInfo> | null = null;
  readonly pulse: Pulse;

  constructor(instance: string, client: Client, chrome: Chrome) {
    this.instance = instance;
    this.#client = client;
    this.#chrome = chrome;
    this.#peers = new Peers(instance, client);
    this.pulse = new Pulse(performance.now(), Math.random() * 2_000);
  }

  /** Asks its windows whether they live. */
  ping(n: number): void {
    for (const w of this.#windows) w.port.postMessage({ event: "ping", n } satisfies Push);
  }

  /** Takes the port of a window of this instance. */
  connect(port: MessagePort): void {
    const feed = new Feed(
      (serial) => this.#opened().then(() => this.#client.call("app.updates", { instance: this.instance, serial })),
      (update) => port.postMessage({ event: "update", update } satisfies Push),
    );
    this.#windows.push({ port, feed });
    if (this.#windows.length > MAX_PORTS) this.#close(this.#windows.shift());
    port.onmessage = (e: MessageEvent<unknown>) => this.#receive(port, feed, e.data);
    // Told by some browsers, also when the page crashed.
    port.addEventListener("close", () => this.#gone(port, false));
    this.pulse.connected();
    void this.#opened().catch(() => undefined);
  }

  /** The node is back: open again and read what was missed. */
  async reopen(): Promise<void> {
    if (this.#windows.length === 0) return;
    this.#info = null;
    try {
      await this.#opened();
      if (this.#joined) await this.#client.call("app.realtime_join", { instance: this.instance, joined: true });
      await this.#peers.reopen();
    } catch {
      return; // The reason stands on the card.
    }
    for (const w of this.#windows) w.feed.resume();
  }

  /** The widget was taken off the dashboard or its window is loaded anew. */
  stop(): void {
    for (const w of this.#windows.splice(0)) this.#close(w);
    this.#peers.stop();
    if (this.#info) void this.#client.call("app.close", { instance: this.instance }).catch(() => undefined);
    this.#info = null;
    this.#joined = false;
  }

  update(update: UpdateOut): void {
    for (const w of this.#windows) w.feed.offer(update);
  }

  realtime(sender: string, base64: string): void {
    if (!this.#joined) return;
    const data = fromBase64(base64);
    if (data) for (const w of this.#windows) w.port.postMessage({ event: "realtime", data, sender } satisfies Push);
  }

  /** Messages and streams of equals on other nodes. */
  equals(event: Event): void {
    const push = this.#peers.push(event);
    if (push) for (const w of this.#windows) w.port.postMessage(push satisfies Push);
  }

  /** From the background part of the widget. */
  background(message: JsonValue): void {
    for (const w of this.#windows) w.port.postMessage({ event: "background_message", message } satisfies Push);
  }

  #gone(port: MessagePort, said: boolean): void {
    const at = this.#windows.findIndex((w) => w.port === port);
    if (at < 0) return;
    this.#close(this.#windows.splice(at, 1)[0]);
    if (this.#windows.length === 0) this.pulse.closed(performance.now(), said);
  }

  #close(window: Window | undefined): void {
    if (!window) return;
    window.feed.stop();
    window.port.onmessage = null;
    window.port.close();
  }

  #opened(): Promise<AppInfo> {
    this.#info ??= this.#client.call("app.open", { instance: this.instance }).then(
      (info) => {
        this.#chrome.trouble(this.instance, null);
        return info;
      },
      (error: unknown) => {
        this.#info = null;
        this.#chrome.trouble(this.instance, words(error));
        throw error;
      },
    );
    return this.#info;
  }

  #receive(port: MessagePort, feed: Feed, data: unknown): void {
    const sign = readSign(data);
    if (sign && this.#signs.take() === null) {
      this.#signs.done();
      if (sign.sign === "pong") this.pulse.pong(sign.n, performance.now(), sign.heap);
      else if (sign.sign === "bye") this.#gone(port, true);
      else this.pulse.dialog(sign.open, performance.now());
      return;
    }
    const id = requestId(data);
    const refusal = this.#flow.take();
    if (refusal !== null) {
      if (this.#flow.hopeless) {
        this.stop();
        this.#chrome.trouble(this.instance, "It asked far too much in a short time and was stopped.");
      } else if (id !== null) port.postMessage({ id, error: { code: "limit", message: refusal } } satisfies Reply);
      return;
    }
    if (id === null) return this.#flow.done();
    this.#permitted(() => this.#answer(feed, data))
      .then((result): Reply => ({ id, result: result ?? null }), (error: unknown): Reply => ({ id, error: { code: codeOf(error), message: reason(error) } }))
      .then((reply) => {
        this.#flow.done();
        port.postMessage(reply);
      });
  }

  /** What needs a yes of the person waits for it, and is done once more after it. */
  async #permitted<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "needs_grant" || error.permission === null) throw error;
      await this.#chrome.permit(this.instance, error.permission);
      return act();
    }
  }

  async #answer(feed: Feed, data: unknown): Promise<unknown> {
    const call: Call = readCall(data);
    const { instance } = this;
    switch (call.call) {
      case "send_to_chat":
        return this.#chrome.share(instance, call.text, call.file);
      case "open_link":
        return this.#chrome.openLink(instance, call.url);
      case "open_widget":
        return this.#chrome.openWidget(instance, call.uuid);
      default:
    }
    const info = await this.#opened();
    switch (call.call) {
      case "send_update": {
        const size = new TextEncoder().encode(JSON.stringify(call.update.payload)).byteLength;
        const max = info.send_update_max_size || LIMITS.update;
        if (size > max) throw new Refusal(`the update has ${size} bytes; ${max} are allowed`);
        return this.#client.call("app.send_update", { instance, update: call.update });
      }
      case "updates":
        return this.#client.call("app.updates", { instance, serial: call.serial });
      case "listen":
        return { max_serial: await feed.listen(call.serial) };
      case "realtime_join":
      case "realtime_leave":
        this.#joined = call.call === "realtime_join";
        return void (await this.#client.call("app.realtime_join", { instance, joined: this.#joined }));
      case "realtime_send":
        if (!this.#joined) throw new Refusal("join the realtime channel first");
        return void (await this.#client.call("app.realtime_send", { instance, data: toBase64(call.data) }));
      case "stats":
        return answerStats(call, instance, this.#client);
      case "notify":
      case "web_fetch":
      case "contacts_list":
      case "background_status":
      case "background_tell":
      case "permissions_list":
      case "permissions_ask":
        return answerDoor(call, instance, this.#client, this.#chrome);
      default:
        return this.#peers.answer(call satisfies PeerCall);
    }
  }
}
