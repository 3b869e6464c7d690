//! Networks of any size on virtual time: what a design costs and how it takes a blow (issue 3; O5, W22).
//!
//! Nothing here reads a clock or rolls real dice: the same input and seed give the same result on every machine.
//! `docs/scale.md` says what follows from it.

extern crate alloc;

pub mod broadcast;
pub mod chance;
pub mod crew;
pub mod eclipse;
pub mod epidemic;
pub mod figures;
pub mod handshake;
pub mod poisson;
pub mod popularity;
mod queue;
pub mod reconcile;
pub mod report;
pub mod speed;
pub mod spread;
pub mod trust;
pub mod update;
pub mod whitelist;

pub use figures::{Figure, Figures, FiguresError};

/// Seeds under which an attack is tried in the tests; `ATTACK_SEEDS=1000` tries more of those that take long.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "ATTACK_SEEDS chooses how many")]
fn attack_seeds(few: u64) -> u64 {
    let more = std::env::var("ATTACK_SEEDS").ok();
    more.and_then(|seeds| seeds.parse().ok()).unwrap_or(few)
}

/// A plan that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(pub(crate) &'static str);
