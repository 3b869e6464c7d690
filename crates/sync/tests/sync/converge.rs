//! Nothing is lost, everything arrives, causes come first.

use crate::world::{Rng, WIDGET, World, pseudonym};
use hedgerow_sync::{Effect, Input, SpaceConfig, SpaceKind};

/// Three people in an invited space, not connected.
fn three(seed: u64) -> (World, hedgerow_base::SpaceId) {
    let mut w = World::new(seed, &[0, 1, 2]);
    let space = w.create(0);
    let invite = w.invite(0, space);
    w.join(1, &invite);
    w.join(2, &invite);
    (w, space)
}

#[test]
fn both_sides_write_while_apart_and_then_have_the_same() {
    for seed in 0..20 {
        let (mut w, space) = three(seed);
        for _ in 0..30 {
            let node = w.rng.below(2);
            w.write(node, space).unwrap();
        }
        w.connect(0, 1);
        w.run(5_000);
        w.assert_equal(&[0, 1], space);
        assert_eq!(w.updates(0, space).len(), 30);
        w.assert_nobody_blamed();
    }
}

#[test]
fn an_update_passes_along_a_chain_while_everybody_is_connected() {
    let (mut w, space) = three(1);
    w.connect(0, 1);
    w.connect(1, 2);
    w.run(2_000);
    w.append(0, space, b"hello").unwrap();
    w.run(200);
    assert!(w.has(2, space, b"hello"), "it did not arrive before any digest was due");
    w.append(2, space, b"back").unwrap();
    w.run(200);
    assert!(w.has(0, space, b"back"));
    assert_eq!(w.nodes[0].persisted, w.nodes[2].persisted);
    w.assert_equal(&[0, 1, 2], space);
}

#[test]
fn a_third_gets_everything_from_the_second_while_the_first_is_off() {
    let (mut w, space) = three(2);
    w.connect(0, 1);
    for _ in 0..10 {
        w.write(0, space).unwrap();
    }
    w.run(2_000);
    w.kill(0);
    w.connect(1, 2);
    w.run(2_000);
    assert_eq!(w.updates(2, space).len(), 10);
    w.assert_equal(&[1, 2], space);
}

#[test]
fn what_is_acknowledged_survives_a_crash_and_nothing_is_sent_twice_after_it() {
    let (mut w, space) = three(3);
    w.connect(0, 1);
    w.run(1_000);
    for i in 0..50u8 {
        w.append(0, space, &[i]).unwrap();
    }
    w.restart(0);
    assert_eq!(w.bodies(0, space).len(), 50);
    w.append(0, space, b"after").unwrap();
    w.connect(0, 1);
    w.run(2_000);
    assert_eq!(w.bodies(1, space).len(), 51);
    w.assert_equal(&[0, 1], space);
    w.assert_nobody_blamed();
}

#[test]
fn an_update_is_stored_before_it_is_delivered_acknowledged_or_sent() {
    let (mut w, space) = three(4);
    w.connect(0, 1);
    w.run(1_000);
    let mut out = Vec::new();
    let now = w.now;
    w.core(0).handle(
        now,
        Input::Append {
            space,
            request: 1,
            body: b"x".to_vec(),
        },
        &mut out,
    );
    let at = |f: fn(&Effect) -> bool| out.iter().position(f).unwrap();
    let stored = at(|e| matches!(e, Effect::Persist { .. }));
    let delivered = at(|e| matches!(e, Effect::Deliver { own: true, .. }));
    let told = at(|e| matches!(e, Effect::Appended { .. }));
    let sent = at(|e| matches!(e, Effect::Send { .. }));
    assert!(stored < delivered && delivered < told && told < sent);
}

/// Many nodes, random links that break, crashes, writes: at the end all have the same.
fn storm(seed: u64, nodes: usize, steps: usize) {
    let users: Vec<usize> = (0..nodes).collect();
    let mut w = World::new(seed, &users);
    let space = w.create(0);
    let invite = w.invite(0, space);
    for node in 1..nodes {
        w.join(node, &invite);
    }
    let mut written = 0;
    for _ in 0..steps {
        let (a, b) = (w.rng.below(nodes), w.rng.below(nodes));
        match w.rng.below(10) {
            0..=3 => written += usize::from(w.write(a, space).is_ok()),
            4..=5 => w.connect(a, b),
            6 => w.disconnect(a, b),
            7 if w.rng.below(4) == 0 => w.restart(a),
            _ => {
                let ms = w.rng.next() % 300;
                w.run(ms);
            }
        }
    }
    for node in 1..nodes {
        w.connect(node - 1, node);
    }
    w.run(120_000);
    let all: Vec<usize> = (0..nodes).collect();
    w.assert_equal(&all, space);
    assert_eq!(w.updates(0, space).len(), written, "seed {seed}");
    w.assert_nobody_blamed();
}

#[test]
fn causes_come_first_and_all_converge_under_random_links_crashes_and_delays() {
    for seed in 0..60 {
        println!("seed {seed}");
        storm(seed, 2 + (seed as usize % 5), 150);
    }
}

