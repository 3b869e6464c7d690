import { block } from "./shared/check.js";
import * as kit from "./shared/kit.js";
import { brief, connect } from "./shared/sync.js";
import { difference } from "./shared/ydoc.js";
import { blocks, inline, tick } from "./markdown.js";
import { caret, fileName, MAX_TEXT, Notes, search, title } from "./state.js";

const { h, icon } = kit;
const $ = (name) => document.getElementById(name);
const box = $("text");
let open = null;
let preview = false;
let typed = false;
let timer = 0;

const notes = new Notes(String(window.webxdc.selfAddr || "me"), (payload) => net.send(payload, () => {
  const count = notes.view().length;
  return { summary: `${count} ${count === 1 ? "note" : "notes"}`, document: "Notes" };
}));
const net = connect((payload, meta) => {
  // What is typed here goes in first: it was written without knowing the update, and must not undo it.
  if (!meta.mine || meta.serial > 0) keep();
  notes.apply(payload, meta);
}, draw);
const trouble = kit.watchTrouble(net);
box.maxLength = MAX_TEXT;
$("new").append(icon("add"));

/** Puts what is typed into the document. */
function keep() {
  clearTimeout(timer);
  timer = 0;
  if (!typed || !open) return;
  typed = false;
  notes.write(open, box.value);
}

function status() {
  if (net.failed > 0) return ["Not saved. Copy the text, and try again.", "status bad"];
  if (typed || notes.shared.unsent || net.waiting > 0) return ["Saving…", "status"];
  return ["Saved", "status"];
}

function marked(text) {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return text;
  const out = [];
  let rest = text;
  for (;;) {
    const low = rest.toLowerCase();
    const hits = words.map((w) => [low.indexOf(w), w.length]).filter(([at]) => at >= 0).sort(([a], [b]) => a - b);
    if (hits.length === 0 || out.length > 40) break;
    const [at, long] = hits[0];
    out.push(rest.slice(0, at), h("mark", null, rest.slice(at, at + long)));
    rest = rest.slice(at + long);
  }
  out.push(rest);
  return out;
}

function noteRow({ note, hit }) {
  return h("li", { "data-key": note.id },
    h("button", { type: "button", class: "note", "data-do": "open", "data-id": note.id, "aria-current": note.id === open ? "true" : null },
      h("b", null, marked(title(note.text))),
      h("time", { datetime: new Date(note.at).toISOString(), title: kit.exactTime(note.at) }, note.pinned && [icon("pin"), h("span", { class: "sr" }, "pinned, ")], kit.relativeTime(note.at)),
      h("span", { class: "snip" }, hit ? marked(hit) : "No more text")));
}

function drawList() {
  const all = notes.view();
  const found = search(all, $("find").value);
  kit.paint($("more"), kit.menu("More", "more", { "data-key": "more" },
    kit.menuItem("load", "Import text files", { "data-do": "import" }),
    kit.menuItem("save", "Export all as text", { "data-do": "exportAll", disabled: all.length === 0 })));
  kit.paint($("list"),
    all.length === 0
      ? h("div", { class: "empty small", "data-key": "empty" },
        h("h2", null, "No notes yet"),
        h("p", null, "Notes follow you to all your devices, also what you write offline."),
        h("div", { class: "sample" }, h("span", { class: "sm" }, "For example"), h("span", null, "Gift ideas, the code of the bike lock, a recipe")),
        h("button", { type: "button", class: "btn p", "data-do": "new" }, icon("add"), "New note"))
      : found.length === 0
        ? h("div", { class: "empty small", "data-key": "none" }, h("p", null, `No note contains "${brief($("find").value, 40)}".`), h("button", { type: "button", class: "btn", "data-do": "clear" }, "Show all"))
        : h("ul", { "data-key": "notes" }, found.map(noteRow)));
}

