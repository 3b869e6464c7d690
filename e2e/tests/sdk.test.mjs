// The quick starts of the SDKs, taken from their pages as they are and run as plugins on a real node (O2, W5).
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { Node, folder, until } from "../lib/node.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const SDK = join(ROOT, "sdk");

/** The files of a quick start: each block of code has its name in the paragraph before it. */
function quickStart(sdk, into) {
  const page = readFileSync(join(SDK, sdk, "README.md"), "utf8");
  const files = [...page.matchAll(/^`([a-z./]+)`:\n\n```\w+\n(.*?)^```$/gms)].map(([, name, text]) => [name, text]);
  assert.equal(files.length, 2);
  for (const [name, text] of files) {
    mkdirSync(dirname(join(into, name)), { recursive: true });
    writeFileSync(join(into, name), text);
  }
  return Object.fromEntries(files);
}

/** Builds the program as its page says, with what this project is built with, and puts it beside its `plugin.toml`. */
async function buildRust(into) {
  const depends = `hedgerow-sdk = { path = ${JSON.stringify(join(SDK, "rust"))} }\ntokio = { version = "1", features = ["macros", "rt"] }`;
  const head = '[package]\nname = "greeter"\nversion = "0.1.0"\nedition = "2024"';
  writeFileSync(join(into, "Cargo.toml"), `${head}\n\n[dependencies]\n${depends}\n\n[workspace]\n`);
  cpSync(join(ROOT, "Cargo.lock"), join(into, "Cargo.lock"));
  const target = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "sdk");
  const line = ["build", "--offline", "--manifest-path", join(into, "Cargo.toml"), "--target-dir", target];
  await promisify(execFile)(process.env.CARGO ?? "cargo", line);
  cpSync(join(target, "debug/greeter"), join(into, "greeter"));
}

for (const { sdk, name, main, install } of [
  { sdk: "python", name: "greeter", main: "main.py", install: (into) => cpSync(join(SDK, "python/hedgerow"), join(into, "hedgerow"), { recursive: true }) },
  { sdk: "js", name: "greeter-js", main: "main.js", install: (into) => {
    cpSync(join(SDK, "js"), join(into, "node_modules/hedgerow"), { recursive: true });
    writeFileSync(join(into, "package.json"), '{"type": "module"}');
  } },
  { sdk: "rust", name: "greeter-rs", main: "src/main.rs", install: buildRust },
]) {
  test(`the quick start for ${sdk} runs as it is printed, in fewer than 20 lines`, async (t) => {
    const into = join(folder(t, "sdk"), name);
    mkdirSync(into);
    const files = quickStart(sdk, into);
    assert.ok(files[main].trim().split("\n").length < 20);
    await install(into);
    const node = await Node.start(t);
    await node.run("plugin", "add", into);
    await node.run("plugin", "allow", name);
    await node.run("plugin", "start", name);
    const texts = async () => (await node.call("notices.list")).filter((n) => n.title === name).map((n) => n.text);
    const logs = async () => (await node.run("plugin", "logs", name)).map((l) => l.text).join("\n");
    await until("it tells", async () => (await texts()).length || assert.fail(await logs()));
    assert.deepEqual(await texts(), ["0 nodes are known"]);
    const other = await Node.start(t, { args: ["--peer", node.ready.ticket] });
    await until("it hears of a peer", async () => (await texts()).some((text) => /1 (are connected|nodes are known)/.test(text)));
    await other.stop();
    const { state, memory_bytes } = (await node.run("plugin", "list"))[0];
    assert.equal(state, "running", await logs());
    assert.ok(memory_bytes > 1e6);
  });
}

test("Python speaks to the owner's doors over both ways, and errors have codes", async (t) => {
  const node = await Node.start(t);
  const { api } = await node.run("status");
  const script = `
import asyncio, json, sys, hedgerow
async def way(**place):
    async with hedgerow.connect(**place) as node:
        status = await node.call("node.status")
        many = await asyncio.gather(*(node.call("layout.get") for _ in range(200)))
        try:
            await node.call("widget.show", uuid="x" * 70000)
        except hedgerow.HedgerowError as error:
            return [status["node"], len(many), error.code, node.plugin]
async def main():
    data, api, token = sys.argv[1:]
    try:
        async with hedgerow.connect(api=api, token_file=__file__): wrong = None
    except hedgerow.HedgerowError as error:
        wrong = error.code
    print(json.dumps([await way(data=data), await way(api=api, token_file=token), wrong]))
asyncio.run(main())`;
  const file = join(folder(t, "py"), "both.py");
  writeFileSync(file, script);
  const env = { ...process.env, PYTHONPATH: join(SDK, "python") };
  const { stdout } = await promisify(execFile)("python3", [file, node.data, api.websocket, api.token_file], { env });
  const expected = [node.ready.node, 200, "bad_params", null];
  assert.deepEqual(JSON.parse(stdout), [expected, expected, "denied"]);
});
