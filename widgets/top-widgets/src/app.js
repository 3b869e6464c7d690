import { counted } from "./shared/choice.js";
import { run, widgetRow } from "./shared/lists.js";

run({
  title: "Top widgets",
  read: (stats, limit) => stats.topWidgets({ limit }),
  row: (entry, n) => widgetRow(entry, n, (e) => `${counted(e.users, "user")}${e.author ? ` · ${e.author}` : ""}`),
  empty: { title: "Nothing to compare yet", text: "As soon as this node meets others, what they use is listed here." },
});
