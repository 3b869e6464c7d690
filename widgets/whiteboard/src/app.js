import { rid } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { colour } from "./shared/people.js";
import { connect } from "./shared/sync.js";
import { Live } from "./live.js";
import { around, colourOf, onTheme, paper, picture, stroke as drawStroke } from "./paint.js";
import { hideParts, MAX_POINTS, pack, Sheet, simplify } from "./state.js";
import { SIZES, toolbar } from "./toolbar.js";

const { h } = kit;
const $ = (name) => document.getElementById(name);
const sheet = new Sheet();
const ink = $("ink").getContext("2d");
const live = $("live").getContext("2d");
const saved = kit.local.get("pen", {});
const pen = { tool: "pen", c: saved.c >= 0 && saved.c < 8 ? saved.c : 0, w: SIZES.includes(saved.w) ? saved.w : 4 };
let view = { x: 0, y: 0, scale: 1 };
let fitted = false;
// Until somebody moves the view, it shows everything, whatever the size.
let moved = false;
let current = null;
let dirty = true;
const done = [];
const undone = [];

const net = connect((payload, meta) => {
  sheet.apply(payload, meta);
  if (meta.live && !meta.mine && payload.k === "hide" && payload.all === true) {
    if (cleared?.who !== meta.sender) cleared = { who: meta.sender, keys: [] };
    cleared.keys.push(`${meta.sender}/${payload.id}`);
  }
}, changed);
let cleared = null;
const { self, people } = net;
const trouble = kit.watchTrouble(net);
const others = new Live(self, () => request());

// ---- the view ------------------------------------------------------------------------------------------------
const size = () => ({ wide: $("sheet").clientWidth, high: $("sheet").clientHeight });
const toSheet = (px, py) => [(px - size().wide / 2) / view.scale + view.x, (py - size().high / 2) / view.scale + view.y];

function zoom(by, px = size().wide / 2, py = size().high / 2) {
  moved = true;
  const [x, y] = toSheet(px, py);
  const scale = Math.max(0.05, Math.min(8, view.scale * by));
  view = { scale, x: x - (px - size().wide / 2) / scale, y: y - (py - size().high / 2) / scale };
  refresh();
}

function pan(dx, dy) {
  moved = true;
  view = { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale };
  refresh();
}

function fit() {
  const box = around(sheet.view());
  const { wide, high } = size();
  moved = false;
  if (!box || wide === 0) return refresh();
  const scale = Math.min(1.5, (wide - 32) / (box[2] - box[0]), (high - 96) / (box[3] - box[1]));
  view = { scale: Math.max(0.05, scale), x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2 + 24 / scale };
  refresh();
}

function resize() {
  const { wide, high } = size();
  const ratio = Math.min(3, devicePixelRatio || 1);
  for (const canvas of [$("ink"), $("live")]) {
    canvas.width = Math.max(1, Math.round(wide * ratio));
    canvas.height = Math.max(1, Math.round(high * ratio));
  }
  if (!fitted || !moved) fit();
  refresh();
}

function refresh() {
  dirty = true;
  request();
}

let asked = false;
function request() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    render();
  });
}

function place(ctx) {
  const ratio = ctx.canvas.width / Math.max(1, size().wide);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
  const k = ratio * view.scale;
  ctx.setTransform(k, 0, 0, k, ctx.canvas.width / 2 - view.x * k, ctx.canvas.height / 2 - view.y * k);
}

function renderInk() {
  place(ink);
  const [x0, y0] = toSheet(0, 0);
  const [x1, y1] = toSheet(size().wide, size().high);
  for (const s of sheet.view()) {
    if (s.box[0] <= x1 && s.box[2] >= x0 && s.box[1] <= y1 && s.box[3] >= y0) drawStroke(ink, s);
  }
}

function renderPen(p) {
  const name = people.name(p.who) || p.name;
  const k = 1 / view.scale;
  live.fillStyle = colour(p.who);
  live.beginPath();
  live.moveTo(p.x, p.y);
  live.lineTo(p.x + 12 * k, p.y + 5 * k);
  live.lineTo(p.x + 5 * k, p.y + 12 * k);
  live.fill();
  live.font = `600 ${12 * k}px system-ui, sans-serif`;
  const wide = live.measureText(name).width;
  live.beginPath();
  live.roundRect(p.x + 10 * k, p.y + 12 * k, wide + 12 * k, 20 * k, 10 * k);
  live.fill();
  live.fillStyle = "#fff";
  live.fillText(name, p.x + 16 * k, p.y + 26 * k);
}

