//! Commands about the directory: what people say, and whom this node trusts.

use super::{
    Context, Result,
    args::{Answer, Certify, Directory, DirectorySettings, Role},
    output::{aligned, field, plain, size, table},
};
use serde_json::{Map, Value, json};

pub(super) fn run(command: Directory, context: &Context) -> Result {
    let named = |uuid: String| json!({"uuid": uuid});
    match command {
        Directory::Front { limit } => context.show("directory.front", json!({"limit": limit}), front),
        Directory::Why { uuid } => context.show("directory.why", named(uuid), |why| reasons(&why["reasons"])),
        Directory::Rate { uuid, stars, text } => {
            let params = json!({"uuid": uuid, "stars": stars, "text": text});
            context.show("directory.rate", params, ratings)
        }
        Directory::Unrate { uuid } => context.show("directory.unrate", named(uuid), ratings),
        Directory::Ratings { uuid } => context.show("directory.ratings", named(uuid), ratings),
        Directory::Comment {
            uuid,
            text,
            title,
            reply_to,
        } => {
            let mut params = json!({"uuid": uuid, "text": text});
            put(&mut params, "title", title);
            put(&mut params, "parent", reply_to);
            context.show("directory.comment", params, |c| comments(&json!([c])))
        }
        Directory::Comments { uuid, issues } => {
            context.show("directory.comments", json!({"uuid": uuid, "issues": issues}), comments)
        }
        Directory::Edit { id, text } => context.show("directory.edit_comment", json!({"id": id, "text": text}), |c| {
            comments(&json!([c]))
        }),
        Directory::Uncomment { id } => context.show("directory.remove_comment", json!({"id": id}), |_| {
            "Taken back.".to_owned()
        }),
        Directory::Close { id, reopen } => {
            let params = json!({"id": id, "closed": !reopen});
            context.show("directory.close_issue", params, |c| comments(&json!([c])))
        }
        Directory::Lineage { uuid } => context.show("directory.lineage", named(uuid), lineage),
        other => people(other, context),
    }
}

fn people(command: Directory, context: &Context) -> Result {
    let of = |key: String| json!({"key": key});
    match command {
        Directory::Person { key } => context.show("directory.person", of(key), person),
        Directory::Certify(certify) => certified(certify, context),
        Directory::Revoke(Certify { role, subject, .. }) => {
            let params = json!({"role": role.name(), "subject": subject});
            context.show("directory.revoke", params, |_| "Taken back.".to_owned())
        }
        Directory::Certificates { subject, by } => {
            let mut params = json!({});
            put(&mut params, "subject", subject);
            put(&mut params, "by", by);
            context.show("directory.certificates", params, certificates)
        }
        Directory::Block { subject, reason, share } => {
            let params = json!({"subject": subject, "reason": reason, "share": share});
            context.show("directory.block", params, |_| {
                "It is not shown here any more. `hedgerow directory unblock` takes that back.".to_owned()
            })
        }
        Directory::Unblock { subject } => context.show("directory.unblock", json!({"subject": subject}), |_| {
            "It is shown again.".to_owned()
        }),
        Directory::Trust { key } => context.show("directory.trust", of(key), settings),
        Directory::Distrust { key } => context.show("directory.distrust", of(key), settings),
        Directory::Subscribe { key } => context.show("directory.subscribe", of(key), settings),
        Directory::Unsubscribe { key } => context.show("directory.unsubscribe", of(key), settings),
        Directory::Settings(change) => set(&change, context),
        // The others are carried out above.
        _ => Ok(()),
    }
}

fn put(params: &mut Value, name: &str, value: Option<String>) {
    if let Some(value) = value {
        params[name] = value.into();
    }
}

