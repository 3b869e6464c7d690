//! Hostile bytes for everything that reads bytes from outside: one [`Target`] for each reader, run by an ordinary test (a
//! second or less of seeded changes) and by libFuzzer (`cargo xtask fuzz`). See `docs/fuzzing.md`.
//!
//! A target panics when a promise does not hold: not only that nothing panics, but that what was read is written as
//! something that reads the same, that what is made harmless stays as it is, and that what nobody allowed is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a target that panics is how a finding is told"
)]

pub mod chance;
pub mod promise;
pub mod room;
pub mod seeds;
pub mod short;
pub mod targets;

/// Something that reads bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of its folder of inputs, too.
    pub name: &'static str,
    /// What it reads and what is promised.
    pub about: &'static str,
    /// Reads; panics when a promise does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with: real encodings of the project's own types.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Longest input that makes sense.
    pub max_len: usize,
    /// Largest single allocation that reading may ask for: what is announced is not believed.
    pub room: usize,
}

impl Target {
    /// A target for inputs of up to 4 KiB, which asks for no more than 1 MiB at once.
    pub const fn new(name: &'static str, about: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Self {
        Self {
            name,
            about,
            run,
            seeds,
            max_len: 4096,
            room: 1 << 20,
        }
    }

    /// For longer inputs.
    #[must_use]
    pub const fn up_to(self, max_len: usize) -> Self {
        Self { max_len, ..self }
    }

    /// May ask for so many bytes at once.
    #[must_use]
    pub const fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }
}

/// All targets, by what they are about.
pub const GROUPS: &[(&str, &[Target])] = &[
    ("wire", targets::wire::TARGETS),
    ("texts", targets::texts::TARGETS),
    ("packages", targets::packages::TARGETS),
    ("programs", targets::programs::TARGETS),
    ("doors", targets::doors::TARGETS),
    ("kept", targets::kept::TARGETS),
    ("cores", targets::cores::TARGETS),
];

/// All targets.
pub fn all() -> impl Iterator<Item = &'static Target> {
    GROUPS.iter().flat_map(|(_, targets)| targets.iter())
}

/// The target of a name.
pub fn named(name: &str) -> Option<&'static Target> {
    all().find(|target| target.name == name)
}
