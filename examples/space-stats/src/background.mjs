// The background part: counts the updates of the space by person and by hour, also while no dashboard is open.
// What it counted so far is kept by the node, so a restart or an upgrade of the widget starts where the last run ended.
import { updates } from "hedgerow:widget/app@0.1.0";
import { keep, kept, log, tellPage } from "hedgerow:widget/host@0.1.0";

const empty = () => ({ serial: 0, total: 0, people: {}, hours: Array(24).fill(0) });

function read() {
  const bytes = kept("counts");
  return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : empty();
}

function count(counts, update) {
  if (Number(update.serial) <= counts.serial) return;
  counts.serial = Number(update.serial);
  counts.total += 1;
  counts.people[update.sender] = (counts.people[update.sender] ?? 0) + 1;
  counts.hours[new Date(Number(update.timeMs)).getUTCHours()] += 1;
}

function write(counts) {
  keep("counts", new TextEncoder().encode(JSON.stringify(counts)));
  tellPage(JSON.stringify(counts));
}

/** Everything that came since the last run. */
function catchUp(counts) {
  for (;;) {
    const page = updates(BigInt(counts.serial));
    for (const update of page.updates) count(counts, update);
    if (page.updates.length === 0 || BigInt(counts.serial) >= page.maxSerial) return;
  }
}

export const guest = {
  handle(event) {
    const counts = read();
    switch (event.tag) {
      case "start":
        log(`${counts.total} updates were counted before`);
        catchUp(counts);
        log(`${counts.total} are counted now`);
        break;
      case "app-update":
        // What came while it was busy or away is read first, so that nothing is left out.
        if (Number(event.val.update.serial) > counts.serial + 1) catchUp(counts);
        count(counts, event.val.update);
        break;
      case "page-message":
        break;
      default:
        return;
    }
    write(counts);
  },
};
