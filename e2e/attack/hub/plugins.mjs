// 36: plugins against each other and against their owner, and sessions that are over (33). Each plugin is a real one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Product } from "../product.mjs";
import { ask } from "../wire.mjs";
import { until } from "./driven.mjs";

const good = (answer) => answer?.status === 200 && !answer.body.includes('"error"');
const call = (to, token, method, params = {}, more = []) =>
  ask(to.port, "POST", "/api/rpc", [["host", `127.0.0.1:${to.node.port}`], ["authorization", `Bearer ${token}`], ["content-type", "application/json"], ...more], JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
const shown = (answer) => (answer ? `${answer.status} ${/"code":"(\w+)"/.exec(answer.body)?.[1] ?? ""}`.trim() : "closed");

/** Adds a plugin of one line of shell and starts it; answers what ends it and its token. */
async function plugin(node, name, { permissions = [], script = "exec sleep 600", more = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "attack-plugin-"));
  mkdirSync(join(folder, name));
  const list = permissions.map((p) => `{name = "${p}", reason = "to try it"}`);
  writeFileSync(join(folder, name, "run.sh"), script);
  writeFileSync(join(folder, name, "plugin.toml"), `name = "${name}"\nversion = "1"\ncommand = ["sh", "run.sh"]\npermissions = [${list.join(", ")}]\n${more}\n`);
  node.run("plugin", "add", join(folder, name));
  node.run("plugin", "allow", name);
  node.run("plugin", "start", name);
  rmSync(folder, { recursive: true });
  return { name, token: () => readFileSync(join(node.data, "plugin-tokens", `${name}.token`), "utf8").trim() };
}

/** A plugin that says on its log what it could read. */
async function reads(node, name, paths, more) {
  const script = paths.map((path, i) => `head -c 9 "${path}" >/dev/null 2>&1 && echo "got ${i}" || echo "not ${i}"`).join("\n");
  await plugin(node, name, { script: `${script}\necho end\nexec sleep 600`, more });
  let text = "";
  await until(async () => (text = (await node.call("plugin.logs", { name })).map((line) => line.text).join(" ")).includes("end"), 15_000);
  node.run("plugin", "remove", name);
  return { ran: text.includes("end"), got: text.includes("got"), evidence: text };
}
const secrets = (to) => [join(to.node.data, "api.token"), join(to.node.data, "plugin-tokens", "victim.token")];

/** A token after its plugin may not be there any more: the control is a server that forgets nothing. */
const late = (id, name, command) => ({ id: `36.token.${id}`, name, attack: async (to) => {
  if (to.naive) return { got: good(await call(to, "anything", "node.status")) };
  const { token, name } = await plugin(to.node, `late-${id}`, { permissions: ["node"] });
  const had = token();
  const before = await call(to, had, "node.status");
  for (const line of command(name)) to.node.run(...line);
  const after = await call(to, had, "node.status");
  if (id !== "removed") to.node.run("plugin", "remove", name);
  return { ran: good(before), got: good(after), evidence: `${shown(before)} then ${shown(after)}` };
} });

/** A call of a plugin that was granted nothing; got when it is carried out. */
const poor = (id, name, method, params = () => ({}), more = () => []) => ({ id: `36.plugin.${id}`, name, attack: async (to) => {
  if (to.naive) return { got: good(await call(to, "anything", method, params("victim"))) };
  const rich = await plugin(to.node, "victim", { permissions: ["node", "contacts", "notifications"] });
  const { token } = await plugin(to.node, "poor");
  const allowed = await call(to, rich.token(), "node.status");
  const answer = await call(to, token(), method, params("victim"), more(rich.token()));
  for (const one of ["victim", "poor"]) to.node.run("plugin", "remove", one);
  return { ran: good(allowed), got: good(answer), evidence: shown(answer) };
} });

export const plugins = [
  late("stopped", "a plugin's token after it was stopped", (name) => [["plugin", "stop", name]]),
  late("restarted", "a plugin's token after it was started anew", (name) => [["plugin", "restart", name]]),
  late("revoked", "a plugin's token after the owner took the yes back", (name) => [["plugin", "revoke", name]]),
  late("removed", "a plugin's token after it was removed", (name) => [["plugin", "remove", name]]),
  poor("ungranted", "a call of a plugin that was not granted it", "node.status"),
  poor("named", "a call in another plugin's name, in its head", "node.status", undefined, () => [["x-plugin", "victim"], ["cookie", "plugin=victim"], ["from", "victim"]]),
  poor("named.parameters", "a call in another plugin's name, in its parameters", "node.status", (name) => ({ plugin: name, app: name, caller: name })),
  poor("two-tokens", "two tokens in one request", "node.status", undefined, (rich) => [["authorization", `Bearer ${rich}`]]),
  poor("owner", "a call that is the owner's only", "plugin.allow", () => ({ name: "poor", hash: "0" })),
  poor("grants", "a plugin that grants something to a widget", "grant.set_policy", () => ({ strangers: ["peers"] })),
  poor("login", "a plugin that makes itself a login link", "node.login_link"),
  { id: "36.plugin.fenced", name: "a fenced plugin reads the tokens of the node and of another plugin", attack: async (to) => {
    await plugin(to.node, "victim", { permissions: ["node"] });
    const here = await reads(to.node, "fenced", secrets(to), "sandbox = true");
    to.node.run("plugin", "remove", "victim");
    return here;
  }, control: async (to) => {
    // The same without the fence: a program of the owner's own account.
    await plugin(to.node, "victim", { permissions: ["node"] });
    const there = await reads(to.node, "unfenced", secrets(to), "");
    to.node.run("plugin", "remove", "victim");
    return there;
  } },
  { id: "33.session.restart", name: "a dashboard's session of a node that was started anew", attack: async (to) => {
    if (to.naive) return { got: good(await ask(to.port, "POST", "/api/rpc", [["host", to.hub], ["content-type", "application/json"]], "{}")) };
    const login = async (node) => {
      const code = (await node.call("node.login_link")).hub.split("#login=")[1];
      const at = `hub.localhost:${node.port}`;
      const said = await ask(node.port, "POST", "/api/login", [["host", at], ["origin", `http://${at}`], ["content-type", "application/json"]], JSON.stringify({ code }));
      return JSON.parse(said.body).token;
    };
    const status = (node, token) => ask(node.port, "POST", "/api/rpc", [["host", `hub.localhost:${node.port}`], ["origin", `http://hub.localhost:${node.port}`], ["authorization", `Bearer ${token}`], ["content-type", "application/json"]], '{"jsonrpc":"2.0","id":1,"method":"node.status","params":{}}');
    const first = await Product.start();
    const token = await login(first);
    const before = await status(first, token);
    await first.end();
    const second = await Product.start([], first.data);
    const after = await status(second, token);
    await second.stop();
    return { ran: good(before) && second.port > 0, got: good(after), evidence: `${shown(before)} then ${shown(after)}` };
  } },
];
