//! Finding out what the router does: many sockets ask several others where they are seen, strangers knock, and answers
//! are ordered for later (RFC 5780, with ordinary peers in the place of servers).

use super::{any_socket, ask, random};
use crate::{address::path_of, link::Link, net::Inner, queue::lock};
use hedgerow_traverse::nat::{Filtering, Mapping, Nat, SOCKETS, Sample, judge};
use hedgerow_wire::{
    reach::{Helpers, ReachRequest},
    side::{Cookie, From, MAX_SIDE, Side, Token},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info};

/// Side sockets that are asked.
const MOST_ASKED: usize = 6;
/// When questions that were not answered are asked again, after the first time.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(400),
    Duration::from_millis(600),
];
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_millis(700);
/// Between two questions, so that a router which counts is seen to.
const APART: Duration = Duration::from_millis(1);
/// How long a knock may take, and how often it is asked for.
const KNOCK: Duration = Duration::from_millis(700);
const KNOCKS: usize = 3;
/// When the measurement is repeated though nothing seems to have changed.
const REPEAT: Duration = Duration::from_secs(3600);
/// The same when it has left something open, such as who gets in because nobody was there to knock.
const REPEAT_UNSURE: Duration = Duration::from_secs(10);
/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_millis(200);
/// For how many seconds a mapping may have been kept.
const TIMEOUTS: [u16; 13] = [2, 4, 8, 12, 20, 28, 45, 58, 88, 118, 150, 178, 298];
/// Sockets for each of them: a lost packet is no end of a mapping.
const SOCKETS_OF_TIMEOUT: usize = 2;

/// What a measurement depends on; when it changes, another is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Surroundings {
    /// Our own addresses.
    own: BTreeSet<IpAddr>,
    /// Whom can be asked, up to as many as matter.
    known: usize,
    /// Where a peer sees the engine's packets come from.
    seen: BTreeSet<IpAddr>,
}

fn surroundings(net: &Inner) -> Surroundings {
    let sides = net.sides(&BTreeSet::new());
    let ips: BTreeSet<IpAddr> = sides.iter().map(|(_, side)| side.ip()).collect();
    let report = net.reach_report();
    Surroundings {
        own: report.interfaces.iter().map(SocketAddr::ip).collect(),
        known: ips.len().min(3),
        seen: report.observed.iter().map(|(_, at)| at.ip()).collect(),
    }
}

/// Measures when there is somebody to ask, and again when something changes.
pub(super) async fn run(net: Arc<Inner>) {
    let mut timeouts: Option<tokio::task::JoinHandle<()>> = None;
    let mut done: Option<(Surroundings, Instant)> = None;
    loop {
        sleep(LOOK).await;
        let now = surroundings(&net);
        if now.known == 0 {
            continue;
        }
        if let Some((last, at)) = &done {
            // Fewer to ask is no change; more may tell more.
            let same =
                last.own == now.own && (now.seen.is_empty() || last.seen == now.seen || now.seen.is_subset(&last.seen));
            let nat = lock(&net.side).nat;
            let sure = nat.mapping == Mapping::Blocked
                || (nat.mapping != Mapping::Unknown && (nat.filtering != Filtering::Unknown || now.known < 2));
            let repeat = if sure { REPEAT } else { REPEAT_UNSURE };
            if same && now.known <= last.known && at.elapsed() < repeat {
                continue;
            }
        }
        let moved = done.as_ref().is_none_or(|(last, _)| last.own != now.own);
        let begin = Instant::now();
        let others = others(&net).await;
        let mut nat = measure(&net, &others).await;
        // A measurement that saw nothing does not undo one that did, while nothing has moved.
        let old = lock(&net.side).nat;
        if !moved && nat.mapping == Mapping::Unknown && old.mapping != Mapping::Unknown {
            nat = old;
        }
        let same_router = old.mapping == nat.mapping && old.outside == nat.outside;
        nat.timeout_s = old.timeout_s.filter(|_| same_router);
        info!(class = nat.class(), took = ?begin.elapsed(), "what the router does");
        {
            let mut state = lock(&net.side);
            state.nat = nat;
            state.judged = true;
        }
        net.wake_reach.notify_one();
        done = Some((surroundings(&net), Instant::now()));
        let translated = !matches!(nat.mapping, Mapping::Unknown | Mapping::Blocked);
        if translated
            && nat.timeout_s.is_none()
            && timeouts.as_ref().is_none_or(|task| task.is_finished() || !same_router)
        {
            if let Some(task) = timeouts.take() {
                task.abort();
            }
            timeouts = Some(tokio::spawn(measure_timeout(Arc::downgrade(&net), others)));
        }
    }
}

