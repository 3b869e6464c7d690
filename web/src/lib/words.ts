import type { Instance, Member, Path, Peer, SpaceKind } from "../api/types";

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "long" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** "3 minutes ago"; under a minute it is "just now". */
export function ago(ms: number, now = Date.now()): string {
  const seconds = (ms - now) / 1000;
  for (const [unit, size] of STEPS) if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  return "just now";
}

/** "9 minutes", "3 hours": how long something lasts already. */
export function lasting(since: number, now = Date.now()): string {
  const seconds = Math.max(0, (now - since) / 1000);
  const [unit, size] = STEPS.find(([, s]) => seconds >= s) ?? ["minute", 60];
  if (seconds < 60) return "less than a minute";
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "long" }).format(Math.trunc(seconds / size));
}

/** The exact time, for the tooltip beside a relative one. */
export const exact = (ms: number): string => new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Decimal units, as file managers show them. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = n / 1000, i = 0;
  while (value >= 999.5 && i < units.length - 1) { value /= 1000; i += 1; }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[i]}`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString()} ${n === 1 ? one : many}`;

/** First and last eight digits are enough to tell two keys apart by eye. */
export const shortKey = (key: string): string => (key.length > 20 ? `${key.slice(0, 8)}…${key.slice(-8)}` : key);

/** One or two letters for a face. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "?")], second = words[1] ? [...words[1]][0] : first[1];
  return `${first[0] ?? "?"}${second ?? ""}`.toUpperCase();
}

/** One of six face colours, the same for the same key everywhere. */
export function faceColour(key: string): number {
  let h = 0;
  for (const c of key) h = (h * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return h % 6;
}

export const pathWords: Record<Path, string> = {
  direct: "Connected directly", lan: "Connected on the local network", relay: "Connected through a relay", parked: "There, resting until needed", none: "Not connected now",
};

export const spaceWords: Record<SpaceKind, { title: string; text: string }> = {
  private: { title: "Only me", text: "On all of my devices. Nobody else can read it." },
  invited: { title: "With people I invite", text: "Only those who have an invitation read and write it." },
  public: { title: "Everyone who has it", text: "Whoever has this widget meets here. Anyone can read what you write." },
};

/** "3 peers · direct": the weakest common word for how the connected peers are reached. */
export function headline(peers: readonly Peer[]): { text: string; path: Path } {
  const live = peers.filter((p) => p.path !== "none");
  if (live.length === 0) return { text: "On its own", path: "none" };
  const order: Path[] = ["direct", "lan", "relay", "parked"];
  const path = order.find((p) => live.some((peer) => peer.path === p)) ?? "direct";
  const words: Record<Path, string> = { direct: "direct", lan: "local network", relay: "relayed", parked: "resting", none: "" };
  return { text: `${plural(live.length, "peer")} · ${words[path]}`, path };
}

const sent = (n: number): string => (n === 1 ? "1 change" : `${n} changes`);

/** What the dot in a title bar means, in a sentence. */
export function connection(i: Instance, members: readonly Member[] | undefined): { on: boolean; text: string } {
  if (i.space === "private") {
    return { on: i.unsent === 0, text: i.unsent > 0 ? `Only you. ${sent(i.unsent)} will reach your other devices when they are connected` : "Only you, on all of your devices" };
  }
  if (i.closed) return { on: false, text: "You are no longer in this space; you can still read it" };
  const others = (members ?? []).filter((m) => !m.me);
  const later = (who: string, be: string) => (i.unsent > 0 ? `; ${sent(i.unsent)} will be sent when ${who} ${be} back` : "");
  if (i.online > 0) {
    const rest = i.unsent > 0 ? `; ${sent(i.unsent)} on the way` : "";
    return { on: true, text: i.members > 1 ? `${i.online} of ${plural(i.members - 1, "other")} connected${rest}` : `${plural(i.online, "peer")} connected${rest}` };
  }
  if (i.members <= 1) return { on: false, text: i.space === "public" ? `Nobody else is connected now${later("others", "are")}` : "Nobody has joined yet" };
  const only = others.length === 1 ? others[0] : undefined;
  if (only?.name) return { on: false, text: `${only.name} is offline${later(only.name, "is")}` };
  return { on: false, text: `Nobody else is connected${later("they", "are")}` };
}
