//! Our own contestant: the program as people run it, one process for each node, and beside each a program that talks to
//! it over its Unix socket. So an app in another process is counted in, which the others do not have.

use anyhow::{Context, Result, anyhow, bail, ensure};
use peers_schedule::{ACCEPT, FILTER, Inbox, Options, Peer, Transport};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    process::{Child, Command},
    sync::{mpsc, oneshot},
};

const APP: &str = "bench";
/// How long a node may take to start.
const START: Duration = Duration::from_secs(60);
/// Messages a second, and at once: more than any burst.
const RATE: u32 = 10_000;

fn main() -> ExitCode {
    peers_schedule::run::<HedgerowNode>()
}

type Answers = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value>>>>>;

struct HedgerowNode {
    /// Ends when its standard input does, so with this process, whatever ends that.
    process: Child,
    data: PathBuf,
    ticket: String,
    signed: bool,
    lines: mpsc::Sender<String>,
    answers: Answers,
    last: u64,
}

/// What the node says: an answer or an event.
#[derive(Deserialize)]
struct Line<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    event: &'a str,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl Drop for HedgerowNode {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl HedgerowNode {
    async fn call(&mut self, method: &str, params: &str) -> Result<Value> {
        self.last += 1;
        let (id, (answer, answered)) = (self.last, oneshot::channel());
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, answer);
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n");
        self.lines.send(line).await.context("the node is gone")?;
        answered.await.context("the node is gone")?
    }
}

/// Starts the program; answers when its socket is there.
async fn spawn(data: &Path) -> Result<Child> {
    let program = std::env::var_os("HEDGEROW_BIN").context("set HEDGEROW_BIN to the program")?;
    let process = Command::new("sh")
        .args(["-c", "\"$@\" </dev/null & node=$!; cat >/dev/null; kill -9 $node", "sh"])
        .arg(program)
        .args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--no-browser",
            "--no-lan",
            "--no-dht",
            "--no-serve",
            "--no-port-mapping",
            "--data",
        ])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Written in this order or another: all of it is there once the node is.
    let files = ["api.sock", "api.token"].map(|name| data.join(name));
    let begun = tokio::time::Instant::now();
    while !files.iter().all(|file| file.exists()) {
        ensure!(begun.elapsed() < START, "the node does not start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(process)
}

impl Peer for HedgerowNode {
    const NAME: &'static str = "hedgerow";

    async fn start(options: &Options, inbox: Arc<Inbox>) -> Result<Self> {
        ensure!(options.transport == Transport::Quic, "Hedgerow speaks QUIC only");
        let unique = format!("hedgerow-bench-{}-{}", std::process::id(), options.child.unwrap_or(0));
        let data = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data)?;
        let process = spawn(&data).await?;
        let (reader, mut writer) = UnixStream::connect(data.join("api.sock")).await?.into_split();
        let token = std::fs::read_to_string(data.join("api.token"))?;
        writer
            .write_all(format!("{}\n", json!({"token": token.trim()})).as_bytes())
            .await?;
        let mut reader = BufReader::with_capacity(1 << 20, reader);
        let mut ready = String::new();
        reader.read_line(&mut ready).await?;
        ensure!(ready.contains("\"ready\":true"), "not let in: {ready}");
        let (lines, mut waiting) = mpsc::channel::<String>(1024);
        tokio::spawn(async move {
            while let Some(line) = waiting.recv().await {
                if writer.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        let answers = Answers::default();
        tokio::spawn(listen(reader, answers.clone(), inbox));
        let mut node = Self {
            process,
            data,
            ticket: String::new(),
            signed: !options.unsigned,
            lines,
            answers,
            last: 0,
        };
        let ticket = node.call("node.ticket", "{}").await?;
        node.ticket = ticket["ticket"].as_str().context("no ticket")?.to_owned();
        let rules = json!({
            "max_bytes": options.bytes.max(1024), "signed_only": node.signed, "filter": FILTER, "accept": ACCEPT,
            "rate_per_signer": RATE, "burst_per_signer": RATE, "rate_per_forwarder": RATE, "burst_per_forwarder": RATE,
        });
        let open = json!({"app": APP, "rules": rules});
        node.call("peers.open", &open.to_string()).await?;
        Ok(node)
    }

    fn address(&self) -> String {
        self.ticket.clone()
    }

    async fn join(&mut self, contacts: &[String]) -> Result<()> {
        for ticket in contacts {
            let connect = json!({ "ticket": ticket });
            self.call("peers.connect", &connect.to_string()).await?;
        }
        Ok(())
    }

    async fn neighbours(&mut self) -> Result<usize> {
        let app = json!({"app": APP}).to_string();
        let opened = self.call("peers.open", &app).await?;
        opened["links"].as_u64().map(|n| n as usize).context("no links")
    }

    async fn broadcast(&mut self, message: Vec<u8>) -> Result<()> {
        let message = String::from_utf8(message)?;
        let signed = self.signed;
        let params = format!("{{\"app\":\"{APP}\",\"signed\":{signed},\"message\":{message}}}");
        self.call("peers.broadcast", &params).await.map(drop)
    }
}

async fn listen(mut reader: impl tokio::io::AsyncBufRead + Unpin, answers: Answers, inbox: Arc<Inbox>) {
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Err(error) = take(&line, &answers, &inbox) {
            eprintln!("hedgerow: {error:#}: {}", line.chars().take(200).collect::<String>());
        }
    }
}

fn take(line: &str, answers: &Answers, inbox: &Inbox) -> Result<()> {
    let Line {
        id,
        result,
        error,
        params,
    } = serde_json::from_str(line)?;
    if let Some(Event { event, message }) = params {
        if let ("peers.message", Some(message)) = (event, message) {
            inbox.deliver(inbox.check(message.get().as_bytes())?);
        }
        return Ok(());
    }
    let Some(id) = id else { bail!("neither an answer nor an event") };
    let waiting = answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    let outcome = match (result, error) {
        (Some(result), _) => serde_json::from_str(result.get()).map_err(Into::into),
        (None, error) => Err(anyhow!("{}", error.map_or("no result", RawValue::get))),
    };
    if let Some(waiting) = waiting {
        let _ = waiting.send(outcome);
    }
    Ok(())
}
