// Permissions in a real browser against the mock node: the question and the tricks against it, the sheet, the watch.
import { must, stage } from "./stage.mjs";

const { HUB, page, problems, step, axe, shot, scene, dialog, closeSheet, menu, end } = await stage(process.env.PORT ?? "4468");
const app = (n) => page.frames().find((f) => f.url().includes(`inst00000000000${n}`));
const button = (name) => dialog().getByRole("button", { name, exact: true });
/** Asks from inside a widget; the answer is read later. */
const ask = (n, call, args = {}) => app(n).evaluate(([c, a]) => { (globalThis.asked ??= []).push(globalThis.call(c, a).then((r) => ({ result: r }), (e) => ({ code: e.code }))); }, [call, args]);
const answers = (n) => app(n).evaluate(async () => { const all = await Promise.all(globalThis.asked); globalThis.asked = []; return all; });
const rpc = (method, params) => page.evaluate(([m, p]) => new Promise((ok) => { const ws = new WebSocket(`ws://${location.host}/api/ws`); ws.onopen = () => ws.send(JSON.stringify({ token: sessionStorage.getItem("hedgerow.token") })); ws.onmessage = (e) => { const d = JSON.parse(e.data); if (d.ready) ws.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: m, params: p })); else if (d.id === 1) { ok(d.result ?? d.error); ws.close(); } }; }), [method, params]);
const fresh = async (name = "full") => {
  await scene(name);
  await page.goto("about:blank");
  await page.goto(`${HUB}#login=mock`);
  await page.frameLocator('iframe[title="Which car?"]').getByText("Tom's van").waitFor();
  await page.frameLocator('iframe[title="Shout"]').getByText("Crag is dry").waitFor();
};
const armed = () => page.waitForFunction(() => { const b = document.querySelector("dialog[open] .end button"); return b && !b.disabled; });

