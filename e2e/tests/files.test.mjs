// The dashboard's files and connection (O12): offers, progress, what was tried, a report; no accessibility findings.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { closeBrowser, openHub, profile } from "../lib/browser.mjs";
import { Node, folder, until } from "../lib/node.mjs";

after(closeBrowser);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = process.env.HEDGEROW_SHOTS;

async function looked(page, screen) {
  await page.waitForTimeout(250);
  if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${screen}.png`) });
  }
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] })).violations.map((v) => `${v.id} ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`));
  assert.deepEqual(found, [], screen);
}
async function open(page, name) {
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name }).click();
}
async function close(page) {
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
}
async function two(t) {
  const a = await Node.start(t);
  const b = await Node.start(t, { args: ["--peer", a.ready.ticket] });
  await a.call("profile.set", { name: "Ash" });
  await b.call("profile.set", { name: "Rowan" });
  await until("connected", async () => (await b.run("peers"))[0]?.name === "Ash" && (await a.run("peers"))[0]?.name === "Rowan");
  return [a, b];
}
function made(t, size, name) {
  const path = join(folder(t, "send"), name);
  writeFileSync(path, randomBytes(size));
  return path;
}
const give = (from, to, path) => from.call("files.send", { path, node: to.ready.node });

test("an offer is seen, taken or not, and the file is where the dashboard says", async (t) => {
  const [a, b] = await two(t);
  const page = await openHub(await profile(t), b);
  await page.getByRole("button", { name: "People and peers" }).or(page.getByText("1 peer")).first().waitFor();
  const photo = made(t, 2_500_000, "photo of the garden.jpg");
  await give(a, b, photo);
  await page.getByText("Ash wants to send you photo of the garden.jpg (2.5 MB).").waitFor();
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("button", { name: "Take it photo of the garden.jpg" }).click();
  await page.getByText("Received and verified").waitFor();
  const place = join(b.data, "files", "photo of the garden.jpg");
  await page.getByText(place).waitFor();
  assert.ok(readFileSync(place).equals(readFileSync(photo)));
  await give(a, b, made(t, 1000, "spam.txt"));
  await page.getByRole("button", { name: "No, thanks spam.txt" }).click();
  await page.getByText("You did not take it").waitFor();
  await until("the sender knows", async () => (await a.run("files"))[0].state === "refused");
  // A rule is made with one press, and taken back.
  await give(a, b, made(t, 1000, "first.txt"));
  await page.getByRole("button", { name: "Always from Ash, to 100 MB a day" }).click();
  await page.getByRole("button", { name: "Ask again about files of Ash" }).waitFor();
  await give(a, b, made(t, 1000, "second.txt"));
  await page.getByText("Received and verified, without asking").waitFor();
  await page.getByRole("button", { name: "Ask again about files of Ash" }).click();
  await page.getByRole("button", { name: "Ask again about files of Ash" }).waitFor({ state: "detached" });
  assert.deepEqual((await b.run("files", "settings")).always, []);
  assert.deepEqual(page.problems.filter((text) => !text.includes("'webrtc'")), []);
});

test("files and connection in light and dark, narrow and wide: no accessibility findings", { timeout: 180_000 }, async (t) => {
  const [a, b] = await two(t);
  const finished = await give(a, b, made(t, 400_000, "minutes of the meeting.pdf"));
  await until("offered", async () => (await b.run("files")).length === 1);
  await b.run("files", "accept", "1");
  await until("done", async () => (await a.call("files.get", { number: finished.number })).state === "done");
  await give(a, b, made(t, 3_000_000, "photo of the garden.jpg"));
  await give(b, a, made(t, 1_200_000, "seeds.csv"));
  await until("all there", async () => (await b.run("files")).length === 3);
  for (const [scheme, width] of [["light", 1440], ["dark", 1440], ["light", 390], ["dark", 390]]) {
    const page = await openHub(await profile(t, { colorScheme: scheme, viewport: { width, height: 900 } }), b);
    await page.getByRole("button", { name: "More", exact: true }).waitFor();
    await page.waitForTimeout(300);
    if (await page.locator("dialog[open]").count()) await close(page);
    await open(page, "Files, 1 for you");
    await page.getByText("Largest file").waitFor();
    await looked(page, `files-${scheme}-${width}`);
    await close(page);
    await open(page, "Connection");
    await page.locator("summary").filter({ hasText: "Ash" }).click();
    await page.getByText("What was tried").waitFor();
    await looked(page, `connection-${scheme}-${width}`);
    await page.locator("summary").scrollIntoViewIfNeeded();
    await page.getByRole("button", { name: "Copy a report" }).scrollIntoViewIfNeeded();
    await looked(page, `connection-end-${scheme}-${width}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(wide, 0, "nothing is wider than the page");
    await close(page);
  }
});

test("a report shows kinds and numbers, and nobody's address, name or id", async (t) => {
  const [a, b] = await two(t);
  const { text } = await b.call("node.report");
  assert.match(text, /^peer 1: /m);
  assert.match(text, /router, filtering: /);
  assert.match(text, /connected, /);
  assert.doesNotMatch(text, /\d+\.\d+\.\d+\.\d+|Ash|Rowan|::/);
  for (const node of [a, b]) assert.ok(!text.includes(node.ready.node.slice(0, 8)));
  const page = await openHub(await profile(t, { permissions: ["clipboard-write"] }), b);
  await page.evaluate(() => { const real = navigator.clipboard.writeText.bind(navigator.clipboard); navigator.clipboard.writeText = (text) => { globalThis.copied = text; return real(text); }; });
  await open(page, "Connection");
  await page.getByRole("button", { name: "Copy a report" }).click();
  await page.getByText("Report copied.").waitFor();
  assert.match(await page.evaluate(() => globalThis.copied), /^Hedgerow .* on linux\nreachable: /);
});
