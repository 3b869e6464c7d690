//! Commands about the node itself and its peers.

use super::{
    Context, Result,
    client::ApiFile,
    local,
    output::{aligned, field, table},
    place,
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
            row(
                "router",
                format!("{}, ports {}", field(nat, "mapping"), field(nat, "ports")),
            ),
            row("seen as", list("observed")),
            row("own addresses", list("local")),
            row("homes", list("homes")),
            row("port mapping", field(&report["port_mapping"], "why")),
            row("does for others", roles.join(", ")),
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

pub(super) fn login(context: &Context) -> Result {
    context.show("node.login_link", json!({}), |link| field(link, "hub"))
}

pub(super) fn open(context: &Context) -> Result {
    let link = context.client()?.call("node.login_link", json!({}))?;
    let address = field(&link, "hub");
    let opened = place::open_browser(&address);
    context.output.result(&link, |_| {
        let how = if opened { "Opening" } else { "Open this in a browser:" };
        format!("{how} {address}")
    });
    Ok(())
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
