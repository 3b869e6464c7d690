//! Meeting a peer that is only reached over a relay: both open sockets towards each other, as
//! [`hedgerow_traverse::punch`] says, and what gets through becomes a path of the connection.

use super::{any_socket, ask, question::prove, random, tunnel::Door};
use crate::{
    address::{PathKind, path_of},
    link::Link,
    net::Inner,
    queue::lock,
};
use hedgerow_base::NodeId;
use hedgerow_traverse::punch::{Plan, Probe, Punch, What, plan, wait_ms};
use hedgerow_wire::{
    reach::{Helpers, Met, Ports, ReachRequest, Spot},
    side::{MAX_SIDE, Meeting, Side, Token},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tracing::{debug, info};

/// How long the engine is left to find a direct path by itself where it can.
const GRACE: Duration = Duration::from_millis(1500);
/// How often a link is looked at.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_SELDOM: Duration = Duration::from_secs(5);
/// Pauses between attempts, the last one for ever after.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(600),
];
/// The same when hundreds of sockets and thousands of packets are needed.
const SCAN_PAUSE: Duration = Duration::from_secs(3600);
/// Attempts of the costly kind before that pause.
const SCANS: usize = 2;
/// Meetings at once.
const MOST_MEETINGS: usize = 8;
/// How often one peer may ask, and how often if it is costly.
const MOST_ASKED: usize = 12;
const MOST_COSTLY: usize = 3;
const ASKED_TIME: Duration = Duration::from_secs(3600);
/// How long the engine is told of a door.
const ANNOUNCED: Duration = Duration::from_secs(8);
/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(2);

/// Meetings of now and of the last hour.
#[derive(Default)]
pub(super) struct Meetings {
    running: usize,
    asked: BTreeMap<NodeId, Vec<(Instant, bool)>>,
}

impl Meetings {
    /// Whether a peer may ask for one more.
    fn may(&mut self, peer: NodeId, costly: bool, now: Instant) -> bool {
        self.asked.retain(|_, list| {
            list.retain(|(at, _)| now.duration_since(*at) < ASKED_TIME);
            !list.is_empty()
        });
        let list = self.asked.entry(peer).or_default();
        let expensive = list.iter().filter(|(_, costly)| *costly).count();
        if self.running >= MOST_MEETINGS || list.len() >= MOST_ASKED || (costly && expensive >= MOST_COSTLY) {
            return false;
        }
        list.push((now, costly));
        true
    }
}

/// Counts a meeting for as long as it lives.
struct Running(Arc<Inner>);

