  // A part of webxdc.js: what lies outside of the widget, and the signs of life, in the scope of that script.

  // ---- asked of the person first, by the dashboard ---------------------------------------------------------------
  const notify = (text, title) => call("notify", { text: String(text), ...(given(title) ? { title: String(title) } : {}) }).then(() => undefined);
  const contacts = Object.freeze({ list: () => call("contacts_list", {}) });
  const permissions = Object.freeze({
    // What this widget may: [{name, state, sentence}].
    list: () => call("permissions_list", {}),
    // True when the person allows it, or did before. For what no call needs, such as the camera.
    ask: (permission) => call("permissions_ask", { permission: String(permission) }),
  });

  // ---- web sites, through the node -------------------------------------------------------------------------------
  function fieldsOf(headers) {
    if (!given(headers)) return {};
    return Object.fromEntries(typeof headers.entries === "function" ? headers.entries() : Object.entries(headers));
  }

  async function bodyOf(body) {
    if (!given(body) || typeof body === "string") return body;
    if (isBlob(body)) return new Uint8Array(await body.arrayBuffer());
    if (isBytes(body)) return body.slice();
    if (Object.prototype.toString.call(body) === "[object ArrayBuffer]") return new Uint8Array(body.slice(0));
    throw new TypeError("fetch: the body is a text, a Uint8Array, an ArrayBuffer or a Blob");
  }

  function answerOf({ url, status, headers, body }) {
    const text = () => new TextDecoder().decode(body);
    const fields = new Map(Object.entries(headers));
    return Object.freeze({
      ok: status >= 200 && status < 300,
      status,
      url,
      headers: Object.freeze({
        get: (name) => fields.get(String(name).toLowerCase()) ?? null,
        has: (name) => fields.has(String(name).toLowerCase()),
        entries: () => fields.entries(),
        [Symbol.iterator]: () => fields.entries(),
      }),
      text: async () => text(),
      json: async () => JSON.parse(text()),
      bytes: async () => body.slice(),
    });
  }

  const web = Object.freeze({
    async fetch(url, options) {
      const { method, headers, body } = options ?? {};
      const args = { url: String(url), headers: fieldsOf(headers) };
      if (given(method)) args.method = String(method);
      if (given(body)) args.body = await bodyOf(body);
      return answerOf(await call("web_fetch", args));
    },
  });

  // ---- the part that runs in the background ----------------------------------------------------------------------
  const MAX_TOLD = 100;
  const told = [];
  let onTold = null;

  function hearBackground(message) {
    if (!onTold) return void (told.length < MAX_TOLD && told.push(message));
    deliver(onTold, message);
  }

  const background = Object.freeze({
    status: () => call("background_status", {}),
    tell: (message) => call("background_tell", { message: said(message, "tell") }).then(() => undefined),
    get onmessage() {
      return onTold;
    },
    set onmessage(callback) {
      onTold = typeof callback === "function" ? callback : null;
      for (const message of onTold ? told.splice(0) : []) hearBackground(message);
    },
  });

  // ---- signs of life ---------------------------------------------------------------------------------------------
  const tellSign = (sign) => port && port.postMessage(sign);

  window.addEventListener("pagehide", () => tellSign({ sign: "bye" }));

  // These stop the whole page until the person answers. The dashboard is told, so that it does not take that for a
  // page that hangs.
  for (const name of ["alert", "confirm", "prompt"]) {
    const show = window[name];
    if (typeof show !== "function") continue;
    window[name] = function (...args) {
      tellSign({ sign: "dialog", open: true });
      try {
        return show.apply(window, args);
      } finally {
        tellSign({ sign: "dialog", open: false });
      }
    };
  }
