// Makes background.wasm of src/background.mjs: `npm install`, then `npm run build`.
import { componentize } from "@bytecodealliance/componentize-js";
import { readFile, writeFile } from "node:fs/promises";

const { component } = await componentize(await readFile("src/background.mjs", "utf8"), {
  witPath: "src/hedgerow.wit",
  worldName: "component",
  sourceName: "background.mjs",
  // A component gets nothing of WASI: no files, no sockets, no clock but its own.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile("background.wasm", component);
console.log(`background.wasm: ${(component.length / 1e6).toFixed(1)} MB`);
