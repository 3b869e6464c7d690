import { line, rid } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { brief, connect } from "./shared/sync.js";
import { addDays, between, dayDate, dayText, ics, inputText, weeks } from "./dates.js";
import { Calendar, eventValue, MAX_SLOTS } from "./state.js";

const { h, icon } = kit;
const $ = (name) => document.getElementById(name);
const DAY = 86_400_000;
const LANG = navigator.language || "en";
const monthName = new Intl.DateTimeFormat(LANG, { month: "long", year: "numeric" });
const weekday = new Intl.DateTimeFormat(LANG, { weekday: "short" });
const fullDay = new Intl.DateTimeFormat(LANG, { dateStyle: "full" });
const FIRST_DAY = (() => {
  try {
    const locale = new Intl.Locale(LANG);
    return (locale.getWeekInfo?.() ?? locale.weekInfo).firstDay;
  } catch {
    return 1;
  }
})();
const VIEWS = { month: "Month", agenda: "Agenda", meets: "Find a time" };
let view = Object.hasOwn(VIEWS, kit.local.get("view", "")) ? kit.local.get("view", "month") : "month";
let chosen = dayText(new Date());
let editing = null;

const calendar = new Calendar();
const net = connect((payload, meta) => calendar.apply(payload, meta), draw);
const { self, people } = net;
const trouble = kit.watchTrouble(net);
for (const node of document.querySelectorAll(".x")) node.append(icon("close"));
$("add").append(icon("add"));
$("slot").prepend(icon("add"));

// ---- events as rows ------------------------------------------------------------------------------------------
function hours({ event, start, end }, dayStart) {
  if (event.allDay) return "all day";
  const from = start < dayStart ? "…" : kit.clockTime(start);
  return `${from}–${end > dayStart + DAY ? "…" : kit.clockTime(end)}`;
}

function eventRow(o, dayStart) {
  const { event } = o;
  const more = [event.place, event.note && brief(event.note, 160), event.repeat && `repeats ${event.repeat}`].filter(Boolean).join(" · ");
  return h("li", { "data-key": `${event.id}@${o.start}` },
    h("button", { type: "button", class: "ev", "data-do": "edit", "data-id": event.id, title: `Last changed by ${people.label(event.by)}` },
      h("time", { datetime: new Date(o.start).toISOString() }, hours(o, dayStart)), h("b", null, event.title), more && h("span", { class: "soft" }, more)));
}

const onDay = (date) => between(calendar.events(), date.getTime(), addDays(date, 1).getTime());

// ---- month ---------------------------------------------------------------------------------------------------
function cell(date, month, busy) {
  const text = dayText(date);
  const its = busy.get(text) ?? [];
  const today = text === dayText(new Date());
  const label = `${fullDay.format(date)}${today ? ", today" : ""}${its.length > 0 ? `, ${its.length} ${its.length === 1 ? "event" : "events"}` : ""}`;
  const style = ["d", date.getMonth() !== month && "out", today && "today"].filter(Boolean).join(" ");
  return h("td", { role: "gridcell", "aria-selected": String(text === chosen) },
    h("button", { type: "button", class: style, "data-do": "day", "data-day": text, "aria-label": label, tabindex: text === chosen ? 0 : -1 },
      h("span", { class: "num" }, String(date.getDate())),
      h("span", { class: "dots" }, its.slice(0, 3).map(() => h("i"))),
      h("span", { class: "titles" }, its.slice(0, its.length > 3 ? 2 : 3).map((o) => h("span", null, o.event.title)), its.length > 3 && h("span", { class: "rest" }, `${its.length - 2} more`))));
}

