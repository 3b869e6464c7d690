//! How fast components are, and how soon they are stopped: `cargo run --release -p hedgerow-sandbox --example component`.
//! Prints JSON for `cargo xtask bench`. A path after it measures loading that component.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // it measures

use hedgerow_sandbox::component::{
    Answer, Calls, Components, Fault, Kept, Limits, Outcome, Program, Progress, Settings, child_main, hash_of,
};
use serde_json::{Value, json};
use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

struct Node;

impl Calls for Node {
    fn call(&self, _: &'static str, _: Value) -> Answer {
        Box::pin(async { Ok(json!({})) })
    }
    fn log(&self, _: &str) {}
    fn tell_page(&self, _: Value) {}
}

/// On start: nothing. On wake: a million times the clock. On a page's message: for ever.
const CORE: &str = r#"(module
  (import "hedgerow:widget/host@0.1.0" "now-ms" (func $now (result i64)))
  (import "hedgerow:widget/app@0.1.0" "realtime-send" (func $send (param i32 i32 i32)))
  (memory (export "memory") 17)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (i32.const 64))))
  (func (export "hedgerow:widget/guest@0.1.0#handle") (param $event i32) (local $n i32)
    (global.set $free (i32.const 65536))
    (if (i32.eq (i32.load8_u (local.get $event)) (i32.const 1)) (then
      (loop
        (drop (call $now))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $n) (i32.const 1000000))))))
    (if (i32.eq (i32.load8_u (local.get $event)) (i32.const 2)) (then
      (if (i32.eq (i32.load8_u (i32.load offset=8 (local.get $event))) (i32.const 49))
        (then (loop br 0))
        (else (loop
          (call $send (i32.const 16) (i32.const 0) (i32.const 32))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if 0 (i32.lt_u (local.get $n) (i32.const 1000))))))))))"#;

fn component() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("hedgerow.wit", &hedgerow_api::doc::wit()).unwrap();
    let world = resolve.select_world(&[package], Some("component")).unwrap();
    let mut module = wat::parse_str(CORE).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.encode().unwrap()
}

fn number(name: &str, mut all: Vec<f64>, at: f64, unit: &str, target: f64) -> String {
    all.sort_by(f64::total_cmp);
    let pick = |part: f64| (all[((all.len() - 1) as f64 * part) as usize] * 100.0).round() / 100.0;
    let (median, min, max) = (pick(at), pick(0.0), pick(1.0));
    let ok = median <= target;
    format!(
        r#""{name}": {{"median": {median}, "min": {min}, "max": {max}, "unit": "{unit}", "target": {target:.1}, "ok": {ok}}}"#
    )
}

async fn instantiated(program: &Program) -> Vec<f64> {
    let mut all = Vec::new();
    for _ in 0..5000 {
        let begun = Instant::now();
        let run = program.start(Arc::new(Node), Kept::default()).await.unwrap();
        all.push(begun.elapsed().as_secs_f64() * 1e6);
        drop(run);
    }
    all
}

async fn loaded(all: &Components, hash: [u8; 32]) -> Vec<f64> {
    let mut took = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        all.ready(hash).await.unwrap().unwrap();
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took
}

/// Nanoseconds for each of `count` calls that an event makes.
async fn called(program: &Program, event: Value, count: f64) -> Vec<f64> {
    let mut all = Vec::new();
    for _ in 0..7 {
        let mut run = program.start(Arc::new(Node), Kept::default()).await.unwrap();
        let begun = Instant::now();
        let outcome = run.handle(&event).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        all.push(begun.elapsed().as_secs_f64() * 1e9 / count);
    }
    all
}

/// Milliseconds of the processor beyond the deadline.
async fn overshot(program: &Program, deadline: Duration) -> Vec<f64> {
    let mut all = Vec::new();
    for _ in 0..7 {
        let mut run = program.start(Arc::new(Node), Kept::default()).await.unwrap();
        let usage = run.usage();
        let outcome = run.handle(&json!({"event": "page_message", "message": 1})).await;
        assert!(matches!(outcome, Outcome::Ended(Fault::Runaway(_))), "{outcome:?}");
        all.push(usage.figures().cpu_us as f64 / 1e3 - deadline.as_secs_f64() * 1e3);
    }
    all
}

/// Milliseconds until one that spins is stopped.
async fn stopped(program: &Program) -> Vec<f64> {
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut run = program.start(Arc::new(Node), Kept::default()).await.unwrap();
        let stopper = run.stopper();
        let spins = tokio::spawn(async move {
            let outcome = run.handle(&json!({"event": "page_message", "message": 1})).await;
            assert_eq!(outcome, Outcome::Ended(Fault::Stopped));
            Instant::now()
        });
        tokio::time::sleep(Duration::from_millis(37)).await;
        let begun = Instant::now();
        stopper.stop();
        all.push(spins.await.unwrap().duration_since(begun).as_secs_f64() * 1e3);
    }
    all
}

async fn measure(given: Option<String>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let deadline = Duration::from_millis(200);
    let limits = Limits {
        event_cpu: deadline,
        calls: u32::MAX,
        bytes_out: usize::MAX,
        ..Limits::default()
    };
    let all = Components::open(Settings {
        folder: folder.path().to_owned(),
        compiler: vec![std::env::current_exe().unwrap().into(), "translate".into()],
        limits,
    });
    let all = all.unwrap();
    let wasm = given
        .as_ref()
        .map_or_else(component, |path| std::fs::read(path).unwrap());
    let mut compiled = Vec::new();
    let progress = |p| {
        if let Progress::Done { seconds } = p {
            compiled.push(seconds);
        }
    };
    let program = all.install(&wasm, progress).await.unwrap();
    let mut numbers = vec![
        number("component_translate", compiled, 0.5, "s", 60.0),
        number(
            "component_cached_load",
            loaded(&all, hash_of(&wasm)).await,
            0.5,
            "ms",
            50.0,
        ),
        number(
            "component_instantiate_p50",
            instantiated(&program).await,
            0.5,
            "us",
            50.0,
        ),
        number(
            "component_instantiate_p99",
            instantiated(&program).await,
            0.99,
            "us",
            1000.0,
        ),
    ];
    if given.is_none() {
        numbers.extend(running(&program, deadline).await);
    }
    numbers
}

async fn running(program: &Program, deadline: Duration) -> [String; 4] {
    let host = called(program, json!({"event": "wake"}), 1e6).await;
    let api = called(program, json!({"event": "page_message", "message": 2}), 1e3).await;
    [
        number("component_host_call", host, 0.5, "ns", 2000.0),
        number("component_api_call", api, 0.5, "ns", 20_000.0),
        number(
            "component_runaway_overshoot",
            overshot(program, deadline).await,
            1.0,
            "ms",
            50.0,
        ),
        number("component_stop", stopped(program).await, 1.0, "ms", 50.0),
    ]
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|a| a == "translate").is_some() {
        return child_main(arguments);
    }
    let given = arguments.next().map(|a| a.to_string_lossy().into_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    println!("{{{}}}", runtime.unwrap().block_on(measure(given)).join(", "));
    ExitCode::SUCCESS
}
