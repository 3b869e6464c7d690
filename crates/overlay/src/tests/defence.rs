//! The defence table: each kind of bad message, what it costs, who pays, when that slows and when it cuts.

use super::*;
use crate::{SendError, Standing, score};
use std::{format, println, string::ToString};

const STRICT: &str =
    "max_bytes = 100\nsigned_only = true\nfilter = '^ok'\nrate_per_signer = 1.0\nburst_per_signer = 1000";

fn bad_signature(seq: u64) -> Envelope {
    let good = forge(Some(9), seq, b"ok").unseal().unwrap();
    let (_, bytes, signature) = good.signed().unwrap();
    let mut signature = *signature;
    signature.0[5] ^= 1;
    Envelope::join(bytes, Some(&signature))
}

type Make = fn(u64) -> Envelope;

fn kinds() -> Vec<(&'static str, Fault, &'static str, Make)> {
    vec![
        ("over the size", Fault::Oversize, "forwarder", |seq| {
            forge(Some(9), seq, &[b'o'; 1000])
        }),
        (
            "signature does not hold",
            Fault::BadSignature,
            "forwarder",
            bad_signature,
        ),
        ("not signed", Fault::Unsigned, "forwarder", |seq| {
            forge(None, seq, b"ok")
        }),
        ("against the filter", Fault::Filter, "forwarder and signer", |seq| {
            forge(Some(9), seq, b"no")
        }),
        ("no message at all", Fault::Malformed, "forwarder", |seq| {
            Envelope::from_bytes(&[0xff, seq as u8]).unwrap()
        }),
        ("made for another app", Fault::BadSignature, "forwarder", |seq| {
            let header = Header {
                app: AppId([1; 32]),
                from_app: None,
                to: None,
                signer: None,
                source: 5,
                seq,
                ttl_ms: 60_000,
                immediate: false,
            };
            Envelope::seal(header, b"ok", Some(&key(9)))
        }),
    ]
}

#[test]
fn every_kind_of_bad_message_costs_what_the_table_says_and_is_never_delivered() {
    println!(
        "{:28} {:>6}  {:22} {:>6} {:>5}",
        "message", "points", "who pays", "slowed", "cut"
    );
    for (name, fault, pays, make) in kinds() {
        let mut net = Net::new(1, &rules(STRICT));
        let intruder = net.intruder(7);
        let (mut slowed, mut cut) = (None, None);
        for count in 1..=30u64 {
            intruder.push(&mut net, make(count));
            net.pass(300);
            let of_forwarder = net.told.iter().rev().find_map(|(_, effect)| match effect {
                Effect::Charged {
                    payer: Payer::Forwarder(_),
                    standing,
                    fault: of,
                    ..
                } => {
                    assert_eq!(*of, fault, "{name}");
                    Some(*standing)
                }
                _ => None,
            });
            let standing = of_forwarder.unwrap();
            slowed = slowed.or((standing >= Standing::Slowed).then_some(count));
            cut = cut.or((standing == Standing::Cut).then_some(count));
            if cut.is_some() {
                break;
            }
        }
        let (slowed, cut) = (slowed.unwrap(), cut.unwrap());
        println!("{name:28} {:>6}  {pays:22} {slowed:>6} {cut:>5}", fault.points());
        let points = u64::from(fault.points());
        assert_eq!(slowed, u64::from(score::SLOW) / points + 1, "{name}");
        assert_eq!(cut, u64::from(score::CUT) / points + 1, "{name}");
        assert!(net.delivered(0).is_empty(), "{name}");
        assert_eq!(net.cut(), [(0, intruder.node)], "{name}");
        let signer = net
            .charged(0)
            .into_iter()
            .filter(|(payer, ..)| matches!(payer, Payer::Signer(..)));
        assert_eq!(signer.count() > 0, pays.contains("signer"), "{name}");
    }
    println!(
        "{:28} {:>6}  {:22} {:>6} {:>5}",
        "faster than the credit", 2, "forwarder", 11, 21
    );
    println!(
        "{:28} {:>6}  {:22} {:>6} {:>5}",
        "too many of one signer", 2, "signer", 11, 21
    );
    println!(
        "{:28} {:>6}  {:22} {:>6} {:>5}",
        "the app says invalid", 10, "signer", 3, 5
    );
}

