//! Arguments of the commands about widgets and their instances.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Widget {
    /// Begin a widget: write a skeleton that runs into a new folder.
    New {
        /// Folder to make.
        dir: PathBuf,
        /// Name of the widget; the folder's name unless given.
        #[arg(long)]
        name: Option<String>,
        /// With a part that runs in the background, written in this language.
        #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, default_missing_value = "js")]
        component: Option<Language>,
    },
    /// Make a background part of a WebAssembly module that a compiler for C, Zig or Rust wrote.
    Component {
        /// The module, with the functions of `hedgerow.wit`.
        module: PathBuf,
        /// File to write.
        #[arg(short, long, value_name = "FILE", default_value = "background.wasm")]
        output: PathBuf,
    },
    /// Make a package (`.xdc`) of a folder.
    Pack {
        /// Folder with `index.html` and `manifest.toml`.
        dir: PathBuf,
        /// File to write; the folder's name with `.xdc`, here, unless given.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Sign a package as the next release of a widget of yours and offer it to everybody.
    Publish(Publish),
    /// Search the directory on this machine.
    Search {
        /// Words or beginnings of words; without any, the newest.
        words: Vec<String>,
        /// Only this category.
        #[arg(long)]
        category: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// All about one widget.
    Show {
        /// The widget.
        uuid: String,
    },
    /// Install a widget from the directory, or a package file for oneself.
    Install {
        /// A widget of the directory, or a file.
        #[arg(value_name = "UUID|FILE")]
        what: String,
    },
    /// Install the newest release of a widget.
    Update {
        /// The widget.
        uuid: String,
        /// Agree to permissions that the new release adds.
        #[arg(long)]
        accept_permissions: bool,
    },
    /// Go back to the release that was installed before; the data stays.
    Rollback {
        /// The widget.
        uuid: String,
    },
    /// Copy a widget as a new one of yours: new UUID, the ancestor kept. With a folder, its source goes there.
    Fork {
        /// The widget.
        uuid: String,
        /// Folder to make, with the source to change and publish.
        dir: Option<PathBuf>,
    },
    /// Who signs the releases of a widget.
    Signers {
        /// The widget.
        uuid: String,
    },
    /// Change who signs the releases of a widget of yours, or take releases back.
    ChangeSigners {
        /// The widget.
        uuid: String,
        /// Key of somebody who signs from now on; repeated for each, yourself too if you go on.
        #[arg(long = "key", required = true)]
        keys: Vec<String>,
        /// How many of them must sign a release.
        #[arg(long, default_value_t = 1)]
        threshold: u32,
        /// Release that is taken back; may be repeated.
        #[arg(long, value_name = "RELEASE")]
        revoke: Vec<String>,
    },
    /// Sign what another author of a widget began; published when enough did.
    Cosign {
        /// Text that they got from `publish`, `change-signers` or `cosign`.
        record: String,
        /// Only say what it is.
        #[arg(long)]
        preview: bool,
    },
    /// Who uses a widget, by release, and what is open: for its author.
    Statistics {
        /// The widget.
        uuid: String,
    },
    /// What is installed here.
    List,
    /// Uninstall a widget.
    Remove {
        /// The widget.
        uuid: String,
        /// Also take its instances off the dashboard; they can be brought back.
        #[arg(long)]
        with_instances: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// Package file, or a folder that is packed first.
    pub(crate) file: PathBuf,
    /// Open-source licence as SPDX names it, for a package that does not say.
    #[arg(long, value_name = "SPDX")]
    pub(crate) license: Option<String>,
    /// Version such as 1.2.0, for a package that does not say.
    #[arg(long = "version", value_name = "SEMVER")]
    pub(crate) release_version: Option<String>,
    /// Name, for a package that does not say.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The widget of yours that this is the next release of; the one with the same name unless given.
    #[arg(long)]
    pub(crate) uuid: Option<String>,
}

/// What a background part is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// JavaScript.
    Js,
    /// Python.
    Python,
    /// C.
    C,
    /// Rust.
    Rust,
}

/// Who shares an instance's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Space {
    /// Only you, on all your devices.
    Private,
    /// Those whom you invite.
    Invited,
    /// Everyone who has the widget.
    Public,
}

impl Space {
    /// The name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Invited => "invited",
            Self::Public => "public",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Instance {
    /// Place a widget on the dashboard.
    Add {
        /// The widget; installed first when it is not yet.
        uuid: String,
        /// Who shares its data.
        #[arg(long, value_enum, default_value_t = Space::Private)]
        space: Space,
        /// Name on the dashboard; the widget's own unless given.
        #[arg(long)]
        name: Option<String>,
    },
    /// What is on the dashboard.
    List,
    /// Print an invitation to share this instance.
    Invite {
        /// The instance.
        instance: String,
    },
    /// Accept an invitation.
    Join {
        /// What `hedgerow instance invite` printed there, or the link.
        invite: String,
        /// Do not ask before joining.
        #[arg(long)]
        yes: bool,
    },
    /// Take an instance off the dashboard; it can be brought back for 30 days.
    Remove {
        /// The instance.
        instance: String,
    },
    /// Give an instance another name on this dashboard.
    Rename {
        /// The instance.
        instance: String,
        /// The new name.
        name: String,
    },
    /// Who shares an instance.
    Members {
        /// The instance.
        instance: String,
    },
    /// Tell the others that you leave, and take the instance off the dashboard.
    Leave {
        /// The instance.
        instance: String,
    },
}
