// A guest book. Everyone sends updates, everyone receives all of them, and makes the same list from them.
const $ = (id) => document.getElementById(id);
const webxdc = window.webxdc;

// By id, so that an update which arrives twice counts once.
const entries = new Map();

// What others sent may be anything: take only what is right.
function read(payload) {
  const text = (value, most) => (typeof value === "string" ? value.trim().slice(0, most) : "");
  const entry = {
    id: text(payload?.id, 64),
    name: text(payload?.name, 64) || "Somebody",
    words: text(payload?.words, 200),
    time: Number.isSafeInteger(payload?.time) ? payload.time : 0,
  };
  return entry.id && entry.words ? entry : null;
}

function colour(name) {
  let sum = 0;
  for (const c of name) sum = (sum * 31 + c.codePointAt(0)) % 360;
  return `hsl(${sum} 45% 38%)`;
}

function row({ name, words, time }) {
  const li = document.createElement("li");
  const face = document.createElement("span");
  face.className = "face";
  face.textContent = [...name][0].toUpperCase();
  face.style.background = colour(name);
  face.ariaHidden = "true";
  const text = document.createElement("p");
  const who = document.createElement("strong");
  who.textContent = name;
  const when = document.createElement("time");
  const date = new Date(time);
  if (time && !Number.isNaN(date.getTime())) {
    when.textContent = date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
    when.dateTime = date.toISOString();
    when.title = date.toLocaleString();
  }
  // textContent, never innerHTML: what others wrote stays text.
  text.append(who, when, document.createElement("br"), words);
  li.append(face, text);
  return li;
}

function show() {
  const list = [...entries.values()].sort((a, b) => b.time - a.time || (a.id < b.id ? -1 : 1));
  $("entries").replaceChildren(...list.map(row));
  $("empty").hidden = list.length > 0;
  $("count").textContent = list.length === 1 ? "1 entry" : `${list.length} entries`;
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = $("text").value.trim();
  if (!words) return;
  const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
  const payload = { id, name: webxdc.selfName, words, time: Date.now() };
  $("sign").disabled = true;
  try {
    // One's own update comes back to the listener too, so nothing is shown here.
    await webxdc.sendUpdate({ payload, summary: `${entries.size + 1} signed` }, "");
    $("text").value = "";
    problem("");
  } catch (error) {
    problem(`It was not signed: ${error?.message ?? error}. Your words are still here; try again.`);
  }
  $("sign").disabled = false;
  $("text").focus();
});

let ready = false;
await webxdc.setUpdateListener((update) => {
  const entry = read(update.payload);
  if (entry && !entries.has(entry.id)) entries.set(entry.id, entry);
  if (ready) show();
}, 0);
ready = true;
show();
