import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addressOf } from "../host/host.mjs";
import { openBrowser, Stage, until } from "../stage.mjs";

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

const ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";
const widget = (n, more = {}) => ({ uuid: `00000000-0000-8000-8000-0000000000${String(n).padStart(2, "0")}`, name: `Widget ${n}`, author: "fern", icon: ICON, stars: 4.5, users: 1000 - n, popularity: 0.2, created_ms: Date.now() - n * 3_600_000, installed: n === 1, ...more });
const person = (n, more = {}) => ({ name: `Person ${n}`, mark: `ab${String(n).padStart(2, "0")}`, score: 1 - n / 30, count: n, ...more });
const WIDGETS = Array.from({ length: 25 }, (_, n) => widget(n + 1));
const PEOPLE = Array.from({ length: 25 }, (_, n) => person(n + 1));

async function play(name, lists, act) {
  const stage = new Stage(browser, name, {});
  stage.host.lists = lists;
  await stage.host.start();
  let failure = null;
  try {
    await act(stage);
  } catch (error) {
    failure = error;
  }
  await stage.end().catch((error) => { failure ??= error; });
  if (failure) throw failure;
}
const rows = (page) => page.locator(".entries > li").count();

for (const [name, list] of [["top-widgets", "topWidgets"], ["newest-widgets", "newestWidgets"]]) {
  test(`${name}: a click shows a widget's page; how many stand here is kept`, () => play(name, { [list]: WIDGETS }, async (stage) => {
    const mia = await stage.person("mia");
    await until(async () => (await rows(mia)) === 5, "five, unless told");
    await mia.getByRole("button", { name: /Widget 2/ }).click();
    assert.deepEqual(await mia.evaluate(() => window.opened), [WIDGETS[1].uuid]);
    await mia.getByRole("combobox").selectOption("20");
    await until(async () => (await rows(mia)) === 20, "twenty");
    assert.equal(stage.host.updates.at(-1).payload.n_max, 20);
    await stage.open(mia, "mia");
    await until(async () => (await rows(mia)) === 20, "kept");
    // Somebody else's choice is theirs.
    stage.host.post("eve", { payload: { k: "size", n_max: 3, rev: 99, from: addressOf("mia"), t: Date.now() } });
    await mia.waitForTimeout(100);
    assert.equal(await rows(mia), 20);
    await stage.narrow(mia);
    await stage.axe(mia, "a list");
    await stage.shots(mia, "list");
  }));
}

for (const [name, list] of [["top-authors", "topAuthors"], ["top-moderators", "topModerators"], ["similar-peers", "similarPeers"]]) {
  test(`${name}: people with a mark, and a score that is read out`, () => play(name, { [list]: PEOPLE }, async (stage) => {
    const mia = await stage.person("mia");
    await until(async () => (await rows(mia)) === 5, "five, unless told");
    assert.match(await mia.locator(".entries > li").first().innerText(), /Person 1[\s\S]*ab01/);
    assert.equal(await mia.getByRole("img", { name: "97 of 100" }).count(), 1);
    await stage.narrow(mia);
    await stage.axe(mia, "a list");
    await stage.shots(mia, "list");
  }));
}

test("an empty list says what it waits for; a node that refuses is told, with a way to try again", () => play("top-widgets", { topWidgets: [] }, async (stage) => {
  const mia = await stage.person("mia");
  await mia.getByRole("heading", { name: "Nothing to compare yet" }).waitFor();
  await stage.axe(mia, "empty");
  stage.host.lists.topWidgets = "this widget does not ask for the permission";
  const tom = await stage.person("tom");
  await tom.getByText("does not ask for the permission").waitFor();
  await stage.axe(tom, "refused");
  stage.host.lists.topWidgets = WIDGETS;
  await tom.getByRole("button", { name: "Try again" }).click();
  await until(async () => (await rows(tom)) === 5, "there");
  stage.problems.length = 0; // The browser notes the refused request.
}));

test("names from strangers are text, pictures are only pictures, what has no UUID is left out", () => play("top-widgets", { topWidgets: [widget(1, { name: "<img src=x onerror=document.title='owned'>", icon: "http://evil.example/x.png", stars: "5" }), { name: "no uuid" }, null, widget(2, { uuid: "../settings" }), widget(3, { name: "\u202eevil", author: null })] }, async (stage) => {
  const mia = await stage.person("mia");
  await until(async () => (await rows(mia)) === 2, "two that can be shown");
  assert.equal(await mia.title(), "Top widgets");
  assert.equal(await mia.locator('img[src^="http"]').count(), 0);
  assert.match(await mia.locator(".entries").innerText(), /<img src=x/);
}));

test("it reads again when it is looked at again", () => play("top-authors", { topAuthors: PEOPLE.slice(0, 2) }, async (stage) => {
  const mia = await stage.person("mia");
  await until(async () => (await rows(mia)) === 2, "two");
  stage.host.lists.topAuthors = PEOPLE.slice(0, 4);
  await mia.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await until(async () => (await rows(mia)) === 4, "four");
}));
