use crate::{Common, History, edge, reputation, wilson};

fn votes(both_good: u32, both_bad: u32, only_mine: u32, only_theirs: u32) -> Common {
    Common {
        both_good,
        both_bad,
        only_mine,
        only_theirs,
    }
}

#[test]
fn who_judges_alike_counts_and_who_judges_the_opposite_counts_nothing() {
    assert!(votes(8, 4, 0, 0).correlation().unwrap() > 0.8);
    assert!(votes(0, 0, 6, 6).correlation().unwrap() < -0.8);
    assert_eq!(votes(0, 0, 6, 6).factor(), 0.0);
    assert_eq!(votes(1, 1, 0, 0).correlation(), None);
    assert!(votes(0, 0, 0, 0).factor() < votes(9, 0, 1, 0).factor());
}

#[test]
fn praise_of_everything_is_not_taken_for_judgement() {
    // Half of what I tried is bad, the other says that all is good.
    assert!(votes(6, 0, 0, 6).factor() < 0.1);
}

#[test]
fn whoever_gives_more_bad_than_good_has_no_edge() {
    assert_eq!(edge(10, 3, &votes(8, 4, 0, 0)), 0.0);
    assert!(edge(10, 0, &votes(8, 4, 0, 0)) > edge(2, 0, &votes(8, 4, 0, 0)));
}

#[test]
fn attack_28_a_new_key_has_no_reputation_and_a_thrown_away_one_gains_nothing() {
    assert_eq!(reputation(0.0, 0.0), 0.0);
    assert!(reputation(50.0, 1.0) > reputation(3.0, 0.0));
    assert!(reputation(0.0, 100.0) >= reputation(0.0, 0.0));
}

#[test]
fn the_interval_is_the_one_in_the_books() {
    // Wilson's interval of 10 in 100 at 1.96 (Newcombe 1998): .0552 to .1744.
    let (low, high) = wilson(10.0, 100.0, 1.96);
    assert!(
        (low - 0.0552).abs() < 0.0001 && (high - 0.1744).abs() < 0.0001,
        "{low} {high}"
    );
    assert_eq!(wilson(5.0, 0.0, 3.0), (0.0, 1.0));
}

#[test]
fn attack_29_good_deeds_cannot_be_saved_up_and_a_mistake_is_forgotten() {
    let mut source = History::default();
    (0..1000).for_each(|_| source.add(true));
    assert_eq!((source.good(), source.bad()), (32, 0));
    let bad = (1..).find(|_| {
        source.add(false);
        source.is_bad()
    });
    assert_eq!(bad, Some(7));
    assert_eq!(source.edge(&votes(8, 4, 0, 0)), 0.0);
    (0..32).for_each(|_| source.add(true));
    assert!(source.bad() == 0 && !source.is_bad() && source.edge(&votes(8, 4, 0, 0)) > 0.0);
}
