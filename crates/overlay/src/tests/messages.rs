use super::*;
use crate::SendError;

#[test]
fn a_broadcast_reaches_every_member_once() {
    let mut net = Net::new(12, &Rules::default());
    net.broadcast(3, say("hello")).unwrap();
    net.pass(5_000);
    for at in 0..12 {
        let expected: &[&str] = if at == 3 { &[] } else { &["hello"] };
        assert_eq!(net.delivered(at), expected, "member {at}");
    }
    assert_eq!(net.received(0)[0].message.header.signer, Some(who(4)));
}

#[test]
fn what_is_said_before_anybody_is_found_is_heard_by_who_is_found_then() {
    let mut net = Net::alone(3);
    for at in 0..3 {
        net.open(at, &Rules::default());
    }
    net.broadcast(1, say("anybody?")).unwrap();
    let contacts = vec![Contact {
        node: node(0),
        addresses: vec![address(0)],
    }];
    for at in 1..3 {
        let contacts = contacts.clone();
        net.give(at, Input::Heard { app: APP, contacts });
    }
    assert_eq!(net.delivered(0), ["anybody?"], "at once, without waiting for a round");
    net.pass(5_000);
    assert_eq!(net.delivered(2), ["anybody?"]);
}

#[test]
fn a_large_message_is_announced_and_fetched() {
    let mut net = Net::new(6, &Rules::default());
    net.broadcast(0, say(&"x".repeat(10_000))).unwrap();
    net.pass(5_000);
    let pushed = net.told.iter().filter(|(_, effect)| match effect {
        Effect::Send {
            frame: OverlayFrame::Push { wanted, .. },
            ..
        } => {
            assert!(*wanted, "a large message was pushed unasked");
            true
        }
        _ => false,
    });
    assert_eq!(pushed.count(), 5, "everybody fetches it once");
    assert!((1..6).all(|at| net.delivered(at).len() == 1));
}

#[test]
fn an_app_that_breaks_its_own_rules_is_told_and_nothing_leaves() {
    let mut net = Net::new(2, &rules("max_bytes = 5\nsigned_only = true\nfilter = '^[a-z]*$'"));
    let mut refused = |message: Outgoing| {
        net.told.clear();
        let sent = net.broadcast(0, message);
        assert_eq!(sent, None);
        assert!(net.delivered(1).is_empty());
        net.told.iter().find_map(|(_, effect)| match effect {
            Effect::NotSent { why, .. } => Some(why.clone()),
            _ => None,
        })
    };
    assert_eq!(refused(say("sixsix")), Some(SendError::TooLarge { len: 6, max: 5 }));
    let unsigned = Outgoing {
        signed: false,
        ..say("abc")
    };
    assert_eq!(refused(unsigned), Some(SendError::NotSigned));
    assert!(matches!(refused(say("ABC")), Some(SendError::Filtered { .. })));
    for _ in 0..10 {
        assert!(net.broadcast(0, say("abc")).is_some());
    }
    net.told.clear();
    assert_eq!(net.broadcast(0, say("abc")), None);
    let too_fast = |effect: &Effect| matches!(effect, Effect::NotSent { why: SendError::TooFast { wait_ms }, .. } if *wait_ms <= 1000);
    assert!(net.told.iter().any(|(_, effect)| too_fast(effect)));
    assert!(net.charged(1).is_empty(), "a node never lets its user pay");
}

#[test]
fn a_message_for_later_waits_for_the_app_and_others_do_not() {
    let mut net = Net::new(2, &Rules::default());
    let running = Running::No;
    net.give(1, Input::Running { app: APP, running });
    net.broadcast(0, say("now")).unwrap();
    let later = Outgoing {
        immediate: true,
        ..say("later")
    };
    net.broadcast(0, later).unwrap();
    net.pass(1_000);
    assert!(net.delivered(1).is_empty());
    let running = Running::Yes;
    net.give(1, Input::Running { app: APP, running });
    assert_eq!(net.delivered(1), ["later"]);
}

/// Three nodes in a row, so that the one in the middle passes on.
fn row(rules: &Rules) -> Net {
    let mut net = Net::alone(3);
    for at in 0..3 {
        net.open(at, rules);
    }
    for (a, b) in [(0, 1), (1, 2)] {
        let contacts = vec![Contact {
            node: node(b),
            addresses: vec![address(b)],
        }];
        net.give(a, Input::Heard { app: APP, contacts });
    }
    // Before the ends hear of each other.
    net.pass(2_000);
    for at in [0, 2] {
        let other = node(2 - at);
        let swarm = net.cores[at].apps.get_mut(&APP).unwrap();
        swarm.shun(other, net.now_ms);
    }
    net.disconnect(0, 2);
    net.pass(30_000);
    assert!(!net.cores[0].links(&APP).iter().any(|(peer, _)| *peer == node(2)));
    net.told.clear();
    net
}

