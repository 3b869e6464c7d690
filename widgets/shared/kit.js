// Small parts for the screens of the starter widgets: making elements without markup, updating them in place,
// icons, times, and the message with "Undo". Foreign text only ever becomes a text node.
import { colour, initials } from "./people.js";

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. `data-do` names what a click, change or submit does (see `actions`). */
export function h(tag, props, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  add(node, kids);
  return node;
}

function add(node, kids) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false || kid === "") continue;
    if (Array.isArray(kid)) add(node, kid);
    else node.append(kid);
  }
}

const ICONS = {
  add: "M12 5v14M5 12h14",
  bin: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  check: "M5 12.5l4.5 4.5L19 7",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  send: "M4 12h15M13 6l6 6-6 6",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  redo: "M15 7l5 5-5 5M20 12H10a6 6 0 0 0-6 6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M16 16l4 4",
  pin: "M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v5",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  load: "M12 16V5M7 9l5-5 5 5M5 20h14",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M5 20c0-4 3-6 7-6s7 2 7 6",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  open: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.8-1",
  pen: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  eraser: "M8 20h12M5 14l8-9 6 5-8 9H8z",
  hand: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  eye: "M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  mute: "M4 10v4h4l5 4V6L8 10zM17 10l4 4M21 10l-4 4",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3 2",
  star: "M12 4l2.4 5 5.6.7-4.1 3.8 1 5.5-4.9-2.7L7.1 19l1-5.5L4 9.7 9.6 9z",
  calendar: "M5 6h14v14H5zM5 10h14M9 3v4M15 3v4",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  minus: "M5 12h14",
  maybe: "M5 13.5c2.5-4 5-4 7-1.5s4.5 2.5 7-1.5",
};

/** A line icon; hidden from screen readers, so its button needs a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [k, v] of [["viewBox", "0 0 24 24"], ["class", "icon"], ["aria-hidden", "true"]]) svg.setAttribute(k, v);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  if (name === "more" || name === "grip") path.setAttribute("stroke-width", "3");
  svg.append(path);
  return svg;
}

/** A button with only an icon. */
export const iconButton = (name, label, props) =>
  h("button", { type: "button", class: "ib", "aria-label": label, title: label, ...props }, icon(name));

/** A round mark with a person's initials; the name stands beside it or in `title`. */
export const face = (address, name, small) =>
  h("span", { class: small ? "face small" : "face", style: `background:${colour(address)}`, "aria-hidden": "true", title: name }, initials(name));

// ---- updating in place ---------------------------------------------------------------------------------------
const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") : null);

function morphNode(old, next) {
  if (old.nodeType !== 1) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const busy = old === document.activeElement && old.localName !== "select" && old.type !== "checkbox" && old.type !== "radio";
  morphKids(old, next);
  if (old.localName === "input" || old.localName === "select" || old.localName === "textarea") {
    if (old.checked !== next.checked) old.checked = next.checked;
    if (!busy && !old.hasAttribute("data-own") && old.value !== next.value) old.value = next.value;
  }
}

function morphKids(old, next) {
  const keyed = new Map();
  for (const kid of old.children) if (keyOf(kid)) keyed.set(keyOf(kid), kid);
  let at = old.firstChild;
  for (const kid of [...next.childNodes]) {
    const key = keyOf(kid);
    let match = null;
    if (key) match = keyed.get(key) ?? null;
    else if (at && !keyOf(at) && at.nodeType === kid.nodeType) match = at;
    if (match && match.nodeName !== kid.nodeName) match = null;
    if (!match) {
      old.insertBefore(kid, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    morphNode(match, kid);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Makes the children of `root` equal to `kids`, keeping elements, focus and what is being typed. */
export function paint(root, ...kids) {
  const focus = document.activeElement;
  const next = document.createElement(root.localName);
  add(next, kids);
  morphKids(root, next);
  if (focus && focus !== document.activeElement && focus.isConnected && root.contains(focus)) {
    focus.focus({ preventScroll: true });
  }
}

/** Handlers by the name in `data-do`: clicks on buttons, changes of fields, submits of forms. */
export function actions(table) {
  const run = (event, node) => {
    const action = table[node.dataset.do];
    if (action) action(node, event);
  };
  document.addEventListener("click", (event) => {
    const node = event.target.closest("[data-do]");
    if (node && !node.matches("form,input:not([type=button]),select,textarea")) run(event, node);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[data-do],select[data-do],textarea[data-do]")) run(event, event.target);
  });
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.matches("form[data-do]")) run(event, event.target);
  });
}

// ---- times ---------------------------------------------------------------------------------------------------
const LANG = navigator.language || "en";
const DAY = 86_400_000;
const exact = new Intl.DateTimeFormat(LANG, { dateStyle: "full", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(LANG, { hour: "2-digit", minute: "2-digit" });
const dayNear = new Intl.DateTimeFormat(LANG, { weekday: "long", day: "numeric", month: "long" });
const dayFar = new Intl.DateTimeFormat(LANG, { weekday: "short", day: "numeric", month: "long", year: "numeric" });
const shortDay = new Intl.DateTimeFormat(LANG, { weekday: "short", day: "numeric", month: "short" });

export const exactTime = (t) => exact.format(t);
export const clockTime = (t) => clock.format(t);
export const shortDate = (t) => shortDay.format(t);
export const startOfDay = (t) => new Date(t).setHours(0, 0, 0, 0);

export function relativeTime(t, now = Date.now()) {
  const past = now - t;
  if (past < -60_000) return `${shortDay.format(t)} ${clock.format(t)}`;
  if (past < 60_000) return "just now";
  if (past < 3_600_000) return `${Math.floor(past / 60_000)} min`;
  if (startOfDay(t) === startOfDay(now)) return clock.format(t);
  if (startOfDay(t) === startOfDay(startOfDay(now) - DAY / 2)) return `yesterday ${clock.format(t)}`;
  return `${shortDay.format(t)} ${clock.format(t)}`;
}

export function dayName(t, now = Date.now()) {
  const days = Math.round((startOfDay(now) - startOfDay(t)) / DAY);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days === -1) return "Tomorrow";
  return (Math.abs(days) < 300 ? dayNear : dayFar).format(t);
}

/** A time element: relative, with the exact time on hover. */
export const timeTag = (t, props) =>
  h("time", { datetime: new Date(t).toISOString(), title: exactTime(t), ...props }, relativeTime(t));

// ---- saying what happened ------------------------------------------------------------------------------------
let region = null;
let hideAt = 0;
let undoLast = null;

function place() {
  if (region) return region;
  region = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  document.body.append(region);
  return region;
}

/** Shows a line at the bottom for eight seconds, with an "Undo" button if `undo` is given. */
export function toast(text, undo, label = "Undo") {
  const box = h("div", { class: "toast" }, h("span", null, text));
  if (undo) {
    const button = h("button", { type: "button", class: "btn" }, label);
    button.addEventListener("click", () => {
      box.remove();
      if (undoLast === undo) undoLast = null;
      undo();
    });
    box.append(button);
    undoLast = label === "Undo" ? undo : undoLast;
  }
  place().replaceChildren(box);
  clearTimeout(hideAt);
  const hide = () => {
    if (box.matches(":hover") || box.contains(document.activeElement)) hideAt = setTimeout(hide, 2000);
    else box.remove();
  };
  hideAt = setTimeout(hide, 8000);
}

/** Says something to screen readers only. */
export function announce(text) {
  let node = document.querySelector(".sr.live");
  if (!node) document.body.append((node = h("div", { class: "sr live", role: "status", "aria-live": "polite" })));
  node.textContent = text;
}

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== "z") return;
  if (!undoLast || event.defaultPrevented || event.target.matches?.("input:not([type=checkbox]),textarea")) return;
  event.preventDefault();
  const undo = undoLast;
  undoLast = null;
  region?.replaceChildren();
  undo();
});

