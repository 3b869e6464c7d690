//! Plugins: what they are, may, use and wrote; and what was called by whom.

use super::{
    Context, Result,
    args::Plugin,
    client::Client,
    local,
    output::{aligned, field, size, table},
    prompt, refused,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn run(plugin: Plugin, context: &Context) -> Result {
    let one = |method: &str, name: String| context.show(method, json!({"name": name}), described);
    match plugin {
        Plugin::List => context.show("plugin.list", json!({}), listed),
        Plugin::Add { folder } => {
            let folder = std::path::absolute(&folder).map_err(|e| local(format!("{}: {e}", folder.display())))?;
            let folder = folder
                .to_str()
                .ok_or_else(|| refused("the path of the folder is not UTF-8"))?;
            context.show("plugin.add", json!({"folder": folder}), |added| {
                let next = format!("Say yes to it with `hedgerow plugin allow {}`.", field(added, "name"));
                format!("{}\n\n{next}", described(added))
            })
        }
        Plugin::Allow { name, permissions, yes } => allow(&name, permissions, yes, context),
        Plugin::Revoke { name } => one("plugin.revoke", name),
        Plugin::Start { name } => one("plugin.start", name),
        Plugin::Stop { name } => one("plugin.stop", name),
        Plugin::Restart { name } => one("plugin.restart", name),
        Plugin::Logs { name, lines } => context.show("plugin.logs", json!({"name": name, "lines": lines}), |lines| {
            let all = lines.as_array().into_iter().flatten();
            let shown = all.map(|line| format!("{:>4} {}", field(line, "stream"), field(line, "text")));
            shown.collect::<Vec<_>>().join("\n")
        }),
        Plugin::Remove { name, undo: true } => one("plugin.undo_remove", name),
        Plugin::Remove { name, undo: false } => context.show("plugin.remove", json!({"name": name}), |_| {
            format!("Removed. `hedgerow plugin remove --undo {name}` brings it back until another is removed.")
        }),
    }
}

/// Shows what the yes is to, and asks for it where somebody can answer. The yes is to what was shown.
fn allow(name: &str, permissions: Option<Vec<String>>, yes: bool, context: &Context) -> Result {
    let client = context.client()?;
    let mut params = json!({"name": name});
    if let Some(permissions) = permissions {
        params["permissions"] = json!(permissions);
    }
    if let Some(shown) = found(&client, name)? {
        params["hash"] = shown["hash"].clone();
        context.output.note(&format!("{name}: {}", field(&shown, "rights")));
        if !yes && !context.output.json && prompt::can_ask() {
            let text = described(&shown);
            super::output::line(text.trim_end());
            if !prompt::yes(&format!("Allow {name}?")) {
                return Err(refused("not allowed; nothing was changed"));
            }
        }
    }
    let allowed = client.call("plugin.allow", params)?;
    context.output.result(&allowed, |allowed| {
        let next = match allowed["autostart"] == true {
            true => String::new(),
            false => format!("\nStart it with `hedgerow plugin start {name}`."),
        };
        format!("{}{next}", described(allowed))
    });
    Ok(())
}

fn found(client: &Client, name: &str) -> Result<Option<Value>> {
    let list = client.call("plugin.list", json!({}))?;
    let mut all = list.as_array().into_iter().flatten();
    Ok(all
        .find(|plugin| plugin["name"] == name && plugin["hash"] != "")
        .cloned())
}

fn listed(list: &Value) -> String {
    let all = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return "There are no plugins. Add one with `hedgerow plugin add FOLDER`.".into();
    }
    all.iter().map(described).collect::<Vec<_>>().join("\n")
}

/// Everything about one plugin that a person wants to know before saying yes, and while it runs.
fn described(plugin: &Value) -> String {
    let row = |title: &str, text: String| vec![title.to_owned(), text];
    let command = plugin["command"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let mut rows = vec![
        row(&field(plugin, "name"), field(plugin, "description")),
        row("  state", [field(plugin, "state"), field(plugin, "why")].join("  ")),
        row("  version", field(plugin, "version")),
        row("  runs", super::output::plain(&command.collect::<Vec<_>>().join(" "))),
        row("  rights", field(plugin, "rights")),
    ];
    for permission in plugin["permissions"].as_array().into_iter().flatten() {
        let granted = if permission["granted"] == true {
            "granted"
        } else {
            "not granted"
        };
        rows.push(row(
            &format!("  {}", field(permission, "name")),
            format!(
                "{} ({}): {granted}",
                field(permission, "sentence"),
                field(permission, "reason")
            ),
        ));
    }
    if let Some(memory) = plugin["memory_bytes"].as_u64() {
        let cpu = plugin["cpu_ms"].as_u64().unwrap_or(0) as f64 / 1000.0;
        let processes = field(plugin, "processes");
        rows.push(row(
            "  uses",
            format!("{} of memory, {cpu:.1} s of CPU, {processes} processes", size(memory)),
        ));
    }
    rows.push(row("  last end", field(plugin, "last_exit")));
    rows.retain(|cells| cells.last().is_some_and(|text| !text.trim().is_empty()));
    aligned(&rows)
}

pub(super) fn audit(name: Option<String>, lines: u32, context: &Context) -> Result {
    let mut params = json!({"lines": lines});
    if let Some(name) = name {
        params["name"] = json!(name);
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis());
    context.show("audit.list", params, |list| {
        let mut list = list.clone();
        for line in list.as_array_mut().into_iter().flatten() {
            let then = u128::from(line["time_ms"].as_u64().unwrap_or(0));
            line["when"] = json!(format!("{} min ago", now.saturating_sub(then) / 60_000));
        }
        let columns = [
            ("WHEN", "when"),
            ("WHO", "kind"),
            ("NAME", "name"),
            ("METHOD", "method"),
            ("CALLS", "calls"),
            ("REFUSED", "refused"),
            ("FAILED", "failed"),
            ("BYTES", "bytes"),
        ];
        table(&list, &columns, "Nothing was called yet.")
    })
}
