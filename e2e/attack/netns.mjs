// A network of its own with nobody in it but the sink: every packet that would leave the machine is counted by where it
// was going, then handed to the sink.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

/** Where names and addresses of the sink lead: each vector has one address of its own. */
export const V4 = (n) => `10.66.${n >> 8}.${n & 255}`;
export const V6 = (n) => `2001:db8::66:${n.toString(16)}`;
/** Where names lead that belong to no vector. */
export const STRAY = 65_000;
const RESOLVER = "10.53.0.53";
export const PORTS = { dns: 15_353, tcp: 15_380, udp: 15_381 };

const RULES = `
table inet attack {
  set seen4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; }
  set seen6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; }
  chain count {
    type filter hook output priority -300;
    oifname "lo" return
    ip6 daddr { ff02::/16, fe80::/10 } return
    counter
    meta nfproto ipv4 meta l4proto { tcp, udp } update @seen4 { ip daddr . meta l4proto . th dport }
    meta nfproto ipv6 meta l4proto { tcp, udp } update @seen6 { ip6 daddr . meta l4proto . th dport }
  }
  chain divert {
    type nat hook output priority -100;
    oifname "lo" return
    udp dport 53 redirect to :${PORTS.dns}
    tcp dport 53 redirect to :${PORTS.dns}
    meta l4proto udp redirect to :${PORTS.udp}
    meta l4proto tcp redirect to :${PORTS.tcp}
  }
}`;

const run = (...line) => execFileSync(line[0], line.slice(1), { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });

/** Makes the namespace `name`. Answers what removes it. */
export function make(name) {
  const dir = `/etc/netns/${name}`;
  const inside = (...line) => run("ip", "netns", "exec", name, ...line);
  remove(name);
  run("ip", "netns", "add", name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(`${dir}/resolv.conf`, `nameserver ${RESOLVER}\noptions timeout:1 attempts:1\n`);
  inside("ip", "link", "set", "lo", "up");
  inside("ip", "link", "add", "out", "type", "veth", "peer", "name", "nobody");
  inside("ip", "addr", "add", "10.0.0.2/24", "dev", "out");
  inside("ip", "link", "set", "nobody", "up");
  inside("ip", "link", "set", "out", "up");
  inside("ip", "route", "add", "default", "via", "10.0.0.1");
  // Nobody is there to answer who 10.0.0.1 is; packets are diverted before that matters, but must find a way.
  inside("ip", "neigh", "add", "10.0.0.1", "lladdr", "02:00:00:00:00:01", "dev", "out", "nud", "permanent");
  try {
    inside("ip", "-6", "addr", "add", "2001:db8:1::2/64", "dev", "out", "nodad");
    inside("ip", "-6", "route", "add", "default", "dev", "out");
  } catch {
    // A machine without IPv6 has nothing to leak over it.
  }
  execFileSync("ip", ["netns", "exec", name, "nft", "-f", "-"], { input: RULES });
  return () => remove(name);
}

function remove(name) {
  try {
    run("ip", "netns", "del", name);
  } catch {
    // It was not there.
  }
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
}

/** The command line that runs a program inside. */
export const inside = (name, ...line) => ["ip", "netns", "exec", name, ...line];

/** What left so far, to be called inside: packets, and where they went as `address/protocol/port`. */
export function seen() {
  const text = run("nft", "-j", "list", "table", "inet", "attack");
  const out = { packets: 0, to: [] };
  for (const { set, rule } of JSON.parse(text).nftables) {
    for (const one of set?.elem ?? []) {
      const parts = one.concat ?? one.elem?.val?.concat ?? [];
      out.to.push(parts.join("/"));
    }
    const counter = rule?.expr?.find((e) => e.counter)?.counter;
    if (counter && rule.chain === "count") out.packets += counter.packets;
  }
  return out;
}
