import { rid } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { brief, connect } from "./shared/sync.js";
import { grouped, mentions, Talk } from "./state.js";

const { h, icon } = kit;
const $ = (name) => document.getElementById(name);
const talk = new Talk();
const muted = new Set(kit.local.get("muted", []).filter((a) => typeof a === "string"));
const revealed = new Set();
let show = 200;
// Up to here everything was read when this window opened; later it moves only when the person has seen the end.
let readUntil = Number(kit.local.get("read", 0)) || 0;
let marker = readUntil;
let unseen = 0;
let stick = true;
let seenCount = -1;

const net = connect((payload, meta) => talk.apply(payload, meta), draw);
const { self, people } = net;
const trouble = kit.watchTrouble(net);
$("go").append(icon("send"));

function emptyState() {
  return h("div", { class: "empty", "data-key": "empty" },
    h("h2", null, "Nothing said yet"),
    h("p", null, "What you write here is seen by everyone who shares this widget. If they are offline, it waits for them."),
    h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("p", null, "Crag is dry, who is in for Saturday?")),
    h("button", { type: "button", class: "btn p", "data-do": "first" }, "Write the first message"));
}

function textNodes(text) {
  const out = [];
  for (const part of kit.linked(text)) {
    if (typeof part !== "string") {
      out.push(part);
      continue;
    }
    for (const piece of part.split(/(@[\p{L}\p{N}_.-]+)/u)) {
      if (piece.startsWith("@") && mentions(piece, people.all()).length > 0) out.push(h("span", { class: "at" }, piece));
      else out.push(piece);
    }
  }
  return out;
}

function messageRow(m) {
  const mine = m.sender === self.addr;
  if (m.gone) return h("div", { class: "msg", "data-key": m.key }, h("p", { class: "gone" }, "Message taken back"));
  const toMe = !mine && mentions(m.text, people.all()).some((a) => a === self.addr || a === "*");
  const name = people.label(m.sender);
  const items = mine
    ? [kit.menuItem("bin", "Take back", { "data-do": "gone", "data-id": m.id })]
    : [
        kit.menuItem("user", `Mention ${name}`, { "data-do": "mention", "data-addr": m.sender }),
        kit.menuItem("mute", `Mute ${name}`, { "data-do": "mute", "data-addr": m.sender }),
      ];
  return h("div", { class: toMe ? "msg to-me" : "msg", "data-key": m.key },
    h("p", { title: kit.exactTime(m.t) }, textNodes(m.text)),
    kit.menu(`Options for the message of ${kit.clockTime(m.t)}`, "more", null, ...items));
}

function groupRow(group) {
  const { sender } = group;
  const mine = sender === self.addr;
  if (muted.has(sender) && !revealed.has(sender)) {
    const count = group.messages.length;
    return h("p", { class: "muted", "data-key": `m${group.messages[0].key}` },
      `${count} ${count === 1 ? "message" : "messages"} from ${people.name(sender)}, whom you muted. `,
      h("button", { type: "button", "data-do": "reveal", "data-addr": sender }, "Show"), " ",
      h("button", { type: "button", "data-do": "unmute", "data-addr": sender }, "Unmute"));
  }
  const name = people.name(sender);
  return h("div", { role: "group", class: mine ? "group mine" : "group", "data-key": `g${group.messages[0].key}`, "aria-label": `${people.label(sender)}, ${kit.exactTime(group.messages[0].t)}` },
    kit.face(sender, name),
    h("div", null,
      h("div", { class: "head" }, h("b", { title: sender }, mine ? "You" : name), kit.timeTag(group.messages[0].t)),
      group.messages.map(messageRow)));
}

function rows(messages) {
  const out = [];
  if (messages.length > show) {
    out.push(h("button", { type: "button", class: "earlier", "data-do": "earlier", "data-key": "earlier" }, `Show earlier messages (${messages.length - show})`));
  }
  let day = null;
  let marked = false;
  const before = messages.slice(-show);
  const isNew = (m) => marker > 0 && m.at > marker && m.sender !== self.addr;
  const first = before.findIndex(isNew);
  const halves = first > 0 ? [before.slice(0, first), before.slice(first)] : [before];
  for (const half of halves) {
    if (half !== halves[0] && !marked) {
      marked = true;
      out.push(h("div", { class: "day new", "data-key": "new", role: "separator", "aria-label": "New messages" }, "New"));
    }
    for (const group of grouped(half, kit.startOfDay)) {
      const its = kit.startOfDay(group.at);
      if (its !== day) {
        day = its;
        out.push(h("h2", { class: "day", "data-key": `d${its}` }, kit.dayName(group.at)));
      }
      out.push(groupRow(group));
    }
  }
  return out;
}

