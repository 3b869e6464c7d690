//! `webxdc.js`: the script that gives a widget the webxdc 1.3 API and `window.hedgerow`.

use serde_json::json;

const SOURCE: &str = include_str!("../js/webxdc.js");
const PEERS: &str = include_str!("../js/peers.js");
const STATS: &str = include_str!("../js/stats.js");
const DOORS: &str = include_str!("../js/doors.js");
const PLACE: &str = "__HEDGEROW_CONFIG__";
const PEERS_PLACE: &str = "  __HEDGEROW_PEERS__;\n";
const STATS_PLACE: &str = "  __HEDGEROW_STATS__;\n";
const DOORS_PLACE: &str = "  __HEDGEROW_DOORS__;\n";

/// Version of `window.hedgerow`: raised by one when something that a widget may use goes away.
pub const WIDGET_API: u32 = 1;

/// What a widget may look for in `window.hedgerow.features`.
pub const FEATURES: &[&str] = &[
    "updates",
    "sender",
    "realtime",
    "notify",
    "send_to_chat",
    "import_files",
    "peers",
    "secrets",
    "streams",
    "stats",
    "open_widget",
    "notifications",
    "web",
    "contacts",
    "background",
    "permissions",
];

/// What differs between instances.
#[derive(Clone, Debug)]
pub struct ScriptConfig<'a> {
    /// `webxdc.selfAddr`: the pseudonym.
    pub self_addr: &'a str,
    /// `webxdc.selfName`.
    pub self_name: &'a str,
    /// Origin of the dashboard, the only one that the script talks to.
    pub hub: &'a str,
    /// `webxdc.sendUpdateInterval`, milliseconds.
    pub send_update_interval: u32,
    /// `webxdc.sendUpdateMaxSize`, bytes.
    pub send_update_max_size: usize,
    /// Version of Hedgerow.
    pub version: &'a str,
}

/// The script for one instance.
pub fn webxdc_js(config: &ScriptConfig<'_>) -> String {
    let json = json!({
        "selfAddr": config.self_addr,
        "selfName": config.self_name,
        "hub": config.hub,
        "sendUpdateInterval": config.send_update_interval,
        "sendUpdateMaxSize": config.send_update_max_size,
        "version": config.version,
        "api": WIDGET_API,
        "features": FEATURES,
    });
    let source = SOURCE
        .replacen(PEERS_PLACE, PEERS, 1)
        .replacen(STATS_PLACE, STATS, 1)
        .replacen(DOORS_PLACE, DOORS, 1);
    source.replacen(PLACE, &literal(&json.to_string()), 1)
}

/// JSON as a JavaScript literal that is safe in a file and inside `<script>`.
fn literal(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
