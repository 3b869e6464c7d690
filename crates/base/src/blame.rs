//! Whose fault an error is. A peer's fault is charged to the peer and is never our panic (DESIGN §3, rule 5).

/// Who caused an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The remote side sent something that no correct peer sends: charge it.
    Peer,
    /// This machine or its user: disk full, wrong argument, too big a file.
    Local,
    /// Ours: a broken invariant. Logged as an error.
    Bug,
}

/// An error that knows whose fault it is.
pub trait Blamed {
    /// Who caused it.
    fn blame(&self) -> Blame;
}
