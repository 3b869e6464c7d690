//! The origin of one widget instance: the files of its package, and the script that gives it its API.

use super::{
    Shared,
    backend::Backend,
    reply::{self, Answer},
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use hedgerow_api::ErrorCode;
use hedgerow_base::{InstanceId, limits};
use hedgerow_sandbox::{
    path::{SCRIPT, file_name},
    script::{ScriptConfig, webxdc_js},
};

/// `webxdc.sendUpdateInterval`, milliseconds: the node takes updates as they come.
const SEND_INTERVAL_MS: u32 = 1;

pub(super) async fn answer<B: Backend>(
    shared: &Shared<B>,
    instance: InstanceId,
    method: &Method,
    uri: &Uri,
    asked: &HeaderMap,
) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return reply::wrong_method("GET, HEAD");
    }
    let name = match file_name(uri.path()) {
        Ok(name) => name,
        Err(e) => return reply::page(StatusCode::BAD_REQUEST, &format!("Refused: {e}.")),
    };
    if name == SCRIPT {
        return script(shared, instance).await;
    }
    match shared.backend.app_file(instance, name).await {
        Ok(file) => reply::file(asked, file.bytes, served_as(file.mime), reply::ASK),
        Err(e) => failed(&e),
    }
}

async fn script<B: Backend>(shared: &Shared<B>, instance: InstanceId) -> Answer {
    match shared.backend.app_identity(instance).await {
        Ok(who) => reply::script(webxdc_js(&ScriptConfig {
            self_addr: &who.self_addr,
            self_name: &who.self_name,
            hub: &shared.origins.hub(),
            send_update_interval: SEND_INTERVAL_MS,
            send_update_max_size: limits::MAX_UPDATE,
            version: env!("CARGO_PKG_VERSION"),
        })),
        Err(e) => failed(&e),
    }
}

/// Browsers open PDF in a viewer of their own, which does not keep to the page's policy.
fn served_as(mime: &'static str) -> &'static str {
    match mime.starts_with("application/pdf") {
        true => "application/octet-stream",
        false => mime,
    }
}

fn failed(error: &hedgerow_api::ApiError) -> Answer {
    let text = match error.code {
        ErrorCode::NotFound => "There is no such file in this widget.",
        _ => error.message.as_str(),
    };
    reply::page(reply::status(error), text)
}
