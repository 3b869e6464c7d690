//! For the attack suite (`e2e/attack`): makes components of the text of their core modules, and runs any component in a
//! host without a single limit, which is what the limits of ours are compared with.
//!
//! `guests make FOLDER` reads `[{name, wat} | {name, imports, parts, body, wit}]` and writes `FOLDER/NAME.wasm`;
//! `guests translate FILE TO` writes translated code; `guests bare FILE MS` runs it and says what it did; `guests deep`
//! calls itself until its process dies.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // it is a tool of tests

use serde_json::{Value, json};
use std::{
    env, fs,
    io::Read as _,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use wasmtime::{
    Engine, Store,
    component::{
        Component, Linker, Val,
        types::{ComponentItem, Type},
    },
};

#[path = "../tests/components/guest.rs"]
mod guest;
use guest::{core, encoded};

fn make(folder: &Path) {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    for one in list {
        let part = |name: &str| one[name].as_str().unwrap_or_default();
        let bytes = match one["wat"].as_str() {
            Some(wat) => wat::parse_str(wat).unwrap(),
            None => {
                let ours = hedgerow_api::doc::wit();
                let wit = one["wit"].as_str().unwrap_or(&ours);
                encoded(wit, &core(part("imports"), part("parts"), part("body")))
            }
        };
        fs::write(folder.join(format!("{}.wasm", part("name"))), bytes).unwrap();
    }
}

/// What a component did where nothing holds it back.
#[derive(Default)]
struct Told {
    loaded: AtomicU64,
    ran: AtomicU64,
    ended: AtomicU64,
    calls: AtomicU64,
    bytes: AtomicU64,
    lines: AtomicU64,
    /// What it logged first.
    text: Mutex<String>,
}

impl Told {
    fn note(&self, given: &[Val]) {
        let mut text = self.text.lock().unwrap();
        if let Some(Val::String(line)) = given.first()
            && text.len() < 200
        {
            text.extend(line.chars().take(40).chain([' ']));
        }
    }
}

/// An answer of this shape, as good as it can be.
fn good(shape: &Type) -> Val {
    match shape {
        Type::Bool => Val::Bool(true),
        Type::S8 => Val::S8(0),
        Type::U8 => Val::U8(0),
        Type::S16 => Val::S16(0),
        Type::U16 => Val::U16(0),
        Type::S32 => Val::S32(0),
        Type::U32 => Val::U32(0),
        Type::S64 => Val::S64(0),
        Type::U64 => Val::U64(0),
        Type::Float32 => Val::Float32(0.0),
        Type::Float64 => Val::Float64(0.0),
        Type::Char => Val::Char('x'),
        Type::List(_) => Val::List(Vec::new()),
        Type::Record(record) => Val::Record(record.fields().map(|f| (f.name.to_owned(), good(&f.ty))).collect()),
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|t| good(&t)).collect()),
        Type::Option(_) => Val::Option(None),
        Type::Result(result) => Val::Result(Ok(result.ok().map(|t| Box::new(good(&t))))),
        Type::Enum(cases) => Val::Enum(cases.names().next().unwrap_or_default().to_owned()),
        Type::Variant(cases) => {
            let first = cases.cases().next().unwrap();
            Val::Variant(first.name.to_owned(), first.ty.map(|t| Box::new(good(&t))))
        }
        _ => Val::String(String::new()),
    }
}

fn size(value: &Val) -> u64 {
    match value {
        Val::String(text) => text.len() as u64,
        Val::List(all) => all.len() as u64,
        Val::Option(Some(inner)) => size(inner),
        _ => 0,
    }
}

