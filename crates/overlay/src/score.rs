//! Penalties (Z7): what each fault costs, who pays, and what follows from a sum.

/// What somebody did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// More messages than the rules or the credit allow.
    TooFast,
    /// Not what the filter of the rules lets through.
    Filter,
    /// Without a signature where the rules want one, or signed by somebody who is not on their list.
    Unsigned,
    /// Larger than the rules allow.
    Oversize,
    /// The signature does not hold, or the message is for another app than it was sent for.
    BadSignature,
    /// No frame or message at all.
    Malformed,
    /// The app said that it is invalid.
    Rejected,
}

/// Who pays for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// Whose signature is proven to be on the message, in this app.
    Signer(hedgerow_base::AppId, hedgerow_base::Pseudonym),
    /// Who passed on what it should have refused itself.
    Forwarder(hedgerow_base::NodeId),
}

impl Fault {
    /// Every fault, for tables.
    pub const ALL: [Fault; 7] = [
        Fault::TooFast,
        Fault::Filter,
        Fault::Unsigned,
        Fault::Oversize,
        Fault::BadSignature,
        Fault::Malformed,
        Fault::Rejected,
    ];
    /// What it costs, in points.
    pub const fn points(self) -> u32 {
        match self {
            Fault::TooFast => 2,
            Fault::Filter | Fault::Unsigned => 5,
            Fault::Oversize | Fault::BadSignature | Fault::Malformed => 7,
            Fault::Rejected => 10,
        }
    }
}

/// Over this sum somebody is slowed.
pub const SLOW: u32 = 20;
/// Over this sum somebody is cut off, until the sum is down at [`SLOW`].
pub const CUT: u32 = 40;
/// No sum is higher, so that everybody is forgiven after at most eight minutes.
pub const MOST: u32 = 100;
/// One point is forgiven after so many milliseconds: a fault of ten points a minute is just borne.
pub const FORGIVE_MS: u64 = 6_000;

/// What follows from the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing.
    Good,
    /// Gets less than the rules allow.
    Slowed,
    /// Gets nothing.
    Cut,
}

/// A sum of points that is forgiven over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    points: u32,
    at_ms: u64,
    cut: bool,
}

impl Score {
    fn forgive(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms) / FORGIVE_MS;
        self.points = self.points.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        self.at_ms += passed * FORGIVE_MS;
        if self.points == 0 {
            self.at_ms = now_ms;
        }
        self.cut &= self.points > SLOW;
    }

    /// Adds a fault; what follows, and whether that is new.
    pub(crate) fn charge(&mut self, fault: Fault, now_ms: u64) -> (Standing, bool) {
        self.forgive(now_ms);
        let before = self.cut;
        self.points = (self.points + fault.points()).min(MOST);
        self.cut |= self.points > CUT;
        (self.standing_now(), self.cut && !before)
    }

    fn standing_now(&self) -> Standing {
        match () {
            () if self.cut => Standing::Cut,
            () if self.points > SLOW => Standing::Slowed,
            () => Standing::Good,
        }
    }

    pub(crate) fn standing(&mut self, now_ms: u64) -> Standing {
        self.forgive(now_ms);
        self.standing_now()
    }

    pub(crate) fn points(&mut self, now_ms: u64) -> u32 {
        self.forgive(now_ms);
        self.points
    }

    /// When somebody who is cut off is let in again.
    pub(crate) fn until_ms(&self) -> u64 {
        self.at_ms + u64::from(self.points.saturating_sub(SLOW)) * FORGIVE_MS
    }
}
