import { counted } from "./shared/choice.js";
import { personRow, run } from "./shared/lists.js";

run({
  title: "Top authors",
  read: (stats, limit) => stats.topAuthors({ limit }),
  row: (entry, n) => personRow(entry, n, (e) => counted(e.count, "widget")),
  empty: { title: "No author stands out yet", text: "When people whom you trust rate widgets, their authors are listed here." },
});
