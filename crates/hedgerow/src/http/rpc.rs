//! JSON-RPC 2.0: answers what this server owns itself, hands the rest to the node.

use super::{Shared, backend::Backend};
use hedgerow_api::{
    ApiError, ErrorCode, Event, Permission, Request,
    call::{Call, failure},
    types::{AppParams, InstanceParams, LoginLink, Nothing, OpenPeersParams, RealtimeJoinParams},
};
use hedgerow_base::AppName;
use hedgerow_node::Caller;
use hedgerow_sandbox::Tier;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The notification for an event.
pub(super) fn notification(event: &Event) -> String {
    // Written at once, without a tree of values in between: there may be thousands a second.
    let params = serde_json::to_string(event).unwrap_or_else(|_| "{}".into());
    format!(r#"{{"jsonrpc":"2.0","method":"event","params":{params}}}"#)
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
    /// Messages of its equals. The key is the `listener` of events.
    Peers,
}

impl Opened {
    fn set(&self) -> MutexGuard<'_, BTreeSet<(Use, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this connection is to be told of an event.
    pub(super) fn wants(&self, event: &Event) -> bool {
        match event {
            Event::AppUpdate { instance, .. } => self.set().contains(&(Use::Updates, instance.clone())),
            // Only to those who have it open.
            Event::BackgroundMessage { instance, .. } => self.set().contains(&(Use::Updates, instance.clone())),
            Event::AppRealtime { instance, .. } => self.set().contains(&(Use::Realtime, instance.clone())),
            _ => event
                .listener()
                .is_none_or(|listener| self.set().contains(&(Use::Peers, listener.to_owned()))),
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
    pub(super) async fn close_all<B: Backend>(&self, shared: &Shared<B>, caller: &Caller) {
        let keys = self.set().clone();
        for key in keys {
            if !self.take(shared, &key) {
                continue;
            }
            let (used, instance) = key;
            let request = match used {
                Use::Updates => Request::AppClose(InstanceParams { instance }),
                Use::Realtime => Request::AppRealtimeJoin(RealtimeJoinParams {
                    instance,
                    joined: false,
                }),
                Use::Peers => Request::PeersClose(speaker(&instance)),
            };
            if let Err(e) = shared.backend.leave(caller, request).await {
                tracing::debug!("closing an instance: {e}");
            }
        }
    }
}

/// Who listens under this name.
fn speaker(listener: &str) -> AppParams {
    let (instance, app) = match listener.split_once(':') {
        Some(("app", app)) => (None, Some(app.to_owned())),
        // A plugin speaks for itself and names nothing.
        Some(_) => (None, None),
        None => (Some(listener.to_owned()), None),
    };
    AppParams { instance, app }
}

fn counts<B>(shared: &Shared<B>) -> MutexGuard<'_, OpenCounts> {
    shared.opened.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call on its way: who makes it, over which connection, if it is one that lasts.
struct Way<'a, B> {
    shared: &'a Shared<B>,
    caller: &'a Caller,
    opened: Option<&'a Opened>,
    bytes: usize,
}

/// A plugin that may talk to others takes part from its first connection on.
pub(super) async fn take_part<B: Backend>(shared: &Shared<B>, caller: &Caller, opened: &Opened) {
    let Caller::Plugin(session) = caller else { return };
    if !session.granted.contains(&Permission::Peers) {
        return;
    }
    let way = Way {
        shared,
        caller,
        opened: Some(opened),
        bytes: 0,
    };
    let request = Request::PeersOpen(OpenPeersParams {
        instance: None,
        app: None,
        judge: false,
        rules: None,
    });
    if let Err(e) = way.carry_out(request).await {
        tracing::debug!("a plugin takes no part in its app: {e}");
    }
}

/// Carries out a call; `None` when the caller wants no answer. `opened` is of the connection, if it is one that
/// lasts.
pub(super) async fn run<B: Backend>(
    shared: &Shared<B>,
    caller: &Caller,
    opened: Option<&Opened>,
    call: Call,
) -> Option<Value> {
    let way = Way {
        shared,
        caller,
        opened,
        bytes: call.bytes,
    };
    let outcome = match Request::parse(&call.method, call.params) {
        Ok(request) => way.carry_out(request).await,
        Err(e) => Err(e),
    };
    let id = call.id?;
    Some(match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(e) => failure(id, &e),
    })
}

impl<B: Backend> Way<'_, B> {
    /// To the node, which checks who may do what.
    async fn node(&self, request: Request) -> Result<Value, ApiError> {
        self.shared.backend.call(self.caller, request, self.bytes).await
    }

    async fn carry_out(&self, request: Request) -> Result<Value, ApiError> {
        match (&request, self.opened) {
            (Request::NodeLoginLink(p), _) => {
                // Only who starts the browser can say what it is kept from.
                let tier = match p.strict && matches!(self.caller, Caller::Program) {
                    true => Tier::Strict,
                    false => Tier::Partial,
                };
                self.node(request).await?;
                result(&LoginLink {
                    hub: self.shared.login_link(tier),
                })
            }
            (Request::NodeShutdown(_), _) => {
                let answer = self.node(request).await?;
                // Whoever started the server ends the node when this is said.
                self.shared.ending.send_replace(true);
                Ok(answer)
            }
            (Request::AppOpen(p), Some(opened)) => {
                let key = (Use::Updates, p.instance.clone());
                self.open(opened, key, request).await
            }
            // Without a connection that lasts nobody would close it.
            (Request::AppOpen(p), None) => {
                let instance = p.instance.clone();
                let outcome = self.node(request).await;
                if outcome.is_ok() && !counts(self.shared).contains_key(&(Use::Updates, instance.clone())) {
                    self.node(Request::AppClose(InstanceParams { instance })).await?;
                }
                outcome
            }
            (Request::AppRealtimeJoin(p), Some(opened)) => {
                let key = (Use::Realtime, p.instance.clone());
                match p.joined {
                    true => self.open(opened, key, request).await,
                    false => self.close(opened, key, request).await,
                }
            }
            (Request::PeersOpen(p), Some(opened)) => {
                let listener = self.listener(p.instance.as_deref(), p.app.as_deref())?;
                self.open(opened, (Use::Peers, listener), request).await
            }
            (Request::PeersOpen(_), None) => Err(ApiError::new(
                ErrorCode::Refused,
                "open it over a connection that lasts, a WebSocket or the Unix socket: nobody would hear of messages",
            )),
            (Request::PeersClose(p), Some(opened)) => {
                let listener = self.listener(p.instance.as_deref(), p.app.as_deref())?;
                self.close(opened, (Use::Peers, listener), request).await
            }
            (Request::AppClose(p), Some(opened)) => {
                let key = (Use::Updates, p.instance.clone());
                self.close(opened, key, request).await
            }
            _ => self.node(request).await,
        }
    }

    /// Under which name events come for whoever calls.
    fn listener(&self, instance: Option<&str>, app: Option<&str>) -> Result<String, ApiError> {
        Ok(match (self.caller, instance, app) {
            (Caller::Plugin(session), ..) => format!("plugin:{}", session.name),
            (_, Some(instance), _) => instance.to_owned(),
            (_, None, Some(app)) => {
                let named: Result<AppName, _> = app.trim().parse();
                let named = named.map_err(|e| ApiError::new(ErrorCode::BadParams, format!("{app:?}: {e}")))?;
                format!("app:{}", named.id())
            }
            (_, None, None) => String::new(),
        })
    }

    /// Notes it as open first, so that no event between the node's answer and the note is lost.
    async fn open(&self, opened: &Opened, key: (Use, String), request: Request) -> Result<Value, ApiError> {
        opened.add(self.shared, &key);
        let outcome = self.node(request).await;
        if outcome.is_err() {
            opened.take(self.shared, &key);
        }
        outcome
    }

    async fn close(&self, opened: &Opened, key: (Use, String), request: Request) -> Result<Value, ApiError> {
        match opened.take(self.shared, &key) {
            true => self.node(request).await,
            false => result(&Nothing {}),
        }
    }
}

fn result(value: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(|e| ApiError::new(ErrorCode::Bug, format!("cannot write the answer: {e}")))
}
