//! The server over real sockets, with a node that only remembers what it was asked.

mod api;
mod every_answer;
mod files;
mod socket;
mod sorting;

use super::{Server, backend::Backend};
use hedgerow_api::{ApiError, ErrorCode, Event, Request};
use hedgerow_base::{ContentId, InstanceId, NodeId};
use hedgerow_node::{AppFile, AppIdentity, Caller, Session, streams::PeerStream};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::broadcast,
};

pub(super) const ID: &str = "abcdefghijklmnop";
pub(super) const TOKEN: &str = "the token of programs";

/// A node that has one instance with a few files, and keeps a list of calls.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) calls: Arc<Mutex<Vec<String>>>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    /// What the one instance was granted of the browser.
    pub(super) features: Arc<Mutex<Vec<&'static str>>>,
    files: Arc<BTreeMap<&'static str, (Vec<u8>, &'static str)>>,
}

impl Fake {
    fn new() -> Self {
        let files = [
            ("index.html", (b"<p>hello".to_vec(), "text/html; charset=utf-8")),
            ("sub/index.html", (b"<p>sub".to_vec(), "text/html; charset=utf-8")),
            ("webxdc.js", (b"the package's own".to_vec(), "text/javascript")),
            ("a b.txt", (b"0123456789".to_vec(), "text/plain; charset=utf-8")),
            ("x.pdf", (b"%PDF".to_vec(), "application/pdf")),
            ("big.bin", (vec![b'H'; 3 << 20], "application/octet-stream")),
        ];
        Self {
            calls: Arc::default(),
            events: broadcast::Sender::new(64),
            features: Arc::default(),
            files: Arc::new(files.into_iter().collect()),
        }
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn known(instance: InstanceId) -> Result<(), ApiError> {
    match instance.to_string() == ID {
        true => Ok(()),
        false => Err(ApiError::new(ErrorCode::NotFound, "no such instance")),
    }
}

impl Backend for Fake {
    async fn call(&self, _: &Caller, request: Request, _: usize) -> Result<Value, ApiError> {
        let note = match &request {
            Request::AppSendUpdate(p) => format!("app.send_update {}", p.update.payload),
            Request::AppRealtimeJoin(p) => format!("app.realtime_join {}", p.joined),
            other => other.name().to_owned(),
        };
        self.calls.lock().unwrap().push(note);
        match request {
            Request::NodeStatus(_) => Ok(json!({"node": "n"})),
            Request::NodeTicket(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(json!({"ticket": "t"}))
            }
            Request::AppOpen(p) if p.instance != ID => Err(ApiError::new(ErrorCode::NotFound, "no such instance")),
            _ => Ok(json!({})),
        }
    }
    async fn leave(&self, caller: &Caller, request: Request) -> Result<Value, ApiError> {
        self.call(caller, request, 0).await
    }
    fn plugin(&self, _: &str) -> Option<Session> {
        None
    }
    async fn listen_stream(&self, name: String, _: Option<NodeId>) -> Result<PeerStream, ApiError> {
        Err(ApiError::new(ErrorCode::Refused, format!("listen {name}")))
    }
    async fn connect_stream(&self, _: NodeId, name: String) -> Result<PeerStream, ApiError> {
        Err(ApiError::new(ErrorCode::Refused, format!("connect {name}")))
    }
    async fn forward_stream(&self, _: NodeId, port: u16) -> Result<PeerStream, ApiError> {
        Err(ApiError::new(ErrorCode::Refused, format!("forward {port}")))
    }
    async fn app_file(&self, instance: InstanceId, path: String) -> Result<AppFile, ApiError> {
        known(instance)?;
        let (bytes, mime) = self
            .files
            .get(path.as_str())
            .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such file"))?;
        Ok(AppFile {
            bytes: bytes.clone(),
            mime,
        })
    }
    fn app_features(&self, instance: &InstanceId) -> Vec<&'static str> {
        known(*instance).map_or_else(|_| Vec::new(), |()| self.features.lock().unwrap().clone())
    }
    async fn app_identity(&self, instance: InstanceId) -> Result<AppIdentity, ApiError> {
        known(instance)?;
        Ok(AppIdentity {
            self_addr: "aa".repeat(32),
            self_name: "Mia </script>".into(),
        })
    }
    async fn upload(&self, bytes: Vec<u8>) -> Result<ContentId, ApiError> {
        match bytes.starts_with(b"PK") {
            true => Ok(ContentId([7; 32])),
            false => Err(ApiError::new(ErrorCode::Refused, "this is no package")),
        }
    }
    fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }
}

pub(super) struct Running {
    pub(super) server: Server<Fake>,
    pub(super) fake: Fake,
    pub(super) port: u16,
}

pub(super) fn start() -> Running {
    let fake = Fake::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(listener, fake.clone(), TOKEN.into()).unwrap();
    let port = server.port();
    Running { server, fake, port }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let first = found.next().map(|(_, v)| v.as_str());
        assert!(found.next().is_none(), "{name} twice");
        first
    }
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

impl Running {
    pub(super) fn hub(&self) -> String {
        format!("hub.localhost:{}", self.port)
    }
    pub(super) fn widget(&self) -> String {
        format!("{ID}.hub.localhost:{}", self.port)
    }
    pub(super) fn program(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends bytes as they are, and reads until the other side closes.
    pub(super) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut out = Vec::new();
        let (_, got) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut out));
        if out.is_empty() {
            got.unwrap();
        }
        out
    }

    /// One request with these lines after the request line.
    pub(super) async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Got {
        let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let bytes = self.raw(&[text.as_bytes(), body].concat()).await;
        parse(&bytes)
    }

    pub(super) async fn get(&self, host: &str, path: &str) -> Got {
        self.ask(&format!("GET {path}"), &[("host", host)], b"").await
    }

    /// Logs in as the dashboard does; answers the session token.
    pub(super) async fn session(&self) -> String {
        let link = self.server.login_link();
        let code = link.split_once("#login=").unwrap().1.to_owned();
        let got = self.login(&code).await;
        assert_eq!(got.status, 200, "{}", got.text());
        got.json()["token"].as_str().unwrap().to_owned()
    }

    pub(super) async fn login(&self, code: &str) -> Got {
        let origin = format!("http://{}", self.hub());
        let headers = [
            ("host", &*self.hub()),
            ("origin", &*origin),
            ("content-type", "application/json"),
        ];
        self.ask(
            "POST /api/login",
            &headers,
            json!({"code": code}).to_string().as_bytes(),
        )
        .await
    }
}

pub(super) fn parse(bytes: &[u8]) -> Got {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
    Got {
        status,
        headers: headers.collect(),
        body: bytes[end + 4..].to_vec(),
    }
}
