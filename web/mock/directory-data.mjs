// The directory behind the mock node: widgets that come from each other, people, and what they say. For developing and the smoke walk only.
import { hex, WIDGETS } from "./data.mjs";
import { createHash } from "node:crypto";

const now = Date.now(), DAY = 86_400_000;
const keyOf = (id) => createHash("sha256").update(`author ${id}`).digest("hex");
const icon = (path, colour) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="${colour}"/><path d="${path}" fill="none" stroke="#fff" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"/></svg>`)}`;

/** Name, trust, whether the owner trusts them. */
export const PEOPLE = Object.fromEntries([
  ["me", "Robin", 1, false], ["mia", "Mia", 0.94, true], ["tom", "Tom", 0.88, true], ["fern", "fern", 0.71, false], ["hedge", "hedgerow", 0.8, true],
  ["anouk", "Anouk", 0.46, false], ["moss", "moss", 0.62, false], ["kestrel", "kestrel", 0.55, false], ["ola", "Ola", 0.2, false], ["wren", "wren", 0.12, false],
  ["juniper", "juniper", 0.04, false], ["coin", "coinking", 0, false], ["janus", "janus", 0, false], ["fern2", "fern", 0, false],
].map(([id, name, trust, trusted]) => [id, { key: keyOf(id), name, trust, me: id === "me", trusted }]));
export const REPUTATION = { me: 0.3, fern: 0.86, hedge: 0.91, mia: 0.64, moss: 0.7, kestrel: 0.41, anouk: 0.35, ola: 0.12, wren: 0.1 };

