//! What a refused or failed call answers: a code for programs, a sentence for people.

use crate::permission::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why a call was refused or failed. The numbers are the JSON-RPC error codes and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The text is not JSON.
    Malformed,
    /// The JSON is not a call of JSON-RPC 2.0.
    NotACall,
    /// There is no such method.
    UnknownMethod,
    /// A parameter is missing, unknown or of the wrong shape.
    BadParams,
    /// The caller may not do this.
    Denied,
    /// What was named does not exist here.
    NotFound,
    /// The request is well formed but cannot be granted: bad licence, older release, wrong invite.
    Refused,
    /// Too large or too often.
    Limit,
    /// This machine failed: disk full, read-only folder, damaged database.
    Local,
    /// The other side is away or did not answer in time.
    Unreachable,
    /// The person has to grant a permission first.
    NeedsGrant,
    /// A broken invariant in this program.
    Bug,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Malformed,
        Self::NotACall,
        Self::UnknownMethod,
        Self::BadParams,
        Self::Bug,
        Self::Denied,
        Self::NotFound,
        Self::Refused,
        Self::Limit,
        Self::Local,
        Self::Unreachable,
        Self::NeedsGrant,
    ];

    /// The name, as `data.code` of an error says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotACall => "not_a_call",
            Self::UnknownMethod => "unknown_method",
            Self::BadParams => "bad_params",
            Self::Bug => "bug",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Limit => "limit",
            Self::Local => "local",
            Self::Unreachable => "unreachable",
            Self::NeedsGrant => "needs_grant",
        }
    }

    /// The JSON-RPC number.
    pub const fn number(self) -> i32 {
        match self {
            Self::Malformed => -32700,
            Self::NotACall => -32600,
            Self::UnknownMethod => -32601,
            Self::BadParams => -32602,
            Self::Bug => -32603,
            Self::Denied => 1,
            Self::NotFound => 2,
            Self::Refused => 3,
            Self::Limit => 4,
            Self::Local => 5,
            Self::Unreachable => 6,
            Self::NeedsGrant => 7,
        }
    }
}

/// An error as every door shows it: one sentence that says what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ApiError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what happened and the next step.
    pub message: String,
    /// What has to be granted, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
}

impl ApiError {
    /// An error with `code` and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            permission: None,
        }
    }
}
impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for ApiError {}
