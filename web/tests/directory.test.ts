import { describe, expect, test } from "vitest";
import type { Comment, Descent, Person, ReleaseInfo, Standing, WidgetSummary } from "../src/api/types";
import { alarm, bars, compared, familiar, family, isKey, noFilters, reasonsInOrder, releaseDifference, reputationWords, searching, searchParams, sentence, talkSize, threads, trustWords, weightWords, worthShowing } from "../src/lib/directory";

const person = (more: Partial<Person> = {}): Person => ({ key: "ab".repeat(32), name: "Mia", trust: 0, me: false, trusted: false, ...more });
const comment = (id: string, parent: string | null = null, more: Partial<Comment> = {}): Comment => ({ id, uuid: "u", by: person(), title: "", text: id, parent, issue: false, closed: false, time_ms: 0, edited: false, removed: false, ...more });
const standing = (more: Partial<Standing> = {}): Standing => ({ stars: null, ratings: 0, users: 0, popularity: 0, known: 0, vouched: false, blocked: null, warning: null, ancestor: null, ...more });
const descent = (uuid: string, ancestor: string | null, depth: number): Descent => ({ uuid, name: uuid, author: "", ancestor, depth, stars: null, users: 0, known: true });
const shape = (list: ReturnType<typeof threads>): unknown => list.map((t) => [t.comment.id, shape(t.replies)]);

describe("search", () => {
  test("only what is set is asked for", () => {
    expect(searching(noFilters())).toBe(false);
    expect(searchParams({ ...noFilters(), query: " go " }, 200)).toEqual({ query: "go", limit: 100 });
    expect(searchParams({ ...noFilters(), stars: 4, vouched: true, order: "rating", tag: "sea", category: "games" }, 30)).toEqual({ query: "", limit: 30, stars: 4, vouched: true, order: "rating", tag: "sea", category: "games" });
    expect(searching({ ...noFilters(), vouched: true })).toBe(true);
  });
});

describe("discussion", () => {
  test("replies stand under what they reply to, in the order in which they came", () => {
    const tree = threads([comment("a"), comment("b"), comment("a1", "a"), comment("a2", "a"), comment("a1x", "a1")]);
    expect(shape(tree)).toEqual([["a", [["a1", [["a1x", []]]], ["a2", []]]], ["b", []]]);
    expect(talkSize(tree)).toBe(5);
  });
  test("a reply to something that is not here stands for itself; rings end", () => {
    expect(shape(threads([comment("x", "gone")]))).toEqual([["x", []]]);
    const ring = threads([comment("a", "b"), comment("b", "a"), comment("c", "c")]);
    expect(talkSize(ring)).toBe(3);
  });
  test("what was taken back stays as the place of its replies, and goes with the last of them", () => {
    expect(shape(threads([comment("a", null, { removed: true }), comment("b", "a")]))).toEqual([["a", [["b", []]]]]);
    expect(threads([comment("a", null, { removed: true }), comment("b", "a", { removed: true })])).toEqual([]);
  });
});

describe("shelves", () => {
  const shelf = (name: string, ...uuids: string[]) => ({ name, widgets: uuids.map((uuid) => ({ uuid }) as WidgetSummary) });
  test("a short one that only repeats what stands above is left out", () => {
    expect(worthShowing([shelf("trusted", "a"), shelf("top_rated", "a"), shelf("newest", "a", "b")]).map((s) => s.name)).toEqual(["trusted", "newest"]);
    expect(worthShowing([shelf("top_rated", "a", "b", "c"), shelf("newest", "c", "b", "a")])).toHaveLength(2);
  });
});

describe("lineage", () => {
  test("forks stand under their ancestor, also when that came later in the list", () => {
    const [root] = family([descent("c", "b", 2), descent("a", null, 0), descent("b", "a", 1), descent("d", "a", 1)]);
    expect(root?.widget.uuid).toBe("a");
    expect(root?.forks.map((f) => [f.widget.uuid, f.forks.map((x) => x.widget.uuid)])).toEqual([["b", ["c"]], ["d", []]]);
  });
  test("an ancestor that is not known does not hide its forks; a lie about it makes no ring", () => {
    expect(family([descent("b", "gone", 1)]).map((b) => b.widget.uuid)).toEqual(["b"]);
    expect(family([descent("a", "b", 1), descent("b", "a", 1)])).toHaveLength(2);
  });
});

