import { counted } from "./shared/choice.js";
import { personRow, run } from "./shared/lists.js";

run({
  title: "Top moderators",
  read: (stats, limit) => stats.topModerators({ limit }),
  row: (entry, n) => personRow(entry, n, (e) => `${counted(e.count, "statement")} signed`),
  empty: { title: "Nobody's judgement counts yet", text: "Trust somebody in the directory's settings: who of them, and of those whom they follow, judges others is listed here." },
});
