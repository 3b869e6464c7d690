//! How widgets and people stand (W3, W24).

use crate::standing::{Certified, Evidence, Hidden, KNOWN, Rated, Standing};
use alloc::{vec, vec::Vec};
use hedgerow_base::{PersonId, WidgetId};
use hedgerow_wire::directory::{Role, Subject};

fn person(n: u32) -> PersonId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&n.to_be_bytes());
    PersonId(id)
}
fn widget(n: u8) -> WidgetId {
    WidgetId([n; 16])
}
fn rated(by: u32, of: u8, stars: u8) -> Rated {
    Rated {
        by: person(by),
        widget: widget(of),
        stars,
    }
}
fn certified(by: u32, role: Role, subject: Subject) -> Certified {
    Certified {
        by: person(by),
        role,
        subject,
    }
}
/// Person 0 is oneself and trusts 1 and 2.
fn evidence(ratings: Vec<Rated>) -> Evidence {
    Evidence {
        me: Some(person(0)),
        trusted: [person(1), person(2)].into(),
        ratings,
        ..Evidence::default()
    }
}

#[test]
fn a_thousand_strangers_together_weigh_less_than_two_trusted_people() {
    let mut ratings = vec![rated(1, 7, 1), rated(2, 7, 1)];
    ratings.extend((0..1_000).map(|n| rated(1_000 + n, 7, 5)));
    let standing = Standing::of(&evidence(ratings));
    let stars = standing.widget(&widget(7)).stars.unwrap();
    assert!(stars < 3.0, "{stars}");
    assert_eq!(standing.widget(&widget(7)).ratings, 1_002);
}

#[test]
fn attack_27_slander_by_any_number_of_strangers_leaves_a_trusted_top_widget_on_top() {
    for sybils in [10, 1_000, 20_000] {
        let mut ratings = vec![rated(1, 1, 5), rated(2, 1, 5), rated(1, 2, 3), rated(2, 2, 3)];
        ratings.extend((0..sybils).flat_map(|n| [rated(1_000 + n, 1, 1), rated(1_000 + n, 2, 5)]));
        let standing = Standing::of(&evidence(ratings));
        let (good, fake) = (standing.widget(&widget(1)), standing.widget(&widget(2)));
        assert!(good.rank > fake.rank, "{sybils} strangers: {good:?} {fake:?}");
    }
}

#[test]
fn one_five_star_rating_ranks_below_many_that_are_nearly_as_good() {
    let mut all = evidence(vec![rated(1, 1, 5)]);
    for n in 10..40 {
        all.trusted.insert(person(n));
        all.ratings.push(rated(n, 2, if n % 10 == 0 { 4 } else { 5 }));
    }
    let standing = Standing::of(&all);
    assert!(standing.widget(&widget(2)).rank > standing.widget(&widget(1)).rank);
}

#[test]
fn nobody_raises_their_own_widget() {
    let mut all = evidence(vec![rated(1, 3, 5)]);
    all.authors.insert(widget(3), person(1));
    let standing = Standing::of(&all);
    assert_eq!(standing.widget(&widget(3)).stars, None);
    assert_eq!(standing.widget(&widget(3)).rank, 0.0);
}

#[test]
fn who_is_vouched_for_by_somebody_trusted_becomes_known_and_their_word_counts() {
    let mut all = evidence(vec![rated(5, 4, 5)]);
    assert!(!Standing::of(&all).knows(&person(5)));
    all.certificates = vec![certified(1, Role::Vouch, Subject::Person(person(5)))];
    let standing = Standing::of(&all);
    assert!(standing.knows(&person(5)), "{}", standing.trust(&person(5)));
    assert_eq!(standing.widget(&widget(4)).liked, 1);
}

#[test]
fn attack_31_people_who_vouch_for_each_other_in_a_circle_stay_strangers() {
    for size in [2u32, 10, 500] {
        let mut all = evidence(Vec::new());
        all.certificates = (0..size)
            .map(|n| certified(100 + n, Role::Vouch, Subject::Person(person(100 + (n + 1) % size))))
            .collect();
        all.ratings = (0..size).map(|n| rated(100 + n, 9, 5)).collect();
        let standing = Standing::of(&all);
        assert!((0..size).all(|n| standing.trust(&person(100 + n)) < KNOWN));
        assert_eq!(standing.widget(&widget(9)).liked, 0);
    }
}

