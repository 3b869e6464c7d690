use super::*;

const MB: u64 = 1_000_000;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn limits() -> RelayLimits {
    RelayLimits {
        clients: 64,
        rate: None,
        total: None,
        month: None,
    }
}

fn quota(limits: RelayLimits) -> Quota {
    Quota::new(limits, MonthUse { month: 100, bytes: 0 }, 0)
}

fn join(quota: &mut Quota, id: u64) {
    let from = IpAddr::V4(Ipv4Addr::new(20, 0, u8::try_from(id).unwrap(), 1));
    quota.admit(id, from, false, 0).unwrap();
    quota.prove(id, NodeId([u8::try_from(id).unwrap(); 32])).unwrap();
}

/// Bytes that a client gets through in so many seconds when it sends as fast as it may.
fn through(quota: &mut Quota, id: u64, seconds: u64) -> u64 {
    let (mut now, mut bytes) = (0, 0);
    while now < seconds * 1000 {
        bytes += 10_000;
        now += quota.received(id, 10_000, now).max(1);
    }
    bytes
}

#[test]
fn months_are_those_of_the_calendar() {
    for (ms, year, month) in [
        (0, 1970, 1),
        (951_782_399_000, 2000, 2),
        (951_782_400_000, 2000, 2),
        (951_868_800_000, 2000, 3),
        (1_795_996_799_000, 2026, 11),
        (1_796_083_200_000, 2026, 12),
        (4_107_542_399_000, 2100, 2),
        (4_107_542_400_000, 2100, 3),
    ] {
        assert_eq!(month_of(ms), year * 12 + month - 1, "{ms}");
    }
}

#[test]
fn a_new_month_gives_the_bytes_again_and_a_clock_set_back_does_not() {
    let mut quota = quota(RelayLimits {
        month: Some(100),
        ..limits()
    });
    join(&mut quota, 1);
    quota.received(1, 100, 0);
    assert_eq!(quota.stage(0), Stage::Spent);
    quota.roll(99);
    assert_eq!(quota.stage(0), Stage::Spent, "the clock went back");
    quota.roll(100);
    assert_eq!(quota.stage(0), Stage::Open, "a month began");
    assert_eq!(quota.month(), MonthUse { month: 100, bytes: 0 });
    assert_eq!(quota.bytes(), 100, "since the start");
}

#[test]
fn one_client_gets_its_rate_and_not_more() {
    let mut quota = quota(RelayLimits {
        rate: Some(MB),
        ..limits()
    });
    join(&mut quota, 1);
    let bytes = through(&mut quota, 1, 20);
    // Twenty seconds of its rate, and the burst.
    assert!((20 * MB..25 * MB).contains(&bytes), "{bytes}");
}

#[test]
fn when_all_is_too_much_the_largest_wait_and_a_small_one_does_not() {
    let mut quota = quota(RelayLimits {
        total: Some(MB),
        ..limits()
    });
    for id in 1..=3 {
        join(&mut quota, id);
    }
    let (mut now, mut large, mut waits_of_small) = (0, 0, 0);
    let mut next = [0; 2];
    while now < 20_000 {
        for (id, due) in (1..).zip(&mut next) {
            if *due <= now {
                *due = now + quota.received(id, 20_000, now).max(1);
                large += 20_000;
            }
        }
        if now % 1000 == 0 {
            waits_of_small += quota.received(3, 100, now);
        }
        now += 1;
    }
    assert!(large < 26 * MB, "{large}");
    assert_eq!(waits_of_small, 0);
    assert_eq!(quota.stage(now), Stage::Full, "nobody new while it is too much");
}

#[test]
fn near_the_end_of_the_month_first_nobody_new_then_large_users_slower_then_nothing() {
    let mut quota = quota(RelayLimits {
        rate: Some(MB),
        month: Some(100 * MB),
        ..limits()
    });
    join(&mut quota, 1);
    join(&mut quota, 2);
    quota.sent(1, 89 * MB, 0);
    assert_eq!(quota.stage(0), Stage::Open);
    quota.sent(1, 2 * MB, 0);
    assert_eq!(quota.admit(9, ip("9.9.9.9"), false, 0), Err(Refusal::Full));
    assert_eq!(quota.refused(), 1);
    let before = through(&mut quota, 1, 1);
    quota.sent(1, 2 * MB, 0);
    assert_eq!(quota.stage(0), Stage::Slow);
    assert!(before > MB && through(&mut quota, 1, 5) < MB, "the largest is slowed");
    assert_eq!(quota.received(2, 10_000, 10_000), 0, "the other is not");
    quota.sent(2, 5 * MB, 0);
    assert_eq!(quota.stage(0), Stage::Spent);
}

#[test]
fn one_household_and_one_network_do_not_take_all_places() {
    let mut quota = quota(limits());
    let mut id = 0;
    let mut tries = |quota: &mut Quota, from: &dyn Fn(u64) -> String, near| {
        (0..100)
            .filter(|n| {
                id += 1;
                quota.admit(id, ip(&from(*n)), near, 0).is_ok()
            })
            .count()
    };
    assert_eq!(tries(&mut quota, &|_| "20.0.0.1".into(), false), 8);
    assert_eq!(tries(&mut quota, &|n| format!("20.0.0.{}", n + 2), false), 24);
    assert_eq!(
        tries(&mut quota, &|n| format!("2001:db8:1:2::{n:x}"), false),
        8,
        "one household of IPv6"
    );
    assert_eq!(
        tries(&mut quota, &|_| "10.0.0.1".into(), true),
        24,
        "the own network may have what is left"
    );
    assert_eq!(quota.admit(999, ip("8.8.8.8"), false, 0), Err(Refusal::Full));
}

#[test]
fn one_node_has_few_connections_and_counts_once() {
    let mut quota = quota(limits());
    let node = NodeId([7; 32]);
    let proven = (0..10)
        .filter(|id| {
            quota.admit(*id, ip("20.0.0.1"), true, 0).unwrap();
            quota.prove(*id, node).is_ok()
        })
        .count();
    assert_eq!((proven, quota.nodes()), (MOST_OF_ONE_NODE, 1));
    for id in 0..10 {
        quota.leave(id);
    }
    assert_eq!(quota.nodes(), 0);
    assert_eq!(quota.admit(11, ip("20.0.0.1"), false, 0), Ok(()));
}

#[test]
fn a_clock_that_stands_still_or_jumps_breaks_nothing() {
    let mut quota = quota(RelayLimits {
        rate: Some(1),
        total: Some(1),
        month: Some(u64::MAX),
        ..limits()
    });
    join(&mut quota, 1);
    for now in [0, u64::MAX, 0, u64::MAX / 2, 1] {
        assert!(quota.received(1, u64::MAX / 4, now) <= LONGEST_WAIT_MS);
        quota.sent(1, u64::MAX / 2, now);
    }
}
