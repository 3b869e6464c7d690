import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { forSeeds, NOW, spoiled, USERS } from "../seeds.mjs";
import { Choice, counted, SIZES, starText, USUAL } from "../../shared/choice.js";

const LISTS = ["top-widgets", "newest-widgets", "top-authors", "top-moderators", "similar-peers"];

test("how many are shown is everybody's own choice; the newest counts, in whatever order they come", () => forSeeds(50, (rng) => {
  const updates = [];
  for (let n = 0; n < 12; n += 1) updates.push([{ k: "size", n_max: rng.pick(SIZES), rev: n, u: `op${n}00` }, { sender: rng.pick(USERS), t: NOW + n }]);
  const seen = [updates, rng.shuffle(updates), [...rng.shuffle(updates), ...updates]].map((list) => {
    const choice = new Choice();
    for (const [payload, meta] of list) choice.apply(payload, meta);
    return USERS.map((u) => choice.size(u));
  });
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual(seen[2], seen[0]);
}));

test("nonsense changes nothing", () => forSeeds(50, (rng) => {
  const choice = new Choice();
  for (let n = 0; n < 20; n += 1) choice.apply(spoiled(rng, { k: "size", n_max: 20, rev: 1, u: "op1" }), { sender: "eve", t: NOW });
  const size = choice.size("eve");
  assert.ok(Number.isSafeInteger(size) && size >= 1 && size <= 100);
  assert.equal(choice.size("mia"), USUAL);
}));

test("figures from outside are bounded", () => {
  assert.equal(starText(4.56), "4.6");
  for (const odd of [null, "5", NaN, -1, 6, {}]) assert.equal(starText(odd), "");
  assert.equal(counted(1, "user"), "1 user");
  for (const odd of [null, "x", -4, NaN]) assert.equal(counted(odd, "user"), "0 users");
});

test("each asks for the directory and nothing else, with a reason", async () => {
  for (const name of LISTS) {
    const manifest = await readFile(new URL(`../../${name}/manifest.toml`, import.meta.url), "utf8");
    assert.match(manifest, /^permissions = \[\{ name = "directory", reason = "To [^"]+" \}\]$/m, name);
  }
});
