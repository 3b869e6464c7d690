// Runs inside a network namespace: attacks that are no pages in a frame. Each attack is carried out against the real node
// and, as the control, against something that does not check; `got` says whether the attacker got what they wanted.
import { pool } from "./pool.mjs";
import { Product } from "./product.mjs";
import { flood, naive, target } from "./requests.mjs";
import { Naive } from "./hub/naive.mjs";
import { answered, said } from "./hub/api.mjs";
import { chrome } from "./hub/chrome.mjs";
import { components, strangers } from "./hub/components.mjs";
import { judged } from "./hub/judge.mjs";
import { limits } from "./hub/limits.mjs";
import { machine } from "./hub/machine.mjs";
import { packages } from "./hub/packages.mjs";
import { plugins } from "./hub/plugins.mjs";

const plan = JSON.parse(process.argv[2]);
const wanted = (test) => !plan.only || plan.only.split(",").some((one) => test.id.startsWith(one.trim()) || one.trim().startsWith(test.id));
/** Dashboards that are attacked at once, each of a node of its own. */
const DASHBOARDS = 2;
const tests = [];
const parts = {
  /** What is judged by what comes back, not by when: beside other things. */
  async calm() {
    const stage = await staged();
    const all = async (list, count) => tests.push(...(await pool(list.filter(wanted), count, (test) => against(test, stage))));
    await all(answered, 6);
    // These hold this process up now and then, which would look like a node that does not answer.
    await all([...said, ...machine, ...plugins, ...packages], 1);
    if (wanted({ id: "35.requests" })) tests.push(await requests(stage.real));
    await stage.end();
  },
  /** What is judged by how long others wait: with the machine for itself. */
  async timed() {
    const stage = await staged();
    const owner = pool(limits.filter(wanted), 1, (test) => against(test, stage));
    tests.push(...(await chrome(DASHBOARDS, wanted)), ...(await owner));
    await stage.end();
  },
  /** In a network of their own, in which no browser sends anything. */
  async components() {
    tests.push(...(await components(wanted)));
  },
  async strangers() {
    const node = await Product.start();
    tests.push(...(await strangers(node, plan.folder)));
    await node.stop();
  },
};
await parts[plan.part]();
// All of it, however long, before the end.
process.stdout.write(JSON.stringify({ tests }), () => process.exit(0));

async function staged() {
  const node = await Product.start();
  const free = await Naive.start();
  const real = { node, ...(await target(node)) };
  return { real, bare: { ...real, port: free.port, naive: free }, end: async () => (await node.stop(), await free.stop()) };
}

function against(test, { real, bare }) {
  return judged(test, () => test.attack(real), () => (test.control ?? test.attack)(bare));
}

async function requests(real) {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const here = await flood(real.node.port, real, plan.count, seed);
  const there = await naive(real, 2_000, seed);
  return {
    id: "35.requests", name: `${plan.count} random requests, seed ${seed}`, tier: "any",
    ran: here.requests >= plan.count && here.authenticated_2xx > 0 && here.authenticated_refused === 0,
    blocked: here.unauthenticated_2xx === 0 && here.bare === 0, control_leaked: there.unauthenticated_2xx > 0, evidence: here,
  };
}
