//! The one dispatcher: every method of the API, matched exhaustively, behind the one check of who may call it
//! ([`Caller::may`]). What a widget may do arrives through the hub, which names the instance.

use crate::{
    audit::Audit,
    caller::Caller,
    engine::Engine,
    handle::{NodeHandle, blocking},
    parking::Use,
    widgets,
};
use hedgerow_api::{
    ApiError, Door, ErrorCode, METHODS, Request,
    types::{BackupParams, BackupResult, MethodDoc, Nothing, RecoveryConfirmed, RecoveryWords, Status, Ticket},
};
use hedgerow_base::WidgetId;
use serde::Serialize;
use serde_json::Value;
use std::{path::PathBuf, str::FromStr};

/// Lines of `audit.list`, unless told otherwise and at most.
const AUDIT_LINES: u32 = 200;
const MAX_AUDIT_LINES: u32 = 5000;

/// Parses an id or text form, with a sentence that names it when it is none.
pub(crate) fn parsed<T: FromStr>(text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.trim()
        .parse()
        .map_err(|e: T::Err| ApiError::new(ErrorCode::BadParams, format!("{text:?}: {e}")))
}

pub(crate) fn value<T: Serialize>(result: T) -> Result<Value, ApiError> {
    serde_json::to_value(result).map_err(|e| ApiError::new(ErrorCode::Bug, format!("cannot write the answer: {e}")))
}

/// Carries out a call of `bytes`, if the caller may make it, and counts it.
pub(crate) async fn call(
    node: &NodeHandle,
    caller: &Caller,
    request: Request,
    bytes: usize,
) -> Result<Value, ApiError> {
    let counted = Audit::begin(caller, &request);
    let outcome = match caller.may(&request, &node.shared.grants) {
        Ok(()) => checked(node, caller, request).await,
        Err(error) => {
            if let (Caller::Component(id), Some(permission)) = (caller, error.permission) {
                let id = *id;
                let _ = node
                    .with(move |e| {
                        e.tell_wish(&id, permission);
                        Ok(())
                    })
                    .await;
            }
            Err(error)
        }
    };
    node.audit.note(counted, bytes, &outcome);
    outcome
}

/// Ends what a connection had open that is gone. The token of a plugin that was stopped does not count any more, and
/// what it had open ends all the same.
pub(crate) async fn leave(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::AppClose(_) | Request::AppRealtimeJoin(_) | Request::PeersClose(_) => {
            carry_out(node, caller, request).await
        }
        other => Err(forgotten(&other)),
    }
}

async fn checked(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    // What one plugin asks for at once is bounded, over all its connections.
    let _turn = match caller {
        Caller::Plugin(session) => session.calls.acquire().await.ok(),
        Caller::Dashboard(_) | Caller::Program | Caller::Component(_) => None,
    };
    carry_out(node, caller, request).await
}

async fn carry_out(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::ApiMethods(_) => value(methods()),
        Request::NodeStatus(_) => value(status(node).await?),
        Request::NodeTicket(_) => value(ticket(node).await?),
        // The server makes the link, and whoever started the server ends the node.
        Request::NodeLoginLink(_) | Request::NodeShutdown(_) => value(Nothing {}),
        Request::NodeBackup(p) => value(backup(node, p).await?),
        Request::ProfileGet(_) => value(
            node.with(|e| Ok(hedgerow_api::types::Profile { name: e.name.clone() }))
                .await?,
        ),
        Request::ProfileSet(p) => value(node.with(move |e| e.set_profile(&p)).await?),
        Request::RecoveryWords(_) => value(node.with(|e| e.recovery_words()).await?),
        Request::RecoveryConfirm(p) => {
            let confirmed = node
                .with(move |e| {
                    e.identity
                        .confirm_words(&p.words)
                        .map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))
                })
                .await?;
            value(RecoveryConfirmed { confirmed })
        }
        Request::LayoutGet(_) => value(node.with(|e| Ok(e.layout.clone())).await?),
        Request::LayoutSet(p) => value(node.with(move |e| e.set_layout(p)).await?),
        Request::NoticesList(_) => value(node.with(|e| e.notices()).await?),
        Request::NoticesDismiss(p) => value(
            node.with(move |e| e.dismiss_notices(&p.ids))
                .await
                .map(|()| Nothing {})?,
        ),
        Request::AuditList(p) => {
            let (audit, most) = (
                node.audit.clone(),
                p.lines.unwrap_or(AUDIT_LINES).clamp(1, MAX_AUDIT_LINES),
            );
            value(blocking(move || Ok(audit.list(p.name.as_deref(), most as usize))).await?)
        }
        request if request.door() == Door::Widget || is_about_instances(&request) => {
            of_instances(node, caller, request).await
        }
        Request::WidgetShow(p) => value(crate::detail::show(node, caller, &p.uuid).await?),
        request if is_of_directory(&request) => crate::opinions::call(node, request).await,
        other => peers(node, other).await,
    }
}