/// Whom to ask, each at an address of its own: side sockets of peers, and those that these know.
async fn others(net: &Arc<Inner>) -> Vec<SocketAddr> {
    let sides = net.sides(&BTreeSet::new());
    let own: BTreeSet<IpAddr> = net.reach_report().interfaces.iter().map(SocketAddr::ip).collect();
    let mut others: Vec<SocketAddr> = sides.iter().map(|(_, side)| *side).collect();
    let asked = sides.iter().take(3).map(|(link, _)| async move {
        let answer = ask(link, &ReachRequest::Helpers).await?;
        Helpers::from_bytes(&answer).ok()
    });
    let more = futures_util::future::join_all(asked).await;
    others.extend(more.into_iter().flatten().flat_map(|helpers| helpers.sides));
    let mut ips = own;
    others
        .retain(|other| other.is_ipv4() && other.port() >= 1024 && !other.ip().is_loopback() && ips.insert(other.ip()));
    others.truncate(MOST_ASKED);
    others
}

/// The address from which packets to `to` leave this machine.
async fn local_of(socket: &UdpSocket, to: SocketAddr) -> Option<SocketAddr> {
    let probe = any_socket().await?;
    probe.connect(to).await.ok()?;
    let ip = probe.local_addr().ok()?.ip();
    Some(SocketAddr::new(ip, socket.local_addr().ok()?.port()))
}

/// Where a socket is seen by one other, who then vouches for it: a second question shows the cookie of the first answer,
/// unless one is at hand.
pub(super) async fn prove(
    net: &Arc<Inner>,
    socket: &UdpSocket,
    witness: SocketAddr,
    token: Token,
) -> Option<SocketAddr> {
    let rtt = path_rtt(net, witness.ip());
    let mut buffer = [0; MAX_SIDE + 1];
    for wait in [150u64, 200, 300, 400, 500] {
        let shown = lock(&net.side).cookie_of(witness.ip());
        let ask = Side::Ask {
            token,
            from: From::Here,
            delay_s: 0,
            cookie: shown,
        };
        let _ = socket.send_to(&ask.to_bytes(), witness).await;
        let answered = async {
            loop {
                let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                if let Some(Ok(Side::Seen {
                    token: of, at, cookie, ..
                })) = buffer.get(..len).map(Side::from_bytes)
                    && of == token
                    && from == witness
                {
                    return (at, cookie);
                }
            }
        };
        let Ok((at, cookie)) = timeout(Duration::from_millis(wait) + rtt * 2, answered).await else {
            continue;
        };
        if cookie == shown {
            return Some(at);
        }
        lock(&net.side).keep_cookie(witness.ip(), cookie);
    }
    None
}

/// The way to a peer at an address and back.
fn path_rtt(net: &Inner, ip: IpAddr) -> Duration {
    let links = net.links();
    let path = links.iter().map(|link| path_of(&link.conn, &net.doors));
    let rtt = path
        .filter(|path| path.1.is_some_and(|addr| addr.ip() == ip))
        .find_map(|path| path.2);
    Duration::from_secs_f64(rtt.unwrap_or(0.0).clamp(0.0, 2000.0) / 1000.0)
}

