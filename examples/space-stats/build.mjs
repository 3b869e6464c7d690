// Makes background.wasm of src/background.mjs: `npm install && npm run build`. WIT is the path of hedgerow.wit.
import { componentize } from "@bytecodealliance/componentize-js";
import { readFile, writeFile } from "node:fs/promises";

const wit = process.env.WIT ?? new URL("../../docs/api/hedgerow.wit", import.meta.url).pathname;
const { component } = await componentize(await readFile("src/background.mjs", "utf8"), {
  witPath: wit,
  worldName: "component",
  sourceName: "background.mjs",
  // A component gets no WASI: nothing of it may be imported.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile("background.wasm", component);
console.log(`background.wasm: ${(component.length / 1e6).toFixed(1)} MB`);