#[test]
fn whoever_pushes_more_than_its_credit_is_slowed_after_11_and_cut_after_21() {
    let mut net = Net::new(1, &Rules::default());
    let intruder = net.intruder(7);
    let mut sent = 0;
    while net.cut().is_empty() {
        sent += 1;
        intruder.push(&mut net, forge(Some((sent % 200) as u8 + 20), sent, b"spam"));
    }
    let delivered = net.delivered(0).len() as u64;
    assert!(
        delivered <= 25,
        "{delivered} messages of many signers came through one forwarder"
    );
    assert_eq!(sent - delivered, 21);
}

#[test]
fn a_signer_that_floods_is_cut_off_and_no_forwarder_pays_for_it() {
    // Two honest nodes: one is flooded, the other hears what the first lets through.
    let mut net = Net::new(2, &rules("rate_per_forwarder = 1000"));
    let intruder = net.intruder(7);
    for seq in 0..500 {
        intruder.push(&mut net, forge(Some(9), seq, b"flood"));
        net.pass(20);
    }
    let (first, second) = (net.delivered(0).len(), net.delivered(1).len());
    assert!(
        first <= 25 && second <= 25,
        "{first} and {second} messages came through"
    );
    assert!(net.cut().is_empty(), "passing on is no fault while the credit lasts");
    let all_by_signer = net
        .charged(0)
        .iter()
        .chain(&net.charged(1))
        .all(|(payer, fault, _)| (*payer, *fault) == (Payer::Signer(APP, who(9)), Fault::TooFast));
    assert!(all_by_signer);
    let points = net.charged(0).last().unwrap().2;
    assert!(points > score::CUT, "{points} points");
}

#[test]
fn a_signer_whose_messages_the_app_rejects_is_cut_off_after_five_and_its_neighbours_are_not() {
    let mut net = Net::new(2, &Rules::default());
    let running = Running::Judges;
    net.give(1, Input::Running { app: APP, running });
    for count in 0..8 {
        if let Some(id) = net.broadcast(0, say(&count.to_string())) {
            net.give(
                1,
                Input::Verdict {
                    app: APP,
                    id,
                    valid: false,
                },
            );
        }
        net.pass(100);
    }
    assert_eq!(net.delivered(1).len(), 5);
    assert!(net.cut().is_empty(), "the node is not its user");
    let charged = net.charged(1);
    assert_eq!(charged.len(), 5);
    assert!(
        charged
            .iter()
            .all(|(payer, fault, _)| *payer == Payer::Signer(APP, who(1)) && *fault == Fault::Rejected)
    );
}

#[test]
fn points_are_forgiven_over_time() {
    let mut score = score::Score::default();
    for _ in 0..5 {
        score.charge(Fault::Rejected, 1_000);
    }
    assert_eq!(score.standing(1_000), Standing::Cut);
    let until = score.until_ms();
    assert_eq!(score.standing(until - 1), Standing::Cut);
    assert_eq!(score.standing(until), Standing::Good);
    assert_eq!(until, 1_000 + 30 * crate::FORGIVE_MS);
    assert_eq!(score.points(10 * until), 0);
    for _ in 0..1_000 {
        score.charge(Fault::Rejected, 10 * until);
    }
    assert_eq!(score.points(10 * until), crate::MOST, "nobody is cut off for ever");
}

#[test]
fn a_forwarder_with_other_rules_does_not_pay_for_them() {
    let mut net = Net::new(1, &rules(STRICT));
    let intruder = net.intruder(7);
    let older = OverlayFrame::Rules {
        handle: 1,
        rules: [1; 32],
    };
    intruder.send(&mut net, older);
    intruder.push(&mut net, forge(Some(9), 1, b"no"));
    intruder.push(&mut net, forge(None, 2, b"ok"));
    intruder.push(&mut net, forge(Some(9), 3, &[b'o'; 1000]));
    assert!(net.charged(0).is_empty() && net.delivered(0).is_empty());
    intruder.push(&mut net, bad_signature(4));
    assert_eq!(net.charged(0).len(), 1, "a signature is good or bad under any rules");
}

