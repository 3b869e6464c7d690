use crate::{Certificate, Certificates, Chance, Learned, MAX_PER_EXCHANGE, Room};
use alloc::vec::Vec;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Of(u32, u32);

impl Certificate for Of {
    type Signer = u32;
    fn signer(&self) -> u32 {
        self.0
    }
    fn tag(&self) -> u32 {
        self.0 << 24 | self.1
    }
}

fn known(count: u32) -> Certificates<Of> {
    let mut all = Certificates::new(Room {
        all: 10_000,
        per_signer: 1_000,
    });
    (0..count).for_each(|number| assert_eq!(all.learn(Of(number % 50, number)), Learned::New));
    all
}

#[test]
fn attack_17_a_flood_of_valid_certificates_by_one_signer_ends_at_its_quota() {
    let mut all = known(100);
    let kept = (0..1_000_000u32)
        .filter(|number| all.learn(Of(77, *number)) == Learned::New)
        .count();
    assert_eq!((kept, all.len()), (1_000, 1_100));
    assert_eq!(all.learn(Of(1, 5_000_000)), Learned::New);
}

#[test]
fn attack_15_what_is_revoked_never_comes_back() {
    let mut all = known(100);
    assert!(all.revoke(&Of(7, 7)) && !all.has(&Of(7, 7)));
    assert_eq!(all.learn(Of(7, 7)), Learned::Revoked);
    // The revocation comes before the certificate.
    assert!(all.revoke(&Of(9, 4_000)));
    assert_eq!(all.learn(Of(9, 4_000)), Learned::Revoked);
    assert!(all.revoke_signer(&8));
    assert!(!all.has(&Of(8, 8)) && !all.has(&Of(8, 58)));
    assert_eq!(all.learn(Of(8, 9_999)), Learned::Revoked);
    assert_eq!(all.len(), 97);
}

#[test]
fn attack_16_a_withheld_revocation_is_known_after_the_first_honest_peer() {
    for seed in 0..1000 {
        let mut chance = Chance::new(seed);
        let (mut mine, revoked) = (known(100), Of(7, 7));
        let mut honest = known(100);
        honest.revoke(&revoked);
        // Two of five hand the certificate on as if nothing had happened; the others say that it is revoked.
        let asked = (1..).find(|_| {
            if chance.happens(0.4) {
                mine.learn(revoked);
            } else {
                assert!(!honest.has(&revoked) && mine.revoke(&revoked));
            }
            !mine.has(&revoked)
        });
        assert!(asked.unwrap() <= 15, "seed {seed}: {asked:?}");
        assert_eq!(mine.learn(revoked), Learned::Revoked);
    }
}

#[test]
fn the_one_learned_last_is_always_handed_on_and_nothing_twice() {
    let all = known(1_000);
    let mut chance = Chance::new(1);
    for count in 0..=5 {
        let given = all.hand_on(count, &[], &mut chance);
        assert_eq!(given.len(), count.min(MAX_PER_EXCHANGE));
        assert!(count == 0 || given[0] == Of(999 % 50, 999));
        let mut once = given.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), given.len());
    }
}

#[test]
fn random_ones_are_handed_on_equally_often() {
    let mut all = known(20);
    all.revoke(&Of(3, 3));
    let mut chance = Chance::new(2);
    let mut counts = [0u32; 20];
    for _ in 0..10_000 {
        all.hand_on(2, &[], &mut chance)
            .iter()
            .skip(1)
            .for_each(|c| counts[c.1 as usize] += 1);
    }
    assert_eq!((counts[3], counts[19]), (0, 0));
    assert!(counts[..19].iter().filter(|c| **c > 300).count() == 18, "{counts:?}");
}

#[test]
fn with_flags_what_the_other_lacks_is_asked_for_and_given() {
    let (mut new, old) = (known(100), known(100));
    for number in [500, 501, 502] {
        assert_eq!(new.learn(Of(1, number)), Learned::New);
    }
    let asked = old.lacking(&new.flags(), 2);
    assert_eq!(asked, [Of(1, 502).tag(), Of(1, 501).tag()]);
    let given = new.hand_on(2, &asked, &mut Chance::new(3));
    assert_eq!(given, [Of(1, 502), Of(1, 501)]);
    // Asking for what nobody flagged gets what is handed on anyway.
    assert_eq!(new.hand_on(1, &[u32::MAX], &mut Chance::new(3)), [Of(1, 502)]);
}

#[test]
fn there_is_an_end_to_what_is_kept() {
    let mut all = Certificates::new(Room { all: 3, per_signer: 9 });
    let learned: Vec<_> = (0..4).map(|number| all.learn(Of(number, number))).collect();
    assert_eq!(learned, [Learned::New, Learned::New, Learned::New, Learned::Full]);
    assert!((0..3).all(|number| all.revoke(&Of(number, number))));
    assert!(!all.revoke(&Of(3, 3)));
    assert!(all.is_empty());
}
