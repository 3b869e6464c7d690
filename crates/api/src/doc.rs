//! Generators: TypeScript for the dashboard; Markdown, OpenRPC and WIT for `docs/api/`.

mod example;
mod openrpc;
pub mod shape;
mod wit;

pub use openrpc::openrpc;
pub use wit::{PACKAGE, VERSION, wit};

use crate::{
    API_VERSION, error, events,
    methods::{Door, METHODS, MethodInfo},
    permission::{Permission, Plugins},
    types,
};
use std::fmt::Write as _;
use ts_rs::{Config, TS};

/// Declarations of types, one after the other.
macro_rules! declared {
    ($($t:ty),* $(,)?) => { [$( format!("export {}\n\n", <$t>::decl(&Config::default())) ),*].concat() };
}

fn parameter_types() -> String {
    declared!(
        error::ErrorCode,
        error::ApiError,
        Permission,
        types::CallerKind,
        types::PluginRun,
        types::SpaceKind,
        types::Path,
        types::Nothing,
        types::LoginLinkParams,
        types::BackupParams,
        types::ConnectParams,
        types::FindParams,
        types::NodeParams,
        types::PingParams,
        types::PingAnswer,
        types::AllowedPort,
        types::PortParams,
        types::FileNumber,
        types::SendFileParams,
        types::AcceptFileParams,
        types::AlwaysParams,
        types::SetFilesParams,
        types::Profile,
        types::RecoveryConfirmParams,
        types::SearchParams,
        types::WidgetParams,
        types::FilesParams,
        types::FileParams,
        types::InstallParams,
        types::UpdateParams,
        types::RemoveWidgetParams,
        types::PublishParams,
        types::AddInstanceParams,
        types::InstanceParams,
        types::RenameInstanceParams,
        types::InviteParams,
        types::RemoveMemberParams,
        types::Layout,
        types::Board,
        types::Tile,
        types::NoticeParams,
        types::AppOpenParams,
        types::SendUpdateParams,
        types::UpdateIn,
        types::UpdatesParams,
        types::RealtimeParams,
        types::RealtimeJoinParams,
        types::PluginParams,
        types::PluginAddParams,
        types::PluginAllowParams,
        types::PluginLogParams,
        types::NotifyParams,
        types::SetRelayParams,
        types::AuditParams,
    )
}

/// Of `directory.*` and `stats.*`.
fn directory_types() -> String {
    declared!(
        types::Role,
        types::UpdatePolicy,
        types::Order,
        types::Standing,
        types::Shelf,
        types::FrontPage,
        types::Why,
        types::Reason,
        types::Person,
        types::Rating,
        types::Ratings,
        types::Comment,
        types::Lineage,
        types::Descent,
        types::PersonDetail,
        types::Certificate,
        types::DirectorySettings,
        types::Blocked,
        types::WidgetStatistics,
        types::VersionUse,
        types::Signers,
        types::Cosigned,
        types::ChangeSignersParams,
        types::CosignParams,
        types::TopWidget,
        types::TopPerson,
        types::FrontParams,
        types::RateParams,
        types::WidgetPage,
        types::CommentsParams,
        types::CommentParams,
        types::EditCommentParams,
        types::CommentId,
        types::CloseIssueParams,
        types::PersonParams,
        types::CertifyParams,
        types::CertificatesParams,
        types::RevokeParams,
        types::BlockParams,
        types::SubjectParams,
        types::SetDirectoryParams,
        types::StatsParams,
    )
}

/// Of `peers.*`, `secrets.*` and `streams.*`.
fn app_parameter_types() -> String {
    declared!(
        types::AppParams,
        types::OpenPeersParams,
        types::BroadcastParams,
        types::SendParams,
        types::ReplyParams,
        types::VerdictParams,
        types::GroupParams,
        types::GroupNameParams,
        types::SealParams,
        types::OpenSecretParams,
        types::FeaturesParams,
        types::OpenStreamParams,
        types::AcceptStreamParams,
        types::WriteStreamParams,
        types::ReadStreamParams,
        types::StreamParams,
    )
}

/// Of `grant.*`, `web.*`, `contacts.*`, `component.*` and `background.*`.
fn grant_types() -> String {
    declared!(
        types::How,
        types::GrantState,
        types::Level,
        types::Tier,
        types::ComponentRun,
        types::GrantListParams,
        types::GrantParams,
        types::DenyParams,
        types::RevokeGrantParams,
        types::SetGrantPolicyParams,
        types::WebFetchParams,
        types::WidgetDoorParams,
        types::BackgroundTellParams,
        types::ComponentLogParams,
        types::GrantInfo,
        types::InstanceGrants,
        types::GrantPolicy,
        types::WebAnswer,
        types::WidgetContact,
        types::BackgroundStatus,
        types::ComponentInfo,
        types::ComponentLogLine,
    )
}

