//! The methods `peers.*` of apps.

use super::{Speaker, not_open, refused, secrets::Receiver, waiting::Outcome};
use crate::{
    caller::Caller,
    dispatch::{parsed, value},
    handle::NodeHandle,
};
use hedgerow_api::{
    ApiError, ErrorCode, Request,
    types::{
        AppMember, AppParams, AppPeers, BroadcastParams, BroadcastSent, Features, FeaturesParams, MessageSent, Nothing,
        OpenPeersParams, ReplyParams, SendParams, VerdictParams,
    },
};
use hedgerow_base::{Alias, AppName, NodeId, Pseudonym};
use hedgerow_overlay::{Input, Outgoing, RulesText, SendError};
use serde_json::Value;
use std::time::Duration;
use tokio::{sync::oneshot, time::timeout};

/// Longest time to live, and to wait for replies, seconds.
const LONGEST_S: f64 = 600.0;
/// Most members that are asked at once.
const MOST_ASKED: u32 = 32;
/// How long a peer may take to say what it speaks.
const FEATURES: Duration = Duration::from_secs(10);

/// Carries out the methods about apps.
pub(crate) async fn call(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::PeersOpen(p) => value(open(node, caller, p).await?),
        Request::PeersClose(p) => {
            let caller = caller.clone();
            let close = move |e: &mut crate::engine::Engine| {
                let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
                e.unlisten(&speaker);
                Ok(Nothing {})
            };
            value(node.with(close).await?)
        }
        Request::PeersBroadcast(p) => value(broadcast(node, caller, p).await?),
        Request::PeersSend(p) => value(send(node, caller, p).await?),
        Request::PeersReply(p) => value(reply(node, caller, p).await?),
        Request::PeersMembers(p) => value(members(node, caller, p).await?),
        Request::PeersVerdict(p) => value(verdict(node, caller, p).await?),
        Request::PeersFeatures(p) => value(features(node, p).await?),
        request @ (Request::SecretsGroups(_)
        | Request::SecretsAddGroup(_)
        | Request::SecretsForgetGroup(_)
        | Request::SecretsSeal(_)
        | Request::SecretsOpen(_)) => super::secrets::call(node, caller, request).await,
        other => super::streams::call(node, caller, other).await,
    }
}

/// A time of a caller in milliseconds.
pub(super) fn milliseconds(seconds: f64) -> Result<u32, ApiError> {
    match (0.0..=LONGEST_S).contains(&seconds) {
        true => Ok((seconds * 1000.0) as u32),
        false => Err(ApiError::new(
            ErrorCode::BadParams,
            "timeout is a number of seconds from 0 to 600",
        )),
    }
}

/// Why a message was not sent, as callers are told.
fn told(why: &SendError) -> ApiError {
    let code = match why {
        SendError::NotOpen => return not_open(),
        SendError::TooLarge { .. } | SendError::TooFast { .. } | SendError::Busy => ErrorCode::Limit,
        SendError::NotSigned | SendError::NotListed | SendError::Filtered { .. } | SendError::TooLate => {
            ErrorCode::Refused
        }
        SendError::Unreachable => ErrorCode::Unreachable,
    };
    ApiError::new(code, why.to_string())
}

async fn outcome(waiting: oneshot::Receiver<Outcome>) -> Result<Outcome, ApiError> {
    match waiting.await {
        Ok(Outcome::NotSent(why)) => Err(told(&why)),
        Ok(outcome) => Ok(outcome),
        Err(_) => Err(ApiError::new(
            ErrorCode::Limit,
            "too many calls wait for replies; wait for some of them",
        )),
    }
}

