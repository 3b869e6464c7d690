import { line } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { brief, connect } from "./shared/sync.js";
import { Lists, MAX_TEXT, pasted } from "./state.js";

const { h, icon } = kit;
const $ = (name) => document.getElementById(name);
let editing = null;
let naming = null;
let hideDone = kit.local.get("hide", false) === true;
let held = null;

const lists = new Lists(String(window.webxdc.selfAddr || "me"), (payload) => net.send(payload, () => {
  const { done, all } = lists.count();
  return { summary: `${done} of ${all} done`, document: brief(lists.view()[0].name || "Checklist") };
}));
const net = connect((payload, meta) => lists.apply(payload, meta), draw);
const { self, people } = net;
const trouble = kit.watchTrouble(net);
$("section").prepend(icon("add"));
$("sweep").append(icon("bin"));

// Who: "@address" for somebody here, else a name as typed.
const whoName = (who) => (who.startsWith("@") ? people.label(who.slice(1)) : who);
function whoValue(typed) {
  const name = line(typed, 60).replace(/^@/, "");
  if (!name) return "";
  if (/^(me|you)$/i.test(name)) return `@${self.addr}`;
  const known = people.all().find((p) => p.name.toLowerCase() === name.toLowerCase());
  return known ? `@${known.addr}` : name;
}

function editForm(item) {
  return h("form", { class: "edit", "data-do": "save", "data-id": item.id, "data-key": `e${item.id}` },
    h("input", { name: "text", "data-own": true, value: item.text, maxlength: MAX_TEXT, "aria-label": "Item", autocomplete: "off" }),
    h("input", { name: "who", "data-own": true, value: item.who ? whoName(item.who) : "", maxlength: 60, list: "who", "aria-label": "For whom", placeholder: "For whom? (optional)", autocomplete: "off" }),
    h("div", { class: "row end" },
      h("button", { type: "button", class: "btn", "data-do": "stop" }, "Cancel"),
      h("button", { type: "submit", class: "btn p" }, "Save")));
}

function itemRow(item, sections) {
  if (editing === item.id) return h("li", { "data-key": item.id }, editForm(item));
  const others = sections.filter((s) => s.id !== item.in);
  const me = item.who === `@${self.addr}`;
  return h("li", { class: `item${item.done ? " done" : ""}${held === item.id ? " held" : ""}`, "data-key": item.id, "data-id": item.id },
    h("label", { class: "check" },
      h("input", { type: "checkbox", checked: item.done, "data-do": "tick", "data-id": item.id, "aria-label": item.text })),
    h("button", { type: "button", class: "text", "data-do": "edit", "data-id": item.id, "aria-label": `Edit ${item.text}`, title: "Edit" }, item.text),
    kit.menu(`Options for ${item.text}`, "more", null,
      kit.menuItem("user", "Assign", { "data-do": "assign", "data-id": item.id }),
      kit.menuItem("up", "Move up", { "data-do": "up", "data-id": item.id }),
      kit.menuItem("down", "Move down", { "data-do": "down", "data-id": item.id }),
      others.slice(0, 8).map((s) => kit.menuItem("right", `To ${s.name || "the top"}`, { "data-do": "to", "data-id": item.id, "data-section": s.id })),
      kit.menuItem("bin", "Delete", { "data-do": "delete", "data-id": item.id })),
    kit.iconButton("grip", `Move ${item.text}: drag, or use the up and down arrow keys`, { class: "ib grip", title: "Drag, or use the arrow keys", "data-grip": item.id }),
    item.who && h("span", { class: me ? "chip me" : "chip", title: `For ${whoName(item.who)}` }, h("span", { class: "sr" }, "for "), whoName(item.who)));
}

function header(section, only) {
  if (naming === section.id) {
    return h("form", { class: "row", "data-do": "name", "data-id": section.id, "data-key": `n${section.id}` },
      h("input", { name: "name", "data-own": true, value: section.name, maxlength: 80, "aria-label": "Name of the section", autocomplete: "off" }),
      h("button", { type: "submit", class: "btn p" }, "Save"));
  }
  if (!section.name && only) return null;
  if (!section.name && section.items.length === 0) return null;
  const done = section.items.filter((i) => i.done).length;
  return h("header", { "data-key": "head" },
    h("h2", null, section.name || "List", section.items.length > 0 && h("span", { class: "n" }, `${done} of ${section.items.length}`)),
    kit.menu(`Options for ${section.name || "List"}`, "more", null,
      kit.menuItem("edit", "Rename", { "data-do": "rename", "data-id": section.id }),
      section.id !== "main" && kit.menuItem("bin", "Delete section", { "data-do": "drop", "data-id": section.id })));
}

