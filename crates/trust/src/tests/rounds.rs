//! Rounds of the exchange between nodes on virtual time (W19, W21).

use crate::rounds::{Effect, Input, ROUND_MS, Rounds};
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec, vec::Vec};
use hedgerow_base::{NodeId, PersonId, RecordId, SecretKey, WidgetId};
use hedgerow_wire::directory::{Installs, Record, Round, Said, Used, What};

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}
fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}
fn person(n: u8) -> PersonId {
    key(n).public().into()
}
fn widget(n: u8) -> WidgetId {
    WidgetId([n; 16])
}
/// What the person of key `by` has, as told by node `on`.
fn record(by: u8, on: u8, revision: u64, widgets: &[u8]) -> Vec<u8> {
    let used = widgets.iter().map(|n| Used {
        widget: widget(*n),
        sequence: 1,
    });
    let what = What::Installs(Installs {
        node: node(on),
        used: used.collect(),
    });
    let said = Said::new(person(by), revision, String::from("somebody"), 5, what);
    Record::say(said, &key(by)).unwrap().to_bytes()
}
fn mine(rounds: &mut Rounds, record: Option<Vec<u8>>, widgets: &[u8]) {
    let used = widgets.iter().map(|n| widget(*n)).collect();
    rounds.handle(0, Input::Mine { record, used }, &mut Vec::new());
}

struct World {
    nodes: BTreeMap<NodeId, Rounds>,
    now: u64,
    rounds: usize,
    given: Vec<(NodeId, RecordId)>,
    blamed: Vec<NodeId>,
}

impl World {
    fn new(count: u8) -> Self {
        let one = |n: u8| {
            let mut rounds = Rounds::new(u64::from(n));
            mine(&mut rounds, Some(record(n, n, 1, &[n, 100])), &[n, 100]);
            (node(n), rounds)
        };
        Self {
            nodes: (1..=count).map(one).collect(),
            now: 1_000_000,
            rounds: 0,
            given: Vec::new(),
            blamed: Vec::new(),
        }
    }
    fn input(&mut self, to: NodeId, input: Input) {
        let mut effects = Vec::new();
        self.nodes.get_mut(&to).unwrap().handle(self.now, input, &mut effects);
        self.carry_out(to, effects);
    }
    fn carry_out(&mut self, from: NodeId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send {
                    peer,
                    round,
                    certificates,
                } => {
                    self.rounds += 1;
                    assert!(self.rounds < 10_000, "they never stop talking");
                    self.given.extend(certificates.into_iter().map(|id| (peer, id)));
                    if self.nodes.contains_key(&peer) {
                        self.input(peer, Input::Round { peer: from, round });
                    }
                }
                Effect::Misbehaved { peer, .. } => self.blamed.push(peer),
                Effect::Met { .. } | Effect::Forget { .. } | Effect::Certificates { .. } => {}
            }
        }
    }
    fn connect(&mut self, a: u8, b: u8, network: &[u8]) {
        for (to, peer, begin) in [(b, a, false), (a, b, true)] {
            let connected = Input::Connected {
                peer: node(peer),
                network: network.to_vec(),
                begin,
            };
            self.input(node(to), connected);
        }
    }
    fn tick(&mut self, ms: u64) {
        self.now += ms;
        let all: Vec<NodeId> = self.nodes.keys().copied().collect();
        for node in all {
            let mut effects = Vec::new();
            self.nodes
                .get_mut(&node)
                .unwrap()
                .handle_timeout(self.now, &mut effects);
            self.carry_out(node, effects);
        }
    }
}

#[test]
fn who_connects_learns_what_the_other_has_and_both_count_each_other_once() {
    let mut world = World::new(2);
    world.connect(1, 2, &[]);
    for n in [1, 2] {
        let (people, counts) = world.nodes[&node(n)].own();
        assert_eq!(people, 2);
        assert_eq!(counts[&widget(100)], 2);
        assert_eq!(counts[&widget(3 - n)], 1);
    }
    assert_eq!(world.rounds, 2, "one there and one back");
}

#[test]
fn what_was_met_is_reported_to_the_next_one() {
    let mut world = World::new(3);
    world.connect(1, 2, &[]);
    world.connect(2, 3, &[]);
    let third = &world.nodes[&node(3)];
    let (own, reports) = third.reports(&[widget(1), widget(100)], |_| 1.0);
    assert_eq!((own.seen, own.installs), (2, vec![0, 2]));
    assert_eq!((reports[0].seen, reports[0].installs.clone()), (2, vec![1, 2]));
}

