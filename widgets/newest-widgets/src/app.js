import { time } from "./shared/check.js";
import { relativeTime } from "./shared/kit.js";
import { run, widgetRow } from "./shared/lists.js";

run({
  title: "Newest widgets",
  read: (stats, limit) => stats.newestWidgets({ limit }),
  row: (entry, n) => widgetRow(entry, n, (e) => `${time(e.created_ms) === null ? "" : `${relativeTime(e.created_ms)} · `}${e.author || "unknown author"}`),
  empty: { title: "No widgets yet", text: "What others publish is listed here as soon as this node hears of it." },
});
