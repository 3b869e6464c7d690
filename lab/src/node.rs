//! A real node in a namespace, driven by its own command line.

use crate::space::{self, Space};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a node may take to say that it is ready.
const READY: Duration = Duration::from_secs(30);
/// How long any other command may take.
const COMMAND: Duration = Duration::from_secs(20);

/// A running node. It and its data end with this value.
#[derive(Debug)]
pub struct Node {
    space: Arc<Space>,
    program: PathBuf,
    folder: PathBuf,
    child: Child,
    id: String,
    ticket: String,
}

/// How a node is connected to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other's id.
    pub node: String,
    /// `direct`, `lan` or `relay`; empty if the node does not say.
    pub path: String,
}

impl Node {
    /// Starts `program up` with a new data folder, not looking around on its local network, and waits until it is ready.
    pub fn start(space: Arc<Space>, program: &Path, word: &str, peers: &[&str]) -> Result<Self> {
        let mut arguments = vec!["--no-lan"];
        arguments.extend(peers.iter().flat_map(|ticket| ["--peer", ticket]));
        Self::launch(space, program, word, &arguments)
    }

    /// The same with any arguments for `up`.
    pub fn launch(space: Arc<Space>, program: &Path, word: &str, arguments: &[&str]) -> Result<Self> {
        Self::launch_in(space, program, word, arguments, &[])
    }

    /// The same with more variables in its environment.
    pub(crate) fn launch_in(
        space: Arc<Space>,
        program: &Path,
        word: &str,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Self> {
        let folder = space::folder(word)?;
        let mut command = Command::new(program);
        command
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .args(["up", "--json", "--no-browser", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .arg("--data")
            .arg(folder.join("data"));
        let log = log(&folder);
        command
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("out"))?)
            .stderr(File::create(&log)?);
        let child = space.spawn(&mut command)?;
        let (id, ticket) = (String::new(), String::new());
        let mut node = Self {
            space,
            program: program.to_owned(),
            folder,
            child,
            id,
            ticket,
        };
        let ready = node.ready()?;
        node.id = text(&ready, "node")?;
        node.ticket = text(&ready, "ticket")?;
        Ok(node)
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The ticket that it printed when it was ready.
    pub fn first_ticket(&self) -> &str {
        &self.ticket
    }

    /// Its ticket of now.
    pub fn ticket(&self) -> Result<String> {
        text(&self.ask(&["ticket"])?, "ticket")
    }

    /// What it has found out about its router: the part `nat` of `doctor`.
    pub fn nat(&self) -> Result<Value> {
        Ok(self.ask(&["doctor"])?["nat"].take())
    }

    /// Whether it has no connection and no relay, and waits to be woken.
    pub fn is_asleep(&self) -> Result<bool> {
        Ok(self.ask(&["doctor"])?["idle"]["asleep"] == true)
    }

    /// Whether the DHT has its record.
    pub fn is_published(&self) -> Result<bool> {
        Ok(self.ask(&["doctor"])?["lookup"]["published_ms_ago"].is_u64())
    }

    /// All that `doctor` says.
    pub fn doctor(&self) -> Result<Value> {
        self.ask(&["doctor"])
    }

    /// Who is connected to it.
    pub fn peers(&self) -> Result<Vec<Peer>> {
        let Value::Array(list) = self.ask(&["peers"])? else {
            bail!("`peers --json` did not print a list");
        };
        let path = |entry: &Value| entry["path"].as_str().unwrap_or_default().to_owned();
        list.iter()
            .map(|entry| {
                Ok(Peer {
                    node: text(entry, "node")?,
                    path: path(entry),
                })
            })
            .collect()
    }

    /// Asks it to connect; the answer comes with the end of the process.
    pub fn connect(&self, ticket: &str) -> Result<Child> {
        self.space.spawn(
            self.command(&["connect", ticket])
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        )
    }

    /// Starts a command that talks to it, with pipes for whoever has the value.
    pub(crate) fn piped(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.space.spawn(&mut command)
    }

    /// How it is connected to another now; none if it is not.
    pub(crate) fn path_to(&self, other: &Self) -> Result<Option<String>> {
        let peers = self.peers()?;
        Ok(peers
            .into_iter()
            .find(|peer| peer.node == other.id)
            .map(|peer| peer.path))
    }

    /// Whether another answers now.
    pub(crate) fn reaches(&self, other: &Self) -> bool {
        let answer = self.ask(&["ping", &other.id, "--count", "1"]);
        answer.is_ok_and(|answer| answer["times_ms"].as_array().is_some_and(|times| !times.is_empty()))
    }

    /// Whether its process runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The memory that its process has in use, in kB.
    pub(crate) fn memory_kb(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Ends it without a goodbye from the program; the kernel still closes what it had open.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--json").arg("--data");
        command.arg(self.folder.join("data")).stdin(Stdio::null());
        command
    }

    /// Runs a small command and reads the JSON that it prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.command(arguments);
        let child = self
            .space
            .spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let output = finish(child, COMMAND).with_context(|| arguments.join(" "))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{} --json` failed: {}", arguments.join(" "), said.trim());
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`{} --json` did not print JSON", arguments.join(" ")))
    }

    /// Waits for the line that says so.
    fn ready(&mut self) -> Result<Value> {
        let begin = Instant::now();
        loop {
            let out = fs::read_to_string(self.folder.join("out")).unwrap_or_default();
            let complete = out.rsplit_once('\n').map_or("", |(lines, _)| lines);
            let mut events = complete
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(ready) = events.find(|event| event["event"] == "ready") {
                return Ok(ready);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || begin.elapsed() > READY {
                let said = fs::read_to_string(log(&self.folder)).unwrap_or_default();
                bail!("a node did not get ready; it said: {} {}", out.trim(), said.trim());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where a node says what it does: in its folder, which ends with it, or in the one that `LAB_LOGS` names.
fn log(folder: &Path) -> PathBuf {
    match (std::env::var_os("LAB_LOGS"), folder.file_name()) {
        (Some(kept), Some(name)) => Path::new(&kept).join(name).with_extension("log"),
        _ => folder.join("err"),
    }
}

/// Waits for the end of a process that prints little, but not for ever.
fn finish(mut child: Child, limit: Duration) -> Result<Output> {
    let begin = Instant::now();
    while child.try_wait()?.is_none() {
        if begin.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            bail!("no answer within {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(child.wait_with_output()?)
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value[key]
        .as_str()
        .with_context(|| format!("the node did not say its {key}"))?;
    Ok(text.to_owned())
}
