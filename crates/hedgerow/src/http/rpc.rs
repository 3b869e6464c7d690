//! JSON-RPC 2.0: reads a call, answers what this server owns itself, hands the rest to the node.

use super::{Shared, backend::Backend};
use hedgerow_api::{
    ApiError, ErrorCode, Event, Request,
    types::{InstanceParams, LoginLink, Nothing},
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A call as it came.
pub(super) struct Call {
    /// `None`: the caller wants no answer.
    id: Option<Value>,
    method: String,
    params: Value,
}

impl Call {
    /// Reads one call.
    ///
    /// # Errors
    /// The answer to send instead.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Value> {
        let bad = |message: String| failure(Value::Null, &ApiError::new(ErrorCode::Malformed, message));
        let value: Value = serde_json::from_slice(text).map_err(|e| bad(format!("this is not JSON: {e}")))?;
        let Value::Object(mut fields) = value else {
            return Err(bad("send one JSON-RPC 2.0 call as an object".into()));
        };
        let id = fields.remove("id");
        let id_is_good = id
            .as_ref()
            .is_none_or(|id| id.is_string() || id.is_number() || id.is_null());
        match (
            fields.remove("jsonrpc"),
            fields.remove("method"),
            fields.remove("params"),
        ) {
            (Some(Value::String(version)), Some(Value::String(method)), params) if version == "2.0" && id_is_good => {
                let params = params.unwrap_or(Value::Object(Map::new()));
                Ok(Self { id, method, params })
            }
            _ => Err(bad("a call has \"jsonrpc\": \"2.0\", an \"id\" and a \"method\"".into())),
        }
    }
}

fn failure(id: Value, error: &ApiError) -> Value {
    json!({
        "jsonrpc": "2.0", "id": id,
        "error": {"code": error.code.number(), "message": error.message, "data": {"code": error.code}},
    })
}

/// The notification for an event.
pub(super) fn notification(event: &Event) -> String {
    json!({"jsonrpc": "2.0", "method": "event", "params": event}).to_string()
}

/// What instances one dashboard connection has open.
#[derive(Default)]
pub(super) struct Opened(Mutex<BTreeSet<(Use, String)>>);

/// How many connections have what open: the node knows only "open" and "closed".
pub(super) type OpenCounts = BTreeMap<(Use, String), u32>;

/// What a connection uses of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Its updates.
    Updates,
    /// Its realtime channel.
    Realtime,
}

impl Opened {
    fn set(&self) -> MutexGuard<'_, BTreeSet<(Use, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this connection is to be told of an event.
    pub(super) fn wants(&self, event: &Event) -> bool {
        match event {
            Event::AppUpdate { instance, .. } => self.set().contains(&(Use::Updates, instance.clone())),
            Event::AppRealtime { instance, .. } => self.set().contains(&(Use::Realtime, instance.clone())),
            _ => true,
        }
    }

    fn add<B>(&self, shared: &Shared<B>, key: &(Use, String)) {
        if self.set().insert(key.clone()) {
            let mut counts = counts(shared);
            let count = counts.entry(key.clone()).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes it out; answers whether nobody else has it open.
    fn take<B>(&self, shared: &Shared<B>, key: &(Use, String)) -> bool {
        if !self.set().remove(key) {
            return !counts(shared).contains_key(key);
        }
        let mut counts = counts(shared);
        let left = counts.get(key).copied().unwrap_or(0).saturating_sub(1);
        match left {
            0 => counts.remove(key),
            left => counts.insert(key.clone(), left),
        };
        left == 0
    }

    /// The connection is gone: closes what only it had open.
    pub(super) async fn close_all<B: Backend>(&self, shared: &Shared<B>) {
        let keys = self.set().clone();
        for key in keys {
            if !self.take(shared, &key) {
                continue;
            }
            let (used, instance) = key;
            let request = match used {
                Use::Updates => Request::AppClose(InstanceParams { instance }),
                Use::Realtime => Request::AppRealtimeJoin(hedgerow_api::types::RealtimeJoinParams {
                    instance,
                    joined: false,
                }),
            };
            if let Err(e) = shared.backend.call(request).await {
                tracing::debug!("closing an instance: {e}");
            }
        }
    }
}

fn counts<B>(shared: &Shared<B>) -> MutexGuard<'_, OpenCounts> {
    shared.opened.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries out a call; `None` when the caller wants no answer. `opened` is of the connection, if it is one that
/// lasts.
pub(super) async fn run<B: Backend>(shared: &Shared<B>, opened: Option<&Opened>, call: Call) -> Option<Value> {
    let outcome = match Request::parse(&call.method, call.params) {
        Ok(request) => carry_out(shared, opened, request).await,
        Err(e) => Err(e),
    };
    let id = call.id?;
    Some(match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(e) => failure(id, &e),
    })
}

async fn carry_out<B: Backend>(
    shared: &Shared<B>,
    opened: Option<&Opened>,
    request: Request,
) -> Result<Value, ApiError> {
    match (&request, opened) {
        (Request::NodeLoginLink(_), _) => result(&LoginLink {
            hub: shared.login_link(),
        }),
        (Request::NodeShutdown(_), _) => {
            // Whoever started the server ends the node when this is said.
            shared.ending.send_replace(true);
            result(&Nothing {})
        }
        (Request::AppOpen(p), Some(opened)) => {
            let key = (Use::Updates, p.instance.clone());
            open(shared, opened, key, request).await
        }
        // Without a connection that lasts nobody would close it.
        (Request::AppOpen(p), None) => {
            let instance = p.instance.clone();
            let outcome = shared.backend.call(request).await;
            if outcome.is_ok() && !counts(shared).contains_key(&(Use::Updates, instance.clone())) {
                shared
                    .backend
                    .call(Request::AppClose(InstanceParams { instance }))
                    .await?;
            }
            outcome
        }
        (Request::AppRealtimeJoin(p), Some(opened)) => {
            let key = (Use::Realtime, p.instance.clone());
            match p.joined {
                true => open(shared, opened, key, request).await,
                false => close(shared, opened, key, request).await,
            }
        }
        (Request::AppClose(p), Some(opened)) => {
            let key = (Use::Updates, p.instance.clone());
            close(shared, opened, key, request).await
        }
        _ => shared.backend.call(request).await,
    }
}

/// Notes it as open first, so that no event between the node's answer and the note is lost.
async fn open<B: Backend>(
    shared: &Shared<B>,
    opened: &Opened,
    key: (Use, String),
    request: Request,
) -> Result<Value, ApiError> {
    opened.add(shared, &key);
    let outcome = shared.backend.call(request).await;
    if outcome.is_err() {
        opened.take(shared, &key);
    }
    outcome
}

async fn close<B: Backend>(
    shared: &Shared<B>,
    opened: &Opened,
    key: (Use, String),
    request: Request,
) -> Result<Value, ApiError> {
    match opened.take(shared, &key) {
        true => shared.backend.call(request).await,
        false => result(&Nothing {}),
    }
}

fn result(value: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(|e| ApiError::new(ErrorCode::Bug, format!("cannot write the answer: {e}")))
}
