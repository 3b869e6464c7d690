// Runs inside a network namespace: attacks that are no pages in a frame. Each attack is carried out against the real node
// and, as the control, against something that does not check; `got` says whether the attacker got what they wanted.
import { Product } from "./product.mjs";
import { flood, naive, target } from "./requests.mjs";
import { Naive } from "./hub/naive.mjs";
import { api } from "./hub/api.mjs";
import { chrome } from "./hub/chrome.mjs";
import { limits } from "./hub/limits.mjs";
import { machine } from "./hub/machine.mjs";
import { packages } from "./hub/packages.mjs";

const plan = JSON.parse(process.argv[2]);
const wanted = (test) => !plan.only || plan.only.split(",").some((one) => test.id.startsWith(one.trim()) || one.trim().startsWith(test.id));
const tests = [];
const node = await Product.start();
const free = await Naive.start();
const real = { node, ...(await target(node)) };
const bare = { ...real, port: free.port, naive: free };

for (const test of [...api, ...limits, ...packages, ...machine].filter(wanted)) tests.push(await judged(test));
if (wanted({ id: "35.requests" })) tests.push(await requests());
tests.push(...(await chrome(node, wanted)));
await node.stop();
await free.stop();
process.stdout.write(JSON.stringify({ tests }));
process.exit(0);

async function judged(test) {
  const out = { id: test.id, name: test.name, tier: "any", ran: false, blocked: false, control_leaked: false };
  try {
    const here = await test.attack(real);
    const there = await (test.control ?? test.attack)(bare);
    Object.assign(out, { ran: here.ran ?? true, blocked: !here.got, control_leaked: there.got, evidence: here.evidence });
  } catch (error) {
    out.failed = String(error?.stack ?? error);
  }
  return out;
}

async function requests() {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const here = await flood(node.port, real, plan.count, seed);
  const there = await naive(real, 2_000, seed);
  return {
    id: "35.requests", name: `${plan.count} random requests, seed ${seed}`, tier: "any",
    ran: here.requests >= plan.count && here.authenticated_2xx > 0 && here.authenticated_refused === 0,
    blocked: here.unauthenticated_2xx === 0 && here.bare === 0, control_leaked: there.unauthenticated_2xx > 0, evidence: here,
  };
}