/// The instance that a call must name.
pub(crate) fn instance(named: Option<&str>) -> Result<hedgerow_base::InstanceId, ApiError> {
    named.map_or_else(
        || Err(ApiError::new(ErrorCode::BadParams, "say for which widget: `instance`")),
        parsed,
    )
}

/// Whether a call of the owner is about what instances may do or run.
const fn is_about_instances(request: &Request) -> bool {
    matches!(
        request,
        Request::GrantList(_)
            | Request::GrantGive(_)
            | Request::GrantDeny(_)
            | Request::GrantRevoke(_)
            | Request::GrantPolicy(_)
            | Request::GrantSetPolicy(_)
            | Request::ComponentList(_)
            | Request::ComponentLogs(_)
            | Request::ComponentRestart(_)
            | Request::PeersFeatures(_)
    )
}

/// What instances call, and what the owner calls about them.
async fn of_instances(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    match request {
        // A component is there as long as it runs; whether a page is open is for pages to say.
        Request::AppOpen(p) if matches!(caller, Caller::Component(_)) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.app_info(&id)).await?)
        }
        Request::AppClose(_) if matches!(caller, Caller::Component(_)) => value(Nothing {}),
        Request::NoticesAdd(p) => value(crate::notices::add(node, caller, p).await?),
        request @ (Request::PeersOpen(_)
        | Request::PeersClose(_)
        | Request::PeersBroadcast(_)
        | Request::PeersSend(_)
        | Request::PeersReply(_)
        | Request::PeersMembers(_)
        | Request::PeersVerdict(_)
        | Request::PeersFeatures(_)
        | Request::SecretsGroups(_)
        | Request::SecretsAddGroup(_)
        | Request::SecretsForgetGroup(_)
        | Request::SecretsSeal(_)
        | Request::SecretsOpen(_)
        | Request::StreamsOpen(_)
        | Request::StreamsAccept(_)
        | Request::StreamsWrite(_)
        | Request::StreamsRead(_)
        | Request::StreamsClose(_)) => crate::apps::calls::call(node, caller, request).await,
        request @ (Request::GrantList(_)
        | Request::GrantGive(_)
        | Request::GrantDeny(_)
        | Request::GrantRevoke(_)
        | Request::GrantPolicy(_)
        | Request::GrantSetPolicy(_)) => crate::grants::calls::call(node, caller.tier(), request).await,
        Request::WebFetch(p) => {
            let id = instance(p.instance.as_deref())?;
            value(crate::web::fetch(node, caller, id, p).await?)
        }
        Request::ContactsList(p) => {
            let id = instance(p.instance.as_deref())?;
            value(node.with(move |e| e.widget_contacts(&id)).await?)
        }
        request @ (Request::ComponentList(_)
        | Request::ComponentLogs(_)
        | Request::ComponentRestart(_)
        | Request::BackgroundStatus(_)
        | Request::BackgroundTell(_)) => crate::components::calls::call(node, request).await,
        request if is_of_directory(&request) => crate::opinions::call(node, request).await,
        other => app(node, other).await,
    }
}

/// Whether a call is about the directory and what people say in it.
fn is_of_directory(request: &Request) -> bool {
    let name = request.name();
    name.starts_with("directory.")
        || name.starts_with("stats.")
        || matches!(
            name,
            "widget.fork" | "widget.statistics" | "widget.signers" | "widget.change_signers" | "widget.cosign"
        )
}

