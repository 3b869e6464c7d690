//! A report of the connection to show to others (O12): kinds, numbers and times; no name, no address of anybody else,
//! and of this node's own addresses only what kind they are.

use crate::{handle::NodeHandle, people::path_of};
use hedgerow_api::{ApiError, ErrorCode, types::Report};
use hedgerow_base::NodeId;
use hedgerow_net::PeerTrace;
use serde_json::Value;
use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

/// Peers that are told in full; the rest is counted.
const MOST_PEERS: usize = 20;
/// Latest steps that are told of each.
const MOST_STEPS: usize = 12;
/// Hex digits in a row from which on a word is an id.
const ID_DIGITS: usize = 8;

/// Makes the report.
///
/// # Errors
/// When the node is ending.
pub(crate) async fn report(node: &NodeHandle) -> Result<Report, ApiError> {
    let (doctor, now, traces) = node
        .with(|e| {
            let doctor = e.doctor()?;
            let peers: Vec<NodeId> = doctor.peers.iter().filter_map(|p| p.node.parse().ok()).collect();
            let traces: Vec<_> = peers.iter().take(MOST_PEERS).map(|peer| e.net.trace(peer)).collect();
            Ok((doctor, e.now_ms(), traces))
        })
        .await?;
    // As JSON, so that what the report of a later version knows more is in here without being named.
    let doctor = serde_json::to_value(&doctor).map_err(|e| ApiError::new(ErrorCode::Bug, e.to_string()))?;
    let mut told = Vec::new();
    for trace in traces {
        told.push(trace.await);
    }
    Ok(Report {
        text: written(&doctor, &told, now),
    })
}

fn written(doctor: &Value, traces: &[PeerTrace], now_ms: u64) -> String {
    let mut text = format!("Hedgerow {} on {}\n", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    line(format!("reachable: {}", plain(&doctor["reachable"])));
    line(format!("reached by: {}", plain(&doctor["via"])));
    for (name, value) in doctor["nat"].as_object().into_iter().flatten() {
        line(format!("router, {}: {}", name.replace('_', " "), plain(value)));
    }
    for (name, title) in [("local", "own addresses"), ("observed", "seen by peers at")] {
        let masked: Vec<String> = texts(&doctor[name])
            .filter_map(|a| a.parse().ok())
            .map(masked)
            .collect();
        line(format!("{title}: {}", none_or(&masked.join(", "))));
    }
    let mapping = &doctor["port_mapping"];
    line(format!(
        "port mapping: {}, {}",
        plain(&mapping["state"]),
        plain(&mapping["protocol"])
    ));
    let count = |name: &str| doctor[name].as_array().map_or(0, Vec::len);
    line(format!("homes: {}, relays known: {}", count("homes"), count("relays")));
    for role in doctor["roles"].as_array().into_iter().flatten() {
        line(format!(
            "does for others: {}, {} nodes now",
            plain(&role["role"]),
            plain(&role["clients"])
        ));
    }
    line(format!(
        "bytes an hour: {:.0}",
        doctor["bytes_per_hour"].as_f64().unwrap_or(0.0)
    ));
    line(format!("peers: {}", count("peers")));
    for (number, trace) in (1..).zip(traces) {
        if let Some(info) = &trace.info {
            let path = serde_json::to_value(path_of(info.path)).unwrap_or_default();
            let begun = if trace.dialled == Some(true) {
                "called by this node"
            } else {
                "called this node"
            };
            let age = now_ms.saturating_sub(info.connected_since_ms) / 1000;
            line(format!(
                "peer {number}: {}, {:.0} ms, {} in, {} out, for {age} s, {begun}, {} ways known",
                plain(&path),
                info.rtt_ms,
                info.bytes_in,
                info.bytes_out,
                trace.paths.len()
            ));
        }
        for note in trace.notes.iter().rev().take(MOST_STEPS).rev() {
            let ago = now_ms.saturating_sub(note.at_ms) / 1000;
            line(format!(
                "  {ago} s ago: {}, {}",
                note.step.as_str(),
                scrubbed(&note.text)
            ));
        }
    }
    text
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn none_or(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// A value for people; what is not known says so.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not known yet".into(),
        Value::String(text) if text == "unknown" => "not known yet".into(),
        Value::String(text) => scrubbed(text),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => scrubbed(&other.to_string()),
    }
}

/// What kind of address it is, and its port.
fn masked(addr: SocketAddr) -> String {
    let kind = match addr.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_loopback() => "this machine",
        IpAddr::V4(ip) if ip.is_private() => "private IPv4",
        IpAddr::V4(ip) if ip.is_link_local() => "link-local IPv4",
        // RFC 6598: what providers put between their routers and their customers.
        IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 => "shared IPv4 of a provider",
        IpAddr::V4(_) => "public IPv4",
        IpAddr::V6(ip) if ip.is_loopback() => "this machine",
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => "local IPv6",
        IpAddr::V6(_) => "public IPv6",
    };
    format!("{kind}, port {}", addr.port())
}

