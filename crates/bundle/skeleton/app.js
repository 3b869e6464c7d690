// A shared counter: everybody who has this widget open sees the same waves, also those that were made offline.
const waves = new Map();

function draw() {
  const total = [...waves.values()].reduce((sum, person) => sum + person.count, 0);
  document.getElementById("count").textContent = total;
  document.getElementById("word").textContent = total === 1 ? "wave" : "waves";
  const people = [...waves.values()].sort((a, b) => b.count - a.count);
  document.getElementById("people").replaceChildren(
    ...people.map((person) => {
      const line = document.createElement("li");
      line.textContent = `${person.name}: ${person.count}`;
      return line;
    }),
  );
}

// Every update, old and new, one's own too, arrives here in an order in which causes come before effects.
window.webxdc.setUpdateListener((update) => {
  // What others send may be anything: take only what you understand. `sender` is verified by Hedgerow.
  const who = update.sender ?? update.payload?.from;
  const name = String(update.payload?.name ?? "").slice(0, 40);
  if (typeof who !== "string" || !name) return;
  const person = waves.get(who) ?? { count: 0 };
  waves.set(who, { name, count: person.count + 1 });
  draw();
}, 0);

document.getElementById("wave").addEventListener("click", () => {
  const { selfAddr, selfName } = window.webxdc;
  window.webxdc.sendUpdate({ payload: { from: selfAddr, name: selfName }, summary: "Somebody waved" }, "");
});

draw();