function sectionBox(section, all) {
  const only = all.length === 1;
  const items = hideDone ? section.items.filter((i) => !i.done || i.id === editing) : section.items;
  const label = section.name || "List";
  const hidden = section.items.length - items.length;
  return h("section", { class: only ? "section only" : "section", "data-key": section.id, "data-section": section.id, "aria-label": label },
    header(section, only),
    items.length > 0 && h("ul", { "data-key": "items" }, items.map((i) => itemRow(i, all))),
    hidden > 0 && h("p", { class: "all", "data-key": "hidden" }, `${hidden} done, hidden`),
    h("form", { class: "add", "data-do": "add", "data-id": section.id, "data-key": "add" }, icon("add"),
      h("input", { name: "text", "data-own": true, id: `add-${section.id}`, maxlength: MAX_TEXT, placeholder: "Add an item", "aria-label": `Add to ${label}`, autocomplete: "off", enterkeyhint: "enter" })));
}

function draw() {
  trouble();
  if (!net.ready || held) return;
  const all = lists.view();
  const { done, all: total } = lists.count();
  const empty = total === 0 && all.length === 1 && naming === null;
  $("foot").hidden = empty;
  $("count").textContent = `${done} of ${total} done`;
  $("sweep").disabled = done === 0;
  $("hide").setAttribute("aria-pressed", String(hideDone));
  $("hide").setAttribute("aria-label", "Hide done items");
  $("hide").title = hideDone ? "Show done items" : "Hide done items";
  kit.paint($("hide"), icon("eye"));
  kit.paint($("who"), people.all().map((p) => h("option", { value: p.addr === self.addr ? "me" : p.name })));
  kit.paint($("lists"),
    empty && h("div", { class: "empty", "data-key": "empty" },
      h("h2", null, "An empty list"),
      h("p", null, "Everyone who shares this widget can add items and tick them off, also while offline."),
      h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("span", null, "Stove, coffee, first-aid kit")),
      h("p", { class: "sm" }, "Write the first item below, or paste a whole list.")),
    // Without a name and without items the first section only shows its field when it stands alone.
    all.filter((s) => s.id !== "main" || s.name || s.items.length > 0 || all.length === 1 || naming === "main").map((s) => sectionBox(s, all)));
}

const find = (key) => lists.view().flatMap((s) => s.items).find((i) => i.id === key);

function where(key) {
  const all = lists.view();
  const s = all.findIndex((x) => x.items.some((i) => i.id === key));
  return { all, s, at: s < 0 ? -1 : all[s].items.findIndex((i) => i.id === key) };
}

/** One step up or down, into the neighbouring section at its end. */
function step(key, by) {
  const { all, s, at } = where(key);
  if (s < 0) return;
  const item = all[s].items[at];
  const to = at + by;
  if (to >= 0 && to < all[s].items.length) lists.move(key, all[s].id, to);
  else if (all[s + by]) lists.move(key, all[s + by].id, by < 0 ? all[s + by].items.length : 0);
  else return kit.announce(`${item.text} is ${by < 0 ? "first" : "last"} already`);
  draw();
  const now = where(key);
  kit.announce(`${item.text}: place ${now.at + 1} of ${now.all[now.s].items.length}${now.all[now.s].name ? ` in ${now.all[now.s].name}` : ""}`);
}

function edit(key, field = "text") {
  editing = key;
  draw();
  const input = document.querySelector(`.edit [name=${field}]`);
  input?.focus();
  input?.select();
}

function stop() {
  const key = editing;
  editing = null;
  naming = null;
  draw();
  document.querySelector(`.item[data-id="${CSS.escape(key ?? "")}"] .text`)?.focus();
}

function rename(section) {
  naming = section;
  draw();
  const input = document.querySelector("form[data-do=name] input");
  input?.focus();
  input?.select();
}

