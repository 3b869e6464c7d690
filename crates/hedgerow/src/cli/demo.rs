//! Three nodes on this machine that share a widget: what a person alone at a desk tries first.

use super::{
    Context, Result,
    args::Demo,
    client::Client,
    folder, local, output,
    output::{aligned, field},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const NAMES: [&str; 3] = ["Ash", "Birch", "Cherry"];
/// The starter widget that shows the most with two windows side by side.
const WIDGET: &str = "Shout";
/// Longest wait for the nodes to find each other.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for a node to end by itself.
const LAST_ORDERS: Duration = Duration::from_secs(10);

/// One of the three: a child process that ends when its standard input closes, so also when this program is killed.
struct Neighbour {
    name: &'static str,
    child: Child,
    hub: String,
    ticket: String,
    data: PathBuf,
}

pub(super) fn run(demo: &Demo, data_given: bool, context: &Context) -> Result {
    let folders = Folders::new(data_given.then_some(context.data.as_path()), demo.keep)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| local(format!("cannot start: {e}")))?;
    // From here on Ctrl-C must end the children in order instead of this program at once.
    let end = {
        let _inside = runtime.enter();
        runtime.spawn(super::up::asked_to_end(false))
    };
    let mut neighbours = Vec::new();
    let shared = start_all(&folders.base, context, &mut neighbours).and_then(|()| share(&neighbours, context));
    if shared.is_ok() {
        announce(&neighbours, context);
        let _ = runtime.block_on(end);
    }
    context.output.note("Ending the three nodes.");
    end_all(neighbours);
    if demo.keep {
        context
            .output
            .note(&format!("The data is kept in {}.", folders.base.display()));
    }
    shared
}

fn start_all(base: &Path, context: &Context, neighbours: &mut Vec<Neighbour>) -> Result {
    for name in NAMES {
        context.output.note(&format!("Starting {name}'s node …"));
        let peer = neighbours.first().map(|first: &Neighbour| first.ticket.clone());
        neighbours.push(Neighbour::start(name, base.join(name.to_lowercase()), peer)?);
    }
    Ok(())
}

impl Neighbour {
    fn start(name: &'static str, data: PathBuf, peer: Option<String>) -> Result<Self> {
        let program = std::env::current_exe().map_err(|e| local(format!("cannot find this program: {e}")))?;
        let mut command = Command::new(program);
        command.args([
            "up",
            "--json",
            "--no-browser",
            "--no-lan",
            "--no-port-mapping",
            "--until-stdin-closes",
            "--listen",
            "127.0.0.1:0",
        ]);
        command.arg("--data").arg(&data);
        if let Some(ticket) = peer {
            command.args(["--peer", &ticket]);
        }
        // In a group of its own, so that Ctrl-C reaches only this program.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| local(format!("cannot start {name}'s node: {e}")))?;
        let ready = first_line(&mut child);
        let text = |field: &str| ready.get(field).and_then(Value::as_str).map(str::to_owned);
        let (Some(hub), Some(ticket)) = (text("hub"), text("ticket")) else {
            let why = ready.pointer("/error/message").and_then(Value::as_str);
            end(child);
            return Err(local(format!(
                "{name}'s node did not start: {}",
                why.unwrap_or("it said nothing")
            )));
        };
        Ok(Self {
            name,
            child,
            hub,
            ticket,
            data,
        })
    }

    fn client(&self) -> Result<Client> {
        Client::open(&self.data)
    }
}

/// The ready line of a node, or null. A thread keeps reading afterwards, so that the node never waits for a reader.
fn first_line(child: &mut Child) -> Value {
    let Some(stdout) = child.stdout.take() else {
        return Value::Null;
    };
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return Value::Null;
    }
    thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    serde_json::from_str(&line).unwrap_or(Value::Null)
}

