// All walks through the dashboard in a browser, beside each other: each has its own mock node and its own browser.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const walks = ["smoke", "smoke-directory", "smoke-permissions"];
const ends = await Promise.all(
  walks.map((walk) => new Promise((done) => {
    const child = spawn(process.execPath, [join(here, `${walk}.mjs`)], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (bytes) => (text += bytes));
    child.stderr.on("data", (bytes) => (text += bytes));
    child.on("exit", (code) => {
      console.log(`== ${walk}\n${text}`);
      done(code);
    });
  })),
);
process.exit(ends.every((code) => code === 0) ? 0 : 1);
