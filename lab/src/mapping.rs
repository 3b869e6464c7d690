//! Does a node get its router to let others in? A real `miniupnpd` on a port-restricted router, one protocol at a time,
//! and a peer behind the worst kind of NAT that reaches the node directly. And a router behind another router, whose
//! help must not count.

use crate::{
    description::Description,
    node::Node,
    space::{self, Space},
    topology::Lab,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a node may take to find out what its router gives.
const VERDICT: Duration = Duration::from_secs(30);
/// How long a pair may take to be connected directly.
const DIRECT: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(100);

/// Where `miniupnpd` puts its rules, as its own scripts lay it out.
const TABLES: &str = "table inet miniupnpd {
 chain forward {
  type filter hook forward priority 0; policy accept;
  jump miniupnpd
 }
 chain miniupnpd { }
 chain prerouting {
  type nat hook prerouting priority -101; policy accept;
  jump prerouting_miniupnpd
 }
 chain postrouting {
  type nat hook postrouting priority 99; policy accept;
  jump postrouting_miniupnpd
 }
 chain prerouting_miniupnpd { }
 chain postrouting_miniupnpd { }
}
";
/// Requests of PCP, whose version is 2, get no answer: then NAT-PMP is left.
const NO_PCP: &str = "table inet nopcp {
 chain input {
  type filter hook input priority -1; policy accept;
  udp dport 5351 @th,64,8 2 drop
 }
}
";