/** Tells when changes could not be handed to the host, with a way to try again. */
export function watchTrouble(net) {
  let shown = false;
  return () => {
    if (net.failed > 0 && !shown) toast(`Not sent: ${net.trouble || "the node refused it"}`, () => net.retry(), "Try again");
    shown = net.failed > 0;
  };
}

/** Gives a file to the person: through the host's share sheet, else as a download. */
export async function giveFile(name, blob, text) {
  try {
    await window.webxdc.sendToChat({ file: { name, blob }, ...(text ? { text } : {}) });
  } catch {
    const link = h("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 30_000);
  }
}

// ---- links in text -------------------------------------------------------------------------------------------
const LINK = /\bhttps?:\/\/[^\s<>"'`\u0000-\u0020\u2028\u2029]{1,2000}|\bmailto:[^\s<>"']{3,200}/giu;

/** Text as nodes, with web and mail addresses as links. Only http, https and mailto are ever linked. */
export function linked(text) {
  const out = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    let raw = match[0].replace(/[.,;:!?…]+$/u, "");
    while (raw.endsWith(")") && !raw.includes("(")) raw = raw.slice(0, -1);
    let url;
    try {
      url = new URL(raw);
    } catch {
      continue;
    }
    if (!["http:", "https:", "mailto:"].includes(url.protocol)) continue;
    out.push(text.slice(at, match.index));
    out.push(h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href }, raw));
    at = match.index + raw.length;
  }
  out.push(text.slice(at));
  return out;
}

// ---- menus made of <details class="menu"> --------------------------------------------------------------------
const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => {
  const inside = event.target.closest("details.menu");
  closeMenus(event.target.closest(".menu > div button") ? null : inside);
});
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const items = [...menu.querySelectorAll("summary, button:not(:disabled)")];
    const step = event.key === "ArrowDown" ? 1 : items.length - 1;
    items[(items.indexOf(document.activeElement) + step) % items.length]?.focus();
    event.preventDefault();
  }
});
// A menu near the right or lower edge opens to the other side.
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.menu") || !menu.open) return;
  const box = menu.lastElementChild;
  box.style.cssText = "";
  const { bottom, left } = box.getBoundingClientRect();
  if (bottom > innerHeight && menu.getBoundingClientRect().top > box.offsetHeight) box.style.cssText = "top:auto;bottom:100%";
  if (left < 0) box.style.cssText += ";right:auto;left:0";
}, true);

/** A menu: a round button and a list of buttons. */
export const menu = (label, name, props, ...items) =>
  h("details", { class: "menu", ...props }, h("summary", { class: "ib", "aria-label": label, title: label, role: "button" }, icon(name)), h("div", null, items));

export const menuItem = (name, label, props) => h("button", { type: "button", ...props }, icon(name), label);

/** Reads and writes small local settings; a browser that refuses storage only forgets them. */
export const local = {
  get(name, other) {
    try {
      const value = JSON.parse(localStorage.getItem(name));
      return value ?? other;
    } catch {
      return other;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // Nothing to do: the setting lives until the window closes.
    }
  },
};
