//! `hedgerow sim`: models of the network that run here, without a node.

use super::{Context, Result, args::Sim, local, refused};
use hedgerow_sim::{Figures, handshake};
use std::{fs, path::Path};

pub(super) fn run(sim: &Sim, context: &Context) -> Result {
    let Sim::Handshake {
        users,
        seed,
        vanish,
        figures,
    } = sim;
    let others = figures.as_deref().map(read).transpose()?.unwrap_or_default();
    let figures = Figures::with(&others).map_err(|error| refused(error.to_string()))?;
    let vanishing = f64::from(*vanish) / 100.0;
    let report = context.output.progress("Counting", || {
        handshake::run(*users, vanishing, *seed, figures).map_err(|error| refused(error.to_string()))
    })?;
    let value = serde_json::to_value(&report).map_err(|error| local(error.to_string()))?;
    context.output.result(&value, |_| report.text());
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| local(format!("{} cannot be read: {error}", file.display())))
}
