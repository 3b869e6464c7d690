//! Staying within reach, and ways through routers.

use super::{conversation, peer, steps};
use crate::{
    promise::{joined, parts},
    seeds,
};
use hedgerow_traverse::{
    park::{home::Home, key as session_key, watch::Watch},
    punch::{Punch, What},
};
use hedgerow_wire::{park::Park, reach::ReachRequest};
use std::net::SocketAddr;

/// Datagrams of strangers at a home, and at a node that sleeps there.
pub(super) fn park(bytes: &[u8]) {
    let mut home = Home::new([3; 32]);
    let link = [4; 32];
    let ip = "203.0.113.7".parse().expect("an address");
    home.register(0, 77, peer(0), ip, &link, [5; 32])
        .expect("there is room");
    let mut watch = Watch::new(77, session_key(&link, 77), None, 0);
    let mut now = 0;
    for (what, peer, rest) in steps(bytes) {
        let from = SocketAddr::from(([203, 0, 113, what], 4400));
        now += 1 + u64::from(what) * 500;
        match what {
            0..=8 => {
                let answers = home.heard(now, rest, from, |_| false, |_| None);
                let most = rest.len().max(64);
                for (_, answer) in answers {
                    assert!(
                        Park::from_bytes(&answer).is_ok() && answer.len() <= most,
                        "no more goes out than came in"
                    );
                }
            }
            9..=12 => drop(watch.heard(now, rest)),
            // An honest beat, on its way.
            13 | 14 => {
                if let Some(beat) = watch.tick(now) {
                    for (_, answer) in home.heard(now, &beat, from, |_| false, |_| None) {
                        let _ = watch.heard(now, &answer);
                    }
                }
            }
            _ => drop(home.call(now, &peer, None, |_| false)),
        }
        drop(home.tick(now));
    }
    assert!(home.len() <= 1);
}

pub(super) fn park_seeds() -> Vec<Vec<u8>> {
    let sent = seeds::wire::datagrams();
    let honest = conversation(13, &[vec![], vec![], vec![]]);
    vec![
        conversation(0, &sent),
        conversation(9, &sent),
        [honest.clone(), conversation(15, &[vec![]]), honest].concat(),
    ]
}

/// Where the other side says that it will be, and what comes while both try.
pub(super) fn punch(bytes: &[u8]) {
    let parts = parts(bytes);
    let spot = |at: usize| match ReachRequest::from_bytes(parts.get(at)?) {
        Ok(ReachRequest::Meet { spot, .. }) => Some(spot),
        _ => None,
    };
    let (Some(mine), Some(theirs)) = (spot(0), spot(1)) else {
        return;
    };
    let events = parts.get(2).copied().unwrap_or_default();
    let leads = events.first().is_some_and(|first| first & 1 == 1);
    let Some(mut punch) = Punch::new(&mine, &theirs, leads, 7) else {
        return;
    };
    let (sockets, mut now, mut sent) = (punch.sockets(), 0, 0);
    for event in events.as_chunks::<4>().0.iter().take(200) {
        now += u64::from(event[0]);
        for probe in punch.due(now) {
            assert!(probe.socket < sockets, "a socket that there is not");
            sent += 1;
        }
        let what = [What::Open, What::Pick, What::Picked][usize::from(event[1]) % 3];
        let from = SocketAddr::from(([203, 0, 113, 7], u16::from_le_bytes([event[2], event[3]])));
        let _ = punch.heard(usize::from(event[1]) % sockets.max(1), from, what);
    }
    assert!(sent < 100_000 && punch.found().is_none_or(|found| found.socket < sockets));
    let _ = punch.is_over(now);
}

pub(super) fn punch_seeds() -> Vec<Vec<u8>> {
    use hedgerow_wire::reach::{Ports, Spot};
    let meet = |ports| {
        let spot = Spot::new("203.0.113.7:4401".parse().unwrap(), ports);
        ReachRequest::Meet { meeting: [9; 16], spot }.to_bytes()
    };
    let all = [
        Ports::Same { early: true },
        Ports::Sequential { step: 1 },
        Ports::Block { low: 1024, high: 2047 },
        Ports::Random,
    ];
    let events: Vec<u8> = (0..80).collect();
    let pairs = all
        .iter()
        .flat_map(|mine| all.iter().map(move |theirs| (*mine, *theirs)));
    pairs
        .map(|(mine, theirs)| joined([&meet(mine)[..], &meet(theirs), &events]))
        .collect()
}
