//! All about one widget.

use crate::{
    caller::Caller,
    catalogue::{asks, unknown_widget},
    dispatch::parsed,
    engine::{Engine, store_error},
    handle::NodeHandle,
};
use hedgerow_api::{
    ApiError,
    types::{ReleaseInfo, Standing, WidgetDetail, WidgetSummary},
};
use hedgerow_base::WidgetId;
use hedgerow_directory::Record;
use hedgerow_wire::directory::Subject;

/// So many peers with the same directory lately, and nothing newer is withheld: if 40 % lie, all do with a chance of one in a
/// million.
const ENOUGH: u32 = hedgerow_trust::chain::ASK as u32;

impl Engine {
    pub(crate) fn widget_detail(&self, widget: &WidgetId) -> Result<WidgetDetail, ApiError> {
        let newest = self.newest(widget)?;
        let installed = self.installed.get(widget);
        if newest.is_none() && installed.is_none() {
            return Err(unknown_widget(widget));
        }
        let mut summary = match self.widget_summary(widget)? {
            Some(summary) => summary,
            None => self.local_summary(widget).ok_or_else(|| unknown_widget(widget))?,
        };
        if summary.icon.is_none() {
            summary.icon = installed.and_then(|i| i.current.icon.clone());
        }
        let releases = self.release_list(widget)?;
        let instances = self
            .instances
            .iter()
            .filter(|(_, s)| s.widget == *widget && s.removed_ms.is_none());
        let content = newest
            .as_ref()
            .map(|(_, r)| r.content)
            .or_else(|| installed?.current.content());
        let forks = self.store.forks_of(widget).map_err(|e| store_error(&e))?;
        let author = self.author_of(widget)?;
        let mut certificates = self.certificates_about(&Subject::Widget(*widget))?;
        if let Some(author) = author {
            certificates.extend(self.certificates_about(&Subject::Person(author))?);
        }
        let threshold = newest.as_ref().map_or([1, 1], |(_, release)| {
            let (_, keys, threshold, _) = self.directory.next_signers(&release.genesis);
            [threshold.into(), u32::try_from(keys.len()).unwrap_or(u32::MAX)]
        });
        let now = self.now_ms();
        let expired = newest
            .as_ref()
            .is_some_and(|(_, r)| r.expires_ms.is_some_and(|at| at < now));
        Ok(WidgetDetail {
            description: newest.as_ref().map(|(_, r)| r.description.clone()).unwrap_or_default(),
            permissions: match (&newest, installed) {
                (Some((_, release)), _) => asks(&release.permissions),
                (None, Some(installed)) => installed.current.permissions.clone(),
                (None, None) => Vec::new(),
            },
            releases,
            local: content.is_some_and(|c| self.files.has(&c)),
            holders: content.map_or(0, |c| self.fetch_holders(&c)),
            instances: instances.map(|(id, _)| id.to_string()).collect(),
            own: self.authored.contains_key(widget),
            previous: installed.and_then(|i| i.previous.as_ref()).map(|p| p.version.clone()),
            unpublished: installed.is_some_and(|i| i.current.release.is_none()),
            pictures: newest.as_ref().map(|(_, r)| r.pictures.clone()).unwrap_or_default(),
            forks: u32::try_from(forks.len()).unwrap_or(u32::MAX),
            certificates,
            by: author.map(|author| self.person(&author)).transpose()?,
            threshold,
            fresh: self.compared_lately() >= ENOUGH && !expired,
            summary,
        })
    }

    fn release_list(&self, widget: &WidgetId) -> Result<Vec<ReleaseInfo>, ApiError> {
        let records = self.store.records_of(widget).map_err(|e| store_error(&e))?;
        let releases = records
            .iter()
            .filter_map(|(id, bytes)| Some((id, Record::from_bytes(bytes).ok()?.into_release()?)))
            .map(|(id, r)| ReleaseInfo {
                release: id.to_string(),
                version: r.version,
                sequence: r.sequence,
                created_ms: r.created_ms,
                size: r.size,
                permissions: asks(&r.permissions),
            })
            .collect();
        Ok(releases)
    }

    /// What is shown of a widget that was installed from a file.
    fn local_summary(&self, widget: &WidgetId) -> Option<WidgetSummary> {
        let current = &self.installed.get(widget)?.current;
        Some(WidgetSummary {
            uuid: widget.to_string(),
            name: current.name.clone(),
            version: current.version.clone(),
            author: String::new(),
            author_key: String::new(),
            release: String::new(),
            license: String::new(),
            summary: current.summary.clone(),
            categories: Vec::new(),
            tags: Vec::new(),
            size: current.size,
            created_ms: 0,
            icon: current.icon.clone(),
            installed: Some(current.version.clone()),
            forked: false,
            standing: Standing::default(),
        })
    }
}

/// All about a widget. Whom a person trusts is nobody's business but theirs: plugins do not hear of it.
pub(crate) async fn show(node: &NodeHandle, caller: &Caller, uuid: &str) -> Result<WidgetDetail, ApiError> {
    let widget = parsed(uuid)?;
    let mut detail = node.with(move |e| e.widget_detail(&widget)).await?;
    if matches!(caller, Caller::Plugin(_)) {
        detail.by = None;
        detail.certificates.clear();
    }
    Ok(detail)
}
