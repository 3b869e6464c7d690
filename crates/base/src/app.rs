//! Which app is meant: all who have the same widget, or a plugin of the same name, are members of one app (O1).

use crate::{
    hash::hash,
    ids::{AppId, NodeId, ParseIdError, WidgetId},
};
use alloc::string::String;
use core::{fmt, str::FromStr};

/// Longest name of an app that is no widget.
pub const MAX_APP_NAME: usize = 40;

/// An app as people and manifests name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppName {
    /// A widget, by its UUID.
    Widget(WidgetId),
    /// A plugin, or whatever else goes by a name: small letters, digits and `-`, from a letter on.
    Named(String),
    /// By its id.
    Id(AppId),
}

impl AppName {
    /// The id that all members know.
    pub fn id(&self) -> AppId {
        match self {
            Self::Widget(widget) => AppId(hash("hedgerow 2026 app of a widget v1", &[&widget.0])),
            Self::Named(name) => AppId(hash("hedgerow 2026 app of a name v1", &[name.as_bytes()])),
            Self::Id(id) => *id,
        }
    }
}

impl FromStr for AppName {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Ok(widget) = text.parse() {
            return Ok(Self::Widget(widget));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let named = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(small);
        match named && text.len() <= MAX_APP_NAME {
            true => Ok(Self::Named(text.into())),
            false => Err(ParseIdError {
                expected: "an app: the UUID of a widget, the name of a plugin, or 64 hex digits",
            }),
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Widget(widget) => widget.fmt(f),
            Self::Named(name) => f.write_str(name),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// How the members of one app call a node: apps see this and no node ids, so that nobody is followed from one app to
/// another. Shown as 16 hex digits.
///
/// Whoever has 2^64 keys made can have the same one as somebody else: what depends on who somebody is, looks at
/// signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(pub u64);

impl Alias {
    /// Of a node in an app.
    pub fn of(app: &AppId, node: &NodeId) -> Self {
        let digest = hash("hedgerow 2026 member of an app v1", &[&app.0, &node.0]);
        let mut first = [0; 8];
        first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(u64::from_be_bytes(first))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Alias {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let hex = text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| hex);
        number.map(Self).ok_or(ParseIdError {
            expected: "a peer of an app (16 hex digits)",
        })
    }
}
