// The main job in a real browser against the mock node: keyboard and pointer, axe on every screen, pictures to look at.
import { must, stage } from "./stage.mjs";

const { HUB, startNode, stopNode, context, page, watch, problems, step, axe, shot, scene, dialog, closeSheet, menu, end } = await stage(process.env.PORT ?? "4466");

await step("without a token there is a calm page", async () => {
  await page.goto(HUB);
  await page.getByRole("heading", { name: "This dashboard belongs" }).waitFor();
  await axe("login");
  await shot("login");
});
await step("a wrong code is refused in words", async () => {
  await page.getByRole("textbox").fill(`${HUB}#login=wrong`);
  await page.getByRole("button", { name: "Open the dashboard" }).click();
  await page.getByText("used already or is too old").waitFor();
});
await step("the login link works and leaves the address", async () => {
  await page.goto("about:blank");
  await page.goto(`${HUB}#login=mock`);
  await page.getByRole("heading", { name: "Welcome to Hedgerow" }).waitFor();
  must(new URL(page.url()).hash === "", `the fragment stayed: ${page.url()}`);
});
await step("onboarding: name, words, check", async () => {
  await axe("welcome");
  await shot("welcome-1");
  await page.getByRole("textbox").fill("Robin");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your recovery words" }).waitFor();
  await page.getByText("orbit").waitFor();
  await axe("words");
  await shot("welcome-2");
  await page.getByRole("button", { name: "I wrote them down" }).click();
  const list = "orbit maple canyon velvet ticket lunar basket ridge whisper copper meadow anchor".split(" ");
  for (const field of await dialog().locator("label").all()) await field.locator("input").fill(list[Number((await field.innerText()).match(/\d+/)[0]) - 1]);
  await shot("welcome-3");
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await dialog().waitFor({ state: "detached" });
});
await step("the empty board suggests starters and the next step", async () => {
  await page.getByRole("heading", { name: "Start with these" }).waitFor();
  await page.getByRole("button", { name: /Checklist/ }).waitFor();
  await page.getByText("This node is on its own").waitFor();
  await axe("empty board");
  await shot("empty-1440-light");
});
await step("add a widget from the directory", async () => {
  await page.getByRole("button", { name: "Add widget" }).click();
  await page.getByRole("searchbox").fill("check");
  await page.getByRole("button", { name: "Add Checklist" }).waitFor();
  await page.getByRole("button", { name: "Add Poll" }).waitFor({ state: "detached" });
  await axe("directory");
  await shot("directory-1440-light");
  await page.getByRole("button", { name: "Add Checklist" }).click();
  await page.getByText("third-party code").waitFor();
  await axe("detail");
  await shot("detail-1440-light");
  await page.getByRole("button", { name: "Read the source" }).click();
  await page.getByRole("button", { name: /manifest.toml/ }).click();
  await page.locator("pre").waitFor();
  await axe("source");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Back" }).click();
  await dialog().getByRole("button", { name: "Add", exact: true }).click();
  await page.frameLocator("iframe").getByText("Quickdraws").waitFor();
});
await step("connect by ticket", async () => {
  await page.getByRole("button", { name: /On its own/ }).click();
  await page.getByLabel("Connect with a ticket").fill("nonsense");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("This is not a ticket").waitFor();
  await page.getByLabel("Connect with a ticket").fill("hedge1abc");
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Connected to Anouk").waitFor();
  await closeSheet();
  await page.getByRole("button", { name: /1 peer · direct/ }).waitFor();
});