/// Names the people, places a widget in an invited space on the first node, and lets the others join.
fn share(neighbours: &[Neighbour], context: &Context) -> Result {
    for neighbour in neighbours {
        neighbour
            .client()?
            .call("profile.set", json!({"name": neighbour.name}))?;
    }
    let Some((first, others)) = neighbours.split_first() else {
        return Ok(());
    };
    let host = first.client()?;
    wait_for_peers(&host, others.len())?;
    let uuid = widget_to_share(&host)?;
    context.output.note("Sharing a widget between them …");
    let added = host.call("instance.add", json!({"uuid": uuid, "space": "invited"}))?;
    let invite = host.call("instance.invite", json!({"instance": field(&added, "instance")}))?;
    for other in others {
        other
            .client()?
            .call("instance.join", json!({"invite": field(&invite, "invite")}))?;
    }
    Ok(())
}

/// The starter widget; in a program that was built without starters, a skeleton published on the spot.
fn widget_to_share(host: &Client) -> Result<String> {
    let list = host.call("widget.list", json!({}))?;
    let installed = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let published = |w: &&Value| w.get("unpublished").and_then(Value::as_bool) != Some(true);
    let found = installed.iter().find(|w| field(w, "name") == WIDGET);
    if let Some(widget) = found.or_else(|| installed.iter().find(published)) {
        return Ok(field(widget, "uuid"));
    }
    let package = host.upload(&folder::packed_skeleton("Hello")?)?;
    let params = json!({"package": package, "name": "Hello", "version": "1.0.0", "license": "MIT"});
    Ok(field(&host.call("widget.publish", params)?, "uuid"))
}

fn wait_for_peers(host: &Client, wanted: usize) -> Result {
    let begin = Instant::now();
    loop {
        let status = host.call("node.status", json!({}))?;
        let connected = status.get("peers").and_then(Value::as_u64).unwrap_or(0);
        if connected >= wanted as u64 {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(local(
                "the three nodes did not find each other; is a firewall closing UDP on this machine?",
            ));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn announce(neighbours: &[Neighbour], context: &Context) {
    if context.output.json {
        let nodes: Vec<_> = neighbours
            .iter()
            .map(|n| json!({"name": n.name, "hub": n.hub, "ticket": n.ticket, "data": n.data}))
            .collect();
        output::line(&json!({"event": "ready", "nodes": nodes}).to_string());
        return;
    }
    let rows: Vec<_> = neighbours
        .iter()
        .map(|n| vec![format!("  {}", n.name), n.hub.clone()])
        .collect();
    output::line(&format!(
        "Three nodes run here and share a widget. Open each address in a window of its own:\n\n{}\nWrite in one and watch the others. Ctrl-C ends all three.",
        aligned(&rows)
    ));
}

fn end_all(neighbours: Vec<Neighbour>) {
    let ending: Vec<_> = neighbours
        .into_iter()
        .map(|neighbour| thread::spawn(move || end(neighbour.child)))
        .collect();
    for one in ending {
        let _ = one.join();
    }
}

/// Closes the child's standard input, which asks it to end, and waits; one that hangs is killed.
fn end(mut child: Child) {
    drop(child.stdin.take());
    let begin = Instant::now();
    while begin.elapsed() < LAST_ORDERS {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Where the three data folders are; a temporary place is removed at the end unless it shall be kept.
struct Folders {
    base: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folders {
    fn new(given: Option<&Path>, keep: bool) -> Result<Self> {
        if let Some(base) = given {
            let base = base.to_owned();
            fs::create_dir_all(&base).map_err(|e| local(format!("cannot make the folder {}: {e}", base.display())))?;
            return Ok(Self { base, _temporary: None });
        }
        let mut temporary = tempfile::Builder::new()
            .prefix("hedgerow-demo-")
            .tempdir()
            .map_err(|e| local(format!("cannot make a temporary folder: {e}; name one with --data")))?;
        temporary.disable_cleanup(keep);
        Ok(Self {
            base: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }
}