impl Running {
    fn begin(net: &Arc<Inner>) -> Option<Self> {
        let mut state = lock(&net.side);
        if state.meetings.running >= MOST_MEETINGS {
            return None;
        }
        state.meetings.running += 1;
        Some(Self(net.clone()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.0.side);
        state.meetings.running = state.meetings.running.saturating_sub(1);
    }
}

/// Whether a meeting needs hundreds of sockets or thousands of packets.
fn is_costly(mine: Ports, theirs: Ports) -> bool {
    let scan = matches!(mine, Ports::Random) || matches!(theirs, Ports::Random);
    scan || plan(mine, theirs) == Some(Plan::Grid)
}

/// Watches a link that this node has dialled, and meets the peer when only a relay connects them.
pub(crate) async fn watch(net: Arc<Inner>, link: Arc<Link>) {
    let (mut relayed_since, mut attempts, mut unbegun) = (None, 0usize, 0usize);
    let mut met_as = None;
    let mut not_before = Instant::now();
    loop {
        let ended = link.conn.close_reason().is_some();
        if ended {
            return;
        }
        let relayed = path_of(&link.conn, &net.doors).0 == PathKind::Relay;
        // One lock after the other, never both.
        let mine = lock(&net.side).ports();
        let theirs = lock(&net.reach).ports_of(&link);
        let (Some(mine), Some(theirs), true) = (mine, theirs, relayed) else {
            relayed_since = relayed.then(|| relayed_since.unwrap_or_else(Instant::now));
            sleep(if relayed { LOOK } else { LOOK_SELDOM / 5 }).await;
            continue;
        };
        if met_as != Some((mine, theirs)) {
            // Another router: everything is new.
            met_as = Some((mine, theirs));
            (attempts, unbegun, not_before) = (0, 0, Instant::now());
        }
        let since = *relayed_since.get_or_insert_with(Instant::now);
        let Some(plan) = plan(mine, theirs) else {
            sleep(LOOK_SELDOM).await;
            continue;
        };
        let ripe = plan != Plan::Plain || since.elapsed() >= GRACE;
        if !ripe || Instant::now() < not_before {
            sleep(LOOK).await;
            continue;
        }
        let begin = Instant::now();
        let met = meet(&net, &link, mine).await;
        debug!(peer = %link.node.short(), ?plan, ?met, took = ?begin.elapsed(), "a meeting");
        let pause = |tries: usize| PAUSES.get(tries).or(PAUSES.last()).copied().unwrap_or(SCAN_PAUSE);
        let pause = match met {
            // A question was lost: nothing was sent towards the other yet.
            None => {
                unbegun += 1;
                pause(unbegun - 1)
            }
            Some(false) if is_costly(mine, theirs) && attempts + 1 >= SCANS => SCAN_PAUSE,
            Some(false) => {
                attempts += 1;
                pause(attempts - 1)
            }
            Some(true) => {
                (attempts, unbegun) = (0, 0);
                ANNOUNCED
            }
        };
        not_before = Instant::now() + pause;
    }
}

/// One meeting that this node asks for: it leads. Nothing if it did not come to it.
async fn meet(net: &Arc<Inner>, link: &Arc<Link>, mine: Ports) -> Option<bool> {
    let running = Running::begin(net)?;
    let meeting: Meeting = random();
    let (socket, spot) = spot(net, link, mine, meeting).await?;
    let request = ReachRequest::Meet {
        meeting,
        spot: spot.clone(),
    };
    let answer = ask(link, &request).await?;
    let their_spot = Met::from_bytes(&answer).ok()?.spot?;
    if !is_vouched_for(net, &their_spot, meeting, false).await {
        return None;
    }
    let attempt = Attempt {
        meeting,
        mine: spot,
        theirs: their_spot,
        leads: true,
        first: Arc::new(socket),
    };
    Some(attempt.run(net, link, running).await)
}

/// A peer asks for a meeting.
pub(crate) fn answer_meet(
    net: &Arc<Inner>,
    link: &Arc<Link>,
    meeting: Meeting,
    theirs: Spot,
) -> impl Future<Output = Met> + use<> {
    let (net, link) = (net.clone(), link.clone());
    async move {
        let not = Met::default();
        let Some(mine) = lock(&net.side).ports() else {
            return not;
        };
        let useful = plan(mine, theirs.ports).is_some() && path_of(&link.conn, &net.doors).0 == PathKind::Relay;
        let may = useful
            && lock(&net.side)
                .meetings
                .may(link.node, is_costly(mine, theirs.ports), Instant::now());
        if !may || !theirs.at().is_some_and(|at| is_fair(at.ip())) {
            return not;
        }
        let Some(running) = Running::begin(&net) else {
            return not;
        };
        let (vouched, spot) = tokio::join!(
            is_vouched_for(&net, &theirs, meeting, true),
            spot(&net, &link, mine, meeting)
        );
        let Some((socket, spot)) = spot.filter(|_| vouched) else {
            return not;
        };
        let attempt = Attempt {
            meeting,
            mine: spot.clone(),
            theirs,
            leads: false,
            first: Arc::new(socket),
        };
        let inner = net.clone();
        net.spawn(async move {
            attempt.run(&inner, &link, running).await;
        });
        Met { spot: Some(spot) }
    }
}

/// Probes go to addresses of the internet only.
fn is_fair(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified())
        }
        IpAddr::V6(_) => false,
    }
}

