//! Whatever a component does ends in a typed outcome, and costs no more than it may.

use super::world::{Host, LOG, Noted, begun, core, done, encoded, guest, short};
use hedgerow_sandbox::component::{Fault, Kept, Limits, Outcome, State};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const SPIN: &str = "(loop br 0)";
/// Spins when it is told to wake up, and logs otherwise.
const SPIN_ON_WAKE: &str = "(if (i32.eq (i32.load8_u (local.get $event)) (i32.const 1)) (then (loop br 0)))";

#[tokio::test]
async fn a_runaway_is_ended_within_50_ms_of_its_deadline_and_lets_others_run_meanwhile() {
    let mut life = begun(short(), &guest("", "", SPIN)).await;
    // On the one thread of this test: each turn is one in which others run.
    let turns = tokio::spawn(async {
        let mut turns = 0_u32;
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            turns += 1;
            if turns >= 5 {
                return;
            }
        }
    });
    let usage = life.run.usage();
    let outcome = life.say("start").await;
    assert_eq!(outcome, Outcome::Ended(Fault::Runaway(100)));
    assert!(turns.is_finished(), "others did not run");
    let cpu = usage.figures().cpu_us;
    assert!((100_000..150_000).contains(&cpu), "{cpu} µs");
    assert_eq!(life.say("start").await, Outcome::Ended(Fault::Gone));
}

#[tokio::test]
async fn a_component_that_computes_before_its_first_event_is_ended_as_well() {
    let host = Host::new(short());
    let program = host.program(&guest("", "(func $s (loop br 0)) (start $s)", "")).await;
    let begun = program.start(Arc::new(Noted::default()), Kept::default()).await;
    assert_eq!(begun.err(), Some(Fault::Runaway(100)));
}

#[tokio::test]
async fn who_uses_the_minute_up_is_paused_until_it_is_over_and_then_goes_on() {
    let limits = Limits {
        minute: Duration::from_millis(600),
        minute_cpu: Duration::from_millis(60),
        ..Limits::default()
    };
    // Computes for some 100 ms and more on most machines, and comes to an end.
    let body = "(loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
                  (br_if 0 (i32.lt_u (local.get $n) (i32.const 400000000))))";
    let mut life = begun(limits, &guest("", "", body)).await;
    let mut state = life.run.state();
    let (usage, told) = (life.run.usage(), Instant::now());
    let paused = tokio::spawn(async move { state.wait_for(|s| matches!(s, State::Paused { .. })).await.is_ok() });
    done(life.say("start").await);
    assert!(paused.await.unwrap());
    let figures = usage.figures();
    assert!(figures.pauses >= 1, "{figures:?}");
    // It got at most a tenth of the time, but for what it had at first and a tick in each minute.
    let minutes = told.elapsed().as_secs_f64() / 0.6 + 1.0;
    let cpu = figures.cpu_us as f64 / 1e6;
    assert!(cpu <= minutes * 0.08, "{cpu} s in {minutes} minutes");
}

#[tokio::test]
async fn memory_has_a_bound_that_a_component_can_cope_with_or_end_at() {
    let limits = Limits {
        memory: 8 << 20,
        ..Limits::default()
    };
    let grow = |body: &str| {
        guest(
            "",
            "",
            &format!("(if (i32.eq (memory.grow (i32.const 65)) (i32.const -1)) (then {body}))"),
        )
    };
    let mut life = begun(limits.clone(), &grow("")).await;
    done(life.say("start").await);
    assert_eq!(life.run.usage().figures().memory, 4 << 20);
    let mut life = begun(limits.clone(), &grow("unreachable")).await;
    assert_eq!(life.say("start").await, Outcome::Ended(Fault::Memory(8)));
    assert_eq!(life.run.usage().figures().memory, 0, "and what it had is free");
    let most = guest(
        "",
        "",
        "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable))",
    );
    done(begun(limits, &most).await.say("start").await);
}

#[tokio::test]
async fn memory_that_is_too_large_from_the_start_is_a_typed_error() {
    let limits = Limits {
        memory: 2 << 20,
        ..Limits::default()
    };
    let host = Host::new(limits);
    let program = host.program(&guest("", "", "")).await;
    let begun = program.start(Arc::new(Noted::default()), Kept::default()).await;
    assert_eq!(begun.err(), Some(Fault::Memory(2)));
}

