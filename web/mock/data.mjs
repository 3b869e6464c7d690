// In-memory data behind the mock node: enough to draw every screen. For developing and the smoke walk only.
const now = Date.now();
const hex = (seed) => { let h = 2166136261, out = ""; for (let i = 0; i < 64; i += 1) { h = Math.imul(h ^ (seed.charCodeAt(i % seed.length) + i), 16777619) >>> 0; out += (h & 15).toString(16); } return out; };
const icon = (emojiPath, colour) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="${colour}"/><path d="${emojiPath}" fill="none" stroke="#fff" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>`)}`;

export const WIDGETS = [
  ["shout", "Shout", "Talk in the open with everyone in a space", "talk", "#7a4bb8", "M12 14h24v16H22l-7 6v-6h-3z"],
  ["poll", "Poll", "Ask a question, see the answers as they come", "decide", "#2f6fa5", "M14 34V22M24 34V12M34 34V26"],
  ["checklist", "Checklist", "One list, ticked off together, also offline", "plan", "#2a7348", "M12 16l4 4 6-8M12 32l4 4 6-8M28 18h9M28 34h9"],
  ["whiteboard", "Whiteboard", "Draw together, live", "draw", "#b04357", "M12 34c6-14 10-18 14-18s0 14 4 14 4-8 6-12"],
  ["notes", "Notes", "Your own notes on all of your devices", "plan", "#8a5a12", "M15 12h18v24H15zM20 20h8M20 27h8"],
  ["meet", "Meeting finder", "Find the day that suits most", "plan", "#1f7a6d", "M12 16h24v20H12zM12 23h24M18 12v7M30 12v7"],
].map(([key, name, summary, category, colour, path], n) => ({
  uuid: `00000000-0000-8000-8000-00000000000${n}`, key, name, version: n === 1 ? "1.1.0" : "1.0.0", author: n % 2 ? "fern" : "hedgerow", author_key: hex(n % 2 ? "fern" : "hedge"), release: hex(key), license: "MIT",
  summary, categories: [category], tags: [key], size: 14_000 + n * 9_100, created_ms: now - n * 86_400_000 * 3, icon: icon(path, colour), installed: null, forked: false,
}));

export const QR = (() => {
  let cells = "", h = 7;
  for (let y = 0; y < 29; y += 1) for (let x = 0; x < 29; x += 1) { h = (Math.imul(h, 1103515245) + 12345) >>> 0; const edge = (a, b) => a < 7 && b < 7; const eye = edge(x, y) || edge(28 - x, y) || edge(x, 28 - y); if (eye ? ((x % 22) % 6 === 0 || (y % 22) % 6 === 0 || ((x % 22) > 1 && (x % 22) < 5 && (y % 22) > 1 && (y % 22) < 5)) : h & 0x10000) cells += `M${x} ${y}h1v1h-1z`; }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 33 33"><path fill="#fff" d="M-2-2h33v33h-33z"/><path d="${cells}"/></svg>`;
})();

export const RECOVERY = "orbit maple canyon velvet ticket lunar basket ridge whisper copper meadow anchor".split(" ");

