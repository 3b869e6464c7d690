//! Updates as widgets see them: checked on the way in, numbered when delivered, read back in order.

use crate::{
    engine::{Engine, store_error},
    notices::clean,
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{AppInfo, UpdateAccepted, UpdateIn, UpdateOut, Updates},
};
use hedgerow_base::{InstanceId, LogId, Pseudonym, SpaceId, limits};
use hedgerow_store::spaces::UpdateRow;

/// webxdc: how often a widget should send at most, in milliseconds. Ours takes every update at once.
const SEND_INTERVAL_MS: u32 = 1;
const PAGE: usize = 500;
const PAGE_BYTES: usize = 1 << 20;

/// Bounds of webxdc's small fields, in characters; longer ones are cut, never refused.
const LONGEST_INFO: usize = 200;
const LONGEST_SHORT: usize = 64;
const LONGEST_HREF: usize = 1024;
const MOST_NOTIFY: usize = 256;

/// An update as it arrives from a space.
pub(crate) struct Delivered {
    pub(crate) space: SpaceId,
    pub(crate) author: Pseudonym,
    pub(crate) log: LogId,
    pub(crate) seq: u64,
    pub(crate) time_ms: u64,
    pub(crate) body: Vec<u8>,
}

impl Engine {
    pub(crate) fn app_info(&self, id: &InstanceId) -> Result<AppInfo, ApiError> {
        let state = self.live_instance(id)?;
        let who = self.app_identity(id)?;
        Ok(AppInfo {
            instance: id.to_string(),
            self_addr: who.self_addr,
            self_name: who.self_name,
            send_update_interval: SEND_INTERVAL_MS,
            send_update_max_size: limits::MAX_UPDATE as u32,
            max_serial: self.store.max_serial(&state.space).map_err(|e| store_error(&e))?,
            version: env!("CARGO_PKG_VERSION").into(),
            features: [
                "updates",
                "sender",
                "realtime",
                "notify",
                "send_to_chat",
                "import_files",
            ]
            .map(Into::into)
            .to_vec(),
        })
    }

    /// Adds an update to the space of an instance; the caller hears of it when it is durable.
    pub(crate) fn send_update(&mut self, id: &InstanceId, update: &UpdateIn) -> Result<UpdateAccepted, ApiError> {
        let space = self.live_instance(id)?.space;
        let update = checked(update);
        let body = serde_json::to_vec(&update).map_err(|e| ApiError::new(ErrorCode::BadParams, e.to_string()))?;
        if body.len() > limits::MAX_UPDATE {
            return Err(ApiError::new(
                ErrorCode::Limit,
                format!(
                    "the update has {} bytes; at most {} are taken",
                    body.len(),
                    limits::MAX_UPDATE
                ),
            ));
        }
        self.append(&space, body)?;
        let serial = self.spaces.get(&space).map_or(0, |s| s.max_serial);
        Ok(UpdateAccepted { serial })
    }

    pub(crate) fn updates(&self, id: &InstanceId, serial: u64) -> Result<Updates, ApiError> {
        let space = self.live_instance(id)?.space;
        let rows = self
            .store
            .updates(&space, serial, PAGE, PAGE_BYTES)
            .map_err(|e| store_error(&e))?;
        let max_serial = self.store.max_serial(&space).map_err(|e| store_error(&e))?;
        let updates = rows.into_iter().filter_map(|row| shown(row, max_serial)).collect();
        Ok(Updates { updates, max_serial })
    }

    /// Sends bytes to all who have the instance open now.
    pub(crate) fn realtime(&mut self, id: &InstanceId, data: &str) -> Result<(), ApiError> {
        let space = self.live_instance(id)?.space;
        if data.len() > limits::MAX_UPDATE.div_ceil(3) * 4 {
            return Err(ApiError::new(
                ErrorCode::Limit,
                "a realtime message has at most 128000 bytes",
            ));
        }
        let bytes = BASE64
            .decode(data.as_bytes())
            .map_err(|_| ApiError::new(ErrorCode::BadParams, "realtime data is base64"))?;
        self.send_live(&space, bytes)
    }