await step("a full board", async () => {
  await scene("full");
  await page.reload();
  await page.getByRole("heading", { name: "Which car?" }).waitFor();
  await page.frameLocator('iframe[title="Shout"]').getByText("Crag is dry").waitFor();
  await page.waitForTimeout(400);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1);
  console.log(`      first contentful paint after ${Math.round(paint)} ms`);
  await axe("board");
  await shot("board-1440-light");
});
const loads = () => page.evaluate(() => performance.getEntriesByType("resource").length).then(async () => Promise.all(page.frames().filter((f) => f !== page.mainFrame()).map((f) => f.evaluate(() => globalThis.loads ?? 0))));
await step("updates go through the bridge and come back in order", async () => {
  const app = page.frames().find((f) => f.url().includes("inst000000000000"));
  await app.evaluate(async () => { for (let n = 0; n < 20; n += 1) await globalThis.call("send_update", { update: { payload: { text: `line ${n}` } } }); });
  await page.waitForTimeout(200);
  const got = await app.evaluate(() => globalThis.got);
  must(got.length === 20 && got.every((v, n) => v === n + 1), `got ${got}`);
  const bad = await app.evaluate(() => globalThis.call("shutdown", {}).catch((e) => e.message));
  must(/no such call/.test(bad), bad);
});
await step("arrange by keyboard; nothing loads anew", async () => {
  const before = await loads();
  await page.getByRole("button", { name: "Arrange" }).click();
  const tile = page.locator('section[aria-label="Notes"]');
  await tile.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowDown");
  await axe("arrange");
  await shot("arrange-1440-light");
  // It is sent a moment later; how much later, the machine says.
  let notes;
  for (let i = 0; i < 25 && !(notes?.x === 8 && notes.h === 5); i++) {
    await page.waitForTimeout(200);
    const kept = await page.evaluate(() => new Promise((ok) => { const ws = new WebSocket(`ws://${location.host}/api/ws`); ws.onopen = () => ws.send(JSON.stringify({ token: sessionStorage.getItem("hedgerow.token") })); ws.onmessage = (e) => { const m = JSON.parse(e.data); if (m.ready) ws.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "layout.get", params: {} })); else if (m.id === 1) { ok(m.result); ws.close(); } }; }));
    notes = kept.boards[0].tiles.find((t) => t.instance === "inst000000000004");
  }
  must(notes.x === 8 && notes.h === 5, `kept ${JSON.stringify(notes)}`);
  await page.getByRole("button", { name: "Done" }).click();
  must(JSON.stringify(await loads()) === JSON.stringify(before), "an iframe was loaded anew");
});
await step("drag by the title bar and resize; nothing loads anew", async () => {
  const before = await loads();
  await page.getByRole("button", { name: "Arrange" }).click();
  await page.evaluate(() => scrollTo(0, 0));
  const head = page.locator('section[aria-label="Packing list"] .handle');
  const box = await head.boundingBox();
  await page.mouse.move(box.x + 80, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x - 300, box.y + 560, { steps: 12 });
  await shot("drag-1440-light");
  await page.mouse.up();
  await page.waitForTimeout(700);
  const after = await head.boundingBox();
  must(Math.abs(after.y - box.y) > 150, `moved from ${box.y} to ${after.y}`);
  await page.getByRole("button", { name: "Done" }).click();
  must(JSON.stringify(await loads()) === JSON.stringify(before), "an iframe was loaded anew");
});
await step("a layout from another tab is applied without loading anew", async () => {
  const before = await loads();
  const other = await context.newPage();
  watch(other);
  await other.goto(HUB);
  await other.getByRole("heading", { name: "Which car?" }).waitFor({ timeout: 5000 });
  await other.getByRole("button", { name: "Arrange" }).click();
  await other.locator('section[aria-label="Shout"]').focus();
  for (let n = 0; n < 3; n += 1) await other.keyboard.press("ArrowDown");
  const there = await other.locator('section[aria-label="Shout"]').boundingBox();
  await page.waitForTimeout(900);
  const mine = await page.locator('section[aria-label="Shout"]').evaluate((e) => e.closest(".grid-stack-item").getAttribute("gs-y"));
  must(Number(mine) === 3, `row here ${mine}, there ${there.y}`);
  await other.close();
  must(JSON.stringify(await loads()) === JSON.stringify(before), "an iframe was loaded anew");
});
await step("rename", async () => {
  await menu("Menu of Notes", "Rename");
  await page.getByRole("textbox", { name: "Name on this dashboard" }).fill("Trip notes");
  await axe("rename");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Trip notes" }).waitFor();
});
await step("remove and undo", async () => {
  await menu("Menu of Which car?", "Remove");
  await page.getByRole("heading", { name: "Which car?" }).waitFor({ state: "detached" });
  await page.getByText("Which car? removed.").waitFor();
  await axe("toast");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "Which car?" }).waitFor();
  await page.waitForTimeout(600); // It comes into view and loads.
});
await step("maximise and restore with Escape", async () => {
  const before = await loads();
  await menu("Menu of Topo sketch", "Maximise");
  const box = await page.locator('section[aria-label="Topo sketch"]').boundingBox();
  must(box.width > 1400 && box.height > 860, JSON.stringify(box));
  await shot("maximised-1440-light");
  await page.keyboard.press("Escape");
  const small = await page.locator('section[aria-label="Topo sketch"]').boundingBox();
  must(small.width < 900, JSON.stringify(small));
  must(JSON.stringify(await loads()) === JSON.stringify(before), "an iframe was loaded anew");
});
await step("boards: switch keeps frames, keyboard moves, add, remove with undo", async () => {
  const before = await loads();
  await page.getByRole("tab", { name: "Home" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("heading", { name: "Start with these" }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: "Topo sketch" }).waitFor();
  must(JSON.stringify(await loads()) === JSON.stringify(before), "an iframe was loaded anew");
  await page.getByRole("button", { name: "New board" }).click();
  await page.getByRole("textbox", { name: "Name of the board" }).fill("Work");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Work" }).waitFor();
  await menu("Board Work", "Move left");
  await menu("Board Work", "Remove board");
  await page.getByRole("tab", { name: "Work" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("tab", { name: "Work" }).waitFor();
  await menu("Board Work", "Remove board");
  await page.getByRole("tab", { name: "Home" }).click();
});
await step("invite sheet", async () => {
  await menu("Menu of Which car?", "Invite and members");
  await page.getByLabel("Link, for somebody who runs Hedgerow").waitFor();
  await axe("invite");
  await shot("invite-1440-light");
  await closeSheet();
  must(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")) === "Menu of Which car?", "focus did not return to the menu");
});
await step("plugins: a yes to some of what is asked for, and back", async () => {
  await menu("More", "Plugins, 2 for you to look at");
  const one = page.getByRole("dialog").getByRole("listitem").filter({ has: page.getByRole("heading", { name: /^statistics/ }) });
  await one.getByLabel("Can see the name, the id and the state of this node").uncheck();
  await one.getByRole("button", { name: /^Allow and start/ }).click();
  await one.getByText("Running").waitFor();
  await one.getByText("(not granted)").waitFor();
  await one.getByRole("button", { name: /^Take the permission back/ }).click();
  await page.getByText("has ended and may not run any more").locator("..").getByRole("button", { name: "Undo" }).click();
  await one.getByText("Running").waitFor();
  await one.getByRole("button", { name: /^Remove/ }).click();
  await one.waitFor({ state: "detached" });
  await page.getByText("statistics removed").locator("..").getByRole("button", { name: "Undo" }).click();
  await one.getByText("Waits for your yes").waitFor();
  await closeSheet();
});
await step("join sheet", async () => {
  await page.goto("about:blank");
  await page.goto(`${HUB}#invite=hedgeinvite1abc`);
  await page.getByText("invites you to").waitFor();
  must(new URL(page.url()).hash === "", "the fragment stayed");
  await axe("join");
  await shot("join-1440-light");
  await dialog().getByRole("button", { name: "Join", exact: true }).click();
  await page.getByRole("heading", { name: "Day of the hike" }).waitFor();
  await page.frameLocator('iframe[title="Day of the hike"]').getByText("Friday suits most").waitFor();
});
await step("palette by keyboard", async () => {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").waitFor();
  await axe("palette");
  await shot("palette-1440-light");
  await page.keyboard.type("packing");
  await page.waitForTimeout(200);
  await page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  await page.waitForTimeout(300);
  must(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")) === "Packing list", "focus is not on the widget");
});
await step("link question shows the real host and is armed late", async () => {
  await page.evaluate(() => document.querySelector('iframe[title="Which car?"]')?.scrollIntoView());
  await page.frameLocator('iframe[title="Which car?"]').getByRole("button", { name: "Read the timetable" }).click();
  await dialog().locator("b", { hasText: "xn--exmple-cua.org" }).waitFor();
  must(await dialog().getByRole("button", { name: "Open", exact: true }).isDisabled(), "armed at once");
  await axe("link");
  await shot("link-1440-light");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.frameLocator('iframe[title="Which car?"]').getByRole("button", { name: "Share" }).click();
  await page.getByText("result.txt").waitFor();
  await axe("share");
  await shot("share-1440-light");
  await page.getByRole("button", { name: "Cancel" }).click();
});
await step("update with a permission difference", async () => {
  await menu("Menu of Which car?", "Update to 1.1.0");
  await page.getByText("Version 1.1.0 is here").waitFor();
  await axe("update");
  await shot("update-1440-light");
  await page.getByRole("button", { name: "Allow this and update" }).click();
  await page.getByText("Poll is 1.1.0 now.").waitFor();
  await closeSheet();
});
await step("notifications, people, settings, publish", async () => {
  await page.getByRole("button", { name: /Notifications/ }).click();
  await page.getByText("Mia voted").waitFor();
  await axe("notices");
  await shot("notices-1440-light");
  await closeSheet();
  await page.getByRole("button", { name: /peers · direct/ }).click();
  await page.getByText("Connected on the local network").waitFor();
  await axe("people");
  await shot("people-1440-light");
  await closeSheet();
  await menu("More", "Settings");
  await axe("settings");
  await shot("settings-1440-light");
  await closeSheet();
  await menu("More", "Publish a widget");
  await axe("publish");
  await shot("publish-1440-light");
  await closeSheet();
});
for (const theme of ["light", "dark"]) for (const width of [390, 820, 1440]) {
  await step(`pictures at ${width} in ${theme}`, async () => {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await page.emulateMedia({ colorScheme: theme });
    await scene("full");
    await page.reload();
    await page.frameLocator('iframe[title="Shout"]').getByText("Crag is dry").waitFor();
    await page.waitForTimeout(400);
    await axe(`board ${width} ${theme}`);
    await shot(`board-${width}-${theme}`);
    must(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the screen");
    const sheet = async (name, open) => { await open(); await dialog().waitFor(); await page.waitForTimeout(250); await axe(`${name} ${width} ${theme}`); await shot(`${name}-${width}-${theme}`); await closeSheet(); };
    await sheet("directory", () => page.getByRole("button", { name: "Add widget" }).click());
    await sheet("detail", async () => { await page.getByRole("button", { name: "Add widget" }).click(); await page.getByRole("searchbox").fill("poll"); await page.getByRole("button", { name: "See Poll" }).click(); await page.getByText("third-party code").waitFor(); });
    await sheet("people", () => page.getByRole("button", { name: /people and peers/ }).click());
    await sheet("invite", () => menu("Menu of Which car?", "Invite and members"));
    await sheet("plugins", async () => { await menu("More", "Plugins, 2 for you to look at"); await page.getByRole("button", { name: "Logs of greeter" }).click(); await page.getByText("listening").waitFor(); });
    await sheet("settings", () => menu("More", "Settings"));
    await sheet("palette", () => page.keyboard.press("Control+k"));
    await page.getByRole("button", { name: "Menu of Shout" }).click();
    await axe(`menu ${width} ${theme}`);
    await shot(`menu-${width}-${theme}`);
    await page.keyboard.press("Escape");
  });
}
await step("phone: move down by menu", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(200);
  const y = () => page.locator('section[aria-label="Shout"]').evaluate((e) => e.getBoundingClientRect().top + scrollY);
  const before = await y();
  await menu("Menu of Shout", "Move down");
  await page.waitForTimeout(300);
  must((await y()) > before, "it did not move");
  await page.setViewportSize({ width: 1440, height: 900 });
});
await step("the node goes and comes back", async () => {
  await stopNode();
  await page.getByText("is not answering; trying again").waitFor();
  await shot("lost-1440");
  await startNode({ SCENE: "full" });
  await page.getByText("is not answering; trying again").waitFor({ state: "detached", timeout: 15_000 });
});
await step("a token that is refused leads to the login page with the reason", async () => {
  await stopNode();
  await startNode({ SCENE: "full", TOKEN: "another" });
  await page.getByText("started anew").waitFor({ timeout: 20_000 });
  await axe("refused");
});
await step("no errors in the console, no violation of the policy", async () => must(problems.length === 0, problems.slice(0, 5).join("\n")));

await end();