fn question(token: Token, from: From, delay_s: u16) -> Vec<u8> {
    let cookie = Cookie::default();
    Side::Ask {
        token,
        from,
        delay_s,
        cookie,
    }
    .to_bytes()
}

/// Waits for the answer to a question, or a knock about it: where we are seen (not for a knock), and who says so.
async fn hear(socket: &UdpSocket, token: Token, wait: Duration) -> Option<(Option<(SocketAddr, u16)>, SocketAddr)> {
    let mut buffer = [0; MAX_SIDE + 1];
    let heard = async {
        loop {
            let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
                tokio::task::yield_now().await;
                continue;
            };
            match buffer.get(..len).map(Side::from_bytes) {
                Some(Ok(Side::Seen {
                    token: of,
                    at,
                    other_port,
                    ..
                })) if of == token => return (Some((at, other_port)), from),
                Some(Ok(Side::Knock { token: of })) if of == token => return (None, from),
                _ => {}
            }
        }
    };
    timeout(wait, heard).await.ok()
}

async fn answer(socket: &UdpSocket, token: Token, wait: Duration) -> Option<(SocketAddr, u16)> {
    hear(socket, token, wait).await?.0
}

/// Everything but the time-out; takes a few seconds.
async fn measure(net: &Arc<Inner>, others: &[SocketAddr]) -> Nat {
    let (samples, (filtering, early), hairpin) = tokio::join!(sample(others), filtering(net), hairpin(others));
    let asked: BTreeSet<IpAddr> = others.iter().map(SocketAddr::ip).collect();
    let (mapping, choice, outside) = judge(&samples, asked.len());
    debug!(
        ?mapping,
        ?choice,
        samples = samples.len(),
        asked = asked.len(),
        "the mapping"
    );
    let translated = !matches!(mapping, Mapping::Unknown | Mapping::Blocked | Mapping::None);
    Nat {
        mapping,
        choice,
        filtering,
        early: early.filter(|_| mapping == Mapping::EndpointIndependent),
        hairpin: hairpin.filter(|_| translated),
        timeout_s: None,
        outside,
    }
}

/// What others see of several sockets.
async fn sample(others: &[SocketAddr]) -> Vec<Sample> {
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let Some(socket) = any_socket().await else { break };
        sockets.push(Arc::new(socket));
    }
    let (heard, mut hearing) = mpsc::channel(256);
    let mut readers = JoinSet::new();
    for (at, socket) in sockets.iter().enumerate() {
        let (socket, heard) = (socket.clone(), heard.clone());
        readers.spawn(async move {
            let mut buffer = [0; MAX_SIDE + 1];
            loop {
                let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                if let Some(Ok(Side::Seen {
                    token,
                    at: seen,
                    other_port,
                    ..
                })) = buffer.get(..len).map(Side::from_bytes)
                    && heard.send((at, token, seen, other_port, from)).await.is_err()
                {
                    return;
                }
            }
        });
    }
    // What was asked: (socket, order, to), until it is answered.
    let mut open: BTreeMap<Token, (usize, usize, SocketAddr)> = BTreeMap::new();
    let mut samples = Vec::new();
    let mut order = 0;
    let mut locals: BTreeMap<usize, SocketAddr> = BTreeMap::new();
    let Some(first) = others.first() else { return samples };
    for (at, socket) in sockets.iter().enumerate() {
        if let Some(local) = local_of(socket, *first).await {
            locals.insert(at, local);
        }
    }
    let mut plan: Vec<(usize, SocketAddr)> = (0..sockets.len())
        .flat_map(|at| others.iter().map(move |other| (at, *other)))
        .collect();
    let mut other_ports: BTreeSet<SocketAddr> = BTreeSet::new();
    for round in 0..=AGAIN.len() {
        for (at, to) in std::mem::take(&mut plan) {
            let Some(socket) = sockets.get(at) else { continue };
            let token = random();
            order += 1;
            open.insert(token, (at, order, to));
            let _ = socket.send_to(&question(token, From::Here, 0), to).await;
            sleep(APART).await;
        }
        let wait = AGAIN.get(round).copied().unwrap_or(PATIENCE);
        let begin = Instant::now();
        while let Some(left) = wait.checked_sub(begin.elapsed())
            && let Ok(Some((at, token, seen, other_port, from))) = timeout(left, hearing.recv()).await
        {
            let Some((socket, order, to)) = open.get(&token).copied() else {
                continue;
            };
            let Some(local) = locals.get(&socket).copied().filter(|_| at == socket && from == to) else {
                continue;
            };
            open.remove(&token);
            samples.push(Sample {
                socket,
                order,
                local,
                to,
                seen,
            });
            // One socket also asks the other ports, to tell addresses from ports.
            let beside = SocketAddr::new(to.ip(), other_port);
            if socket == 0 && others.contains(&to) && other_port >= 1024 && other_ports.insert(beside) {
                plan.push((0, beside));
            }
        }
        let answered: BTreeSet<(usize, SocketAddr)> = samples.iter().map(|sample| (sample.socket, sample.to)).collect();
        let missing: BTreeSet<(usize, SocketAddr)> = open
            .values()
            .map(|(at, _, to)| (*at, *to))
            .filter(|asked| !answered.contains(asked))
            .collect();
        plan.extend(missing);
        if plan.is_empty() {
            break;
        }
    }
    samples
}

