//! `lab nat`: pairs of nodes behind all kinds of NAT, with two ordinary public nodes that both know.

use crate::{
    by::{self, By, Starting},
    description::{Description, Ip, Link, Place},
    figures::milliseconds,
    nat::NatKind,
    node::Node,
    report::{Outcome, PairReport},
    topology::Lab,
};
use anyhow::{Context, Result, bail};
use std::{
    io::Read,
    net::Ipv4Addr,
    path::PathBuf,
    process::Child,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long nodes may take to find their peers, their homes and what their routers do, before they are asked to connect.
const SETTLE: Duration = Duration::from_secs(12);
/// A ticket that stays the same for so long, with both public nodes as peers, is complete.
const STABLE: Duration = Duration::from_secs(3);
/// How long a pair may take to become direct.
const LIMIT: Duration = Duration::from_secs(15);
/// A time is known to a part of itself this small: asking the node all the time would slow it down.
const PRECISION: u32 = 50;
/// How long a connection may still turn up after the node has said that there is none.
const AFTERTHOUGHT: Duration = Duration::from_secs(1);

/// The public nodes and their addresses.
const PUBLIC: [(&str, [u8; 4]); 2] = [("P1", [203, 0, 113, 101]), ("P2", [203, 0, 113, 102])];

/// What to run.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Who asks whom.
    pub pairs: Vec<(NatKind, NatKind)>,
    /// Runs of each pair.
    pub runs: usize,
    /// Round-trip times between any two parties, in milliseconds.
    pub rtt_ms: Vec<f64>,
    /// Losses between any two parties in each direction, in per cent.
    pub loss: Vec<f64>,
    /// Pairs that run at the same time, each in a lab of its own.
    pub jobs: usize,
    /// How they find each other.
    pub by: By,
    /// What everybody speaks.
    pub ip: Ip,
    /// The node's program.
    pub program: PathBuf,
}

/// Reads pairs such as `none/cgnat,hairpin/*`; `*` is every kind.
pub fn parse_pairs(text: &str) -> Result<Vec<(NatKind, NatKind)>> {
    let kinds = |word: &str| -> Result<Vec<NatKind>> {
        if word == "*" {
            return Ok(NatKind::ALL.to_vec());
        }
        Ok(vec![word.parse().map_err(anyhow::Error::msg)?])
    };
    let mut pairs = Vec::new();
    for pair in text.split(',') {
        let (a, b) = pair
            .split_once('/')
            .with_context(|| format!("{pair:?} is no pair; write two kinds of NAT with a / between them"))?;
        let bs = kinds(b)?;
        for a in kinds(a)? {
            pairs.extend(
                bs.iter()
                    .map(|b| (a, *b))
                    .filter(|pair| !pairs.contains(pair))
                    .collect::<Vec<_>>(),
            );
        }
    }
    Ok(pairs)
}

struct Job {
    pair: (NatKind, NatKind),
    rtt_ms: f64,
    loss: f64,
}

