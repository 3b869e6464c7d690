// Days, months, repeating events and the .ics format. Local time of this device; no state.

const DAY = 86_400_000;
const two = (n) => String(n).padStart(2, "0");

/** "2026-11-21" of a date, local time. */
export const dayText = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
/** The local midnight of "2026-11-21". */
export const dayDate = (text) => new Date(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, Number(text.slice(8, 10)));
/** For <input type=datetime-local>. */
export const inputText = (t) => {
  const d = new Date(t);
  return `${dayText(d)}T${two(d.getHours())}:${two(d.getMinutes())}`;
};
export const addDays = (d, n) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + n, d.getHours(), d.getMinutes());

/** The weeks of a month as days, beginning on `firstDay` (1 Monday … 7 Sunday). */
export function weeks(year, month, firstDay) {
  const first = new Date(year, month, 1);
  const before = (first.getDay() - (firstDay % 7) + 7) % 7;
  const count = Math.ceil((before + new Date(year, month + 1, 0).getDate()) / 7);
  return Array.from({ length: count }, (_, w) => Array.from({ length: 7 }, (_, n) => new Date(year, month, 1 - before + w * 7 + n)));
}

function stepped(d, repeat, n) {
  if (repeat === "daily") return addDays(d, n);
  if (repeat === "weekly") return addDays(d, 7 * n);
  const months = repeat === "monthly" ? n : 12 * n;
  const made = new Date(d.getFullYear(), d.getMonth() + months, d.getDate(), d.getHours(), d.getMinutes());
  // The 31st or a leap day does not exist everywhere: then it does not happen.
  return made.getDate() === d.getDate() ? made : null;
}

/** When an event happens between two times: [{event, start, end}], at most `max`, in order. */
export function occurrences(event, from, to, max = 400) {
  const start = event.allDay ? dayDate(event.first) : new Date(event.start);
  const end = event.allDay ? addDays(dayDate(event.last), 1) : new Date(event.end);
  const long = event.allDay ? Math.round((end - start) / DAY) : end - start;
  const out = [];
  const put = (s) => {
    const e = event.allDay ? addDays(s, long).getTime() : s.getTime() + long;
    const touches = s.getTime() < to && (e > from || (e === s.getTime() && e >= from));
    if (touches) out.push({ event, start: s.getTime(), end: e });
  };
  if (!event.repeat) {
    put(start);
    return out;
  }
  const span = { daily: 1, weekly: 7, monthly: 28, yearly: 365 }[event.repeat] * DAY;
  const length = Math.max(end - start, DAY);
  const most = { daily: 1, weekly: 7, monthly: 31, yearly: 366 }[event.repeat] * DAY;
  const skip = Math.max(0, Math.floor((from - length - start.getTime()) / most) - 1);
  for (let n = skip; out.length < max && n < skip + 2000; n += 1) {
    if (start.getTime() + n * span - 40 * DAY > to && stepped(start, event.repeat, n)?.getTime() >= to) break;
    const s = stepped(start, event.repeat, n);
    if (s && s.getTime() < to) put(s);
    if (s && s.getTime() >= to) break;
  }
  return out;
}

/** All that happens between two times, in order; whole days first. */
export function between(events, from, to) {
  return events.flatMap((e) => occurrences(e, from, to))
    .sort((a, b) => a.start - b.start || Number(b.event.allDay) - Number(a.event.allDay) || a.end - b.end || (a.event.id < b.event.id ? -1 : 1));
}

// ---- .ics (RFC 5545) -----------------------------------------------------------------------------------------
const utc = (t) => new Date(t).toISOString().replace(/[-:]/g, "").replace(/\.\d+Z$/, "Z");
const floating = (t) => `${inputText(t).replace(/[-:]/g, "")}00`;
const plain = (text) => text.replace(/\\/g, "\\\\").replace(/;/g, "\\;").replace(/,/g, "\\,").replace(/\n/g, "\\n");

function fold(text) {
  const out = [];
  let row = "";
  let size = 0;
  for (const c of text) {
    const n = new TextEncoder().encode(c).length;
    if (size + n > (out.length === 0 ? 75 : 74)) {
      out.push(row);
      row = "";
      size = 0;
    }
    row += c;
    size += n;
  }
  out.push(row);
  return out.join("\r\n ");
}

/** Events as an iCalendar file. Repeating ones keep their time of day, so they carry no time zone. */
export function ics(events, now = Date.now()) {
  const rows = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Hedgerow//Calendar 1.0//EN", "CALSCALE:GREGORIAN"];
  for (const e of events) {
    rows.push("BEGIN:VEVENT", `UID:${e.id}@calendar.hedgerow.invalid`, `DTSTAMP:${utc(now)}`);
    if (e.allDay) {
      const after = dayText(addDays(dayDate(e.last), 1));
      rows.push(`DTSTART;VALUE=DATE:${e.first.replace(/-/g, "")}`, `DTEND;VALUE=DATE:${after.replace(/-/g, "")}`);
    } else {
      const form = e.repeat ? floating : utc;
      rows.push(`DTSTART:${form(e.start)}`, `DTEND:${form(e.end)}`);
    }
    if (e.repeat) rows.push(`RRULE:FREQ=${e.repeat.toUpperCase()}`);
    rows.push(`SUMMARY:${plain(e.title)}`);
    if (e.place) rows.push(`LOCATION:${plain(e.place)}`);
    if (e.note) rows.push(`DESCRIPTION:${plain(e.note)}`);
    rows.push("END:VEVENT");
  }
  rows.push("END:VCALENDAR", "");
  return rows.map(fold).join("\r\n");
}
