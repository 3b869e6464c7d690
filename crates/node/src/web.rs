//! `web.fetch`: requests to web sites for widgets and their components (W2). The grant was checked when the call came;
//! each redirection is checked like a first request, and what is moved counts against the day's budget.

use crate::{caller::Caller, grants::Grants, handle::NodeHandle};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{CallerKind, WebAnswer, WebFetchParams},
};
use hedgerow_base::InstanceId;
use hedgerow_net::web::{self, WebError, WebRequest, WebResponse};
use http::{HeaderName, HeaderValue, Method};
use std::sync::LazyLock;
use tokio::sync::Semaphore;
use url::Url;

/// Redirections that are followed.
const REDIRECTIONS: usize = 5;
/// Largest answer, bytes.
const MOST_ANSWER: u64 = 4 << 20;
/// Largest body of a request, bytes.
const MOST_BODY: usize = 1 << 20;
/// Most headers of a request, and bytes of each.
const MOST_HEADERS: usize = 32;
const LONGEST_HEADER: usize = 8 << 10;
/// What the heads of a request and an answer cost of the budget, beside their bodies.
const HEAD: u64 = 1_000;
/// Requests at once, of all widgets together.
const AT_ONCE: usize = 16;

static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(AT_ONCE));

fn bad(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadParams, why)
}

/// An address of a web site, and its host.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn address(text: &str) -> Result<(Url, String), ApiError> {
    let url = Url::parse(text).map_err(|e| bad(format!("url: {e}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("url: only https: and http: are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("url: put no names and passwords into it"));
    }
    if url.port().is_some() {
        return Err(bad("url: only the usual ports are reached, 443 and 80"));
    }
    let domain = url.domain().unwrap_or_default();
    let host = domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase();
    // With two dots at its end, numbers pass for a name.
    if host.is_empty() || host.ends_with('.') || host.parse::<std::net::IpAddr>().is_ok() {
        return Err(bad("url: name the host; numbers of machines are not reached"));
    }
    Ok((url, host))
}

fn told(error: &WebError) -> ApiError {
    let code = match error {
        WebError::Inside(_) => ErrorCode::Denied,
        WebError::TooMuch(..) => ErrorCode::Limit,
        WebError::Unknown(_) | WebError::Failed(..) | WebError::Slow(_) => ErrorCode::Unreachable,
    };
    ApiError::new(code, error.to_string())
}

struct Fetch {
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

fn checked(p: &WebFetchParams) -> Result<Fetch, ApiError> {
    let method = p.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    if !known.contains(&method.as_str()) {
        return Err(bad(format!("method: one of {}", known.join(", "))));
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("method: not understood"))?;
    if p.headers.len() > MOST_HEADERS {
        return Err(bad(format!("headers: at most {MOST_HEADERS}")));
    }
    let mut headers = Vec::new();
    for (name, value) in &p.headers {
        let named =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(format!("headers: {name:?} is no name")))?;
        if !web::may_set(&named) || value.len() > LONGEST_HEADER {
            return Err(bad(format!("headers: {named} is not for widgets to set, or too long")));
        }
        let value = HeaderValue::from_str(value).map_err(|_| bad(format!("headers: {named} has no text as value")))?;
        headers.push((named, value));
    }
    let body = p.body.as_deref().unwrap_or_default();
    if body.len() > MOST_BODY.div_ceil(3) * 4 {
        return Err(ApiError::new(ErrorCode::Limit, "body: at most 1 MiB"));
    }
    let body = BASE64.decode(body.as_bytes()).map_err(|_| bad("body: is base64"))?;
    Ok(Fetch { method, headers, body })
}

/// Names of the headers of a sound request.
pub(crate) fn header_names(params: &WebFetchParams) -> Option<Vec<String>> {
    let fetch = checked(params).ok()?;
    Some(fetch.headers.iter().map(|(name, _)| name.as_str().to_owned()).collect())
}

