// The webxdc 1.3 API (https://webxdc.org/docs/spec/) over a message port to the dashboard, and window.hedgerow.
// Served by the node as /webxdc.js of every widget instance. It guards nothing: the dashboard and the node check
// every call. It must not disturb the app: two globals, no prototypes touched.
(() => {
  "use strict";
  const config = __HEDGEROW_CONFIG__;
  if (window.webxdc && window.hedgerow) return;

  // ---- the line to the dashboard ----------------------------------------------------------------------------
  const MAX_WAITING = 10000;
  // The dashboard refuses more than 64 calls at once and 200 a second of all windows of a widget together. An app that
  // sends a lot at once must lose nothing, so what is above these waits here, in order.
  const MAX_UNDER_WAY = 16;
  const BURST = 100;
  const PER_SECOND = 150;
  const alone = window.top === window;
  const page = Math.random().toString(36).slice(2);
  const calls = new Map();
  const queue = [];
  // What waits for somebody far away, or for a yes of the person, does not keep the rest from going.
  const WAITS = new Set([
    "peers_broadcast", "peers_send", "streams_open", "streams_accept", "streams_read",
    "notify", "web_fetch", "contacts_list", "background_status", "background_tell", "permissions_ask", "peers_open", "stats",
  ]);
  const MAX_WAITS = 40;
  let waits = 0;
  let lastCall = 0;
  let port = null;
  let room = BURST;
  let counted = Date.now();
  let alarm = null;

  function failure(error) {
    const known = error !== null && typeof error === "object";
    const made = new Error(known ? String(error.message) : String(error));
    if (known && error.code !== undefined) made.code = error.code;
    return made;
  }

  function call(name, args) {
    if (alone) return Promise.reject(new Error("Open this from the dashboard: a widget works only inside Hedgerow."));
    if (calls.size >= MAX_WAITING) return Promise.reject(new Error("The dashboard does not answer."));
    return new Promise((resolve, reject) => {
      const id = ++lastCall;
      const waiting = WAITS.has(name);
      if (waiting && waits >= MAX_WAITS) return reject(new Error("Too many calls wait for others; wait for some of them."));
      waits += waiting ? 1 : 0;
      calls.set(id, { resolve, reject, waits: waiting });
      queue.push({ id, call: name, args });
      pump();
    });
  }

  function forget(id) {
    const waiting = calls.get(id);
    if (waiting && calls.delete(id) && waiting.waits) waits -= 1;
    return waiting;
  }

  function mayGo() {
    const now = Date.now();
    room = Math.min(BURST, room + (Math.max(0, now - counted) * PER_SECOND) / 1000);
    counted = now;
    return room >= 1 && calls.size - queue.length - waits < MAX_UNDER_WAY;
  }

  function pump() {
    if (!port) return;
    while (queue.length > 0 && mayGo()) {
      const message = queue.shift();
      room -= 1;
      try {
        port.postMessage(message);
      } catch (error) {
        forget(message.id).reject(error);
      }
    }
    if (queue.length === 0 || room >= 1 || alarm !== null) return; // Else an answer goes on.
    alarm = setTimeout(() => {
      alarm = null;
      pump();
    }, 50);
  }

  function receive(event) {
    const data = event.data;
    if (data === null || typeof data !== "object") return;
    if (data.event === "ping") {
      const n = Number.isSafeInteger(data.n) ? data.n : 0;
      return port.postMessage({ sign: "pong", n, heap: window.performance?.memory?.usedJSHeapSize });
    }
    if (data.event === "update") return pushUpdate(data);
    if (data.event === "realtime") return pushRealtime(data);
    if (data.event === "background_message") return hearBackground(data.message);
    if (data.event !== undefined) return pushPeers(data);
    const waiting = forget(data.id);
    if (!waiting) return;
    if (data.error !== undefined && data.error !== null) waiting.reject(failure(data.error));
    else waiting.resolve(data.result);
    pump();
  }

  // The first port stays: a busy dashboard may answer several of the repeated requests, and calls that are under way
  // must not be made twice.
  function connected(newPort) {
    if (port) return newPort.close();
    port = newPort;
    port.onmessage = receive;
    pump();
  }

  function quiet(promise) {
    promise.catch((error) => console.error("webxdc:", error.message));
    return promise;
  }

  if (!alone) {
    window.addEventListener("message", (event) => {
      const data = event.data;
      if (event.origin !== config.hub || event.source !== window.top) return;
      if (data === null || typeof data !== "object" || data.hedgerow !== 1 || data.type !== "port") return;
      event.stopImmediatePropagation();
      if (event.ports && event.ports[0]) connected(event.ports[0]);
    });
    const ask = (wait) => {
      if (port) return;
      window.top.postMessage({ hedgerow: 1, type: "connect", page }, config.hub);
      setTimeout(ask, wait, Math.min(wait * 2, 3200));
    };
    ask(200);
  }

  const given = (value) => value !== undefined && value !== null;

  // ---- updates ----------------------------------------------------------------------------------------------
  let listener = null;
  let listens = 0;

  function updateFor(update) {
    const out = { payload: update.payload, serial: update.serial, max_serial: update.max_serial };
    for (const name of ["info", "href", "document", "summary", "notify", "sender", "time_ms"]) {
      if (update[name] !== undefined && update[name] !== null) out[name] = update[name];
    }
    return out;
  }

  function pushUpdate({ update, listen }) {
    if (!listener || update === null || typeof update !== "object") return;
    // Pushed for a listener that has been replaced meanwhile.
    if (listen !== undefined && listen !== listener.id) return;
    try {
      listener.callback(updateFor(update));
    } catch (error) {
      console.error(error);
    }
  }

  function setUpdateListener(callback, serial = 0) {
    if (typeof callback !== "function") throw new TypeError("setUpdateListener needs a function");
    const from = Number.isFinite(serial) && serial > 0 ? Math.floor(serial) : 0;
    listener = { callback, id: ++listens };
    return call("listen", { serial: from, listen: listener.id }).then(() => undefined);
  }

  const MAX_SHORT = 1000;
  const MAX_NOTIFY = 256;
  const MAX_DEPTH = 100;
  const isHighHalf = (text, at) => text.charCodeAt(at) >> 10 === 0x36;

  // webxdc: a short text that is too long is cut; the update is not lost for it.
  function short(value) {
    const text = String(value);
    if (text.length <= MAX_SHORT) return text;
    return text.slice(0, isHighHalf(text, MAX_SHORT - 1) ? MAX_SHORT - 1 : MAX_SHORT);
  }

  // A link inside the app, or null. `..` is taken out; nobody needs it in a package.
  function inside(value) {
    const href = String(value);
    try {
      const url = new URL(href, `${window.origin}/`);
      if (url.origin !== window.origin || href.length > MAX_SHORT) return null;
      return href.includes("..") ? url.href.slice(window.origin.length + 1) : href;
    } catch {
      return null;
    }
  }

  // Half a character is no UTF-8. JSON.stringify writes such a half, and only such, as an escape \ud….
  const ESCAPES = /\\(?:ud[89a-f][0-9a-f]{2}|.)/g;
  const whole = (json) => json.replace(ESCAPES, (text) => (text.startsWith("\\ud") ? "\\ufffd" : text));

  function depthOf(json) {
    let [depth, deepest] = [0, 0];
    for (const [sign] of json.matchAll(/"(?:[^"\\]+|\\.)*"|[[\]{}]/g)) {
      if (sign === "[" || sign === "{") deepest = Math.max(deepest, ++depth);
      else if (sign === "]" || sign === "}") depth -= 1;
    }
    return deepest;
  }

  function jsonOf(value) {
    let text;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      throw new TypeError(`sendUpdate: the payload is not JSON: ${error.message}`);
    }
    if (text === undefined) throw new TypeError("sendUpdate: the payload is missing or not JSON");
    if (depthOf(text) > MAX_DEPTH) throw new TypeError(`sendUpdate: the payload is nested more than ${MAX_DEPTH} deep`);
    return text;
  }

  function notifyOf(map) {
    if (typeof map !== "object") throw new TypeError("sendUpdate: notify maps addresses to texts");
    const all = Object.entries(map);
    // "*" before the rest, of which too many are left out.
    if (all.length > MAX_NOTIFY) all.sort(([a], [b]) => (b === "*") - (a === "*"));
    return Object.fromEntries(all.slice(0, MAX_NOTIFY).map(([address, text]) => [address, short(text)]));
  }

  function cleaned(update) {
    if (update === null || typeof update !== "object") throw new TypeError("sendUpdate needs an object with a payload");
    const out = { payload: JSON.parse(jsonOf(update.payload)) };
    for (const name of ["info", "document", "summary"]) {
      if (given(update[name])) out[name] = short(update[name]);
    }
    if (given(update.href) && update.href !== "") {
      const href = inside(update.href);
      if (href === null) console.warn("webxdc: href leads out of the app or is too long; the update goes without it");
      else out.href = href;
    }
    if (given(update.notify)) out.notify = notifyOf(update.notify);
    const json = whole(JSON.stringify(out));
    const size = new TextEncoder().encode(json).length;
    if (size > config.sendUpdateMaxSize) {
      throw new TypeError(`sendUpdate: the update has ${size} bytes; at most ${config.sendUpdateMaxSize} are taken`);
    }
    return JSON.parse(json);
  }

  // The description (second argument) is deprecated and not used.
  function sendUpdate(update) {
    // Most apps do not look at the promise; a failure must not count as unhandled in them.
    return quiet(call("send_update", { update: cleaned(update) }).then(() => undefined));
  }

  async function getAllUpdates() {
    const all = [];
    let serial = 0;
    for (;;) {
      const answer = await call("updates", { serial });
      const updates = Array.isArray(answer) ? answer : ((answer && answer.updates) ?? []);
      for (const update of updates) all.push(updateFor(update));
      const last = updates.length > 0 ? updates[updates.length - 1].serial : serial;
      const max = answer && answer.max_serial !== undefined ? answer.max_serial : last;
      if (!(last > serial) || last >= max) return all;
      serial = last;
    }
  }

  // ---- realtime ---------------------------------------------------------------------------------------------
  const MAX_REALTIME = 128000;
  const MAX_EARLY = 100;
  const MAX_LATE = 200;
  let channel = null;

  const isBytes = (value) => Object.prototype.toString.call(value) === "[object Uint8Array]";

  function pushRealtime({ data, sender }) {
    if (!channel || !isBytes(data)) return;
    if (channel.callback) return deliver(channel.callback, data, sender);
    channel.early.push([data, sender]);
    if (channel.early.length > MAX_EARLY) channel.early.shift();
  }

  function dropped(message) {
    queue.splice(queue.indexOf(message), 1);
    calls.get(message.id).resolve();
    calls.delete(message.id);
  }

  function deliver(callback, data, sender) {
    try {
      callback(data, sender);
    } catch (error) {
      console.error(error);
    }
  }

  function joinRealtimeChannel() {
    if (channel) throw new Error("The realtime channel is joined already; leave it first.");
    const mine = { callback: null, early: [] };
    const check = () => {
      if (channel !== mine) throw new Error("This realtime channel was left.");
    };
    channel = mine;
    quiet(call("realtime_join", {}));
    return {
      setListener(callback) {
        check();
        if (typeof callback !== "function") throw new TypeError("setListener needs a function");
        mine.callback = callback;
        for (const [data, sender] of mine.early.splice(0)) deliver(callback, data, sender);
      },
      send(data) {
        check();
        if (!isBytes(data)) throw new TypeError("send needs a Uint8Array");
        if (data.length > MAX_REALTIME) throw new TypeError(`send takes at most ${MAX_REALTIME} bytes`);
        // What is too much for the line gets old; nobody wants the oldest of it.
        const late = queue.filter((message) => message.call === "realtime_send");
        if (late.length >= MAX_LATE) dropped(late[0]);
        // A copy: the app may change its array, and a view would carry its whole buffer along.
        quiet(call("realtime_send", { data: data.slice() }));
      },
      leave() {
        if (channel !== mine) return;
        channel = null;
        quiet(call("realtime_leave", {}));
      },
    };
  }

  // ---- files ------------------------------------------------------------------------------------------------
  const isBlob = (value) => /^\[object (Blob|File)\]$/.test(Object.prototype.toString.call(value));

  function blobOf(file) {
    if (given(file.blob)) {
      if (!isBlob(file.blob)) throw new TypeError("sendToChat: file.blob is not a Blob");
      return file.blob;
    }
    if (given(file.plainText)) return new Blob([String(file.plainText)], { type: "text/plain" });
    const bytes = Uint8Array.from(atob(String(file.base64)), (c) => c.charCodeAt(0));
    return new Blob([bytes]);
  }

  function chatMessage(message) {
    if (message === null || typeof message !== "object") throw new TypeError("sendToChat needs an object");
    const out = {};
    if (given(message.text)) out.text = String(message.text);
    if (given(message.file)) {
      const { file } = message;
      if (typeof file.name !== "string" || file.name === "") throw new TypeError("sendToChat: file.name is missing");
      const bodies = ["blob", "base64", "plainText"].filter((name) => given(file[name]));
      if (bodies.length !== 1) throw new TypeError("sendToChat: give exactly one of blob, base64 and plainText");
      out.file = { name: file.name, blob: blobOf(file) };
    }
    if (!given(out.text) && !out.file) throw new TypeError("sendToChat: give a text, a file, or both");
    return out;
  }

  async function sendToChat(message) {
    await call("send_to_chat", chatMessage(message));
  }

  function importFiles(filter) {
    const { extensions = [], mimeTypes = [], multiple = false } = filter ?? {};
    return new Promise((resolve) => {
      const input = document.createElement("input");
      input.type = "file";
      input.accept = [...extensions, ...mimeTypes].join(",");
      input.multiple = Boolean(multiple);
      input.style.display = "none";
      const done = (files) => {
        input.remove();
        resolve(files);
      };
      input.addEventListener("change", () => done(Array.from(input.files ?? [])));
      input.addEventListener("cancel", () => done([]));
      (document.body ?? document.documentElement).append(input);
      input.click();
    });
  }

  // Messages, secrets and streams between those who have the widget: peers.js.
  __HEDGEROW_PEERS__;
  __HEDGEROW_STATS__;
  // Web sites, people, notifications, the background part, permissions, signs of life: doors.js.
  __HEDGEROW_DOORS__;

  // ---- links that lead outside ------------------------------------------------------------------------------
  const LOCAL = new Set(["blob:", "data:", "javascript:", "about:"]);

  // The full address when it leads outside of this widget, else null.
  function outside(address) {
    try {
      const url = new URL(String(address), document.baseURI);
      if (LOCAL.has(url.protocol) || url.origin === window.origin) return null;
      return url.href;
    } catch {
      return null;
    }
  }

  const openLink = (url) => quiet(call("open_link", { url }));

  // `href` of an SVG link is an object; the attribute is text in both.
  function linkOf(event) {
    for (const node of event.composedPath()) {
      if (node.localName !== "a" && node.localName !== "area") continue;
      const href = node.getAttribute("href") ?? node.getAttribute("xlink:href");
      if (href !== null) return { href, node };
    }
    return null;
  }

  // A page of the app that asks for a window of its own: there is only this one.
  function ownPage(address) {
    const url = new URL(String(address), document.baseURI);
    return url.protocol.startsWith("http") && url.origin === window.origin ? url.href : null;
  }

  function clicked(event) {
    if (event.defaultPrevented || (event.type === "auxclick" && event.button !== 1)) return;
    const link = linkOf(event);
    if (link === null) return;
    const url = outside(link.href);
    if (url !== null) {
      event.preventDefault();
      return openLink(url);
    }
    const target = link.node.getAttribute("target") ?? "";
    if (event.type !== "click" || target.toLowerCase() !== "_blank") return;
    if (link.node.getAttribute("download") !== null) return;
    const page = ownPage(link.href);
    if (page === null) return;
    event.preventDefault();
    window.location.assign(page);
  }

  // On the window and while bubbling: an app that handles its links itself comes first.
  window.addEventListener("click", clicked);
  window.addEventListener("auxclick", clicked);

  const open = window.open;
  window.open = function (address, ...rest) {
    const url = given(address) && address !== "" ? outside(address) : null;
    if (url === null) return open.call(window, address, ...rest);
    openLink(url);
    return null;
  };

  // `location.href = "https://…"` and links whose click did not reach us, where the browser tells.
  if (window.navigation && window.navigation.addEventListener) {
    window.navigation.addEventListener("navigate", (event) => {
      if (event.defaultPrevented || !event.cancelable || event.hashChange || event.downloadRequest) return;
      const url = outside(event.destination.url);
      if (url === null) return;
      event.preventDefault();
      openLink(url);
    });
  }

  // ---- what the app sees ------------------------------------------------------------------------------------
  window.webxdc = {
    selfAddr: config.selfAddr,
    selfName: config.selfName,
    sendUpdateInterval: config.sendUpdateInterval,
    sendUpdateMaxSize: config.sendUpdateMaxSize,
    sendUpdate,
    setUpdateListener,
    getAllUpdates,
    sendToChat,
    importFiles,
    joinRealtimeChannel,
  };
  Object.defineProperty(window, "hedgerow", {
    value: Object.freeze({
      version: config.version,
      api: config.api,
      features: Object.freeze(config.features),
      peers,
      secrets,
      streams,
      stats,
      openWidget,
      notify,
      web,
      contacts,
      background,
      permissions,
    }),
    enumerable: true,
  });
})();