describe("words", () => {
  test("people one knows come before all others", () => {
    expect(familiar(standing({ known: 3, users: 900, vouched: true }))).toBe("3 people you know use it");
    expect(familiar(standing({ known: 1 }))).toBe("1 person you know uses it");
    expect(familiar(standing({ vouched: true }))).toBe("Vouched for");
    expect(familiar(standing({ users: 1 }))).toBe("1 person uses it");
    expect(familiar(standing())).toBe("Nobody is known to use it yet");
  });
  test("a block is told before a warning", () => {
    expect(alarm({ forked: false, standing: standing() })).toBeNull();
    expect(alarm({ forked: false, standing: standing({ warning: "looks like another" }) })).toEqual({ text: "looks like another", bad: false });
    expect(alarm({ forked: true, standing: standing({ blocked: "on a list", warning: "w" }) })).toEqual({ text: "on a list", bad: true });
    expect(alarm({ forked: true, standing: standing() })?.bad).toBe(true);
  });
  test("bars are shares of all ratings, five stars first", () => {
    expect(bars([1, 0, 0, 1, 2]).map((b) => [b.stars, b.count, b.percent])).toEqual([[5, 2, 50], [4, 1, 25], [3, 0, 0], [2, 0, 0], [1, 1, 25]]);
    expect(bars([]).every((b) => b.percent === 0)).toBe(true);
  });
  test("each release says what it asks for more and no longer", () => {
    const ask = (name: string) => ({ name, sentence: name, reason: "", scope: [] });
    const r = (sequence: number, ...names: string[]): ReleaseInfo => ({ release: `r${sequence}`, version: `${sequence}`, sequence, created_ms: 0, size: 1, permissions: names.map(ask) });
    const list = releaseDifference([r(1, "camera"), r(3, "peers", "web"), r(2, "peers")]);
    expect(list.map((d) => [d.release.sequence, d.added.map((p) => p.name), d.removed.map((p) => p.name), d.first])).toEqual([[3, ["web"], [], false], [2, ["peers"], ["camera"], false], [1, [], [], true]]);
  });
  test("the weightiest reason first, whichever way it points", () => {
    expect(reasonsInOrder([{ text: "a", weight: 0.2 }, { text: "b", weight: -0.9 }, { text: "c", weight: 0.5 }]).map((r) => r.text)).toEqual(["b", "c", "a"]);
    expect(weightWords({ text: "", weight: -0.9 })).toBe("speaks strongly against it");
    expect(weightWords({ text: "", weight: 0.1 })).toBe("speaks a little for it");
  });
  test("trust and repute are said without figures that nobody can judge", () => {
    expect(trustWords(person({ me: true, trusted: true }))).toBe("This is you.");
    expect(trustWords(person({ trusted: true }))).toMatch(/You trust them/);
    expect(trustWords(person({ trust: 0.01 }))).toMatch(/Nobody you trust/);
    expect(reputationWords(0, 3)).toMatch(/New as an author/);
    expect(reputationWords(0.86, 3)).toMatch(/very good/);
    expect(reputationWords(0.02, 1)).toMatch(/at least 1 in 10 verdicts on their widgets is good/);
    expect(compared(0, null)).toMatch(/not compared/);
    expect(compared(7, "4 minutes ago")).toBe("compared with 7 peers, 4 minutes ago");
  });
  test("a sentence ends once, whoever wrote it", () => {
    expect(["You blocked it.", "You blocked it", " Why? "].map(sentence)).toEqual(["You blocked it.", "You blocked it.", "Why?"]);
  });
  test("a key has 64 hex digits", () => {
    expect(isKey(` ${"aB".repeat(32)} `)).toBe(true);
    expect(isKey("ab")).toBe(false);
  });
});
