use super::*;
use crate::bounds::{UNKEPT, WANT_MS};
use hedgerow_wire::overlay::{Item, Tag};
use proptest::prelude::*;
use std::format;

fn announce(envelope: &Envelope) -> OverlayFrame {
    let id = envelope.unseal().unwrap().id;
    let items = vec![Item {
        tag: Tag::from(&id),
        size: envelope.as_bytes().len() as u32,
        hops: 1,
    }];
    OverlayFrame::Announce { handle: 1, items }
}

#[test]
fn a_silent_announcer_is_asked_once_and_then_another() {
    let mut net = Net::new(1, &Rules::default());
    let (silent, good) = (net.intruder(7), net.intruder(8));
    let message = forge(Some(9), 1, b"here");
    silent.send(&mut net, announce(&message));
    good.send(&mut net, announce(&message));
    net.pass(200);
    let wants = |net: &Net, of: &Intruder| {
        let sent = net.sent_to(of.node);
        sent.iter()
            .filter(|frame| matches!(frame, OverlayFrame::Want { .. }))
            .count()
    };
    assert_eq!((wants(&net, &silent), wants(&net, &good)), (1, 0));
    net.pass(WANT_MS);
    assert_eq!((wants(&net, &silent), wants(&net, &good)), (1, 1));
    let frame = OverlayFrame::Push {
        handle: 1,
        wanted: true,
        hops: 1,
        age_ms: 5,
        envelope: message,
    };
    good.send(&mut net, frame);
    assert_eq!(net.delivered(0), ["here"]);
    assert!(net.charged(0).is_empty(), "silence cannot be proven");
}

#[test]
fn a_link_that_never_keeps_its_word_is_ended_and_not_charged() {
    let mut net = Net::new(1, &Rules::default());
    let liar = net.intruder(7);
    for seq in 0..u64::from(UNKEPT) + 2 {
        liar.send(&mut net, announce(&forge(Some(9), seq, b"never")));
        net.pass(4 * WANT_MS);
    }
    assert!(net.cores[0].links(&APP).is_empty());
    assert!(net.charged(0).is_empty());
    assert_eq!(net.cores[0].size().wanted, 0);
}

#[test]
fn what_a_lost_link_was_asked_for_is_asked_of_others_at_once() {
    let mut net = Net::new(1, &Rules::default());
    let (leaving, good) = (net.intruder(7), net.intruder(8));
    let message = forge(Some(9), 1, b"here");
    leaving.send(&mut net, announce(&message));
    good.send(&mut net, announce(&message));
    net.pass(100);
    let peer = leaving.node;
    net.give(0, Input::Disconnected { peer });
    net.pass(1);
    let wanted = net.sent_to(good.node);
    assert!(wanted.iter().any(|frame| matches!(frame, OverlayFrame::Want { .. })));
}

#[test]
fn rules_that_change_take_back_what_was_checked_by_the_old_ones() {
    let mut net = Net::new(1, &Rules::default());
    let (one, two) = (net.intruder(7), net.intruder(8));
    one.push(&mut net, forge(Some(9), 1, b"loud"));
    let config = config(0, rules("filter = '^[a-k]*$'"));
    net.give(0, Input::Open { app: APP, config });
    let rules = net.sent_to(two.node);
    assert!(rules.iter().any(|frame| matches!(frame, OverlayFrame::Rules { .. })));
    net.told.clear();
    let tags = vec![Tag::from(&forge(Some(9), 1, b"loud").unseal().unwrap().id)];
    two.send(&mut net, OverlayFrame::Want { handle: 1, tags });
    assert!(net.sent_to(two.node).is_empty(), "it would be charged for that");
}

#[test]
fn a_peer_that_was_cut_off_is_not_let_in_until_it_is_forgiven() {
    let mut net = Net::new(1, &Rules::default());
    let intruder = net.intruder(7);
    for byte in 0..6 {
        intruder.push(&mut net, Envelope::from_bytes(&[0xff, byte]).unwrap());
    }
    assert_eq!(net.cut().len(), 1);
    let again = net.intruder(7);
    again.push(&mut net, forge(Some(9), 1, b"me again"));
    assert!(net.delivered(0).is_empty());
    net.pass(60 * crate::FORGIVE_MS);
    let again = net.intruder(7);
    again.push(&mut net, forge(Some(9), 2, b"sorry"));
    assert_eq!(net.delivered(0), ["sorry"]);
}