/// The token under which a witness sees the sides of a meeting. Each has its own.
fn token_of(meeting: Meeting, leads: bool) -> Token {
    let [a, b, c, d, e, f, g, h, ..] = meeting;
    let [.., i, j, k, l, m, n, o, p] = meeting;
    if leads {
        [a, b, c, d, e, f, g, h]
    } else {
        [i, j, k, l, m, n, o, p]
    }
}

/// The first socket, and where it is seen from outside now, by the peer's witness: so the peer knows that probes to that
/// address go to nobody else.
async fn spot(net: &Arc<Inner>, link: &Link, mine: Ports, meeting: Meeting) -> Option<(UdpSocket, Spot)> {
    let witness = lock(&net.reach).witness_of(link)?;
    if !is_fair(witness.ip()) || witness.port() < 1024 {
        return None;
    }
    let socket = any_socket().await?;
    let token = token_of(meeting, link.dialled_by_me);
    let at = prove(net, &socket, witness, token).await?;
    Some((socket, Spot::new(at, mine)))
}

/// Whether our witness has seen the other side where it says that it is.
async fn is_vouched_for(net: &Arc<Inner>, theirs: &Spot, meeting: Meeting, by_leader: bool) -> bool {
    let serves = lock(&net.reach).serves();
    let Some(witness) = net.witness(serves) else {
        return false;
    };
    let token = token_of(meeting, by_leader);
    let seen = if Some(witness) == net.side_of(serves) {
        super::answer_seen(net, token)
    } else {
        let sides = net.sides(&BTreeSet::new());
        let Some((link, _)) = sides.into_iter().find(|(_, side)| *side == witness) else {
            return false;
        };
        let Some(answer) = ask(&link, &ReachRequest::Seen { token }).await else {
            return false;
        };
        Helpers::from_bytes(&answer).unwrap_or_default()
    };
    let (seen, said) = (seen.sides.first().map(SocketAddr::ip), theirs.at().map(|at| at.ip()));
    let vouched = seen.is_some() && seen == said;
    if !vouched {
        debug!(?seen, ?said, "a meeting at an address that nobody vouches for");
    }
    vouched
}

/// One side of a meeting that both want.
struct Attempt {
    meeting: Meeting,
    mine: Spot,
    theirs: Spot,
    leads: bool,
    first: Arc<UdpSocket>,
}

impl Attempt {
    /// Whether a path came of it.
    async fn run(self, net: &Arc<Inner>, link: &Arc<Link>, running: Running) -> bool {
        let Some(door) = Door::open().await else { return false };
        let seed = u64::from_be_bytes(random());
        let Some(mut punch) = Punch::new(&self.mine, &self.theirs, self.leads, seed) else {
            return false;
        };
        let rtt = path_of(&link.conn, &net.doors).2.unwrap_or(100.0).clamp(0.0, 2000.0) as u64;
        let wait = wait_ms(self.mine.ports, self.theirs.ports, self.leads, rtt);
        let mut sockets = vec![self.first.clone()];
        while sockets.len() < punch.sockets() {
            match any_socket().await {
                Some(socket) => sockets.push(Arc::new(socket)),
                None => break,
            }
        }
        let (heard, mut hearing) = mpsc::channel(256);
        let mut readers = JoinSet::new();
        for (at, socket) in sockets.iter().enumerate() {
            readers.spawn(read(at, socket.clone(), self.meeting, heard.clone()));
        }
        drop(heard);
        let begin = Instant::now();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut their_door = None;
        let passed = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let found = loop {
            let probes: Vec<Probe> = tokio::select! {
                heard = hearing.recv() => {
                    let Some((socket, from, what, door)) = heard else { break None };
                    their_door = door.or(their_door);
                    punch.heard(socket, from, what).into_iter().collect()
                }
                _ = ticks.tick() => match passed(begin).checked_sub(wait) {
                    Some(now) => punch.due(now),
                    None => Vec::new(),
                },
            };
            for probe in probes {
                if let Some(socket) = sockets.get(probe.socket) {
                    let datagram = self.datagram(probe.what, door.port());
                    // A full buffer or a refusal is like a lost packet.
                    let _ = socket.try_send_to(&datagram, probe.to);
                }
            }
            if let Some(found) = punch.found() {
                break Some(found);
            }
            if passed(begin).checked_sub(wait).is_some_and(|now| punch.is_over(now))
                || link.conn.close_reason().is_some()
            {
                break None;
            }
        };
        drop(readers);
        drop(running);
        let Some(found) = found else { return false };
        let Some(socket) = sockets.into_iter().nth(found.socket) else {
            return false;
        };
        let Some(engine) = net.engine_port() else { return false };
        info!(peer = %link.node.short(), took = ?begin.elapsed(), "opened a direct path");
        net.spawn(door.carry(net.clone(), engine, socket, found.remote, self.meeting));
        if let (false, Some(their_door)) = (self.leads, their_door) {
            announce(net, link, their_door).await;
        }
        true
    }