/// Who gets in, and whether being hit first changes a mapping. Several are asked at the same time: what came in did come
/// in, whoever sent it, so the most open verdict is the right one, and one who only claims to have knocked changes nothing.
async fn filtering(net: &Arc<Inner>) -> (Filtering, Option<bool>) {
    let sides = net
        .sides(&BTreeSet::new())
        .into_iter()
        .filter(|(_, side)| side.is_ipv4())
        .take(3);
    let verdicts = futures_util::future::join_all(sides.map(|(link, side)| filtering_by(net, link, side))).await;
    let openness = |filtering: &Filtering| match filtering {
        Filtering::Unknown => 0,
        Filtering::AddressAndPortDependent => 1,
        Filtering::AddressDependent => 2,
        Filtering::EndpointIndependent => 3,
    };
    let filtering = verdicts
        .iter()
        .map(|verdict| verdict.0)
        .max_by_key(openness)
        .unwrap_or_default();
    let said: Vec<bool> = verdicts.iter().filter_map(|verdict| verdict.1).collect();
    let early = said.iter().filter(|early| **early).count();
    (filtering, (!said.is_empty()).then_some(early * 2 > said.len()))
}

/// The same with the help of one peer, whose side socket is the only one that the socket has met.
async fn filtering_by(net: &Arc<Inner>, link: Arc<Link>, side: SocketAddr) -> (Filtering, Option<bool>) {
    let unknown = (Filtering::Unknown, None);
    let Some(socket) = any_socket().await else {
        return unknown;
    };
    let token: Token = random();
    let Some(before) = prove(net, &socket, side, token).await else {
        return unknown;
    };
    let (mut stranger, mut knockers) = (false, BTreeSet::new());
    for _ in 0..KNOCKS {
        let Some(answer) = ask(&link, &ReachRequest::Knock { token }).await else {
            continue;
        };
        let helpers = Helpers::from_bytes(&answer).unwrap_or_default().sides;
        knockers.extend(helpers.iter().copied().filter(|knocker| knocker.ip() != side.ip()));
        let begin = Instant::now();
        while let Some(left) = KNOCK.checked_sub(begin.elapsed())
            && let Some((_, from)) = hear(&socket, token, left).await
        {
            stranger |= from.ip() != side.ip();
            if stranger {
                return (Filtering::EndpointIndependent, None);
            }
        }
        if helpers.is_empty() {
            break;
        }
    }
    let mut other_port = false;
    for wait in AGAIN {
        let token = random();
        let _ = socket.send_to(&question(token, From::OtherPort, 0), side).await;
        let heard = hear(&socket, token, wait + KNOCK / 2).await;
        if heard.is_some_and(|(_, from)| from.ip() == side.ip() && from.port() != side.port()) {
            other_port = true;
            break;
        }
    }
    debug!(%side, knockers = knockers.len(), other_port, "nobody else got in");
    let verdict = match (other_port, knockers.is_empty()) {
        (true, false) => Filtering::AddressDependent,
        // Who gets in from a port that was not asked may also get in from elsewhere.
        (true, true) => Filtering::Unknown,
        (false, _) => Filtering::AddressAndPortDependent,
    };
    // By now those who knocked have hit the router first.
    let mut early = None;
    if let Some(knocker) = knockers.first() {
        for wait in AGAIN {
            let token = random();
            let _ = socket.send_to(&question(token, From::Here, 0), knocker).await;
            if let Some((after, _)) = answer(&socket, token, wait + KNOCK / 2).await {
                early = Some(after != before);
                break;
            }
        }
    }
    (verdict, early)
}

