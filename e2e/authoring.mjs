// Background parts in every language that `widget new --component` offers: written, built exactly as `src/BUILD.md` says, run
// by a real node. `node e2e/authoring.mjs [--json] [--only js,c]`, by `cargo xtask authoring`. It needs the package registries.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { BIN, Node, cli, until } from "./lib/node.mjs";

const words = process.argv.slice(2);
const only = words.includes("--only") ? words[words.indexOf("--only") + 1].split(",") : null;
const LANGUAGES = ["js", "python", "c", "rust"];
const work = mkdtempSync(join(tmpdir(), "hedgerow-authoring-"));
// Tools that are built from source are kept for the next time.
const tools = process.env.AUTHORING_TOOLS ?? resolve(import.meta.dirname, "../target/authoring");
mkdirSync(tools, { recursive: true });
const closing = [() => rmSync(work, { recursive: true, force: true })];
const t = { after: (close) => closing.push(close) };

const venv = join(tools, "venv");
const environment = {
  ...process.env,
  CARGO_INSTALL_ROOT: tools,
  PATH: [dirname(resolve(BIN)), join(venv, "bin"), join(tools, "bin"), process.env.PATH].join(delimiter),
};

/** The lines of commands in `src/BUILD.md`. */
function commands(folder) {
  const text = readFileSync(join(folder, "src/BUILD.md"), "utf8").replaceAll("\\\n", " ");
  return text.split("\n").filter((line) => line.startsWith("    ")).map((line) => line.trim());
}

/** Why a language cannot be tried here, or null. */
function missing(language) {
  if (language !== "rust") return null;
  const root = execFileSync("rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim();
  const there = spawnSync("test", ["-d", join(root, "lib/rustlib/wasm32-unknown-unknown")]).status === 0;
  return there ? null : "the target is not here: rustup target add wasm32-unknown-unknown";
}

async function run(node, language) {
  const folder = join(work, language);
  const made = await cli(["widget", "new", folder, "--name", `Counted in ${language}`, `--component=${language}`]);
  if (made.code !== 0) throw new Error(made.err);
  const unbuilt = await cli(["--data", node.data, "widget", "install", folder]);
  if (!/build it first/.test(unbuilt.err)) throw new Error(`an unbuilt widget was taken: ${unbuilt.out}${unbuilt.err}`);
  const begun = performance.now();
  for (const line of commands(folder)) {
    console.error(`$ ${line}`);
    execFileSync("sh", ["-ec", line], { cwd: folder, env: environment, stdio: ["ignore", 2, 2], timeout: 1_200_000 });
  }
  const built = (performance.now() - begun) / 1000;
  const { uuid } = await node.run("widget", "install", folder);
  const { instance } = await node.run("instance", "add", uuid);
  const from = performance.now();
  await node.run("grant", "allow", instance, "background");
  const said = async () => (await node.run("component", "logs", instance)).map((line) => line.text);
  await until(`the part in ${language} runs`, async () => (await said()).includes("0 entries so far"), 300_000);
  const ready = (performance.now() - from) / 1000;
  for (const text of ["one", "two", "three"]) await node.call("app.send_update", { instance, update: { payload: { text } } });
  await until("it counted", async () => (await said()).includes("3 entries so far"));
  const how = async () => (await node.run("component", "list")).find((c) => c.instance === instance);
  // Events are handled one after the other: when nothing more is logged, all were.
  let lines = -1;
  await until("it is at rest", async () => { const before = lines; lines = (await said()).length; await new Promise((done) => setTimeout(done, 500)); return before === lines; });
  await node.run("component", "restart", instance);
  await until("it remembers", async () => (await said()).slice(lines).includes("3 entries so far"), 60_000);
  await until("it goes on", async () => (await how()).state === "running");
  const { state, memory_bytes } = await how();
  return { ok: state === "running", built_s: Math.round(built), ready_s: Number(ready.toFixed(1)), bytes: statSync(join(folder, "background.wasm")).size, memory_bytes };
}

const results = [];
try {
  if (!only || only.includes("python") || only.includes("c")) execFileSync("python3", ["-m", "venv", venv], { stdio: ["ignore", 2, 2] });
  const node = await Node.start(t);
  for (const language of LANGUAGES.filter((l) => !only || only.includes(l))) {
    const why = missing(language);
    try {
      results.push({ language, ...(why ? { ok: false, why } : await run(node, language)) });
    } catch (error) {
      results.push({ language, ok: false, why: String(error.message ?? error) });
    }
    console.error(JSON.stringify(results.at(-1)));
  }
} finally {
  for (const close of closing.reverse()) await close();
}
if (words.includes("--json")) console.log(JSON.stringify({ languages: results }));
else for (const { language, ok, why, ...figures } of results) console.log(`${language.padEnd(8)}${ok ? "works" : `FAILS: ${why}`} ${ok ? JSON.stringify(figures) : ""}`);
process.exit(results.length > 0 && results.every((r) => r.ok) ? 0 : 1);