await page.goto(`${HUB}#login=mock`);
await page.waitForTimeout(500);
await step("a call that needs a yes asks once, in the dashboard's own window, and hides all widgets", async () => {
  await fresh();
  for (let n = 0; n < 5; n += 1) await ask(1, "web_fetch", { url: "https://timetable.example.org/" });
  await dialog().getByRole("heading", { name: "Which car? wants to reach timetable.example.org" }).waitFor();
  must(await dialog().count() === 1, "more than one question");
  must(await page.evaluate(() => [...document.querySelectorAll("iframe")].every((f) => getComputedStyle(f).visibility === "hidden" && f.closest("[inert]"))), "a widget is to be seen");
  must(await page.evaluate(() => document.activeElement?.tagName) === "H2", "the focus is not on the heading");
  await axe("question");
  await shot("ask-1440-light");
});
await step("buttons take nothing at once, nothing of a double-click, nothing of a program", async () => {
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
  must((await answers(1)).every((a) => a.code === "denied"), "a no is not `denied`");
  await ask(1, "web_fetch", { url: "https://timetable.example.org/" });
  must((await answers(1))[0].code === "denied", "a second question after not now");
  must(await dialog().count() === 0, "a second question is shown");
  await fresh();
  await ask(1, "web_fetch", { url: "https://timetable.example.org/" });
  const yes = button("Always");
  await yes.waitFor();
  must(await yes.isDisabled(), "armed at once");
  const box = await yes.boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  for (let n = 0; n < 8; n += 1) { await page.mouse.click(at.x, at.y, { clickCount: 2 }); await page.waitForTimeout(120); }
  must(await dialog().count() === 1, "a click in a hurry was taken");
  await armed();
  await yes.evaluate((b) => { b.click(); b.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, isPrimary: true })); b.dispatchEvent(new MouseEvent("click", { bubbles: true })); });
  await page.waitForTimeout(200);
  must(await dialog().count() === 1, "a click of a program was taken");
  // Down on one, up on another.
  const no = await button("Not now").boundingBox();
  await page.mouse.move(no.x + 5, no.y + 5); await page.mouse.down(); await page.mouse.move(at.x, at.y); await page.mouse.up();
  await page.waitForTimeout(200);
  must(await dialog().count() === 1, "a press that began elsewhere was taken");
});
await step("another size of the window, or the loss of its focus, begins anew", async () => {
  await armed();
  await page.setViewportSize({ width: 1400, height: 880 });
  await page.waitForTimeout(100);
  must(await button("Always").isDisabled(), "still armed after a resize");
  await page.setViewportSize({ width: 1440, height: 900 });
  await armed();
  await page.evaluate(() => dispatchEvent(new Event("blur")));
  await page.waitForTimeout(20);
  must(await button("Always").isDisabled(), "still armed without the focus");
});
await step("a widget cannot take the focus or be pressed meanwhile", async () => {
  await app(1).evaluate(() => { globalThis.hits = 0; addEventListener("pointerdown", () => (globalThis.hits += 1)); globalThis.focus(); document.getElementById("link").focus(); });
  const frame = await page.locator('iframe[title="Which car?"]').boundingBox();
  await page.mouse.click(frame.x + 20, frame.y + 20);
  must(await app(1).evaluate(() => globalThis.hits) === 0, "a press went through");
  must(await page.evaluate(() => document.activeElement?.tagName) !== "IFRAME", "the widget has the focus");
});
await step("a yes by keyboard goes on with the call", async () => {
  await armed();
  for (let n = 0; n < 5 && (await page.evaluate(() => document.activeElement?.textContent)) !== "Always"; n += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  const [one] = await answers(1);
  must(one.result?.status === 200, JSON.stringify(one));
  must(await page.evaluate(() => document.activeElement !== document.body), "the focus is lost");
});
await step("two permissions of one widget are asked one after the other, two seconds apart", async () => {
  await fresh();
  await ask(1, "web_fetch", { url: "https://timetable.example.org/" });
  await ask(1, "contacts_list");
  await dialog().getByRole("heading", { name: /timetable/ }).waitFor();
  await armed();
  await button("Allow once").click();
  await dialog().waitFor({ state: "detached" });
  const from = Date.now();
  await dialog().getByRole("heading", { name: /people you share spaces with/ }).waitFor();
  must(Date.now() - from > 1_700, `after ${Date.now() - from} ms`);
  await dialog().getByText("cannot keep all that a widget learns").waitFor();
  must(await button("Always").count() === 0, "the private one has a plain yes in this browser");
  await axe("private question");
  await shot("ask-private-1440-light");
  await armed();
  await button("Allow here anyway").click();
  await dialog().waitFor({ state: "detached" });
  const [fetched, people] = await answers(1);
  must(fetched.result?.status === 200 && people.result?.length === 1, JSON.stringify([fetched, people]));
});
await step("in the fenced browser a private one is asked like the others", async () => {
  await fresh("strict");
  await ask(1, "contacts_list");
  await button("Always").waitFor();
  must(await page.getByText("cannot keep all").count() === 0, "a warning in the strict tier");
  await page.keyboard.press("Escape");
});
await step("what is not in sight asks with a dot and a line among the notifications", async () => {
  await fresh();
  await page.getByRole("tab", { name: "Family" }).click();
  await rpc("mock.wanted", { instance: "inst000000000001", permission: "contacts" });
  await page.waitForTimeout(500);
  must(await dialog().count() === 0, "a question of a widget that is not in sight");
  await page.getByRole("button", { name: "Notifications, 2 new" }).click();
  await dialog().getByText("Which car? wants to see the names of the people").waitFor();
  await axe("questions that wait");
  await shot("ask-waiting-1440-light");
  await dialog().getByRole("button", { name: /^Answer/ }).click();
  await dialog().getByRole("heading", { name: /wants to see the names/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Home" }).click();
});
await step("the camera is given to the frame only after a yes, by loading it anew", async () => {
  await fresh();
  const frame = page.locator('iframe[title="Which car?"]');
  must(await frame.getAttribute("allow") === "", "something is allowed from the start");
  await ask(1, "permissions_ask", { permission: "camera" });
  await dialog().getByRole("heading", { name: /use the camera/ }).waitFor();
  await armed();
  await button("Allow here anyway").click();
  await page.waitForFunction(() => document.querySelector('iframe[title="Which car?"]')?.getAttribute("allow") === "camera");
  await page.frameLocator('iframe[title="Which car?"]').getByText("Tom's van").waitFor();
});
await step("a widget learns of its permissions, notifies, and speaks with its background part", async () => {
  await fresh();
  const mine = await app(1).evaluate(() => globalThis.call("permissions_list"));
  must(mine.length === 4 && Object.keys(mine[0]).sort().join() === "name,sentence,state", JSON.stringify(mine));
  await app(1).evaluate(() => globalThis.call("background_tell", { message: { n: 5 } }));
  await page.waitForTimeout(200);
  must(JSON.stringify(await app(1).evaluate(() => globalThis.told)) === '[{"heard":{"n":5}}]', "no answer of the background part");
  await app(0).evaluate(() => globalThis.call("notify", { text: "Mia is here", title: "Shout" }));
  await page.getByText("Shout: Mia is here").waitFor();
});
await step("the script that widgets load: a web site, a refusal with its code, a page without it", async () => {
  await fresh();
  await page.frameLocator('iframe[title="Notes"]').getByText("Ask Mia").waitFor();
  const got = await app(4).evaluate(async () => { const r = await globalThis.hedgerow.web.fetch("https://notes.example.org/"); return [r.ok, await r.text(), r.headers.get("Content-Type"), await globalThis.hedgerow.contacts.list().catch((e) => e.code), await globalThis.hedgerow.permissions.list()]; });
  must(JSON.stringify(got.slice(0, 4)) === '[true,"soon","text/plain","denied"]' && got[4][0].name === "web", JSON.stringify(got));
  await app(4).evaluate(() => void setTimeout(() => location.assign("/plain.html"), 0));
  await page.waitForTimeout(9_000);
  await page.frameLocator('iframe[title="Notes"]').getByText("Ask Mia").waitFor();
  must(await page.getByText("was paused").count() === 0, "a page without the script was taken for a frozen one");
});
await step("permissions and activity: change, undo, what it did, background", async () => {
  await fresh();
  await menu("Menu of Which car?", "Permissions and activity");
  await dialog().getByText("Runs in the background").waitFor();
  await dialog().getByText("Fetched from the web").first().waitFor();
  await dialog().getByText("9 answers so far").waitFor();
  await axe("permissions");
  await shot("permissions-1440-light");
  const web = dialog().getByRole("combobox", { name: "Can reach timetable.example.org" });
  await web.selectOption("Always");
  await dialog().getByText(/always\./).first().waitFor();
  await web.selectOption("Ask first");
  await page.getByText("Taken back: can reach timetable").waitFor();
  await dialog().getByRole("button", { name: "Undo" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("dialog select")].some((s) => s.value === "always"));
  await dialog().getByRole("combobox", { name: "Can use the camera" }).selectOption("While open");
  await dialog().getByRole("button", { name: "Allow here anyway" }).waitFor();
  await axe("a private permission in this browser");
  await dialog().getByRole("button", { name: "Leave it" }).click();
  await dialog().getByRole("button", { name: "Restart" }).click();
  await dialog().getByText("started anew 2 times").waitFor();
  await closeSheet();
});
await step("settings: what widgets may without asking", async () => {
  await menu("More", "Settings");
  const box = dialog().getByRole("group", { name: "All other widgets" }).getByLabel("Notify you");
  await box.check();
  await page.waitForTimeout(200);
  must((await rpc("grant.policy", {})).strangers.includes("notifications"), "not kept");
  await box.scrollIntoViewIfNeeded();
  await axe("settings");
  await shot("policy-1440-light");
  await closeSheet();
});
await step("a widget that spins is paused; the dashboard stays smooth, and it can go on", async () => {
  await fresh();
  await page.waitForTimeout(2_500);
  await page.evaluate(() => { globalThis.gap = 0; let last = performance.now(); const frame = () => { const now = performance.now(); globalThis.gap = Math.max(globalThis.gap, now - last); last = now; globalThis.beat = requestAnimationFrame(frame); }; frame(); });
  await app(1).evaluate(() => { setTimeout(() => { for (;;); }, 0); });
  const from = Date.now();
  await page.getByText("Which car? stopped answering and was paused").waitFor({ timeout: 12_000 });
  console.log(`      paused after ${Date.now() - from} ms, longest gap between frames of the dashboard ${Math.round(await page.evaluate(() => globalThis.gap))} ms`);
  must(await page.locator('iframe[title="Which car?"]').count() === 0, "the frame is still there");
  await axe("paused");
  await shot("paused-1440-light");
  await page.getByRole("button", { name: /^What it did/ }).click();
  await dialog().getByRole("heading", { name: "What it did" }).waitFor();
  await closeSheet();
  await page.getByRole("button", { name: /^Resume/ }).click();
  await page.frameLocator('iframe[title="Which car?"]').getByText("Tom's van").waitFor();
});
await step("one that is busy all the time has a badge and can be paused", async () => {
  await app(1).evaluate(() => { globalThis.busy = setInterval(() => { const until = performance.now() + 950; while (performance.now() < until); }, 1_000); });
  await page.getByText("Which car? is busy").waitFor({ timeout: 30_000 });
  await axe("busy");
  await shot("busy-1440-light");
  await page.getByRole("button", { name: /^Pause/ }).click();
  await page.getByText("Which car? is paused").waitFor();
  await page.getByRole("button", { name: /^Resume/ }).click();
});
await step("one that takes more than a gigabyte is paused", async () => {
  await page.frameLocator('iframe[title="Which car?"]').getByText("Tom's van").waitFor();
  await app(1).evaluate(() => { globalThis.heap = 2 ** 31; });
  await page.getByText("Which car? took more than 1 GB of memory and was paused").waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: /^Resume/ }).click();
});
for (const theme of ["light", "dark"]) for (const width of [390, 1440]) {
  await step(`pictures at ${width} in ${theme}`, async () => {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await page.emulateMedia({ colorScheme: theme });
    await fresh();
    await page.evaluate(() => document.querySelector('iframe[title="Which car?"]')?.scrollIntoView({ block: "center" }));
    await page.waitForTimeout(200);
    await ask(1, "web_fetch", { url: "https://timetable.example.org/" });
    await armed();
    await axe(`question ${width} ${theme}`);
    await shot(`ask-${width}-${theme}`);
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    await ask(1, "contacts_list");
    await page.getByText("cannot keep all").waitFor();
    await armed();
    await axe(`private question ${width} ${theme}`);
    await shot(`ask-private-${width}-${theme}`);
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    await menu("Menu of Which car?", "Permissions and activity");
    await dialog().getByText("9 answers so far").waitFor();
    await axe(`permissions ${width} ${theme}`);
    await shot(`permissions-${width}-${theme}`);
    await dialog().getByRole("heading", { name: "What it did" }).scrollIntoViewIfNeeded();
    await dialog().locator(".body").first().evaluate((b) => b.scrollTo(0, b.scrollHeight));
    await shot(`activity-${width}-${theme}`);
    await closeSheet();
    await page.waitForTimeout(2_500);
    await app(1).evaluate(() => (globalThis.mute = true));
    await page.getByText("stopped answering and was paused").waitFor({ timeout: 12_000 });
    await axe(`paused ${width} ${theme}`);
    await shot(`paused-${width}-${theme}`);
  });
}
await step("no errors in the console, no violation of the policy", async () => must(problems.length === 0, problems.slice(0, 5).join("\n")));

await end();
