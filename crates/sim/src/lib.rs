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

/// A plan that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(pub(crate) &'static str);
