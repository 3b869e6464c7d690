// The row of tools.
import * as kit from "./shared/kit.js";
import { colourOf, NAMES } from "./paint.js";

const { h } = kit;
export const SIZES = [2, 4, 8, 18];
const WIDTHS = ["Thin", "Medium", "Thick", "Marker"];

/** Draws the tools for what is chosen in `pen`. */
export function toolbar(root, pen, { empty, canUndo, canRedo }) {
  const tool = (name, label) => kit.iconButton(name, label, { "data-do": "tool", "data-tool": name, "aria-pressed": String(pen.tool === name) });
  const choice = (kind, value, label, inner) => h("button", {
    type: "button", role: "menuitemradio", "aria-checked": String(pen[kind] === value), "aria-label": label, title: label, "data-do": "choose", "data-kind": kind, "data-value": value,
  }, inner);
  const dot = (n) => h("span", { class: "dotty", style: `width:${n + 3}px;height:${n + 3}px` });
  kit.paint(root,
    tool("pen", "Pen (P)"), tool("eraser", "Eraser (E)"), tool("hand", "Move the sheet (H)"),
    h("details", { class: "menu", "data-key": "inks" },
      h("summary", { class: "ib", role: "button", "aria-label": `Colour and width: ${NAMES[pen.c]}`, title: "Colour and width" }, h("span", { class: "swatch", style: `background:${colourOf(pen.c)}` })),
      h("div", { role: "menu", "aria-label": "Colour and width" },
        h("div", { class: "colours", role: "group", "aria-label": "Colour" }, NAMES.map((name, n) => choice("c", n, name, h("span", { class: "swatch", style: `background:${colourOf(n)}` })))),
        h("div", { class: "sizes", role: "group", "aria-label": "Width" }, SIZES.map((w, n) => choice("w", w, WIDTHS[n], dot(w)))))),
    kit.iconButton("undo", "Undo (Ctrl Z)", { "data-do": "undo", disabled: !canUndo }),
    kit.iconButton("redo", "Redo (Ctrl Shift Z)", { "data-do": "redo", disabled: !canRedo }),
    kit.menu("More", "more", { "data-key": "more" },
      kit.menuItem("fit", "Show all (0)", { "data-do": "fit", disabled: empty }),
      kit.menuItem("add", "Zoom in (+)", { "data-do": "in" }),
      kit.menuItem("minus", "Zoom out (-)", { "data-do": "out" }),
      kit.menuItem("load", "Share as picture", { "data-do": "share", disabled: empty }),
      kit.menuItem("save", "Download PNG", { "data-do": "png", disabled: empty }),
      kit.menuItem("bin", "Clear the board", { "data-do": "clear", disabled: empty })));
}
