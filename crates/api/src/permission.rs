//! What a widget, a component or a plugin may be allowed (W2, W25). One list for all three: a method or event that
//! names no permission is closed to them, but for what an instance may always do with its own space.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `-` where a permission cannot be asked for.
macro_rules! sentence {
    (-) => {
        None
    };
    ($sentence:literal) => {
        Some($sentence)
    };
}

macro_rules! permissions {
    ($( $(#[doc = $doc:literal])+ $variant:ident $name:literal plugin $plugin:tt widget $widget:tt; )+) => {
        /// Something that code of others asks for and the owner grants.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Permission { $( $(#[doc = $doc])+ $variant, )+ }

        impl Permission {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];
            /// The name in `plugin.toml` and `manifest.toml`.
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }
            /// What it allows a plugin, as people read it; none when plugins cannot ask for it.
            pub const fn for_plugin(self) -> Option<&'static str> { match self { $( Self::$variant => sentence!($plugin), )+ } }
            /// What it allows a widget and its component, as people read it; none when widgets cannot ask for it.
            pub const fn for_widget(self) -> Option<&'static str> { match self { $( Self::$variant => sentence!($widget), )+ } }
        }
    };
}

permissions! {
    /// This node itself.
    Node "node" plugin "Can see the name, the id and the state of this node" widget -;
    /// The people that this node knows.
    Contacts "contacts" plugin "Can see who is connected" widget "Can see the names of the people you share spaces with";
    /// The directory of widgets, and how it stands here.
    Directory "directory" plugin "Can search the directory of widgets"
        widget "Can see which widgets and people you and your peers think well of";
    /// Transfers of files.
    Files "files" plugin "Can see which files you and others send each other" widget -;
    /// The person in front of the dashboard.
    Notifications "notifications" plugin "Can notify you" widget "Can notify you";
    /// The network, for a plugin in the sandbox; one outside has it anyway.
    Network "network" plugin "Can reach other machines by itself" widget -;
    /// Messages to the same app on other nodes; for widgets also streams.
    Peers "peers" plugin "Can exchange messages with other people who use it" widget "Can talk to other people who use it";
    /// Streams to the same plugin on other nodes.
    Streams "streams" plugin "Can open streams to other people who use it" widget -;
    /// Messages to other apps on other nodes: those that are named.
    Widgets "widgets" plugin - widget "Can send messages to other widgets";
    /// Requests to web sites, made by the node: to hosts that are named.
    Web "web" plugin - widget "Can reach web sites";
    /// A background part that runs without the dashboard.
    Background "background" plugin - widget "Can run while the dashboard is closed";
    /// Room on other people's machines.
    Storage "storage" plugin - widget "Can keep data on other people's machines";
    /// BitTorrent.
    Torrents "torrents" plugin - widget "Can read and add BitTorrent downloads";
    /// The camera.
    Camera "camera" plugin - widget "Can use the camera";
    /// The microphone.
    Microphone "microphone" plugin - widget "Can use the microphone";
    /// The clipboard.
    Clipboard "clipboard" plugin - widget "Can read and write the clipboard";
}

impl Permission {
    /// The permission of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }

    /// What a widget needs where a plugin needs this: widgets have one permission for messages and streams.
    pub const fn of_widget(self) -> Self {
        match self {
            Self::Streams => Self::Peers,
            other => other,
        }
    }

    /// Whether it shows a widget something about the person or their surroundings. Refused by itself where the browser
    /// fences widgets only in part.
    pub const fn is_private(self) -> bool {
        match self {
            Self::Contacts
            | Self::Directory
            | Self::Camera
            | Self::Microphone
            | Self::Clipboard
            | Self::Torrents
            | Self::Node
            | Self::Files => true,
            Self::Notifications
            | Self::Network
            | Self::Peers
            | Self::Streams
            | Self::Widgets
            | Self::Web
            | Self::Background
            | Self::Storage => false,
        }
    }

    /// What of the browser itself comes with it, as `Permissions-Policy` and the attribute `allow` of a frame name it. What
    /// is not here no widget gets.
    pub const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Camera => &["camera"],
            Self::Microphone => &["microphone"],
            Self::Clipboard => &["clipboard-read", "clipboard-write"],
            Self::Node
            | Self::Contacts
            | Self::Directory
            | Self::Files
            | Self::Notifications
            | Self::Network
            | Self::Peers
            | Self::Streams
            | Self::Widgets
            | Self::Web
            | Self::Background
            | Self::Storage
            | Self::Torrents => &[],
        }
    }

    /// Whether it can be granted for one call. What goes on for as long as the widget runs cannot.
    pub const fn is_single(self) -> bool {
        match self {
            Self::Contacts | Self::Directory | Self::Notifications | Self::Widgets | Self::Web => true,
            Self::Node
            | Self::Files
            | Self::Network
            | Self::Peers
            | Self::Streams
            | Self::Background
            | Self::Storage
            | Self::Torrents
            | Self::Camera
            | Self::Microphone
            | Self::Clipboard => false,
        }
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