fn certified(certify: Certify, context: &Context) -> Result {
    let Certify { role, subject, reason } = certify;
    let params = json!({"role": role.name(), "subject": subject, "reason": reason});
    context.show("directory.certify", params, move |_| {
        match role {
            Role::Vouch => "You vouch for it; everybody who trusts you sees that.",
            Role::Moderator => "You follow their judgement; everybody who trusts you sees that.",
            Role::Block => "You block it; everybody who uses your block list does not see it any more.",
            Role::Report => "You reported it; everybody who trusts you is warned.",
        }
        .to_owned()
    })
}

fn set(change: &DirectorySettings, context: &Context) -> Result {
    let mut params = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.insert(name.into(), value);
        }
    };
    let yes = |answer: Option<Answer>| answer.map(|answer| answer.is_yes().into());
    set("share_installs", yes(change.share_installs));
    set("collect", yes(change.collect));
    set("collect_unknown", yes(change.collect_unknown));
    set("collect_disk", change.collect_disk.map(Value::from));
    set("collect_daily", change.collect_daily.map(Value::from));
    set("updates", change.updates.map(|policy| policy.name().into()));
    set("update_hold_hours", change.hold.map(Value::from));
    match params.is_empty() {
        true => context.show("directory.settings", json!({}), settings),
        false => context.show("directory.set", Value::Object(params), settings),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// "4.3 (7)" or nothing.
fn stars(standing: &Value) -> String {
    match standing["stars"].as_f64() {
        Some(stars) => format!("{stars:.1} ({})", standing["ratings"]),
        None => "-".into(),
    }
}

fn front(page: &Value) -> String {
    let mut text = String::new();
    for shelf in list(&page["shelves"]) {
        let title = match shelf["name"].as_str() {
            Some("trusted") => "From people you trust",
            Some("top_rated") => "Top rated",
            Some("rising") => "Rising",
            Some("active") => "Most active",
            _ => "Newest",
        };
        let rows: Vec<Vec<String>> = list(&shelf["widgets"])
            .map(|w| {
                let standing = &w["standing"];
                vec![
                    format!("  {}", field(w, "name")),
                    stars(standing),
                    format!("{} use it", standing["users"]),
                    field(w, "author"),
                    field(w, "uuid"),
                ]
            })
            .collect();
        text.push_str(&format!("{title}\n{}\n", aligned(&rows)));
    }
    if text.is_empty() {
        text = "The directory is empty. It fills when this node meets others: `hedgerow connect TICKET`.".into();
    }
    text
}

fn reasons(reasons: &Value) -> String {
    let rows = list(reasons).map(|reason| {
        let weight = reason["weight"].as_f64().unwrap_or(0.0);
        let sign = if weight > 0.0 {
            "+"
        } else if weight < 0.0 {
            "-"
        } else {
            " "
        };
        format!("{sign} {}", field(reason, "text"))
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn ratings(ratings: &Value) -> String {
    let mut text = match ratings["stars"].as_f64() {
        Some(stars) => format!("{stars:.1} of 5 stars, from {} ratings\n", ratings["count"]),
        None => "Nobody has rated it yet.\n".into(),
    };
    for rating in list(&ratings["list"]) {
        let by = field(&rating["by"], "name");
        text.push_str(&format!("{} stars, {by}: {}\n", rating["stars"], field(rating, "text")));
    }
    text
}

fn comments(comments: &Value) -> String {
    let mut depth: Vec<(String, usize)> = Vec::new();
    let mut text = String::new();
    for comment in list(comments) {
        let parent = comment["parent"]
            .as_str()
            .and_then(|parent| depth.iter().find(|(id, _)| id == parent));
        let deep = parent.map_or(0, |(_, deep)| deep + 1);
        depth.push((field(comment, "id"), deep));
        let state = match (
            comment["issue"] == true,
            comment["closed"] == true,
            comment["removed"] == true,
        ) {
            (_, _, true) => " (taken back)",
            (true, true, _) => " (closed)",
            (true, false, _) => " (open)",
            _ => "",
        };
        let title = Some(field(comment, "title")).filter(|title| !title.is_empty());
        let title = title.map(|title| format!("{title}: ")).unwrap_or_default();
        let indent = "  ".repeat(deep.min(12));
        text.push_str(&format!(
            "{indent}{}{state}: {title}{}\n{indent}  {}\n",
            field(&comment["by"], "name"),
            plain(&field(comment, "text")),
            field(comment, "id")
        ));
    }
    if text.is_empty() {
        text = "Nothing was written yet.".into();
    }
    text
}

fn lineage(lineage: &Value) -> String {
    let rows: Vec<Vec<String>> = list(&lineage["widgets"])
        .map(|w| {
            let depth = usize::try_from(w["depth"].as_u64().unwrap_or(0)).unwrap_or(0);
            let mark = if w["uuid"] == lineage["uuid"] { "*" } else { " " };
            let name = if w["known"] == true {
                field(w, "name")
            } else {
                "not known here".into()
            };
            vec![
                format!("{mark} {}{name}", "  ".repeat(depth.min(20))),
                w["stars"]
                    .as_f64()
                    .map_or_else(|| "-".into(), |stars| format!("{stars:.1}")),
                format!("{} use it", w["users"]),
                field(w, "author"),
                field(w, "uuid"),
            ]
        })
        .collect();
    aligned(&rows)
}

fn person(person: &Value) -> String {
    let percent = |name: &str| format!("{:.0} %", person[name].as_f64().unwrap_or(0.0) * 100.0);
    let count = |name: &str| person[name].as_array().map_or(0, Vec::len).to_string();
    let lines = [
        ("name", field(person, "name")),
        ("key", field(person, "key")),
        ("trust", percent("trust")),
        ("reputation", percent("reputation")),
        ("widgets", count("widgets")),
        ("ratings", field(person, "ratings")),
        ("comments", field(person, "comments")),
    ];
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(name, value)| vec![name.into(), value])
        .collect();
    format!(
        "{}\n{}\n{}",
        aligned(&rows),
        reasons(&person["reasons"]),
        certificates(&person["about"])
    )
}

fn certificates(certificates: &Value) -> String {
    let rows: Vec<Value> = list(certificates)
        .map(|c| json!({"by": c["by"]["name"], "role": c["role"], "name": c["name"], "subject": c["subject"], "reason": c["reason"]}))
        .collect();
    let columns = [
        ("BY", "by"),
        ("SAYS", "role"),
        ("OF", "name"),
        ("SUBJECT", "subject"),
        ("REASON", "reason"),
    ];
    table(&Value::Array(rows), &columns, "Nothing of the kind is known here.")
}

fn settings(settings: &Value) -> String {
    let yes = |name: &str| if settings[name] == true { "yes" } else { "no" }.to_owned();
    let bytes = |name: &str| size(settings[name].as_u64().unwrap_or(0));
    let people = |name: &str| {
        let names = list(&settings[name]).map(|p| {
            let (name, key) = (field(p, "name"), field(p, "key"));
            if name.is_empty() {
                key
            } else {
                format!("{name} ({})", key.chars().take(8).collect::<String>())
            }
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    };
    let blocked: Vec<String> = list(&settings["blocked"]).map(|b| field(b, "subject")).collect();
    let blocked = if blocked.is_empty() {
        "nothing".to_owned()
    } else {
        blocked.join(", ")
    };
    let lines = [
        ("trusted people", people("trusted")),
        ("block lists", people("block_lists")),
        ("blocked", blocked),
        ("tell what is installed", yes("share_installs")),
        ("fetch ahead", yes("collect")),
        ("  unknown ones too", yes("collect_unknown")),
        (
            "  on the disk",
            format!("{} of {}", bytes("collected"), bytes("collect_disk")),
        ),
        ("  a day", bytes("collect_daily")),
        ("updates by themselves", field(settings, "updates")),
        ("  after", format!("{} hours", settings["update_hold_hours"])),
    ];
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(name, value)| vec![name.into(), value])
        .collect();
    aligned(&rows)
}