#[test]
fn a_change_is_told_to_connected_peers_soon_and_not_at_every_click() {
    let mut world = World::new(2);
    world.connect(1, 2, &[]);
    let before = world.rounds;
    for revision in 2..10 {
        mine(
            world.nodes.get_mut(&node(1)).unwrap(),
            Some(record(1, 1, revision, &[7])),
            &[7],
        );
    }
    assert!(world.nodes[&node(1)].poll_timeout().unwrap() < ROUND_MS);
    world.tick(2_000);
    assert_eq!(world.rounds - before, 1);
    assert_eq!(world.nodes[&node(2)].own().1[&widget(7)], 1);
    assert!(
        !world.nodes[&node(2)].own().1.contains_key(&widget(1)),
        "what is gone is not counted"
    );
}

#[test]
fn attack_23_one_node_that_shows_many_keys_is_one_person() {
    let mut world = World::new(1);
    let connected = Input::Connected {
        peer: node(9),
        network: vec![],
        begin: false,
    };
    world.input(node(1), connected);
    for by in 20..40 {
        let round = Round {
            installs: Some(record(by, 9, 1, &[5]).into()),
            met: 1,
            ..Round::default()
        };
        world.input(
            node(1),
            Input::Round {
                peer: node(9),
                round: Box::new(round),
            },
        );
    }
    let (people, counts) = world.nodes[&node(1)].own();
    assert_eq!((people, counts[&widget(5)]), (2, 1));
}

#[test]
fn attack_24_sources_in_one_network_count_eight_times_at_most() {
    let mut world = World::new(1);
    for n in 20..120 {
        let connected = Input::Connected {
            peer: node(n),
            network: vec![1, 2, 3],
            begin: false,
        };
        world.input(node(1), connected);
        let round = Round {
            installs: Some(record(n, n, 1, &[5]).into()),
            met: 1,
            ..Round::default()
        };
        world.input(
            node(1),
            Input::Round {
                peer: node(n),
                round: Box::new(round),
            },
        );
    }
    let (people, counts) = world.nodes[&node(1)].own();
    assert_eq!((people, counts[&widget(5)]), (9, 8));
    assert!(world.blamed.is_empty());
}

#[test]
fn nobody_says_for_another_node_what_is_installed_there() {
    let mut world = World::new(1);
    world.input(
        node(1),
        Input::Connected {
            peer: node(9),
            network: vec![],
            begin: false,
        },
    );
    let round = Round {
        installs: Some(record(20, 8, 1, &[5]).into()),
        met: 1,
        ..Round::default()
    };
    world.input(
        node(1),
        Input::Round {
            peer: node(9),
            round: Box::new(round),
        },
    );
    assert_eq!(world.nodes[&node(1)].own().0, 1);
    assert_eq!(world.blamed, [node(9)]);
}

#[test]
fn rounds_that_come_too_fast_are_charged_and_not_looked_at() {
    let mut world = World::new(1);
    world.input(
        node(1),
        Input::Connected {
            peer: node(9),
            network: vec![],
            begin: false,
        },
    );
    for revision in 1..60 {
        let round = Round {
            installs: Some(record(9, 9, revision, &[5]).into()),
            met: 1,
            ..Round::default()
        };
        world.input(
            node(1),
            Input::Round {
                peer: node(9),
                round: Box::new(round),
            },
        );
    }
    assert!(!world.blamed.is_empty());
}

#[test]
fn a_certificate_that_the_other_lacks_is_flagged_pulled_and_given() {
    let mut world = World::new(2);
    let id = RecordId([7; 32]);
    world.input(node(2), Input::Certificate { id, by: person(50) });
    for n in 0..40u8 {
        // Both have these.
        let (id, by) = (RecordId([100 + n; 32]), person(51));
        world.input(node(1), Input::Certificate { id, by });
        world.input(node(2), Input::Certificate { id, by });
    }
    world.connect(1, 2, &[]);
    assert!(world.given.contains(&(node(1), id)));
    assert!(world.blamed.is_empty());
}

#[test]
fn what_was_said_a_month_ago_is_forgotten() {
    let mut world = World::new(2);
    world.connect(1, 2, &[]);
    world.tick(31 * 24 * 3600 * 1000);
    world.tick(ROUND_MS);
    let forgotten = world.nodes[&node(1)]
        .met(&person(2))
        .is_none_or(|met| met.at_ms > 2_000_000);
    assert!(forgotten);
}

#[test]
fn a_node_that_does_not_tell_what_it_has_is_not_counted_and_hears_all_the_same() {
    let mut world = World::new(2);
    mine(world.nodes.get_mut(&node(1)).unwrap(), None, &[1]);
    world.connect(1, 2, &[]);
    assert_eq!(world.nodes[&node(2)].own().0, 1);
    assert_eq!(world.nodes[&node(1)].own().0, 2);
}
