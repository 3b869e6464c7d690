// The directory over real nodes, used as people use it: one publishes, another rates and talks, a third sees it; fork and block.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Node, folder, until } from "../lib/node.mjs";
import { appFrame, closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { packFolder } from "../lib/pack.mjs";

after(closeBrowser);
const GUESTBOOK = resolve(import.meta.dirname, "../apps/guestbook");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What peers tell each other comes in rounds. */
const ROUNDS = 60_000;

async function axe(page, screen) {
  await page.evaluate(AXE);
  // What fades in is pale for a moment.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations === 1).map((a) => a.finished.catch(() => undefined))));
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] })).violations.map((v) => `${v.id} ${v.nodes.map((n) => `${n.target.join(" ")}: ${n.failureSummary}`).join(", ")}`));
  assert.deepEqual(found, [], screen);
}

/** Nodes in a row: each knows the one before it, so what the first says reaches the last through the others. */
async function row(t, ...names) {
  const nodes = [];
  for (const name of names) {
    const before = nodes.at(-1);
    const node = await Node.start(t, { args: before ? ["--peer", before.ready.ticket] : [] });
    await node.call("profile.set", { name });
    nodes.push(node);
  }
  return nodes;
}

async function published(t, node, { version = "1.0.0", uuid } = {}) {
  const xdc = packFolder(GUESTBOOK, join(folder(t, "app"), "guestbook.xdc"));
  return node.run("widget", "publish", xdc, "--license", "MIT", "--version", version, ...(uuid ? ["--uuid", uuid] : []));
}

const dialog = (page) => page.locator("dialog[open]");
async function openWidget(page, words, name) {
  await page.getByRole("button", { name: "Add widget" }).click();
  await page.getByRole("searchbox").fill(words);
  await page.locator("[data-row]", { hasText: name }).first().click();
  await dialog(page).getByRole("heading", { name, exact: true }).waitFor();
}
async function closed(page) {
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
}
const knows = (node, uuid) => until("the widget is known", () => node.call("widget.show", { uuid }).then(() => true, () => false), ROUNDS);

