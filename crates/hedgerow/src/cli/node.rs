//! Commands about the node itself and its peers.

use super::{
    Context, Result,
    client::ApiFile,
    local,
    output::{aligned, field, table},
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

pub(super) fn status(context: &Context) -> Result {
    context.show("node.status", json!({}), |status| {
        let row = |title: &str, name: &str| vec![title.to_owned(), field(status, name)];
        let mut rows = vec![
            row("name", "name"),
            row("node", "node"),
            row("user", "user"),
            row("version", "version"),
            row("dashboard", "hub"),
            row("peers", "peers"),
            row("remembered", "known_peers"),
            row("widgets", "directory_size"),
            row("trouble", "trouble"),
        ];
        rows.retain(|cells| cells.last().is_some_and(|value| !value.is_empty()));
        aligned(&rows)
    })
}

pub(super) fn doctor(context: &Context) -> Result {
    context.show("node.doctor", json!({}), |report| {
        let list = |name: &str| {
            let items = report[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            items.collect::<Vec<_>>().join(", ")
        };
        let nat = &report["nat"];
        let row = |title: &str, text: String| vec![title.to_owned(), text];
        let roles = report["roles"].as_array().into_iter().flatten();
        let roles: Vec<_> = roles
            .map(|role| {
                format!(
                    "{} at {} ({} nodes now, {} this month)",
                    field(role, "role"),
                    field(role, "address"),
                    field(role, "clients"),
                    super::relay::size(role["month_bytes"].as_u64().unwrap_or(0))
                )
            })
            .collect();
        let mut rows = vec![
            row("reached by", field(report, "via")),
            row("router", router(nat)),
            row("seen as", list("observed")),
            row("own addresses", list("local")),
            row("homes", list("homes")),
            row("port mapping", field(&report["port_mapping"], "why")),
            row("does for others", roles.join(", ")),
            row("found by", found_by(&report["lookup"])),
            row("idle", idle(&report["idle"])),
            row("does not relay because", field(report, "no_relay_because")),
        ];
        rows.retain(|cells| cells.last().is_some_and(|value| !value.is_empty()));
        let columns = [
            ("NODE", "node"),
            ("PATH", "path"),
            ("ROUND TRIP (ms)", "rtt_ms"),
            ("IN", "bytes_in"),
            ("OUT", "bytes_out"),
        ];
        let peers = table(&report["peers"], &columns, "No peers are connected.");
        format!("{}\n\n{}\n\n{peers}", field(report, "advice"), aligned(&rows))
    })
}

/// How others find this node, in one line.
fn found_by(lookup: &Value) -> String {
    let dht = match lookup["dht"].as_str() {
        Some("server") => "node of the DHT for others",
        Some("client") => "client of the DHT",
        _ => return "peers, local network and tickets; the DHT is switched off".to_owned(),
    };
    let published = match (lookup["published_ms_ago"].as_u64(), lookup["trouble"].as_str()) {
        _ if lookup["carried"] == Value::Bool(true) => "published by peers that serve it".to_owned(),
        (_, Some(why)) => format!("not published: {}", super::output::plain(why)),
        (Some(ms), None) => format!("published {}", ago(ms)),
        (None, None) => "nothing published yet".to_owned(),
    };
    format!("{dht}, {} nodes known; {published}", field(lookup, "nodes"))
}

/// What the node does while there is nothing to say, in words.
fn idle(idle: &Value) -> String {
    let parked = field(idle, "parked");
    match (idle["enabled"] == true, idle["asleep"] == true, idle["beat_s"].as_f64()) {
        (false, ..) => "connections are kept (--no-park)".into(),
        (true, true, Some(beat)) => {
            let cost = idle["bytes_per_hour"].as_f64().unwrap_or_default() / 1000.0;
            format!("asleep, {parked} peers parked, a beat every {beat:.0} s, {cost:.1} kB an hour")
        }
        _ => format!("{parked} peers parked"),
    }
}

pub(super) fn peers(all: bool, context: &Context) -> Result {
    let mut list = context.client()?.call("peers.list", json!({}))?;
    if let Value::Array(peers) = &mut list {
        if !all {
            peers.retain(is_connected);
        }
        peers.sort_by_key(|peer| !is_connected(peer));
    }
    context.output.result(&list, |list| {
        let columns = [
            ("NODE", "node"),
            ("NAME", "name"),
            ("PATH", "path"),
            ("ROUND TRIP (ms)", "rtt_ms"),
        ];
        table(
            list,
            &columns,
            "No peers are connected. Give somebody your ticket (`hedgerow ticket`), or use theirs (`hedgerow connect`).",
        )
    });
    Ok(())
}

fn is_connected(peer: &Value) -> bool {
    peer.get("path")
        .and_then(Value::as_str)
        .is_some_and(|path| path != "none")
}

pub(super) fn ticket(context: &Context) -> Result {
    let mut result = context.client()?.call("node.ticket", json!({}))?;
    without_pictures(&mut result);
    context.output.result(&result, |result| field(result, "ticket"));
    Ok(())
}

/// What is known of the router, in one line.
fn router(nat: &Value) -> String {
    let mut parts = vec![field(nat, "class")];
    for (name, key) in [("mapping", "mapping"), ("filtering", "filtering"), ("ports", "ports")] {
        parts.push(format!("{name} {}", field(nat, key)));
    }
    match nat["hairpin"].as_bool() {
        Some(true) => parts.push("hairpins".into()),
        Some(false) => parts.push("does not hairpin".into()),
        None => {}
    }
    if let Some(seconds) = nat["timeout_s"].as_u64() {
        parts.push(format!("keeps silent mappings for {seconds} s"));
    }
    parts.join(", ")
}

/// Takes the QR pictures out of a result: they are for the dashboard.
pub(super) fn without_pictures(result: &mut Value) {
    if let Some(fields) = result.as_object_mut() {
        fields.remove("qr_svg");
    }
}

pub(super) fn connect(ticket: &str, context: &Context) -> Result {
    let client = context.client()?;
    let connected = context
        .output
        .progress("Connecting", || client.call("peers.connect", json!({"ticket": ticket})))?;
    context.output.result(&connected, |c| {
        let name = field(c, "name");
        let who = if name.is_empty() { field(c, "node") } else { name };
        format!("Connected to {who} ({}).", field(c, "path"))
    });
    Ok(())
}

pub(super) fn find(id: &str, context: &Context) -> Result {
    let client = context.client()?;
    let found = context
        .output
        .progress("Looking", || client.call("peers.find", json!({"id": id})))?;
    context.output.result(&found, |found| {
        let list = |value: &Value| {
            let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            items.collect::<Vec<_>>().join(" ")
        };
        let mut text = String::new();
        for device in found["devices"].as_array().into_iter().flatten() {
            let mut rows = vec![
                vec!["node".to_owned(), field(device, "node")],
                vec!["addresses".to_owned(), list(&device["addresses"])],
                vec!["relays".to_owned(), list(&device["relays"])],
                vec!["known from".to_owned(), field(device, "source")],
                vec![
                    "learnt".to_owned(),
                    device["learnt_ms_ago"].as_u64().map_or_else(String::new, ago),
                ],
            ];
            if device["connected"] == Value::Bool(true) {
                rows.insert(1, vec!["connected".to_owned(), "now".to_owned()]);
            }
            rows.retain(|cells| cells.last().is_some_and(|value| !value.is_empty()));
            text.push_str(&aligned(&rows));
            text.push('\n');
        }
        if text.is_empty() {
            text.push_str("Nothing is known about it.\n\n");
        }
        text + &table(&found["ways"], &[("WAY", "way"), ("SAID", "said")], "")
    });
    Ok(())
}

/// A time that has passed, for people.
fn ago(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} seconds ago"),
        seconds @ 120..7200 => format!("{} minutes ago", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours ago", seconds / 3600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

pub(super) fn login(context: &Context) -> Result {
    context.show("node.login_link", json!({}), |link| field(link, "hub"))
}

pub(super) fn call(method: &str, params: Option<Value>, context: &Context) -> Result {
    context.show(method, params.unwrap_or_else(|| json!({})), |result| {
        serde_json::to_string_pretty(result).unwrap_or_else(|_| result.to_string())
    })
}

pub(super) fn stop(context: &Context) -> Result {
    const PATIENCE: Duration = Duration::from_secs(20);
    let client = context.client()?;
    client.call("node.shutdown", json!({}))?;
    let begin = Instant::now();
    // The node removes the file as its last act.
    while ApiFile::path(&context.data).exists() {
        if begin.elapsed() > PATIENCE {
            return Err(local(
                "the node was told to stop but has not ended yet; look again with `hedgerow status`",
            ));
        }
        thread::sleep(Duration::from_millis(20));
    }
    // The lock on the folder goes with the process. Where nobody collects ended processes this one seems to live on.
    let begin = Instant::now();
    while is_alive(client.process()) && begin.elapsed() < Duration::from_secs(2) {
        thread::sleep(Duration::from_millis(5));
    }
    context
        .output
        .result(&json!({}), |_| "The node has stopped.".to_owned());
    Ok(())
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id).is_ok())
}

#[cfg(not(unix))]
fn is_alive(_process: u32) -> bool {
    false
}