kit.actions({
  add: (form) => {
    const input = form.elements.text;
    lists.add(form.dataset.id, input.value);
    input.value = "";
    draw();
    input.focus();
    input.scrollIntoView({ block: "nearest" });
  },
  tick: (node) => lists.set(node.dataset.id, { done: node.checked }),
  edit: (node) => edit(node.dataset.id),
  assign: (node) => edit(node.dataset.id, "who"),
  stop,
  save: (form) => {
    const { id } = form.dataset;
    lists.setText(id, form.elements.text.value);
    lists.set(id, { who: whoValue(form.elements.who.value) });
    stop();
  },
  up: (node) => step(node.dataset.id, -1),
  down: (node) => step(node.dataset.id, 1),
  to: (node) => lists.move(node.dataset.id, node.dataset.section, 1e9),
  delete: (node) => {
    const item = find(node.dataset.id);
    const row = node.closest(".item");
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".text");
    lists.set(item.id, { gone: true });
    draw();
    next?.focus();
    kit.toast(`Deleted "${brief(item.text, 30)}".`, () => lists.set(item.id, { gone: false }));
  },
  sweep: () => {
    const done = lists.view().flatMap((s) => s.items).filter((i) => i.done).map((i) => i.id);
    lists.setMany(done, { gone: true });
    kit.toast(`Removed ${done.length} done ${done.length === 1 ? "item" : "items"}.`, () => lists.setMany(done, { gone: false }));
  },
  hide: () => {
    hideDone = !hideDone;
    kit.local.set("hide", hideDone);
    draw();
  },
  section: () => rename(lists.addSection("New section")),
  rename: (node) => rename(node.dataset.id),
  name: (form) => {
    lists.setSection(form.dataset.id, { name: line(form.elements.name.value, 80) });
    const box = `add-${form.dataset.id}`;
    stop();
    $(box)?.focus();
  },
  drop: (node) => {
    const section = lists.view().find((s) => s.id === node.dataset.id);
    const items = section.items.map((i) => i.id);
    lists.setMany(items, { gone: true });
    lists.setSection(section.id, { gone: true });
    kit.toast(`Deleted "${brief(section.name, 24)}" with ${items.length} ${items.length === 1 ? "item" : "items"}.`, () => {
      lists.setSection(section.id, { gone: false });
      lists.setMany(items, { gone: false });
    });
  },
});

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Escape" && (editing || naming)) {
    event.preventDefault();
    return stop();
  }
  if (target.dataset?.grip && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(target.dataset.grip, event.key === "ArrowUp" ? -1 : 1);
  }
});
document.addEventListener("paste", (event) => {
  const form = event.target.closest?.("form.add");
  if (!form) return;
  const rows = pasted(event.clipboardData.getData("text/plain"));
  if (rows.length < 2) return;
  event.preventDefault();
  const added = rows.map((text) => lists.add(form.dataset.id, text)).filter(Boolean);
  draw();
  kit.toast(`Added ${added.length} items.`, () => lists.setMany(added, { gone: true }));
});

// ---- dragging ------------------------------------------------------------------------------------------------
let target = null;

function clearMarks() {
  for (const node of document.querySelectorAll(".before, .after, .into")) node.classList.remove("before", "after", "into");
}

function aim(x, y) {
  clearMarks();
  target = null;
  const under = document.elementFromPoint(x, y);
  const section = under?.closest(".section");
  if (!section) return;
  const row = under.closest(".item");
  if (!row) {
    section.classList.add("into");
    target = { section: section.dataset.section, before: null };
    return;
  }
  const box = row.getBoundingClientRect();
  const after = y > box.top + box.height / 2;
  row.classList.add(after ? "after" : "before");
  target = { section: section.dataset.section, row: row.dataset.id, after };
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  if (!grip || event.button !== 0) return;
  event.preventDefault();
  grip.focus();
  held = grip.dataset.grip;
  grip.closest(".item").classList.add("held");
  grip.setPointerCapture(event.pointerId);
  const box = $("lists");
  const move = (e) => {
    aim(e.clientX, e.clientY);
    const edge = box.getBoundingClientRect();
    if (e.clientY < edge.top + 30) box.scrollTop -= 12;
    if (e.clientY > edge.bottom - 30) box.scrollTop += 12;
  };
  const end = (e) => {
    grip.removeEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) grip.removeEventListener(name, end);
    const key = held;
    held = null;
    clearMarks();
    if (e.type === "pointerup" && target && target.row !== key) {
      const others = lists.view().find((s) => s.id === target.section)?.items.filter((i) => i.id !== key) ?? [];
      const at = others.findIndex((i) => i.id === target.row);
      lists.move(key, target.section, at < 0 ? others.length : at + (target.after ? 1 : 0));
    }
    target = null;
    draw();
  };
  grip.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) grip.addEventListener(name, end);
});