    fn datagram(&self, what: What, door: u16) -> Vec<u8> {
        let meeting = self.meeting;
        match what {
            What::Open => Side::Open { meeting },
            What::Pick => Side::Pick { meeting, door },
            What::Picked => Side::Picked { meeting, door },
        }
        .to_bytes()
    }
}

/// Tells the engine of the other side that its door is an address of ours, for as long as it needs to try it. Only
/// the one who dialled can open paths, and it tries what the other side says.
async fn announce(net: &Arc<Inner>, link: &Link, their_door: u16) {
    let Some(endpoint) = net.endpoint() else { return };
    let door = SocketAddr::from((Ipv4Addr::LOCALHOST, their_door));
    endpoint.add_external_addr(door).await;
    let begin = Instant::now();
    while begin.elapsed() < ANNOUNCED && path_of(&link.conn, &net.doors).0 == PathKind::Relay {
        sleep(LOOK).await;
    }
    endpoint.remove_external_addr(&door).await;
}

/// Passes on what belongs to a meeting.
async fn read(
    at: usize,
    socket: Arc<UdpSocket>,
    meeting: Meeting,
    heard: mpsc::Sender<(usize, SocketAddr, What, Option<u16>)>,
) {
    let mut buffer = [0; MAX_SIDE + 1];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let what = match buffer.get(..len).map(Side::from_bytes) {
            Some(Ok(Side::Open { meeting: of })) if of == meeting => (What::Open, None),
            Some(Ok(Side::Pick { meeting: of, door })) if of == meeting => (What::Pick, Some(door)),
            Some(Ok(Side::Picked { meeting: of, door })) if of == meeting => (What::Picked, Some(door)),
            _ => continue,
        };
        if heard.send((at, from, what.0, what.1)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_met_a_few_times_an_hour_and_seldom_when_it_is_costly() {
        let (mut meetings, now) = (Meetings::default(), Instant::now());
        let (one, two) = (NodeId([1; 32]), NodeId([2; 32]));
        assert_eq!((0..50).filter(|_| meetings.may(one, true, now)).count(), MOST_COSTLY);
        assert_eq!(
            (0..50).filter(|_| meetings.may(one, false, now)).count(),
            MOST_ASKED - MOST_COSTLY
        );
        assert!(meetings.may(two, true, now), "others are not affected");
        assert!(meetings.may(one, true, now + ASKED_TIME));
        meetings.running = MOST_MEETINGS;
        assert!(!meetings.may(two, false, now));
    }

    #[test]
    fn probes_go_to_no_machine_of_the_own_network_by_loopback_or_broadcast() {
        for ip in [
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::1",
        ] {
            assert!(!is_fair(ip.parse().unwrap()), "{ip}");
        }
        assert!(is_fair("203.0.113.7".parse().unwrap()));
    }
}
