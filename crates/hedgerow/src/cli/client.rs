//! Talks to the running node: JSON-RPC over HTTP, with the token that only the owner of the data folder can read.

use super::local;
use hedgerow_api::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

type Result<T> = std::result::Result<T, ApiError>;

/// Longest wait for an answer: a large package over a slow line.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Largest answer, bytes.
const MAX_ANSWER: u64 = 128 << 20;

/// `DATA/api.json`: where the node listens, and the proof that the caller may read the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiFile {
    /// Loopback port.
    pub(crate) port: u16,
    /// Bearer token of the owner.
    pub(crate) token: String,
    /// Process of the node.
    pub(crate) pid: u32,
}

impl ApiFile {
    /// Where it is in a data folder.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("api.json")
    }

    /// Writes it so that only the owner of the folder can read it, whole or not at all.
    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        write_private(&Self::path(data), &serde_json::to_vec(self)?)
    }

    /// Removes it, if it is still this one.
    pub(crate) fn remove(&self, data: &Path) {
        if Self::read(data).as_ref() == Some(self) {
            let _ = fs::remove_file(Self::path(data));
        }
    }

    fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(data)).ok()?).ok()
    }
}

/// Name of the file in the data folder that holds the owner's token and nothing else.
pub(crate) const TOKEN_FILE: &str = "api.token";

/// Where that is.
pub(crate) fn token_file(data: &Path) -> PathBuf {
    data.join(TOKEN_FILE)
}

/// Writes a file that only the owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension(std::process::id().to_string());
    let _ = fs::remove_file(&temporary);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// Longest line of an answer's head, bytes.
const MAX_LINE: u64 = 8192;

/// A socket whose bytes are those of a stream to a peer.
pub(crate) struct PeerSocket {
    /// For writing, and for ending either direction.
    pub(crate) stream: TcpStream,
    reader: BufReader<TcpStream>,
    /// Id of the peer.
    pub(crate) peer: String,
}

impl PeerSocket {
    /// What comes from the peer.
    pub(crate) fn reader(self) -> BufReader<TcpStream> {
        self.reader
    }
}

/// A connection to the node that runs on a data folder.
pub(crate) struct Client {
    agent: ureq::Agent,
    data: PathBuf,
    file: ApiFile,
}

impl Client {
    /// Finds the node of `data`.
    ///
    /// # Errors
    /// `Unreachable` when none is running there.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let file = ApiFile::read(data).ok_or_else(|| no_node(data))?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(3)))
            .timeout_global(Some(CALL_TIMEOUT))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            data: data.to_owned(),
            file,
        })
    }

    /// Whether a node answers on `data`.
    pub(crate) fn is_running(data: &Path) -> bool {
        Self::open(data).is_ok_and(|client| client.call("node.status", json!({})).is_ok())
    }

    /// Process id of the node.
    pub(crate) fn process(&self) -> u32 {
        self.file.pid
    }

    /// Calls a method with parameters by name.
    ///
    /// # Errors
    /// What the node refuses, or `Unreachable` when it is gone.
    pub(crate) fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self
            .agent
            .post(self.address("/api/rpc"))
            .header("Authorization", self.bearer())
            .send_json(&request);
        let mut answer = self.read(sent)?;
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(strange_answer(&answer)),
        }
    }

    /// Hands a package to the node, which checks it; answers its id for `widget.install` or `widget.publish`.
    ///
    /// # Errors
    /// Why the node refuses it.
    pub(crate) fn upload(&self, bytes: &[u8]) -> Result<String> {
        let sent = self
            .agent
            .post(self.address("/api/packages"))
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/octet-stream")
            .send(bytes);
        let answer = self.read(sent)?;
        match answer.get("package").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(strange_answer(&answer)),
        }
    }

    /// Opens a stream to a peer; `query` as `/api/stream` takes it. Waits as long as it takes.
    ///
    /// # Errors
    /// What the node or the peer refuses.
    pub(crate) fn stream(&self, query: &str) -> Result<PeerSocket> {
        let broken = |e: io::Error| local(format!("the node broke off: {e}"));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.file.port)).map_err(|_| no_node(&self.data))?;
        let _ = stream.set_nodelay(true);
        let head = format!(
            "GET /api/stream?{query} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {}\r\nConnection: Upgrade\r\nUpgrade: hedgerow-stream\r\n\r\n",
            self.file.port,
            self.bearer()
        );
        stream.write_all(head.as_bytes()).map_err(broken)?;
        let mut reader = BufReader::new(stream.try_clone().map_err(broken)?);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = (&mut reader).take(MAX_LINE).read_line(&mut line).map_err(broken)?;
            match line.trim_end() {
                "" => break,
                _ if read == 0 || lines.len() > 64 => break,
                text => lines.push(text.to_owned()),
            }
        }
        let header = |name: &str| {
            let mut fields = lines.iter().filter_map(|line| line.split_once(':'));
            fields
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        if lines.first().is_some_and(|line| line.contains(" 101 ")) {
            let peer = header("hedgerow-peer").unwrap_or_default();
            return Ok(PeerSocket { stream, reader, peer });
        }
        let length: u64 = header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        reader
            .take(length.min(1 << 20))
            .read_to_end(&mut body)
            .map_err(broken)?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        Err(answer.get("error").map_or_else(|| strange_answer(&answer), api_error))
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.file.port)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.file.token)
    }

    fn read(&self, sent: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let mut response = sent.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let text = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .map_err(|e| self.unreachable(&e))?;
        let answer = serde_json::from_str::<Value>(&text).unwrap_or(Value::Null);
        if status.as_u16() == 401 {
            // Another program, or another node, took the port of a node that was killed.
            return Err(no_node(&self.data));
        }
        if let Some(error) = answer.get("error") {
            return Err(api_error(error));
        }
        match status.as_u16() {
            200..=299 => Ok(answer),
            code => Err(ApiError::new(
                ErrorCode::Local,
                format!("the node answered with HTTP status {code}; see its log"),
            )),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> ApiError {
        match error {
            ureq::Error::Timeout(_) => ApiError::new(
                ErrorCode::Unreachable,
                "the node did not answer in time; look with `hedgerow status`, then try again",
            ),
            _ => no_node(&self.data),
        }
    }
}

/// What is said when there is no node on a data folder.
pub(crate) fn no_node(data: &Path) -> ApiError {
    ApiError::new(
        ErrorCode::Unreachable,
        format!("no node is running on {}; start one with `hedgerow up`", data.display()),
    )
}

fn strange_answer(answer: &Value) -> ApiError {
    let start: String = answer.to_string().chars().take(120).collect();
    ApiError::new(
        ErrorCode::Bug,
        format!("the node gave an answer that is not understood: {start}"),
    )
}

/// Reads an error of either door: JSON-RPC has numbers, the upload door names.
fn api_error(error: &Value) -> ApiError {
    let code = error.get("code").cloned().unwrap_or(Value::Null);
    let named = || serde_json::from_value::<ErrorCode>(code.clone()).ok();
    let found = ErrorCode::ALL
        .iter()
        .copied()
        .find(|c| code.as_i64() == Some(i64::from(c.number())));
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or("the node refused, and did not say why");
    ApiError::new(found.or_else(named).unwrap_or(ErrorCode::Bug), message)
}
