//! What widgets may do, and their background parts.

use super::{
    Context, Result,
    args::{Allow, Component, Grant, Policy},
    output::{aligned, field, size, table},
};
use serde_json::{Value, json};

pub(super) fn run(grant: Grant, context: &Context) -> Result {
    match grant {
        Grant::List { instance } => context.show("grant.list", json!({"instance": instance}), |list| {
            let all = list.as_array().into_iter().flatten().map(described);
            match all.collect::<Vec<_>>().join("\n\n") {
                text if text.is_empty() => "There are no widgets on the dashboard.".into(),
                text => text,
            }
        }),
        Grant::Allow(allow) => context.show("grant.give", given(&allow), described),
        Grant::Deny {
            instance,
            permission,
            never,
        } => {
            let params = json!({"instance": instance, "permission": permission, "never": never});
            context.show("grant.deny", params, described)
        }
        Grant::Revoke { instance, permission } => {
            let params = json!({"instance": instance, "permission": permission});
            context.show("grant.revoke", params, described)
        }
        Grant::Policy(policy) => self::policy(&policy, context),
    }
}

fn given(allow: &Allow) -> Value {
    let how = match (allow.once, allow.while_open) {
        (true, _) => "once",
        (false, true) => "while_open",
        (false, false) => "always",
    };
    json!({"instance": allow.instance, "permission": allow.permission, "how": how, "anyway": allow.anyway})
}

fn policy(policy: &Policy, context: &Context) -> Result {
    let list = |names: &Option<Vec<String>>| {
        let names = names.as_ref()?;
        Some(
            names
                .iter()
                .filter(|n| *n != "none" && !n.is_empty())
                .cloned()
                .collect::<Vec<_>>(),
        )
    };
    let changes = [
        ("own", list(&policy.own)),
        ("trusted", list(&policy.trusted)),
        ("strangers", list(&policy.strangers)),
    ];
    let text = |policy: &Value| {
        let names = |key: &str| {
            let names: Vec<&str> = policy[key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if names.is_empty() {
                "ask".to_owned()
            } else {
                names.join(", ")
            }
        };
        let rows = [
            ("your own", "own"),
            ("of trusted people", "trusted"),
            ("all others", "strangers"),
        ];
        aligned(&rows.map(|(title, key)| vec![title.to_owned(), names(key)]))
    };
    match changes.iter().all(|(_, list)| list.is_none()) {
        true => context.show("grant.policy", json!({}), text),
        false => {
            let given = changes
                .into_iter()
                .filter_map(|(key, list)| Some((key.to_owned(), json!(list?))));
            context.show("grant.set_policy", Value::Object(given.collect()), text)
        }
    }
}

fn described(instance: &Value) -> String {
    let grants = instance["grants"].as_array();
    let mut lines = vec![format!("{}  {}", field(instance, "instance"), field(instance, "name"))];
    for grant in grants.into_iter().flatten() {
        let state = match (field(grant, "state").as_str(), field(grant, "how").as_str()) {
            ("allowed", "once") => "once".into(),
            ("allowed", "while_open") => "while open".into(),
            ("allowed", "always") => "always".into(),
            ("allowed", _) => "unasked".into(),
            ("not_now", _) => "not now".into(),
            (other, _) => other.to_owned(),
        };
        lines.push(format!(
            "  {:<14} {state:<11} {}",
            field(grant, "permission"),
            field(grant, "sentence")
        ));
    }
    if grants.is_none_or(Vec::is_empty) {
        lines.push("  asks for nothing".into());
    }
    lines.join("\n")
}

pub(super) fn component(component: Component, context: &Context) -> Result {
    match component {
        Component::List => context.show("component.list", json!({}), |list| {
            let mut list = list.clone();
            for one in list.as_array_mut().into_iter().flatten() {
                one["memory"] = json!(size(one["memory_bytes"].as_u64().unwrap_or(0)));
                one["cpu"] = json!(format!("{} ms", one["cpu_ms"]));
            }
            let columns = [
                ("INSTANCE", "instance"),
                ("NAME", "name"),
                ("STATE", "state"),
                ("MEMORY", "memory"),
                ("CPU", "cpu"),
                ("EVENTS", "events"),
                ("CALLS", "calls"),
                ("WHY", "why"),
            ];
            table(&list, &columns, "No widget on the dashboard has a background part.")
        }),
        Component::Logs { instance, lines } => {
            let params = json!({"instance": instance, "lines": lines});
            context.show("component.logs", params, |lines| {
                let all = lines.as_array().into_iter().flatten();
                all.map(|line| field(line, "text")).collect::<Vec<_>>().join("\n")
            })
        }
        Component::Restart { instance } => context.show("component.restart", json!({"instance": instance}), |_| {
            "Started anew.".into()
        }),
    }
}
