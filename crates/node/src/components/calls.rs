//! The calls `component.*` and `background.*`.

use super::{locked, none};
use crate::{
    dispatch::{forgotten, instance, parsed, value},
    engine::Engine,
    handle::NodeHandle,
};
use hedgerow_api::{
    ApiError, ErrorCode, Request,
    types::{BackgroundStatus, BackgroundTellParams, ComponentLogParams, ComponentRun, Nothing},
};
use hedgerow_base::InstanceId;
use serde_json::Value;

/// Lines of `component.logs`, unless told otherwise and at most.
const LINES: u32 = 100;
const MOST_LINES: u32 = 500;
/// Longest message of a page to its component, bytes as JSON.
const LONGEST_MESSAGE: usize = 64 << 10;

/// Carries them out.
pub(crate) async fn call(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::ComponentList(_) => value(node.with(|e| e.component_infos()).await?),
        Request::ComponentLogs(p) => value(logs(node, &p)?),
        Request::ComponentRestart(p) => {
            let id: InstanceId = parsed(&p.instance)?;
            let restart = move |e: &mut Engine| e.restart_component(&id);
            value(node.with(restart).await.map(|()| Nothing {})?)
        }
        Request::BackgroundStatus(p) => {
            let id = instance(p.instance.as_deref())?;
            let has_component = node.with(move |e| Ok(e.component_of(&id).is_some())).await?;
            let slot = node.background.slot(&id);
            let running =
                slot.is_some_and(|slot| matches!(slot.how().state, ComponentRun::Running | ComponentRun::Paused));
            value(BackgroundStatus { has_component, running })
        }
        Request::BackgroundTell(p) => value(told(node, p)?),
        other => Err(forgotten(&other)),
    }
}

fn logs(node: &NodeHandle, p: &ComponentLogParams) -> Result<Vec<hedgerow_api::types::ComponentLogLine>, ApiError> {
    let id: InstanceId = parsed(&p.instance)?;
    let slot = node.background.slot(&id).ok_or_else(|| none(&id))?;
    let lines = locked(&slot.lines);
    let most = p.lines.unwrap_or(LINES).clamp(1, MOST_LINES) as usize;
    Ok(lines.iter().skip(lines.len().saturating_sub(most)).cloned().collect())
}

fn told(node: &NodeHandle, p: BackgroundTellParams) -> Result<Nothing, ApiError> {
    let id = instance(p.instance.as_deref())?;
    if p.message.to_string().len() > LONGEST_MESSAGE {
        return Err(ApiError::new(ErrorCode::Limit, "a message has at most 64 KiB as JSON"));
    }
    let slot = node.background.slot(&id).ok_or_else(|| none(&id))?;
    slot.pages
        .try_send(p.message)
        .map(|()| Nothing {})
        .map_err(|_| ApiError::new(ErrorCode::Limit, "the background part is busy; tell it less at once"))
}

impl Engine {
    /// Ends a component and begins anew, with a clean count of failures.
    fn restart_component(&mut self, id: &InstanceId) -> Result<(), ApiError> {
        if !locked(&self.background.slots).end(id) {
            return Err(none(id));
        }
        self.apply_components();
        Ok(())
    }

    /// A component ended: what it had open for its app ends with it.
    pub(super) fn component_left(&mut self, id: &InstanceId) {
        self.silence_listener(&crate::apps::component_listener(id));
    }
}
