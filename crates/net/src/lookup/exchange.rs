//! What connected peers tell each other about where devices are: requests 24 and 25.

use super::{Source, State};
use crate::{address::path_of, link::Link, net::Inner, queue::lock, request::RequestSend};
use hedgerow_base::NodeId;
use hedgerow_wire::lookup::{Card, Found, LookupRequest, MAX_ANSWER, MAX_FOUND, MAX_REQUEST, SignedRecord, Subject};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;
use tracing::debug;

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// Most questions of one peer that are answered in that time, in milliseconds.
const MOST: u32 = 60;
const TIME: u64 = 60_000;
/// Most peers that are asked where a node is.
const MOST_ASKED: usize = 8;
/// How often a card that a peer did not take is offered again, and after which wait.
const TELL_TRIES: u32 = 3;
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// Who asks how much, and who was told what.
#[derive(Default)]
pub(super) struct Peers {
    asked: BTreeMap<NodeId, (u64, u32)>,
    /// Link and version of the card that each peer was told.
    told: BTreeMap<NodeId, (u64, u64)>,
    /// Peers that are nodes of the DHT.
    serving: BTreeSet<NodeId>,
    /// Grows when the card changes.
    pub(super) version: u64,
}

impl Peers {
    /// Whether a peer says that it serves the DHT.
    pub(super) fn serves(&self, peer: &NodeId) -> bool {
        self.serving.contains(peer)
    }

    fn may_ask(&mut self, peer: NodeId, now: u64) -> bool {
        self.asked.retain(|_, (since, _)| now.saturating_sub(*since) < TIME);
        let (_, count) = self.asked.entry(peer).or_insert((now, 0));
        *count = count.saturating_add(1);
        *count <= MOST
    }
}

/// Tells every connected peer what it was not told yet.
pub(super) fn tell_peers(net: &Arc<Inner>) {
    let links = net.links();
    let mut peers = lock(&net.lookup.peers);
    peers.told.retain(|node, _| links.iter().any(|link| link.node == *node));
    peers.serving.retain(|node| links.iter().any(|link| link.node == *node));
    let version = peers.version;
    for link in links {
        if peers.told.get(&link.node) != Some(&(link.id, version)) {
            peers.told.insert(link.node, (link.id, version));
            net.spawn(tell(net.clone(), link));
        }
    }
}

async fn tell(net: Arc<Inner>, link: Arc<Link>) {
    for _ in 0..TELL_TRIES {
        let told = async {
            let header = LookupRequest::Tell {
                card: Box::new(net.lookup.card()),
            }
            .to_bytes();
            let (_send, mut recv) = link.open_request(&header).await.ok()?;
            let frame = recv.read_frame(MAX_REQUEST).await.ok()??;
            Card::from_bytes(&frame).ok()
        };
        if let Ok(Some(card)) = timeout(ANSWER, told).await {
            return hear(&net, &link, card);
        }
        // A connection that has only just begun, or a peer of an older version.
        tokio::time::sleep(TELL_AGAIN).await;
    }
}

/// Takes in a peer's card. It speaks for itself and its own user only.
fn hear(net: &Arc<Inner>, link: &Link, card: Card) {
    let own = [Subject::Device(link.node), Subject::User(link.user)];
    for record in [card.device, card.user].into_iter().flatten() {
        if own.contains(&record.subject) {
            net.lookup.take(record, Source::Itself);
        }
    }
    let news = match card.dht_port {
        Some(_) => lock(&net.lookup.peers).serving.insert(link.node),
        None => lock(&net.lookup.peers).serving.remove(&link.node),
    };
    if news {
        net.lookup.wake.notify_one();
    }
    let from = path_of(&link.conn, &net.doors).1;
    if let (Some(port), Some(from)) = (card.dht_port, from)
        && net.lookup.dht.told(SocketAddr::new(from.ip(), port))
    {
        debug!(peer = %link.node.short(), port, "a peer is a node of the DHT");
        net.lookup.nodes_learnt();
    }
}

