import { counted } from "./shared/choice.js";
import { personRow, run } from "./shared/lists.js";

run({
  title: "Similar peers",
  read: (stats, limit) => stats.similarPeers({ limit }),
  row: (entry, n) => personRow(entry, n, (e) => `${counted(e.count, "widget")} in common`),
  empty: { title: "Nobody similar yet", text: "Peers who tell which widgets they use are compared with yours and listed here." },
});
