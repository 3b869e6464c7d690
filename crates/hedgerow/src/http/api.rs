//! `/api/*`: login and WebSocket for the dashboard; single calls and uploads for the dashboard and for programs.

use super::{
    Shared,
    backend::Backend,
    crowd::Seat,
    reply::{self, Answer},
    rpc, streams, talk,
};
use axum::{
    body::Body,
    extract::{FromRequestParts as _, ws::WebSocketUpgrade},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use futures_util::StreamExt as _;
use hedgerow_api::{ErrorCode, call::Call};
use hedgerow_base::limits;
use hedgerow_node::Caller;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Largest call, bytes: also of a WebSocket message. Larger things are uploaded.
pub(super) const MAX_CALL: usize = 4 << 20;
/// Largest login request.
const MAX_LOGIN: usize = 1024;
/// Longest wait for the next piece of a body.
const PIECE_TIME: Duration = Duration::from_secs(30);
/// How much of a too large body is read and thrown away, so that the sender sees the answer.
const DRAIN: u64 = 4 * limits::MAX_PACKAGE;

/// By which door a request for the API came: each has its own kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Hub,
    Program,
}

pub(super) async fn answer<B: Backend>(shared: &Arc<Shared<B>>, from: From, request: Request<Body>) -> Answer {
    let path = request.uri().path();
    match (from, path) {
        (_, "/api/ws") => socket(shared, from, request).await,
        (From::Hub, "/api/login") => login(shared, request).await,
        (_, "/api/rpc") => call(shared, from, request).await,
        (_, "/api/stream") => match caller(shared, from, &request) {
            Some(Caller::Program) => streams::answer(shared, request).await,
            Some(Caller::Dashboard(_) | Caller::Plugin(_) | Caller::Component(_)) => {
                denied(StatusCode::FORBIDDEN, "streams are for programs")
            }
            None => denied(StatusCode::UNAUTHORIZED, NO_TOKEN),
        },
        (_, "/api/packages") => upload(shared, from, request).await,
        (From::Hub, _) => not_found("there is no such address in the API"),
        (From::Program, _) => not_found(&format!(
            "programs call /api/rpc, /api/ws, /api/packages and /api/stream; the dashboard is at {}",
            shared.origins.hub()
        )),
    }
}

