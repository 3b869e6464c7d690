use crate::chain::{ASK, Freshness, Link, MAX_LEAP, Refused, SKEW_S, Step, freeze_chance, freshness, is_fork, judge};

const NOW: u64 = 1_800_000_000;
const WEEK: u64 = 7 * 24 * 60 * 60;

fn link(seq: u64) -> Link<u8, u64> {
    Link {
        widget: 1,
        seq,
        id: seq * 10,
        prev: seq.checked_sub(1).map(|before| before * 10),
        signers: 2,
        threshold: 2,
        made_s: NOW,
        expires_s: NOW + WEEK,
    }
}

fn of(change: impl FnOnce(&mut Link<u8, u64>)) -> Result<Step, Refused> {
    let mut offered = link(6);
    change(&mut offered);
    judge(&link(5), &offered, NOW)
}

#[test]
fn the_next_release_is_taken_and_those_between_are_asked_for() {
    assert_eq!(of(|_| ()), Ok(Step::Take));
    assert_eq!(judge(&link(5), &link(5), NOW), Ok(Step::Known));
    assert_eq!(judge(&link(5), &link(9), NOW), Ok(Step::Fetch { from: 6 }));
}

#[test]
fn an_older_release_is_refused() {
    // Attack 8.
    for seq in 0..5 {
        assert_eq!(judge(&link(5), &link(seq), NOW), Err(Refused::Rollback));
    }
}

#[test]
fn two_releases_of_one_number_prove_that_the_author_lies() {
    // Attacks 13 and 14.
    let (one, mut other) = (link(5), link(5));
    assert!(!is_fork(&one, &other));
    other.id = 51;
    assert!(is_fork(&one, &other));
    assert_eq!(judge(&one, &other, NOW), Err(Refused::Fork));
    // After a partition: the other side's next release does not follow ours.
    assert_eq!(of(|next| next.prev = Some(51)), Err(Refused::Broken));
}

#[test]
fn a_leap_to_the_last_number_is_refused() {
    // Attack 4: fast-forward.
    assert_eq!(of(|next| next.seq = 1 << 63), Err(Refused::TooFarAhead));
    assert_eq!(of(|next| next.seq = u64::MAX), Err(Refused::TooFarAhead));
    assert!(of(|next| next.seq = 5 + MAX_LEAP).is_ok());
}

#[test]
fn another_widgets_release_and_a_stolen_key_alone_are_refused() {
    // Attacks 9 and 10.
    assert_eq!(of(|next| next.widget = 2), Err(Refused::OtherWidget));
    assert_eq!(of(|next| next.signers = 1), Err(Refused::TooFewSigners));
    assert_eq!(
        of(|next| (next.signers, next.threshold) = (1, 1)),
        Err(Refused::TooFewSigners)
    );
}

#[test]
fn what_is_dated_in_the_future_or_expired_is_refused_and_clocks_may_differ_by_a_day() {
    // Attacks 5 and 19.
    assert_eq!(of(|next| next.made_s = NOW + SKEW_S + 1), Err(Refused::FromTheFuture));
    assert_eq!(of(|next| next.made_s = NOW + SKEW_S), Ok(Step::Take));
    assert_eq!(of(|next| next.expires_s = NOW - SKEW_S - 1), Err(Refused::Expired));
    assert_eq!(of(|next| next.expires_s = NOW - SKEW_S), Ok(Step::Take));
    assert_eq!(
        of(|next| (next.made_s, next.expires_s) = (u64::MAX, u64::MAX)),
        Err(Refused::FromTheFuture)
    );
}

#[test]
fn withheld_updates_are_noticed_as_soon_as_one_honest_peer_is_asked() {
    // Attacks 5, 6 and 16.
    let mut answers = [Some(5); ASK];
    assert_eq!(freshness(5, false, &answers), Freshness::Fresh);
    assert_eq!(freshness(5, true, &answers), Freshness::Unknown);
    answers[ASK - 1] = Some(6);
    assert_eq!(freshness(5, false, &answers), Freshness::Behind { newest: 6 });
    assert_eq!(freshness(5, false, &[None; 40]), Freshness::Unknown);
    assert!((freeze_chance(0.4, 15) - 1.07e-6).abs() < 1e-8);
}
