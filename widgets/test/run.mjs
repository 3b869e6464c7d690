// Builds the widgets and runs their tests: logic in Node.js, then every widget with two people in a real browser.
//   node test/run.mjs [--unit | --browser]       SEED=n repeats one seed; CHROMIUM=path names the browser
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { buildAll } from "../build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const wants = (name) => process.argv.length < 3 || process.argv.includes(`--${name}`);
const files = ["unit", "browser"].filter(wants).flatMap((dir) => readdirSync(join(here, dir)).filter((f) => f.endsWith(".test.mjs")).sort().map((f) => join(here, dir, f)));

await buildAll();
let passed = 0;
let failed = 0;
const stream = run({ files, concurrency: 1, timeout: 300_000 });
const isFile = (event) => event.name.endsWith(".test.mjs");
stream.on("test:pass", (event) => {
  if (isFile(event)) return;
  passed += 1;
  console.log(`ok    ${event.name}`);
});
stream.on("test:fail", (event) => {
  if (isFile(event) && /subtests? failed/.test(event.details.error.message)) return;
  failed += 1;
  const { cause } = event.details.error;
  console.log(`FAIL  ${event.name}\n${(cause?.stack ?? cause?.message ?? String(event.details.error)).replace(/^/gm, "      ")}`);
});
stream.on("test:stdout", ({ message }) => process.stdout.write(message));
stream.on("test:stderr", ({ message }) => process.stderr.write(message));
stream.resume();
stream.on("end", () => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
});
