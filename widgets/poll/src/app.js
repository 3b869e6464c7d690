import { line, rid } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { brief, connect } from "./shared/sync.js";
import { MAX_OPTION, MAX_OPTIONS, Polls } from "./state.js";

const { h, icon } = kit;
const $ = (name) => document.getElementById(name);
const polls = new Polls();
const net = connect((payload, meta) => polls.apply(payload, meta), draw);
const { self, people } = net;
const trouble = kit.watchTrouble(net);
$("x").append(icon("close"));
$("ask").prepend(icon("add"));

const counted = (n, one, many) => `${n} ${n === 1 ? one : many}`;

function optionRow(poll, n) {
  const votes = poll.votes[n];
  const share = poll.people === 0 ? 0 : Math.round((100 * votes.length) / poll.people);
  const mine = (poll.picked.get(self.addr) ?? []).includes(n);
  const shown = votes.slice(0, 4);
  return h("li", { "data-key": `o${n}` },
    h("button", {
      type: "button", class: `opt${poll.multi ? " many" : ""}${poll.best.includes(n) ? " best" : ""}`,
      "aria-pressed": mine ? "true" : "false", title: `${share} %`, disabled: !poll.open,
      "data-do": "vote", "data-poll": poll.key, "data-n": n,
    },
      h("i", { style: `width:${share}%` }),
      h("span", { class: "mark" }, icon("check")),
      h("span", { class: "name" }, poll.options[n]),
      h("span", { class: "faces", "aria-hidden": "true" }, shown.map((a) => kit.face(a, people.name(a), true))),
      h("span", { class: "n" }, String(votes.length), h("span", { class: "sr" }, ` ${votes.length === 1 ? "vote" : "votes"}, ${share} %`))));
}

function whoVoted(poll) {
  if (poll.people === 0) return null;
  return h("details", { class: "who", "data-key": "who" },
    h("summary", null, "Who voted"),
    h("dl", null, poll.options.flatMap((text, n) => (poll.votes[n].length === 0 ? [] : [
      h("dt", null, text),
      h("dd", null, poll.votes[n].slice(0, 200).map((a) => h("span", { class: "p" }, kit.face(a, people.name(a), true), people.label(a)))),
    ]))));
}

function ending(poll) {
  if (!poll.open) return `closed ${kit.relativeTime(poll.end)}`;
  if (poll.end === Infinity) return null;
  const day = kit.dayName(poll.end);
  return `closes ${day === "Today" ? "today" : day === "Tomorrow" ? "tomorrow" : kit.shortDate(poll.end)} ${kit.clockTime(poll.end)}`;
}

function card(poll) {
  const mine = poll.by === self.addr;
  const items = [
    mine && poll.open && kit.menuItem("lock", "Close now", { "data-do": "close", "data-poll": poll.key }),
    mine && !poll.open && kit.menuItem("open", "Re-open", { "data-do": "reopen", "data-poll": poll.key }),
    mine && kit.menuItem("bin", "Delete", { "data-do": "delete", "data-poll": poll.key }),
    poll.open && poll.picked.has(self.addr) && kit.menuItem("undo", "Withdraw my vote", { "data-do": "withdraw", "data-poll": poll.key }),
  ].filter(Boolean);
  const end = ending(poll);
  const facts = [
    poll.people === 0 ? "Nobody voted yet" : `${counted(poll.people, "person", "people")} voted`,
    poll.multi ? "several answers allowed" : null,
    `asked by ${mine ? "you" : people.name(poll.by)}`,
  ].filter(Boolean).join(" · ");
  return h("article", { class: "poll", "data-key": poll.key, "aria-label": poll.q },
    h("header", null, h("h2", null, poll.q), items.length > 0 && kit.menu(`Options for ${poll.q}`, "more", null, ...items)),
    h("ul", { class: "stack tight", "aria-label": poll.multi ? "Answers, several can be chosen" : "Answers, one can be chosen" }, poll.options.map((_, n) => optionRow(poll, n))),
    h("p", { class: "sm soft" }, facts, end && [" · ", h("span", { title: kit.exactTime(poll.end) }, end)]),
    whoVoted(poll));
}

function emptyState() {
  return h("div", { class: "empty", "data-key": "empty" },
    h("h2", null, "No polls yet"),
    h("p", null, "Ask a question, and everyone who shares this widget can answer. Votes can be changed until it closes."),
    h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("span", null, "Which car do we take? Tom's van, the train, Mia's car")),
    h("button", { type: "button", class: "btn p", "data-do": "new" }, icon("add"), "New poll"));
}

