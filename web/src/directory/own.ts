/** Finding one's own widgets: all that the own key publishes, and what is installed without being published. */
import type { WidgetDetail } from "../api/types";
import { data } from "../state/data.svelte";
import { call } from "../state/session.svelte";

/** Own widgets, the newest first: those that are installed here, all others of the same author, and what is here without being published. */
export async function ownWidgets(): Promise<WidgetDetail[]> {
  const show = (uuid: string) => call("widget.show", { uuid }).catch(() => null);
  const there = (list: (WidgetDetail | null)[]) => list.filter((w): w is WidgetDetail => w !== null && (w.own || w.unpublished));
  const installed = there(await Promise.all(data.installed.map((w) => show(w.uuid))));
  const key = data.status?.person;
  const known = new Map(installed.map((w) => [w.uuid, w]));
  if (key) {
    const others = (await call("widget.search", { author: key, limit: 100 })).filter((w) => !known.has(w.uuid));
    for (const w of there(await Promise.all(others.map((o) => show(o.uuid))))) known.set(w.uuid, w);
  }
  return [...known.values()].sort((a, b) => b.created_ms - a.created_ms);
}
