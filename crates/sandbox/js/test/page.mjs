// Runs webxdc.js as a widget's page would, against a small dashboard on the other end of the port.
// `node --test crates/sandbox/js/test/`
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import vm from "node:vm";

const part = (name) => readFileSync(new URL(`../${name}.js`, import.meta.url), "utf8");
export const SOURCE = part("webxdc").replace("  __HEDGEROW_PEERS__;\n", () => part("peers")).replace("  __HEDGEROW_STATS__;\n", () => part("stats")).replace("  __HEDGEROW_DOORS__;\n", () => part("doors"));
export const HUB = "http://hub.localhost:4400";
export const ORIGIN = "http://abcdefghijklmnop.hub.localhost:4400";
export const CONFIG = {
  selfAddr: "aa", selfName: "Mia", hub: HUB, sendUpdateInterval: 1, sendUpdateMaxSize: 128000,
  version: "0.1.0", api: 1, features: ["updates"],
};
// Long enough for messages to pass both ports on a busy machine.
export const turn = () => new Promise((resolve) => setTimeout(resolve, 80));

export class Page extends EventTarget {
  constructor(top) {
    super();
    this.top = top === "self" ? this : top;
    this.origin = ORIGIN;
    this.visited = [];
    this.location = { origin: ORIGIN, assign: (url) => this.visited.push(url) };
    this.opened = [];
    this.open = (...args) => (this.opened.push(args), "a window");
    this.navigation = new EventTarget();
  }
}

// A page with the script running, and what the dashboard sees of it.
export function start({ alone = false, answer = () => undefined, dialogs = {} } = {}) {
  const hub = { asked: [], calls: [], ports: [], errors: [], warnings: [] };
  const top = { postMessage: (data, target) => hub.asked.push({ data, target }) };
  const page = Object.assign(new Page(alone ? "self" : top), dialogs);
  const inputs = [];
  const document = {
    baseURI: `${ORIGIN}/index.html`,
    body: { append: () => {} },
    createElement: (name) => {
      const input = Object.assign(new EventTarget(), {
        name, style: {}, clicked: 0, removed: 0, click() { this.clicked++; }, remove() { this.removed++; },
      });
      inputs.push(input);
      return input;
    },
  };
  const timers = [];
  const globals = {
    window: page, document, URL, Blob, TextEncoder, TextDecoder, atob, queueMicrotask,
    console: { error: (...args) => hub.errors.push(args), warn: (...args) => hub.warnings.push(args) },
    setTimeout: (f, ms, ...args) => timers.push(setTimeout(f, ms / 10, ...args)),
  };
  const context = vm.createContext(globals);
  const before = Object.keys(page);
  vm.runInContext(SOURCE.replace("__HEDGEROW_CONFIG__", JSON.stringify(CONFIG)), context);
  const fromTop = (data, { origin = HUB, source = top, ports = [] } = {}) =>
    page.dispatchEvent(Object.assign(new Event("message"), { data, origin, source, ports }));
  const connect = (options) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      hub.calls.push(data);
      const result = answer(data, port1);
      if (result !== "none") port1.postMessage(result?.error ? { id: data.id, error: result.error } : { id: data.id, result });
    };
    hub.ports.push(port1);
    fromTop({ hedgerow: 1, type: "port" }, { ports: [port2], ...options });
    return port1;
  };
  const stop = () => {
    timers.forEach(clearTimeout);
    hub.ports.forEach((port) => port.close());
  };
  return { page, webxdc: page.webxdc, hub, connect, fromTop, stop, inputs, before, context };
}

// In the page's own realm, so that `instanceof` and `deepEqual` on results behave as in a browser.
export const plain = (value) => JSON.parse(JSON.stringify(value));

export async function running(options, body) {
  const it = start(options);
  try {
    await body(it);
  } finally {
    it.stop();
  }
}