async fn open(node: &NodeHandle, caller: &Caller, p: OpenPeersParams) -> Result<AppPeers, ApiError> {
    let rules = p.rules.map(|rules| {
        let text: Result<RulesText, _> = serde_json::from_value(rules);
        text.map_err(|e| ApiError::new(ErrorCode::BadParams, format!("rules: {e}")))
    });
    let (caller, rules) = (caller.clone(), rules.transpose()?);
    node.with(move |e| {
        let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
        e.listen(&speaker, p.judge, rules)?;
        let app = speaker.app.id();
        Ok(AppPeers {
            app: app.to_string(),
            me: Alias::of(&app, &e.identity.node()).to_string(),
            who: Pseudonym::from(e.app_key(&speaker.app).public()).to_string(),
            links: count(e.apps.overlay.links(&app).len()),
            members: count(e.apps.overlay.members(&app).len()),
        })
    })
    .await
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

async fn broadcast(node: &NodeHandle, caller: &Caller, p: BroadcastParams) -> Result<BroadcastSent, ApiError> {
    let ms = milliseconds(p.timeout)?;
    let encrypt = p.encrypt.as_deref().map(Receiver::parse).transpose()?;
    let caller = caller.clone();
    let all = p.broadcast;
    let (app, links, here, waiting) = node
        .with(move |e| {
            let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
            let app = speaker.app.id();
            let message = Outgoing {
                body: e.body(&speaker, &p.message, p.signed, encrypt.as_ref(), p.clear.as_ref())?,
                signed: p.signed,
                ttl_ms: ms,
                immediate: p.immediate,
            };
            let (request, waiting) = e.apps.waiting.add();
            let links = e.apps.overlay.links(&app).len();
            if p.broadcast {
                e.overlay(Input::Broadcast { app, request, message });
            } else {
                e.overlay(Input::Gather {
                    app,
                    request,
                    count: p.peer_count.min(MOST_ASKED) as usize,
                    message,
                    reply_ms: u64::from(ms),
                });
            }
            let others = e.apps.listeners(&app).iter().any(|l| *l != speaker.listener);
            let here = (all && others && encrypt.is_none()).then_some((speaker, p.message, p.signed));
            Ok((app, links, here, waiting))
        })
        .await?;
    match outcome(waiting).await? {
        Outcome::Answered(asked, answers) if !all => Ok(BroadcastSent {
            id: None,
            peers: count(asked),
            replies: node.with(move |e| Ok(e.peer_replies(&app, answers))).await?,
        }),
        Outcome::Sent(id) => {
            if let Some((speaker, message, signed)) = here {
                let id = id.to_string();
                node.with(move |e| {
                    e.deliver_here(&speaker, &id, &message, signed);
                    Ok(())
                })
                .await?;
            }
            Ok(BroadcastSent {
                id: Some(id.to_string()),
                peers: count(links),
                replies: Vec::new(),
            })
        }
        other => Err(ApiError::new(ErrorCode::Bug, format!("a message led to {other:?}"))),
    }
}

async fn send(node: &NodeHandle, caller: &Caller, p: SendParams) -> Result<MessageSent, ApiError> {
    let ms = milliseconds(p.timeout)?;
    let encrypt = p.encrypt.as_deref().map(Receiver::parse).transpose()?;
    let caller = caller.clone();
    let (app, waiting) = node
        .with(move |e| {
            let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
            let app = speaker.app.id();
            let to_app = match &p.to_app {
                Some(name) => parsed::<AppName>(name)?.id(),
                None => app,
            };
            if to_app != app && encrypt.is_some() {
                return Err(refused(
                    "what is encrypted is for one's own app: the other one could not open it",
                ));
            }
            let to = e.member(&to_app, &p.to)?;
            if to == e.identity.node() {
                return Err(refused("that is this node itself"));
            }
            let message = Outgoing {
                body: e.body(&speaker, &p.message, p.signed, encrypt.as_ref(), p.clear.as_ref())?,
                signed: p.signed,
                // It may wait for an app that opens late.
                ttl_ms: ms.max(60_000),
                immediate: p.immediate,
            };
            let (request, waiting) = e.apps.waiting.add();
            e.overlay(Input::Send {
                app,
                to_app,
                request,
                to,
                addresses: Vec::new(),
                message,
                reply_ms: u64::from(ms),
            });
            Ok((app, waiting))
        })
        .await?;
    match outcome(waiting).await? {
        Outcome::Answered(_, answers) => {
            let replies = node.with(move |e| Ok(e.peer_replies(&app, answers))).await?;
            Ok(MessageSent {
                reply: replies.into_iter().next(),
            })
        }
        other => Err(ApiError::new(ErrorCode::Bug, format!("a message led to {other:?}"))),
    }
}

async fn reply(node: &NodeHandle, caller: &Caller, p: ReplyParams) -> Result<Nothing, ApiError> {
    let encrypt = p.encrypt.as_deref().map(Receiver::parse).transpose()?;
    let caller = caller.clone();
    let number: u64 =
        p.to.parse()
            .map_err(|_| ApiError::new(ErrorCode::BadParams, "`to` is the `reply` of a message that awaits one"))?;
    let (app, waiting) = node
        .with(move |e| {
            let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
            let app = speaker.app.id();
            let body = e.body(&speaker, &p.message, true, encrypt.as_ref(), p.clear.as_ref())?;
            let late = || refused("nobody waits for this reply any more");
            let swarm = e.apps.swarms.get(&app).ok_or_else(not_open)?;
            let to = swarm.owed.get(&number).copied().ok_or_else(late)?;
            let (request, waiting) = e.apps.waiting.add();
            e.overlay(Input::Reply { app, request, to, body });
            Ok((app, waiting))
        })
        .await?;
    match outcome(waiting).await? {
        Outcome::Sent(_) => {
            let done = move |e: &mut crate::engine::Engine| {
                if let Some(swarm) = e.apps.swarms.get_mut(&app) {
                    swarm.owed.remove(&number);
                }
                Ok(Nothing {})
            };
            node.with(done).await
        }
        other => Err(ApiError::new(ErrorCode::Bug, format!("a reply led to {other:?}"))),
    }
}

async fn members(node: &NodeHandle, caller: &Caller, p: AppParams) -> Result<Vec<AppMember>, ApiError> {
    let caller = caller.clone();
    node.with(move |e| {
        let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
        let app = speaker.app.id();
        if !e.apps.swarms.contains_key(&app) {
            return Err(not_open());
        }
        let linked: Vec<NodeId> = e.apps.overlay.links(&app).into_iter().map(|(node, _)| node).collect();
        let members = e.apps.overlay.known(&app).into_iter().map(|(node, who)| AppMember {
            peer: e.apps.alias(&app, &node).to_string(),
            who: who.map(|who| who.to_string()),
            linked: linked.contains(&node),
        });
        Ok(members.collect())
    })
    .await
}

async fn verdict(node: &NodeHandle, caller: &Caller, p: VerdictParams) -> Result<Nothing, ApiError> {
    let caller = caller.clone();
    node.with(move |e| {
        let Speaker { app, .. } = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
        let (app, id) = (app.id(), parsed(&p.id)?);
        if !e.apps.swarms.contains_key(&app) {
            return Err(not_open());
        }
        e.overlay(Input::Verdict {
            app,
            id,
            valid: p.valid,
        });
        Ok(Nothing {})
    })
    .await
}

async fn features(node: &NodeHandle, p: FeaturesParams) -> Result<Features, ApiError> {
    let peer: NodeId = parsed(&p.node)?;
    let names = p.apps.iter().map(|name| parsed::<AppName>(name));
    let names: Vec<AppName> = names.collect::<Result<_, _>>()?;
    let apps: Vec<_> = names.iter().map(AppName::id).collect();
    let waiting = node
        .with(move |e| {
            if !e.apps.told.contains_key(&peer) {
                return Err(ApiError::new(
                    ErrorCode::Unreachable,
                    "that node is not connected; see `hedgerow peers`",
                ));
            }
            let (request, waiting) = e.apps.waiting.add();
            e.overlay(Input::Ask {
                peer,
                request,
                apps,
                protocols: p.protocols,
            });
            Ok(waiting)
        })
        .await?;
    let answer = timeout(FEATURES, outcome(waiting)).await.unwrap_or_else(|_| {
        Err(ApiError::new(
            ErrorCode::Unreachable,
            "that node did not answer within 10 seconds",
        ))
    });
    match answer? {
        Outcome::Speaks(apps, protocols) => Ok(Features {
            apps: names
                .iter()
                .filter(|name| apps.contains(&name.id()))
                .map(ToString::to_string)
                .collect(),
            protocols,
        }),
        other => Err(ApiError::new(ErrorCode::Bug, format!("a question led to {other:?}"))),
    }
}