#[test]
fn two_devices_of_one_user_are_one_member_of_a_private_space() {
    let mut w = World::new(5, &[0, 0, 1]);
    let make =
        |rng: &mut Rng, user: usize| SpaceConfig::private(WIDGET, pseudonym(user), [1; 32], [2; 32], rng.bytes());
    let (a, b) = (make(&mut w.rng, 0), make(&mut w.rng, 0));
    let space = w.open(0, &a);
    assert_eq!(w.open(1, &b), space);
    w.connect(0, 1);
    w.append(0, space, b"one").unwrap();
    w.append(1, space, b"two").unwrap();
    w.run(2_000);
    w.assert_equal(&[0, 1], space);
    let members = w.core(0).members(&space);
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].logs.len(), 2);
    // Somebody else with the key is still nobody.
    let stranger = SpaceConfig::private(WIDGET, pseudonym(0), [1; 32], [2; 32], w.rng.bytes());
    assert_eq!(w.open(2, &stranger), space);
    assert_eq!(w.core(0).genesis(&space).unwrap().kind, SpaceKind::Private);
    w.connect(0, 2);
    w.run(2_000);
    assert!(w.updates(2, space).is_empty());
    assert!(
        w.nodes[2]
            .events
            .iter()
            .any(|e| matches!(e, Effect::PeerRefused { .. }))
    );
}

#[test]
fn ten_thousand_updates_catch_up_and_are_sent_once() {
    let (mut w, space) = three(6);
    w.causal = false;
    w.connect(0, 1);
    w.run(1_000);
    for i in 0..5_000u32 {
        w.append(0, space, &i.to_be_bytes()).unwrap();
        w.append(1, space, &i.to_be_bytes()).unwrap();
        if i % 100 == 0 {
            w.run(100);
        }
    }
    w.run(5_000);
    w.assert_equal(&[0, 1], space);
    w.kill(0);
    w.bytes_sent = 0;
    let size: usize = w.nodes[1].store[&space].entries.iter().map(|e| e.2.len()).sum();
    w.connect(1, 2);
    w.run(10_000);
    assert_eq!(w.updates(2, space).len(), 10_000);
    assert!(
        w.bytes_sent < size + size / 10 + 10_000,
        "{} bytes for {size}",
        w.bytes_sent
    );
    w.assert_equal(&[1, 2], space);
    w.restart(1);
    w.assert_equal(&[1, 2], space);
}

#[test]
fn quiet_neighbours_exchange_only_digests() {
    let (mut w, space) = three(7);
    w.connect(0, 1);
    for _ in 0..100 {
        w.append(0, space, &[1; 1000]).unwrap();
    }
    w.run(5_000);
    w.bytes_sent = 0;
    w.run(600_000);
    assert!(w.bytes_sent < 20_000, "{} bytes in ten idle minutes", w.bytes_sent);
    w.assert_equal(&[0, 1], space);
}

#[test]
fn live_messages_reach_all_who_are_here_once_and_are_not_stored() {
    let (mut w, space) = three(8);
    w.connect(0, 1);
    w.connect(1, 2);
    w.connect(2, 0);
    w.run(2_000);
    let stored = w.nodes[1].persisted;
    w.handle(
        0,
        Input::Live {
            space,
            body: b"wave".to_vec(),
        },
    );
    w.handle(
        0,
        Input::Live {
            space,
            body: b"wave".to_vec(),
        },
    );
    w.run(1_000);
    for node in [1, 2] {
        let expected = vec![(pseudonym(0), b"wave".to_vec()); 2];
        assert_eq!(w.nodes[node].live, expected);
    }
    assert!(w.nodes[0].live.is_empty());
    assert_eq!(w.nodes[1].persisted, stored);
    w.assert_nobody_blamed();
}

#[test]
fn presence_follows_connections_and_open_spaces() {
    let (mut w, space) = three(9);
    w.connect(0, 1);
    w.run(1_000);
    assert_eq!(w.nodes[0].here.len(), 1);
    assert_eq!(w.core(0).present(&space), [(w.nodes[1].id, pseudonym(1))]);
    w.handle(1, Input::CloseSpace { space });
    w.run(1_000);
    assert!(w.nodes[0].here.is_empty());
    w.restart(1);
    w.connect(0, 1);
    w.run(1_000);
    assert_eq!(w.nodes[0].here.len(), 1);
    w.disconnect(0, 1);
    assert!(w.nodes[0].here.is_empty() && w.nodes[1].here.is_empty());
}

#[test]
fn a_space_that_is_opened_again_while_connected_goes_on() {
    let (mut w, space) = three(10);
    w.connect(0, 1);
    w.run(1_000);
    let config = SpaceConfig::from_bytes(&w.nodes[1].store[&space].config).unwrap();
    w.append(0, space, b"before").unwrap();
    w.run(1_000);
    w.reopen(1, &config);
    w.run(1_000);
    w.append(0, space, b"after").unwrap();
    w.append(1, space, b"mine").unwrap();
    w.run(1_000);
    assert!(w.has(1, space, b"after") && w.has(0, space, b"mine"));
    assert_eq!(w.nodes[0].here.len(), 1);
    w.assert_nobody_blamed();
}
