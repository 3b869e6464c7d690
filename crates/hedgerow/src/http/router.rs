//! Sorts a request into its door, and gives every answer its headers: the one way in and the one way out.

use super::{Shared, api, backend::Backend, hub, reply, reply::Answer, widget};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header},
};
use hedgerow_sandbox::{Asked, Door, Field, HeaderSet, Page, Refusal};
use std::sync::Arc;

/// Answers any request.
pub(super) async fn answer<B: Backend>(shared: Arc<Shared<B>>, request: Request<Body>) -> Answer {
    let door = door(&shared, request.uri(), request.headers());
    let page = match door {
        Door::Hub => Page::Hub,
        Door::Widget(_) => Page::Widget,
        Door::LocalProgram | Door::Refused(_) => Page::Inert,
    };
    // Looked up once the answer is made, so that what was taken back meanwhile is not in it.
    let features = |door| match door {
        Door::Widget(instance) => shared.backend.app_features(&instance),
        Door::Hub | Door::LocalProgram | Door::Refused(_) => Vec::new(),
    };
    let mut answer = match door {
        Door::Hub if request.uri().path().starts_with("/api/") => api::answer(&shared, api::From::Hub, request).await,
        Door::Hub => hub::answer(request.method(), request.uri(), request.headers()),
        Door::Widget(instance) => {
            let (parts, _) = request.into_parts();
            widget::answer(&shared, instance, &parts.method, &parts.uri, &parts.headers).await
        }
        Door::LocalProgram => api::answer(&shared, api::From::Program, request).await,
        Door::Refused(refusal) => refused(&shared, refusal),
    };
    match features(door) {
        none if none.is_empty() => complete(&mut answer, shared.headers.of(page)),
        some => complete(&mut answer, &HeaderSet::granted(&some, &shared.origins)),
    }
    answer
}

/// Adds the headers of a page. What a handler set itself never replaces them.
fn complete(answer: &mut Answer, set: &HeaderSet) {
    let headers = answer.headers_mut();
    for (name, value) in &set.pairs {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(reply::NEVER));
}

fn door<B>(shared: &Shared<B>, uri: &Uri, headers: &HeaderMap) -> Door {
    // A request to a proxy, which this is not.
    if uri.authority().is_some() || !uri.path().starts_with('/') {
        return Door::Refused(Refusal::ForeignHost);
    }
    let field = |name: &str| Field::of(headers.get_all(name).iter().map(|value| value.to_str().ok()));
    shared.origins.door(&Asked {
        host: field("host"),
        origin: field("origin"),
        site: field("sec-fetch-site"),
        mode: field("sec-fetch-mode"),
        dest: field("sec-fetch-dest"),
        service_worker: field("service-worker"),
    })
}

fn refused<B>(shared: &Shared<B>, refusal: Refusal) -> Answer {
    let status = match refusal {
        Refusal::NoHost => StatusCode::BAD_REQUEST,
        Refusal::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
        Refusal::ForPrograms | Refusal::ForeignOrigin | Refusal::ForeignSite | Refusal::ServiceWorker => {
            StatusCode::FORBIDDEN
        }
    };
    match refusal {
        Refusal::ForPrograms => reply::page(status, &format!("Open the dashboard at {}", shared.origins.hub())),
        other => reply::page(status, &format!("Refused: {other}.")),
    }
}