/// Frames of all kinds with fields that make little sense.
fn any_frame() -> impl Strategy<Value = OverlayFrame> {
    let handle = 0u32..4;
    let tag = any::<[u8; 16]>().prop_map(Tag);
    let here = (any::<u8>(), 0u32..3, any::<u32>()).prop_map(|(app, handle, credit)| hedgerow_wire::overlay::Here {
        app: AppId([app % 9; 32]),
        handle,
        rules: [app; 32],
        credit,
        who: None,
    });
    let envelope = (
        any::<u64>(),
        prop::collection::vec(any::<u8>(), 0..200),
        prop::option::of(9u8..12),
    )
        .prop_map(|(seq, body, by)| forge(by, seq, &body));
    prop_oneof![
        here.clone().prop_map(OverlayFrame::Link),
        here.prop_map(OverlayFrame::Linked),
        Just(OverlayFrame::Pull(APP)),
        (any::<u8>(), any::<bool>(), any::<u8>(), any::<u32>(), envelope.clone()).prop_map(
            |(handle, wanted, hops, age_ms, envelope)| OverlayFrame::Push {
                handle: u32::from(handle % 3),
                wanted,
                hops,
                age_ms: age_ms % 100_000,
                envelope,
            }
        ),
        (
            handle.clone(),
            prop::collection::vec((tag.clone(), any::<u32>(), any::<u8>()), 0..20)
        )
            .prop_map(|(handle, items)| OverlayFrame::Announce {
                handle,
                items: items
                    .into_iter()
                    .map(|(tag, size, hops)| Item { tag, size, hops })
                    .collect(),
            }),
        (handle.clone(), prop::collection::vec(tag, 0..20))
            .prop_map(|(handle, tags)| OverlayFrame::Want { handle, tags }),
        (handle, any::<u64>()).prop_map(|(handle, total)| OverlayFrame::Credit { handle, total }),
        (any::<Option<u64>>(), envelope.clone()).prop_map(|(request, envelope)| OverlayFrame::Direct {
            app: APP,
            request,
            envelope,
        }),
        (any::<u64>(), envelope).prop_map(|(request, envelope)| OverlayFrame::Reply { request, envelope }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever peers send, a core neither panics nor grows without bound, and it delivers only what is signed or plain.
    #[test]
    fn hostile_frames_in_any_order_do_no_harm(frames in prop::collection::vec((0usize..3, any_frame(), 0u64..3_000), 1..120)) {
        let mut net = Net::new(2, &Rules::default());
        let intruders: Vec<_> = (7..10).map(|at| net.intruder(at)).collect();
        for (by, frame, ms) in frames {
            intruders[by].send(&mut net, frame);
            net.pass(ms);
        }
        let size = net.cores[0].size();
        prop_assert!(size.links <= 20 && size.wanted <= crate::bounds::MISSING, "{size:?}");
        prop_assert!(net.cut().iter().all(|(_, peer)| *peer != node(1)), "an honest node was cut off");
        net.broadcast(1, say("still here")).unwrap();
        net.pass(10_000);
        prop_assert!(net.delivered(0).iter().any(|body| body == "still here"));
    }

    /// Bytes that are no frames are refused, and nothing panics.
    #[test]
    fn random_and_changed_bytes_are_refused(frame in any_frame(), at in any::<prop::sample::Index>(), byte in any::<u8>(), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut net = Net::new(1, &Rules::default());
        let intruder = net.intruder(7);
        let mut bytes = frame.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let peer = intruder.node;
        net.give(0, Input::Bytes { peer, bytes });
        net.give(0, Input::Bytes { peer, bytes: noise });
        prop_assert!(net.cores[0].size().links <= 2);
    }
}

#[test]
fn the_same_seeds_give_the_same_run() {
    let run = || {
        let mut net = Net::new(10, &Rules::default());
        for at in 0..5 {
            net.broadcast(at, say(&format!("{at}")));
            net.pass(300);
        }
        net.pass(10_000);
        format!("{:?}", net.told)
    };
    assert_eq!(run(), run());
}
