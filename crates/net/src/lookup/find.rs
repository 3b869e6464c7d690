//! Finding a node or a user's devices, all ways at once, and saying what each way said.

use super::{Source, exchange, random};
use crate::{error::ConnectError, net::Inner, queue::lock, relay::RelayAt, ticket::Ticket};
use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::lookup::{Place, SignedRecord, Subject};
use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tracing::debug;

/// How long somebody who asked for a node waits at most.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long what is remembered is tried before anybody is asked.
const HEAD_START: Duration = Duration::from_secs(2);
/// How long dials that are under way may go on after every way has said all that it has to say.
const LAST_DIAL: Duration = Duration::from_secs(12);

/// One way to find a node, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `remembered`, `local network`, `peers`, `dht` or `seeds`.
    pub way: &'static str,
    /// In words.
    pub said: String,
}

/// No way led to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// Every way that there is.
    pub ways: Vec<Way>,
    /// The node refused, which no other way changes.
    pub refused: Option<String>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.refused {
            return write!(f, "{why}");
        }
        f.write_str("the node was not reached. Tried")?;
        for (place, way) in self.ways.iter().enumerate() {
            write!(f, "{} {}: {}", if place == 0 { ":" } else { ";" }, way.way, way.said)?;
        }
        f.write_str(". Is it running? Ask its owner for a fresh ticket (`hedgerow ticket` there), or try again later")
    }
}

impl std::error::Error for NotFound {}

/// A device that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub node: NodeId,
    /// It is connected now.
    pub connected: bool,
    /// Relays over which it says that it can be reached.
    pub relays: Vec<SocketAddr>,
    /// Addresses at which it says so.
    pub addresses: Vec<SocketAddr>,
    /// Where its record was learnt; none if there is no record.
    pub source: Option<Source>,
    /// How long ago, in milliseconds of this node's steady clock.
    pub learnt_ms_ago: Option<u64>,
    /// When it was made, seconds since 1970 by the device's clock.
    pub made_s: Option<u64>,
    /// Number of the record.
    pub seq: Option<u64>,
}

/// What a search brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindAnswer {
    /// Devices, those with a record first.
    pub devices: Vec<Device>,
    /// What each way said.
    pub ways: Vec<Way>,
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("one {one}"),
        _ => format!("{count} {many}"),
    }
}

/// Asks peers and the DHT at once. News of devices go to `news` as they come.
async fn search(net: &Arc<Inner>, subject: Subject, news: &mpsc::UnboundedSender<NodeId>) -> Vec<Way> {
    let state = &net.lookup;
    state.lookups.fetch_add(1, Ordering::Relaxed);
    let take = |record: SignedRecord, source: Source| {
        let about = record.subject;
        if state.take(record, source)
            && let Subject::Device(node) = about
        {
            let _ = news.send(node);
        }
    };
    let mut from_dht = 0;
    let dht = state.dht.get(subject, |record| {
        from_dht += 1;
        take(record, Source::Dht);
    });
    let ((asked, answered, knew), dht) = tokio::join!(exchange::ask_peers(net, subject, take), dht);
    let peers = match (asked, answered, knew) {
        (0, ..) => "nobody is connected who could be asked".into(),
        (_, 0, _) => format!("{} asked, none answered", counted(asked, "was", "were")),
        (.., 0) => format!("{} asked, none knows it", counted(asked, "was", "were")),
        _ => format!(
            "{} asked, {} it",
            counted(asked, "was", "were"),
            counted(knew, "knows", "know")
        ),
    };
    let dht = match dht {
        Err(error) => error.to_string(),
        Ok(()) if from_dht == 0 => format!("no record among {}", counted(state.dht.table(), "node", "nodes")),
        Ok(()) => format!("{} of it", counted(from_dht, "copy", "copies")),
    };
    let way = |way, said| Way { way, said };
    vec![way("peers", peers), way("dht", dht)]
}

/// Looks a known node up and dials where it says that it is.
pub(super) async fn follow(net: &Arc<Inner>, node: NodeId) {
    let state = &net.lookup;
    let (send, mut news) = mpsc::unbounded_channel();
    let mut any = false;
    let looked_up = search(net, Subject::Device(node), &send);
    tokio::pin!(looked_up);
    let ways = loop {
        tokio::select! {
            Some(found) = news.recv() => {
                any = true;
                use_record(net, found);
            }
            ways = &mut looked_up => break ways,
        }
    };
    while let Ok(found) = news.try_recv() {
        any = true;
        use_record(net, found);
    }
    debug!(peer = %node.short(), ?ways, any, "looked up");
    lock(&state.plan).searched(state.now(), &node, any, random());
}