#[test]
fn whoever_copies_two_of_ones_ratings_is_a_stranger_and_who_agrees_on_many_is_not() {
    let mut all = evidence(vec![rated(0, 1, 5), rated(0, 2, 1), rated(50, 1, 5), rated(50, 2, 1)]);
    all.trusted.clear();
    assert!(!Standing::of(&all).knows(&person(50)));
    for n in 3..12 {
        let stars = if n % 2 == 0 { 5 } else { 1 };
        all.ratings
            .extend([rated(0, n, stars), rated(60, n, stars), rated(70, n, 6 - stars)]);
    }
    let standing = Standing::of(&all);
    assert!(standing.knows(&person(60)));
    assert!(
        !standing.knows(&person(70)),
        "who judges the other way round is not followed"
    );
}

#[test]
fn attack_13_the_trust_of_a_two_faced_author_is_zero_whoever_vouches() {
    let mut all = evidence(Vec::new());
    all.certificates = vec![
        certified(1, Role::Vouch, Subject::Person(person(5))),
        certified(5, Role::Vouch, Subject::Person(person(6))),
    ];
    all.two_faced.insert(person(5));
    let standing = Standing::of(&all);
    assert_eq!(standing.trust(&person(5)), 0.0);
    assert_eq!(standing.trust(&person(6)), 0.0, "nor do they lead to anybody");
}

#[test]
fn block_lists_hide_what_they_name_only_for_those_who_use_them() {
    let mut all = evidence(Vec::new());
    all.certificates = vec![certified(9, Role::Block, Subject::Widget(widget(1)))];
    assert_eq!(Standing::of(&all).hidden(&Subject::Widget(widget(1))), None);
    all.block_lists.insert(person(9));
    assert_eq!(
        Standing::of(&all).hidden(&Subject::Widget(widget(1))),
        Some(Hidden::List(person(9)))
    );
    all.blocked.insert(Subject::Widget(widget(2)));
    assert_eq!(
        Standing::of(&all).hidden(&Subject::Widget(widget(2))),
        Some(Hidden::Own)
    );
}

#[test]
fn nobody_blocks_a_person_from_themselves() {
    let mut all = evidence(Vec::new());
    all.certificates = vec![certified(9, Role::Block, Subject::Person(person(0)))];
    all.block_lists.insert(person(9));
    assert_eq!(Standing::of(&all).hidden(&Subject::Person(person(0))), None);
}

#[test]
fn reports_of_trusted_people_weigh_and_those_of_strangers_do_not() {
    let mut all = evidence(Vec::new());
    all.certificates = (100..200)
        .map(|n| certified(n, Role::Report, Subject::Widget(widget(1))))
        .collect();
    assert_eq!(Standing::of(&all).widget(&widget(1)).against, 0.0);
    all.certificates
        .push(certified(1, Role::Report, Subject::Widget(widget(1))));
    assert!(Standing::of(&all).widget(&widget(1)).against >= 0.5);
}

#[test]
fn a_vouched_author_vouches_all_widgets_of_theirs_and_a_new_one_has_no_reputation() {
    let mut all = evidence(vec![rated(1, 1, 5), rated(2, 1, 5), rated(1, 2, 5)]);
    all.authors = [(widget(1), person(5)), (widget(2), person(5)), (widget(3), person(6))].into();
    all.certificates = vec![certified(1, Role::Vouch, Subject::Person(person(5)))];
    let standing = Standing::of(&all);
    assert!(standing.is_vouched(&widget(2), Some(&person(5))));
    assert!(!standing.is_vouched(&widget(3), Some(&person(6))));
    assert!(standing.reputation(&all, &person(5)) > 0.2);
    assert_eq!(standing.reputation(&all, &person(6)), 0.0);
    let mut more = all.clone();
    more.ratings.extend((1_000..1_500).map(|n| rated(n, 1, 1)));
    let after = Standing::of(&more).reputation(&more, &person(5));
    assert_eq!(after, standing.reputation(&all, &person(5)), "strangers do not move it");
}

#[test]
fn what_one_tried_oneself_orders_ones_own_list_whatever_known_liars_say() {
    let mut all = evidence(vec![
        rated(0, 1, 2),
        rated(0, 2, 5),
        rated(1, 1, 5),
        rated(2, 1, 5),
        rated(1, 2, 1),
        rated(2, 2, 1),
    ]);
    for n in 3..9 {
        all.trusted.insert(person(n));
        all.ratings.extend([rated(n, 1, 5), rated(n, 2, 1)]);
    }
    let standing = Standing::of(&all);
    assert!(standing.widget(&widget(2)).rank > standing.widget(&widget(1)).rank);
    assert!(
        standing.widget(&widget(1)).stars > standing.widget(&widget(2)).stars,
        "the stars are those of all"
    );
}