/// Answers a peer.
pub(crate) async fn answer(net: Arc<Inner>, link: Arc<Link>, request: LookupRequest, mut send: RequestSend) {
    if !lock(&net.lookup.peers).may_ask(link.node, net.lookup.now()) {
        return;
    }
    let answer = match request {
        LookupRequest::Tell { card } => {
            hear(&net, &link, *card);
            net.lookup.card().to_bytes()
        }
        LookupRequest::Find { subject } => net.lookup.known(subject).to_bytes(),
    };
    if send.write_frame(&answer).await.is_ok() {
        send.finish();
    }
}

impl State {
    /// What this node would answer to `Find`.
    fn known(&self, subject: Subject) -> Found {
        let card = self.card();
        let own = [card.device, card.user].into_iter().flatten();
        let own: Vec<SignedRecord> = own.collect();
        let book = lock(&self.book);
        let of = |subject: &Subject| {
            let mine = own.iter().find(|record| record.subject == *subject);
            mine.or_else(|| book.get(subject).map(|known| &known.record)).cloned()
        };
        let mut devices = Vec::new();
        if let Subject::User(user) = &subject {
            let listed = match lock(&self.me).user.as_ref() {
                Some((me, _, list)) if me.subject == subject => list.devices.clone(),
                _ => book
                    .devices(user)
                    .map(|(_, list)| list.devices.clone())
                    .unwrap_or_default(),
            };
            devices.extend(listed.iter().filter_map(|listed| of(&Subject::Device(listed.node))));
            devices.truncate(MAX_FOUND);
        }
        Found {
            record: of(&subject),
            devices,
        }
    }
}

/// What connected peers said of themselves and their users.
pub(super) fn records_of_peers(net: &Inner) -> Vec<SignedRecord> {
    let mut subjects = BTreeSet::new();
    for link in net.links() {
        subjects.extend([Subject::Device(link.node), Subject::User(link.user)]);
    }
    let book = lock(&net.lookup.book);
    let record = |subject| Some(book.get(subject)?.record.clone());
    subjects.iter().filter_map(record).collect()
}

/// Asks connected peers where a subject is. Answers how many were asked, how many answered, and how many knew something.
pub(super) async fn ask_peers(
    net: &Arc<Inner>,
    subject: Subject,
    mut found: impl FnMut(SignedRecord, Source),
) -> (usize, usize, usize) {
    let mut links = net.links();
    links.retain(|link| Subject::Device(link.node) != subject);
    // Those whose answers came fastest so far.
    links.sort_by_cached_key(|link| path_of(&link.conn, &net.doors).2.map(|rtt_ms| (rtt_ms * 1000.0) as u64));
    links.truncate(MOST_ASKED);
    let header = LookupRequest::Find { subject }.to_bytes();
    let asked = links.len();
    let mut questions = tokio::task::JoinSet::new();
    for link in links {
        let header = header.clone();
        questions.spawn(async move {
            let asked = async {
                let (_send, mut recv) = link.open_request(&header).await.ok()?;
                let frame = recv.read_frame(MAX_ANSWER).await.ok()??;
                Found::from_bytes(&frame).ok()
            };
            (link.node, timeout(ANSWER, asked).await.ok().flatten())
        });
    }
    let (mut answers, mut good) = (0, 0);
    while let Some(answered) = questions.join_next().await {
        let Ok((peer, Some(answer))) = answered else { continue };
        answers += 1;
        good += usize::from(answer.record.is_some() || !answer.devices.is_empty());
        let wanted = |record: &SignedRecord| match subject {
            Subject::Device(_) => record.subject == subject,
            Subject::User(_) => record.subject == subject || matches!(record.subject, Subject::Device(_)),
        };
        for record in answer.record.into_iter().chain(answer.devices).filter(wanted) {
            found(record, Source::Peer(peer));
        }
    }
    (asked, answers, good)
}
