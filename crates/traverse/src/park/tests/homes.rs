//! What a home bears, and when a connection is given up.

use super::*;

#[test]
fn a_home_is_bounded_and_forgets_who_is_gone() {
    let mut home = home();
    let ip = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
    let node = |n: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        NodeId(id)
    };
    let taken = |home: &mut Home, n, ip| home.register(0, n, node(n), ip, &LINK, PASS_KEY).is_some();
    assert_eq!(
        (0..1000).filter(|n| taken(&mut home, *n, ip(0))).count(),
        64,
        "of one address"
    );
    assert_eq!((1000..4000).filter(|n| taken(&mut home, *n, ip(*n))).count(), 960);
    assert_eq!(home.len(), 1024);
    for n in 0..100_000u32 {
        home.heard(0, &[0x10; MAX_PARK], SocketAddr::new(ip(n), 1), nobody, nowhere);
        home.heard(0, &[0x15; CALL_LEN], SocketAddr::new(ip(n), 1), nobody, nowhere);
    }
    let later = 20 * 60_000;
    assert!(home.register(later, 5000, node(5000), ip(1), &LINK, PASS_KEY).is_some());
    assert_eq!(home.len(), 1);
    assert!(home.register(later, 5001, node(5000), ip(1), &LINK, PASS_KEY).is_some());
    assert_eq!(home.len(), 1, "once each");
}

#[test]
fn a_connection_is_given_up_when_it_is_unused_and_both_can_be_called() {
    let facts = Facts {
        unused_ms: QUIET_MS,
        held: false,
        callable: true,
        dialled: true,
    };
    let mut idle = Idle::new(QUIET_MS);
    assert!(idle.asks(0, &facts) && idle.agrees(&facts));
    for other in [
        Facts { held: true, ..facts },
        Facts {
            callable: false,
            ..facts
        },
        Facts {
            unused_ms: QUIET_MS / 3,
            ..facts
        },
    ] {
        assert!(!idle.asks(0, &other) && !idle.agrees(&other), "{other:?}");
    }
    let called = Facts {
        dialled: false,
        ..facts
    };
    assert!(!idle.asks(0, &called), "it is the other's turn first");
    let mut now = 0;
    let mut asked = Vec::new();
    while now < 4 * HOUR_MS {
        if idle.asks(now, &facts) {
            asked.push(now);
            idle.refused(now);
        }
        now += 1000;
    }
    assert!(asked.len() <= 7, "who wants to stay is left alone: {asked:?}");
}

#[test]
fn nobody_gets_more_bytes_out_of_a_home_than_were_put_in() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut home = home();
        let mut watch = registered(&mut home, 0);
        let beat = watch.tick(0).unwrap();
        home.heard(0, &beat, at(1, 1), nobody, nowhere);
        let (mut inward, mut outward) = (0, 0);
        let mut cookie = [0; 8];
        for n in 0..2000u64 {
            let now = n * 20;
            let bytes = match random.below(5) {
                0 => {
                    let length = random.below(MAX_PARK + 1);
                    (0..length).map(|_| random.below(256) as u8).collect()
                }
                1 => Park::Here {
                    session: random.below(10) as u32,
                    count: random.below(1000) as u32,
                    after: Some(random.below(3) as u8),
                    mac: [0; 6],
                }
                .to_bytes(),
                // An old beat, again.
                2 => beat.clone(),
                _ => Park::Call {
                    node: if random.below(2) == 0 { NODE } else { NodeId([8; 32]) },
                    token: [n as u8; 8],
                    cookie,
                    pass: [0; 16],
                }
                .to_bytes(),
            };
            inward += HEADERS as usize + bytes.len();
            for (to, answer) in home.heard(now, &bytes, at(66, 5), nobody, nowhere) {
                outward += HEADERS as usize + answer.len();
                if let (true, Ok(Park::Called { cookie: given, .. })) = (to == at(66, 5), Park::from_bytes(&answer)) {
                    cookie = given;
                }
            }
            outward += home
                .tick(now)
                .iter()
                .map(|(_, bytes)| HEADERS as usize + bytes.len())
                .sum::<usize>();
            assert!(
                outward <= inward,
                "seed {seed}, after {n} datagrams: {outward} for {inward}"
            );
        }
        assert!(outward > 0 && cookie != [0; 8], "something was answered");
    }
}