function inlineNodes(text) {
  return inline(text).flatMap((part) => {
    if (typeof part === "string") return kit.linked(part);
    if (part.tag === "a") return h("a", { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow", title: part.href }, part.text);
    return h(part.tag, null, part.text);
  });
}

function blockNode(b) {
  if (b.tag === "hr") return h("hr");
  if (b.tag === "pre") return h("pre", { tabindex: 0 }, h("code", null, b.text));
  if (b.items) {
    return h(b.tag, null, b.items.map((item) => (item.line === undefined
      ? h("li", null, inlineNodes(item.text))
      : h("li", { class: "task" }, h("input", { type: "checkbox", checked: item.done, "data-do": "tick", "data-line": item.line, "aria-label": item.text }), h("span", null, inlineNodes(item.text))))));
  }
  if (b.lines) return h(b.tag, null, b.lines.flatMap((l, n) => [n > 0 && h("br"), ...inlineNodes(l)]));
  return h(b.tag, null, inlineNodes(b.text));
}

/** The first line is the title, also when it is not marked as one. */
function titled(parts) {
  const [first, ...rest] = parts;
  if (first?.tag !== "p") return parts;
  const [head, ...more] = first.lines;
  return [{ tag: "h2", text: head }, ...(more.length > 0 ? [{ tag: "p", lines: more }] : []), ...rest];
}

function drawEditor() {
  const note = open ? notes.get(open) : null;
  if (open && !note) open = null;
  $("app").classList.toggle("editing", Boolean(note));
  $("editor").hidden = !note;
  if (!note) return;
  const [text, style] = status();
  kit.paint($("head"),
    kit.iconButton("left", "All notes", { class: "ib back", "data-do": "back" }),
    h("span", { class: style, role: "status" }, text),
    kit.iconButton("eye", preview ? "Edit the text" : "Preview", { "data-do": "preview", "aria-pressed": String(preview) }),
    kit.iconButton("pin", "Pin", { "data-do": "pin", "aria-pressed": String(note.pinned), title: note.pinned ? "Pinned: unpin" : "Pin to the top" }),
    kit.iconButton("save", "Export as text", { "data-do": "export" }),
    kit.iconButton("bin", "Delete", { "data-do": "delete" }));
  if (!typed && box.value !== note.text) {
    const [from, to] = [box.selectionStart, box.selectionEnd];
    const change = difference(box.value, note.text);
    const scroll = box.scrollTop;
    box.value = note.text;
    if (document.activeElement === box) box.setSelectionRange(caret(from, change), caret(to, change));
    box.scrollTop = scroll;
  }
  box.hidden = preview;
  $("preview").hidden = !preview;
  if (preview) kit.paint($("preview"), titled(blocks(note.text.slice(0, 60_000))).map(blockNode));
}

function draw() {
  trouble();
  if (!net.ready) return;
  drawList();
  drawEditor();
}

/** Opens a note; one that was left empty goes away by itself. */
function show(key) {
  keep();
  const left = open ? notes.get(open) : null;
  if (left && left.id !== key && left.text.trim() === "") notes.set(left.id, "gone", true);
  open = key;
  if (key) box.value = notes.get(key)?.text ?? "";
  draw();
  box.scrollTop = 0;
}

async function chosenFiles() {
  const filter = { extensions: [".txt", ".md", ".markdown"], mimeTypes: ["text/plain", "text/markdown"], multiple: true };
  if (typeof window.webxdc.importFiles === "function") return window.webxdc.importFiles(filter);
  return new Promise((done) => {
    const input = h("input", { type: "file", accept: filter.extensions.join(","), multiple: true });
    input.addEventListener("change", () => done([...input.files]));
    input.click();
  });
}

kit.actions({
  open: (node) => {
    show(node.dataset.id);
    if (matchMedia("(hover: hover)").matches) (preview ? $("preview") : box).focus();
  },
  new: () => {
    keep();
    preview = false;
    $("find").value = "";
    show(notes.create());
    box.focus();
  },
  back: () => {
    const was = open;
    show(null);
    document.querySelector(`.note[data-id="${CSS.escape(was ?? "")}"]`)?.focus();
  },
  clear: () => {
    $("find").value = "";
    draw();
    $("find").focus();
  },
  preview: () => {
    keep();
    preview = !preview;
    drawEditor();
    (preview ? $("preview") : box).focus();
  },
  pin: () => notes.set(open, "pinned", !notes.get(open).pinned),
  delete: () => {
    keep();
    const note = notes.get(open);
    notes.set(note.id, "gone", true);
    open = null;
    draw();
    $("find").focus();
    kit.toast(`Deleted "${brief(title(note.text), 30)}".`, () => {
      notes.set(note.id, "gone", false);
      show(note.id);
    });
  },
  tick: (node) => notes.write(open, tick(notes.get(open).text, Number(node.dataset.line), node.checked)),
  export: () => {
    keep();
    const { text } = notes.get(open);
    kit.giveFile(fileName(text, "md"), new Blob([text], { type: "text/plain" }));
  },
  exportAll: () => {
    keep();
    const text = notes.view().map((n) => n.text.trimEnd()).join("\n\n---\n\n");
    kit.giveFile("notes.md", new Blob([`${text}\n`], { type: "text/plain" }));
  },
  import: async () => {
    const files = await chosenFiles();
    const made = [];
    const left = [];
    for (const file of files) {
      if (file.size > MAX_TEXT * 3) {
        left.push(file.name);
        continue;
      }
      const text = block(await file.text(), MAX_TEXT);
      if (text) made.push(notes.create(text));
      else left.push(file.name);
    }
    if (made.length === 1) show(made[0]);
    draw();
    if (left.length > 0) kit.toast(`Not imported (empty, or over ${MAX_TEXT / 1000},000 characters): ${brief(left.join(", "), 60)}`);
    else if (made.length > 0) {
      kit.toast(`Imported ${made.length} ${made.length === 1 ? "note" : "notes"}.`, () => made.forEach((key) => notes.set(key, "gone", true)));
    }
  },
});

box.addEventListener("input", () => {
  typed = true;
  if (!timer) timer = setTimeout(keep, 500);
  drawEditor();
});
box.addEventListener("blur", keep);
addEventListener("pagehide", keep);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keep());
$("find").addEventListener("input", drawList);
$("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === "ArrowDown") {
    document.querySelector(".note")?.focus();
    event.preventDefault();
  }
});
document.addEventListener("keydown", (event) => {
  const at = event.target.closest?.(".note");
  if (at && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const all = [...document.querySelectorAll(".note")];
    (all[all.indexOf(at) + (event.key === "ArrowDown" ? 1 : -1)] ?? $("find")).focus();
    event.preventDefault();
  }
  if ((event.ctrlKey || event.metaKey) && event.altKey && event.key.toLowerCase() === "n") document.querySelector("#new").click();
});