/// Fetches for an instance.
pub(crate) async fn fetch(
    node: &NodeHandle,
    caller: &Caller,
    id: InstanceId,
    p: WebFetchParams,
) -> Result<WebAnswer, ApiError> {
    let (mut url, mut host) = address(&p.url)?;
    let mut fetch = checked(&p)?;
    let _turn = TURNS.acquire().await;
    let grants = &node.shared.grants;
    let kind = match caller {
        Caller::Component(_) => CallerKind::Component,
        Caller::Dashboard(_) | Caller::Program | Caller::Plugin(_) => CallerKind::Widget,
    };
    for _ in 0..=REDIRECTIONS {
        if !grants.may_reach(&id, &host) {
            return Err(ApiError::new(
                ErrorCode::Denied,
                format!("the answer leads on to {host:?}, which the widget may not reach"),
            ));
        }
        let (outcome, came) = once(grants, &id, &url, &host, &fetch).await?;
        node.audit.moved(kind, &id.to_string(), came);
        let response = outcome.map_err(|e| told(&e))?;
        let Some(next) = redirected(&url, &response)? else {
            return Ok(WebAnswer {
                url: url.into(),
                status: response.status,
                headers: response.headers.into_iter().collect(),
                body: BASE64.encode(&response.body),
            });
        };
        if url.scheme() == "https" && next.0.scheme() == "http" {
            return Err(ApiError::new(ErrorCode::Refused, "the answer leads from https to http"));
        }
        if next.1 != host {
            // What was meant for one site, keys of its own among it, is not shown to another.
            fetch.headers.retain(|(name, _)| is_harmless(name));
        }
        let repeats = matches!(response.status, 307 | 308);
        if !repeats && fetch.method != Method::HEAD {
            fetch.method = Method::GET;
            fetch.body.clear();
        }
        (url, host) = next;
    }
    Err(ApiError::new(
        ErrorCode::Refused,
        format!("more than {REDIRECTIONS} redirections"),
    ))
}

/// Whether a header says nothing but what is wanted.
fn is_harmless(name: &HeaderName) -> bool {
    matches!(name.as_str(), "accept" | "accept-language" | "content-type" | "range")
}

/// One request, within the budget; with the bytes that came.
async fn once(
    grants: &Grants,
    id: &InstanceId,
    url: &Url,
    host: &str,
    fetch: &Fetch,
) -> Result<(Result<WebResponse, WebError>, u64), ApiError> {
    let out = HEAD + fetch.body.len() as u64;
    let left = grants.web_left(id);
    if left <= out {
        return Err(ApiError::new(
            ErrorCode::Limit,
            "the widget used up what it may fetch today; its manifest says how much that is",
        ));
    }
    let most = (left - out).min(MOST_ANSWER);
    // Set aside before it is known how much comes, so that requests side by side do not use the same bytes up.
    grants.spend_web(id, out + most);
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let request = WebRequest {
        tls: url.scheme() == "https",
        host: host.to_owned(),
        path: format!("{}{query}", url.path()),
        method: fetch.method.clone(),
        headers: fetch.headers.clone(),
        body: fetch.body.clone(),
        most: usize::try_from(most).unwrap_or(usize::MAX),
    };
    let outcome = web::fetch(request).await;
    let came = match &outcome {
        Ok(response) => response.body.len() as u64,
        Err(WebError::TooMuch(_, most)) => *most as u64,
        Err(_) => 0,
    };
    grants.give_back_web(id, most.saturating_sub(came));
    Ok((outcome, came))
}

/// Where an answer leads on to, if it does.
fn redirected(url: &Url, response: &WebResponse) -> Result<Option<(Url, String)>, ApiError> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some((_, to)) = response.headers.iter().find(|(name, _)| name == "location") else {
        return Ok(None);
    };
    let to = url
        .join(to)
        .map_err(|e| ApiError::new(ErrorCode::Unreachable, format!("the answer leads nowhere: {e}")))?;
    address(to.as_str()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_site_and_nothing_else() {
        for good in [
            "https://example.org/a?b#c",
            "http://EXAMPLE.org",
            "https://xn--bcher-kva.de/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        assert_eq!(address("https://Example.ORG./x").unwrap().1, "example.org");
        for bad in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://127.0.0.1../",
            "https://example.org../",
            "https://example.org:22/",
            "https://a:b@example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "//example.org",
            "",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_redirection_is_read_against_where_it_came_from_and_checked_like_a_first_address() {
        let url = Url::parse("https://example.org/a/b").unwrap();
        let to = |to: &str| {
            let response = WebResponse {
                status: 302,
                headers: vec![("location".into(), to.into())],
                body: vec![],
            };
            redirected(&url, &response)
        };
        assert_eq!(to("c").unwrap().unwrap().0.as_str(), "https://example.org/a/c");
        assert_eq!(to("//evil.org/x").unwrap().unwrap().1, "evil.org");
        assert!(to("http://127.0.0.1/").is_err() && to("https://example.org:8080/").is_err());
    }
}