    /// Numbers and keeps an update, then tells open widgets and, where the update asks for it, the person.
    pub(crate) fn deliver(&mut self, delivered: Delivered) -> Result<(), ApiError> {
        if self.is_account(&delivered.space) {
            return self.account_write(delivered);
        }
        // What another program of the space's members wrote may be anything: only sound updates are numbered.
        let Ok(update) = serde_json::from_slice::<UpdateIn>(&delivered.body) else {
            tracing::debug!(space = %delivered.space.short(), "an entry that is no update was passed over");
            return Ok(());
        };
        let update = checked(&update);
        let Some(state) = self.spaces.get_mut(&delivered.space) else {
            return Ok(());
        };
        let serial = state.max_serial + 1;
        state.max_serial = serial;
        let Delivered {
            space,
            author,
            log,
            seq,
            time_ms,
            body,
        } = delivered;
        let row = UpdateRow {
            serial,
            author,
            time_ms,
            body,
        };
        self.stored(|store| store.put_update(&space, &log, seq, &row))?;
        self.describe_instances(&space, update.summary.as_deref(), update.document.as_deref());
        let Some(out) = shown(row, serial) else { return Ok(()) };
        let open: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, s)| s.space == space && s.removed_ms.is_none())
            .map(|(id, s)| (*id, s.widget, s.data.name.clone()))
            .collect();
        for (id, widget, name) in open {
            let me = Pseudonym::from(self.identity.pseudonym_key(&widget).public());
            if author != me
                && let Some(text) = out
                    .notify
                    .as_ref()
                    .and_then(|n| n.get(&me.to_string()).or_else(|| n.get("*")))
            {
                self.notify(Some(id), &name, &text.clone(), out.href.as_deref())?;
            }
            self.emit(Event::AppUpdate {
                instance: id.to_string(),
                update: out.clone(),
            });
        }
        Ok(())
    }

    pub(crate) fn deliver_live(&mut self, space: &SpaceId, author: &Pseudonym, bytes: &[u8]) {
        let open: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, s)| s.space == *space && s.removed_ms.is_none())
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.emit(Event::AppRealtime {
                instance: id.to_string(),
                sender: author.to_string(),
                data: BASE64.encode(bytes),
            });
        }
    }
}

/// Cuts and cleans webxdc's small fields. A link that leads out of the widget is left off: the update itself counts.
pub(crate) fn checked(update: &UpdateIn) -> UpdateIn {
    let href = update.href.clone().filter(|href| leads_inside(href));
    let short = |text: &Option<String>, longest| text.as_deref().map(|t| clean(t, longest));
    let notify = update.notify.as_ref().map(|map| {
        let kept = map.iter().filter(|(who, _)| who.as_str() == "*" || who.len() == 64);
        kept.take(MOST_NOTIFY)
            .map(|(who, text)| (who.clone(), clean(text, LONGEST_INFO)))
            .collect()
    });
    UpdateIn {
        payload: update.payload.clone(),
        info: short(&update.info, LONGEST_INFO).filter(|t| !t.is_empty()),
        href,
        document: short(&update.document, LONGEST_SHORT),
        summary: short(&update.summary, LONGEST_SHORT),
        notify,
    }
}

/// Whether a link stays inside the widget; what follows `?` or `#` is the widget's own.
fn leads_inside(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let outside = path.contains("//") || path.contains([':', '\\']) || path.split('/').any(|part| part == "..");
    !href.is_empty() && !outside && href.chars().count() <= LONGEST_HREF && !href.chars().any(char::is_control)
}

fn shown(row: UpdateRow, max_serial: u64) -> Option<UpdateOut> {
    let update: UpdateIn = serde_json::from_slice(&row.body).ok()?;
    Some(UpdateOut {
        payload: update.payload,
        serial: row.serial,
        max_serial: max_serial.max(row.serial),
        info: update.info,
        href: update.href,
        document: update.document,
        summary: update.summary,
        notify: update.notify,
        sender: row.author.to_string(),
        time_ms: row.time_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::leads_inside;

    #[test]
    fn a_link_of_an_update_stays_inside_the_widget() {
        for good in [
            "index.html",
            "a/b.html?t=12:30#x",
            "?u=https://example.org/..",
            "#there",
            "page.html?a=//b",
        ] {
            assert!(leads_inside(good), "{good}");
        }
        for bad in [
            "",
            "https://example.org",
            "//example.org",
            "javascript:1",
            "../x",
            "a/../../x",
            "a\\b",
            "a\nb",
        ] {
            assert!(!leads_inside(bad), "{bad}");
        }
        assert!(!leads_inside(&"x".repeat(2000)));
    }
}