/// The relays that a record names, with the keys that are known: a record has room for addresses only.
fn relays_of(net: &Inner, node: NodeId, place: &Place) -> Vec<RelayAt> {
    let state = lock(&net.reach);
    let known = state.relays_of(&node);
    let relays = place.relays.iter().map(|at| {
        // Who relays names its own relay.
        let own = place.addresses.contains(at).then(|| RelayAt::of(node, *at));
        own.or_else(|| known.iter().find(|relay| relay.at == *at).copied())
            .unwrap_or_else(|| state.known_as((*at).into()))
    });
    relays.collect()
}

/// A node that is wanted is dialled where its record says.
fn use_record(net: &Inner, node: NodeId) {
    let place = lock(&net.lookup.book).place(&node).map(|(_, place)| place.clone());
    let Some(place) = place else { return };
    let relays = relays_of(net, node, &place);
    lock(&net.reach).remember(node, &relays);
    lock(&net.table).found(&node, &place.addresses, Instant::now());
    net.wake_dialler.notify_one();
}

/// Connects to a node of which nothing is known but its id, or perhaps more.
pub(crate) async fn connect(net: Arc<Inner>, node: NodeId) -> Result<(), NotFound> {
    let state = &net.lookup;
    let mut attempt = Attempt::new(node);
    // What is remembered costs no lookup, as long as somebody answers there.
    attempt.dial(&net, Vec::new(), Vec::new());
    let mut ways = Vec::new();
    let said = match timeout(HEAD_START, attempt.dials.join_next()).await {
        Ok(Some(Ok(Ok(())))) => return Ok(()),
        Ok(Some(Ok(Err(ConnectError::NoAddress)))) => "no address of it is known".into(),
        Ok(Some(Ok(Err(error)))) => match refusal(&error) {
            Some(refused) => return Err(refused),
            None => error.to_string(),
        },
        _ => "no answer where it was before".into(),
    };
    ways.push(Way {
        way: "remembered",
        said,
    });
    ways.push(Way {
        way: "local network",
        said: match net.lan {
            true => "it has not announced itself there".into(),
            false => "switched off (--no-lan)".into(),
        },
    });
    let mine = lock(&state.plan).asked(node);
    let found = attempt.look_and_dial(&net, &mut ways).await;
    if mine {
        lock(&state.plan).searched(state.now(), &node, found.is_ok(), random());
    }
    let Err(last) = found else { return Ok(()) };
    if let Some(refused) = last.as_ref().and_then(refusal) {
        return Err(refused);
    }
    if let Some(error) = last.filter(|error| *error != ConnectError::NoAddress) {
        let said = error.to_string();
        ways.push(Way {
            way: "where it says it is",
            said,
        });
    }
    ways.push(seeds_said(&net));
    Err(NotFound { ways, refused: None })
}

/// The dials of one person who wants one node.
struct Attempt {
    node: NodeId,
    dials: JoinSet<Result<(), ConnectError>>,
}

/// What happens to an attempt.
enum Step {
    Found(NodeId),
    Searched(Vec<Way>),
    Dialled(Result<(), ConnectError>),
}

impl Attempt {
    fn new(node: NodeId) -> Self {
        let dials = JoinSet::new();
        Self { node, dials }
    }

    fn dial(&mut self, net: &Inner, addresses: Vec<SocketAddr>, relays: Vec<RelayAt>) {
        let ticket = Ticket {
            node: self.node,
            addresses,
            relays,
            name: None,
        };
        self.dials.spawn(net.connect(&ticket));
    }

