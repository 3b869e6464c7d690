const show = (id, text) => { document.getElementById(id).textContent = text; };

function draw(counts) {
  show("state", "Counted in the background, also while this page is closed.");
  show("total", counts.total);
  show("people", Object.keys(counts.people).length);
  const most = Math.max(1, ...counts.hours);
  const bars = counts.hours.map((n) => Object.assign(document.createElement("i"), { style: `height: ${(n / most) * 100}%` }));
  document.getElementById("hours").replaceChildren(...bars);
}

document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("text");
  if (field.value.trim() !== "") webxdc.sendUpdate({ payload: { text: field.value } }, "");
  field.value = "";
});

window.hedgerow.background.onmessage = draw;

async function ask() {
  try {
    const { running } = await window.hedgerow.background.status();
    if (running) return void (await window.hedgerow.background.tell("counts"));
    show("state", "The background part is being made ready…");
    setTimeout(ask, 2000);
  } catch (error) {
    show("state", error.code === "denied" ? "It may not run in the background; allow it in Permissions and activity." : error.message);
  }
}
ask();
