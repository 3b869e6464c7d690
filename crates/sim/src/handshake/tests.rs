use super::{Blow, Recovery, run, steady, steady_events};
use crate::figures::{Column, Figures, Values};

fn values(column: Column) -> Values {
    Figures::own().unwrap().values(column).unwrap()
}

/// The fast way says what the exact one says: shares within half a per cent of all clients, times within half a second and a twentieth,
/// requests within a tenth.
fn agree(name: &str, blow: &Blow) {
    let (exact, fast) = (blow.by_events(3), blow.in_aggregate());
    let near = |what: &str, exact: f64, fast: f64, slack: f64| {
        assert!(
            (exact - fast).abs() <= slack,
            "{name}: {what} {exact} and {fast}\n{exact:?} {fast:?}"
        );
    };
    near("at once", exact.served_at_once, fast.served_at_once, 0.005);
    near("unserved", exact.unserved, fast.unserved, 0.005);
    let time = |recovery: &Recovery| recovery.served_99_s.unwrap_or(1e9);
    near("99 %", time(&exact), time(&fast), 0.5 + time(&exact) * 0.05);
    near("busiest", exact.busiest, fast.busiest, 0.2 + exact.busiest * 0.1);
    near(
        "most",
        exact.busiest_most,
        fast.busiest_most,
        3.0 + exact.busiest_most * 0.2,
    );
    near("attempts", exact.attempts, fast.attempts, exact.attempts * 0.1);
}

#[test]
fn the_fast_way_agrees_with_the_exact_one() {
    for (column, silent) in [
        (Column::Today, false),
        (Column::Today, true),
        (Column::Goal, false),
        (Column::Goal, true),
    ] {
        agree(
            &format!("{column:?} {silent}"),
            &Blow::new(40_000.0, &values(column), 0.3, silent),
        );
    }
    let mut crowded = Blow::new(40_000.0, &values(Column::Goal), 0.3, false);
    (crowded.micro_server_share, crowded.jitter, crowded.crash_notice) = (0.002, 0.0, 0.0);
    agree("crowded", &crowded);
    (crowded.homes, crowded.silent) = (3, true);
    agree("three homes", &crowded);
}

#[test]
fn without_shedding_and_jitter_a_crowd_that_retries_is_never_served() {
    let mut blow = Blow::new(40_000.0, &values(Column::Today), 0.3, false);
    (blow.micro_server_share, blow.crash_notice) = (0.001, 0.0);
    agree("stampede", &blow);
    let recovery = blow.by_events(1);
    assert!(recovery.served_99_s.is_none_or(|time| time > 30.0), "{recovery:?}");
    let mut goal = Blow::new(40_000.0, &values(Column::Goal), 0.3, false);
    goal.micro_server_share = 0.001;
    let recovery = goal.by_events(1);
    assert!(recovery.served_99_s.is_some_and(|time| time < 30.0), "{recovery:?}");
}

#[test]
fn more_jitter_means_a_smaller_peak_and_a_later_end() {
    let with = |jitter| {
        let mut blow = Blow::new(1e9, &values(Column::Goal), 0.3, false);
        (blow.jitter, blow.spare_jitter, blow.crash_notice) = (jitter, jitter * 30.0, 0.0);
        blow.in_aggregate()
    };
    let (none, some, much) = (with(0.0), with(2.0), with(20.0));
    assert!(none.busiest > 2.0 * some.busiest && some.busiest > 2.0 * much.busiest);
    assert!(some.served_99_s < much.served_99_s);
}

#[test]
fn a_seed_gives_the_same_and_another_seed_another_run() {
    let blow = Blow::new(5_000.0, &values(Column::Goal), 0.3, true);
    assert_eq!(blow.by_events(5), blow.by_events(5));
    assert_ne!(blow.by_events(5), blow.by_events(6));
    let day = |seed| steady_events(200, &values(Column::Goal), seed);
    assert_eq!(day(1), day(1));
    assert_ne!(day(1), day(2));
}

#[test]
fn every_user_has_a_home_when_nothing_vanishes_and_nobody_when_all_does() {
    let blow = |vanishing| Blow::new(200.0, &values(Column::Goal), vanishing, false);
    for recovery in [blow(0.0).by_events(1), blow(0.0).in_aggregate()] {
        assert_eq!((recovery.served_at_once, recovery.served_99_s), (1.0, Some(0.0)));
    }
    for recovery in [blow(1.0).by_events(1), blow(1.0).in_aggregate()] {
        assert_eq!((recovery.unserved, recovery.served_99_s), (1.0, None));
    }
}

#[test]
fn a_day_by_events_has_the_mean_and_the_spread_that_were_computed() {
    let values = values(Column::Goal);
    let day = steady_events(5_000, &values, 2);
    let found = day.iter().sum::<f64>() / day.len() as f64;
    let said = steady(5_000.0, &values);
    let load = &said.kbit_s;
    let expected = load.total - load.publishing - load.lookups;
    assert!((found / expected - 1.0).abs() < 0.02, "{found} and {expected}");
    let most = day.last().unwrap() / found;
    let expected = f64::from(said.clients_most) / said.clients;
    assert!((most / expected - 1.0).abs() < 0.1, "{most} and {expected}");
}

#[test]
fn so_few_that_they_share_one_micro_server_are_no_problem() {
    let blow = Blow::new(100.0, &values(Column::Goal), 0.3, false);
    for recovery in [blow.by_events(1), blow.in_aggregate()] {
        assert_eq!((recovery.served_at_once, recovery.unserved), (1.0, 0.0));
    }
}

#[test]
fn the_load_of_one_does_not_depend_on_how_many_there_are() {
    let values = values(Column::Goal);
    let (few, many) = (steady(1e6, &values), steady(1e9, &values));
    assert!((few.kbit_s.total - many.kbit_s.total).abs() < 1e-9);
    assert!(few.clients_most < many.clients_most);
}

#[test]
fn a_billion_users_are_answered_for_at_once_and_nothing_central_is_needed() {
    let report = run(1e9, 0.3, 1, Figures::own().unwrap()).unwrap();
    assert_eq!(report.central.bytes_per_month, 0.0);
    assert!(report.central.with_list_dollars_per_month <= 1_000.0);
    assert!(report.goal.clients_most < report.goal.clients_limit);
    let text = report.text();
    for word in [
        "1 billion users",
        "10 million micro-servers",
        "goal, crash",
        "event by event",
    ] {
        assert!(text.contains(word), "{text}");
    }
}
