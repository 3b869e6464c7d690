import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addressOf } from "../host/host.mjs";
import { openBrowser, Stage, until } from "../stage.mjs";

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

async function play(widget, options, act) {
  const stage = new Stage(browser, widget, options);
  await stage.host.start();
  let failure = null;
  try {
    await act(stage);
  } catch (error) {
    failure = error;
  }
  try {
    await stage.end();
  } catch (error) {
    failure ??= error;
  }
  if (failure) throw failure;
}

const texts = (page, selector) => page.locator(selector).allInnerTexts();
const menuPick = async (page, scope, name) => {
  await scope.hover();
  await scope.locator("details.menu > summary").first().click();
  await scope.getByRole("button", { name, exact: true }).click();
};

test("shout: two people talk, mention, mute and take back", () => play("shout", {}, async (stage) => {
  const mia = await stage.person("mia");
  await stage.axe(mia, "empty");
  await stage.shots(mia, "empty");
  const tom = await stage.person("tom");
  const say = async (page, text) => {
    await page.locator("#text").fill(text);
    await page.keyboard.press("Enter");
  };
  await say(mia, "Crag is dry, who is in for Saturday?");
  await until(async () => (await texts(tom, ".msg p")).includes("Crag is dry, who is in for Saturday?"), "tom sees it");
  await tom.locator("#text").fill("two");
  await tom.keyboard.press("Shift+Enter");
  await tom.keyboard.type("lines, @mia see https://example.org/a?b=1).");
  await tom.keyboard.press("Enter");
  await until(async () => (await mia.locator(".msg a").getAttribute("href")) === "https://example.org/a?b=1", "a safe link");
  assert.equal(await mia.locator(".msg.to-me").count(), 1);
  const last = stage.host.updates.at(-1);
  assert.deepEqual(Object.keys(last.notify), [addressOf("mia")]);
  assert.ok(last.summary.startsWith("tom: two lines") && last.document === "Shout");
  assert.equal(await mia.locator(".group.mine").count(), 1);
  // A whole page of markup stays text.
  stage.host.post("eve", { payload: { k: "msg", id: "evil1", text: "<img src=x onerror=document.title='owned'><script>1</script> javascript:alert(1)", t: Date.now(), n: "<b>eve</b>" } });
  stage.host.post("eve", { payload: { k: "msg", id: { a: 1 }, text: ["x"] } });
  stage.host.post("eve", { payload: "garbage" });
  stage.host.post("eve", { payload: { k: "msg", id: "claims", text: "I am mia", from: addressOf("mia"), t: Date.now() } });
  await until(() => mia.locator(".msg p", { hasText: "I am mia" }).count(), "eve's message");
  assert.equal(await mia.title(), "Shout");
  assert.equal(await mia.locator(".msg img").count(), 0);
  assert.equal(await mia.locator(".group", { hasText: "I am mia" }).locator("b").innerText(), "<b>eve</b>");
  await menuPick(mia, mia.locator(".msg", { hasText: "I am mia" }), "Mute <b>eve</b>");
  await until(async () => (await mia.locator(".muted").innerText()).startsWith("2 messages from <b>eve</b>, whom you muted"), "muted");
  await mia.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await mia.locator(".muted").count()) === 0, "unmuted by undo");
  await say(mia, "wrong window");
  await menuPick(mia, mia.locator(".msg", { hasText: "wrong window" }), "Take back");
  await until(() => tom.locator(".gone").count(), "tom sees that it was taken back");
  await mia.keyboard.press("Escape");
  await mia.locator(".toast button").click();
  await until(() => tom.locator(".msg", { hasText: "wrong window" }).count(), "undo brings it back");
  await stage.narrow(mia);
  await stage.axe(mia, "with messages");
  // After some time away, a mark stands before what is new.
  await tom.goto("about:blank");
  await new Promise((done) => setTimeout(done, 20));
  await say(mia, "Anouk brings the long rope.");
  await until(() => stage.host.updates.at(-1).payload.text === "Anouk brings the long rope.", "sent");
  await stage.open(tom, "tom");
  assert.equal(await tom.locator(".day.new").count(), 1);
  await stage.shots(tom, "talk");
}));

