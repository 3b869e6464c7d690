/** What the directory's screens say and in which order, worked out without a screen. */
import type { Comment, Descent, PermissionAsk, Person, Reason, ReleaseInfo, SearchParams, Shelf, Standing, WidgetSummary } from "../api/types";
import { plural } from "./words";

export interface Filters {
  query: string;
  category: string;
  tag: string;
  order: NonNullable<SearchParams["order"]> | "";
  /** 0 stands for any. */
  stars: number;
  vouched: boolean;
}

export const noFilters = (): Filters => ({ query: "", category: "", tag: "", order: "", stars: 0, vouched: false });

/** Whether results are shown instead of the shelves. */
export const searching = (f: Filters): boolean => f.query.trim() !== "" || f.category !== "" || f.tag !== "" || f.order !== "" || f.stars > 0 || f.vouched;

/** Parameters of `widget.search`; what is not set is left out. */
export function searchParams(f: Filters, limit: number): SearchParams {
  return {
    query: f.query.trim(), limit: Math.min(limit, 100),
    ...(f.category ? { category: f.category } : {}), ...(f.tag ? { tag: f.tag } : {}), ...(f.order ? { order: f.order } : {}),
    ...(f.stars > 0 ? { stars: f.stars } : {}), ...(f.vouched ? { vouched: true } : {}),
  };
}

export const shelfTitle: Record<string, string> = {
  trusted: "From people you trust", top_rated: "Top rated", rising: "Rising", active: "Most active", newest: "Newest",
};

/** Without short shelves that only repeat what stands above them: a young directory would show one widget five times. */
export function worthShowing(shelves: readonly Shelf[]): Shelf[] {
  const above = new Set<string>();
  return shelves.filter((s) => {
    const repeats = s.widgets.length < 3 && s.widgets.every((w) => above.has(w.uuid));
    for (const w of s.widgets) above.add(w.uuid);
    return !repeats;
  });
}

/** "4.6"; one digit is what ratings are worth. */
export const starText = (stars: number): string => stars.toFixed(1);

/** The line under a widget: what people one knows have to do with it, else what is known otherwise. */
export function familiar(s: Standing): string {
  if (s.known > 0) return `${s.known === 1 ? "1 person" : `${s.known} people`} you know ${s.known === 1 ? "uses" : "use"} it`;
  if (s.vouched) return "Vouched for";
  if (s.users > 0) return `${plural(s.users, "person uses", "people use")} it`;
  return "Nobody is known to use it yet";
}

/** What to know before using it: the reason why it is hidden comes first. */
export function alarm(w: Pick<WidgetSummary, "forked" | "standing">): { text: string; bad: boolean } | null {
  if (w.standing.blocked) return { text: w.standing.blocked, bad: true };
  if (w.forked) return { text: w.standing.warning ?? "Two different releases carry one number", bad: true };
  return w.standing.warning ? { text: w.standing.warning, bad: false } : null;
}

/** With one full stop at its end, whoever wrote it. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

/** Share of each number of stars, five first, in percent of all. */
export function bars(each: readonly number[]): { stars: number; count: number; percent: number }[] {
  const all = each.reduce((n, c) => n + c, 0);
  return [5, 4, 3, 2, 1].map((stars) => { const count = each[stars - 1] ?? 0; return { stars, count, percent: all ? Math.round((100 * count) / all) : 0 }; });
}

export interface Thread { comment: Comment; replies: Thread[] }

/** Comments as trees, in the order in which they came. A reply to something unknown stands for itself. */
export function threads(list: readonly Comment[]): Thread[] {
  const nodes = new Map<string, Thread>(list.map((comment) => [comment.id, { comment, replies: [] }]));
  const roots: Thread[] = [];
  for (const node of nodes.values()) {
    const parent = node.comment.parent ? nodes.get(node.comment.parent) : undefined;
    if (parent && !isBelow(nodes, parent, node)) parent.replies.push(node);
    else roots.push(node);
  }
  return roots.map(pruned).filter((t): t is Thread => t !== null);
}

/** Whether `top` is an ancestor of `node`: two that reply to each other would make a ring. */
function isBelow(nodes: ReadonlyMap<string, Thread>, node: Thread, top: Thread): boolean {
  const seen = new Set<Thread>();
  for (let at: Thread | undefined = node; at && !seen.has(at); at = at.comment.parent ? nodes.get(at.comment.parent) : undefined) {
    if (at === top) return true;
    seen.add(at);
  }
  return false;
}

