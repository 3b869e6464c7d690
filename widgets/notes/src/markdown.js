// A small part of Markdown as a tree: headings, lists, tasks, quotes, code, rules, bold, italic, links. No HTML.

const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|__([^_\n]+)__|(?<![\p{L}\p{N}])[*_]([^*_\n]+)[*_](?![\p{L}\p{N}])|~~([^~\n]+)~~|\[([^\]\n]{1,300})\]\((https?:\/\/[^\s)]{1,1000})\)/gu;

/** Inline parts: text, or {tag, text, href?}. */
export function inline(text) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(INLINE)) {
    if (m.index > at) out.push(text.slice(at, m.index));
    if (m[1] !== undefined) out.push({ tag: "code", text: m[1] });
    else if (m[2] !== undefined || m[3] !== undefined) out.push({ tag: "strong", text: m[2] ?? m[3] });
    else if (m[4] !== undefined) out.push({ tag: "em", text: m[4] });
    else if (m[5] !== undefined) out.push({ tag: "s", text: m[5] });
    else out.push({ tag: "a", text: m[6], href: m[7] });
    at = m.index + m[0].length;
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

/** Blocks: {tag, lines | items | text}; tasks know their line, to be ticked there. */
export function blocks(text) {
  const out = [];
  const rows = text.split("\n");
  const last = (tag) => (out.at(-1)?.tag === tag && !out.at(-1).closed ? out.at(-1) : null);
  for (let n = 0; n < rows.length; n += 1) {
    const row = rows[n];
    if (/^```/.test(row)) {
      const code = [];
      for (n += 1; n < rows.length && !/^```/.test(rows[n]); n += 1) code.push(rows[n]);
      out.push({ tag: "pre", text: code.join("\n") });
      continue;
    }
    let m;
    if (/^\s*$/.test(row)) {
      if (out.length > 0) out.at(-1).closed = true;
    } else if ((m = /^(#{1,6})\s+(.*)$/.exec(row))) out.push({ tag: `h${Math.min(4, m[1].length + 1)}`, text: m[2], closed: true });
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(row)) out.push({ tag: "hr", closed: true });
    else if ((m = /^\s*[-*+]\s+(.*)$/.exec(row))) {
      const list = last("ul") ?? (out.push({ tag: "ul", items: [] }), out.at(-1));
      const task = /^\[([ xX])\]\s+(.*)$/.exec(m[1]);
      list.items.push(task ? { text: task[2], done: task[1] !== " ", line: n } : { text: m[1] });
    } else if ((m = /^\s*\d+[.)]\s+(.*)$/.exec(row))) {
      const list = last("ol") ?? (out.push({ tag: "ol", items: [] }), out.at(-1));
      list.items.push({ text: m[1] });
    } else if ((m = /^>\s?(.*)$/.exec(row))) {
      const quote = last("blockquote") ?? (out.push({ tag: "blockquote", lines: [] }), out.at(-1));
      quote.lines.push(m[1]);
    } else {
      const para = last("p") ?? (out.push({ tag: "p", lines: [] }), out.at(-1));
      para.lines.push(row);
    }
  }
  return out;
}

/** The text with the task in that line ticked or unticked. */
export function tick(text, lineNumber, done) {
  const rows = text.split("\n");
  if (rows[lineNumber] === undefined) return text;
  rows[lineNumber] = rows[lineNumber].replace(/^(\s*[-*+]\s+\[)[ xX](\])/, `$1${done ? "x" : " "}$2`);
  return rows.join("\n");
}
