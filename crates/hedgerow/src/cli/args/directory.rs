//! Arguments of the commands about the directory: what people say, and whom this node trusts.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    /// The front page: from people you trust, top rated, rising, most active, newest.
    Front {
        /// Widgets on each shelf.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
    },
    /// Why a widget stands where it stands.
    Why {
        /// The widget.
        uuid: String,
    },
    /// Rate a widget, or change the rating.
    Rate {
        /// The widget.
        uuid: String,
        /// 1 to 5.
        #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
        stars: u8,
        /// Why.
        #[arg(default_value = "")]
        text: String,
    },
    /// Take the own rating back.
    Unrate {
        /// The widget.
        uuid: String,
    },
    /// What people think of a widget.
    Ratings {
        /// The widget.
        uuid: String,
    },
    /// Write a comment, a reply or an issue.
    Comment {
        /// The widget.
        uuid: String,
        /// What to say.
        text: String,
        /// Makes it an issue.
        #[arg(long)]
        title: Option<String>,
        /// Id of the comment that it replies to.
        #[arg(long, value_name = "ID")]
        reply_to: Option<String>,
    },
    /// The discussion of a widget, or its issues.
    Comments {
        /// The widget.
        uuid: String,
        /// Issues instead.
        #[arg(long)]
        issues: bool,
    },
    /// Change an own comment.
    Edit {
        /// The comment.
        id: String,
        /// What it says from now on.
        text: String,
    },
    /// Take an own comment back.
    Uncomment {
        /// The comment.
        id: String,
    },
    /// Close an issue of your own or of your widget.
    Close {
        /// The issue.
        id: String,
        /// Open it again.
        #[arg(long)]
        reopen: bool,
    },
    /// What a widget was forked from, and what was forked from it.
    Lineage {
        /// The widget.
        uuid: String,
    },
    /// Somebody who publishes, rates or vouches.
    Person {
        /// Their key.
        key: String,
    },
    /// Sign a statement about a widget or a person.
    Certify(Certify),
    /// Take such a statement back.
    Revoke(Certify),
    /// Signed statements about something, or by somebody; your own unless told.
    Certificates {
        /// UUID of a widget or key of a person.
        #[arg(long)]
        subject: Option<String>,
        /// Key of a person.
        #[arg(long)]
        by: Option<String>,
    },
    /// Do not show a widget or a person any more.
    Block {
        /// UUID of a widget or key of a person.
        subject: String,
        /// Why.
        #[arg(default_value = "")]
        reason: String,
        /// Tell everybody who uses your block list.
        #[arg(long)]
        share: bool,
    },
    /// Take a block back.
    Unblock {
        /// UUID of a widget or key of a person.
        subject: String,
    },
    /// Let somebody's word count.
    Trust {
        /// Their key.
        key: String,
    },
    /// Take somebody off that list.
    Distrust {
        /// Their key.
        key: String,
    },
    /// Use somebody's block list.
    Subscribe {
        /// Their key.
        key: String,
    },
    /// Stop using it.
    Unsubscribe {
        /// Their key.
        key: String,
    },
    /// Whom this node trusts, what it hides and shares, and what it may spend; with options, change it.
    Settings(DirectorySettings),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// It is what it says, and does no harm.
    Vouch,
    /// Their judgement is worth following.
    Moderator,
    /// It should not be shown.
    Block,
    /// Something is wrong with it.
    Report,
}

impl Role {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Vouch => "vouch",
            Self::Moderator => "moderator",
            Self::Block => "block",
            Self::Report => "report",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Certify {
    /// What it says.
    #[arg(value_enum)]
    pub(crate) role: Role,
    /// UUID of a widget or key of a person.
    pub(crate) subject: String,
    /// Why.
    #[arg(default_value = "")]
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Policy {
    /// Never; they are shown.
    Off,
    /// Of authors that this node trusts, when nothing new is asked for.
    Trusted,
    /// Whenever nothing new is asked for.
    All,
}

impl Policy {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Trusted => "trusted",
            Self::All => "all",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DirectorySettings {
    /// Tell peers which widgets are installed here.
    #[arg(long, value_name = "yes|no")]
    pub(crate) share_installs: Option<super::Answer>,
    /// Fetch popular widgets ahead.
    #[arg(long, value_name = "yes|no")]
    pub(crate) collect: Option<super::Answer>,
    /// Also those that nobody trusted vouches for.
    #[arg(long, value_name = "yes|no")]
    pub(crate) collect_unknown: Option<super::Answer>,
    /// Bytes on the disk for that.
    #[arg(long, value_name = "BYTES")]
    pub(crate) collect_disk: Option<u64>,
    /// Bytes of traffic a day for that.
    #[arg(long, value_name = "BYTES")]
    pub(crate) collect_daily: Option<u64>,
    /// Which releases are installed by themselves.
    #[arg(long, value_enum)]
    pub(crate) updates: Option<Policy>,
    /// Hours that a release has to be known before.
    #[arg(long, value_name = "HOURS")]
    pub(crate) hold: Option<u32>,
}
