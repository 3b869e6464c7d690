/** Finding one's own widgets. The key that signs them is not the user's; it is known from anything that was signed with it. */
import type { WidgetDetail } from "../api/types";
import { data } from "../state/data.svelte";
import { call } from "../state/session.svelte";

/** The own key from a statement that was signed with it, else a guess by name, which `own` of the widgets proves or not. */
async function signedBy(): Promise<string | undefined> {
  const mine = (await call("directory.certificates", {}).catch(() => [])).find((c) => c.by.me)?.by.key;
  const name = data.status?.name ?? "";
  return mine ?? (name ? (await call("widget.search", { query: name, limit: 100 })).find((w) => w.author === name)?.author_key : undefined);
}

/** Own widgets, the newest first: those that are installed here, all others of the same author, and what is here without being published. */
export async function ownWidgets(): Promise<WidgetDetail[]> {
  const show = (uuid: string) => call("widget.show", { uuid }).catch(() => null);
  const there = (list: (WidgetDetail | null)[]) => list.filter((w): w is WidgetDetail => w !== null && (w.own || w.unpublished));
  const installed = there(await Promise.all(data.installed.map((w) => show(w.uuid))));
  const key = installed.find((w) => w.own && w.author_key)?.author_key ?? (await signedBy());
  const known = new Map(installed.map((w) => [w.uuid, w]));
  if (key) {
    const others = (await call("widget.search", { author: key, limit: 100 })).filter((w) => !known.has(w.uuid));
    for (const w of there(await Promise.all(others.map((o) => show(o.uuid))))) known.set(w.uuid, w);
  }
  return [...known.values()].sort((a, b) => b.created_ms - a.created_ms);
}
