//! Answers without their headers, which [`super::router`] adds.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_base::hash::content_digest;
use hedgerow_sandbox::range::{Part, part};
use serde_json::{Value, json};

pub(super) type Answer = Response<Body>;

/// Tells caches to ask each time; the entity tag makes that cheap.
pub(super) const ASK: &str = "no-cache";
/// Tells caches to keep nothing.
pub(super) const NEVER: &str = "no-store";

/// Sets a header whose value is known to be plain text; anything else is left out.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn new(status: StatusCode, mime: &str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, mime);
    answer
}

/// A short page for people.
pub(super) fn page(status: StatusCode, text: &str) -> Answer {
    new(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// JSON for programs.
pub(super) fn json(status: StatusCode, value: &Value) -> Answer {
    new(status, "application/json", value.to_string())
}

/// An error for programs, outside of JSON-RPC.
pub(super) fn error(status: StatusCode, code: ErrorCode, message: &str) -> Answer {
    json(
        status,
        &json!({"error": {"code": code, "message": message, "data": {"code": code}}}),
    )
}

/// A script that differs by person: kept by no cache.
pub(super) fn script(text: String) -> Answer {
    new(StatusCode::OK, "text/javascript; charset=utf-8", text)
}

/// The status for an error of the node.
pub(super) const fn status(error: &ApiError) -> StatusCode {
    match error.code {
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Denied | ErrorCode::Refused | ErrorCode::NeedsGrant => StatusCode::FORBIDDEN,
        ErrorCode::Limit => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Local | ErrorCode::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Malformed | ErrorCode::NotACall | ErrorCode::UnknownMethod | ErrorCode::BadParams => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// The method is not for this address.
pub(super) fn wrong_method(allowed: &str) -> Answer {
    let mut answer = page(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("Only {allowed} is answered here."),
    );
    set(&mut answer, header::ALLOW, allowed);
    answer
}

/// A file: entity tag, "not modified", one range.
pub(super) fn file(asked: &HeaderMap, bytes: Vec<u8>, mime: &str, cache: &str) -> Answer {
    let tag = tag(&bytes);
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut answer = if text(header::IF_NONE_MATCH).is_some_and(|list| matches(list, &tag)) {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == tag));
        ranged(range, bytes, mime)
    };
    set(&mut answer, header::ETAG, &tag);
    set(&mut answer, header::CACHE_CONTROL, cache);
    answer
}

fn ranged(range: Option<&str>, mut bytes: Vec<u8>, mime: &str) -> Answer {
    let len = bytes.len();
    let mut answer = match part(range, len) {
        Part::Whole => new(StatusCode::OK, mime, bytes),
        Part::Some { first, end } => {
            bytes.truncate(end);
            bytes.drain(..first.min(end));
            let mut answer = new(StatusCode::PARTIAL_CONTENT, mime, bytes);
            let range = format!("bytes {first}-{}/{len}", end.saturating_sub(1));
            set(&mut answer, header::CONTENT_RANGE, &range);
            answer
        }
        Part::Outside => {
            let mut answer = page(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "The file is shorter than what was asked for.",
            );
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{len}"));
            answer
        }
    };
    set(&mut answer, header::ACCEPT_RANGES, "bytes");
    answer
}

/// A strong entity tag: the beginning of the content's hash.
pub(super) fn tag(bytes: &[u8]) -> String {
    let digest = content_digest(bytes);
    let short = digest.first_chunk::<16>().map_or(&digest[..], |short| &short[..]);
    format!("\"{}\"", data_encoding::HEXLOWER.encode(short))
}

fn matches(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
