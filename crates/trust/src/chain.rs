//! Which release of a widget to take, and which to refuse: the attacks that The Update Framework lists, without a server.
//!
//! The driver checks signatures (enough of the author's keys), identity (genesis) and bytes; here is what follows from
//! the order of releases. Releases of a widget form a chain: sequence numbers rise by one and each names the one before.

/// What matters of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<W, H> {
    /// The widget.
    pub widget: W,
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash.
    pub id: H,
    /// The hash of the one before; none for the first.
    pub prev: Option<H>,
    /// Keys of the author that signed it.
    pub signers: u32,
    /// Keys that must sign.
    pub threshold: u32,
    /// Made at this time, seconds, by the author's clock.
    pub made_s: u64,
    /// Not to be taken as the newest after this time, seconds.
    pub expires_s: u64,
}

/// Why a release is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Attack 10.
    #[error("the release belongs to another widget")]
    OtherWidget,
    /// Attack 9: a stolen key alone signs nothing.
    #[error("too few of the author's keys signed the release")]
    TooFewSigners,
    /// Attack 8.
    #[error("the release is older than the one that is known")]
    Rollback,
    /// Attack 13: the author signed two releases of one number. Nothing of it is taken any more.
    #[error("the author signed two different releases of one number")]
    Fork,
    /// Attack 4: numbers are not skipped in leaps, so that a thief of keys cannot end the chain.
    #[error("the number of the release is too far ahead")]
    TooFarAhead,
    /// The release does not name the one before.
    #[error("the release does not follow the one that is known")]
    Broken,
    /// Attack 19.
    #[error("the release is dated in the future")]
    FromTheFuture,
    /// Attack 5.
    #[error("the release has expired")]
    Expired,
}

/// What to do with a release that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the next one: take it.
    Take,
    /// It is the one that is known.
    Known,
    /// Those between are missing: ask for them first.
    Fetch {
        /// The first that is missing.
        from: u64,
    },
}

/// Clocks of honest people differ by less.
pub const SKEW_S: u64 = 24 * 60 * 60;
/// A chain does not grow by more while a node is away.
pub const MAX_LEAP: u64 = 1 << 20;

/// Whether two releases prove that their author signed two things that exclude each other. The proof holds for everybody
/// and may be gossiped; the author's trust is zero from then on.
pub fn is_fork<W: PartialEq, H: PartialEq>(one: &Link<W, H>, other: &Link<W, H>) -> bool {
    one.widget == other.widget && one.seq == other.seq && one.id != other.id
}

/// What to do with `offered`, when `known` is the newest that was taken. `now_s` is the node's own clock.
///
/// # Errors
/// [`Refused`] says which attack it would be.
pub fn judge<W: PartialEq, H: PartialEq>(
    known: &Link<W, H>,
    offered: &Link<W, H>,
    now_s: u64,
) -> Result<Step, Refused> {
    if offered.widget != known.widget {
        return Err(Refused::OtherWidget);
    }
    // The threshold is that of what is known: nobody lowers it by saying so.
    if offered.signers < known.threshold.max(1) {
        return Err(Refused::TooFewSigners);
    }
    if is_fork(known, offered) {
        return Err(Refused::Fork);
    }
    if offered.seq == known.seq {
        return Ok(Step::Known);
    }
    if offered.seq < known.seq {
        return Err(Refused::Rollback);
    }
    if offered.seq - known.seq > MAX_LEAP {
        return Err(Refused::TooFarAhead);
    }
    if offered.made_s > now_s.saturating_add(SKEW_S) {
        return Err(Refused::FromTheFuture);
    }
    if offered.expires_s.saturating_add(SKEW_S) < now_s {
        return Err(Refused::Expired);
    }
    if offered.seq > known.seq + 1 {
        return Ok(Step::Fetch { from: known.seq + 1 });
    }
    if offered.prev.as_ref() != Some(&known.id) {
        return Err(Refused::Broken);
    }
    Ok(Step::Take)
}

/// How sure it is that nothing newer is withheld (attacks 5, 6, 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Enough random peers were asked lately, and none knows anything newer.
    Fresh,
    /// Somebody proves that there is something newer.
    Behind {
        /// Its number.
        newest: u64,
    },
    /// Too few answered, or what is known has expired: tell the person that updates may be withheld.
    Unknown,
}

/// Random peers to ask: if 40 % are hostile, all are with a chance of 1.1 in a million.
pub const ASK: usize = 15;

/// Judges by what random peers proved to be the newest that they know; `None` for who did not answer.
pub fn freshness(known: u64, expired: bool, answers: &[Option<u64>]) -> Freshness {
    let newest = answers.iter().flatten().max().copied().unwrap_or(0);
    let answered = answers.iter().flatten().count();
    match () {
        () if newest > known => Freshness::Behind { newest },
        () if expired || answered < ASK => Freshness::Unknown,
        () => Freshness::Fresh,
    }
}

/// The chance that all of `asked` random peers are hostile and withhold the same.
pub fn freeze_chance(hostile: f64, asked: u32) -> f64 {
    libm::pow(hostile, f64::from(asked))
}