//  key, name, one line, category, tags, colour, icon, author, users, popularity, days old, ancestor, extra
const ROWS = [
  ["tides", "Tide table", "Tides for 900 harbours, works offline", "outdoors", "sea sailing tides", "#2f6fa5", "M10 28c4-6 8-6 12 0s8 6 12 0M10 20c4-6 8-6 12 0s8 6 12 0", "moss", 1240, 0.31, 210],
  ["recipes", "Recipe box", "Share, scale and shop together", "home", "cooking shopping", "#b0562f", "M12 22h24c0 8-5 13-12 13s-12-5-12-13zM18 12v4M24 12v4M30 12v4", "anouk", 860, 0.22, 160],
  ["tinygo", "Tiny Go", "The game of Go on nine lines", "games", "go board", "#5a655c", "M14 14v20M24 14v20M34 14v20M14 14h20M14 24h20M14 34h20", "juniper", 130, 0.02, 400],
  ["goboard", "Go board", "Play slowly with a friend", "games", "go board slow", "#1f7a6d", "M14 14v20M24 14v20M34 14v20M14 14h20M14 24h20M14 34h20", "fern", 940, 0.24, 120, "tinygo"],
  ["gohandicap", "Go with handicap", "Fair games between strong and new players", "games", "go board handicap", "#3c6e4c", "M14 14v20M24 14v20M34 14v20M14 14h20M14 24h20M14 34h20", "kestrel", 210, 0.06, 30, "goboard"],
  ["goteach", "Go lessons", "Problems of the day, with hints", "games", "go learning", "#7a4bb8", "M12 16h24v18H12zM18 16v-4M30 16v-4M20 25l3 3 6-6", "mia", 96, 0.03, 9, "goboard"],
  ["gotiny13", "Tiny Go 13", "Thirteen lines instead of nine", "games", "go board", "#8a5a12", "M14 14v20M24 14v20M34 14v20M14 14h20M14 24h20M14 34h20", "wren", 12, 0, 200, "tinygo"],
  ["birds", "Bird log", "What flew by, and where, noted together", "outdoors", "birds nature log", "#3f7d4f", "M12 30c6 2 14 0 18-8l6-4-7-2c-4-4-10-2-10 4-3 4-7 6-11 6z", "mia", 320, 0.11, 75],
  ["split", "Split the bill", "Who paid what, and who owes whom", "home", "money trip", "#1f6a7a", "M12 14h24v22l-4-3-4 3-4-3-4 3-4-3-4 3zM18 21h12M18 27h8", "hedge", 690, 0.19, 140],
  ["splitrate", "Split with currencies", "The bill of a journey through five countries", "home", "money trip currency", "#2f6f8f", "M12 20h24l-6-6M36 28H12l6 6", "ola", 44, 0.01, 6, "split"],
  ["sky", "Night sky", "Which stars stand over you now", "outdoors", "stars astronomy", "#33406e", "M24 10l3 8 8 1-6 6 2 9-7-5-7 5 2-9-6-6 8-1z", "moss", 410, 0.12, 50],
  ["cards", "Flash cards", "Learn words with friends, a little each day", "learning", "language vocabulary", "#a8503f", "M13 17h18v18H13zM18 12h18v18", "fern", 530, 0.15, 95],
  ["garden", "Word garden", "A word a day that grows with everybody's guesses", "games", "words daily", "#4f8a3c", "M24 36V22M24 22c0-6-4-10-10-10 0 7 4 10 10 10zM24 26c0-5 4-8 10-8 0 6-4 8-10 8z", "anouk", 720, 0.2, 40],
  ["trail", "Trail map", "Draw the way, meet on the way", "outdoors", "map hiking", "#7a6a1f", "M12 14l8-3 8 3 8-3v23l-8 3-8-3-8 3zM20 11v23M28 14v23", "kestrel", 260, 0.08, 65],
  ["seeds", "Seed swap", "Who has which seeds to give away", "home", "garden swap", "#5f7d2f", "M16 32c0-10 6-16 16-18 0 12-4 18-16 18zM16 32l8-8", "wren", 58, 0.02, 18],
  ["books", "Book shelf", "Lend books among neighbours", "home", "books lending", "#6e4a33", "M14 12h6v24h-6zM22 12h6v24h-6zM31 13l5 1-4 22-5-1z", "hedge", 380, 0.1, 88],
  ["timer", "Tea timer", "One timer, heard in the whole house", "home", "timer kitchen", "#8a5a12", "M24 16v9l6 4M24 36a12 12 0 1 0 0-24 12 12 0 0 0 0 24M20 8h8", "ola", 71, 0.02, 4],
  ["weather", "Weather glass", "Pressure from your neighbours' barometers", "outdoors", "weather", "#4a6fa0", "M24 36a12 12 0 1 0 0-24 12 12 0 0 0 0 24M24 24l6-6", "me", 23, 0.01, 21],
  ["chores", "Fair chores", "Whose turn it is, without a word about it", "plan", "home chores", "#6a4b8f", "M12 16l4 4 6-8M12 32l4 4 6-8M28 18h9M28 34h9", "me", 151, 0.05, 70, "checklist"],
  ["coins", "Free coins", "Get rich while you sleep", "games", "coins free", "#b08a12", "M24 36a12 12 0 1 0 0-24 12 12 0 0 0 0 24M24 18v12M20 21h6M20 27h8", "coin", 9, 0, 3],
  ["shoutfake", "Shоut", "Talk in the open with everyone in a space", "talk", "chat", "#7a4bb8", "M12 14h24v16H22l-7 6v-6h-3z", "fern2", 2, 0, 2],
  ["clockface", "Two clocks", "Times of people far away", "plan", "time clock", "#7d3f4f", "M20 30a9 9 0 1 0 0-18 9 9 0 0 0 0 18M20 17v4l3 2M30 34a8 8 0 0 0 3-15", "janus", 64, 0.02, 33],
];

