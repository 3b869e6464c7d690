// The game, without a screen or a network: a list of moves, of which each is by who signed it.
const LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

class Game {
  constructor() {
    this.players = []; // Pseudonyms: the first one plays X.
    this.cells = Array(9).fill(null);
  }
  get turn() {
    return this.cells.filter(Boolean).length % 2;
  }
  get winner() {
    const won = LINES.find(([a, b, c]) => this.cells[a] && this.cells[a] === this.cells[b] && this.cells[b] === this.cells[c]);
    return won ? this.cells[won[0]] : null;
  }
  get over() {
    return this.winner !== null || this.cells.every(Boolean);
  }
  /** Takes a seat if one is free; whether `who` has one then. */
  sit(who) {
    if (!this.players.includes(who) && this.players.length < 2) this.players.push(who);
    return this.players.includes(who);
  }
  /** Makes a move of `who`; false if it is not theirs to make. */
  move(who, cell) {
    const mine = this.players.length === 2 && this.players[this.turn] === who;
    if (!mine || this.over || !Number.isInteger(cell) || cell < 0 || cell > 8 || this.cells[cell]) return false;
    this.cells[cell] = "XO"[this.turn];
    return true;
  }
}
if (typeof module === "object") module.exports = { Game };