async fn peers(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::PeersList(_) => value(node.with(|e| e.peers()).await?),
        Request::PeersConnect(p) => value(crate::lookup::connect(node, &p.ticket).await?),
        Request::PeersFind(p) => value(node.find(&p.id).await?),
        Request::PeersForget(p) => {
            let peer = parsed(&p.node)?;
            value(node.with(move |e| e.forget_peer(&peer)).await.map(|()| Nothing {})?)
        }
        Request::PeersBlock(p) => {
            let peer = parsed(&p.node)?;
            value(
                node.with(move |e| e.block_peer(&peer, true))
                    .await
                    .map(|()| Nothing {})?,
            )
        }
        Request::NodeDoctor(_) => value(node.with(|e| e.doctor()).await?),
        Request::PeersPing(p) => {
            let peer = parsed(&p.node)?;
            value(node.ping(peer, p.count.unwrap_or(1)).await?)
        }
        Request::RelayGet(_) => value(node.with(|e| Ok(e.relay_settings())).await?),
        Request::RelaySet(p) => value(node.with(move |e| e.set_relay(p)).await?),
        Request::NodeReport(_) => value(crate::report::report(node).await?),
        Request::PeersTrace(p) => value(crate::trace::trace(node, parsed(&p.node)?).await?),
        Request::ForwardList(_) => value(node.with(|e| e.allowed_ports()).await?),
        Request::ForwardAllow(p) => value(node.with(move |e| e.allow_port(p)).await?),
        Request::ForwardForbid(p) => value(node.with(move |e| e.forbid_port(p.port)).await?),
        Request::PeersUnblock(p) => {
            let peer = parsed(&p.node)?;
            value(
                node.with(move |e| e.block_peer(&peer, false))
                    .await
                    .map(|()| Nothing {})?,
            )
        }
        other => file(node, other).await,
    }
}

async fn file(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::FilesList(_) => value(node.with(|e| e.file_list()).await?),
        Request::FilesGet(p) => value(node.with(move |e| e.file(p.number)).await?),
        Request::FilesSend(p) => value(crate::files::send(node, p).await?),
        Request::FilesAccept(p) => value(node.with(move |e| e.accept_file(p)).await?),
        Request::FilesRefuse(p) => value(node.with(move |e| e.refuse_file(p.number)).await?),
        Request::FilesStop(p) => value(node.with(move |e| e.stop_file(p.number)).await?),
        Request::FilesClear(_) => value(node.with(|e| e.clear_files()).await.map(|()| Nothing {})?),
        Request::FilesSettings(_) => value(node.with(|e| e.file_settings()).await?),
        Request::FilesSet(p) => value(node.with(move |e| e.set_files(p)).await?),
        other => widget(node, other).await,
    }
}

async fn widget(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::WidgetSearch(p) => value(widgets::search(node, p).await?),
        Request::WidgetCategories(_) => value(node.with(|e| e.categories()).await?),
        Request::WidgetFiles(p) => value(widgets::files(node, &p).await?),
        Request::WidgetFile(p) => value(widgets::file(node, p).await?),
        Request::WidgetInstall(p) => value(widgets::install(node, p).await?),
        Request::WidgetCancel(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            let cancelled = node.with(move |e| {
                e.cancel_fetch(&widget);
                Ok(Nothing {})
            });
            value(cancelled.await?)
        }
        Request::WidgetUpdatePlan(p) => {
            let widget = parsed(&p.uuid)?;
            value(node.with(move |e| e.update_plan(&widget)).await?)
        }
        Request::WidgetUpdate(p) => value(widgets::update(node, &p).await?),
        Request::WidgetRollback(p) => {
            let widget = parsed(&p.uuid)?;
            value(node.with(move |e| e.rollback(&widget)).await?)
        }
        Request::WidgetList(_) => value(node.with(|e| e.installed_list()).await?),
        Request::WidgetRemove(p) => {
            let widget = parsed(&p.uuid)?;
            value(
                node.with(move |e| e.uninstall(&widget, p.with_instances))
                    .await
                    .map(|()| Nothing {})?,
            )
        }
        Request::WidgetPublish(p) => value(crate::publishing::publish(node, p).await?),
        other => instances(node, other).await,
    }
}

