import assert from "node:assert/strict";
import { test } from "node:test";
import { forSeeds, NOW, random, USERS } from "../seeds.mjs";
import { Lists, pasted } from "../../dist/checklist/source/state.js";
import { caret, fileName, Notes, search, snippet, title } from "../../dist/notes/source/state.js";
import { blocks, inline, tick } from "../../dist/notes/source/markdown.js";
import { belongs, difference, SharedDoc, writerId, Y } from "../../dist/notes/source/shared/ydoc.js";
import { toBase64 } from "../../dist/notes/source/shared/bytes.js";

const outbox = (Kind, self) => {
  const sent = [];
  const state = new Kind(self, (payload) => sent.push({ payload, meta: { sender: self } }));
  const flush = () => {
    state.shared.flush();
    return sent.splice(0);
  };
  return { state, flush, self };
};

test("checklist: edits of three people, delivered in any order, end equal", () => {
  forSeeds(60, (rng) => {
    const people = USERS.map((u) => outbox(Lists, u));
    const all = [];
    for (let round = 0; round < 6; round += 1) {
      for (const { state } of people) {
        for (let n = rng.int(4); n > 0; n -= 1) {
          const items = state.view().flatMap((s) => s.items);
          const item = items.length > 0 ? rng.pick(items) : null;
          const kind = rng.int(7);
          if (kind <= 1 || !item) state.add("main", `item ${rng.int(50)}`);
          else if (kind === 2) state.set(item.id, { done: rng.int(2) === 0 });
          else if (kind === 3) state.setText(item.id, `${item.text} more`);
          else if (kind === 4) state.move(item.id, "main", rng.int(items.length));
          else if (kind === 5) state.set(item.id, { gone: true });
          else state.addSection(`section ${rng.int(9)}`);
        }
      }
      const fresh = people.flatMap((p) => p.flush());
      all.push(...fresh);
      // Some arrive now, at some; the rest at the end.
      for (const { state } of people) for (const u of rng.shuffle(fresh)) if (rng.int(2) === 0) state.apply(u.payload, u.meta);
    }
    const views = people.map(({ state }) => {
      for (const u of rng.shuffle(all)) assert.equal(state.apply(u.payload, u.meta), true);
      return JSON.stringify(state.view());
    });
    const late = new Lists("late", () => {});
    for (const u of rng.shuffle(all)) late.apply(u.payload, u.meta);
    views.push(JSON.stringify(late.view()));
    for (const view of views) assert.equal(view, views[0]);
  });
});

test("checklist: two edits of one item at the same time are both kept", () => {
  const [mia, tom] = [outbox(Lists, "mia"), outbox(Lists, "tom")];
  const key = mia.state.add("main", "buy rope");
  for (const u of mia.flush()) tom.state.apply(u.payload, u.meta);
  mia.state.setText(key, "buy long rope");
  tom.state.setText(key, "buy rope, 60 m");
  tom.state.set(key, { done: true });
  const [a, b] = [mia.flush(), tom.flush()];
  for (const u of b) mia.state.apply(u.payload, u.meta);
  for (const u of a) tom.state.apply(u.payload, u.meta);
  const [item] = mia.state.view()[0].items;
  assert.equal(item.text, "buy long rope, 60 m");
  assert.equal(item.done, true);
  assert.equal(JSON.stringify(mia.state.view()), JSON.stringify(tom.state.view()));
});

test("checklist: moving puts an item where it was asked, a hundred times between the same two", () => {
  const { state } = outbox(Lists, "mia");
  const keys = ["a", "b", "c", "d"].map((t) => state.add("main", t));
  const order = () => state.view()[0].items.map((i) => i.text).join("");
  state.move(keys[3], "main", 1);
  assert.equal(order(), "adbc");
  state.move(keys[0], "main", 3);
  assert.equal(order(), "dbca");
  for (let n = 0; n < 100; n += 1) {
    const items = state.view()[0].items;
    state.move(items[3].id, "main", 1);
    assert.deepEqual(state.view()[0].items.map((i) => i.id), [items[0].id, items[3].id, items[1].id, items[2].id]);
  }
});