fn not_found(message: &str) -> Answer {
    reply::error(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

/// What every POST must have: method, the hub's own origin when it comes from a browser, JSON where JSON is read.
fn checked<B>(shared: &Shared<B>, from: From, request: &Request<Body>, is_json: bool) -> Result<(), Box<Answer>> {
    if request.method() != Method::POST {
        return Err(Box::new(reply::wrong_method("POST")));
    }
    if from == From::Hub && !from_hub(shared, request.headers()) {
        return Err(Box::new(denied(
            StatusCode::FORBIDDEN,
            "only the dashboard itself may ask this",
        )));
    }
    let mime = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let mime = mime.map(|text| text.split(';').next().unwrap_or(text).trim());
    if is_json && !mime.is_some_and(|mime| mime.eq_ignore_ascii_case("application/json")) {
        let message = "send JSON, as application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Box::new(reply::error(status, ErrorCode::Malformed, message)));
    }
    Ok(())
}

/// Browsers send `Origin` with every POST and WebSocket; the door let only the hub's own through.
fn from_hub<B>(shared: &Shared<B>, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    origin == Some(shared.origins.hub().as_str())
}

fn denied(status: StatusCode, message: &str) -> Answer {
    reply::error(status, ErrorCode::Denied, message)
}

/// Who sent this request, by its token. With a good one the connection is no stranger's any more.
fn caller<B: Backend>(shared: &Shared<B>, from: From, request: &Request<Body>) -> Option<Caller> {
    let sent = request.headers().get(header::AUTHORIZATION);
    let sent = sent.and_then(|value| value.to_str().ok());
    let token = sent.and_then(|text| text.strip_prefix("Bearer "))?;
    let caller = shared.caller(from, token)?;
    if let Some(seat) = request.extensions().get::<Arc<Seat>>() {
        seat.known();
    }
    Some(caller)
}

const NO_TOKEN: &str = "the token is missing or not good any more; log in again with `hedgerow login`";

async fn login<B: Backend>(shared: &Shared<B>, request: Request<Body>) -> Answer {
    if let Err(answer) = checked(shared, From::Hub, &request, true) {
        return *answer;
    }
    let body = match body(request, MAX_LOGIN).await {
        Ok(body) => body,
        Err(e) => return e.answer(MAX_LOGIN as u64),
    };
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let Some(code) = value.get("code").and_then(Value::as_str) else {
        let message = "send {\"code\": the code from the login link}";
        return reply::error(StatusCode::BAD_REQUEST, ErrorCode::BadParams, message);
    };
    match shared.auth.login(code) {
        Ok((token, tier)) => reply::json(StatusCode::OK, &json!({"token": token, "tier": tier.name()})),
        Err(e @ super::auth::LoginError::Wrong) => denied(StatusCode::FORBIDDEN, &e.to_string()),
        Err(e @ super::auth::LoginError::TooMany) => {
            reply::error(StatusCode::TOO_MANY_REQUESTS, ErrorCode::Limit, &e.to_string())
        }
    }
}

async fn call<B: Backend>(shared: &Shared<B>, from: From, request: Request<Body>) -> Answer {
    if let Err(answer) = checked(shared, from, &request, true) {
        return *answer;
    }
    let Some(caller) = caller(shared, from, &request) else {
        return denied(StatusCode::UNAUTHORIZED, NO_TOKEN);
    };
    let body = match body(request, MAX_CALL).await {
        Ok(body) => body,
        Err(e) => return e.answer(MAX_CALL as u64),
    };
    match Call::parse(&body) {
        Ok(call) => reply::json(
            StatusCode::OK,
            &rpc::run(shared, &caller, None, call).await.unwrap_or(Value::Null),
        ),
        Err(error) => reply::json(StatusCode::BAD_REQUEST, &error),
    }
}

async fn upload<B: Backend>(shared: &Shared<B>, from: From, request: Request<Body>) -> Answer {
    if let Err(answer) = checked(shared, from, &request, false) {
        return *answer;
    }
    match caller(shared, from, &request) {
        Some(Caller::Dashboard(_) | Caller::Program) => {}
        Some(Caller::Plugin(_) | Caller::Component(_)) => {
            return denied(StatusCode::FORBIDDEN, "packages are not for plugins");
        }
        None => return denied(StatusCode::UNAUTHORIZED, NO_TOKEN),
    }
    let Ok(_turn) = shared.uploads.acquire().await else {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Local, "the node is ending");
    };
    let bytes = match body(request, limits::MAX_PACKAGE as usize).await {
        Ok(bytes) => bytes,
        Err(e) => return e.answer(limits::MAX_PACKAGE),
    };
    let size = bytes.len();
    match shared.backend.upload(bytes).await {
        Ok(id) => reply::json(StatusCode::OK, &json!({"package": id.to_string(), "size": size})),
        Err(e) => reply::error(reply::status(&e), e.code, &e.message),
    }
}

async fn socket<B: Backend>(shared: &Arc<Shared<B>>, from: From, request: Request<Body>) -> Answer {
    // Programs were told from browsers at the door (`Origins::door`).
    if from == From::Hub && !from_hub(shared, request.headers()) {
        return denied(StatusCode::FORBIDDEN, "only the dashboard itself may connect");
    }
    let (mut parts, _) = request.into_parts();
    let seat = parts.extensions.remove::<Arc<Seat>>();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => {
            let shared = shared.clone();
            let upgrade = upgrade.max_message_size(MAX_CALL).max_frame_size(MAX_CALL);
            upgrade.on_upgrade(move |socket| async move {
                talk::run(socket, shared, from, seat).await;
            })
        }
        Err(e) => reply::error(
            e.status(),
            ErrorCode::Malformed,
            "this address takes WebSocket connections",
        ),
    }
}

enum BodyError {
    TooLarge,
    Slow,
    Broken,
}

impl BodyError {
    fn answer(&self, limit: u64) -> Answer {
        let (status, code, message) = match self {
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::Limit,
                format!("too large: at most {limit} bytes are taken here"),
            ),
            Self::Slow => (
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::Malformed,
                "the rest of the request did not come".to_owned(),
            ),
            Self::Broken => (
                StatusCode::BAD_REQUEST,
                ErrorCode::Malformed,
                "the request broke off".to_owned(),
            ),
        };
        reply::error(status, code, &message)
    }
}

/// Reads a body as it comes, up to `limit` bytes.
async fn body(request: Request<Body>, limit: usize) -> Result<Vec<u8>, BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared: Option<u64> = declared
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let mut too_large = declared.is_some_and(|size| size > limit as u64);
    let mut pieces = request.into_body().into_data_stream();
    let mut all = Vec::new();
    let mut seen = 0u64;
    loop {
        let piece = match tokio::time::timeout(PIECE_TIME, pieces.next()).await {
            Err(_) => return Err(BodyError::Slow),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(piece))) => piece,
            Ok(None) if too_large => return Err(BodyError::TooLarge),
            Ok(None) => return Ok(all),
        };
        seen = seen.saturating_add(piece.len() as u64);
        too_large = too_large || seen > limit as u64;
        if too_large {
            all = Vec::new();
            if seen > DRAIN {
                return Err(BodyError::TooLarge);
            }
        } else {
            all.extend_from_slice(&piece);
        }
    }
}
