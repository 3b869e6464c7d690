/** What a widget did, for people: by day and hour, in plain words. */
import type { AuditLine } from "../api/types";

const METHODS: Record<string, string> = {
  "app.open": "Was opened", "app.close": "Was closed", "app.send_update": "Sent a change", "app.updates": "Read its changes", "app.realtime_join": "Joined or left the live channel", "app.realtime_send": "Sent to the live channel",
  "peers.open": "Took part in messages", "peers.close": "Stopped taking part in messages", "peers.members": "Looked who takes part", "peers.broadcast": "Sent a message to all who take part", "peers.send": "Sent a message to one person", "peers.reply": "Answered a message", "peers.verdict": "Judged a message", "peers.features": "Looked what others can do",
  "secrets.groups": "Looked at its secret groups", "secrets.add_group": "Added a secret group", "secrets.forget_group": "Forgot a secret group", "secrets.seal": "Sealed something", "secrets.open": "Opened something sealed",
  "streams.open": "Opened a stream to a person", "streams.accept": "Accepted a stream", "streams.write": "Wrote to a stream", "streams.read": "Read from a stream", "streams.close": "Closed a stream",
  "stats.top_widgets": "Read which widgets are popular", "stats.newest_widgets": "Read which widgets are new", "stats.top_authors": "Read which authors are popular", "stats.top_moderators": "Read whom your peers trust", "stats.similar_peers": "Read who is like you",
  "web.fetch": "Fetched from the web", "contacts.list": "Read the names of people you share spaces with", "notices.add": "Notified you", "background.status": "Looked after its background part", "background.tell": "Told something to its background part",
};

/** The method in words; its name when there are none. */
export function methodWords(method: string): string {
  const known = METHODS[method];
  if (known) return known;
  const answer = /^(grant|deny|revoke) ([a-z_]+)(?:: ([a-z ]+))?$/.exec(method);
  if (!answer) return method;
  const [, what, permission = "", how] = answer;
  const thing = permission.replaceAll("_", " ");
  if (what === "grant") return `You allowed: ${thing}${how ? `, ${how === "once" ? "for one call" : how}` : ""}`;
  if (what === "revoke") return `You took back: ${thing}`;
  return `You said no: ${thing}${how === "for ever" ? ", for good" : ""}`;
}

/** Whether the line is an answer of the person, and not something that the widget did. */
export const isAnswer = (method: string): boolean => /^(grant|deny|revoke) /.test(method);

export interface Did { method: string; calls: number; refused: number; failed: number; bytes: number; last: number }
export interface Hour { start: number; did: Did[] }
export interface Day { start: number; hours: Hour[] }

const floor = (ms: number, hour: boolean): number => {
  const d = new Date(ms);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate(), hour ? d.getHours() : 0).getTime();
};

/** Newest first; the same method of one hour is one line. */
export function timeline(lines: readonly AuditLine[]): Day[] {
  const days = new Map<number, Map<number, Map<string, Did>>>();
  for (const line of [...lines].sort((a, b) => b.time_ms - a.time_ms)) {
    const hours = days.get(floor(line.time_ms, false)) ?? new Map<number, Map<string, Did>>();
    days.set(floor(line.time_ms, false), hours);
    const did = hours.get(floor(line.time_ms, true)) ?? new Map<string, Did>();
    hours.set(floor(line.time_ms, true), did);
    const d = did.get(line.method) ?? { method: line.method, calls: 0, refused: 0, failed: 0, bytes: 0, last: line.time_ms };
    did.set(line.method, { ...d, calls: d.calls + line.calls, refused: d.refused + line.refused, failed: d.failed + line.failed, bytes: d.bytes + line.bytes });
  }
  return [...days].map(([start, hours]) => ({ start, hours: [...hours].map(([at, did]) => ({ start: at, did: [...did.values()] })) }));
}