test("shout: works in a host that tells no sender, alone, and tells when nothing can be stored", () => play("shout", { verified: false }, async (stage) => {
  const mia = await stage.person("mia");
  stage.host.post("x", { payload: { k: "msg", id: "old001", text: "from another host", from: "someone", n: "Sam", t: Date.now() - 86_400_000 } });
  await until(() => mia.locator(".msg", { hasText: "from another host" }).count(), "message without sender");
  assert.equal(await mia.locator("h2.day").first().innerText(), "Yesterday");
  stage.host.refuse = true;
  await mia.locator("#text").fill("will fail");
  await mia.keyboard.press("Enter");
  assert.ok(await until(() => mia.locator(".msg", { hasText: "will fail" }).count(), "shown at once"));
  await until(async () => (await mia.locator(".toast").innerText()).includes("Not sent: the disk is full"), "trouble is told");
  stage.host.refuse = false;
  await mia.getByRole("button", { name: "Try again" }).click();
  await until(() => stage.host.updates.some((u) => u.payload.text === "will fail"), "sent after trying again");
  stage.problems = stage.problems.filter((p) => !p.includes("507"));
}));

test("poll: ask, vote, change, close and re-open", () => play("poll", {}, async (stage) => {
  const mia = await stage.person("mia");
  await stage.axe(mia, "empty");
  await stage.shots(mia, "empty");
  const tom = await stage.person("tom");
  const anouk = await stage.person("anouk");
  await mia.getByRole("button", { name: "New poll" }).first().click();
  await stage.axe(mia, "form");
  await stage.shots(mia, "form");
  await mia.getByRole("button", { name: "Ask everyone" }).click();
  assert.equal(await mia.getByRole("alert").innerText(), "Write a question first.");
  await mia.locator("#q").fill("Which car?");
  await mia.keyboard.press("Enter");
  for (const answer of ["Tom's van", "Train", "Mia's car"]) {
    await mia.keyboard.type(answer);
    await mia.keyboard.press("Enter");
  }
  await mia.keyboard.press("Enter");
  await until(() => tom.locator(".poll h2", { hasText: "Which car?" }).count(), "tom sees the poll");
  await tom.getByRole("button", { name: /^Tom's van/ }).click();
  await mia.getByRole("button", { name: /^Tom's van/ }).click();
  await anouk.getByRole("button", { name: /^Train/ }).click();
  await until(async () => (await mia.getByRole("button", { name: /^Tom's van\s*2 votes, 67 %$/, pressed: true }).count()) === 1, "counted");
  await mia.getByRole("button", { name: /^Train/ }).click();
  await until(async () => (await tom.getByRole("button", { name: /^Train\s*2 votes, 67 %$/ }).count()) === 1, "changed");
  assert.equal(stage.host.updates.at(-1).summary, "3 people voted");
  assert.equal(stage.host.updates.at(-1).document, "Which car?");
  // A stuffed ballot and a stranger who closes the poll change nothing beyond one vote.
  const poll = `${addressOf("mia")}/${stage.host.updates[0].payload.id}`;
  for (let n = 0; n < 5; n += 1) stage.host.post("eve", { payload: { k: "vote", poll, rev: n, picks: [0, 0, 0, 1], u: `vote${n}`, t: Date.now(), n: "eve" } });
  stage.host.post("eve", { payload: { k: "state", id: poll.split("/")[1], rev: 99, closed: Date.now() - 1, deleted: true, u: "close1", t: Date.now() } });
  await until(async () => (await mia.getByRole("button", { name: /^Tom's van\s*2 votes, 50 %$/ }).count()) === 1, "one vote for eve");
  await tom.getByText("Who voted").click();
  assert.ok((await tom.locator(".who").innerText()).includes("mia"));
  await stage.axe(tom, "with votes");
  await menuPick(mia, mia.locator(".poll header"), "Close now");
  await until(async () => tom.getByRole("button", { name: /^Train/ }).isDisabled(), "closed for tom");
  await menuPick(mia, mia.locator(".poll header"), "Re-open");
  await until(async () => !(await tom.getByRole("button", { name: /^Train/ }).isDisabled()), "open again");
  await menuPick(mia, mia.locator(".poll header"), "Delete");
  await until(async () => (await tom.locator(".poll").count()) === 0, "deleted");
  await mia.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await tom.locator(".poll").count()) === 1, "brought back");
  stage.host.post("tom", { payload: { k: "poll", id: "second", q: "What do we eat on Saturday evening, if it rains and we stay in the hut?", options: ["Pasta", "Soup and bread", "Pancakes"], multi: true, closes: Date.now() + 86_400_000, t: Date.now(), n: "tom" } });
  await mia.getByRole("button", { name: /^Pasta/ }).click();
  await mia.getByRole("button", { name: /^Pancakes/ }).click();
  await until(async () => (await tom.getByRole("button", { name: /^Pancakes\s*1 vote,/ }).count()) === 1, "two answers");
  await stage.narrow(mia);
  await stage.shots(mia, "polls");
}));

test("checklist: add, tick, edit, assign, order, sections, undo", () => play("checklist", {}, async (stage) => {
  const mia = await stage.person("mia");
  await stage.axe(mia, "empty");
  await stage.shots(mia, "empty");
  const tom = await stage.person("tom");
  const add = async (page, text, place = "Add to List") => {
    await page.getByLabel(place, { exact: true }).fill(text);
    await page.keyboard.press("Enter");
  };
  for (const item of ["Quickdraws", "First-aid kit", "Stove", "Coffee"]) await add(mia, item);
  await until(async () => (await tom.locator(".item").count()) === 4, "tom has four items");
  await tom.getByRole("checkbox", { name: "Quickdraws" }).check();
  await until(() => mia.getByRole("checkbox", { name: "Quickdraws" }).isChecked(), "ticked for mia");
  assert.equal(stage.host.updates.at(-1).summary, "1 of 4 done");
  await mia.getByRole("button", { name: "Edit Coffee" }).click();
  await mia.locator(".edit [name=text]").fill("Coffee, ground");
  await mia.locator(".edit [name=who]").fill("tom");
  await stage.axe(mia, "editing");
  await mia.keyboard.press("Enter");
  await until(async () => (await tom.locator(".item", { hasText: "Coffee, ground" }).locator(".chip").innerText()).endsWith("You"), "assigned to tom");
  // Keys move an item, and keep hold of it.
  await mia.getByRole("button", { name: /^Move Coffee, ground/ }).focus();
  await mia.keyboard.press("ArrowUp");
  await mia.keyboard.press("ArrowUp");
  await until(async () => (await texts(tom, ".item .text")).join() === "Quickdraws,Coffee, ground,First-aid kit,Stove", "moved by keys");
  assert.equal(await mia.evaluate(() => document.activeElement.dataset.grip !== undefined), true);
  // The mouse moves one too.
  const grip = await tom.getByRole("button", { name: /^Move Stove/ }).boundingBox();
  const first = await tom.locator(".item").first().boundingBox();
  await tom.mouse.move(grip.x + 8, grip.y + 8);
  await tom.mouse.down();
  await tom.mouse.move(first.x + 60, first.y + 20, { steps: 4 });
  await tom.mouse.move(first.x + 60, first.y + 4, { steps: 3 });
  await tom.mouse.up();
  await until(async () => (await texts(mia, ".item .text"))[0] === "Stove", "moved by mouse");
  await menuPick(mia, mia.locator(".item", { hasText: "First-aid" }), "Delete");
  await until(async () => (await tom.locator(".item").count()) === 3, "deleted");
  await mia.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await tom.locator(".item").count()) === 4, "undone");
  await mia.getByRole("button", { name: "Section" }).click();
  await mia.getByLabel("Name of the section").fill("Food");
  await mia.keyboard.press("Enter");
  await add(mia, "Bread", "Add to Food");
  await add(mia, "Cheese", "Add to Food");
  await until(async () => (await tom.locator(".section").count()) === 2, "a section");
  // A whole list is pasted at once.
  await tom.getByLabel("Add to Food").focus();
  await tom.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "- Apples\n- Nuts\n");
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await until(async () => (await mia.locator(".item").count()) === 8, "pasted");
  stage.host.post("eve", { payload: { k: "y", d: "AAECAwQFBgc=" } });
  stage.host.post("eve", { payload: { k: "y", d: stage.host.updates[0].payload.d } });
  await stage.narrow(mia);
  await stage.axe(mia, "full");
  await stage.shots(mia, "full");
  await tom.getByRole("button", { name: "Remove all done items" }).click();
  await until(async () => (await mia.locator(".item").count()) === 7, "swept");
  // A newcomer gets the same list from the start.
  const anouk = await stage.person("anouk");
  assert.deepEqual(await texts(anouk, ".item .text"), await texts(mia, ".item .text"));
}));

test("whiteboard: draw, see live, erase, undo, clear, export", () => play("whiteboard", {}, async (stage) => {
  const mia = await stage.person("mia");
  await stage.axe(mia, "empty");
  await stage.shots(mia, "empty");
  const tom = await stage.person("tom");
  const label = (page) => page.locator("#live").getAttribute("aria-label");
  const draw = async (page, points) => {
    await page.mouse.move(...points[0]);
    await page.mouse.down();
    for (const p of points.slice(1)) await page.mouse.move(...p, { steps: 6 });
  };
  const inked = (page, canvas) => page.evaluate((id) => {
    const c = document.getElementById(id);
    const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) n += 1;
    return n;
  }, canvas);
  await draw(mia, [[60, 420], [140, 160], [220, 380], [300, 120], [420, 300]]);
  await until(async () => (await inked(tom, "live")) > 500, "tom sees the stroke while it is drawn");
  assert.equal(await label(tom), "Drawing area, empty");
  await until(() => tom.locator("#here .face").count(), "tom sees who is there");
  await mia.mouse.up();
  assert.equal(await label(mia), "Drawing area, 1 stroke by 1 person");
  await until(async () => (await label(tom)) === "Drawing area, 1 stroke by 1 person", "stored for tom");
  assert.ok((await inked(tom, "ink")) > 500);
  await tom.getByRole("button", { name: /^Colour and width/ }).click();
  await stage.axe(tom, "colours");
  await tom.getByRole("menuitemradio", { name: "Red" }).click();
  await draw(tom, [[100, 100], [380, 480]]);
  await tom.mouse.up();
  await until(async () => (await label(mia)) === "Drawing area, 2 strokes by 2 people", "two strokes");
  await stage.shots(mia, "drawing");
  // Undo takes back one's own stroke only.
  await mia.keyboard.press("Control+z");
  await until(async () => (await label(tom)) === "Drawing area, 1 stroke by 1 person", "undone");
  await mia.keyboard.press("Control+Shift+z");
  await until(async () => (await label(tom)) === "Drawing area, 2 strokes by 2 people", "redone");
  // The keyboard draws as well.
  await tom.locator("#live").focus();
  for (const key of ["Space", "ArrowRight", "ArrowRight", "Shift+ArrowDown", "Space"]) await tom.keyboard.press(key);
  await until(async () => (await label(mia)) === "Drawing area, 3 strokes by 2 people", "drawn by keys");
  await tom.keyboard.press("Control+z");
  await until(async () => (await label(mia)) === "Drawing area, 2 strokes by 2 people", "and undone");
  await mia.getByRole("button", { name: "Eraser (E)" }).click();
  await draw(mia, [[95, 300], [350, 200]]);
  await mia.mouse.up();
  await until(async () => (await label(tom)) === "Drawing area, empty", "erased");
  await mia.getByRole("button", { name: "Undo (Ctrl Z)" }).click();
  await mia.getByRole("button", { name: "Undo (Ctrl Z)" }).click();
  await until(async () => (await label(tom)).includes("stroke"), "erasing undone");
  await mia.getByLabel("More").click();
  await mia.getByRole("button", { name: "Share as picture" }).click();
  const [file] = await until(async () => (await mia.evaluate(() => window.shared)).length > 0 && mia.evaluate(() => window.shared), "a picture");
  assert.equal(file.name, "whiteboard.png");
  assert.ok(file.size > 1000 && file.body.includes("PNG"));
  await mia.getByLabel("More").click();
  await mia.getByRole("button", { name: "Clear the board" }).click();
  await until(async () => (await tom.locator(".toast").innerText()).includes("mia cleared the board."), "tom is told");
  assert.equal(await label(tom), "Drawing area, empty");
  await tom.getByRole("button", { name: "Bring back" }).click();
  await until(async () => (await label(mia)).includes("stroke"), "brought back by tom");
  for (const p of ["////", "A".repeat(99), 7, null]) stage.host.post("eve", { payload: { k: "ink", s: [{ i: "evil1", c: 99, w: 1e9, t: 5, p }], t: Date.now() } });
  stage.host.post("eve", { payload: { k: "hide", id: "evil2", of: [[null, [1]], "x"] } });
  const before = await label(mia);
  await mia.reload();
  await mia.waitForSelector("html[data-ready]");
  assert.equal(await label(mia), before);
  await stage.narrow(mia);
  await stage.axe(mia, "with strokes");
}));

test("notes: write, save, search, pin, preview, delete, import and export on two devices", () => play("notes", {}, async (stage) => {
  const phone = await stage.person("me");
  await stage.axe(phone, "empty");
  await stage.shots(phone, "empty");
  const laptop = await stage.person("me", { viewport: { width: 900, height: 700 } });
  await phone.getByRole("button", { name: "New note" }).first().click();
  await phone.keyboard.type("Gift ideas\n- [ ] a **book**\n- [x] a bike bell\n\nSee https://example.org and `code`");
  assert.equal(await phone.locator(".status").innerText(), "Saving…");
  await until(async () => (await phone.locator(".status").innerText()) === "Saved", "saved");
  await until(() => laptop.locator(".note b", { hasText: "Gift ideas" }).count(), "on the laptop");
  await laptop.locator(".note").first().click();
  await laptop.locator("#text").press("Control+End");
  await laptop.keyboard.type("\nfrom the laptop");
  await phone.locator("#text").evaluate((box) => box.setSelectionRange(4, 4));
  await phone.keyboard.type(" (secret)");
  await until(async () => (await phone.locator("#text").inputValue()) === (await laptop.locator("#text").inputValue()) && (await phone.locator("#text").inputValue()).includes("from the laptop"), "merged on both");
  assert.ok((await laptop.locator("#text").inputValue()).startsWith("Gift (secret) ideas"));
  await laptop.getByRole("button", { name: "Preview" }).click();
  assert.equal(await laptop.locator(".preview strong").innerText(), "book");
  assert.equal(await laptop.locator(".preview a").getAttribute("href"), "https://example.org/");
  await laptop.getByRole("checkbox", { name: "a **book**" }).check();
  await until(async () => (await phone.locator("#text").inputValue()).includes("- [x] a **book**"), "ticked in the text");
  await stage.axe(laptop, "preview");
  await stage.shots(laptop, "preview");
  await laptop.evaluate(() => { window.toImport = [new File(["Bread\n500 g flour\n10 g salt"], "bread.txt"), new File(["Lock code\n\n4711"], "lock.md"), new File([""], "empty.txt")]; });
  await laptop.locator("#more summary").click();
  await laptop.getByRole("button", { name: "Import text files" }).click();
  await until(async () => (await laptop.locator(".note").count()) === 3, "imported");
  await laptop.getByRole("button", { name: "Edit the text" }).click();
  await laptop.locator(".note", { hasText: "Bread" }).click();
  await laptop.getByRole("button", { name: "Pin", exact: true }).click();
  await until(async () => (await texts(laptop, ".note b"))[0] === "Bread", "pinned first");
  await laptop.getByLabel("Search notes").fill("salt");
  await until(async () => (await laptop.locator(".note").count()) === 1, "found");
  assert.equal(await laptop.locator(".note mark").innerText(), "salt");
  await laptop.getByLabel("Search notes").fill("nothing like it");
  await laptop.getByRole("button", { name: "Show all" }).click();
  await laptop.getByRole("button", { name: "Export as text" }).click();
  await until(async () => (await laptop.evaluate(() => window.shared[0]?.name)) === "Bread.md", "exported");
  await stage.axe(laptop, "editor");
  await stage.shots(laptop, "editor");
  await laptop.getByRole("button", { name: "Delete" }).click();
  await until(async () => (await laptop.locator(".note").count()) === 2, "deleted");
  await laptop.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await laptop.locator(".note").count()) === 3, "undone");
  await phone.getByRole("button", { name: "All notes" }).click();
  await until(async () => (await phone.locator(".note").count()) === 3, "three notes on the phone");
  await stage.narrow(phone);
  await stage.axe(phone, "list");
  await stage.shots(phone, "list");
}));

test("calendar: events, agenda, finding a time, undo and export", () => play("calendar", {}, async (stage) => {
  const mia = await stage.person("mia");
  await stage.axe(mia, "empty");
  const tom = await stage.person("tom");
  await mia.getByRole("button", { name: "New event" }).click();
  await stage.axe(mia, "form");
  await stage.shots(mia, "form");
  await mia.getByRole("button", { name: "Save" }).click();
  assert.equal(await mia.locator("#event .problem").innerText(), "Write what it is.");
  await mia.locator("#title").fill("Climbing at the quarry");
  await mia.locator("#place").fill("North wall");
  await mia.locator("#repeat").selectOption("weekly");
  await mia.getByRole("button", { name: "Save" }).click();
  await until(() => tom.locator(".day .ev", { hasText: "Climbing at the quarry" }).count(), "tom sees it");
  await tom.locator(".day .ev").click();
  await tom.locator("#title").fill("Climbing, if dry");
  await tom.getByRole("button", { name: "Save" }).click();
  await until(() => mia.locator(".day .ev", { hasText: "Climbing, if dry" }).count(), "changed by tom");
  await mia.locator(".day .ev").click();
  await mia.getByRole("button", { name: "Delete" }).click();
  await until(async () => (await tom.locator(".ev").count()) === 0, "deleted");
  await mia.getByRole("button", { name: "Undo" }).click();
  await until(async () => (await tom.locator(".ev").count()) > 0, "undone");
  // Keys walk through the days.
  await mia.locator(".d[tabindex='0']").focus();
  const start = await mia.evaluate(() => document.activeElement.dataset.day);
  await mia.keyboard.press("ArrowDown");
  await mia.keyboard.press("ArrowLeft");
  await mia.keyboard.press("ArrowRight");
  const end = await mia.evaluate(() => document.activeElement.dataset.day);
  assert.equal(Math.round((Date.parse(end) - Date.parse(start)) / 86_400_000), 7);
  assert.equal(await mia.locator(".day .ev").count(), 1, "the next week has it too");
  const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
  stage.host.post("tom", { payload: { k: "ev", id: "trip01", u: "trip-op1", prev: [], v: { title: "Weekend in the hut", allDay: true, first: day(2), last: day(4), place: "Alpine hut" }, t: Date.now(), n: "tom" } });
  stage.host.post("eve", { payload: { k: "ev", id: "evil01", u: "evil-op1", prev: "x", v: { title: "x", start: -5, end: 1e300, repeat: "daily" } } });
  await mia.keyboard.press("PageUp");
  await mia.getByRole("button", { name: "Today" }).click();
  await stage.axe(mia, "month");
  await stage.shots(mia, "month");
  await mia.getByRole("tab", { name: "Month" }).focus();
  await mia.keyboard.press("ArrowRight");
  assert.ok((await texts(mia, ".agenda .ev b")).includes("Weekend in the hut"));
  await stage.axe(mia, "agenda");
  await stage.shots(mia, "agenda");
  await mia.getByRole("tab", { name: "Find a time" }).click();
  await mia.getByRole("button", { name: "Propose times" }).last().click();
  await mia.locator("#topic").fill("Planning evening");
  await mia.getByRole("button", { name: "Another time" }).click();
  await stage.axe(mia, "proposal form");
  await stage.shots(mia, "proposing");
  await mia.getByRole("button", { name: "Ask everyone" }).click();
  await tom.getByRole("tab", { name: "Find a time" }).click();
  await until(async () => (await tom.locator(".slot").count()) === 3, "three times");
  const mark = async (page, n, label) => page.locator(".slot").nth(n).getByRole("radio", { name: label, exact: true }).click();
  await mark(mia, 0, "yes");
  await mark(mia, 1, "yes");
  await mark(mia, 2, "no");
  await mark(tom, 0, "maybe");
  await mark(tom, 1, "yes");
  await until(async () => (await mia.locator(".slot").nth(1).locator(".chip").innerText()).trim() === "Best so far", "the second is best");
  await tom.getByText("Who said what").click();
  await stage.axe(tom, "proposals");
  await stage.narrow(tom);
  await stage.shots(tom, "proposals");
  await mia.getByRole("button", { name: /^Take / }).click();
  await until(async () => (await tom.locator(".slot.best .chip").innerText()).trim() === "Chosen", "chosen");
  await mia.getByRole("tab", { name: "Agenda" }).click();
  assert.ok((await texts(mia, ".agenda .ev b")).includes("Planning evening"));
  await mia.locator("#more summary").click();
  await mia.getByRole("button", { name: "Export all as .ics" }).click();
  const body = await until(() => mia.evaluate(() => window.shared[0]?.body), "a file");
  assert.ok(body.startsWith("BEGIN:VCALENDAR") && body.includes("RRULE:FREQ=WEEKLY") && body.includes("SUMMARY:Planning evening"));
  assert.ok(stage.host.updates.some((u) => u.summary && u.document === "Calendar"));
  await stage.narrow(mia);
}));
