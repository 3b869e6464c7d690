//! How the connection to a peer came to be and is now (O12).

use super::{
    Context, Result,
    output::{aligned, field, size, table},
    stream::peer,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Pings that are sent to a connected peer.
const PINGS: u32 = 3;

pub(super) fn run(who: &str, context: &Context) -> Result {
    let client = context.client()?;
    let id = peer(&client, who)?;
    let mut result = client.call("peers.trace", json!({"node": id}))?;
    // Of a connected peer the program over there is asked, too: a path may stand while nobody answers.
    result["ping"] = match result["path"] != "none" {
        true => match client.call("peers.ping", json!({"node": id, "count": PINGS})) {
            Ok(answer) => answer,
            Err(error) => json!({"error": error.message}),
        },
        false => Value::Null,
    };
    context.output.result(&result, shown);
    Ok(())
}

fn ms(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |ms| format!("{ms:.1} ms"))
}

/// "over the relay 198.51.100.7:4000 of node 3f2a…"
fn way(path: &Value) -> String {
    let relay = field(path, "relay_node");
    let of = if relay.is_empty() {
        String::new()
    } else {
        format!(" of node {}", short(&relay))
    };
    match path["kind"].as_str().unwrap_or_default() {
        "relay" => format!("relay {}{of}", field(path, "address")),
        "lan" => format!("local network {}", field(path, "address")),
        _ => format!("direct {}", field(path, "address")),
    }
}

fn short(id: &str) -> String {
    id.chars().take(10).collect()
}

fn shown(trace: &Value) -> String {
    let row = |title: &str, text: String| vec![title.to_owned(), text];
    let used = trace["paths"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|p| p["state"] == "used");
    let connected = trace["path"] != "none";
    let now = match (connected, used) {
        (true, Some(path)) => format!("connected, {}", way(path)),
        (true, None) => "connected".to_owned(),
        (false, _) if trace["dialling"] == true => "not connected; it is being called now".to_owned(),
        (false, _) => match trace["next_dial_ms"].as_u64() {
            Some(wait) => format!("not connected; called again in {} s", wait.div_ceil(1000)),
            None => "not connected, and not called unless it is asked for".to_owned(),
        },
    };
    let times: Vec<String> = trace["ping"]["times_ms"]
        .as_array()
        .into_iter()
        .flatten()
        .map(ms)
        .collect();
    let ping = match times.is_empty() {
        true => field(&trace["ping"], "error"),
        false => times.join(", "),
    };
    let begun = match trace["dialled"].as_bool() {
        Some(true) => "this node",
        Some(false) => "the other node",
        None => "",
    };
    let bytes = |name: &str| size(trace[name].as_u64().unwrap_or(0));
    let traffic = if connected {
        format!("{} in, {} out", bytes("bytes_in"), bytes("bytes_out"))
    } else {
        String::new()
    };
    let mut rows = vec![
        row("node", field(trace, "node")),
        row("name", field(trace, "name")),
        row("now", now),
        row("round trip", ms(&trace["rtt_ms"])),
        row("ping", ping),
        row("begun by", begun.to_owned()),
        row("bytes", traffic),
    ];
    rows.retain(|cells| cells.last().is_some_and(|text| !text.is_empty()));
    let mut paths = trace["paths"].clone();
    for path in paths.as_array_mut().into_iter().flatten() {
        path["way"] = way(path).into();
        path["rtt"] = ms(&path["rtt_ms"]).into();
    }
    let columns = [("WAY", "way"), ("STATE", "state"), ("ROUND TRIP", "rtt")];
    let paths = table(&paths, &columns, "No way to it is known.");
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64);
    let mut log = trace["log"].clone();
    for note in log.as_array_mut().into_iter().flatten() {
        note["ago"] = ago(now_ms.saturating_sub(note["at_ms"].as_u64().unwrap_or(now_ms))).into();
    }
    let columns = [("AGO", "ago"), ("WHAT", "step"), ("", "text")];
    let log = table(&log, &columns, "Nothing happened with it since this node was started.");
    format!("{}\n\n{}\n\n{log}", aligned(&rows).trim_end(), paths.trim_end())
}

/// How long ago, short enough for a column.
fn ago(ms: u64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        s @ 1..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}
