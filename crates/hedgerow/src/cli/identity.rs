//! Keeping and getting back who one is: backup of a running node; restore and passphrase on a data folder at rest.

use super::{
    Context, Result,
    args::{Passphrase, Restore},
    client::Client,
    local,
    output::{field, size},
    prompt, refused,
};
use serde_json::{Value, json};
use std::{
    io::{self, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// Shortest passphrase, characters: the same bound as the API's.
const MIN_PASSPHRASE: usize = 8;
/// Longest text that is read as recovery words, bytes.
const MAX_WORDS: u64 = 4096;

pub(super) fn backup(file: &Path, context: &Context) -> Result {
    let client = context.client()?;
    let path = std::path::absolute(file).map_err(|e| local(format!("cannot use {}: {e}", file.display())))?;
    let passphrase = new_passphrase("HEDGEROW_BACKUP_PASSPHRASE", "Passphrase for the backup:")?;
    let params = json!({"path": path, "passphrase": passphrase.as_str()});
    let written = context
        .output
        .progress("Writing the backup", || client.call("node.backup", params))?;
    context.output.result(&written, |w| {
        let bytes = w.get("bytes").and_then(Value::as_u64).unwrap_or(0);
        format!(
            "Written to {} ({}). It opens only with the passphrase.",
            field(w, "path"),
            size(bytes)
        )
    });
    Ok(())
}

pub(super) fn restore(restore: &Restore, context: &Context) -> Result {
    refuse_running(context)?;
    let failed = |e: hedgerow_node::identity::IdentityError| refused(e.to_string());
    let user = match &restore.file {
        Some(file) => {
            let passphrase = passphrase("HEDGEROW_BACKUP_PASSPHRASE", "Passphrase of the backup:")?;
            hedgerow_node::identity::restore_backup(&context.data, file, &passphrase).map_err(failed)?
        }
        None => {
            let words = read_words()?;
            hedgerow_node::identity::restore_words(&context.data, &words).map_err(failed)?
        }
    };
    let result = json!({"user": user.to_string(), "data": context.data});
    context.output.result(&result, |_| {
        format!(
            "You are {user} again. Start with `hedgerow up`; your data comes back from your other devices and peers."
        )
    });
    Ok(())
}

pub(super) fn passphrase_command(change: &Passphrase, context: &Context) -> Result {
    refuse_running(context)?;
    let failed = |e: hedgerow_node::identity::IdentityError| refused(e.to_string());
    let protected = hedgerow_node::identity::is_protected(&context.data).map_err(failed)?;
    let old = match protected {
        true => Some(passphrase("HEDGEROW_PASSPHRASE", "Present passphrase:")?),
        false => None,
    };
    let new = match change {
        Passphrase::Set => Some(new_passphrase("HEDGEROW_NEW_PASSPHRASE", "New passphrase:")?),
        Passphrase::Clear => None,
    };
    let old = old.as_ref().map(|p| p.as_str());
    let new = new.as_ref().map(|p| p.as_str());
    hedgerow_node::identity::set_passphrase(&context.data, old, new).map_err(failed)?;
    context
        .output
        .result(&json!({"passphrase_set": new.is_some()}), |_| match new {
            Some(_) => "The key file is protected. Without the passphrase only the recovery words help.".to_owned(),
            None => "The key file is no longer protected by a passphrase.".to_owned(),
        });
    Ok(())
}

/// These commands change files that a running node holds.
fn refuse_running(context: &Context) -> Result {
    if Client::is_running(&context.data) {
        return Err(refused(format!(
            "a node runs on {}; end it first with `hedgerow stop`",
            context.data.display()
        )));
    }
    Ok(())
}

fn read_words() -> Result<Zeroizing<String>> {
    let failed = |e: io::Error| local(format!("cannot read the recovery words: {e}"));
    if prompt::can_ask() {
        return prompt::secret("Recovery words (not shown while typing):").map_err(failed);
    }
    let mut words = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .take(MAX_WORDS)
        .read_to_string(&mut words)
        .map_err(failed)?;
    Ok(words)
}

fn passphrase(variable: &str, question: &str) -> Result<Zeroizing<String>> {
    if let Ok(given) = std::env::var(variable) {
        return Ok(Zeroizing::new(given));
    }
    if !prompt::can_ask() {
        return Err(refused(format!("a passphrase is needed; give it in {variable}")));
    }
    prompt::secret(question).map_err(|e| local(format!("cannot ask for the passphrase: {e}")))
}

/// A passphrase that is being chosen: long enough, and typed twice by a person.
fn new_passphrase(variable: &str, question: &str) -> Result<Zeroizing<String>> {
    let chosen = passphrase(variable, question)?;
    if chosen.chars().count() < MIN_PASSPHRASE {
        return Err(refused(format!(
            "a passphrase has at least {MIN_PASSPHRASE} characters"
        )));
    }
    if std::env::var_os(variable).is_none() {
        let again = passphrase(variable, "Once more:")?;
        if *again != *chosen {
            return Err(refused("the two passphrases differ; nothing was changed"));
        }
    }
    Ok(chosen)
}