    /// Dials wherever the node is said to be, as soon as it is said.
    async fn look_and_dial(&mut self, net: &Arc<Inner>, ways: &mut Vec<Way>) -> Result<(), Option<ConnectError>> {
        let (send, mut news) = mpsc::unbounded_channel();
        // What peers told before may be what was missing.
        let _ = send.send(self.node);
        let mut deadline = Instant::now() + PATIENCE;
        let looked_up = search(net, Subject::Device(self.node), &send);
        tokio::pin!(looked_up);
        let (mut searching, mut last) = (true, None);
        while searching || !self.dials.is_empty() || !news.is_empty() {
            let step = async {
                tokio::select! {
                    Some(node) = news.recv() => Step::Found(node),
                    said = &mut looked_up, if searching => Step::Searched(said),
                    Some(done) = self.dials.join_next() => Step::Dialled(done.unwrap_or(Err(ConnectError::Closing))),
                }
            };
            match timeout_at(deadline, step).await {
                Ok(Step::Found(node)) => {
                    let place = lock(&net.lookup.book).place(&node).map(|(_, place)| place.clone());
                    if let Some(place) = place {
                        let relays = relays_of(net, node, &place);
                        self.dial(net, place.addresses, relays);
                    }
                }
                Ok(Step::Searched(said)) => {
                    ways.extend(said);
                    searching = false;
                    deadline = deadline.min(Instant::now() + LAST_DIAL);
                }
                Ok(Step::Dialled(Ok(()))) => return Ok(()),
                Ok(Step::Dialled(Err(error))) => last = Some(error),
                Err(_) => return Err(last.or(Some(ConnectError::Unreachable("no answer in time".into())))),
            }
        }
        Err(last)
    }
}

/// Errors that no other way changes.
fn refusal(error: &ConnectError) -> Option<NotFound> {
    let last_word = matches!(
        error,
        ConnectError::Myself
            | ConnectError::Blocked
            | ConnectError::Full
            | ConnectError::Version { .. }
            | ConnectError::OtherProtocol
            | ConnectError::Closing
    );
    last_word.then(|| NotFound {
        ways: Vec::new(),
        refused: Some(error.to_string()),
    })
}

fn seeds_said(net: &Inner) -> Way {
    let said: Vec<String> = lock(&net.lookup.seeds)
        .iter()
        .map(|(name, said)| match said {
            Ok(count) => format!("{name} names {}", counted(*count, "node", "nodes")),
            Err(why) => format!("{name}: {why}"),
        })
        .collect();
    let said = match (said.is_empty(), net.lookup.config.seeds.is_empty()) {
        (false, _) => said.join(", "),
        (true, true) => "none was given (--seed NAME)".into(),
        (true, false) => "not asked, since peers are connected".into(),
    };
    Way { way: "seeds", said }
}

/// Finds what `key` names: a node, or a user's devices.
pub(crate) async fn find(net: Arc<Inner>, key: [u8; 32]) -> FindAnswer {
    let (node, user) = (NodeId(key), UserId(key));
    let (send, mut news) = mpsc::unbounded_channel();
    let (as_node, as_user) = tokio::join!(
        search(&net, Subject::Device(node), &send),
        search(&net, Subject::User(user), &send)
    );
    let mut nodes = BTreeSet::new();
    let listed = lock(&net.lookup.book)
        .devices(&user)
        .map(|(_, list)| list.devices.iter().map(|listed| listed.node).collect::<Vec<_>>());
    let is_user = listed.is_some();
    nodes.extend(listed.into_iter().flatten());
    nodes.extend(
        net.links()
            .iter()
            .filter(|link| link.user == user)
            .map(|link| link.node),
    );
    if lock(&net.lookup.book).place(&node).is_some() || net.links().iter().any(|link| link.node == node) {
        nodes.insert(node);
    }
    // A user's devices whose own records nobody sent along.
    let missing = |node: &NodeId| lock(&net.lookup.book).place(node).is_none();
    let mut searches = JoinSet::new();
    for node in nodes.iter().copied().filter(missing) {
        let (net, send) = (net.clone(), send.clone());
        searches.spawn(async move { search(&net, Subject::Device(node), &send).await });
    }
    while searches.join_next().await.is_some() {}
    drop(send);
    while news.recv().await.is_some() {}
    let mut devices: Vec<Device> = nodes.into_iter().map(|node| device(&net, node)).collect();
    devices.sort_by_key(|device| (!device.connected, device.source.is_none()));
    let mut ways = if is_user { as_user } else { as_node };
    ways.push(seeds_said(&net));
    FindAnswer { devices, ways }
}

fn device(net: &Inner, node: NodeId) -> Device {
    let connected = net.links().iter().any(|link| link.node == node);
    let book = lock(&net.lookup.book);
    let known = book.place(&node);
    Device {
        node,
        connected,
        relays: known.map(|(_, place)| place.relays.clone()).unwrap_or_default(),
        addresses: known.map(|(_, place)| place.addresses.clone()).unwrap_or_default(),
        source: known.map(|(known, _)| known.source),
        learnt_ms_ago: known.map(|(known, _)| net.lookup.now().saturating_sub(known.learnt)),
        made_s: known.map(|(_, place)| place.made_s),
        seq: known.map(|(known, _)| known.record.seq),
    }
}
