// directory.*, stats.* and the widget.* methods that show the directory, for the mock node.
import { hex, WIDGETS } from "./data.mjs";
import { PEOPLE, REPUTATION, UNKNOWN } from "./directory-data.mjs";

const DAY = 86_400_000;

/** `at()` gives the state of the scene, `emit` tells the open pages, `refuse` ends a call with a sentence. */
export function directoryMethods(at, emit, refuse) {
  const d = () => at().dir;
  const changed = () => emit({ event: "directory_changed", widgets: d().known.length });
  const widget = (uuid) => d().known.find((w) => w.uuid === uuid) ?? refuse("There is no such widget in the directory.", "not_found");
  const idOf = (key) => Object.keys(PEOPLE).find((id) => PEOPLE[id].key === key);
  const person = (id) => { const p = PEOPLE[id]; return { ...p, name: id === "me" ? at().name : p.name, trusted: d().trusted.has(id), trust: d().trusted.has(id) ? Math.max(p.trust, 0.5) : p.trust }; };
  const someone = (key) => { const id = idOf(key); return id ? person(id) : { key, name: "", trust: 0, me: false, trusted: d().trusted.has(key) }; };
  const ratings = (uuid) => d().ratings.get(uuid) ?? [];
  const listed = (subject) => d().certs.find((c) => c.role === "block" && c.subject === subject && d().lists.has(c.by));
  const blocked = (w) => {
    for (const subject of [w.uuid, w.author_key]) {
      const mine = d().blocked.find((b) => b.subject === subject), theirs = listed(subject);
      if (mine) return "You blocked it.";
      if (theirs) return `${PEOPLE[theirs.by].name} blocks it, whose block list you use.`;
    }
    return null;
  };
  const stars = (uuid) => {
    const heard = ratings(uuid).map((r) => [r.stars, 0.1 + person(r.by).trust]);
    return heard.length ? heard.reduce((n, [s, t]) => n + s * t, 0) / heard.reduce((n, [, t]) => n + t, 0) : null;
  };
  const trustedIds = () => [...d().trusted];
  const vouches = (w) => d().certs.filter((c) => c.role === "vouch" && (c.subject === w.uuid || c.subject === w.author_key) && (d().trusted.has(c.by) || c.by === "me"));
  const standing = (w) => ({
    stars: stars(w.uuid), ratings: ratings(w.uuid).length, users: at().name && d().compared ? w.users : 0, popularity: d().compared ? w.popularity : 0,
    known: new Set([...ratings(w.uuid).filter((r) => r.stars > 3).map((r) => r.by), ...vouches(w).map((c) => c.by)].filter((id) => d().trusted.has(id))).size,
    vouched: w.by === "me" || vouches(w).length > 0, blocked: blocked(w),
    warning: w.forked ? "Its author signed two different releases under one number; somebody else may have the key" : w.key === "shoutfake" ? "Its name looks like \"Shout\" by hedgerow, but it is by somebody else" : null,
    ancestor: w.ancestor ? d().known.find((x) => x.key === w.ancestor)?.uuid ?? null : null,
  });
  const summary = ({ key: _key, by: _by, users: _u, popularity: _p, ancestor: _a, pictures: _s, ...w }) => ({ ...w, installed: at().installed.get(w.uuid) ?? null, standing: standing(widget(w.uuid)) });
  const shown = () => d().known.filter((w) => !blocked(w));
  const by = (f) => (a, b) => f(b) - f(a);
  const activity = (w) => ratings(w.uuid).filter((r) => r.time_ms > Date.now() - 30 * DAY).length + d().comments.filter((c) => c.uuid === w.uuid && c.time_ms > Date.now() - 30 * DAY).length;
  const orders = { rating: (w) => stars(w.uuid) ?? 0, popular: (w) => w.users, newest: (w) => w.created_ms, active: activity };
  const cert = (c) => { const w = d().known.find((x) => x.uuid === c.subject); return { ...c, by: person(c.by), name: w?.name ?? someone(c.subject).name }; };
  const rating = (r) => ({ ...r, by: person(r.by) });
  const ratingsOf = ({ uuid, limit = 30, offset = 0 }) => {
    const list = ratings(uuid).toSorted((a, b) => Number(d().trusted.has(b.by)) - Number(d().trusted.has(a.by)) || b.time_ms - a.time_ms), mine = list.find((r) => r.by === "me");
    return { stars: stars(uuid), count: list.length, each: [1, 2, 3, 4, 5].map((n) => list.filter((r) => r.stars === n).length), mine: mine ? rating(mine) : null, list: list.slice(offset, offset + limit).map(rating) };
  };
  const comment = (c) => ({ ...c, by: person(c.by) });
  const own = (id) => { const c = d().comments.find((x) => x.id === id) ?? refuse("There is no such comment.", "not_found"); if (c.by !== "me") refuse("Only who wrote it can change it."); return c; };
  const settings = () => ({ ...d().settings, trusted: trustedIds().map((id) => (PEOPLE[id] ? person(id) : someone(id))), block_lists: [...d().lists].map((id) => (PEOPLE[id] ? person(id) : someone(id))), blocked: d().blocked });
  const setOf = (which, key, on) => { if (!/^[0-9a-f]{64}$/.test(key)) refuse("This is not a key. A key has 64 digits from 0 to 9 and a to f.", "bad_params"); d()[which][on ? "add" : "delete"](idOf(key) ?? key); changed(); return settings(); };
  const descent = (w, depth) => ({ uuid: w.uuid, name: w.name, author: w.author, ancestor: w.ancestor ? WIDGETS.find((x) => x.key === w.ancestor)?.uuid : null, depth, stars: stars(w.uuid), users: w.users, known: true });
  const lineage = ({ uuid }) => {
    let root = widget(uuid);
    while (root.ancestor) root = WIDGETS.find((w) => w.key === root.ancestor);
    const family = (w, depth) => [descent(w, depth), ...d().known.filter((x) => x.ancestor === w.key).flatMap((x) => family(x, depth + 1))];
    const old = root.key === "tinygo";
    const widgets = family(root, old ? 1 : 0);
    if (old) { widgets[0].ancestor = UNKNOWN.uuid; widgets.unshift({ ...UNKNOWN, ancestor: null, depth: 0, stars: null, users: 0, known: false }); }
    return { uuid, widgets };
  };
  const why = ({ uuid }) => {
    const w = widget(uuid), s = standing(w), reasons = [];
    const add = (weight, text) => reasons.push({ text, weight });
    if (w.by === "me") add(1, "You published it");
    for (const c of vouches(w)) add(0.7, c.subject === w.uuid ? `${person(c.by).name} vouches for it${c.reason ? `: “${c.reason}”` : ""}` : `${person(c.by).name} vouches for its author`);
    for (const r of ratings(uuid).filter((x) => d().trusted.has(x.by))) add((r.stars - 3) / 4, `${person(r.by).name}, whom you trust, gives it ${r.stars} of 5 stars`);
    if (w.users > 200) add(0.35, `About ${Math.round(w.popularity * 100)} of 100 peers use it, as far as their reports are believed`);
    const far = ratings(uuid).filter((x) => !d().trusted.has(x.by) && person(x.by).trust < 0.3).length;
    const bad = ratings(uuid).filter((x) => !d().trusted.has(x.by) && x.stars < 3).length;
    if (bad) add(-0.12, `${bad === 1 ? "1 person" : `${bad} people`} whom you hardly know rated it badly`);
    if (far) add(0.05, `${far} ${far === 1 ? "rating" : "ratings"} by people whom nobody of yours knows count little`);
    if (s.warning) add(-0.8, s.warning);
    if (s.blocked) add(-1, s.blocked);
    if (!reasons.length) add(0.02, "Nobody you trust said anything about it; it is shown because it is new");
    return { uuid, reasons: reasons.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)) };
  };
  const permissions = (w) => (w.key === "notes" || w.key === "timer" ? [] : [{ name: "peers", sentence: "Can talk to other people who use it", reason: "So that everyone sees the same" }, ...(w.key === "coins" ? [{ name: "contacts", sentence: "Can see your contacts", reason: "" }] : [])]);
  const releases = (w) => [
    { release: w.release, version: w.version, sequence: 3, created_ms: w.created_ms + 20 * DAY < Date.now() ? w.created_ms + 20 * DAY : w.created_ms, size: w.size, permissions: permissions(w) },
    { release: hex("old"), version: "0.9.0", sequence: 2, created_ms: w.created_ms - 9 * DAY, size: w.size - 900, permissions: [] },
    { release: hex("older"), version: "0.8.1", sequence: 1, created_ms: w.created_ms - 19 * DAY, size: w.size - 1400, permissions: [{ name: "camera", sentence: "Can use the camera", reason: "" }] },
  ];
  const picture = (path) => { const n = path.includes("one") ? 0 : path.includes("two") ? 1 : 2; return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200"><rect width="320" height="200" fill="${["#e6f1e9", "#e8eef6", "#f6eee2"][n]}"/><path d="M0 ${120 + n * 10}C60 60 110 180 170 110S270 60 320 130V200H0Z" fill="${["#2a7348", "#2f6fa5", "#8a5a12"][n]}"/><circle cx="${80 + n * 70}" cy="56" r="22" fill="#fff"/></svg>`; };
  const top = (w) => ({ uuid: w.uuid, name: w.name, author: w.author, icon: w.icon, stars: stars(w.uuid), users: w.users, popularity: w.popularity, created_ms: w.created_ms, installed: at().installed.has(w.uuid) });
  const persons = (limit, score, count) => Object.keys(PEOPLE).filter((id) => id !== "me" && score(id) > 0).map((id) => ({ name: PEOPLE[id].name, mark: PEOPLE[id].key.slice(0, 4), score: score(id), count: count(id) })).sort((a, b) => b.score - a.score).slice(0, limit);
  const published = (id) => d().known.filter((w) => w.by === id);

  return {
    "widget.search": ({ query = "", category, tag, author, order, vouched, stars: least, limit = 30, offset = 0 }) => {
      const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
      const found = shown().filter((w) => (!category || w.categories.includes(category)) && (!tag || w.tags.includes(tag)) && (!author || w.author_key === author) && (!vouched || standing(w).vouched) && (!least || (stars(w.uuid) ?? 0) >= least)
        && parts.every((p) => ` ${w.name} ${w.summary} ${w.tags.join(" ")} ${w.author}`.toLowerCase().includes(` ${p}`)));
      return (order ? found.toSorted(by(orders[order])) : found).slice(offset, offset + limit).map(summary);
    },
    "widget.categories": () => [...new Set(shown().flatMap((w) => w.categories))].map((category) => ({ category, widgets: shown().filter((w) => w.categories.includes(category)).length })),
    "widget.show": ({ uuid }) => {
      const w = widget(uuid), s = at();
      return { ...summary(w), description: `${w.summary}. It keeps working without a connection, and brings everything together when the others are back.`, permissions: permissions(w), releases: releases(w), local: s.installed.has(uuid), holders: d().compared ? 2 : 0, instances: s.instances.filter((i) => i.uuid === uuid).map((i) => i.instance),
        own: w.by === "me", previous: null, unpublished: Boolean(w.unpublished), pictures: w.pictures, forks: d().known.filter((x) => x.ancestor === w.key).length, certificates: d().certs.filter((c) => (c.subject === uuid || c.subject === w.author_key) && (d().trusted.has(c.by) || c.by === "me" || d().lists.has(c.by))).map(cert), by: w.unpublished ? null : person(w.by), threshold: w.key === "split" ? [2, 3] : [1, 1], fresh: d().compared > 3 };
    },
    "widget.files": ({ uuid }) => [{ path: "index.html", size: 812 }, { path: "manifest.toml", size: 240 }, { path: "app.js", size: 4200 }, ...widget(uuid).pictures.map((path) => ({ path, size: 700 }))],
    "widget.file": ({ path }) => (path.endsWith(".svg") ? { path, mime: "image/svg+xml", text: null, base64: Buffer.from(picture(path)).toString("base64") } : { path, mime: "text/plain", text: "name = \"Example\"\nlicense = \"MIT\"\n\n[hedgerow]\nversion = \"1.0.0\"\n", base64: null }),
    "widget.fork": ({ uuid }) => {
      const w = widget(uuid), copy = { ...w, uuid: `00000000-0000-8000-8000-0000000008${String(d().next++).padStart(2, "0").slice(-2)}`, key: `fork-of-${w.key}`, name: `${w.name} (fork)`, by: "me", author: at().name, author_key: PEOPLE.me.key, ancestor: w.key, users: 0, popularity: 0, created_ms: Date.now(), version: "0.1.0", unpublished: true, forked: false };
      d().known = [...d().known, copy];
      at().installed.set(copy.uuid, copy.version);
      changed();
      return { uuid: copy.uuid, version: copy.version, name: copy.name, release: null };
    },
    "widget.statistics": ({ uuid }) => { const w = widget(uuid), n = w.users; return { uuid, users: n, popularity: w.popularity, stars: stars(uuid), ratings: ratings(uuid).length, comments: d().comments.filter((c) => c.uuid === uuid && !c.issue).length, open_issues: d().comments.filter((c) => c.uuid === uuid && c.issue && !c.parent && !c.closed).length, forks: d().known.filter((x) => x.ancestor === w.key).length, versions: n ? [{ version: w.version, sequence: 3, users: Math.round(n * 0.74) }, { version: "0.9.0", sequence: 2, users: Math.round(n * 0.2) }, { version: "0.8.1", sequence: 1, users: n - Math.round(n * 0.74) - Math.round(n * 0.2) }] : [] }; },
    "directory.front": ({ limit = 12 }) => {
      const all = shown(), shelf = (name, list) => ({ name, widgets: list.slice(0, limit).map(summary) });
      const shelves = d().compared ? [shelf("trusted", all.filter((w) => standing(w).known > 0 || standing(w).vouched).sort(by((w) => standing(w).known))), shelf("top_rated", all.filter((w) => stars(w.uuid) >= 4).sort(by(orders.rating))), shelf("rising", all.filter((w) => w.created_ms > Date.now() - 60 * DAY && w.users > 20).sort(by(orders.popular))), shelf("active", all.filter((w) => activity(w) > 0).sort(by(activity))), shelf("newest", all.toSorted(by(orders.newest)))] : [shelf("newest", all.toSorted(by(orders.newest)))];
      return { shelves: shelves.filter((x) => x.widgets.length), widgets: d().known.length, compared: d().compared, compared_ms: d().compared_ms };
    },
    "directory.why": why,
    "directory.ratings": ratingsOf,
    "directory.rate": ({ uuid, stars: n, text = "" }) => { const list = ratings(uuid), old = list.find((r) => r.by === "me"); d().ratings.set(uuid, [...list.filter((r) => r !== old), { by: "me", stars: n, text, time_ms: Date.now(), edited: Boolean(old) }]); changed(); return ratingsOf({ uuid }); },
    "directory.unrate": ({ uuid }) => { d().ratings.set(uuid, ratings(uuid).filter((r) => r.by !== "me")); changed(); return ratingsOf({ uuid }); },
    "directory.comments": ({ uuid, issues = false }) => d().comments.filter((c) => c.uuid === uuid && c.issue === issues).map(comment),
    "directory.comment": ({ uuid, text, title, parent }) => { if (!text.trim() || title === "") refuse("write something first", "bad_params"); const issue = title !== undefined || Boolean(d().comments.find((c) => c.id === parent)?.issue), c = { id: hex(`n${d().next++}`), uuid, by: "me", title: title ?? "", text, parent: parent ?? null, issue, closed: false, time_ms: Date.now(), edited: false, removed: false }; d().comments.push(c); changed(); return comment(c); },
    "directory.edit_comment": ({ id, text, title }) => { const c = own(id); Object.assign(c, { text: text ?? c.text, title: title ?? c.title, edited: true, removed: false }); changed(); return comment(c); },
    "directory.remove_comment": ({ id }) => { const c = own(id); Object.assign(c, { removed: true, text: "" }); changed(); return comment(c); },
    "directory.close_issue": ({ id, closed }) => { const c = d().comments.find((x) => x.id === id); if (c.by !== "me" && widget(c.uuid).by !== "me") refuse("Only who opened it, or the author of the widget, can close it."); c.closed = closed; changed(); return comment(c); },
    "directory.lineage": lineage,
    "directory.person": ({ key }) => {
      const id = idOf(key), p = someone(key), mine = d().blocked.find((b) => b.subject === key), theirs = listed(key);
      const about = d().certs.filter((c) => c.subject === key).map(cert), given = d().certs.filter((c) => c.by === id).map(cert);
      const reasons = [...(p.trusted ? [{ text: "You put them on your list of trusted people", weight: 1 }] : []), ...about.filter((c) => c.by.trusted).map((c) => ({ text: c.role === "moderator" ? `${c.by.name} follows their judgement` : c.role === "vouch" ? `${c.by.name}, whom you trust, vouches for them` : `${c.by.name} speaks against them: ${c.reason}`, weight: c.role === "vouch" || c.role === "moderator" ? 0.6 : -0.6 })), ...(id === "janus" ? [{ text: "They signed two different releases under one number", weight: -1 }] : [])];
      return { ...p, reputation: REPUTATION[id] ?? 0, two_faced: id === "janus", blocked: mine ? "You blocked it." : theirs ? `${PEOPLE[theirs.by].name} blocks it, whose block list you use.` : null, widgets: d().known.filter((w) => w.author_key === key).map(summary), ratings: [...d().ratings.values()].flat().filter((r) => r.by === id).length, comments: d().comments.filter((c) => c.by === id).length, about, given, reasons };
    },
    "directory.certificates": ({ subject, by: from }) => d().certs.filter((c) => (!subject || c.subject === subject) && (!from || PEOPLE[c.by].key === from) && (subject || from || c.by === "me")).map(cert),
    "directory.certify": ({ role, subject, reason = "" }) => { const c = { id: hex(`${role}${subject}${d().next++}`), by: "me", role, subject, reason, time_ms: Date.now() }; d().certs = [...d().certs.filter((x) => x.by !== "me" || x.role !== role || x.subject !== subject), c]; changed(); return cert(c); },
    "directory.revoke": ({ role, subject }) => { d().certs = d().certs.filter((x) => x.by !== "me" || x.role !== role || x.subject !== subject); changed(); return {}; },
    "directory.block": ({ subject, reason = "", share = false }) => { d().blocked = [...d().blocked.filter((b) => b.subject !== subject), { subject, name: d().known.find((w) => w.uuid === subject)?.name ?? someone(subject).name, reason, shared: share }]; changed(); return settings(); },
    "directory.unblock": ({ subject }) => { d().blocked = d().blocked.filter((b) => b.subject !== subject); changed(); return settings(); },
    "directory.subscribe": ({ key }) => setOf("lists", key, true),
    "directory.unsubscribe": ({ key }) => setOf("lists", key, false),
    "directory.trust": ({ key }) => setOf("trusted", key, true),
    "directory.distrust": ({ key }) => setOf("trusted", key, false),
    "directory.settings": settings,
    "directory.set": (p) => { Object.assign(d().settings, p); return settings(); },
    "stats.top_widgets": ({ limit = 10 }) => shown().toSorted(by(orders.popular)).slice(0, limit).map(top),
    "stats.newest_widgets": ({ limit = 10 }) => shown().toSorted(by(orders.newest)).slice(0, limit).map(top),
    "stats.top_authors": ({ limit = 10 }) => persons(limit, (id) => REPUTATION[id] ?? 0, (id) => published(id).length),
    "stats.top_moderators": ({ limit = 10 }) => persons(limit, (id) => PEOPLE[id].trust, (id) => d().certs.filter((c) => c.by === id).length).filter((p) => p.count > 0),
    "stats.similar_peers": ({ limit = 10 }) => persons(limit, (id) => PEOPLE[id].trust * 0.8, (id) => Math.round(PEOPLE[id].trust * 9)),
  };
}
