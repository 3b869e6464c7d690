//! Requests to web sites for widgets (W2): made here, so that a widget needs no network of its own.
//!
//! Invariants: only addresses of the public internet are connected to, and the address that was judged is the one that is
//! connected to, so no name can point elsewhere in between (DNS rebinding). Nothing of this machine or its network is
//! reached, by whatever name. No cookies, no proxies, no redirections by itself: whoever asks decides about each one.
//! Time and sizes are bounded.

mod address;

pub use address::is_public;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole request may take.
const WHOLE: Duration = Duration::from_secs(60);
/// Addresses of a name that are tried.
const ADDRESSES: usize = 4;
/// Most bytes of an answer's head.
const HEAD: usize = 64 << 10;

/// A request that was allowed.
#[derive(Clone, Debug)]
pub struct WebRequest {
    /// `https`, or `http`.
    pub tls: bool,
    /// Host name, as in the address.
    pub host: String,
    /// Path and query, from the `/` on.
    pub path: String,
    /// Method.
    pub method: Method,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Vec<u8>,
    /// Most bytes of the answer's body.
    pub most: usize,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct WebResponse {
    /// Status.
    pub status: u16,
    /// Headers that are text, without cookies.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The name leads nowhere.
    #[error("{0} was not found; is this machine online?")]
    Unknown(String),
    /// The name leads to this machine or its network.
    #[error("{0} leads to this machine or its network, where widgets have no business")]
    Inside(String),
    /// Nobody answers, or not as a web site does.
    #[error("{0} did not answer: {1}")]
    Failed(String, String),
    /// It takes too long.
    #[error("{0} did not answer in time")]
    Slow(String),
    /// More than may be taken.
    #[error("{0} answered with more than {1} bytes")]
    TooMuch(String, usize),
}

/// Makes a request.
///
/// # Errors
/// See [`WebError`]; an answer with a status that says no is an answer.
pub async fn fetch(request: WebRequest) -> Result<WebResponse, WebError> {
    let host = request.host.clone();
    match timeout(WHOLE, fetched(request)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(WebError::Slow(host)),
    }
}

async fn fetched(request: WebRequest) -> Result<WebResponse, WebError> {
    let host = request.host.as_str();
    let port = if request.tls { 443 } else { 80 };
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| WebError::Unknown(host.into()))?.collect();
    let stream = connected(host, &found).await?;
    if !request.tls {
        return exchange(stream, request).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| WebError::Unknown(host.into()))?;
    let connector = tokio_rustls::TlsConnector::from(tls().ok_or_else(|| failed(host, &"TLS cannot be set up"))?);
    let stream = timeout(CONNECT, connector.connect(name, stream)).await;
    let stream = stream.map_err(|_| WebError::Slow(host.into()))?;
    exchange(stream.map_err(|e| failed(host, &e))?, request).await
}

fn failed(host: &str, why: &dyn std::fmt::Display) -> WebError {
    WebError::Failed(host.into(), why.to_string())
}

/// The authorities of Mozilla's list, once.
fn tls() -> Option<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let made = CONFIG.get_or_init(|| {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?;
        Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    });
    made.clone()
}

/// Connects to the first address that is out there and answers. One inside is not tried, and all being inside is said.
async fn connected(host: &str, found: &[SocketAddr]) -> Result<TcpStream, WebError> {
    let outside: Vec<&SocketAddr> = found.iter().filter(|a| is_public(a.ip())).take(ADDRESSES).collect();
    if outside.is_empty() {
        return Err(match found.is_empty() {
            true => WebError::Unknown(host.into()),
            false => WebError::Inside(host.into()),
        });
    }
    let mut last = WebError::Slow(host.into());
    for address in outside {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) if is_near(&stream) => last = WebError::Inside(host.into()),
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => last = failed(host, &e),
            Err(_) => last = WebError::Slow(host.into()),
        }
    }
    Err(last)
}

/// Whether a connection leads to this machine under its public address, or to a neighbour on a network with public
/// addresses.
fn is_near(stream: &TcpStream) -> bool {
    let (Ok(here), Ok(there)) = (stream.local_addr(), stream.peer_addr()) else {
        return true;
    };
    address::is_neighbour(here.ip(), there.ip())
}

async fn exchange<S>(stream: S, request: WebRequest) -> Result<WebResponse, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (host, most) = (request.host.clone(), request.most);
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(HEAD);
    let handshake = builder.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|e| failed(&host, &e))?;
    let driver = tokio::spawn(connection);
    let outcome = async {
        let request = head(request)?;
        let response = sender.send_request(request).await.map_err(|e| failed(&host, &e))?;
        answer(&host, response, most).await
    }
    .await;
    driver.abort();
    outcome
}

fn head(request: WebRequest) -> Result<Request<Full<Bytes>>, WebError> {
    let host = request.host.clone();
    let uri: Uri = request
        .path
        .parse()
        .map_err(|e: http::uri::InvalidUri| failed(&host, &e))?;
    let mut made = Request::builder()
        .method(request.method)
        .uri(uri)
        .header(header::HOST, &host)
        .header(header::USER_AGENT, "Hedgerow")
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Full::new(Bytes::from(request.body)))
        .map_err(|e| failed(&host, &e))?;
    for (name, value) in request.headers {
        made.headers_mut().append(name, value);
    }
    Ok(made)
}

async fn answer(host: &str, response: Response<Incoming>, most: usize) -> Result<WebResponse, WebError> {
    let status = response.status().as_u16();
    let headers = response.headers().iter().filter(|(name, _)| !is_cookie(name));
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let headers = headers.collect();
    let (mut incoming, mut body) = (response.into_body(), Vec::new());
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|e| failed(host, &e))?;
        let Some(piece) = frame.data_ref() else { continue };
        if body.len() + piece.len() > most {
            return Err(WebError::TooMuch(host.into(), most));
        }
        body.extend_from_slice(piece);
    }
    Ok(WebResponse { status, headers, body })
}

fn is_cookie(name: &HeaderName) -> bool {
    matches!(name.as_str(), "set-cookie" | "set-cookie2" | "clear-site-data")
}

/// Whether a widget may set this header. What says who asks, how to connect or where from is not its business.
pub fn may_set(name: &HeaderName) -> bool {
    let name = name.as_str();
    let closed = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "cookie",
        "cookie2",
        "origin",
        "referer",
        "via",
        "forwarded",
        "user-agent",
        "accept-encoding",
        "dnt",
        "date",
    ];
    let prefixes = [
        "proxy-",
        "sec-",
        "x-forwarded-",
        "x-http-method",
        "x-method-override",
        "x-real-ip",
    ];
    !closed.contains(&name) && !prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether an address text is one of the public internet.
pub fn is_public_text(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(is_public)
}

#[cfg(test)]
mod tests;
