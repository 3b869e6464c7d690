//! The calls `directory.*` and `stats.*`.

use super::lists;
use crate::{
    dispatch::{forgotten, parsed, value},
    handle::NodeHandle,
};
use hedgerow_api::{ApiError, Request, types::Nothing};
use hedgerow_base::{PersonId, WidgetId};
use serde_json::Value;

pub(crate) async fn call(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::DirectoryFront(p) => value(lists::front(node, p.limit).await?),
        Request::DirectoryWhy(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            value(node.with(move |e| e.why(&widget)).await?)
        }
        Request::DirectoryRatings(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            let (limit, offset) = (p.limit.unwrap_or(30), p.offset.unwrap_or(0));
            value(node.with(move |e| e.ratings(&widget, limit, offset)).await?)
        }
        Request::DirectoryRate(p) => value(node.with(move |e| e.rate(&p)).await?),
        Request::DirectoryUnrate(p) => value(node.with(move |e| e.unrate(&p.uuid)).await?),
        Request::DirectoryComments(p) => value(node.with(move |e| e.comments(&p)).await?),
        Request::DirectoryComment(p) => value(node.with(move |e| e.comment(&p)).await?),
        Request::DirectoryEditComment(p) => value(node.with(move |e| e.edit_comment(&p)).await?),
        Request::DirectoryRemoveComment(p) => value(node.with(move |e| e.remove_comment(&p.id)).await?),
        Request::DirectoryCloseIssue(p) => value(node.with(move |e| e.close_issue(&p)).await?),
        Request::DirectoryLineage(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            value(node.with(move |e| e.lineage(&widget)).await?)
        }
        other => people(node, other).await,
    }
}

async fn people(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::DirectoryPerson(p) => {
            let person: PersonId = parsed(&p.key)?;
            value(node.with(move |e| e.person_detail(&person)).await?)
        }
        Request::DirectoryCertificates(p) => value(node.with(move |e| e.certificate_list(&p)).await?),
        Request::DirectoryCertify(p) => value(node.with(move |e| e.certify_call(&p)).await?),
        Request::DirectoryRevoke(p) => value(node.with(move |e| e.revoke_call(&p)).await.map(|()| Nothing {})?),
        Request::DirectoryBlock(p) => value(node.with(move |e| e.block(&p)).await?),
        Request::DirectoryUnblock(p) => value(node.with(move |e| e.unblock(&p.subject)).await?),
        Request::DirectorySubscribe(p) => value(node.with(move |e| e.subscribe(&p.key, true)).await?),
        Request::DirectoryUnsubscribe(p) => value(node.with(move |e| e.subscribe(&p.key, false)).await?),
        Request::DirectoryTrust(p) => value(node.with(move |e| e.trust(&p.key, true)).await?),
        Request::DirectoryDistrust(p) => value(node.with(move |e| e.trust(&p.key, false)).await?),
        Request::DirectorySettings(_) => value(node.with(|e| e.directory_settings()).await?),
        Request::DirectorySet(p) => value(node.with(move |e| e.set_directory(&p)).await?),
        other => stats(node, other).await,
    }
}

async fn stats(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::StatsTopWidgets(p) => value(lists::top_widgets(node, p, false).await?),
        Request::StatsNewestWidgets(p) => value(lists::top_widgets(node, p, true).await?),
        Request::StatsTopAuthors(p) => value(node.with(move |e| e.top_authors(&p)).await?),
        Request::StatsTopModerators(p) => value(node.with(move |e| e.top_moderators(&p)).await?),
        Request::StatsSimilarPeers(p) => value(node.with(move |e| e.similar_peers(&p)).await?),
        Request::WidgetFork(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            value(crate::publishing::fork(node, widget).await?)
        }
        Request::WidgetSigners(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            value(node.with(move |e| e.signers(&widget)).await?)
        }
        Request::WidgetChangeSigners(p) => value(node.with(move |e| e.change_signers(&p)).await?),
        Request::WidgetCosign(p) => value(node.with(move |e| e.cosign(&p)).await?),
        Request::WidgetStatistics(p) => {
            let widget: WidgetId = parsed(&p.uuid)?;
            value(node.with(move |e| e.statistics(&widget)).await?)
        }
        other => Err(forgotten(&other)),
    }
}