#[test]
fn a_message_travels_on_when_the_app_says_valid_or_after_five_seconds_and_not_when_it_says_invalid() {
    let mut net = row(&Rules::default());
    let running = Running::Judges;
    net.give(1, Input::Running { app: APP, running });
    let ids: Vec<_> = ["good", "bad", "unjudged"]
        .map(|body| net.broadcast(0, say(body)).unwrap())
        .into();
    net.pass(1_000);
    assert_eq!(net.delivered(1), ["good", "bad", "unjudged"]);
    assert!(net.received(1).iter().all(|received| received.judge));
    assert!(net.delivered(2).is_empty(), "nothing travels before it is judged");
    let verdict = |id, valid| Input::Verdict { app: APP, id, valid };
    net.give(1, verdict(ids[0], true));
    net.give(1, verdict(ids[1], false));
    net.pass(500);
    assert_eq!(net.delivered(2), ["good"]);
    net.pass(5_000);
    assert_eq!(net.delivered(2), ["good", "unjudged"]);
    let payer = Payer::Signer(APP, who(1));
    assert_eq!(net.charged(1), [(payer, Fault::Rejected, 10)]);
    net.give(1, verdict(ids[1], false));
    assert_eq!(net.charged(1).len(), 1, "a message is paid for once");
}

#[test]
fn what_is_too_old_or_came_too_far_ends() {
    let mut net = Net::new(2, &Rules::default());
    let short = Outgoing {
        ttl_ms: 10,
        ..say("short")
    };
    net.broadcast(0, short).unwrap();
    net.pass(1_000);
    assert!(net.delivered(1).is_empty());
    let intruder = net.intruder(7);
    for (hops, age_ms) in [(0, 60_000), (crate::bounds::HOPS + 1, 0)] {
        let frame = OverlayFrame::Push {
            handle: 1,
            wanted: false,
            hops,
            age_ms,
            envelope: forge(Some(9), 1, b"old"),
        };
        intruder.send(&mut net, frame);
    }
    assert!(net.delivered(0).is_empty() && net.charged(0).is_empty());
}

#[test]
fn a_direct_message_is_replied_to_and_a_silent_member_costs_only_the_wait() {
    let mut net = Net::new(2, &Rules::default());
    let send = |request| Input::Send {
        app: APP,
        to_app: APP,
        request,
        to: node(1),
        addresses: Vec::new(),
        message: say("question"),
        reply_ms: 2_000,
    };
    net.give(0, send(5));
    let reply = net.received(1)[0].reply.unwrap();
    assert!(net.received(1)[0].direct);
    let body = b"answer".to_vec();
    net.give(
        1,
        Input::Reply {
            app: APP,
            request: 77,
            to: reply,
            body,
        },
    );
    net.give(0, send(6));
    net.pass(3_000);
    let answered: Vec<_> = net
        .told
        .iter()
        .filter_map(|(at, effect)| match effect {
            Effect::Answered { request, answers, .. } if *at == 0 => Some((
                *request,
                answers.iter().map(|a| a.message.body().to_vec()).collect::<Vec<_>>(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(answered, [(5, vec![b"answer".to_vec()]), (6, vec![])]);
}

#[test]
fn replies_of_several_members_are_gathered() {
    let mut net = Net::new(6, &Rules::default());
    let gather = Input::Gather {
        app: APP,
        request: 9,
        count: 4,
        message: say("who has it?"),
        reply_ms: 2_000,
    };
    net.give(0, gather);
    for at in 1..6 {
        for received in net.received(at) {
            let to = received.reply.unwrap();
            let body = vec![at as u8];
            net.give(
                at,
                Input::Reply {
                    app: APP,
                    request: 77,
                    to,
                    body,
                },
            );
        }
    }
    let answers = net.told.iter().find_map(|(_, effect)| match effect {
        Effect::Answered { asked, answers, .. } => Some((*asked, answers.len())),
        _ => None,
    });
    assert_eq!(answers, Some((4, 4)));
}

#[test]
fn a_direct_message_cannot_be_handed_on_or_replayed_by_its_receiver() {
    let mut net = Net::new(3, &Rules::default());
    let intruder = net.intruder(7);
    let header = Header {
        app: APP,
        from_app: None,
        to: Some(intruder.node),
        signer: None,
        source: 1,
        seq: 9,
        ttl_ms: 60_000,
        immediate: false,
    };
    let private = Envelope::seal(header, b"private", Some(&key(3)));
    intruder.push(&mut net, private.clone());
    let direct = OverlayFrame::Direct {
        app: APP,
        request: None,
        envelope: private,
    };
    intruder.send(&mut net, direct);
    assert!(net.delivered(0).is_empty());
    let payer = Payer::Forwarder(intruder.node);
    let charged = net.charged(0);
    assert_eq!(charged.iter().map(|c| c.0).collect::<Vec<_>>(), [payer, payer]);
}

#[test]
fn a_direct_message_to_another_app_says_where_it_is_from() {
    let mut net = Net::new(2, &Rules::default());
    let other = AppId([8; 32]);
    let config = config(0, Rules::default());
    net.give(0, Input::Open { app: other, config });
    let send = Input::Send {
        app: other,
        to_app: APP,
        request: 1,
        to: node(1),
        addresses: Vec::new(),
        message: say("from elsewhere"),
        reply_ms: 0,
    };
    net.give(0, send);
    let received = net.received(1);
    assert_eq!((received[0].from_app, received.len()), (other, 1));
}
