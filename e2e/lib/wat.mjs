// Background parts of a few instructions, for tests: WebAssembly text, assembled, and made a component by the program.
import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import wabt from "wabt";
import { cli } from "./node.mjs";

/**
 * The text of a core module that does `body` with each event. Texts lie in memory from 1024 on, under the names that they
 * have in `texts`: `$name` is where one lies, `$name_len` how long it is.
 */
export function core({ imports = "", texts = {}, parts = "", body = "" }) {
  let at = 1024;
  const data = [], names = [];
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    data.push(`(data (i32.const ${at}) "${[...bytes].map((b) => `\\${b.toString(16).padStart(2, "0")}`).join("")}")`);
    names.push(`(global $${name} i32 (i32.const ${at})) (global $${name}_len i32 (i32.const ${bytes.length}))`);
    at += bytes.length + 8;
  }
  return `(module ${imports}
    (memory (export "memory") 4)
    (global $free (mut i32) (i32.const 65536))
    (func $give (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    ${names.join("\n")} ${data.join("\n")}
    ${parts}
    (func (export "hedgerow:widget/guest@0.1.0#handle") (param $event i32)
      ${body}
      (global.set $free (i32.const 65536))))`;
}

/** The bytes of a component with this core module. */
export async function component(folder, name, text) {
  const { parseWat } = await wabt();
  const module = parseWat(`${name}.wat`, text);
  const { buffer } = module.toBinary({});
  module.destroy();
  const from = join(folder, `${name}.core.wasm`), to = join(folder, `${name}.wasm`);
  writeFileSync(from, buffer);
  const { code, err } = await cli(["widget", "component", from, "-o", to]);
  if (code !== 0) throw new Error(err);
  return readFileSync(to);
}
