//! Notifications: from widgets (`notify`) and from the node itself.

use crate::{
    caller::Caller,
    dispatch::parsed,
    engine::{Engine, store_error},
    handle::NodeHandle,
    model::{NoticeData, pack, unpack},
};
use hedgerow_api::{
    ApiError, Event,
    types::{Nothing, Notice, NotifyParams},
};
use hedgerow_base::InstanceId;

const LONGEST_TEXT: usize = 300;

/// Shows a notification of a plugin, a widget, or the owner's own program; who speaks is said by the node.
pub(crate) async fn add(node: &NodeHandle, caller: &Caller, p: NotifyParams) -> Result<Nothing, ApiError> {
    if let Caller::Plugin(session) = caller {
        node.plugins.may_notify(&session.name)?;
    }
    let title = p.title.as_deref().unwrap_or_default();
    let told = |who: &str| match title.is_empty() {
        // Whoever speaks is said by the node, not by the plugin or the widget.
        true => who.to_owned(),
        false => format!("{who}: {title}"),
    };
    if let Some(instance) = &p.instance {
        let id: hedgerow_base::InstanceId = parsed(instance)?;
        node.plugins.may_notify(instance)?;
        let title = title.to_owned();
        let notify = move |e: &mut Engine| {
            let name = e.live_instance(&id)?.data.name.clone();
            let title = if title.is_empty() {
                name
            } else {
                format!("{name}: {title}")
            };
            e.notify(Some(id), &title, &p.text, None)
        };
        return node.with(notify).await.map(|()| Nothing {});
    }
    let title = match caller {
        Caller::Plugin(session) => told(&session.name),
        Caller::Dashboard(_) | Caller::Program | Caller::Component(_) => title.to_owned(),
    };
    let notify = move |e: &mut Engine| e.notify(None, &title, &p.text, None);
    node.with(notify).await.map(|()| Nothing {})
}

impl Engine {
    /// Keeps a notification and tells the dashboards. Text from others is cut and freed of control characters.
    pub(crate) fn notify(
        &mut self,
        instance: Option<InstanceId>,
        title: &str,
        text: &str,
        href: Option<&str>,
    ) -> Result<(), ApiError> {
        let data = NoticeData {
            title: clean(title, 80),
            text: clean(text, LONGEST_TEXT),
            href: href.map(|h| clean(h, 512)),
            time_ms: self.now_ms(),
        };
        let id = self.stored(|store| store.put_notice(instance.as_ref(), &pack(&data)))?;
        self.emit(Event::Notice {
            notice: shown(id, instance, data, false),
        });
        Ok(())
    }

    /// The latest hundred.
    pub(crate) fn notices(&self) -> Result<Vec<Notice>, ApiError> {
        let rows = self.store.notices().map_err(|e| store_error(&e))?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some(shown(row.id, row.instance, unpack(&row.data)?, row.seen)))
            .collect())
    }

    /// Marks some, or with an empty list all, as seen.
    pub(crate) fn dismiss_notices(&mut self, ids: &[u64]) -> Result<(), ApiError> {
        self.stored(|store| {
            if ids.is_empty() {
                store.see_notice(None)?;
            }
            ids.iter().take(500).try_for_each(|id| store.see_notice(Some(*id)))
        })
    }
}

fn shown(id: u64, instance: Option<InstanceId>, data: NoticeData, seen: bool) -> Notice {
    Notice {
        id,
        instance: instance.map(|i| i.to_string()),
        title: data.title,
        text: data.text,
        href: data.href,
        time_ms: data.time_ms,
        seen,
    }
}

/// At most `longest` characters on one line, without control characters or direction overrides.
pub(crate) fn clean(text: &str, longest: usize) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(longest)
        .collect::<String>()
        .trim()
        .to_owned()
}