function draw() {
  trouble();
  if (!net.ready) return;
  const all = polls.view(Date.now());
  const open = all.filter((p) => p.open);
  const closed = all.filter((p) => !p.open);
  $("foot").hidden = all.length === 0;
  kit.paint($("polls"),
    all.length === 0 && emptyState(),
    open.map(card),
    closed.length > 0 && h("h2", { class: "part", "data-key": "closed" }, "Closed"),
    closed.map(card));
}

function extras() {
  const open = polls.view(Date.now()).filter((p) => p.open);
  const one = open.length === 1 ? open[0] : null;
  return {
    summary: one ? brief(counted(one.people, "person voted", "people voted")) : counted(open.length, "open poll", "open polls"),
    document: brief(one ? one.q : "Poll"),
  };
}

const find = (key) => polls.view(Date.now()).find((p) => p.key === key);

function vote(poll, picks) {
  net.send({ k: "vote", poll: poll.key, rev: polls.nextRev(poll.key, self.addr), picks }, extras);
}

function setState(poll, change) {
  const { rev, closed, reopened, deleted } = polls.stateOf(poll);
  net.send({ k: "state", id: poll.id, closed, reopened, deleted, ...change, rev: rev + 1 }, extras);
}

// ---- the form ------------------------------------------------------------------------------------------------
function fields(count) {
  const box = $("options");
  while (box.children.length < Math.min(count, MAX_OPTIONS)) {
    const n = box.children.length + 1;
    box.append(h("input", { class: "answer", maxlength: MAX_OPTION, autocomplete: "off", "aria-label": `Answer ${n}`, placeholder: n <= 2 ? `Answer ${n}` : "Another answer" }));
  }
}

function problem(text, field) {
  $("problem").textContent = text;
  $("problem").hidden = text === "";
  field?.focus();
}

$("options").addEventListener("input", () => {
  const inputs = [...$("options").children];
  if (inputs.at(-1).value) fields(inputs.length + 1);
});
$("form").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("#q, .answer")) return;
  const inputs = [$("q"), ...$("options").children];
  const next = inputs[inputs.indexOf(event.target) + 1];
  if (!next || (event.target.value === "" && event.target.matches(".answer"))) return;
  event.preventDefault();
  next.focus();
});

kit.actions({
  vote: (node) => {
    const poll = find(node.dataset.poll);
    if (!poll?.open) return;
    const n = Number(node.dataset.n);
    const now = poll.picked.get(self.addr) ?? [];
    if (now.includes(n)) vote(poll, now.filter((x) => x !== n));
    else vote(poll, poll.multi ? [...now, n] : [n]);
  },
  withdraw: (node) => {
    const poll = find(node.dataset.poll);
    const old = poll.picked.get(self.addr);
    vote(poll, []);
    kit.toast("Your vote is withdrawn.", () => vote(poll, old));
  },
  close: (node) => setState(find(node.dataset.poll), { closed: Date.now(), reopened: false }),
  reopen: (node) => setState(find(node.dataset.poll), { closed: null, reopened: true }),
  delete: (node) => {
    const poll = find(node.dataset.poll);
    setState(poll, { deleted: true });
    kit.toast(`Deleted "${brief(poll.q, 30)}".`, () => setState(poll, { deleted: false }));
  },
  new: () => {
    $("options").replaceChildren();
    fields(3);
    for (const name of ["q", "closes"]) $(name).value = "";
    $("multi").checked = false;
    problem("");
    $("form").showModal();
    $("q").focus();
  },
  cancel: () => $("form").close(),
  create: () => {
    const q = line($("q").value, 200);
    const options = [...$("options").children].map((i) => line(i.value, MAX_OPTION)).filter(Boolean);
    const closes = $("closes").value ? new Date($("closes").value).getTime() : null;
    if (!q) return problem("Write a question first.", $("q"));
    if (options.length < 2) return problem("Give at least two answers.", [...$("options").children].find((i) => !i.value));
    if (new Set(options).size < options.length) return problem("Two answers are the same.");
    if (closes !== null && !(closes > Date.now())) return problem("The closing time has passed already.", $("closes"));
    $("form").close();
    $("polls").scrollTop = 0;
    net.send({ k: "poll", id: rid(), q, options, multi: $("multi").checked, closes }, {
      info: brief(`${self.name} asks: ${q}`, 50), summary: "New poll", document: brief(q),
    });
  },
});
setInterval(() => document.visibilityState === "visible" && draw(), 15_000);
