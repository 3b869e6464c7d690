//! Files from one person to another: sending, taking, and what is on its way.

use super::{
    Context, Result,
    args::{Files, Receive},
    client::Client,
    local,
    output::{Output, aligned, field, line, plain, size, table},
    prompt, refused,
    stream::peer,
};
use hedgerow_api::ErrorCode;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How often a transfer is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long a node may be away (a restart) before following it is given up.
const AWAY: Duration = Duration::from_secs(60);

/// Offers a file and waits until the peer has verified the whole of it.
pub(super) fn send(file: &Path, who: &str, context: &Context) -> Result {
    let client = context.client()?;
    let node = peer(&client, who)?;
    let path = file
        .canonicalize()
        .map_err(|e| local(format!("cannot read {}: {e}", file.display())))?;
    if path.is_dir() {
        return Err(refused(format!(
            "{} is a folder; send its files one by one, or pack it first (`tar czf folder.tar.gz {}`)",
            file.display(),
            file.display()
        )));
    }
    let reading = format!("Reading {}", file.display());
    let params = json!({"path": path, "node": node});
    let transfer = context
        .output
        .progress(&reading, || client.call("files.send", params))?;
    let number = transfer["number"].clone();
    event(context.output, "offered", &transfer);
    context.output.note(&format!(
        "Offered to {}. Ctrl-C leaves it to the node; `hedgerow files stop {number}` ends it.",
        peer_words(&transfer)
    ));
    let done = follow(context, client, &number)?;
    finished(context, &done)
}

/// Takes a file that is or will be offered.
pub(super) fn receive(receive: &Receive, context: &Context) -> Result {
    let client = context.client()?;
    let from = receive.from.as_ref().map(|who| peer(&client, who)).transpose()?;
    let to = receive.to.as_ref().map(|dir| folder(dir)).transpose()?;
    if !receive.yes && !prompt::can_ask() {
        return Err(refused("nobody can be asked here; say --yes to take what is offered"));
    }
    context.output.note("Waiting for a file. Ctrl-C ends the waiting.");
    loop {
        let offered = wait_for_offer(&client, from.as_deref(), receive.yes)?;
        let number = offered["number"].clone();
        if offered["state"] == "asking" {
            let question = format!(
                "{} sends {} ({}). Take it?",
                peer_words(&offered),
                field(&offered, "name"),
                size(offered["size"].as_u64().unwrap_or(0))
            );
            if !receive.yes && !prompt::yes(&question) {
                client.call("files.refuse", json!({"number": number}))?;
                context.output.note("Refused.");
                continue;
            }
            let mut params = json!({"number": number});
            if let Some(to) = &to {
                params["folder"] = json!(to);
            }
            let accepted = client.call("files.accept", params)?;
            event(context.output, "accepted", &accepted);
        }
        let done = follow(context, context.client()?, &number)?;
        let result = finished(context, &done);
        if !receive.keep {
            return result;
        }
        if let Err(error) = result {
            context.output.error(&error);
        }
    }
}

/// The oldest offer of a peer, or of anybody; with `unfinished` also one that was accepted and has not come whole.
fn wait_for_offer(client: &Client, from: Option<&str>, unfinished: bool) -> Result<Value> {
    loop {
        let list = client.call("files.list", json!({}))?;
        let wanted = list.as_array().into_iter().flatten().filter(|t| {
            let state = t["state"].as_str().unwrap_or_default();
            let open = state == "asking" || (unfinished && matches!(state, "waiting" | "moving"));
            t["incoming"] == true && open && from.is_none_or(|node| t["node"] == node)
        });
        if let Some(oldest) = wanted.min_by_key(|t| t["number"].as_u64()) {
            return Ok(oldest.clone());
        }
        thread::sleep(LOOK);
    }
}