/** Without what was taken back and has no replies left. */
function pruned(thread: Thread): Thread | null {
  const replies = thread.replies.map(pruned).filter((t): t is Thread => t !== null);
  return thread.comment.removed && replies.length === 0 ? null : { comment: thread.comment, replies };
}

export const talkSize = (list: readonly Thread[]): number => list.reduce((n, t) => n + (t.comment.removed ? 0 : 1) + talkSize(t.replies), 0);

export interface Branch { widget: Descent; forks: Branch[] }

/** Widgets that come from each other, as trees; most have one. */
export function family(list: readonly Descent[]): Branch[] {
  const nodes = new Map<string, Branch>(list.map((widget) => [widget.uuid, { widget, forks: [] }]));
  const roots: Branch[] = [];
  for (const node of nodes.values()) {
    const parent = node.widget.ancestor ? nodes.get(node.widget.ancestor) : undefined;
    if (parent && parent.widget.depth < node.widget.depth) parent.forks.push(node);
    else roots.push(node);
  }
  return roots;
}

/** A sentence of the same kind for each release: what it asks for more and no longer, compared with the one before. */
export function releaseDifference(releases: readonly ReleaseInfo[]): { release: ReleaseInfo; added: PermissionAsk[]; removed: PermissionAsk[]; first: boolean }[] {
  const ordered = [...releases].sort((a, b) => b.sequence - a.sequence);
  return ordered.map((release, n) => {
    const before = ordered[n + 1];
    const without = (a: readonly PermissionAsk[], b: readonly PermissionAsk[]) => a.filter((p) => !b.some((q) => q.name === p.name));
    return { release, first: !before, added: before ? without(release.permissions, before.permissions) : [], removed: before ? without(before.permissions, release.permissions) : [] };
  });
}

/** "speaks strongly for it", for those who do not see the bar. */
export function weightWords(r: Reason): string {
  const size = Math.abs(r.weight), much = size >= 0.6 ? "strongly " : size < 0.2 ? "a little " : "";
  return `speaks ${much}${r.weight < 0 ? "against" : "for"} it`;
}

export const reasonsInOrder = (list: readonly Reason[]): Reason[] => [...list].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));

/** What this node makes of somebody, in words. */
export function trustWords(p: Person): string {
  if (p.me) return "This is you.";
  if (p.trusted) return "You trust them: what they say counts here.";
  if (p.trust >= 0.5) return "Well known through people you trust.";
  if (p.trust >= 0.1) return "Known a little, through people you trust.";
  return "Nobody you trust knows them: what they say hardly counts here.";
}

/** The lower bound of good verdicts, in words. */
export function reputationWords(reputation: number, widgets: number): string {
  if (widgets === 0) return "Has not published anything that is known here.";
  if (reputation <= 0) return "New as an author: nobody you trust has judged their widgets yet.";
  const of10 = Math.max(1, Math.round(reputation * 10));
  if (reputation >= 0.8) return `Of very good repute: at least ${of10} in 10 verdicts on their widgets are good.`;
  if (reputation >= 0.5) return `Of good repute: at least ${of10} in 10 verdicts on their widgets are good.`;
  return `Not much is known: at least ${of10} in 10 verdicts on their widgets ${of10 === 1 ? "is" : "are"} good.`;
}

/** "compared with 7 peers, 4 minutes ago". */
export function compared(peers: number, when: string | null): string {
  if (peers === 0 || when === null) return "not compared with any peer since this node started";
  return `compared with ${plural(peers, "peer")}, ${when}`;
}

export const isKey = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text.trim());
export const title = (category: string): string => category.slice(0, 1).toUpperCase() + category.slice(1);
/** Somebody without a name is called by the beginning of the key. */
export const nameOf = (p: Pick<Person, "name" | "key" | "me">): string => p.name || (p.me ? "You" : `someone ${p.key.slice(0, 6)}`);
/** The mark beside a name: two of one name differ in it. */
export const mark = (key: string): string => `${key.slice(0, 4)} ${key.slice(4, 8)}`;
