//! The dashboard's files, built into the program.

use super::reply::{self, Answer};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use rust_embed::RustEmbed;

/// What `cargo xtask up` builds from `web/`, with a `.gz` beside each text file. A program built without it works and
/// says so.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dashboard;

const MISSING: &str = "The dashboard is not part of this build of Hedgerow.\n\
    Build it with `cargo xtask up` (needs Node.js), or use the command line: `hedgerow --help`.";

/// Hashed names: what is under one never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(super) fn answer(method: &Method, uri: &Uri, asked: &HeaderMap) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return reply::wrong_method("GET, HEAD");
    }
    let path = match uri.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some(plain) = Dashboard::get(path).filter(|_| !path.ends_with(".gz")) else {
        return match path {
            "index.html" => reply::page(StatusCode::SERVICE_UNAVAILABLE, MISSING),
            _ => reply::page(StatusCode::NOT_FOUND, "There is no such page in the dashboard."),
        };
    };
    let cache = if path.starts_with("assets/") {
        FOREVER
    } else {
        reply::ASK
    };
    let packed = Dashboard::get(&format!("{path}.gz"));
    let wants = accepts_gzip(asked);
    let packed_answer = packed.as_ref().filter(|_| wants);
    let bytes = packed_answer.unwrap_or(&plain).data.clone().into_owned();
    let mut answer = reply::file(asked, bytes, mime(path), cache);
    if packed_answer.is_some() && answer.status() != StatusCode::NOT_MODIFIED {
        reply::set(&mut answer, header::CONTENT_ENCODING, "gzip");
    }
    if packed.is_some() {
        reply::set(&mut answer, header::VARY, "accept-encoding");
    }
    answer
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let listed = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    listed.is_some_and(|list| {
        list.split(',').any(|one| {
            let (name, quality) = one.split_once(';').unwrap_or((one, ""));
            name.trim() == "gzip" && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    })
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
