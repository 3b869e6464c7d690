//! A node that follows a widget's releases, and hostile peers that offer it others.

use hedgerow_trust::{
    Chance,
    chain::{Link, MAX_LEAP, Refused, SKEW_S, Step, judge},
    mix,
};

/// What is offered in the place of the next release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// A number that ends the chain.
    FastForward,
    /// A release that has expired.
    Freeze,
    /// A release that does not follow.
    MixAndMatch,
    /// An older release.
    Rollback,
    /// Signed by fewer keys than needed.
    StolenKey,
    /// Of another widget.
    WrongSoftware,
    /// A second release of the same number.
    Equivocation,
    /// Dated in the future.
    FutureDated,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::FastForward,
        Self::Freeze,
        Self::MixAndMatch,
        Self::Rollback,
        Self::StolenKey,
        Self::WrongSoftware,
        Self::Equivocation,
        Self::FutureDated,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FastForward => "fast-forward",
            Self::Freeze => "expired release",
            Self::MixAndMatch => "mix and match",
            Self::Rollback => "rollback",
            Self::StolenKey => "key below threshold",
            Self::WrongSoftware => "wrong software",
            Self::Equivocation => "author equivocation",
            Self::FutureDated => "future-dated",
        }
    }

    /// Its number in the list of attacks.
    pub const fn number(self) -> u8 {
        match self {
            Self::FastForward => 4,
            Self::Freeze => 5,
            Self::MixAndMatch => 7,
            Self::Rollback => 8,
            Self::StolenKey => 9,
            Self::WrongSoftware => 10,
            Self::Equivocation => 13,
            Self::FutureDated => 19,
        }
    }
}

/// Releases that come out while a node is attacked.
const RELEASES: u64 = 20;
const DAY: u64 = 24 * 60 * 60;

pub(super) struct Tried {
    /// For each attack whether it ever got its release taken.
    pub(super) succeeded: Vec<bool>,
    pub(super) honest_offered: u64,
    pub(super) honest_taken: u64,
}

type Release = Link<u64, u64>;

/// Real releases have even hashes, others odd ones.
fn real(seed: u64, seq: u64, now_s: u64) -> Release {
    let id = |seq: u64| mix(seed ^ seq) & !1;
    Link {
        widget: seed,
        seq,
        id: id(seq),
        prev: Some(id(seq.wrapping_sub(1))),
        signers: 2,
        threshold: 2,
        made_s: now_s,
        expires_s: now_s + 30 * DAY,
    }
}

/// Between two real releases every attack is tried, with random figures, in random order.
pub(super) fn run(seed: u64) -> Tried {
    let mut chance = Chance::new(seed);
    let mut now_s = 1_800_000_000 + chance.below(1_000_000_000) as u64;
    let mut known = real(seed, 1 + chance.below(1000) as u64, now_s);
    let mut tried = Tried {
        succeeded: vec![false; Attack::ALL.len()],
        honest_offered: 0,
        honest_taken: 0,
    };
    for _ in 0..RELEASES {
        now_s += 1 + chance.below(20 * DAY as usize) as u64;
        let mut order: Vec<usize> = (0..Attack::ALL.len()).collect();
        let all = order.len();
        chance.draw(&mut order, all);
        for at in order {
            let Some(attack) = Attack::ALL.get(at) else { continue };
            let offered = forge(*attack, &known, now_s, &mut chance);
            let taken = matches!(judge(&known, &offered, now_s), Ok(Step::Take));
            if let Some(succeeded) = tried.succeeded.get_mut(at) {
                *succeeded |= taken;
            }
        }
        // Clocks differ; an honest release may seem to come from tomorrow.
        let made_s = now_s + chance.below(SKEW_S as usize) as u64;
        let next = real(seed, known.seq + 1, made_s);
        tried.honest_offered += 1;
        if judge(&known, &next, now_s) == Ok::<_, Refused>(Step::Take) {
            tried.honest_taken += 1;
            known = next;
        }
    }
    tried
}

fn forge(attack: Attack, known: &Release, now_s: u64, chance: &mut Chance) -> Release {
    let mut forged = real(known.widget, known.seq + 1, now_s);
    forged.id = chance.any() | 1;
    forged.prev = Some(known.id);
    match attack {
        Attack::FastForward => forged.seq = known.seq + MAX_LEAP + 1 + (chance.any() >> 1),
        Attack::Freeze => forged.expires_s = now_s - SKEW_S - 1 - chance.below(DAY as usize * 365) as u64,
        Attack::MixAndMatch => forged.prev = Some(chance.any() | 1),
        Attack::Rollback => forged.seq = chance.below(known.seq as usize) as u64,
        Attack::StolenKey => {
            forged.signers = chance.below(2) as u32;
            // The thief may claim that one key is enough.
            forged.threshold = chance.below(2) as u32;
        }
        Attack::WrongSoftware => forged.widget = chance.any() | 1 << 63,
        Attack::Equivocation => forged.seq = known.seq,
        Attack::FutureDated => {
            forged.made_s = now_s + SKEW_S + 1 + chance.below(DAY as usize * 3650) as u64;
            forged.expires_s = forged.made_s + DAY;
        }
    }
    forged
}