pub(super) fn files(files: Option<Files>, context: &Context) -> Result {
    let one = |method: &str, number: u64, text: &str| {
        context.show(method, json!({"number": number}), |t| {
            format!("{text}: {}.", field(t, "name"))
        })
    };
    match files {
        None | Some(Files::List) => context.show("files.list", json!({}), list),
        Some(Files::Accept { number, to }) => {
            let mut params = json!({"number": number});
            if let Some(dir) = to {
                params["folder"] = json!(folder(&dir)?);
            }
            context.show("files.accept", params, |t| {
                format!("{} goes to {}.", field(t, "name"), field(t, "place"))
            })
        }
        Some(Files::Refuse { number }) => one("files.refuse", number, "Refused"),
        Some(Files::Stop { number }) => one("files.stop", number, "Stopped"),
        Some(Files::Clear) => context.show("files.clear", json!({}), |_| {
            "Finished transfers are off the list.".into()
        }),
        Some(Files::Settings) => context.show("files.settings", json!({}), settings),
        Some(Files::Folder { dir }) => context.show("files.set", json!({"folder": folder(&dir)?}), settings),
        Some(Files::Limit { mb }) => {
            context.show("files.set", json!({"max_size": mb.saturating_mul(1_000_000)}), settings)
        }
        Some(Files::Always { peer: who, mb }) => {
            let node = peer(&context.client()?, &who)?;
            let always = json!({"node": node, "size": mb.saturating_mul(1_000_000)});
            context.show("files.set", json!({"always": always}), settings)
        }
    }
}

fn folder(dir: &Path) -> Result<std::path::PathBuf> {
    std::path::absolute(dir).map_err(|e| local(format!("cannot use {}: {e}", dir.display())))
}

fn list(list: &Value) -> String {
    let mut rows = list.clone();
    for row in rows.as_array_mut().into_iter().flatten() {
        let arrow = if row["incoming"] == true { "from" } else { "to" };
        row["who"] = format!("{arrow} {}", peer_words(row)).into();
        row["how"] = how(row).into();
        row["size_words"] = size(row["size"].as_u64().unwrap_or(0)).into();
    }
    let columns = [
        ("NUMBER", "number"),
        ("FILE", "name"),
        ("SIZE", "size_words"),
        ("PEER", "who"),
        ("STATE", "how"),
        ("PLACE", "place"),
    ];
    table(
        &rows,
        &columns,
        "No files are on their way. Send one with `hedgerow send FILE PEER`.",
    )
}

fn settings(settings: &Value) -> String {
    let bytes = |name: &str| size(settings[name].as_u64().unwrap_or(0));
    let mut rows = vec![
        vec!["folder".to_owned(), field(settings, "folder")],
        vec!["room".to_owned(), bytes("room")],
        vec!["largest file".to_owned(), bytes("max_size")],
    ];
    for always in settings["always"].as_array().into_iter().flatten() {
        let name = field(always, "name");
        let who = if name.is_empty() {
            field(always, "user").chars().take(10).collect()
        } else {
            name
        };
        let text = format!("{who}, up to {} a day", size(always["size"].as_u64().unwrap_or(0)));
        rows.push(vec!["without asking".to_owned(), text]);
    }
    aligned(&rows)
}

fn peer_words(transfer: &Value) -> String {
    let name = field(transfer, "peer_name");
    match name.is_empty() {
        true => field(transfer, "node").chars().take(10).collect(),
        false => name,
    }
}

/// How a transfer stands, in words.
fn how(transfer: &Value) -> String {
    let incoming = transfer["incoming"] == true;
    let text = match (
        transfer["state"].as_str().unwrap_or_default(),
        transfer["connected"] == true,
    ) {
        ("asking", _) if incoming => "waits for your answer".to_owned(),
        ("asking" | "waiting", false) => "waits until they are connected".to_owned(),
        ("asking", true) => "waits for their answer".to_owned(),
        ("waiting", true) => "goes on soon".to_owned(),
        ("moving", _) => {
            let (done, all) = (
                transfer["done"].as_u64().unwrap_or(0),
                transfer["size"].as_u64().unwrap_or(0),
            );
            format!("{} %", done.saturating_mul(100) / all.max(1))
        }
        (other, _) => other.to_owned(),
    };
    let why = field(transfer, "why");
    if why.is_empty() { text } else { format!("{text}: {why}") }
}