function atEnd() {
  const box = $("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

function markRead(messages) {
  if (!stick || document.visibilityState !== "visible" || !document.hasFocus()) return;
  unseen = 0;
  const last = messages.at(-1);
  if (last && last.at > readUntil) kit.local.set("read", (readUntil = last.at));
}

function draw() {
  trouble();
  if (!net.ready) return;
  const messages = talk.messages(Date.now());
  if (marker === 0 && messages.length > 0) marker = readUntil = messages.at(-1).at;
  const fresh = seenCount >= 0 ? messages.length - seenCount : 0;
  if (fresh > 0) {
    const others = messages.slice(-fresh).filter((m) => m.sender !== self.addr && !muted.has(m.sender));
    unseen += others.length;
    if (others.length > 0 && others.length < 4) {
      kit.announce(others.map((m) => `${people.name(m.sender)}: ${brief(m.text, 200)}`).join(". "));
    }
  }
  seenCount = messages.length;
  kit.paint($("log"), messages.length === 0 ? emptyState() : rows(messages));
  if (stick) $("scroll").scrollTop = $("scroll").scrollHeight;
  markRead(messages);
  const jump = $("jump");
  jump.hidden = stick || unseen === 0;
  jump.textContent = unseen === 1 ? "1 new message" : `${unseen} new messages`;
}

function grow() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
  kit.local.set("draft", box.value);
}

function say() {
  const box = $("text");
  const text = box.value.trim();
  if (!text) return;
  const notify = {};
  for (const who of mentions(text, people.all())) if (who !== self.addr) notify[who] = `${self.name}: ${brief(text, 120)}`;
  stick = true;
  marker = Date.now();
  net.send({ k: "msg", id: rid(), text }, {
    summary: brief(`${self.name}: ${text}`, 40),
    document: "Shout",
    ...(Object.keys(notify).length > 0 ? { notify } : {}),
  });
  box.value = "";
  grow();
  box.focus();
}

function setGone(messageId, gone) {
  const rev = talk.goneRev(`${self.addr}/${messageId}`) + 1;
  net.send({ k: "gone", id: messageId, rev, gone });
}

function setMuted(address, on) {
  if (on) muted.add(address);
  else muted.delete(address);
  revealed.delete(address);
  kit.local.set("muted", [...muted]);
  draw();
}

kit.actions({
  say,
  first: () => $("text").focus(),
  earlier: () => { show += 400; stick = false; draw(); },
  jump: () => { stick = true; draw(); $("text").focus(); },
  reveal: (node) => { revealed.add(node.dataset.addr); draw(); },
  unmute: (node) => setMuted(node.dataset.addr, false),
  mute: (node) => {
    const { addr } = node.dataset;
    setMuted(addr, true);
    kit.toast(`${people.name(addr)} is muted, for you only.`, () => setMuted(addr, false));
  },
  mention: (node) => {
    const box = $("text");
    box.value = `${box.value}${box.value && !box.value.endsWith(" ") ? " " : ""}@${people.name(node.dataset.addr)} `;
    box.focus();
    grow();
  },
  gone: (node) => {
    const { id } = node.dataset;
    setGone(id, true);
    kit.toast("Message taken back.", () => setGone(id, false));
  },
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
$("text").addEventListener("input", grow);
$("scroll").addEventListener("scroll", () => {
  stick = atEnd();
  if (stick && unseen > 0) draw();
}, { passive: true });
addEventListener("resize", () => stick && ($("scroll").scrollTop = $("scroll").scrollHeight));
addEventListener("focus", draw);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && draw());
setInterval(() => document.visibilityState === "visible" && draw(), 30_000);
$("text").value = String(kit.local.get("draft", ""));
grow();