/// A host that gives whatever is asked for: each function of ours that is imported, and stand-ins for all others.
fn linker(engine: &Engine, component: &Component, told: &Arc<Told>) -> wasmtime::Result<Linker<()>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        for (label, item) in instance.exports(engine) {
            let ComponentItem::ComponentFunc(shape) = item.ty else {
                continue;
            };
            let (told, is_log) = (told.clone(), label == "log");
            let answers: Vec<Type> = shape.results().collect();
            linker
                .instance(name)?
                .func_new(label, move |_, _, given: &[Val], results: &mut [Val]| {
                    let counted = if is_log { &told.lines } else { &told.calls };
                    counted.fetch_add(1, Ordering::Relaxed);
                    if is_log {
                        told.note(given);
                    }
                    told.bytes.fetch_add(given.iter().map(size).sum(), Ordering::Relaxed);
                    for (result, shape) in results.iter_mut().zip(&answers) {
                        *result = good(shape);
                    }
                    Ok(())
                })?;
        }
    }
    linker.define_unknown_imports_as_traps(component)?;
    Ok(linker)
}

fn run(file: &Path, told: &Arc<Told>) -> wasmtime::Result<()> {
    let engine = Engine::default();
    let bytes = fs::read(file)?;
    // What somebody loads who takes translated code from others. To do it would need `unsafe` code.
    if Engine::detect_precompiled(&bytes).is_some() || wasmparser::Parser::is_core_wasm(&bytes) {
        told.loaded.store(1, Ordering::Relaxed);
        return Ok(());
    }
    let component = Component::new(&engine, &bytes)?;
    let linker = linker(&engine, &component, told)?;
    let mut store = Store::new(&engine, ());
    told.loaded.store(1, Ordering::Relaxed);
    let instance = linker.instantiate(&mut store, &component)?;
    let exports: Vec<String> = component
        .component_type()
        .exports(&engine)
        .map(|(n, _)| n.to_owned())
        .collect();
    for name in exports.iter().filter(|name| name.contains("guest@")) {
        let guest = instance.get_export_index(&mut store, None, name);
        let handle = guest.and_then(|guest| instance.get_export_index(&mut store, Some(&guest), "handle"));
        let Some(handle) = handle.and_then(|handle| instance.get_func(&mut store, handle)) else {
            continue;
        };
        told.ran.store(1, Ordering::Relaxed);
        for event in ["start", "wake", "wake"] {
            handle.call(&mut store, &[Val::Variant(event.into(), None)], &mut [])?;
        }
    }
    Ok(())
}

/// The most memory that this process had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

fn bare(file: &Path, wait: Duration) {
    let told = Arc::new(Told::default());
    let (begin, shared, path) = (Instant::now(), told.clone(), file.to_owned());
    let (send, done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let outcome = run(&path, &shared);
        shared.ended.store(1, Ordering::Relaxed);
        send.send(outcome.err().map(|e| format!("{e:#}"))).unwrap_or_default();
    });
    let why = done.recv_timeout(wait).ok().flatten();
    let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
    println!(
        "{}",
        json!({
            "loaded": number(&told.loaded) > 0, "ran": number(&told.ran) > 0, "ended": number(&told.ended) > 0,
            "calls": number(&told.calls), "bytes": number(&told.bytes), "lines": number(&told.lines),
            "text": *told.text.lock().unwrap(), "peak": peak(), "ms": begin.elapsed().as_millis() as u64, "why": why,
        })
    );
    std::process::exit(0);
}

/// Calls itself without an end, as code that nobody watches can.
fn deep(n: u64) -> u64 {
    match std::hint::black_box(n) {
        0 => 0,
        n => deep(n + 1) + std::hint::black_box(1),
    }
}

fn main() {
    let given: Vec<String> = env::args().collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match given.get(1..).unwrap_or_default() {
        ["make", folder] => make(Path::new(folder)),
        ["translate", file, to] => {
            let code = Engine::default()
                .precompile_component(&fs::read(file).unwrap())
                .unwrap();
            fs::write(to, code).unwrap();
        }
        ["bare", file, ms] => bare(Path::new(file), Duration::from_millis(ms.parse().unwrap())),
        ["deep"] => println!("{}", deep(1)),
        _ => println!("guests make FOLDER | translate FILE TO | bare FILE MS | deep"),
    }
}