#[test]
fn replays_are_refused_after_the_memory_of_ids_is_gone_and_nobody_pays() {
    let mut net = Net::new(1, &Rules::default());
    let intruder = net.intruder(7);
    let old = forge(Some(9), 1, b"pay me");
    intruder.push(&mut net, old.clone());
    assert_eq!(net.delivered(0).len(), 1);
    for round in 0..3u64 {
        net.pass(crate::bounds::SEEN_MS + 1);
        // Time passes in the memory with messages.
        intruder.push(&mut net, forge(Some(9), 10 + round, format!("{round}").as_bytes()));
        intruder.push(&mut net, old.clone());
    }
    assert_eq!(net.delivered(0), ["pay me", "0", "1", "2"]);
    assert!(net.charged(0).is_empty());
}

#[test]
fn a_forged_message_does_not_keep_the_true_one_out() {
    let mut net = Net::new(1, &Rules::default());
    let (liar, honest) = (net.intruder(7), net.intruder(8));
    let good = forge(Some(9), 4, b"ok");
    liar.push(&mut net, bad_signature(4));
    honest.push(&mut net, good);
    assert_eq!(net.delivered(0), ["ok"]);
    assert_eq!(net.charged(0), [(Payer::Forwarder(liar.node), Fault::BadSignature, 7)]);
}

#[test]
fn only_listed_signers_are_taken_where_there_is_a_list() {
    let mut net = Net::new(1, &rules(&format!("signers = ['{}']", who(9))));
    let intruder = net.intruder(7);
    intruder.push(&mut net, forge(Some(9), 1, b"listed"));
    intruder.push(&mut net, forge(Some(10), 1, b"not listed"));
    assert_eq!(net.delivered(0), ["listed"]);
    assert_eq!(net.charged(0), [(Payer::Forwarder(intruder.node), Fault::Unsigned, 5)]);
}

#[test]
fn a_validator_is_asked_and_its_no_counts_like_that_of_a_filter() {
    struct Even;
    impl crate::Validator for Even {
        fn digest(&self) -> [u8; 32] {
            [3; 32]
        }
        fn valid(&self, facts: crate::Facts<'_>) -> bool {
            facts.body.len().is_multiple_of(2)
        }
    }
    let mut net = Net::alone(1);
    let text = format!("validator = '{}'", "03".repeat(32));
    let mut config = config(0, rules(&text));
    config.validator = Some(Arc::new(Even));
    net.give(0, Input::Open { app: APP, config });
    let running = Running::Yes;
    net.give(0, Input::Running { app: APP, running });
    let intruder = net.intruder(7);
    intruder.push(&mut net, forge(Some(9), 1, b"even"));
    intruder.push(&mut net, forge(Some(9), 2, b"odd"));
    assert_eq!(net.delivered(0), ["even"]);
    let faults: Vec<_> = net.charged(0).into_iter().map(|(_, fault, _)| fault).collect();
    assert_eq!(faults, [Fault::Filter, Fault::Filter]);
    assert!(net.broadcast(0, say("mine")).is_some());
    assert!(net.broadcast(0, say("not")).is_none());
    let last = net.told.last().map(|(_, effect)| effect);
    assert!(matches!(
        last,
        Some(Effect::NotSent {
            why: SendError::Filtered { .. },
            ..
        })
    ));
}

#[test]
fn where_the_program_of_the_rules_is_not_here_nothing_travels_and_nobody_pays() {
    let mut net = Net::new(1, &rules(&format!("validator = '{}'", "03".repeat(32))));
    let intruder = net.intruder(7);
    intruder.push(&mut net, forge(Some(9), 1, b"even"));
    assert!(net.delivered(0).is_empty());
    assert!(net.charged(0).is_empty());
    assert!(net.broadcast(0, say("mine")).is_none());
}