for (const [n, [key, name, summary, category, tags, colour, path, by, users, popularity, days, ancestor]] of ROWS.entries()) {
  WIDGETS.push({
    uuid: `00000000-0000-8000-8000-0000000001${String(n).padStart(2, "0")}`, key, name, summary, version: days > 60 ? "1.4.0" : "1.0.0", author: PEOPLE[by].name, author_key: PEOPLE[by].key, by, release: hex(key), license: n % 3 ? "MIT" : "GPL-3.0-or-later",
    categories: [category], tags: tags.split(" "), size: 9_000 + n * 5_300, created_ms: now - days * DAY, icon: icon(path, colour), installed: null, forked: by === "janus", users, popularity, ancestor: ancestor ?? null,
    pictures: ["tides", "goboard", "recipes", "garden"].includes(key) ? ["shots/one.svg", "shots/two.svg", "shots/three.svg"] : [],
  });
}
for (const w of WIDGETS) {
  if (w.by) continue;
  Object.assign(w, { by: w.author === "fern" ? "fern" : "hedge", users: 300, popularity: 0.1, ancestor: null, pictures: [] });
  w.author_key = PEOPLE[w.by].key;
}
/** One that is only known as the ancestor of another. */
export const UNKNOWN = { uuid: "00000000-0000-8000-8000-0000000009ff", name: "Stones", author: "hobbyist" };

const SAY = {
  tides: [["mia", 5, "Right for Douarnenez to five minutes, and it needs no signal out there.", 8], ["tom", 5, "", 20], ["fern", 4, "Wind would be nice.", 31], ["kestrel", 5, "Calm and quick.", 44], ["ola", 4, "", 60], ["juniper", 2, "My harbour is missing.", 3]],
  recipes: [["tom", 5, "We plan the whole week with it.", 5], ["mia", 4, "Scaling for seven people works.", 15], ["moss", 4, "", 25]],
  goboard: [["tom", 5, "One move a day with my father.", 6], ["mia", 5, "", 12], ["anouk", 5, "Beautiful board.", 30], ["wren", 4, "", 33], ["ola", 5, "", 41]],
  gohandicap: [["tom", 4, "Now we both enjoy it.", 4], ["fern", 5, "Good fork; I took the clock from it.", 10]],
  goteach: [["kestrel", 5, "", 2]], tinygo: [["kestrel", 3, "A good start, others went on from here.", 90]],
  birds: [["tom", 5, "The heron is mine.", 14], ["anouk", 4, "", 21]], split: [["mia", 5, "No quarrels since.", 9], ["fern", 5, "", 16], ["anouk", 4, "", 50]],
  sky: [["mia", 4, "", 7], ["kestrel", 5, "The map of the winter sky is a joy.", 11]], cards: [["tom", 4, "", 13], ["moss", 5, "Thirty words a week.", 18]],
  garden: [["mia", 5, "First thing with my coffee.", 1], ["tom", 5, "", 2], ["kestrel", 4, "", 3]], trail: [["moss", 4, "", 27]], books: [["mia", 4, "", 35], ["anouk", 5, "Half the street is in.", 36]],
  weather: [["mia", 4, "Shows the front before it is here.", 3], ["tom", 3, "Needs more neighbours.", 8]], chores: [["anouk", 5, "", 12], ["ola", 4, "Nobody argues any more.", 30]],
  coins: [["coin", 5, "Best widget ever", 1], ["mia", 1, "Asks for your contacts and does nothing.", 1]], clockface: [["tom", 4, "", 30]],
};
const TALK = {
  tides: [["mia", "Could it remember the last harbour?", 6, [["moss", "From 1.4.0 on it does.", 5, [["mia", "Thank you, I have it.", 4]]], ["tom", "For me the list of three harbours is enough.", 5]]], ["ola", "Is the data for Bergen from this year?", 2, []], ["juniper", null, 12, [["moss", "Sorry to hear; write me the harbour.", 11]]]],
  goboard: [["anouk", "Somebody for a slow game? I am around 8 kyu.", 3, [["tom", "Yes, but only one move a day.", 2]]]],
  weather: [["mia", "Works well in the valley.", 9, []]],
};
const ISSUES = {
  tides: [["ola", "Harbours south of the equator are off by an hour", "Since the change of the clocks, Cape Town shows high water an hour early.", 4, false, [["moss", "Found it. In the next release.", 3]]], ["tom", "Print a week on one page", "", 22, true, []]],
  weather: [["tom", "Reading jumps when the phone is turned", "Turning it to the side changes the pressure by 3 hPa for a second.", 5, false, [["me", "That is the cabin's fan, I think. Looking at it.", 4]]], ["mia", "Inches of mercury", "", 20, true, []]],
  chores: [["ola", "A week off for holidays", "", 2, false, []]],
};
const CERTS = [
  ["mia", "vouch", "w:tides", "Used it at sea for two summers.", 40], ["tom", "vouch", "p:moss", "Met at the harbour, honest work.", 90], ["mia", "vouch", "p:fern", "", 120], ["hedge", "vouch", "w:recipes", "", 30], ["kestrel", "vouch", "w:garden", "Read the source of 1.0.0.", 12],
  ["mia", "moderator", "p:kestrel", "Sorts out fakes quickly.", 60], ["tom", "vouch", "w:goboard", "", 70], ["anouk", "vouch", "w:goboard", "Played 40 games.", 20], ["fern", "vouch", "w:gohandicap", "", 9], ["moss", "vouch", "w:sky", "", 25],
  ["kestrel", "block", "w:coins", "Asks for contacts without a use for them", 1], ["kestrel", "report", "w:shoutfake", "The name is written with a Cyrillic letter", 1], ["kestrel", "block", "p:janus", "Two different releases under one number", 5], ["me", "vouch", "w:birds", "Mia's, and I read it.", 33],
];

