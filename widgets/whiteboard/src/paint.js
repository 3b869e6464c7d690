// Drawing strokes on a canvas.

const LIGHT = ["#1e2620", "#2f7d4f", "#2f6fb0", "#c0394f", "#c96a00", "#7a4fb5", "#0f7f86", "#9aa39c"];
const DARK = ["#e6ebe5", "#6cc08c", "#7fb4ea", "#f08294", "#f0ad5d", "#b79be6", "#62c6cc", "#6f7a72"];
export const NAMES = ["Ink", "Green", "Blue", "Red", "Orange", "Purple", "Teal", "Grey"];
const dark = matchMedia("(prefers-color-scheme: dark)");
export const onTheme = (f) => dark.addEventListener("change", f);
export const colourOf = (n) => (dark.matches ? DARK : LIGHT)[n] ?? LIGHT[0];
export const paper = () => (dark.matches ? "#1d2420" : "#ffffff");

/** Draws one stroke in sheet units. Width follows the pressure. */
export function stroke(ctx, s) {
  const p = s.points;
  ctx.strokeStyle = ctx.fillStyle = colourOf(s.c);
  ctx.lineCap = ctx.lineJoin = "round";
  const wide = (i) => s.w * (0.35 + 1.3 * p[i + 2]);
  if (p.length <= 3) {
    ctx.beginPath();
    ctx.arc(p[0], p[1], wide(0) / 2, 0, 7);
    return ctx.fill();
  }
  const even = p.every((v, i) => i % 3 !== 2 || Math.abs(v - p[2]) < 0.04);
  if (even) {
    ctx.lineWidth = wide(0);
    ctx.beginPath();
    curve(ctx, p);
    return ctx.stroke();
  }
  let x = p[0];
  let y = p[1];
  for (let i = 3; i < p.length; i += 3) {
    const last = i + 3 >= p.length;
    const mx = last ? p[i] : (p[i] + p[i + 3]) / 2;
    const my = last ? p[i + 1] : (p[i + 1] + p[i + 4]) / 2;
    ctx.lineWidth = (wide(i - 3) + wide(i)) / 2;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.quadraticCurveTo(p[i], p[i + 1], mx, my);
    ctx.stroke();
    x = mx;
    y = my;
  }
}

function curve(ctx, p) {
  ctx.moveTo(p[0], p[1]);
  for (let i = 3; i + 3 < p.length; i += 3) ctx.quadraticCurveTo(p[i], p[i + 1], (p[i] + p[i + 3]) / 2, (p[i + 1] + p[i + 4]) / 2);
  ctx.lineTo(p[p.length - 3], p[p.length - 2]);
}

/** The box around strokes, or null. */
export function around(strokes) {
  if (strokes.length === 0) return null;
  return strokes.reduce(([a, b, c, d], { box: [x0, y0, x1, y1] }) => [Math.min(a, x0), Math.min(b, y0), Math.max(c, x1), Math.max(d, y1)], [Infinity, Infinity, -Infinity, -Infinity]);
}

/** A picture of all strokes, at most 4096 pixels wide or high. */
export function picture(strokes) {
  const [x0, y0, x1, y1] = around(strokes) ?? [0, 0, 400, 300];
  const pad = 24;
  const wide = x1 - x0 + 2 * pad;
  const high = y1 - y0 + 2 * pad;
  const scale = Math.min(2, 4096 / wide, 4096 / high);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(wide * scale));
  canvas.height = Math.max(1, Math.round(high * scale));
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = paper();
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.setTransform(scale, 0, 0, scale, (pad - x0) * scale, (pad - y0) * scale);
  for (const s of strokes) stroke(ctx, s);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