#[tokio::test]
async fn recursion_and_traps_end_the_component_and_nothing_else() {
    let deep = guest(
        "",
        "(func $f (param i64) (call $f (local.get 0)) (call $f (local.get 0)))",
        "(call $f (i64.const 1))",
    );
    assert_eq!(
        begun(Limits::default(), &deep).await.say("start").await,
        Outcome::Ended(Fault::Stack)
    );
    let traps = [
        "unreachable",
        "(drop (i32.load (i32.const -4)))",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
    ];
    for body in traps {
        let outcome = begun(Limits::default(), &guest("", "", body)).await.say("start").await;
        assert!(matches!(outcome, Outcome::Ended(Fault::Trap(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn tables_have_a_bound() {
    let grow = "(if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000000)) (i32.const -1)) (then unreachable))";
    let mut life = begun(Limits::default(), &guest("", "(table $t 1 funcref)", grow)).await;
    done(life.say("start").await);
}

#[tokio::test]
async fn texts_that_are_not_there_or_no_texts_end_the_component() {
    // Beyond the memory; of 4 GiB; no UTF-8.
    let bad = [
        "(i32.const -10) (i32.const 8)",
        "(i32.const 8) (i32.const -1)",
        "(i32.const 16) (i32.const 1)",
    ];
    for text in bad {
        let wasm = guest(LOG, "(data (i32.const 16) \"\\ff\")", &format!("(call $log {text})"));
        let outcome = begun(Limits::default(), &wasm).await.say("start").await;
        assert!(matches!(outcome, Outcome::Ended(Fault::Trap(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_text_that_is_too_large_for_a_call_is_not_copied() {
    let limits = Limits {
        value: 10_000,
        ..Limits::default()
    };
    let mut life = begun(limits, &guest(LOG, "", "(call $log (i32.const 0) (i32.const 50000))")).await;
    assert!(matches!(life.say("start").await, Outcome::Ended(Fault::Trap(_))));
    assert_eq!(life.noted.lines(), [""; 0]);
}

#[tokio::test]
async fn an_event_that_is_too_large_or_unknown_is_left_out_and_the_next_is_handled() {
    let limits = Limits {
        value: 10_000,
        ..Limits::default()
    };
    let mut life = begun(limits, &guest("", "", "")).await;
    assert!(matches!(
        life.page(json!("x".repeat(10_000))).await,
        Outcome::Skipped(_)
    ));
    assert!(matches!(life.say("layout_changed").await, Outcome::Skipped(_)));
    assert!(
        matches!(life.say("peers.message").await, Outcome::Skipped(_)),
        "without its fields"
    );
    done(life.page(json!("x".repeat(9_000))).await);
}

#[tokio::test]
async fn lines_of_the_log_are_cut_and_counted() {
    let limits = Limits {
        log: 3 << 10,
        ..Limits::default()
    };
    let body = "(memory.fill (i32.const 1000) (i32.const 120) (i32.const 5000))
                (loop (call $log (i32.const 1000) (i32.const 5000))
                  (local.set $n (i32.add (local.get $n) (i32.const 1)))
                  (br_if 0 (i32.lt_u (local.get $n) (i32.const 100))))";
    let mut life = begun(limits, &guest(LOG, "", body)).await;
    done(life.say("start").await);
    let lines = life.noted.lines();
    assert_eq!(lines.len(), 4, "three that fit, and that there were more");
    assert!(lines[..3].iter().all(|line| *line == "x".repeat(1024)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_ends_a_component_that_spins_within_50_ms() {
    let mut life = begun(Limits::default(), &guest("", "", SPIN_ON_WAKE)).await;
    done(life.say("start").await);
    let stopper = life.run.stopper();
    let task = tokio::spawn(async move {
        let outcome = life.say("wake").await;
        (outcome, Instant::now(), life)
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    let stopped = Instant::now();
    stopper.stop();
    let (outcome, ended, mut life) = task.await.unwrap();
    assert_eq!(outcome, Outcome::Ended(Fault::Stopped));
    let took = ended.duration_since(stopped);
    assert!(took < Duration::from_millis(50), "{took:?}");
    assert_eq!(life.say("start").await, Outcome::Ended(Fault::Stopped));
}

#[tokio::test]
async fn who_drops_an_event_that_is_being_handled_ends_the_component() {
    let mut life = begun(Limits::default(), &guest("", "", SPIN_ON_WAKE)).await;
    let dropped = tokio::time::timeout(Duration::from_millis(20), life.say("wake")).await;
    assert!(dropped.is_err());
    assert_eq!(life.say("start").await, Outcome::Ended(Fault::Gone));
}

#[tokio::test]
async fn many_modules_within_one_component_have_one_bound_for_their_memory() {
    // Two memories in one module are as good as two modules here.
    let core = core("", "(memory 64)", "");
    let host = Host::new(Limits {
        memory: 6 << 20,
        ..Limits::default()
    });
    let program = host.program(&encoded(&hedgerow_api::doc::wit(), &core)).await;
    let begun = program.start(Arc::new(Noted::default()), Kept::default()).await;
    assert_eq!(begun.err(), Some(Fault::Memory(6)));
}