function render() {
  if (dirty) renderInk();
  dirty = false;
  place(live);
  if (current?.points) drawStroke(live, current);
  for (const p of others.pens.values()) {
    if (p.stroke) drawStroke(live, p.stroke);
    renderPen(p);
  }
  if (crosshair.on) renderCrosshair();
  const pens = [...new Map([...others.pens.values()].map((p) => [p.who, p])).keys()].filter((a) => a !== self.addr).slice(0, 6);
  $("here").hidden = pens.length === 0;
  kit.paint($("here"), pens.map((a) => kit.face(a, people.name(a))));
}

function changed() {
  trouble();
  others.arrived((key) => sheet.has(key));
  const strokes = sheet.view();
  $("empty").hidden = !net.ready || strokes.length > 0 || current !== null;
  const authors = new Set(strokes.map((s) => s.by)).size;
  const text = strokes.length === 0 ? "Drawing area, empty" : `Drawing area, ${strokes.length} ${strokes.length === 1 ? "stroke" : "strokes"} by ${authors} ${authors === 1 ? "person" : "people"}`;
  $("live").setAttribute("aria-label", text);
  if (net.ready && !fitted) {
    fitted = true;
    fit();
  }
  if (cleared) {
    const { who, keys } = cleared;
    cleared = null;
    kit.toast(`${people.name(who)} cleared the board.`, () => back(keys), "Bring back");
  }
  tools();
  refresh();
}

// ---- the tools -----------------------------------------------------------------------------------------------
function tools() {
  toolbar($("tools"), pen, { empty: sheet.view().length === 0, canUndo: canUndo(), canRedo: undone.length > 0 });
  $("live").dataset.tool = pen.tool;
}

function setTool(name) {
  pen.tool = name;
  tools();
}

// ---- changing the sheet --------------------------------------------------------------------------------------
let waiting = [];
let flushTimer = 0;

function flush() {
  clearTimeout(flushTimer);
  flushTimer = 0;
  while (waiting.length > 0) {
    let room = 60_000;
    const part = [];
    while (waiting.length > 0 && (part.length === 0 || room > waiting[0].p.length + 80) && part.length < 400) {
      room -= waiting[0].p.length + 80;
      part.push(waiting.shift());
    }
    net.send({ k: "ink", s: part }, () => ({ summary: `${sheet.view().length} strokes` }));
  }
}

function commit({ id, c, w, points }) {
  const s = { i: id, c, w, t: Date.now(), p: pack(simplify(points, 0.4 / Math.min(2, Math.max(0.2, view.scale)))) };
  sheet.apply({ k: "ink", s: [s] }, { sender: self.addr });
  waiting.push(s);
  if (!flushTimer) flushTimer = setTimeout(flush, 700);
  done.push({ strokes: [{ by: self.addr, id }] });
  undone.length = 0;
  changed();
}

function hide(strokes, all = false) {
  flush();
  return hideParts(strokes).map((of) => {
    const id = rid();
    net.send({ k: "hide", id, of, ...(all ? { all } : {}) });
    return `${self.addr}/${id}`;
  });
}

const back = (keys) => net.send({ k: "back", keys });
const lastOwn = () => sheet.view().findLast((s) => s.by === self.addr);
const canUndo = () => done.length > 0 || lastOwn() !== undefined;

function undo() {
  let act = done.pop();
  if (!act) {
    const last = lastOwn();
    if (!last) return;
    act = { strokes: [last] };
  }
  if (act.strokes) undone.push({ back: hide(act.strokes), again: act });
  else {
    back(act.hidden);
    undone.push({ hide: act.what });
  }
  changed();
}

function redo() {
  const act = undone.pop();
  if (!act) return;
  if (act.back) {
    back(act.back);
    done.push(act.again);
  } else done.push({ hidden: hide(act.hide), what: act.hide });
  changed();
}