function monthView() {
  const at = dayDate(chosen);
  const rows = weeks(at.getFullYear(), at.getMonth(), FIRST_DAY);
  const busy = new Map();
  for (const o of between(calendar.events(), rows[0][0].getTime(), addDays(rows.at(-1)[6], 1).getTime())) {
    for (let d = new Date(Math.max(o.start, rows[0][0].getTime())), n = 0; n < 62 && (d.getTime() < o.end || n === 0); d = addDays(new Date(d.getFullYear(), d.getMonth(), d.getDate()), 1), n += 1) {
      const text = dayText(d);
      if (!busy.has(text)) busy.set(text, []);
      busy.get(text).push(o);
    }
  }
  const its = onDay(at);
  return h("div", { class: "month", "data-key": "month" },
    h("header", null,
      h("h2", { id: "month-name", "aria-live": "polite" }, monthName.format(at)),
      h("button", { type: "button", class: "btn", "data-do": "today" }, "Today"),
      kit.iconButton("left", "Month before", { "data-do": "turn", "data-by": -1 }),
      kit.iconButton("right", "Month after", { "data-do": "turn", "data-by": 1 })),
    h("div", { class: "cal" }, h("table", { role: "grid", "aria-labelledby": "month-name" },
      h("thead", null, h("tr", null, rows[0].map((d) => h("th", { scope: "col" }, weekday.format(d))))),
      h("tbody", null, rows.map((week) => h("tr", null, week.map((d) => cell(d, at.getMonth(), busy))))))),
    h("section", { class: "day", "aria-label": fullDay.format(at) },
      h("header", null, h("h2", null, kit.dayName(at.getTime())), h("button", { type: "button", class: "btn", "data-do": "addOn" }, icon("add"), "Event")),
      its.length === 0 ? h("p", { class: "soft pad" }, "Nothing planned on this day.") : h("ul", { class: "stack tight" }, its.map((o) => eventRow(o, at.getTime())))));
}

// ---- agenda --------------------------------------------------------------------------------------------------
function agendaView() {
  const today = kit.startOfDay(Date.now());
  const coming = between(calendar.events(), today, today + 366 * DAY).slice(0, 200);
  if (coming.length === 0) {
    return h("div", { class: "empty", "data-key": "none" },
      h("h2", null, "Nothing planned"),
      h("p", null, "Everyone who shares this widget sees the dates, and can add and change them."),
      h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("span", null, "Saturday 9:00, climbing at the quarry")),
      h("button", { type: "button", class: "btn p", "data-do": "addOn" }, icon("add"), "New event"));
  }
  const days = new Map();
  for (const o of coming) {
    const at = Math.max(today, kit.startOfDay(o.start));
    if (!days.has(at)) days.set(at, []);
    days.get(at).push(o);
  }
  return h("div", { class: "agenda", "data-key": "agenda" }, [...days].sort(([a], [b]) => a - b).map(([at, its]) =>
    h("section", { class: "group", "data-key": `d${at}` }, h("h2", null, kit.dayName(at)), h("ul", { class: "stack tight" }, its.map((o) => eventRow(o, at))))));
}

// ---- find a time ---------------------------------------------------------------------------------------------
const MARKS = [[2, "yes", "check", "y"], [1, "maybe", "maybe", "m"], [0, "no", "close", "n"]];
const when = (s) => `${kit.shortDate(s.start)} ${kit.clockTime(s.start)}–${kit.clockTime(s.end)}`;

function slotRow(meet, slot) {
  const mine = calendar.marksOf(meet.key, self.addr).marks.get(slot.id);
  const best = slot.id === (meet.chosen || meet.best);
  const name = `${meet.key}-${slot.id}`;
  return h("li", { class: best ? "slot best" : "slot", "data-key": slot.id },
    h("div", { class: "when" },
      h("b", { title: kit.exactTime(slot.start) }, kit.shortDate(slot.start)), " ", h("span", null, `${kit.clockTime(slot.start)}–${kit.clockTime(slot.end)}`),
      h("div", { class: "tally" },
        h("span", { class: "soft" }, `${slot.yes.length} yes · ${slot.maybe.length} maybe · ${slot.no.length} no`),
        best && h("span", { class: "chip" }, icon("star"), meet.chosen ? "Chosen" : "Best so far"))),
    meet.closed ? null : h("div", { class: "seg", role: "radiogroup", "aria-label": when(slot) }, MARKS.map(([mark, label, glyph, style]) =>
      h("label", { class: style, title: label }, h("input", { type: "radio", name, value: mark, checked: mine === mark, "data-do": "mark", "data-meet": meet.key, "data-slot": slot.id, "aria-label": label }), icon(glyph)))));
}