async fn instances(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    use crate::instances as i;
    match request {
        Request::InstanceAdd(p) => value(i::add(node, p).await?),
        Request::InstanceList(_) => value(node.with(|e| Ok(e.instance_list(false))).await?),
        Request::InstanceRemoved(_) => value(node.with(|e| Ok(e.instance_list(true))).await?),
        Request::InstanceRename(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.rename_instance(&id, &p.name)).await?)
        }
        Request::InstanceDuplicate(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.duplicate_instance(&id)).await?)
        }
        Request::InstanceRemove(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.remove_instance(&id)).await.map(|()| Nothing {})?)
        }
        Request::InstanceUndoRemove(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.undo_remove(&id)).await?)
        }
        Request::InstanceInvite(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.invite(&id)).await?)
        }
        Request::InstancePreviewInvite(p) => value(node.with(move |e| e.preview_invite(&p.invite)).await?),
        Request::InstanceJoin(p) => value(i::join(node, p).await?),
        Request::InstanceMembers(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.members(&id)).await?)
        }
        Request::InstanceRemoveMember(p) => {
            let (id, who) = (parsed(&p.instance)?, parsed(&p.pseudonym)?);
            value(node.with(move |e| e.remove_member(&id, who)).await?)
        }
        Request::InstanceLeave(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.leave(&id)).await.map(|()| Nothing {})?)
        }
        other => app(node, other).await,
    }
}

async fn app(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::AppOpen(p) => {
            let id = parsed(&p.instance)?;
            let open = move |e: &mut Engine| {
                let info = e.app_info(&id)?;
                e.use_instance(&id, Use::Updates, true);
                Ok(info)
            };
            value(node.with(open).await?)
        }
        Request::AppClose(p) => {
            let id = parsed(&p.instance)?;
            let close = move |e: &mut Engine| {
                e.use_instance(&id, Use::Updates, false);
                e.grants_closed(&id);
                Ok(Nothing {})
            };
            value(node.with(close).await?)
        }
        Request::AppSendUpdate(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.send_update(&id, &p.update)).await?)
        }
        Request::AppUpdates(p) => {
            let id = parsed(&p.instance)?;
            value(node.with(move |e| e.updates(&id, p.serial)).await?)
        }
        Request::AppRealtimeSend(p) => {
            let id = parsed(&p.instance)?;
            value(
                node.with(move |e| e.realtime(&id, &p.data))
                    .await
                    .map(|()| Nothing {})?,
            )
        }
        Request::AppRealtimeJoin(p) => {
            let id: hedgerow_base::InstanceId = parsed(&p.instance)?;
            let join = move |e: &mut Engine| {
                e.use_instance(&id, Use::Realtime, p.joined);
                Ok(Nothing {})
            };
            value(node.with(join).await?)
        }
        other => crate::plugins::call(node, other).await,
    }
}

pub(crate) fn forgotten(request: &Request) -> ApiError {
    ApiError::new(ErrorCode::Bug, format!("nothing carries out {}", request.name()))
}

fn methods() -> Vec<MethodDoc> {
    METHODS.iter().map(hedgerow_api::doc::method).collect()
}

async fn status(node: &NodeHandle) -> Result<Status, ApiError> {
    let mut status = node.with(|e| e.status()).await?;
    status.api = node.plugins.doors();
    Ok(status)
}

async fn ticket(node: &NodeHandle) -> Result<Ticket, ApiError> {
    let ticket = node.with(|e| Ok(e.net.ticket().to_string())).await?;
    let qr_svg = crate::invites::qr(&ticket);
    Ok(Ticket { ticket, qr_svg })
}

async fn backup(node: &NodeHandle, params: BackupParams) -> Result<BackupResult, ApiError> {
    let to = PathBuf::from(&params.path);
    if !to.is_absolute() {
        return Err(ApiError::new(
            ErrorCode::BadParams,
            "give the backup's path from the root, as in /media/stick/garden.hedgerow",
        ));
    }
    let copy = node.with(|e| e.copy_for_backup()).await?;
    blocking(move || {
        let result = crate::backup::write(&to, &params.passphrase, &copy.files);
        let _ = std::fs::remove_file(&copy.database);
        let bytes = result.map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
        Ok(BackupResult {
            path: params.path,
            bytes,
        })
    })
    .await
}

impl crate::engine::Engine {
    fn recovery_words(&self) -> Result<RecoveryWords, ApiError> {
        let words = self.identity.words().ok_or_else(|| {
            ApiError::new(
                ErrorCode::Refused,
                "the recovery words were confirmed and are not kept on this machine any more",
            )
        })?;
        Ok(RecoveryWords { words })
    }
}