function erased(strokes, all) {
  if (strokes.length === 0) return;
  const what = strokes.map(({ by, id }) => ({ by, id }));
  done.push({ hidden: hide(what, all), what });
  undone.length = 0;
  changed();
}

// ---- pointers ------------------------------------------------------------------------------------------------
const fingers = new Map();
let pinch = null;

const pressure = (event) => (event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 0.5);

function start(x, y, force) {
  current = { id: rid().slice(0, 8), c: pen.c, w: pen.w, points: [x, y, force] };
  $("empty").hidden = true;
}

function extend(x, y, force) {
  const p = current.points;
  if (Math.hypot(x - p[p.length - 3], y - p[p.length - 2]) * view.scale < 0.8) return;
  p.push(x, y, force);
  if (p.length >= MAX_POINTS * 3 - 3) {
    commit(current);
    start(x, y, force);
  }
}

function down(event) {
  const box = $("live");
  box.classList.remove("keys");
  box.focus({ preventScroll: true });
  crosshair.on = false;
  if (fingers.size === 0 && event.button > 1) return;
  event.preventDefault();
  box.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (fingers.size === 2) {
    // Two fingers move and zoom; what the first one began to draw is dropped.
    if (current?.points) current = null;
    lift();
    pinch = span();
    return request();
  }
  if (fingers.size > 2) return;
  const [x, y] = toSheet(event.offsetX, event.offsetY);
  const erase = pen.tool === "eraser" || event.buttons === 32;
  if (pen.tool === "hand" || event.button === 1) {
    current = { pan: true };
    box.classList.add("moving");
  } else if (erase) {
    current = { erase: true, what: [], x, y };
    wipe(x, y);
  } else start(x, y, pressure(event));
  request();
}

function span() {
  const [[ax, ay], [bx, by]] = [...fingers.values()];
  return { x: (ax + bx) / 2, y: (ay + by) / 2, far: Math.max(10, Math.hypot(ax - bx, ay - by)) };
}

// Erasing shows at once, and is sent as one change when the pen is lifted.
function wipe(x, y) {
  const hit = sheet.near(current.x, current.y, x, y, 6 / view.scale).map(({ by, id }) => ({ by, id }));
  Object.assign(current, { x, y });
  if (hit.length === 0) return;
  current.what.push(...hit);
  const id = (current.id ??= rid());
  for (const of of hideParts(hit)) sheet.apply({ k: "hide", id, of }, { sender: self.addr });
  changed();
}

function lift() {
  const was = current;
  current = null;
  if (was?.points) commit(was);
  else if (was?.what?.length > 0) {
    flush();
    const id = was.id;
    for (const of of hideParts(was.what)) net.send({ k: "hide", id, of });
    done.push({ hidden: [`${self.addr}/${id}`], what: was.what });
    undone.length = 0;
    changed();
  }
}

function move(event) {
  const [x, y] = toSheet(event.offsetX, event.offsetY);
  if (!fingers.has(event.pointerId)) return others.tell(x, y, null);
  const [ox, oy] = fingers.get(event.pointerId);
  fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (fingers.size === 2 && pinch) {
    const now = span();
    pan(now.x - pinch.x, now.y - pinch.y);
    zoom(now.far / pinch.far, now.x, now.y);
    pinch = now;
    return;
  }
  if (!current) return;
  if (current.pan) pan(event.offsetX - ox, event.offsetY - oy);
  else if (current.erase) wipe(x, y);
  else {
    const steps = event.getCoalescedEvents?.() ?? [];
    const box = $("live").getBoundingClientRect();
    for (const e of steps.length > 0 ? steps : [event]) extend(...toSheet(e.clientX - box.left, e.clientY - box.top), pressure(e));
    others.tell(x, y, current);
  }
  request();
}

function up(event) {
  fingers.delete(event.pointerId);
  $("live").classList.remove("moving");
  if (fingers.size > 0) return;
  pinch = null;
  if (event.type === "pointercancel" && current?.points) current = null;
  lift();
  request();
}

const area = $("live");
area.addEventListener("pointerdown", down);
area.addEventListener("pointermove", move);
area.addEventListener("pointerup", up);
area.addEventListener("pointercancel", up);
area.addEventListener("contextmenu", (event) => event.preventDefault());
area.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
  else if (event.shiftKey) pan(-event.deltaY, 0);
  else pan(-event.deltaX, -event.deltaY);
}, { passive: false });

