// What the widgets of the front page have in common: a list from the node, read when it is looked at and every minute
// then, and how many entries it has, which the person sets and which is kept in the updates.
import { line } from "./check.js";
import { Choice, SIZES, starText } from "./choice.js";
import * as kit from "./kit.js";
import { initials, number } from "./people.js";
import { connect } from "./sync.js";

const { h, icon } = kit;
const EVERY = 60_000;
const safeIcon = (v) => (typeof v === "string" && v.length < 100_000 && /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/.test(v) ? v : "");
const uuid = (v) => (typeof v === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v) ? v : "");

/** A widget in a list: a click shows its page. `note` is the last line. */
export function widgetRow(entry, n, note) {
  const name = line(entry?.name, 80) || "Unnamed";
  const id = uuid(entry?.uuid);
  if (!id) return null;
  const picture = safeIcon(entry.icon);
  const stars = starText(entry.stars);
  return h("li", { "data-key": id },
    h("button", { type: "button", class: "entry", "data-do": "open", "data-uuid": id },
      h("span", { class: "rank", "aria-hidden": "true" }, String(n)),
      picture ? h("img", { src: picture, alt: "", width: 32, height: 32 }) : h("span", { class: "mono-icon", "aria-hidden": "true" }, initials(name)),
      h("span", { class: "what" }, h("b", null, name), h("span", { class: "sm soft" }, note(entry))),
      stars ? h("span", { class: "stars", title: `${stars} of 5 stars` }, icon("star"), h("span", { "aria-hidden": "true" }, stars), h("span", { class: "sr" }, `${stars} of 5 stars`)) : null,
      entry.installed === true && h("span", { class: "have", title: "Installed" }, icon("check"), h("span", { class: "sr" }, "Installed"))));
}

/** A person in a list: name, mark, a bar. `note` says what the count is. */
export function personRow(entry, n, note) {
  const name = line(entry?.name, 60) || "someone";
  const mark = line(entry?.mark, 12);
  const share = Math.round(100 * Math.max(0, Math.min(1, Number(entry?.score) || 0)));
  return h("li", { class: "entry person", "data-key": `${mark}/${name}` },
    h("span", { class: "rank", "aria-hidden": "true" }, String(n)),
    h("span", { class: `face f${number(mark + name) % 6}`, "aria-hidden": "true" }, initials(name)),
    h("span", { class: "what" }, h("span", null, h("b", null, name), " ", h("span", { class: "sm soft mark" }, mark)), h("span", { class: "sm soft" }, note(entry))),
    h("span", { class: "score", role: "img", "aria-label": `${share} of 100`, title: `${share} of 100` }, h("i", { style: `width:${share}%` })));
}

/**
 * Runs a list. `read(stats, limit)` asks the node; `row(entry, place)` draws one; `empty` says what an empty list means.
 */
export function run({ title, read, row, empty }) {
  const choice = new Choice();
  const net = connect((payload, meta) => choice.apply(payload, meta), draw);
  const trouble = kit.watchTrouble(net);
  let list = null;
  let failed = "";
  let asked = 0;

  async function refresh() {
    const stats = window.hedgerow?.stats;
    const turn = (asked += 1);
    try {
      if (!stats) throw new Error("This list comes from Hedgerow's directory; elsewhere there is none.");
      const answer = await read(stats, choice.size(net.self.addr));
      if (turn !== asked) return;
      list = Array.isArray(answer) ? answer.slice(0, 100) : [];
      failed = "";
    } catch (error) {
      if (turn === asked) failed = error.message;
    }
    draw();
  }

  function body() {
    // What was there stays while the node is away.
    if (list === null) return failed ? h("div", { class: "empty", "data-key": "failed" }, h("p", null, failed), h("button", { type: "button", class: "btn", "data-do": "again" }, "Try again")) : h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    if (list.length === 0) return h("div", { class: "empty", "data-key": "empty" }, h("h2", null, empty.title), h("p", null, empty.text));
    return h("ol", { class: "entries", "aria-label": title, "data-key": "list" }, list.map((entry, n) => row(entry, n + 1)));
  }

  function draw() {
    trouble();
    if (!net.ready) return;
    const size = choice.size(net.self.addr);
    const sizes = SIZES.includes(size) ? SIZES : [...SIZES, size].sort((a, b) => a - b);
    kit.paint(document.getElementById("list"), body());
    kit.paint(document.getElementById("size"), sizes.map((n) => h("option", { value: n, selected: n === size, "data-key": `n${n}` }, String(n))));
    document.getElementById("size").value = String(size);
  }

  kit.actions({
    open: (node) => Promise.resolve(window.hedgerow?.openWidget?.(node.dataset.uuid)).catch((error) => kit.toast(error.message)),
    again: () => void refresh(),
    size: (node) => {
      net.send({ k: "size", n_max: Number(node.value), rev: choice.next(net.self.addr) });
      void refresh();
    },
  });
  const looked = () => document.visibilityState === "visible";
  document.addEventListener("visibilitychange", () => looked() && void refresh());
  setInterval(() => looked() && void refresh(), EVERY);
  // The kept choice has come by then.
  const wait = setInterval(() => net.ready && (clearInterval(wait), void refresh()), 20);
}
