//! What a plugin may be allowed. A method or event that names no permission here is closed to plugins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! permissions {
    ($( $(#[doc = $doc:literal])+ $variant:ident $name:literal $sentence:literal; )+) => {
        /// Something that a plugin asks for and the owner grants.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Permission { $( $(#[doc = $doc])+ $variant, )+ }

        impl Permission {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];
            /// The name in `plugin.toml`.
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }
            /// What it allows, as people read it.
            pub const fn sentence(self) -> &'static str { match self { $( Self::$variant => $sentence, )+ } }
        }
    };
}

permissions! {
    /// This node itself.
    Node "node" "Can see the name, the id and the state of this node";
    /// The other nodes.
    Contacts "contacts" "Can see who is connected";
    /// The directory of widgets.
    Directory "directory" "Can search the directory of widgets";
    /// Transfers of files.
    Files "files" "Can see which files you and others send each other";
    /// The person in front of the dashboard.
    Notifications "notifications" "Can notify you";
    /// The network, for a plugin in the sandbox; one outside has it anyway.
    Network "network" "Can reach other machines by itself";
    /// Messages to the same plugin on other nodes.
    Peers "peers" "Can exchange messages with other people who use it";
    /// Streams to the same plugin on other nodes.
    Streams "streams" "Can open streams to other people who use it";
}

impl Permission {
    /// The permission of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether plugins may call a method, or hear of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugins {
    /// No plugin, whatever it was granted.
    Never,
    /// Every plugin that runs.
    Always,
    /// Those that were granted this.
    With(Permission),
}

impl Plugins {
    /// Whether a plugin with these grants may.
    pub fn may(self, granted: &[Permission]) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::With(permission) => granted.contains(&permission),
        }
    }
}
