//! What this node relays for others: show and set.

use super::{
    Context, Result,
    args::Relay,
    output::{aligned, field},
};
use serde_json::{Map, Value, json};

pub(super) fn run(relay: &Relay, context: &Context) -> Result {
    let mut params = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.insert(name.into(), value);
        }
    };
    let on = match (relay.on, relay.off) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    set("on", on.map(Value::from));
    set("clients", relay.clients.map(Value::from));
    set("rate", relay.rate.map(Value::from));
    set("total", relay.total.map(Value::from));
    set("month", relay.month.map(Value::from));
    set("metered", relay.metered.map(|answer| answer.is_yes().into()));
    set("port_mapping", relay.port_mapping.map(|answer| answer.is_yes().into()));
    match params.is_empty() {
        true => context.show("relay.get", json!({}), settings),
        false => context.show("relay.set", Value::Object(params), settings),
    }
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    match size < 10.0 && bytes >= 1000 {
        true => format!("{size:.1} {unit}"),
        false => format!("{size:.0} {unit}"),
    }
}

fn settings(settings: &Value) -> String {
    let bytes = |name: &str, after: &str| match settings[name].as_u64() {
        Some(bytes) => format!("{}{after}", size(bytes)),
        None => "no limit".into(),
    };
    let yes = |name: &str| if settings[name] == true { "yes" } else { "no" }.to_owned();
    let now = match settings["address"].as_str() {
        Some(address) => format!("yes, at {address} ({})", field(settings, "state")),
        None => format!("no: {}", field(settings, "why_not")),
    };
    let rows = [
        ("relays now", now),
        ("allowed to", yes("on")),
        (
            "nodes",
            format!("{} of {}", field(settings, "clients_now"), field(settings, "clients")),
        ),
        ("each at most", bytes("rate", " a second")),
        ("all at most", bytes("total", " a second")),
        (
            "this month",
            format!("{} of {}", bytes("month_bytes", ""), bytes("month", "")),
        ),
        ("not let in", field(settings, "refused")),
        ("metered", yes("metered")),
        ("asks routers to let others in", yes("port_mapping")),
    ];
    aligned(&rows.map(|(title, text)| vec![title.to_owned(), text]))
}

/// A number of bytes as people write it: `2MB`, `50GB`, `1.5 kB`, `1000`, or `unlimited`, which is zero.
pub(super) fn parse_size(text: &str) -> std::result::Result<u64, String> {
    let wrong = || format!("{text:?} is no size; give bytes as in 500kB, 2MB, 50GB or unlimited");
    let text = text.trim();
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(0);
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().trim_end_matches("/s").to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = number * factor as f64;
    // Beyond this a number of bytes is no longer exact, and no machine has them.
    match bytes >= 1.0 && bytes <= (1u64 << 53) as f64 {
        true => Ok(bytes as u64),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("2MB", 2_000_000),
            ("50GB", 50_000_000_000),
            ("1.5 kB", 1500),
            ("1000", 1000),
            ("2MB/s", 2_000_000),
            ("1MiB", 1 << 20),
            ("Unlimited", 0),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "0", "-1", "2XB", "1e30", "1.2.3", "99999999999TB", "0.1"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(size(50_000_000_000), "50 GB");
        assert_eq!(size(1_500), "1.5 kB");
        assert_eq!(size(999), "999 bytes");
    }
}
