/** Lists of the directory for a widget, and opening the page of a widget that stands in one. */
import type { Client } from "../api/client";
import { own, readText, Refusal } from "./read";

const LISTS = ["top_widgets", "newest_widgets", "top_authors", "top_moderators", "similar_peers"] as const;
type List = (typeof LISTS)[number];

export type StatsCall = { call: "stats"; list: List; limit?: number } | { call: "open_widget"; uuid: string };

/** The most entries of a list; the node has the last word. */
export const MAX_LIST = 100;

/** Reads one request; null when it is about something else. @throws Refusal with the reason */
export function readStatsCall(call: unknown, args: object): StatsCall | null {
  if (call === "open_widget") {
    const uuid = readText(own(args, "uuid"), 36, "uuid").toLowerCase();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) throw new Refusal("uuid must be the UUID of a widget");
    return { call, uuid };
  }
  if (call !== "stats") return null;
  const list = LISTS.find((l) => l === own(args, "list"));
  if (!list) throw new Refusal("there is no such list");
  const limit = own(args, "limit");
  if (limit === undefined || limit === null) return { call, list };
  if (typeof limit !== "number" || !Number.isSafeInteger(limit) || limit < 1) throw new Refusal("limit must be a whole number from 1");
  return { call, list, limit: Math.min(limit, MAX_LIST) };
}

/** The node decides: which widgets and people are popular says something about the person. */
export function answerStats(call: Extract<StatsCall, { call: "stats" }>, instance: string, client: Client): Promise<unknown> {
  return client.call(`stats.${call.list}`, { instance, ...(call.limit === undefined ? {} : { limit: call.limit }) });
}