/** The state of a scene: what was said and set. `empty` is a fresh node; `bare` has not even starters. */
export function directoryState(scene) {
  const known = scene === "bare" ? [] : scene === "empty" ? WIDGETS.slice(0, 6) : WIDGETS;
  const d = { known, ratings: new Map(), comments: [], certs: [], trusted: new Set(), lists: new Set(), blocked: [], next: 1, compared: 0, compared_ms: null,
    settings: { share_installs: true, collect: true, collect_unknown: false, collect_disk: 500e6, collect_daily: 50e6, collected: 0, updates: "trusted", update_hold_hours: 24 } };
  if (scene === "empty" || scene === "bare") return d;
  const of = (key) => WIDGETS.find((w) => w.key === key).uuid, at = (days) => now - days * DAY;
  for (const [key, list] of Object.entries(SAY)) d.ratings.set(of(key), list.map(([by, stars, text, days]) => ({ by, stars, text, time_ms: at(days), edited: days === 15 })));
  const write = (uuid, parent, [by, text, days, replies = []]) => {
    const id = hex(`c${d.next}`); d.next += 1;
    d.comments.push({ id, uuid, by, title: "", text: text ?? "", parent, issue: false, closed: false, time_ms: at(days), edited: false, removed: text === null });
    for (const reply of replies) write(uuid, id, reply);
  };
  for (const [key, list] of Object.entries(TALK)) for (const one of list) write(of(key), null, one);
  for (const [key, list] of Object.entries(ISSUES)) for (const [by, title, text, days, closed, replies] of list) {
    const id = hex(`i${d.next}`); d.next += 1;
    d.comments.push({ id, uuid: of(key), by, title, text, parent: null, issue: true, closed, time_ms: at(days), edited: false, removed: false });
    for (const [who, what, when] of replies) { d.comments.push({ id: hex(`i${d.next}`), uuid: of(key), by: who, title: "", text: what, parent: id, issue: true, closed: false, time_ms: at(when), edited: false, removed: false }); d.next += 1; }
  }
  d.certs = CERTS.map(([by, role, subject, reason, days]) => { const [kind, key] = subject.split(":"); return { id: hex(`${by}${role}${subject}`), by, role, subject: kind === "w" ? of(key) : PEOPLE[key].key, reason, time_ms: at(days) }; });
  d.trusted = new Set(Object.entries(PEOPLE).filter(([, p]) => p.trusted).map(([id]) => id));
  d.lists = new Set(["kestrel"]);
  d.blocked = [{ subject: of("gotiny13"), name: "Tiny Go 13", reason: "Does not start here", shared: false }];
  Object.assign(d, { compared: 7, compared_ms: now - 4 * 60_000 });
  d.settings.collected = 84e6;
  return d;
}
