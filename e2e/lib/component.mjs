// Builds the background part of an example with its own build script; what was built once is used again.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const WIT = resolve(import.meta.dirname, "../../docs/api/hedgerow.wit");
const newest = (files) => Math.max(...files.map((file) => statSync(file).mtimeMs));

/** The bytes of `background.wasm` of an example. */
export function component(folder) {
  const built = join(folder, "background.wasm");
  const sources = [join(folder, "src/background.mjs"), join(folder, "build.mjs"), WIT];
  if (!existsSync(built) || statSync(built).mtimeMs < newest(sources)) {
    const run = (...command) => execFileSync("npm", command, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
    if (!existsSync(join(folder, "node_modules"))) run("install", "--no-package-lock", "--no-audit", "--no-fund");
    run("run", "build");
  }
  return readFileSync(built);
}
