//! What the person gives to others: whether and how much this node relays, and what it must not use. The month's bytes
//! are on disk, so that neither a restart nor a crash gives them again.

use crate::{
    engine::Engine,
    model::{pack, unpack},
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{RelaySettings, SetRelayParams},
};
use hedgerow_net::{MonthUse, RelayLimits, Serving};
use hedgerow_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

const SETTINGS: &str = "relay";
const MONTH: &str = "relay_month";
/// How often the month's bytes are written while they grow: so much is forgotten at most when the machine loses power.
const SAVE_MS: u64 = 10_000;
/// Most nodes that can be served at once: what one process may have open.
const MOST_CLIENTS: u32 = 10_000;
/// Less would not carry one conversation.
const LEAST_RATE: u64 = 16_000;

/// What was set, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    on: bool,
    clients: usize,
    rate: Option<u64>,
    total: Option<u64>,
    month: Option<u64>,
    metered: bool,
    port_mapping: bool,
}

impl Default for Kept {
    fn default() -> Self {
        let limits = RelayLimits::default();
        Self {
            on: true,
            clients: limits.clients,
            rate: limits.rate,
            total: limits.total,
            month: limits.month,
            metered: false,
            port_mapping: true,
        }
    }
}

/// Settings and use of relaying for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relaying {
    kept: Kept,
    /// This run was started as metered, without port mapping, or without relaying.
    metered: bool,
    no_port_mapping: bool,
    no_serve: bool,
    saved: MonthUse,
    next_save_ms: u64,
}

impl Relaying {
    pub(crate) fn load(store: &Store, metered: bool, port_mapping: bool, serve: bool) -> Result<Self, StoreError> {
        let kept = store
            .meta(SETTINGS)?
            .and_then(|bytes| unpack(&bytes))
            .unwrap_or_default();
        let month = store.meta(MONTH)?.and_then(|bytes| unpack::<(u32, u64)>(&bytes));
        let (month, bytes) = month.unwrap_or_default();
        Ok(Self {
            kept,
            metered,
            no_port_mapping: !port_mapping,
            no_serve: !serve,
            saved: MonthUse { month, bytes },
            next_save_ms: 0,
        })
    }
    /// This connection costs money, or may not be used up.
    pub(crate) fn is_metered(&self) -> bool {
        self.metered || self.kept.metered
    }
    pub(crate) fn maps_ports(&self) -> bool {
        self.kept.port_mapping && !self.no_port_mapping
    }
    fn limits(&self) -> RelayLimits {
        RelayLimits {
            clients: self.kept.clients,
            rate: self.kept.rate,
            total: self.kept.total,
            month: self.kept.month,
        }
    }
    pub(crate) fn serving(&self) -> Serving {
        Serving {
            on: self.kept.on && !self.is_metered(),
            limits: self.limits(),
            month: self.saved,
        }
    }
    /// Why this node does not relay, whatever its address is.
    pub(crate) fn why_not(&self) -> Option<&'static str> {
        match () {
            () if self.is_metered() => Some("this connection is metered"),
            () if self.no_serve => Some("it was started with --no-serve"),
            () if !self.kept.on => Some("it was switched off"),
            () => None,
        }
    }
}

/// A limit that was handed in; zero is no limit.
fn limit(value: Option<u64>, least: u64, what: &str, old: Option<u64>) -> Result<Option<u64>, ApiError> {
    match value {
        None => Ok(old),
        Some(0) => Ok(None),
        Some(value) if value >= least => Ok(Some(value)),
        Some(_) => Err(ApiError::new(
            ErrorCode::BadParams,
            format!("{what} is too small: give at least {least} bytes, or 0 for no limit; `on: false` ends relaying"),
        )),
    }
}

