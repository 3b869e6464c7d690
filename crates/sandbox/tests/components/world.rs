//! What tests share: a guest around a few instructions, a node that notes what it is asked, and a host.

pub(crate) use super::guest::{core, encoded};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_sandbox::component::{Answer, Calls, Components, Done, Kept, Limits, Outcome, Program, Running, Settings};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Imports that many guests need.
pub(crate) const LOG: &str = r#"(import "hedgerow:widget/host@0.1.0" "log" (func $log (param i32 i32)))"#;

/// A component that does this with every event.
pub(crate) fn guest(imports: &str, parts: &str, body: &str) -> Vec<u8> {
    encoded(&hedgerow_api::doc::wit(), &core(imports, parts, body))
}

/// What a component asked of its node.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) calls: Mutex<Vec<(&'static str, Value)>>,
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) told: Mutex<Vec<Value>>,
    /// What the next call answers, if that is not a refusal.
    pub(crate) answer: Mutex<Option<Value>>,
    /// Calls never come to an end.
    pub(crate) hang: std::sync::atomic::AtomicBool,
}

impl Calls for Noted {
    fn call(&self, method: &'static str, params: Value) -> Answer {
        self.calls.lock().unwrap().push((method, params));
        let answer = self.answer.lock().unwrap().clone();
        let hang = self.hang.load(std::sync::atomic::Ordering::Relaxed);
        Box::pin(async move {
            if hang {
                std::future::pending::<()>().await;
            }
            answer.ok_or_else(|| ApiError::new(ErrorCode::Denied, "it may not"))
        })
    }

    fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn tell_page(&self, message: Value) {
        self.told.lock().unwrap().push(message);
    }
}

impl Noted {
    pub(crate) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

/// A host with a folder of its own.
pub(crate) struct Host {
    pub(crate) all: Components,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn settings(folder: &std::path::Path, limits: Limits) -> Settings {
    Settings {
        folder: folder.to_owned(),
        compiler: vec![env!("CARGO_BIN_EXE_hedgerow-guard").into(), "translate".into()],
        limits,
    }
}

impl Host {
    pub(crate) fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let all = Components::open(settings(folder.path(), limits)).unwrap();
        Self { all, folder }
    }

    pub(crate) async fn program(&self, wasm: &[u8]) -> Program {
        self.all.install(wasm, |_| {}).await.unwrap()
    }
}

/// A component that runs, and what it asks.
pub(crate) struct Life {
    pub(crate) run: Running,
    pub(crate) noted: Arc<Noted>,
    _host: Host,
}

/// Puts a component to work.
pub(crate) async fn begun(limits: Limits, wasm: &[u8]) -> Life {
    let host = Host::new(limits);
    let noted = Arc::new(Noted::default());
    let program = host.program(wasm).await;
    let run = program.start(noted.clone(), Kept::default()).await.unwrap();
    Life {
        run,
        noted,
        _host: host,
    }
}

impl Life {
    pub(crate) async fn say(&mut self, event: &str) -> Outcome {
        self.run.handle(&json!({ "event": event })).await
    }

    pub(crate) async fn page(&mut self, message: Value) -> Outcome {
        self.run
            .handle(&json!({"event": "page_message", "message": message}))
            .await
    }
}

/// A good outcome.
pub(crate) fn done(outcome: Outcome) -> Done {
    match outcome {
        Outcome::Done(done) => done,
        other => panic!("{other:?}"),
    }
}

/// Limits that tests reach soon.
pub(crate) fn short() -> Limits {
    Limits {
        event_cpu: Duration::from_millis(100),
        ..Limits::default()
    }
}
