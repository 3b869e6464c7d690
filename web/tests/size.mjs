// What the first screen loads: index.html and everything it names statically, gzipped.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const seen = new Set();
function visit(path) {
  if (seen.has(path) || !existsSync(join(dist, path))) return;
  seen.add(path);
  const text = readFileSync(join(dist, path), "utf8");
  if (path.endsWith(".html")) for (const m of text.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)) visit(m[1]);
  if (path.endsWith(".js")) for (const m of text.matchAll(/(?:import|from)\s*["'`]\.\/([^"'`]+\.js)["'`]/g)) visit(`assets/${m[1]}`);
}
visit("index.html");
const gz = (p) => readFileSync(join(dist, `${p}.gz`)).length;
let first = 0;
for (const p of seen) { first += gz(p); console.log(`${String(gz(p)).padStart(7)}  ${p}`); }
let lazy = 0;
for (const p of readdirSync(join(dist, "assets"))) if (/\.(js|css)$/.test(p) && !seen.has(`assets/${p}`)) lazy += gz(`assets/${p}`);
console.log(`first screen ${first} bytes gzip, later parts ${lazy} bytes gzip`);
if (first > 100_000) { console.error("over the budget of 100000 bytes"); process.exit(1); }
