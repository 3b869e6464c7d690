//! Parameters and results. Unknown parameters are refused; results may grow.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! params {
    ($( $(#[doc = $sdoc:literal])+ $name:ident { $( $(#[$fmeta:meta])* $field:ident : $ty:ty, )* } )+) => { $(
        $(#[doc = $sdoc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[ts(optional_fields)]
        pub struct $name { $( $(#[$fmeta])* pub $field: $ty, )* }
    )+ };
}
macro_rules! results {
    ($( $(#[doc = $sdoc:literal])+ $name:ident { $( $(#[$fmeta:meta])* $field:ident : $ty:ty, )* } )+) => { $(
        $(#[doc = $sdoc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
        pub struct $name { $( $(#[$fmeta])* pub $field: $ty, )* }
    )+ };
}

mod apps;
mod directory;
mod files;
mod grants;
mod params;
mod plugins;
mod relay;
mod results;
mod trace;

pub use apps::*;
pub use directory::*;
pub use files::*;
pub use grants::*;
pub use params::*;
pub use plugins::*;
pub use relay::*;
pub use results::*;
pub use trace::*;

/// Who shares an instance's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpaceKind {
    /// Only oneself, on all own devices.
    #[default]
    Private,
    /// Members by invitation.
    Invited,
    /// Everyone who has the widget.
    Public,
}

/// How a peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Straight over the internet.
    Direct,
    /// Through another peer.
    Relay,
    /// On the same network or machine.
    Lan,
    /// There, without a connection as long as there is nothing to say.
    Parked,
    /// Not connected now.
    None,
}