fn result_types() -> String {
    declared!(
        types::MethodDoc,
        types::ApiDoors,
        types::RelaySettings,
        types::PluginPermission,
        types::PluginInfo,
        types::PluginLogLine,
        types::AuditLine,
        types::Status,
        types::Ticket,
        types::LoginLink,
        types::DoctorNat,
        types::DoctorRelay,
        types::DoctorMapping,
        types::DoctorLookup,
        types::FindWay,
        types::FoundDevice,
        types::FindResult,
        types::DoctorPeer,
        types::DoctorIdle,
        types::Doctor,
        types::Report,
        types::TracePath,
        types::TraceNote,
        types::Trace,
        types::FileTransfer,
        types::FileAlways,
        types::FileSettings,
        types::BackupResult,
        types::Peer,
        types::Connected,
        types::RecoveryWords,
        types::RecoveryConfirmed,
        types::WidgetSummary,
        types::PermissionAsk,
        types::ReleaseInfo,
        types::WidgetDetail,
        types::CategoryCount,
        types::FileEntry,
        types::FileContent,
        types::Installed,
        types::UpdatePlan,
        types::InstalledWidget,
        types::Published,
        types::Instance,
        types::Invite,
        types::InvitePreview,
        types::Member,
        types::Notice,
        types::AppInfo,
        types::UpdateAccepted,
        types::UpdateOut,
        types::Updates,
        types::AppPeers,
        types::AppMember,
        types::PeerReply,
        types::BroadcastSent,
        types::MessageSent,
        types::AppGroup,
        types::GroupKeyText,
        types::Sealed,
        types::OpenedSecret,
        types::Features,
        types::AppStream,
        types::StreamBytes,
        events::Event,
    )
}

/// `web/src/api/types.ts`: every type, the method map and the event union.
pub fn typescript() -> String {
    let mut out = String::from("// Generated by `cargo xtask api` from crates/api. Do not edit.\n\n");
    let _ = writeln!(
        out,
        "export type JsonValue = number | string | boolean | Array<JsonValue> | {{ [key in string]: JsonValue }} | null;\n"
    );
    out.push_str(&parameter_types());
    out.push_str(&app_parameter_types());
    out.push_str(&directory_types());
    out.push_str(&grant_types());
    out.push_str(&result_types());
    let _ = writeln!(
        out,
        "export const API_VERSION = {API_VERSION};\n\nexport interface Methods {{"
    );
    for method in METHODS {
        let _ = writeln!(out, "  /** {} */", method.doc.trim().replace('\n', " "));
        let _ = writeln!(
            out,
            "  {:?}: {{ params: {}; result: {} }};",
            method.name,
            (method.params)(false),
            (method.result)(false)
        );
    }
    out.push_str("}\n");
    out.replace("bigint", "number")
}

/// Who may call a method, in words.
fn callers(method: &MethodInfo) -> String {
    let owner = match method.door {
        Door::Owner => "owner",
        Door::Widget => "owner, and a widget for its own instance",
    };
    match method.plugins {
        Plugins::Never => owner.into(),
        Plugins::Always => format!("{owner}, every plugin"),
        Plugins::With(permission) => {
            let widget = match method.door {
                Door::Owner => String::new(),
                Door::Widget => format!(" with `{}`", permission.of_widget()),
            };
            let plugin = permission
                .for_plugin()
                .map(|_| format!(", plugins with `{permission}`"));
            format!("{owner}{widget}{}", plugin.unwrap_or_default())
        }
    }
}

/// A method as `api.methods` and the pages show it.
pub fn method(method: &MethodInfo) -> types::MethodDoc {
    let lines = method.doc.lines().map(str::trim).filter(|l| !l.is_empty());
    types::MethodDoc {
        name: method.name.into(),
        doc: lines.collect::<Vec<_>>().join(" "),
        params: (method.params)(true),
        result: (method.result)(true),
        callers: callers(method),
        example: example::call(method),
    }
}

/// `docs/api/methods.md`.
pub fn markdown() -> String {
    let mut out = String::from(
        "# API methods\n\nGenerated by `cargo xtask api` from `crates/api`. JSON-RPC 2.0; parameters by name. How to \
         reach the API: [doors.md](doors.md); the same for machines: [openrpc.json](openrpc.json).\n\n\
         ## What may be granted\n\n| permission | allows a plugin | allows a widget |\n|---|---|---|\n",
    );
    for permission in Permission::ALL {
        let (plugin, widget) = (permission.for_plugin(), permission.for_widget());
        let _ = writeln!(
            out,
            "| `{permission}` | {} | {} |",
            plugin.unwrap_or("–"),
            widget.unwrap_or("–")
        );
    }
    for info in METHODS {
        let doc = method(info);
        let _ = write!(
            out,
            "\n## `{}`\n{}\n\nFor: {}.\n\n```ts\nparams: {}\nresult: {}\n```\n```json\n{}\n{}\n```\n",
            doc.name,
            doc.doc,
            doc.callers,
            doc.params,
            doc.result,
            doc.example,
            example::answer(info)
        );
    }
    out
}