function whoTable(meet) {
  if (meet.people.length === 0) return null;
  const word = (mark) => MARKS.find(([m]) => m === mark);
  return h("details", { class: "who", "data-key": "who" },
    h("summary", null, `Who said what (${meet.people.length} ${meet.people.length === 1 ? "person" : "people"})`),
    h("div", { class: "grid", tabindex: 0, role: "region", "aria-label": "Who said what" }, h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Who"), meet.slots.map((s) => h("th", { scope: "col" }, `${kit.shortDate(s.start)} ${kit.clockTime(s.start)}`)))),
      h("tbody", null, meet.people.slice(0, 100).map((who) => h("tr", null, h("th", { scope: "row" }, people.label(who)), meet.slots.map((s) => {
        const its = word(meet.answers.get(who).get(s.id));
        return h("td", { class: its?.[3] ?? "" }, its ? [icon(its[2]), h("span", { class: "sr" }, its[1])] : h("span", { class: "sr" }, "no answer"));
      })))))));
}

function meetCard(meet) {
  const mine = meet.by === self.addr;
  const pick = meet.best && meet.slots.find((s) => s.id === meet.best);
  return h("article", { class: "meet", "data-key": meet.key, "aria-label": meet.title },
    h("header", null, h("h2", null, meet.title),
      mine && kit.menu(`Options for ${meet.title}`, "more", null,
        meet.closed ? kit.menuItem("open", "Ask again", { "data-do": "reopen", "data-meet": meet.key }) : kit.menuItem("lock", "Stop asking", { "data-do": "close", "data-meet": meet.key }),
        kit.menuItem("bin", "Delete", { "data-do": "deleteMeet", "data-meet": meet.key }))),
    h("ul", { class: "stack tight" }, meet.slots.map((s) => slotRow(meet, s))),
    h("p", { class: "sm soft" }, `asked by ${mine ? "you" : people.name(meet.by)}${meet.closed ? " · closed" : ""}${meet.people.length === 0 ? " · nobody answered yet" : ""}`),
    whoTable(meet),
    mine && !meet.closed && pick && h("button", { type: "button", class: "btn", "data-do": "take", "data-meet": meet.key }, icon("calendar"), `Take ${kit.shortDate(pick.start)} ${kit.clockTime(pick.start)}`));
}

function meetsView() {
  const all = calendar.meets();
  const open = all.filter((m) => !m.closed);
  const closed = all.filter((m) => m.closed);
  return h("div", { class: "meets", "data-key": "meets" },
    all.length === 0 && h("div", { class: "empty", "data-key": "none" },
      h("h2", null, "When does it suit everybody?"),
      h("p", null, "Propose some times. Everyone here says yes, maybe or no, and the best one stands out."),
      h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("span", null, "Planning evening: Tue 19:00, Wed 19:00 or Thu 20:00")),
      h("button", { type: "button", class: "btn p", "data-do": "newMeet" }, icon("add"), "Propose times")),
    open.map(meetCard),
    closed.length > 0 && h("h2", { class: "part", "data-key": "closed" }, "Closed"),
    closed.map(meetCard));
}

