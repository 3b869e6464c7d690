// A message is {room, nick, text}. Who said it is proven by the signature; the nick is what they call themselves.
const MOST_LINES = 500;
const { peers } = hedgerow;
const [lines, room, text, others] = ["lines", "room", "text", "others"].map((id) => document.getElementById(id));
let members = new Set();

/** A colour that belongs to a pseudonym, so that nobody else with the same nick looks the same. */
const hue = (who) => parseInt(who.slice(0, 4), 16) % 360;

function line(build) {
  const item = document.createElement("li");
  build(item);
  const below = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  lines.append(item);
  while (lines.children.length > MOST_LINES) lines.firstChild.remove();
  if (below) lines.scrollTop = lines.scrollHeight;
}

function show({ nick, text: said }, who) {
  line((item) => {
    const [at, by] = [document.createElement("time"), document.createElement("span")];
    at.textContent = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    by.className = "who";
    by.textContent = nick;
    by.title = who;
    by.style.color = `light-dark(hsl(${hue(who)} 60% 32%), hsl(${hue(who)} 60% 72%))`;
    item.append(at, by, said);
  });
}

const trouble = (message) => line((item) => ((item.className = "trouble"), (item.textContent = message)));

function count() {
  others.textContent = members.size === 0 ? "Nobody else is here yet" : members.size === 1 ? "1 other is here" : `${members.size} others are here`;
}

peers.onMessage((m) => m.message.room === room.value && show(m.message, m.signed));
peers.onPresence(({ peer, there }) => {
  members[there ? "add" : "delete"](peer);
  count();
});
peers.list().then((list) => {
  members = new Set(list.map((member) => member.peer));
  count();
}, (error) => trouble(error.message));

document.getElementById("rooms").addEventListener("submit", (event) => {
  event.preventDefault();
  lines.replaceChildren();
  text.focus();
});
document.getElementById("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = { room: room.value, nick: webxdc.selfName.slice(0, 32) || "somebody", text: text.value.trim() };
  if (said.text === "") return;
  try {
    await peers.broadcast(said, { timeout: 30 });
    text.value = "";
    show(said, webxdc.selfAddr);
  } catch (error) {
    trouble(error.message);
  }
});