test("published by one, rated and talked about by another, read by a third through the one between them", async (t) => {
  const [ash, birch, cedar] = await row(t, "Ash", "Birch", "Cedar");
  const { uuid } = await published(t, ash);
  await knows(birch, uuid);
  const page = await openHub(await profile(t), birch);
  await openWidget(page, "guest", "Guest book");
  await page.getByRole("tab", { name: "Ratings" }).click();
  await page.getByRole("button", { name: "Rate it" }).click();
  await page.getByRole("radio", { name: "4 stars, Good" }).check({ force: true });
  await page.getByRole("textbox", { name: "In words, if you like" }).fill("We use it at the door.");
  await page.getByRole("button", { name: "Rate it" }).click();
  await page.getByText("Your rating is out").first().waitFor();
  await page.getByRole("tab", { name: "Discussion" }).click();
  await page.getByRole("textbox", { name: "Say something about it" }).fill("Does it take pictures?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("article", { hasText: "Does it take pictures?" }).waitFor();
  await page.getByRole("tab", { name: "Issues" }).click();
  await page.getByRole("button", { name: "New issue" }).click();
  await page.getByRole("textbox", { name: "What should be fixed?" }).fill("Long names are cut");
  await page.getByRole("textbox", { name: "More about it" }).fill("After 40 letters the rest is gone.");
  await page.getByRole("button", { name: "Open the issue" }).click();
  await page.locator("article", { hasText: "Long names are cut" }).waitFor();
  await axe(page, "issues");
  assert.deepEqual(page.problems, []);

  const third = await openHub(await profile(t), cedar);
  await until("Cedar knows it all", async () => (await cedar.call("directory.ratings", { uuid }).catch(() => null))?.count === 1 && (await cedar.call("directory.comments", { uuid, issues: true })).length === 1, ROUNDS);
  await openWidget(third, "guest", "Guest book");
  await third.getByRole("tab", { name: "Ratings 1" }).click();
  await third.getByText("We use it at the door.").waitFor();
  await third.getByRole("tab", { name: "Discussion" }).click();
  await third.getByText("Does it take pictures?").waitFor();
  await third.getByRole("tab", { name: "About" }).click();
  await third.getByText("Why do I see this?").click();
  await third.locator("details[open] li").first().waitFor();
  await axe(third, "detail");
  assert.deepEqual(third.problems, []);

  // The author sees figures and closes the issue.
  const home = await openHub(await profile(t), ash);
  await home.getByRole("button", { name: "More", exact: true }).click();
  await home.getByRole("menuitem", { name: "Your widgets" }).click();
  const mine = home.getByRole("region", { name: "Guest book" });
  await mine.getByRole("button", { name: /1 open issue/ }).click();
  await home.locator("article", { hasText: "Long names are cut" }).getByRole("button", { name: "Close the issue" }).click();
  await home.getByText("All issues are closed.").waitFor();
  await until("Birch hears that it is closed", async () => (await birch.call("directory.comments", { uuid, issues: true }))[0]?.closed, ROUNDS);
  assert.deepEqual(home.problems, []);
});

test("fork in one click: the source is open, the copy is one's own, and remembers where it comes from", async (t) => {
  const [ash, birch] = await row(t, "Ash", "Birch");
  const { uuid } = await published(t, ash);
  await knows(birch, uuid);
  const page = await openHub(await profile(t), birch);
  await openWidget(page, "guest", "Guest book");
  await dialog(page).getByRole("button", { name: "Fork", exact: true }).click();
  await page.getByRole("heading", { name: "This one is yours" }).waitFor();
  await page.getByRole("button", { name: /manifest.toml/ }).click();
  await page.locator("pre", { hasText: uuid }).waitFor();
  await page.getByRole("button", { name: "Back", exact: true }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download source" }).click()]);
  const file = join(folder(t, "fork"), "fork.xdc");
  await download.saveAs(file);
  await closed(page);
  // What was downloaded can be published as it is, and its family is known on the other node.
  const forked = await birch.run("widget", "publish", file, "--license", "MIT", "--version", "1.0.1");
  assert.notEqual(forked.uuid, uuid);
  await knows(ash, forked.uuid);
  const home = await openHub(await profile(t), ash);
  await openWidget(home, "fork", "Guest book fork");
  await home.getByRole("tab", { name: /^Lineage/ }).click();
  const tree = home.getByRole("list", { name: "Family of Guest book fork" });
  await tree.locator("[aria-current=true]", { hasText: "Guest book fork" }).waitFor();
  await tree.getByRole("button", { name: "Guest book", exact: true }).waitFor();
  assert.deepEqual([...page.problems, ...home.problems], []);
});

test("what is blocked is hidden at once, and comes back by undo; a trusted person is on the list", async (t) => {
  const [ash, birch] = await row(t, "Ash", "Birch");
  const { uuid } = await published(t, ash);
  await knows(birch, uuid);
  const page = await openHub(await profile(t), birch);
  await openWidget(page, "guest", "Guest book");
  await dialog(page).getByRole("button", { name: "Ash", exact: true }).click();
  await page.getByRole("button", { name: "Trust them" }).click();
  await page.getByText("You trust them").waitFor();
  await axe(page, "person");
  await dialog(page).getByRole("button", { name: "Back", exact: true }).click();
  await page.getByRole("button", { name: "More for Guest book" }).click();
  await page.getByRole("menuitem", { name: "Block" }).click();
  await page.getByRole("textbox").fill("Too loud");
  await page.locator("form").getByRole("button", { name: "Block" }).click();
  await dialog(page).getByRole("button", { name: "Unblock" }).waitFor();
  assert.deepEqual(await birch.run("widget", "search", "guest"), []);
  await page.getByRole("button", { name: "Undo" }).last().click();
  await until("it is found again", async () => (await birch.run("widget", "search", "guest")).length === 1);
  await closed(page);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Directory settings" }).click();
  await page.getByRole("button", { name: "Remove Ash from the trusted" }).waitFor();
  await axe(page, "settings");
  assert.deepEqual(page.problems, []);
});

test("a widget of the front page lists what is here, and a click in it shows a widget's page", async (t) => {
  const node = await Node.start(t);
  const starter = (await node.run("widget", "search", "newest widgets")).find((w) => w.name === "Newest widgets");
  assert.ok(starter, "the program was built without the starters: run `cargo xtask build`");
  const { uuid } = await published(t, node);
  const placed = await node.call("instance.add", { uuid: starter.uuid, name: "News" });
  const page = await openHub(await profile(t), node);
  const frame = await appFrame(page, placed.origin);
  await frame.getByRole("button", { name: /Guest book/ }).waitFor();
  await assert.rejects(frame.evaluate((u) => window.hedgerow.openWidget(u), uuid), /only after a click/);
  await frame.getByRole("button", { name: /Guest book/ }).click();
  await dialog(page).getByRole("heading", { name: "Guest book", exact: true }).waitFor();
  await closed(page);
  // Without the permission there are no lists.
  const other = await node.call("instance.add", { uuid, name: "Book" });
  await page.reload();
  const book = await appFrame(page, other.origin);
  await assert.rejects(book.evaluate(() => window.hedgerow.stats.topWidgets()), /does not ask for "directory"/);
});

test("two authors sign together, each at home; a third is let in, a release is taken back (W23)", async (t) => {
  const [a, b, c] = [await Node.start(t), await Node.start(t), await Node.start(t)];
  const { ticket } = await a.run("ticket");
  for (const node of [b, c]) await node.run("connect", ticket);
  const [keyA, keyB] = [(await a.run("status")).person, (await b.run("status")).person];
  const { uuid } = await published(t, a);
  const version = async (node) => (await node.run("widget", "show", uuid)).version;
  const soon = (node, expected) => until(`version ${expected}`, () => version(node).then((v) => v === expected, () => false), ROUNDS);
  const first = await version(a);
  await soon(b, first);
  const begun = await a.run("widget", "change-signers", uuid, "--key", keyA, "--key", keyB, "--threshold", "2");
  assert.deepEqual([begun.published, begun.needed], [false, 1]);
  assert.match((await b.run("widget", "cosign", begun.record, "--preview")).what, /2 of 2 sign/);
  await assert.rejects(c.run("widget", "cosign", begun.record), /your key is not among those/);
  assert.equal((await b.run("widget", "cosign", begun.record)).published, true);
  await until("both have to sign", () => a.run("widget", "signers", uuid).then((s) => s.threshold === 2), ROUNDS);
  // From here on neither of them releases alone.
  const next = await published(t, a, { uuid, version: "2.0.0" });
  assert.ok(next.awaits);
  assert.equal(await version(c), first);
  assert.equal((await b.run("widget", "cosign", next.awaits)).published, true);
  await soon(c, "2.0.0");
  const back = await b.run("widget", "change-signers", uuid, "--key", keyB, "--revoke", next.release);
  assert.equal((await a.run("widget", "cosign", back.record)).published, true);
  await soon(c, first);
});