// ---- keys ----------------------------------------------------------------------------------------------------
const crosshair = { on: false, x: 0, y: 0 };

function renderCrosshair() {
  const k = 1 / view.scale;
  live.strokeStyle = colourOf(pen.c);
  live.lineWidth = 1.5 * k;
  live.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    live.moveTo(crosshair.x + dx * 4 * k, crosshair.y + dy * 4 * k);
    live.lineTo(crosshair.x + dx * 12 * k, crosshair.y + dy * 12 * k);
  }
  live.stroke();
}

function arrow(dx, dy, event) {
  if (event.altKey || pen.tool === "hand") return pan(-dx * 40, -dy * 40);
  if (!crosshair.on) Object.assign(crosshair, { on: true, x: view.x, y: view.y });
  const far = (event.shiftKey ? 32 : 8) / view.scale;
  const { x, y } = crosshair;
  crosshair.x += dx * far;
  crosshair.y += dy * far;
  if (pen.tool === "eraser" && current?.erase) wipe(crosshair.x, crosshair.y);
  else if (current?.points) extend(crosshair.x, crosshair.y, 0.5);
  others.tell(crosshair.x, crosshair.y, current?.points ? current : null);
  const [cx, cy] = toSheet(0, 0);
  const [ex, ey] = toSheet(size().wide, size().high);
  if (crosshair.x < cx || crosshair.x > ex || crosshair.y < cy || crosshair.y > ey) pan((x - crosshair.x) * view.scale, (y - crosshair.y) * view.scale);
  request();
}

function penKey() {
  if (!crosshair.on) Object.assign(crosshair, { on: true, x: view.x, y: view.y });
  if (current) {
    lift();
    kit.announce("Pen up");
  } else if (pen.tool === "eraser") {
    current = { erase: true, what: [], x: crosshair.x, y: crosshair.y };
    wipe(crosshair.x, crosshair.y);
    kit.announce("Eraser down");
  } else {
    start(crosshair.x, crosshair.y, 0.5);
    kit.announce("Pen down");
  }
  request();
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
area.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  const keys = {
    " ": penKey, "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
    p: () => setTool("pen"), e: () => setTool("eraser"), h: () => setTool("hand"),
    Escape: () => {
      if (current?.points) current = null;
      lift();
      crosshair.on = false;
      request();
    },
  };
  if (ARROWS[event.key]) arrow(...ARROWS[event.key], event);
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) redo();
  else undo();
}, true);
// The tools are one stop for Tab; arrow keys go from one to the next.
$("tools").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const inMenu = event.target.closest(".menu > div");
  const all = [...(inMenu ?? $("tools")).querySelectorAll(inMenu ? "button" : ":scope > button:not(:disabled), :scope > .menu > summary")];
  const at = all.indexOf(document.activeElement);
  all[(at + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length]?.focus();
  event.preventDefault();
});

document.addEventListener("keydown", () => area.classList.add("keys"), true);

async function give(share) {
  const blob = await picture(sheet.view());
  const name = "whiteboard.png";
  if (share) return kit.giveFile(name, blob);
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 30_000);
}

kit.actions({
  tool: (node) => setTool(node.dataset.tool),
  choose: (node) => {
    pen[node.dataset.kind] = Number(node.dataset.value);
    if (pen.tool !== "pen") pen.tool = "pen";
    kit.local.set("pen", { c: pen.c, w: pen.w });
    tools();
  },
  undo, redo, fit,
  in: () => zoom(1.4),
  out: () => zoom(1 / 1.4),
  share: () => give(true),
  png: () => give(false),
  clear: () => {
    erased(sheet.view(), true);
    const act = done.at(-1);
    kit.toast("The board is cleared for everyone.", () => {
      if (!done.includes(act)) return;
      done.splice(done.indexOf(act), 1);
      back(act.hidden);
    });
  },
});
addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
new ResizeObserver(resize).observe($("sheet"));
onTheme(() => { tools(); refresh(); });
document.documentElement.style.background = paper();
tools();
resize();