test("checklist: pasted lists lose their marks and empty lines", () => {
  assert.deepEqual(pasted("- [ ] Stove\n* Coffee\n\n2. Rope\nplain"), ["Stove", "Coffee", "Rope", "plain"]);
});

test("an update that speaks for another writer is refused", () => {
  const eve = new Y.Doc();
  eve.clientID = writerId("mia");
  eve.getMap("items").set("x", 1);
  const lists = new Lists("tom", () => {});
  const payload = { k: "y", d: toBase64(Y.encodeStateAsUpdate(eve)) };
  assert.equal(lists.apply(payload, { sender: "eve" }), false);
  assert.equal(lists.items.size, 0);
  assert.ok(belongs(writerId("mia"), "mia") && !belongs(writerId("mia"), "eve"));
});

test("broken and odd updates are refused or harmless, and later ones still work", () => {
  forSeeds(80, (rng) => {
    const mia = outbox(Lists, "mia");
    mia.state.add("main", "one");
    const [good] = mia.flush();
    const bytes = Uint8Array.from(atob(good.payload.d), (c) => c.charCodeAt(0));
    const tom = new Lists("tom", () => {});
    for (let n = 0; n < 20; n += 1) {
      const bad = bytes.slice(0, rng.int(2) ? bytes.length : rng.int(bytes.length));
      for (let k = rng.int(5); k > 0; k -= 1) bad[rng.int(bad.length)] = rng.int(256);
      // Spoiled ones come from another sender, so that they cannot stand in for the good one.
      tom.apply({ k: "y", d: toBase64(bad) }, { sender: "eve" });
    }
    for (const d of [null, 5, "", "%%%", "A".repeat(500_000), {}]) assert.equal(tom.apply({ k: "y", d }, { sender: "eve" }), d === "" ? false : false);
    tom.apply(good.payload, good.meta);
    assert.equal(tom.view()[0].items.length, 1);
  });
});

test("odd values inside the document are left out when read", () => {
  const lists = new Lists("tom", () => {});
  lists.shared.edit(() => {
    lists.items.set("okid", 5);
    lists.items.set("__proto__", new Y.Map());
    const m = new Y.Map();
    m.set("text", "not a shared text");
    lists.items.set("bad1", m);
    const n = new Y.Map([["text", new Y.Text("fine\u202e\n  text")], ["pos", "NaN"], ["in", { a: 1 }], ["done", "yes"], ["who", 7]]);
    lists.items.set("good", n);
    lists.sections.set("main", 7);
  });
  const [section] = lists.view();
  assert.deepEqual(section.items, [{ id: "good", text: "fine text", in: "main", pos: 0, done: false, who: "" }]);
});

test("notes: what two devices write at the same time is merged", () => {
  const [phone, laptop] = [outbox(Notes, "me"), outbox(Notes, "me")];
  const key = phone.state.create("Recipe\nflour\n", NOW);
  for (const u of phone.flush()) laptop.state.apply(u.payload, u.meta);
  phone.state.write(key, "Recipe for bread\nflour\n", NOW + 1);
  laptop.state.write(key, "Recipe\nflour\nsalt\n", NOW + 2);
  const [a, b] = [phone.flush(), laptop.flush()];
  for (const u of b) phone.state.apply(u.payload, u.meta);
  for (const u of a) laptop.state.apply(u.payload, u.meta);
  assert.equal(phone.state.get(key).text, "Recipe for bread\nflour\nsalt\n");
  assert.equal(laptop.state.get(key).text, phone.state.get(key).text);
});