impl Engine {
    pub(crate) fn relay_settings(&self) -> RelaySettings {
        let report = self.net.reach();
        let kept = &self.relaying.kept;
        let used = report.relay;
        RelaySettings {
            on: kept.on,
            address: report.serves.map(|address| address.to_string()),
            why_not: match (report.serves, self.relaying.why_not()) {
                (Some(_), _) => None,
                (None, Some(why)) => Some(why.into()),
                (None, None) if used.is_some_and(|used| used.stage == hedgerow_net::Stage::Spent) => {
                    Some("the bytes of this month are used up".into())
                }
                (None, None) => Some("peers could not reach it yet".into()),
            },
            clients: u32::try_from(kept.clients).unwrap_or(u32::MAX),
            rate: kept.rate,
            total: kept.total,
            month: kept.month,
            metered: self.relaying.is_metered(),
            port_mapping: self.relaying.maps_ports(),
            clients_now: used.map_or(0, |used| u32::try_from(used.clients).unwrap_or(u32::MAX)),
            bytes: used.map_or(0, |used| used.bytes),
            month_bytes: used.map_or(self.relaying.saved.bytes, |used| used.month.bytes),
            refused: used.map_or(0, |used| used.refused),
            state: used.map_or("open", |used| used.stage.as_str()).into(),
        }
    }

    pub(crate) fn set_relay(&mut self, params: SetRelayParams) -> Result<RelaySettings, ApiError> {
        let mut kept = self.relaying.kept.clone();
        kept.on = params.on.unwrap_or(kept.on);
        if let Some(clients) = params.clients {
            if !(1..=MOST_CLIENTS).contains(&clients) {
                let words = format!("give 1 to {MOST_CLIENTS} clients; `on: false` ends relaying");
                return Err(ApiError::new(ErrorCode::BadParams, words));
            }
            kept.clients = clients as usize;
        }
        kept.rate = limit(params.rate, LEAST_RATE, "the rate of one client", kept.rate)?;
        kept.total = limit(params.total, LEAST_RATE, "the rate of all clients", kept.total)?;
        kept.month = limit(params.month, 1, "the month's limit", kept.month)?;
        kept.metered = params.metered.unwrap_or(kept.metered);
        kept.port_mapping = params.port_mapping.unwrap_or(kept.port_mapping);
        self.stored(|store| store.set_meta(SETTINGS, &pack(&kept)))?;
        self.relaying.kept = kept;
        let serving = self.relaying.serving();
        self.net.set_serving(serving.on, serving.limits);
        self.net.set_port_mapping(self.relaying.maps_ports());
        Ok(self.relay_settings())
    }

    /// When the month's bytes are to be written next.
    pub(crate) fn relay_timeout(&self) -> Option<u64> {
        let serves = self.net.reach_serves();
        serves.then_some(self.relaying.next_save_ms)
    }

    /// Writes the month's bytes if they changed and it is time.
    pub(crate) fn save_relayed(&mut self, now_ms: u64) {
        if now_ms < self.relaying.next_save_ms {
            return;
        }
        self.relaying.next_save_ms = now_ms.saturating_add(SAVE_MS);
        let month = self.net.relayed();
        if month == self.relaying.saved {
            return;
        }
        match self.stored(|store| store.set_meta(MONTH, &pack(&(month.month, month.bytes)))) {
            Ok(()) => self.relaying.saved = month,
            Err(error) => tracing::warn!(%error, "the bytes relayed this month could not be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_stored_gets_the_defaults_of_what_it_did_not_know() {
        let kept: Kept = unpack(br#"{"on":false}"#).unwrap();
        assert_eq!(
            kept,
            Kept {
                on: false,
                ..Kept::default()
            }
        );
    }

    #[test]
    fn a_metered_connection_is_not_given_away() {
        let mut relaying = Relaying::default();
        assert!(relaying.serving().on);
        relaying.metered = true;
        assert!(!relaying.serving().on);
        assert_eq!(relaying.why_not(), Some("this connection is metered"));
    }

    #[test]
    fn zero_is_no_limit_and_a_limit_that_carries_nothing_is_refused() {
        assert_eq!(limit(None, 10, "it", Some(5)), Ok(Some(5)));
        assert_eq!(limit(Some(0), 10, "it", Some(5)), Ok(None));
        assert_eq!(limit(Some(10), 10, "it", None), Ok(Some(10)));
        assert!(limit(Some(9), 10, "it", None).is_err());
    }
}
