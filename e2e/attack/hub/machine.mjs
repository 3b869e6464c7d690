// 36: other programs of this machine: another account, and one that was at the port first.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIN } from "../product.mjs";

/** Runs a little program as another account; its output, or why not. */
function stranger(code) {
  try {
    return execFileSync(process.execPath, ["-e", code], { uid: 65_534, gid: 65_534, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
  } catch (error) {
    return `failed: ${String(error.stderr).match(/E[A-Z]{3,}/)?.[0] ?? error.code}`;
  }
}
const read = (path) => stranger(`process.stdout.write("got " + require("fs").readFileSync(${JSON.stringify(path)}, "latin1").length)`);
const connect = (path) => stranger(`require("net").connect(${JSON.stringify(path)}, () => (process.stdout.write("got in"), process.exit(0)))`);

/** The folders above are opened, so that only the file's own rights are tried. */
const file = (id, name, path, how = read) => ({ id: `36.file.${id}`, name, attack: async (to) => {
  chmodSync(to.node.data, 0o755);
  const said = how(join(to.node.data, path));
  return { got: said.startsWith("got"), ran: !said.includes("ENOENT"), evidence: said };
}, control: async () => {
  const folder = mkdtempSync(join(tmpdir(), "attack-open-"));
  chmodSync(folder, 0o755);
  const open = join(folder, "open");
  const server = how === connect ? net.createServer(() => {}).listen(open) : null;
  if (server) await new Promise((done) => server.once("listening", done));
  else writeFileSync(open, "secret");
  chmodSync(open, 0o777);
  const said = how(open);
  server?.close();
  rmSync(folder, { recursive: true });
  return { got: said.startsWith("got") };
} });

/** Listens where the dashboard will be, then starts a node there; got when it starts all the same. */
const squat = (id, name, host) => ({ id: `36.squat.${id}`, name, attack: async () => {
  const { server, port } = await listening(host);
  const data = mkdtempSync(join(tmpdir(), "attack-squat-"));
  const child = spawn(BIN, ["up", "--json", "--no-browser", "--no-lan", "--no-dht", "--no-port-mapping", "--listen", `127.0.0.1:${port}`, "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
  const said = await new Promise((done) => {
    child.stdout.once("data", (bytes) => done(String(bytes)));
    child.once("exit", (code) => done(`ended with ${code}`));
    setTimeout(() => done("nothing"), 15_000).unref();
  });
  child.kill("SIGKILL");
  server.close();
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  return { got: said.includes('"ready"'), evidence: said.slice(0, 160) };
}, control: async () => {
  // Somebody who looks at one of the two loopback addresses only.
  const { server, port } = await listening("::1");
  const other = net.createServer(() => {});
  const got = await new Promise((done) => other.once("error", () => done(false)).listen(port, "127.0.0.1", () => done(true)));
  other.close();
  server.close();
  return { got };
} });

async function listening(host) {
  const server = net.createServer(() => {});
  await new Promise((done) => server.listen(0, host, done));
  return { server, port: server.address().port };
}

export const machine = [
  file("token", "another account reads the programs' token", "api.token"),
  file("api", "another account reads api.json", "api.json"),
  file("socket", "another account connects to the Unix socket", "api.sock", connect),
  squat("ipv6", "another program has the port on [::1], where browsers look first", "::1"),
  squat("ipv4", "another program has the port on 127.0.0.1", "127.0.0.1"),
];