function draw() {
  trouble();
  kit.paint($("tabs"), Object.entries(VIEWS).map(([name, label]) =>
    h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-selected": String(view === name), "aria-controls": "view", tabindex: view === name ? 0 : -1, "data-do": "tab", "data-view": name }, label)));
  $("view").setAttribute("aria-label", VIEWS[view]);
  const label = view === "meets" ? "Propose times" : "New event";
  $("add").setAttribute("aria-label", label);
  $("add").title = label;
  if (!net.ready) return;
  kit.paint($("more"), kit.menu("More", "more", { "data-key": "more" },
    kit.menuItem("save", "Export all as .ics", { "data-do": "export", disabled: calendar.events().length === 0 })));
  kit.paint($("view"), view === "month" ? monthView() : view === "agenda" ? agendaView() : meetsView());
}

// ---- changes -------------------------------------------------------------------------------------------------
function extras() {
  const now = Date.now();
  const next = between(calendar.events(), now, now + 400 * DAY).find((o) => o.end > now);
  return { summary: next ? brief(`${kit.shortDate(next.start)}: ${next.event.title}`, 40) : "Nothing planned", document: "Calendar" };
}

const setEvent = (eventId, value) => net.send({ k: "ev", id: eventId, prev: calendar.seen(eventId), v: value }, extras);

function setMeet(meet, change = {}, more) {
  const { id, title, slots, chosen: slot, closed, deleted, made } = meet;
  net.send({ k: "meet", id, title, slots: slots.map((s) => ({ i: s.id, s: s.start, e: s.end })), chosen: slot, closed, deleted, made, rev: (meet.rev ?? -1) + 1, ...change }, more ?? extras);
}

function go(text, focus) {
  chosen = text;
  draw();
  if (focus) document.querySelector(`[data-day="${chosen}"]`)?.focus();
}

function problem(form, text, field) {
  const box = form.querySelector(".problem");
  box.textContent = text;
  box.hidden = text === "";
  field?.focus();
}

function showAllDay() {
  const on = $("allday").checked;
  for (const name of ["start", "end"]) $(name).hidden = on;
  for (const name of ["first", "last"]) $(name).hidden = !on;
}

function eventForm(event, date) {
  editing = event?.id ?? null;
  $("event-title").textContent = event ? "Change event" : "New event";
  $("delete").hidden = !event;
  const now = new Date();
  const from = dayText(now) === date ? now.getHours() + 1 : 18;
  const start = event?.start ?? addHours(dayDate(date), Math.min(23, from));
  $("title").value = event?.title ?? "";
  $("allday").checked = event?.allDay ?? false;
  $("start").value = inputText(start);
  $("end").value = inputText(event?.end ?? start + 3_600_000);
  $("first").value = event?.first ?? dayText(new Date(start));
  $("last").value = event?.last ?? dayText(new Date(start));
  $("repeat").value = event?.repeat ?? "";
  $("place").value = event?.place ?? "";
  $("note").value = event?.note ?? "";
  problem($("event"), "");
  showAllDay();
  $("event").showModal();
  $("title").focus();
}

const addHours = (date, n) => new Date(date.getFullYear(), date.getMonth(), date.getDate(), n).getTime();
const at = (name) => new Date($(name).value).getTime();

function slotRowForm(t) {
  const n = $("slots").children.length + 1;
  if (n > MAX_SLOTS) return;
  $("slots").append(h("input", { type: "datetime-local", class: "slot-in", "aria-label": `Time ${n}`, value: t ? inputText(t) : "" }));
}

kit.actions({
  tab: (node) => {
    view = node.dataset.view;
    kit.local.set("view", view);
    draw();
    $("view").scrollTop = 0;
    node.focus();
  },
  day: (node) => go(node.dataset.day, true),
  today: () => go(dayText(new Date())),
  turn: (node) => {
    const d = dayDate(chosen);
    const to = new Date(d.getFullYear(), d.getMonth() + Number(node.dataset.by), 1);
    const last = new Date(to.getFullYear(), to.getMonth() + 1, 0).getDate();
    go(dayText(new Date(to.getFullYear(), to.getMonth(), Math.min(d.getDate(), last))));
  },
  add: () => (view === "meets" ? openMeet() : eventForm(null, chosen)),
  addOn: () => eventForm(null, chosen),
  edit: (node) => eventForm(calendar.event(node.dataset.id)),
  closeForm: (node) => node.closest("dialog").close(),
  saveEvent: (form) => {
    const allDay = $("allday").checked;
    const value = {
      title: line($("title").value, 120), allDay, repeat: $("repeat").value, place: $("place").value, note: $("note").value,
      ...(allDay ? { first: $("first").value, last: $("last").value } : { start: at("start"), end: at("end") }),
    };
    if (!value.title) return problem(form, "Write what it is.", $("title"));
    if (!allDay && !(value.start > 0)) return problem(form, "Choose when it starts.", $("start"));
    if (!allDay && !(value.end >= value.start)) return problem(form, "It ends before it starts.", $("end"));
    if (allDay && value.last < value.first) return problem(form, "The last day is before the first.", $("last"));
    const clean = eventValue(value);
    if (!clean) return problem(form, "These dates do not work: at most 60 days, between 2000 and 2199.");
    $("event").close();
    setEvent(editing ?? rid(), clean);
    go(allDay ? clean.first : dayText(new Date(clean.start)));
  },
  deleteEvent: () => {
    const event = calendar.event(editing);
    $("event").close();
    setEvent(event.id, { ...event, deleted: true });
    kit.toast(`Deleted "${brief(event.title, 30)}".`, () => setEvent(event.id, { ...event, deleted: false }));
  },
  newMeet: () => openMeet(),
  moreSlot: () => {
    const last = [...$("slots").children].map((i) => new Date(i.value).getTime()).filter((t) => t > 0).at(-1);
    slotRowForm(last ? addDays(new Date(last), 1).getTime() : null);
    $("slots").lastElementChild.focus();
  },
  saveMeet: (form) => {
    const title = line($("topic").value, 120);
    const starts = [...new Set([...$("slots").children].map((i) => new Date(i.value).getTime()).filter((t) => t > 0))];
    if (!title) return problem(form, "Write what it is for.", $("topic"));
    if (starts.length < 2) return problem(form, "Give at least two times.", $("slots").firstElementChild);
    $("meet").close();
    view = "meets";
    const long = Number($("long").value) * 60_000;
    setMeet({ id: rid(), title, slots: starts.map((s) => ({ id: rid(), start: s, end: s + long })), chosen: "", closed: false, deleted: false, made: Date.now() }, {}, {
      info: brief(`${self.name} asks when: ${title}`, 50), summary: "A time is wanted", document: "Calendar",
    });
  },
  mark: (node) => {
    const { meet, slot } = node.dataset;
    const { rev, marks } = calendar.marksOf(meet, self.addr);
    net.send({ k: "marks", meet, rev: rev + 1, m: [...new Map(marks).set(slot, Number(node.value))] });
  },
  close: (node) => setMeet(calendar.meet(node.dataset.meet), { closed: true }),
  reopen: (node) => setMeet(calendar.meet(node.dataset.meet), { closed: false, chosen: "" }),
  deleteMeet: (node) => {
    const meet = calendar.meet(node.dataset.meet);
    setMeet(meet, { deleted: true });
    kit.toast(`Deleted "${brief(meet.title, 30)}".`, () => setMeet({ ...meet, rev: meet.rev + 1 }, { deleted: false }));
  },
  take: (node) => {
    const meet = calendar.meet(node.dataset.meet);
    const slot = meet.slots.find((s) => s.id === meet.best);
    const eventId = rid();
    const value = { title: meet.title, start: slot.start, end: slot.end };
    setMeet(meet, { closed: true, chosen: slot.id });
    setEvent(eventId, value);
    kit.toast(`${when(slot)} is in the calendar.`, () => {
      setEvent(eventId, { ...value, deleted: true });
      setMeet({ ...meet, rev: meet.rev + 1 }, { closed: false, chosen: "" });
    });
  },
  export: () => kit.giveFile("calendar.ics", new Blob([ics(calendar.events())], { type: "text/calendar" })),
});

function openMeet() {
  $("topic").value = "";
  $("slots").replaceChildren();
  const soon = addHours(addDays(new Date(), 1), 19);
  slotRowForm(soon);
  slotRowForm(addDays(new Date(soon), 1).getTime());
  slotRowForm(null);
  problem($("meet"), "");
  $("meet").showModal();
  $("topic").focus();
}

$("allday").addEventListener("change", showAllDay);
// The end moves with the start.
let startBefore = 0;
$("start").addEventListener("focus", () => { startBefore = at("start"); });
$("start").addEventListener("change", () => {
  if (startBefore > 0 && at("start") > 0 && at("end") > 0) $("end").value = inputText(at("end") + at("start") - startBefore);
  startBefore = at("start");
});
$("first").addEventListener("change", () => {
  if ($("last").value < $("first").value) $("last").value = $("first").value;
});

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (target.matches?.("[role=tab]") && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const names = Object.keys(VIEWS);
    const next = names[(names.indexOf(view) + (event.key === "ArrowRight" ? 1 : names.length - 1)) % names.length];
    $(`tab-${next}`).click();
    return event.preventDefault();
  }
  if (!target.dataset?.day || event.ctrlKey || event.metaKey || event.altKey) return;
  const d = dayDate(target.dataset.day);
  const inWeek = (d.getDay() - (FIRST_DAY % 7) + 7) % 7;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7, Home: -inWeek, End: 6 - inWeek };
  let to = null;
  if (event.key in moves) to = addDays(d, moves[event.key]);
  if (event.key === "PageUp" || event.key === "PageDown") {
    const by = event.key === "PageUp" ? -1 : 1;
    const last = new Date(d.getFullYear(), d.getMonth() + by + 1, 0).getDate();
    to = new Date(d.getFullYear(), d.getMonth() + by, Math.min(d.getDate(), last));
  }
  if (!to) return;
  event.preventDefault();
  go(dayText(to), true);
});
setInterval(() => document.visibilityState === "visible" && draw(), 60_000);
draw();