export function state(scene) {
  const s = {
    name: "", recovery: false, instances: [], removed: new Map(), members: new Map(), updates: new Map(),
    layout: { revision: 1, boards: [{ id: "home", name: "Home", tiles: [] }] }, notices: [], peers: [], plugins: [], nextNotice: 1, next: 1, installed: new Map(),
  };
  if (scene === "empty") return s;
  s.name = "Robin";
  s.recovery = true;
  const asks = (name, sentence, reason, granted) => ({ name, sentence, reason, granted });
  const own = { version: "0.1.0", hash: hex("toml"), why: null, sandbox: false, rights: "Runs with all your rights: it can read, change and send whatever you can. Allow it only if you trust who wrote it", autostart: true, restart: "on-failure", pid: null, since_ms: null, restarts: 0, last_exit: null, memory_bytes: null, cpu_ms: null, processes: null, log_bytes: 0 };
  s.plugins = [
    { ...own, name: "greeter", description: "Says who is connected", command: ["python3", "main.py"], folder: "/data/plugins/greeter", state: "running", allowed: true, pid: 4711, since_ms: now - 4_000_000, memory_bytes: 14_400_000, cpu_ms: 2_300, processes: 1, log_bytes: 4_200, permissions: [asks("contacts", "Can see who is connected", "To see who is connected", true), asks("notifications", "Can notify you", "To tell you", true)] },
    { ...own, name: "mail-bridge", description: "Brings mail of the club into a widget", command: ["./bridge", "--quiet"], folder: "/data/plugins/mail-bridge", state: "held", why: "ended 6 times in a row, last: exit code 3; look at its logs, then start it", allowed: true, restarts: 5, last_exit: "exit code 3", log_bytes: 61_000, sandbox: true, rights: "Runs fenced in: it reads what belongs to the system and its own folder, writes only its own data, and opens TCP connections only if you grant \"network\". UDP is not fenced", permissions: [asks("network", "Can reach other machines by itself", "To fetch the mail", true)] },
    { ...own, name: "statistics", description: "Draws how many people use what", command: ["node", "main.js"], folder: "/data/plugins/statistics", state: "new", why: "waits for your yes", allowed: false, permissions: [asks("directory", "Can search the directory of widgets", "To count what is there", false), asks("node", "Can see the name, the id and the state of this node", "To name the picture", false)] },
  ];
  const me = { pseudonym: "p-me", name: "Robin", me: true, owner: true, online: true, last_change_ms: now - 60_000 };
  const mia = { pseudonym: "p-mia", name: "Mia", me: false, owner: false, online: true, last_change_ms: now - 120_000 };
  const tom = { pseudonym: "p-tom", name: "Tom", me: false, owner: false, online: false, last_change_ms: now - 7_200_000 };
  s.peers = [
    { node: hex("mia"), user: hex("miau"), name: "Mia", path: "direct", rtt_ms: 24, since_ms: now - 3_600_000, last_seen_ms: now, bytes_in: 1_204_000, bytes_out: 310_000, own: false, blocked: false },
    { node: hex("laptop"), user: hex("me"), name: "Robin's laptop", path: "lan", rtt_ms: 2, since_ms: now - 600_000, last_seen_ms: now, bytes_in: 88_000, bytes_out: 91_000, own: true, blocked: false },
    { node: hex("tom"), user: hex("tomu"), name: "Tom", path: "none", rtt_ms: null, since_ms: null, last_seen_ms: now - 7_200_000, bytes_in: 0, bytes_out: 0, own: false, blocked: false },
  ];
  const place = (n, name, space, tile, members = [me], more = {}) => {
    const w = WIDGETS[n], id = `inst${String(n).padStart(12, "0")}`;
    s.installed.set(w.uuid, n === 1 ? "1.0.0" : w.version);
    s.instances.push({ instance: id, uuid: w.uuid, name, space, space_id: hex(id), widget_name: w.name, summary: null, document: null, icon: w.icon, owner: true, members: members.length, online: members.filter((m) => m.online && !m.me).length, unsent: 0, version: w.version, closed: false, missing: false, ...more });
    s.members.set(id, members);
    s.layout.boards[0].tiles.push({ instance: id, ...tile });
  };
  place(0, "Shout", "public", { x: 0, y: 0, w: 4, h: 4 }, [me, mia, tom]);
  place(1, "Which car?", "invited", { x: 4, y: 0, w: 4, h: 3 }, [me, mia], { summary: "8 of 11 voted" });
  place(2, "Packing list", "invited", { x: 8, y: 0, w: 4, h: 3 }, [me, tom], { unsent: 2 });
  place(3, "Topo sketch", "invited", { x: 4, y: 3, w: 5, h: 4 }, [me, mia, tom]);
  place(4, "Notes", "private", { x: 9, y: 3, w: 3, h: 4 });
  s.layout.boards.push({ id: "family", name: "Family", tiles: [] }, { id: "club", name: "Climbing club", tiles: [] });
  s.notices.push({ id: s.nextNotice++, instance: "inst000000000001", title: "Which car?", text: "Mia voted for Tom's van", href: "#votes", time_ms: now - 240_000, seen: false });
  return s;
}
export { hex };
