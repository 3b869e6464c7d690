//! Commands about widgets: writing and packing them needs no node, the rest asks it.

use super::{
    Context, Result,
    args::{Publish, Widget},
    folder, local,
    output::{aligned, field, size, table},
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

pub(super) fn run(command: Widget, context: &Context) -> Result {
    match command {
        Widget::New { dir, name, component } => folder::create(&dir, name, component, context),
        Widget::Component { module, output } => folder::component(&module, &output, context),
        Widget::Pack { dir, output } => folder::pack_to_file(&dir, output, context),
        Widget::Publish(publish) => publish_file(publish, context),
        Widget::Search { words, category, limit } => {
            let mut params = json!({"query": words.join(" "), "limit": limit});
            if let Some(category) = category {
                params["category"] = Value::String(category);
            }
            context.show("widget.search", params, |list| {
                let columns = [
                    ("NAME", "name"),
                    ("VERSION", "version"),
                    ("AUTHOR", "author"),
                    ("LICENCE", "license"),
                    ("UUID", "uuid"),
                    ("SUMMARY", "summary"),
                ];
                table(
                    list,
                    &columns,
                    "Nothing found in the directory here. It grows with every peer that you connect to.",
                )
            })
        }
        Widget::Show { uuid } => context.show("widget.show", json!({"uuid": uuid}), details),
        Widget::Install { what } => install(&what, context),
        Widget::Update {
            uuid,
            accept_permissions,
        } => {
            let client = context.client()?;
            let params = json!({"uuid": uuid, "accept_permissions": accept_permissions});
            let done = context
                .output
                .progress("Updating", || client.call("widget.update", params))?;
            context.output.result(&done, |w| {
                format!("{} is now at version {}.", field(w, "name"), field(w, "version"))
            });
            Ok(())
        }
        Widget::Rollback { uuid } => context.show("widget.rollback", json!({"uuid": uuid}), |w| {
            format!("{} is back at version {}.", field(w, "name"), field(w, "version"))
        }),
        Widget::List => context.show("widget.list", json!({}), |list| {
            let columns = [
                ("NAME", "name"),
                ("VERSION", "version"),
                ("UPDATE", "update"),
                ("UUID", "uuid"),
                ("SUMMARY", "summary"),
            ];
            table(
                list,
                &columns,
                "Nothing is installed. Look around with `hedgerow widget search`.",
            )
        }),
        Widget::Remove { uuid, with_instances } => {
            let params = json!({"uuid": uuid, "with_instances": with_instances});
            context.show("widget.remove", params, |_| "Uninstalled.".to_owned())
        }
        other => of_authors(other, context),
    }
}

/// What authors do beside publishing.
fn of_authors(command: Widget, context: &Context) -> Result {
    match command {
        Widget::Fork { uuid, dir } => fork(&uuid, dir.as_deref(), context),
        Widget::Signers { uuid } => context.show("widget.signers", json!({"uuid": uuid}), signers),
        Widget::ChangeSigners {
            uuid,
            keys,
            threshold,
            revoke,
        } => {
            let params = json!({"uuid": uuid, "keys": keys, "threshold": threshold, "revoke": revoke});
            context.show("widget.change_signers", params, cosigned)
        }
        Widget::Cosign { record, preview } => {
            context.show("widget.cosign", json!({"record": record, "preview": preview}), cosigned)
        }
        Widget::Statistics { uuid } => context.show("widget.statistics", json!({"uuid": uuid}), statistics),
        // The others are carried out above.
        _ => Ok(()),
    }
}

fn fork(uuid: &str, dir: Option<&Path>, context: &Context) -> Result {
    let client = context.client()?;
    if let Some(dir) = dir.filter(|dir| dir.exists()) {
        let why = format!("{} exists already; name a new folder", dir.display());
        return Err(super::refused(why));
    }
    let mut forked = context.output.progress("Fetching the widget", || {
        client.call("widget.fork", json!({"uuid": uuid}))
    })?;
    if let Some(dir) = dir {
        folder::download(&client, &field(&forked, "uuid"), dir)?;
        forked["folder"] = dir.display().to_string().into();
    }
    context.output.result(&forked, |f| {
        let next = match dir {
            Some(dir) => format!("Change it in {0}, then `hedgerow widget publish {0}`.", dir.display()),
            None => "It is installed here as yours. Give a folder to get its source.".to_owned(),
        };
        format!("Forked as {} ({}). {next}", field(f, "name"), field(f, "uuid"))
    });
    Ok(())
}

fn signers(signers: &Value) -> String {
    let people = signers["people"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = people.map(|p| vec![field(p, "name"), field(p, "key")]).collect();
    format!("{} of these sign a release:\n{}", signers["threshold"], aligned(&rows))
}

fn cosigned(cosigned: &Value) -> String {
    let what = field(cosigned, "what");
    if cosigned["published"] == true {
        return format!("{what}: signed and published.");
    }
    let needed = &cosigned["needed"];
    format!(
        "{what}\n{needed} more signatures are needed. Give this to the others, for `hedgerow widget cosign`:\n{}",
        field(cosigned, "record")
    )
}

fn statistics(statistics: &Value) -> String {
    let lines = [
        ("users met", "users"),
        ("stars", "stars"),
        ("ratings", "ratings"),
        ("comments", "comments"),
        ("open issues", "open_issues"),
        ("forks", "forks"),
    ];
    let mut rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(name, key)| vec![name.into(), field(statistics, key)])
        .collect();
    for version in statistics["versions"].as_array().into_iter().flatten() {
        rows.push(vec![
            format!("  version {}", field(version, "version")),
            field(version, "users"),
        ]);
    }
    aligned(&rows)
}

fn publish_file(publish: Publish, context: &Context) -> Result {
    let client = context.client()?;
    let bytes = folder::package_bytes(&publish.file)?;
    let doing = format!("Publishing {}", size(bytes.len() as u64));
    let file_name = base_name(&publish.file);
    let published = context.output.progress(&doing, || {
        let mut params = Map::new();
        params.insert("package".into(), client.upload(&bytes)?.into());
        let optional = [
            ("file_name", file_name),
            ("name", publish.name),
            ("version", publish.release_version),
            ("license", publish.license),
            ("uuid", publish.uuid),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                params.insert(key.into(), value.into());
            }
        }
        client.call("widget.publish", Value::Object(params))
    })?;
    context.output.result(&published, |p| {
        if let Some(awaits) = p["awaits"].as_str() {
            return format!("Signed by you. The other authors sign it with `hedgerow widget cosign`:\n{awaits}");
        }
        format!(
            "Published {} {} as {}.",
            field(p, "name"),
            field(p, "version"),
            field(p, "uuid")
        )
    });
    Ok(())
}