/// A router's port mapping program. It ends with this value.
struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    fn start(router: &Arc<Space>, upnp: bool, pmp: bool) -> Result<Self> {
        let folder = space::folder("miniupnpd")?;
        fs::create_dir_all(&folder)?;
        let yes = |on| if on { "yes" } else { "no" };
        let config = folder.join("miniupnpd.conf");
        fs::write(
            &config,
            format!(
                "ext_ifname=wan\nlistening_ip=lan\nport=0\nenable_upnp={}\nenable_natpmp={}\nsecure_mode=yes\n\
                 min_lifetime=120\nmax_lifetime=86400\nuuid=00000000-0000-0000-0000-000000000001\n\
                 upnp_table_name=miniupnpd\nupnp_nat_table_name=miniupnpd\nupnp_forward_chain=miniupnpd\n\
                 upnp_nat_chain=prerouting_miniupnpd\nupnp_nat_postrouting_chain=postrouting_miniupnpd\n\
                 allow 1024-65535 0.0.0.0/0 1024-65535\n",
                yes(upnp),
                yes(pmp),
            ),
        )?;
        add(router, &folder, TABLES)?;
        let mut command = Command::new("miniupnpd");
        command.arg("-d").arg("-f").arg(&config);
        command.arg("-P").arg(folder.join("pid"));
        command.stdin(Stdio::null());
        command.stdout(fs::File::create(folder.join("out"))?);
        command.stderr(fs::File::create(folder.join("err"))?);
        let child = router
            .spawn(&mut command)
            .context("miniupnpd does not start; is it installed?")?;
        let mut daemon = Self { child, folder };
        thread::sleep(Duration::from_millis(300));
        if daemon.child.try_wait()?.is_some() {
            bail!("miniupnpd ended: {}", daemon.said());
        }
        Ok(daemon)
    }

    fn said(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        format!("{}{}", read("out"), read("err"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Adds rules to those of a router.
fn add(router: &Arc<Space>, folder: &Path, rules: &str) -> Result<()> {
    let file = folder.join("rules");
    fs::write(&file, rules)?;
    let done = router.spawn(Command::new("nft").arg("-f").arg(&file))?.wait()?;
    if !done.success() {
        bail!("nft does not take the rules");
    }
    Ok(())
}

/// Gives a router an address that is none of documentation: `miniupnpd` takes those for private, and refuses.
fn readdress(lab: &Lab) -> Result<()> {
    let exchange = lab.space("exchange")?;
    exchange.ip("addr add 45.67.89.1/24 dev public\n")?;
    exchange.set("net/ipv4/ip_forward", "1")?;
    lab.space("A")?
        .ip("addr flush dev wan\naddr add 45.67.89.11/24 dev wan\nroute replace default via 45.67.89.1\n")
}

/// Every case, one after the other.
pub fn run(program: &Path) -> Result<Value> {
    let mut cases = Vec::new();
    for name in ["upnp", "pcp", "nat-pmp", "double-nat", "none"] {
        let case = case(program, name).with_context(|| name.to_owned())?;
        eprintln!("{case}");
        cases.push(case);
    }
    let ok = cases.iter().all(|case| case["ok"] == true);
    Ok(json!({"ok": ok, "cases": cases}))
}

fn case(program: &Path, name: &str) -> Result<Value> {
    let nat = if name == "double-nat" {
        "cgnat"
    } else {
        "port-restricted"
    };
    let description: Description = format!(
        "host P1 at 203.0.113.101
         host P2 at 203.0.113.102
         host P3 at 203.0.113.103
         router A at 203.0.113.11 nat {nat}
         host a behind A
         router B at 203.0.113.12 nat symmetric-random
         host b behind B"
    )
    .parse()
    .map_err(anyhow::Error::msg)?;
    let mut lab = Lab::new(1)?;
    lab.add(&description)?;
    let router = lab.space("A")?;
    if nat == "port-restricted" {
        readdress(&lab)?;
    }
    let daemon = match name {
        "none" => None,
        _ => Some(Daemon::start(
            &router,
            name == "upnp" || name == "double-nat",
            name != "upnp",
        )?),
    };
    if let (Some(daemon), "nat-pmp") = (&daemon, name) {
        add(&router, &daemon.folder, NO_PCP)?;
    }
    let p1 = Node::start(lab.space("P1")?, program, "P1", &[])?;
    let p2 = Node::start(lab.space("P2")?, program, "P2", &[p1.first_ticket()])?;
    let tickets = [p1.first_ticket(), p2.first_ticket()];
    let _p3 = Node::start(lab.space("P3")?, program, "P3", &tickets)?;
    let begin = Instant::now();
    let a = Node::start(lab.space("a")?, program, "a", &tickets)?;
    let b = Node::start(lab.space("b")?, program, "b", &tickets)?;
    let wanted = match name {
        // It says so itself.
        "double-nat" | "none" => "refused",
        _ => "works",
    };
    let doctor = wait(&a, wanted)?;
    let took = begin.elapsed();
    let found = &doctor["port_mapping"];
    let protocol = found["protocol"] == name || wanted != "works";
    let right = found["state"] == wanted && protocol && (doctor["via"] == "port mapping") == (wanted == "works");
    let (path, direct_ms) = if wanted == "works" {
        reach(&a, &b)?
    } else {
        (String::new(), None)
    };
    let serves = if wanted == "works" { serving(&a)? } else { Value::Null };
    let ok = right && (wanted != "works" || path == "direct" && serves == true);
    if !ok && let Some(daemon) = &daemon {
        eprintln!("{}", daemon.said());
    }
    Ok(json!({
        "name": name, "ok": ok, "port_mapping": found, "reachable": doctor["reachable"], "via": doctor["via"],
        "verdict_ms": u64::try_from(took.as_millis())?, "symmetric_random_reaches_it": path, "direct_ms": direct_ms,
        "relays_for_others": serves,
    }))
}

/// Waits for the state that is expected, or the end of patience.
fn wait(node: &Node, wanted: &str) -> Result<Value> {
    let begin = Instant::now();
    loop {
        let doctor = node.doctor()?;
        if doctor["port_mapping"]["state"] == wanted || begin.elapsed() > VERDICT {
            return Ok(doctor);
        }
        thread::sleep(STEP);
    }
}

/// Whether the node relays through its router, too.
fn serving(node: &Node) -> Result<Value> {
    let begin = Instant::now();
    while begin.elapsed() < VERDICT {
        if node.doctor()?["roles"][0]["role"] == "relay" {
            return Ok(true.into());
        }
        thread::sleep(STEP);
    }
    Ok(false.into())
}

/// The path from `b` to `a` once it is direct, and how long that took.
fn reach(a: &Node, b: &Node) -> Result<(String, Option<u64>)> {
    let begin = Instant::now();
    let mut connecting = b.connect(&a.ticket()?)?;
    let mut path = String::new();
    while begin.elapsed() < DIRECT && path != "direct" {
        let peers = b.peers()?;
        path = peers
            .iter()
            .find(|peer| peer.node == a.id())
            .map_or(path, |peer| peer.path.clone());
        thread::sleep(STEP / 10);
    }
    let took = begin.elapsed();
    let _ = connecting.kill();
    let _ = connecting.wait();
    let took = (path == "direct").then_some(u64::try_from(took.as_millis())?);
    Ok((path, took))
}
