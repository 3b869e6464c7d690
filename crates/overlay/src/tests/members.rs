use super::*;
use crate::{
    bounds::SLOTS,
    chance::Chance,
    view::{Held, View},
};

fn held(id: u32, network: u32) -> Held {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(id.to_be_bytes()).for_each(|(to, byte)| *to = byte);
    bytes[31] = 1;
    let [_, a, b, c] = network.to_be_bytes();
    let address = SocketAddr::from(([20 + a, b, c, (id % 250) as u8 + 1], 4400));
    Held {
        node: NodeId(bytes),
        prefix: Prefix::of(&address),
        addresses: vec![address],
    }
}

#[test]
fn one_network_cannot_fill_a_view_however_many_ids_it_invents() {
    let mut shares = 0;
    for seed in 0..20 {
        let mut view = View::new(&mut Chance::new(&[seed; 32]));
        for id in 0..200 {
            view.offer(&held(id, id));
        }
        for id in 1_000..6_000 {
            view.offer(&held(id, 0x10_0000 + id % 4));
        }
        let members = view.members();
        let hostile = members
            .iter()
            .filter(|held| held.node.0[..4] >= 1_000u32.to_be_bytes()[..])
            .count();
        shares += hostile;
    }
    // 4 networks of 204: a fiftieth of 20 views of 24 slots.
    assert!(shares <= 24, "{shares} of {} slots", 20 * SLOTS);
}

#[test]
fn a_view_is_a_uniform_sample_whoever_is_named_most_often() {
    let mut counts = [0u32; 100];
    for seed in 0..200u8 {
        let mut view = View::new(&mut Chance::new(&[seed; 32]));
        for id in 0..100 {
            for _ in 0..=id % 10 * 5 {
                view.offer(&held(id, id));
            }
        }
        for held in view.members() {
            counts[u32::from_be_bytes(held.node.0[..4].try_into().unwrap()) as usize] += 1;
        }
    }
    let often: u32 = counts.iter().skip(9).step_by(10).sum();
    let all: u32 = counts.iter().sum();
    let share = f64::from(often) / f64::from(all);
    assert!(
        (0.08..0.12).contains(&share),
        "named most often: {share} of all, should be a tenth"
    );
}

#[test]
fn slots_are_refreshed_and_given_back_when_a_member_goes() {
    let mut chance = Chance::new(&[1; 32]);
    let mut view = View::new(&mut chance);
    for id in 0..100 {
        view.offer(&held(id, id));
    }
    let before: Vec<_> = view.members().iter().map(|held| held.node).collect();
    view.refresh(SLOTS, &mut chance);
    assert_eq!(view.empty(), 0, "those who are known fill the new slots");
    let gone = view.members()[0].node;
    view.remove(&gone);
    assert!(!view.has(&gone));
    assert_eq!(view.empty(), 0);
    assert!(before.len() > 10);
}

#[test]
fn members_find_each_other_from_one_contact_and_tell_when_they_come_and_go() {
    let net = Net::new(9, &Rules::default());
    for at in 0..9 {
        let links = net.cores[at].links(&APP).len();
        assert!((2..=8).contains(&links), "member {at} has {links} links");
        let members = net.cores[at].members(&APP).len();
        assert!(
            (6..=8).contains(&members),
            "member {at} has {members} members in its view"
        );
    }
    let mut net = Net::alone(2);
    net.open(0, &Rules::default());
    let mut config = config(1, Rules::default());
    config.known = true;
    net.give(1, Input::Open { app: APP, config });
    let contacts = vec![Contact {
        node: node(0),
        addresses: vec![address(0)],
    }];
    net.give(1, Input::Heard { app: APP, contacts });
    net.pass(20_000);
    let presence = |net: &Net| -> Vec<_> {
        let of = net.told.iter().filter(|(at, _)| *at == 0);
        of.filter_map(|(_, effect)| match effect {
            Effect::Presence { peer, who, there, .. } => Some((*peer, *who, *there)),
            _ => None,
        })
        .collect()
    };
    assert_eq!(presence(&net), [(node(1), Some(who(2)), true)]);
    net.give(1, Input::Close { app: APP });
    assert_eq!(presence(&net).last(), Some(&(node(1), Some(who(2)), false)));
    assert!(net.cores[0].links(&APP).is_empty());
}

#[test]
fn asking_for_what_a_node_does_not_speak_costs_nothing() {
    let mut net = Net::new(1, &Rules::default());
    let intruder = net.intruder(7);
    for question in 0..500 {
        let ask = OverlayFrame::Ask {
            question,
            apps: vec![AppId([question as u8; 32]), APP],
            protocols: vec!["teleport/9".into(), "sync/1".into()],
        };
        intruder.send(&mut net, ask);
    }
    assert!(net.charged(0).is_empty());
    let answers = net.sent_to(intruder.node);
    let told = answers.iter().find_map(|frame| match frame {
        OverlayFrame::Told { here, protocols, .. } => Some((here.len(), protocols.clone())),
        _ => None,
    });
    assert_eq!(told, Some((1, vec!["sync/1".into()])));
    assert!(
        answers.len() < 100,
        "questions are answered at a bounded rate: {}",
        answers.len()
    );
    // A frame of a later version is skipped.
    let peer = intruder.node;
    let bytes = vec![0x82, 0x18, 99, 0x80];
    net.give(0, Input::Bytes { peer, bytes });
    assert!(net.charged(0).is_empty());
}

#[test]
fn a_node_asks_a_peer_what_it_speaks() {
    let mut net = Net::alone(2);
    net.open(1, &Rules::default());
    net.connect(0, 1);
    let ask = Input::Ask {
        peer: node(1),
        request: 4,
        apps: vec![APP, AppId([1; 32])],
        protocols: vec!["sync/1".into(), "x/1".into()],
    };
    net.give(0, ask);
    let speaks = net.told.iter().find_map(|(_, effect)| match effect {
        Effect::Speaks {
            request,
            apps,
            protocols,
            ..
        } => Some((*request, apps.clone(), protocols.clone())),
        _ => None,
    });
    assert_eq!(speaks, Some((4, vec![APP], vec!["sync/1".into()])));
}

#[test]
fn an_app_at_rest_sends_next_to_nothing() {
    let mut net = Net::new(8, &Rules::default());
    net.pass(3_600_000);
    net.told.clear();
    net.pass(3_600_000);
    let frames = net
        .told
        .iter()
        .filter(|(at, effect)| *at == 0 && matches!(effect, Effect::Send { .. }))
        .count();
    assert!(frames < 80, "{frames} frames in an hour");
}

#[test]
fn loopback_peers_count_one_by_one_and_public_ones_by_network() {
    let prefix = |text: &str| Prefix::of(&text.parse().unwrap());
    assert_eq!(prefix("20.1.2.3:1"), prefix("20.1.2.99:2"));
    assert_ne!(prefix("20.1.2.3:1"), prefix("20.1.3.3:1"));
    assert_eq!(prefix("[2001:db8:1:2::1]:1"), prefix("[2001:db8:1:99::2]:1"));
    assert_ne!(prefix("[2001:db8:1:2::1]:1"), prefix("[2001:db8:2:2::1]:1"));
    assert_ne!(prefix("127.0.0.1:1"), prefix("127.0.0.1:2"));
    assert_ne!(prefix("192.168.1.2:1"), prefix("192.168.1.3:1"));
    assert_eq!(prefix("[::ffff:20.1.2.3]:1"), prefix("20.1.2.3:9"));
}
