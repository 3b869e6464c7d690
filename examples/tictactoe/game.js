// Whoever opened the table keeps the game; the others send it what they want to do and see what came of it. All of it is
// sealed to the group of the table: players and spectators are those who were given its key. Outsiders see that there is
// a table, and nothing else.
const { peers, secrets } = hedgerow;
const [status, board, key, own] = ["status", "board", "key", "own"].map((id) => document.getElementById(id));
const me = webxdc.selfAddr;
let table = null; // {id, host, game}

const cells = Array.from({ length: 9 }, (_, cell) => {
  const button = document.createElement("button");
  button.addEventListener("click", () => want({ move: cell }));
  board.append(button);
  return button;
});

/** The name of the group is made of the key, so it is the same for all who have it. */
const named = async (text) => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};
const say = (message) => peers.broadcast(message, { encrypt: `group:${table.id}`, clear: { kind: "table", table: table.id }, timeout: 60 });

function draw() {
  const { game } = table;
  cells.forEach((button, cell) => {
    button.textContent = game.cells[cell] ?? "";
    button.disabled = game.over || game.players[game.turn] !== me || Boolean(game.cells[cell]);
    button.setAttribute("aria-label", `Row ${Math.floor(cell / 3) + 1}, column ${(cell % 3) + 1}: ${game.cells[cell] ?? "empty"}`);
  });
  const plays = game.players.includes(me);
  if (game.winner) status.textContent = plays ? (game.players["XO".indexOf(game.winner)] === me ? "You won." : "You lost.") : `${game.winner} won.`;
  else if (game.over) status.textContent = "A draw.";
  else if (game.players.length < 2) status.textContent = "Waiting for a second player: give somebody the key.";
  else status.textContent = game.players[game.turn] === me ? "Your turn." : plays ? "The other's turn." : `You watch: ${"XO"[game.turn]} is to move.`;
}

/** What somebody wants is carried out by the host, and said to all. */
function carryOut(who, wish) {
  const { game } = table;
  if (wish.sit) game.sit(who);
  else if (!game.move(who, wish.move)) return;
  draw();
  say({ players: game.players, cells: game.cells }).catch(trouble);
}
function want(wish) {
  if (table.host) carryOut(me, wish);
  else say({ wish }).catch(trouble);
}
const trouble = (error) => (status.textContent = error.message);

peers.onMessage((m) => {
  if (!table || m.clear?.table !== table.id || m.encrypted === "sealed") return;
  const { wish, players, cells: now } = m.message;
  if (table.host) {
    if (wish) carryOut(m.signed, wish);
  } else if (Array.isArray(players) && Array.isArray(now) && (table.of ??= m.signed) === m.signed) {
    // Only who kept the table from the beginning says how it stands.
    Object.assign(table.game, { players: players.slice(0, 2), cells: now.slice(0, 9) });
    draw();
  }
});

async function begin(text, host) {
  const id = await named(text);
  await secrets.addGroup(id, text);
  table = { id, host, of: null, game: new Game() };
  board.hidden = false;
  for (const form of document.forms) form.hidden = true;
  own.textContent = host ? `Key of this table: ${text}` : "";
  want({ sit: true });
  draw();
}
document.getElementById("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const made = await secrets.addGroup("new table");
    await secrets.forgetGroup("new table");
    await begin(made.key, true);
  } catch (error) {
    trouble(error);
  }
});
document.getElementById("sit").addEventListener("submit", (event) => {
  event.preventDefault();
  begin(key.value.trim(), false).catch(trouble);
});