/// Runs everything; says on standard error how it goes.
pub fn run(matrix: &Matrix) -> Result<Vec<PairReport>> {
    let starting = Starting::new(matrix.by, &matrix.program)?;
    let mut jobs = Vec::new();
    for &rtt_ms in &matrix.rtt_ms {
        for &loss in &matrix.loss {
            jobs.extend(matrix.pairs.iter().map(|&pair| Job { pair, rtt_ms, loss }));
        }
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<PairReport>)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..matrix.jobs.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::SeqCst)
                    && let Some(job) = jobs.get(at)
                {
                    let result = pair(matrix, &starting, job, at as u64);
                    if result.is_err() {
                        next.store(jobs.len(), Ordering::SeqCst);
                    }
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// All runs of one pair, with the same two public nodes.
fn pair(matrix: &Matrix, starting: &Starting, job: &Job, seed: u64) -> Result<PairReport> {
    let link = Link::half_of(Duration::from_secs_f64(job.rtt_ms / 1000.0), job.loss / 100.0);
    let mut lab = Lab::new(seed)?;
    let mut public = Description::default();
    for (name, address) in PUBLIC {
        public = public.host(name, Place::Public(address.into()), link);
    }
    lab.add(&public.speaking(matrix.ip))?;
    let addresses = PUBLIC.map(|(_, address)| address.into());
    let mut public: Vec<Node> = Vec::new();
    // On one local network nobody else is there.
    for (name, _) in PUBLIC.into_iter().filter(|_| matrix.by != By::Lan) {
        let arguments = starting.public(&public.iter().collect::<Vec<_>>(), &addresses);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        public.push(Node::launch(lab.space(name)?, &matrix.program, name, &arguments)?);
    }
    let public: Vec<&Node> = public.iter().collect();
    let (a, b) = job.pair;
    let mut outcomes = Vec::new();
    for run in 0..matrix.runs {
        let begin = Instant::now();
        let outcome = once(&mut lab, matrix, starting, job.pair, link, run, &public)
            .unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let said = match &outcome {
            Outcome::Direct(ms) => format!("direct after {ms:.0} ms"),
            Outcome::Relay(ms) => format!("relayed after {ms:.0} ms"),
            Outcome::Failed(why) => format!("failed: {why}"),
        };
        eprintln!(
            "{a}/{b} rtt {} ms loss {} %, run {} of {}: {said} ({:.1} s)",
            job.rtt_ms,
            job.loss,
            run + 1,
            matrix.runs,
            begin.elapsed().as_secs_f32()
        );
        outcomes.push(outcome);
    }
    let (rtt_ms, loss) = (job.rtt_ms, job.loss);
    Ok(PairReport {
        a,
        b,
        rtt_ms,
        loss,
        outcomes,
    })
}

/// One run: new routers with addresses that nobody has seen yet, new nodes, one connection.
fn once(
    lab: &mut Lab,
    matrix: &Matrix,
    starting: &Starting,
    pair: (NatKind, NatKind),
    link: Link,
    run: usize,
    public: &[&Node],
) -> Result<Outcome> {
    for name in ["a", "b", "A", "B"] {
        lab.remove(name);
    }
    let last = u8::try_from(11 + 2 * (run % 40))?;
    match matrix.by {
        By::Lan if pair.0 != pair.1 => {
            bail!("one local network is behind one router; ask for pairs such as cgnat/cgnat")
        }
        By::Lan => by::one_network(lab, pair.0, matrix.ip, link, last)?,
        By::Ticket | By::Dht => lab.add(&sides(pair, link, last).speaking(matrix.ip))?,
    }
    let known: Vec<&str> = public.iter().map(|node| node.first_ticket()).collect();
    let addresses = PUBLIC.map(|(_, address)| address.into());
    let arguments = starting.private(&known, &addresses);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let start = |name: &str| Node::launch(lab.space(name)?, &matrix.program, name, &arguments);
    let (a, b) = thread::scope(|scope| {
        let a = scope.spawn(|| start("a"));
        let b = scope.spawn(|| start("b"));
        (a.join(), b.join())
    });
    let (Ok(a), Ok(b)) = (a, b) else {
        bail!("starting a node panicked");
    };
    let (a, b) = (a?, b?);
    if matrix.by == By::Lan {
        return watch(&a, &b, begin, None);
    }
    for node in [&a, &b] {
        starting.introduce(node, public)?;
    }
    let ids: Vec<&str> = public.iter().map(|node| node.id()).collect();
    let ticket = settle(&a, &b, &ids)?;
    thread::sleep(starting.publishing());
    observe(&a, &b, &starting.card(&b, &ticket))
}

/// A router on each side, with a host behind it.
fn sides(pair: (NatKind, NatKind), link: Link, last: u8) -> Description {
    let mut sides = Description::default();
    for (host, router, kind, last) in [("a", "A", pair.0, last), ("b", "B", pair.1, last + 1)] {
        let place = Place::Public(Ipv4Addr::new(203, 0, 113, last));
        sides = if kind == NatKind::None {
            sides.host(host, place, link)
        } else {
            sides
                .router(router, place, kind, link)
                .host(host, Place::Behind(router.into()), Link::default())
        };
    }
    sides
}

/// Waits until both know the public nodes and their routers, and the ticket of `b` changes no more; answers the ticket.
fn settle(a: &Node, b: &Node, public: &[&str]) -> Result<String> {
    let begin = Instant::now();
    let mut ticket = b.ticket()?;
    let (mut since, mut met) = (begin, false);
    let judged = |node: &Node| Ok::<_, anyhow::Error>(node.nat()?["class"] != "unknown");
    while begin.elapsed() < SETTLE && !(met && since.elapsed() >= STABLE && judged(a)? && judged(b)?) {
        thread::sleep(Duration::from_millis(100));
        if !met {
            let knows = |node: &Node| -> Result<bool> {
                let peers = node.peers()?;
                Ok(public.iter().all(|id| peers.iter().any(|peer| peer.node == *id)))
            };
            met = knows(a)? && knows(b)?;
            since = Instant::now();
        }
        let now = b.ticket()?;
        if now != ticket {
            (ticket, since) = (now, Instant::now());
        }
    }
    Ok(ticket)
}

/// Connects `a` to `b` and watches how.
fn observe(a: &Node, b: &Node, ticket: &str) -> Result<Outcome> {
    let begin = Instant::now();
    let mut asked = a.connect(ticket)?;
    let outcome = watch(a, b, begin, Some(&mut asked));
    let _ = asked.kill();
    let _ = asked.wait();
    outcome
}

fn watch(a: &Node, b: &Node, begin: Instant, mut asked: Option<&mut Child>) -> Result<Outcome> {
    let (mut relayed, mut refused) = (None, None);
    loop {
        let peers = a.peers()?;
        let now = milliseconds(begin.elapsed());
        match peers
            .iter()
            .find(|peer| peer.node == b.id())
            .map(|peer| peer.path.as_str())
        {
            Some("direct" | "lan") => return Ok(Outcome::Direct(now)),
            Some("relay") => relayed = relayed.or(Some(now)),
            _ => {}
        }
        if let (None, Some(asked)) = (refused, asked.as_mut())
            && asked.try_wait()?.is_some_and(|status| !status.success())
        {
            refused = Some(Instant::now());
        }
        let given_up = relayed.is_none() && refused.is_some_and(|since: Instant| since.elapsed() > AFTERTHOUGHT);
        if begin.elapsed() > LIMIT || given_up {
            break;
        }
        thread::sleep((begin.elapsed() / PRECISION).clamp(Duration::from_millis(5), Duration::from_millis(200)));
    }
    Ok(match relayed {
        Some(ms) => Outcome::Relay(ms),
        None => Outcome::Failed(why(asked, refused.is_some())),
    })
}

/// What the command said when it gave up.
fn why(asked: Option<&mut Child>, ended: bool) -> String {
    let mut said = String::new();
    if let Some(stderr) = asked.and_then(|asked| asked.stderr.as_mut()).filter(|_| ended) {
        let _ = stderr.read_to_string(&mut said);
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.is_empty() {
        format!("no connection within {} s", LIMIT.as_secs())
    } else {
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_ordered_and_a_star_is_every_kind() {
        let both = parse_pairs("none/cgnat,cgnat/none").unwrap();
        assert_eq!(both, [(NatKind::None, NatKind::Cgnat), (NatKind::Cgnat, NatKind::None)]);
        assert_eq!(parse_pairs("hairpin/*").unwrap().len(), 11);
        assert_eq!(parse_pairs("*/*").unwrap().len(), 121);
        assert_eq!(parse_pairs("*/none,none/*").unwrap().len(), 21);
    }

    #[test]
    fn what_is_no_pair_is_refused_with_the_names_that_there_are() {
        assert!(
            parse_pairs("none")
                .unwrap_err()
                .to_string()
                .contains("with a / between")
        );
        assert!(
            parse_pairs("none/easy")
                .unwrap_err()
                .to_string()
                .contains("port-restricted")
        );
    }
}