/// A text without addresses, names of hosts in addresses, and ids.
fn scrubbed(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let core = word.trim_matches(|c: char| matches!(c, ',' | ';' | '(' | ')' | '"' | '\'') || c == '.');
        let bare = core.trim_end_matches(':').trim_matches(['[', ']']);
        let is_address = core.parse::<SocketAddr>().is_ok() || bare.parse::<IpAddr>().is_ok();
        let digits = core.chars().filter(char::is_ascii_hexdigit).count();
        let is_id = digits >= ID_DIGITS && digits == core.chars().count() && core.chars().any(|c| c.is_ascii_digit());
        match is_address || is_id || core.contains("://") {
            true => word.replace(core, if is_id { "(id)" } else { "(address)" }),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_net::{Note, Step};
    use serde_json::json;

    #[test]
    fn a_report_holds_no_address_no_name_and_no_id() {
        let node = "ab12".repeat(16);
        let doctor = json!({
            "advice": "", "reachable": null, "via": "relay", "bytes_per_hour": 1234.5,
            "nat": {"mapping": "endpoint-independent", "filtering": "unknown", "timeout_s": null, "class": "behave"},
            "local": ["192.168.1.7:4000", "[2001:db8::7]:4000"], "observed": ["198.51.100.7:40321"],
            "homes": ["203.0.113.5:443"], "relays": ["203.0.113.5:443"],
            "roles": [{"role": "relay", "address": "198.51.100.7:1", "clients": 3}],
            "peers": [{"node": node}],
        });
        let note = |step, text: &str| Note {
            at_ms: 1000,
            step,
            text: text.into(),
        };
        let trace = PeerTrace {
            notes: vec![
                note(
                    Step::Dial,
                    "at 203.0.113.9:5000, [2001:db8::9]:5000, and over relays that are known",
                ),
                note(
                    Step::Failed,
                    "no answer from 203.0.113.9:5000; see http://203.0.113.5:443/ (2001:db8::9)",
                ),
                note(Step::Connected, &format!("over the relay 203.0.113.5:443 of {node}")),
            ],
            ..PeerTrace::default()
        };
        let text = written(&doctor, &[trace], 61_000);
        for private in ["192.168", "198.51", "203.0.113", "2001:db8", "ab12"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        for told in [
            "reachable: not known yet",
            "router, filtering: not known yet",
            "router, class: behave",
            "own addresses: private IPv4, port 4000, public IPv6, port 4000",
            "seen by peers at: public IPv4, port 40321",
            "homes: 1",
            "does for others: relay, 3 nodes now",
            "60 s ago: dial, at (address), (address), and over relays that are known",
            "60 s ago: connected, over the relay (address) of (id)",
        ] {
            assert!(text.contains(told), "{told} not in {text}");
        }
    }
}