fn is_over(transfer: &Value) -> bool {
    matches!(
        transfer["state"].as_str(),
        Some("done" | "refused" | "stopped" | "failed")
    )
}

/// Watches a transfer to its end. A node that is started anew in between is found again.
fn follow(context: &Context, mut client: Client, number: &Value) -> Result<Value> {
    let mut shown = Shown::new(context.output);
    let mut away: Option<Instant> = None;
    loop {
        match client.call("files.get", json!({"number": number})) {
            Ok(transfer) => {
                away = None;
                shown.show(&transfer);
                if is_over(&transfer) {
                    shown.end();
                    return Ok(transfer);
                }
            }
            Err(error) if error.code == ErrorCode::Unreachable => {
                if away.get_or_insert_with(Instant::now).elapsed() > AWAY {
                    shown.end();
                    return Err(error);
                }
                if let Ok(again) = context.client() {
                    client = again;
                }
            }
            Err(error) => {
                shown.end();
                return Err(error);
            }
        }
        thread::sleep(LOOK);
    }
}

/// The last word: 0 only when the receiver has verified the whole file.
fn finished(context: &Context, transfer: &Value) -> Result {
    let why = field(transfer, "why");
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    let name = field(transfer, "name");
    match transfer["state"].as_str().unwrap_or_default() {
        "done" => {
            let mut result = transfer.clone();
            result["event"] = "done".into();
            context.output.result(&result, |t| match t["incoming"] == true {
                true => format!("Received {}.", field(t, "place")),
                false => format!("{} has {name}, verified.", peer_words(t)),
            });
            Ok(())
        }
        "refused" => Err(refused(format!("{} did not take {name}{why}", peer_words(transfer)))),
        "stopped" => Err(refused(format!("{name} was stopped{why}"))),
        _ => Err(local(format!("{name} was not sent{why}"))),
    }
}

/// An event for programs.
fn event(output: Output, name: &str, transfer: &Value) {
    if output.json {
        let mut event = transfer.clone();
        event["event"] = name.into();
        line(&event.to_string());
    }
}

/// Shows how a transfer goes on: events as lines for programs, one line that changes for people.
struct Shown {
    output: Output,
    last: (String, u64),
    begun: Option<(Instant, u64)>,
    open: bool,
}

impl Shown {
    fn new(output: Output) -> Self {
        Self {
            output,
            last: (String::new(), u64::MAX),
            begun: None,
            open: false,
        }
    }

    fn show(&mut self, transfer: &Value) {
        let state = transfer["state"].as_str().unwrap_or_default();
        let done = transfer["done"].as_u64().unwrap_or(0);
        let connected = transfer["connected"] == true;
        let now = (format!("{state} {connected}"), done);
        if now == self.last {
            return;
        }
        let moving = state == "moving";
        let (since, from) = *self.begun.get_or_insert((Instant::now(), done));
        if !moving {
            self.begun = None;
        }
        let rate = done.saturating_sub(from) as f64 / since.elapsed().as_secs_f64().max(0.001);
        if self.output.json {
            if !is_over(transfer) {
                let name = if moving { "progress" } else { "waiting" };
                let event = json!({
                    "event": name, "number": transfer["number"], "state": state, "connected": connected,
                    "done": done, "size": transfer["size"], "bytes_per_s": rate as u64, "why": transfer["why"],
                });
                line(&event.to_string());
            }
        } else if io::stderr().is_terminal() {
            let rate = if moving && done > from {
                format!(", {}/s", size(rate as u64))
            } else {
                String::new()
            };
            let text = format!("{}: {}{rate}", field(transfer, "name"), how(transfer));
            let _ = write!(io::stderr().lock(), "\r\x1b[K{}", plain(&text));
            self.open = true;
        }
        self.last = now;
    }

    fn end(&self) {
        if self.open {
            let _ = writeln!(io::stderr().lock());
        }
    }
}
