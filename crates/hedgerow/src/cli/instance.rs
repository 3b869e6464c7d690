//! Commands about what is on the dashboard and who shares it.

use super::{
    Context, Result,
    args::Instance,
    node::without_pictures,
    output::{field, table},
    prompt, refused,
};
use serde_json::{Value, json};

pub(super) fn run(command: Instance, context: &Context) -> Result {
    match command {
        Instance::Add { uuid, space, name } => {
            let mut params = json!({"uuid": uuid, "space": space.name()});
            if let Some(name) = name {
                params["name"] = Value::String(name);
            }
            let client = context.client()?;
            let added = context
                .output
                .progress("Placing the widget", || client.call("instance.add", params))?;
            context.output.result(&added, placed);
            Ok(())
        }
        Instance::List => context.show("instance.list", json!({}), |list| {
            let columns = [
                ("INSTANCE", "instance"),
                ("NAME", "name"),
                ("SPACE", "space"),
                ("MEMBERS", "members"),
                ("WIDGET", "uuid"),
                ("ADDRESS", "origin"),
            ];
            table(list, &columns, "The dashboard is empty. Place a widget with `hedgerow instance add UUID`.")
        }),
        Instance::Invite { instance } => invite(&instance, context),
        Instance::Join { invite, yes } => join(&invite, yes, context),
        Instance::Remove { instance } => context.show("instance.remove", json!({"instance": instance}), |_| {
            format!("Removed. It can be brought back for 30 days:\nhedgerow call instance.undo_remove '{{\"instance\":\"{instance}\"}}'")
        }),
        Instance::Rename { instance, name } => {
            let params = json!({"instance": instance, "name": name});
            context.show("instance.rename", params, |renamed| format!("It is now called {}.", field(renamed, "name")))
        }
        Instance::Members { instance } => context.show("instance.members", json!({"instance": instance}), |list| {
            let columns = [("NAME", "name"), ("ONLINE", "online"), ("YOU", "me"), ("OWNER", "owner"), ("PSEUDONYM", "pseudonym")];
            table(list, &columns, "Nobody is known to share it yet.")
        }),
        Instance::Leave { instance } => context.show("instance.leave", json!({"instance": instance}), |_| {
            "You left; the others are told when they are reached.".to_owned()
        }),
    }
}

fn invite(instance: &str, context: &Context) -> Result {
    let mut invite = context
        .client()?
        .call("instance.invite", json!({"instance": instance}))?;
    without_pictures(&mut invite);
    context.output.result(&invite, |i| field(i, "invite"));
    context
        .output
        .note("Give this to the person you invite: `hedgerow instance join`, or paste it in their dashboard.");
    Ok(())
}

/// Joins after saying who invites to what. A program, or `--yes`, is taken at its word.
fn join(invite: &str, yes: bool, context: &Context) -> Result {
    let client = context.client()?;
    let params = json!({"invite": invite});
    if !yes && !context.output.json && prompt::can_ask() {
        let preview = client.call("instance.preview_invite", params.clone())?;
        let question = format!(
            "{} invites you to {} ({}, {} space). Join?",
            field(&preview, "from"),
            field(&preview, "name"),
            field(&preview, "widget_name"),
            field(&preview, "space"),
        );
        if !prompt::yes(&question) {
            return Err(refused("not joined; nothing was changed"));
        }
    }
    let joined = context
        .output
        .progress("Joining", || client.call("instance.join", params))?;
    context.output.result(&joined, placed);
    Ok(())
}

fn placed(instance: &Value) -> String {
    format!(
        "{} is on the dashboard as {} ({} space).",
        field(instance, "name"),
        field(instance, "instance"),
        field(instance, "space"),
    )
}
