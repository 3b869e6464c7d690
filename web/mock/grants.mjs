// What widgets may do, behind the mock node: grants, what they did, and one background part. For developing and the smoke walk only.
const HOUR = 3_600_000;
/** What of the browser comes with a permission. */
const FEATURES = { camera: ["camera"], microphone: ["microphone"], clipboard: ["clipboard-read", "clipboard-write"] };
const grant = (permission, sentence, reason, more = {}) => ({
  permission, sentence, reason, scope: [], features: FEATURES[permission] ?? [], state: "ask", how: null, by_policy: false, since_ms: null, private: false, anyway: false, single: false, bytes_today: 0, ...more,
});
const asks = () => ({
  inst000000000000: [grant("notifications", "Can notify you", "Tells you when somebody writes", { single: true, state: "allowed", by_policy: true })],
  inst000000000001: [
    grant("web", "Can reach timetable.example.org", "Reads when the trains go, to offer them as answers", { single: true, scope: ["timetable.example.org", "1 MB a day"], bytes_today: 48_200 }),
    grant("contacts", "Can see the names of the people you share spaces with", "To suggest whom to ask", { single: true, private: true }),
    grant("camera", "Can use the camera", "For a picture of the car", { private: true }),
    grant("background", "Can run while the dashboard is closed", "Counts the answers that come at night", { state: "allowed", how: "always", since_ms: Date.now() - 30 * HOUR }),
  ],
  inst000000000004: [grant("web", "Can reach notes.example.org", "Keeps a copy there", { single: true, scope: ["notes.example.org"], state: "allowed", how: "always", since_ms: Date.now() - HOUR })],
  inst000000000003: [grant("peers", "Can talk to other people who use it", "Shows the others where you draw", { state: "allowed", by_policy: true })],
});

export function grantState(scene) {
  const list = scene === "empty" || scene === "bare" ? {} : asks();
  const hour = Math.floor(Date.now() / HOUR) * HOUR - HOUR;
  const line = (hours, minute, method, calls = 1, bytes = 0, more = {}) => ({ time_ms: hour - hours * HOUR + minute * 60_000, kind: "widget", name: "inst000000000001", method, calls, refused: 0, failed: 0, bytes, ...more });
  return {
    grants: new Map(Object.entries(list)),
    policy: { own: ["peers", "notifications"], trusted: ["peers"], strangers: ["peers"] },
    tier: scene === "strict" ? "strict" : "partial",
    once: new Set(),
    component: scene === "empty" || scene === "bare" ? null : { instance: "inst000000000001", name: "Which car?", state: "running", why: null, since_ms: Date.now() - 30 * HOUR, memory_bytes: 6_300_000, cpu_ms: 41_000, cpu_ms_minute: 140, cpu_ms_minute_most: 3_000, events: 212, calls: 64, bytes: 91_000, restarts: 1, kept_bytes: 12_400 },
    audit: [
      line(0, 40, "web.fetch", 3, 48_200), line(0, 38, "app.send_update", 12, 3_100), line(0, 21, "contacts.list", 4, 0, { refused: 4 }), line(0, 20, "app.open"),
      line(2, 12, "background.tell", 2, 210), line(2, 5, "app.updates", 7, 19_000), line(2, 1, "grant background: always"),
      line(26, 50, "peers.broadcast", 31, 9_800, { failed: 2 }), line(26, 44, "deny web: for now"), line(26, 40, "web.fetch", 1, 0, { refused: 1 }),
      { ...line(0, 5, "peers.list", 12, 600), kind: "plugin", name: "greeter" }, { ...line(0, 5, "node.status", 3, 156, { refused: 3 }), kind: "plugin", name: "greeter" },
    ],
  };
}

export function grantMethods(scene, emit, refuse) {
  const of = (id) => { const s = scene(), i = s.instances.find((x) => x.instance === id) ?? refuse("There is no such widget on the boards.", "not_found"); return { instance: id, name: i.name, uuid: i.uuid, level: { inst000000000000: "shipped", inst000000000004: "own" }[id] ?? "stranger", grants: s.grants.get(id) ?? [] }; };
  const one = (p) => scene().grants.get(p.instance)?.find((g) => g.permission === p.permission) ?? refuse(`Its manifest does not ask for ${p.permission}.`);
  const set = (p, more) => { Object.assign(one(p), more); emit({ event: "grants_changed", instance: p.instance }); return of(p.instance); };
  /** As the node decides: deny unless it was granted. */
  const needs = (id, permission, result) => {
    const s = scene(), g = s.grants.get(id)?.find((x) => x.permission === permission);
    if (!g) refuse(`Its manifest does not ask for ${permission}.`, "denied");
    if (g.state === "not_now" || g.state === "never") refuse("You said no to this.", "denied");
    if (s.once.delete(`${id} ${permission}`)) return result;
    if (g.state !== "allowed") refuse(`${permission} was not granted.`, "needs_grant", permission);
    return result;
  };
  return {
    "grant.list": ({ instance }) => (instance ? [of(instance)] : scene().instances.map((i) => of(i.instance))),
    "grant.give": (p) => {
      const g = one(p);
      if (g.private && scene().tier !== "strict" && !p.anyway) refuse("This browser cannot keep it in.");
      if (p.how === "once") { scene().once.add(`${p.instance} ${p.permission}`); return of(p.instance); }
      return set(p, { state: "allowed", how: p.how, since_ms: Date.now(), anyway: p.anyway ?? false });
    },
    "grant.deny": (p) => set(p, { state: p.never ? "never" : "not_now", how: null, since_ms: null }),
    "grant.revoke": (p) => set(p, { state: one(p).by_policy ? "allowed" : "ask", how: null, since_ms: null, anyway: false }),
    "grant.policy": () => scene().policy,
    "grant.set_policy": (p) => { scene().policy = { ...scene().policy, ...p }; return scene().policy; },
    "web.fetch": ({ instance, url }) => needs(instance, "web", { url, status: 200, headers: { "content-type": "text/plain" }, body: "c29vbg==" }),
    "contacts.list": ({ instance }) => needs(instance, "contacts", [{ name: "Mia", id: "c-mia", spaces: 3 }]),
    "notices.add": ({ instance, title, text }) => needs(instance, "notifications", (emit({ event: "notice", notice: { id: scene().nextNotice++, instance, title: title ?? "", text, href: null, time_ms: Date.now(), seen: false } }), {})),
    "background.status": ({ instance }) => needs(instance, "background", { has_component: true, running: true }),
    "background.tell": ({ instance, message }) => needs(instance, "background", (setTimeout(() => emit({ event: "background.message", instance, message: { heard: message } }), 20), {})),
    "component.list": () => (scene().component ? [{ ...scene().component, uuid: scene().instances.find((i) => i.instance === scene().component.instance)?.uuid ?? "" }] : []),
    "component.logs": () => [{ time_ms: Date.now() - 90_000, text: "8 answers so far" }, { time_ms: Date.now() - 30_000, text: "9 answers so far" }],
    "component.restart": ({ instance }) => { Object.assign(scene().component, { since_ms: Date.now(), restarts: scene().component.restarts + 1 }); emit({ event: "components_changed", instance, state: "running" }); return {}; },
    "audit.list": ({ name }) => scene().audit.filter((l) => !name || l.name === name),
    "mock.needs": ({ instance, permission }) => needs(instance, permission, {}),
    "mock.wanted": (p) => { emit({ event: "grant_wanted", ...p }); return {}; },
  };
}