/// Whether two sockets of this machine reach each other by an outer address.
async fn hairpin(others: &[SocketAddr]) -> Option<bool> {
    let (one, two) = (any_socket().await?, any_socket().await?);
    let other = others.first()?;
    let mut outside = None;
    for wait in AGAIN {
        let token = random();
        let _ = one.send_to(&question(token, From::Here, 0), other).await;
        outside = answer(&one, token, wait + KNOCK / 2).await;
        if outside.is_some() {
            break;
        }
    }
    let (outside, _) = outside?;
    let token = random();
    for wait in AGAIN {
        let _ = two.send_to(&Side::Knock { token }.to_bytes(), outside).await;
        if hear(&one, token, wait).await.is_some() {
            return Some(true);
        }
    }
    Some(false)
}

/// How long a mapping lasts that is used once: answers are ordered for later, and the last that comes tells.
async fn measure_timeout(net: std::sync::Weak<Inner>, others: Vec<SocketAddr>) {
    let mut waiting = JoinSet::new();
    for delay in TIMEOUTS {
        for at in 0..SOCKETS_OF_TIMEOUT {
            let Some(other) = others.get(at % others.len().max(1)).copied() else {
                return;
            };
            waiting.spawn(async move {
                let socket = any_socket().await?;
                let token = random();
                // Asked once: a second question would be a second packet for the router.
                let _ = socket.send_to(&question(token, From::Here, delay), other).await;
                let heard = answer(
                    &socket,
                    token,
                    Duration::from_secs(delay.into()) + Duration::from_secs(2),
                )
                .await;
                Some((delay, heard.is_some()))
            });
        }
    }
    let mut heard: BTreeMap<u16, (usize, bool)> = BTreeMap::new();
    while let Some(result) = waiting.join_next().await {
        let Ok(Some((delay, came))) = result else { continue };
        let (count, any) = heard.entry(delay).or_default();
        *count += 1;
        *any |= came;
        let ended = |delay: &u16| {
            heard
                .get(delay)
                .is_some_and(|(count, any)| *count >= SOCKETS_OF_TIMEOUT && !any)
        };
        let longest = heard.iter().filter(|(_, (_, any))| *any).map(|(delay, _)| *delay).max();
        // Two in a row that did not come, or all that could.
        let over = TIMEOUTS
            .windows(2)
            .any(|pair| pair.iter().all(|delay| ended(delay) && Some(*delay) > longest));
        let all = heard.len() == TIMEOUTS.len() && heard.values().all(|(count, _)| *count >= SOCKETS_OF_TIMEOUT);
        if over || all {
            let Some(net) = net.upgrade() else { return };
            lock(&net.side).nat.timeout_s = longest.map(u32::from);
            info!(seconds = longest, "how long the router keeps a mapping");
            return;
        }
    }
}