fn install(what: &str, context: &Context) -> Result {
    let client = context.client()?;
    let installed = if looks_like_uuid(what) {
        context.output.progress("Fetching the widget", || {
            client.call("widget.install", json!({"uuid": what}))
        })?
    } else {
        let path = Path::new(what);
        if !path.exists() {
            return Err(local(format!(
                "{what} is neither a widget's UUID nor a file here; find UUIDs with `hedgerow widget search`"
            )));
        }
        let bytes = folder::package_bytes(path)?;
        let name = base_name(path);
        context.output.progress("Installing", || {
            let package = client.upload(&bytes)?;
            client.call("widget.install", json!({"package": package, "file_name": name}))
        })?
    };
    context.output.result(&installed, |w| {
        let uuid = field(w, "uuid");
        format!(
            "Installed {} {} ({uuid}).\nPlace it with: hedgerow instance add {uuid}",
            field(w, "name"),
            field(w, "version"),
        )
    });
    Ok(())
}

/// Whether a text has the shape of a UUID; which ones exist is for the node to say.
pub(super) fn looks_like_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn base_name(path: &Path) -> Option<String> {
    let absolute = fs::canonicalize(path).ok()?;
    Some(absolute.file_name()?.to_str()?.to_owned())
}

fn details(widget: &Value) -> String {
    let row = |title: &str, value: String| vec![title.to_owned(), value];
    let bytes = widget.get("size").and_then(Value::as_u64).unwrap_or(0);
    let mut rows = vec![
        row("name", field(widget, "name")),
        row("summary", field(widget, "summary")),
        row("version", field(widget, "version")),
        row("author", field(widget, "author")),
        row("author's key", field(widget, "author_key")),
        row("licence", field(widget, "license")),
        row("size", size(bytes)),
        row("installed", field(widget, "installed")),
        row("previous", field(widget, "previous")),
        row("uuid", field(widget, "uuid")),
        row("release", field(widget, "release")),
    ];
    rows.retain(|cells| cells.last().is_some_and(|value| !value.is_empty()));
    let mut text = aligned(&rows);
    let asks = widget.get("permissions").and_then(Value::as_array);
    for ask in asks.into_iter().flatten() {
        text.push_str(&format!(
            "- {}. {}\n",
            field(ask, "sentence").trim_end_matches('.'),
            field(ask, "reason")
        ));
    }
    let description = widget.get("description").and_then(Value::as_str).unwrap_or_default();
    if !description.is_empty() {
        text.push('\n');
        for line in description.lines() {
            text.push_str(&super::output::plain(line));
            text.push('\n');
        }
    }
    text
}