test("notes: a long text is sent in parts that each fit into one update", () => {
  const { state, flush } = outbox(Notes, "me");
  const text = "word 😀 ".repeat(20_000).slice(0, 150_000);
  const key = state.create(text, NOW);
  const updates = flush();
  for (const u of updates) assert.ok(JSON.stringify(u.payload).length < 120_000);
  const other = new Notes("you", () => {});
  for (const u of random(4).shuffle(updates)) assert.equal(other.apply(u.payload, u.meta), true);
  assert.equal(other.get(key).text, state.get(key).text);
  assert.equal(other.get(key).text.length, 150_000);
});

test("notes: deleting and bringing back keeps the edits made meanwhile", () => {
  const [a, b] = [outbox(Notes, "me"), outbox(Notes, "me")];
  const key = a.state.create("text", NOW);
  for (const u of a.flush()) b.state.apply(u.payload, u.meta);
  a.state.set(key, "gone", true);
  b.state.write(key, "text, longer", NOW + 1);
  for (const u of a.flush()) b.state.apply(u.payload, u.meta);
  for (const u of b.flush()) a.state.apply(u.payload, u.meta);
  assert.equal(a.state.get(key), null);
  a.state.set(key, "gone", false);
  assert.equal(a.state.get(key).text, "text, longer");
});

test("differences rebuild the new text and never cut a character in two", () => {
  forSeeds(300, (rng) => {
    const word = () => Array.from({ length: rng.int(8) }, () => rng.pick(["a", "b", "😀", "😁", "é"])).join("");
    const [old, next] = [word(), word()];
    const { at, remove, insert } = difference(old, next);
    assert.equal(old.slice(0, at) + insert + old.slice(at + remove), next);
    assert.ok(insert.isWellFormed(), JSON.stringify([old, next]));
    assert.ok(old.slice(at, at + remove).isWellFormed());
  });
});

test("notes: the caret stays at its words when the text changes elsewhere", () => {
  assert.equal(caret(2, { at: 5, remove: 1, insert: "xyz" }), 2);
  assert.equal(caret(8, { at: 5, remove: 1, insert: "xyz" }), 10);
  assert.equal(caret(6, { at: 5, remove: 3, insert: "x" }), 6);
});

test("notes: titles, snippets, file names and search", () => {
  const text = "\n# **Gift** ideas\n- [ ] book\n- a bike";
  assert.equal(title(text), "Gift ideas");
  assert.equal(snippet(text), "book a bike");
  assert.equal(title(""), "New note");
  assert.equal(fileName("../../etc: passwd", "md"), "....etc passwd.md");
  const list = [{ id: "1", text: "red bike" }, { id: "2", text: "Blue car" }];
  assert.deepEqual(search(list, "BLUE c").map((f) => f.note.id), ["2"]);
  assert.equal(search(list, " ").length, 2);
});

test("notes: formatting becomes a tree of known parts, and only web links are links", () => {
  assert.deepEqual(blocks("# A\n- [x] done\n- [ ] open\n\ntext\nmore\n```\n<b>\n```").map((b) => b.tag), ["h2", "ul", "p", "pre"]);
  assert.deepEqual(inline("a **b** [c](https://x.org) [d](javascript:alert(1))").map((p) => p.tag ?? "text"), ["text", "strong", "text", "a", "text"]);
  assert.equal(tick("x\n- [ ] a\n- [x] b", 1, true), "x\n- [x] a\n- [x] b");
  assert.equal(tick("x", 9, true), "x");
  for (const bad of ["*".repeat(20_000), "`".repeat(9999), "[".repeat(9999), "- ".repeat(9999)]) {
    const start = Date.now();
    blocks(bad).forEach((b) => inline(b.text ?? b.lines?.join("\n") ?? ""));
    assert.ok(Date.now() - start < 1000, bad.slice(0, 4));
  }
});

test("a document keeps the number of its writer's address after a clash", () => {
  const shared = new SharedDoc("mia", () => {});
  shared.doc.clientID = 5;
  shared.edit(() => shared.doc.getMap("a").set("b", 1));
  assert.ok(belongs(shared.doc.clientID, "mia"));
});
