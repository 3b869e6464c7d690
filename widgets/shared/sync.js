// The line to the webxdc host: own changes show at once, everything is applied once more when it comes back, and
// the state modules make that harmless.
import { addr, isObject, rid, time } from "./check.js";
import { People } from "./people.js";

/**
 * `apply(payload, meta)` gets every update, own ones at once; `changed()` is called after a batch.
 * meta: {sender, t, serial, live, mine}; sender is verified by Hedgerow, and only claimed in hosts without `sender`.
 */
export function connect(apply, changed) {
  const host = window.webxdc;
  const self = { addr: String(host.selfAddr || "me"), name: String(host.selfName || "me") };
  const people = new People(self.addr, self.name);
  const pending = new Map();
  const failed = new Map();
  let ready = false;
  let timer = 0;

  const soon = () => {
    if (!timer) timer = setTimeout(() => ((timer = 0), changed()), ready ? 0 : 200);
  };

  function take(payload, sender, serial, live) {
    const t = time(payload.t) ?? Date.UTC(2000, 0, 1);
    people.saw(sender, payload.n, t);
    try {
      apply(payload, { sender, t, serial, live, mine: sender === self.addr });
    } catch (error) {
      console.warn("An update was left out:", error.message);
    }
  }

  function settle(op) {
    if (pending.delete(op)) soon();
    failed.delete(op);
  }

  function hand(op, update) {
    pending.set(op, update);
    let answer;
    try {
      answer = host.sendUpdate(update, "");
    } catch (error) {
      answer = Promise.reject(error);
    }
    Promise.resolve(answer).then(
      // Hosts that answer with nothing tell by sending the update back.
      () => answer !== undefined && settle(op),
      (error) => {
        pending.delete(op);
        failed.set(op, { update, error });
        soon();
      },
    );
  }

  const line = {
    self,
    people,
    get ready() { return ready; },
    /** Changes that the host has not confirmed yet. */
    get waiting() { return pending.size; },
    get failed() { return failed.size; },
    get trouble() { return [...failed.values()][0]?.error?.message ?? ""; },
    retry() {
      for (const [op, { update }] of [...failed]) {
        failed.delete(op);
        hand(op, update);
      }
      soon();
    },
    /**
     * Sends a change. `extras`: info, document, summary, notify, href, or a function that gives them once the change
     * is applied here. Returns the id of the change.
     */
    send(payload, extras = {}) {
      const op = rid();
      const full = { ...payload, u: op, t: payload.t ?? Date.now(), from: self.addr, n: self.name };
      take(full, self.addr, 0, true);
      hand(op, { payload: full, ...(typeof extras === "function" ? extras() : extras) });
      soon();
      return op;
    },
  };

  host
    .setUpdateListener((update) => {
      if (!isObject(update) || !isObject(update.payload)) return;
      const { payload } = update;
      const sender = addr(update.sender) || addr(payload.from);
      if (!sender) return;
      if (sender === self.addr && typeof payload.u === "string") settle(payload.u);
      take(payload, sender, Number(update.serial) || 0, ready);
      soon();
    }, 0)
    .then(() => {
      ready = true;
      document.documentElement.dataset.ready = "yes";
      clearTimeout(timer);
      timer = 0;
      changed();
    });
  return line;
}

/** A short text for `summary`, `document` or `info`: no line breaks, at most `max` characters. */
export function brief(text, max = 20) {
  const flat = text.replace(/\s+/g, " ").trim();
  const chars = [...flat];
  return chars.length <= max ? flat : `${chars.slice(0, max - 1).join("").trimEnd()}…`;
}
