//! Rateless set reconciliation over record ids (Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", 2024).
//!
//! One side sends coded symbols of its set, as many as are asked for; the other subtracts those of its own set and peels
//! what differs. About 1.35 symbols are needed for each difference, whatever the size of the sets, and nobody has to
//! guess the difference beforehand.
//!
//! Ids are shortened to 64 bits under a [`Key`] that the side that asks draws for each session, so no author can make
//! records whose short ids meet. The side that answers knows the key and may send anything: a [`Decoder`] therefore takes
//! [`MAX_SYMBOLS`] at most, peels [`MAX_DIFFERENCES`] at most, and then says [`Progress::TooDifferent`]; the caller goes
//! on with ranges ([`crate::recon`]), which need no state.
//!
//! Which ids go into which symbol is part of the protocol, so it is worked out in whole numbers only: see [`Walk`].

use alloc::{collections::BTreeSet, vec::Vec};
use hedgerow_base::RecordId;
use siphasher::sip::{SipHasher13, SipHasher24};

/// Symbols that a session can have.
pub const MAX_SYMBOLS: usize = 12_288;
/// Differences that a session can find; more cost less by ranges.
pub const MAX_DIFFERENCES: usize = 8_192;
/// Changes of symbols in peeling. An id is in 18 of [`MAX_SYMBOLS`] on average.
const MAX_WORK: usize = 64 * MAX_DIFFERENCES;
/// The first symbols are worked out together, then half as many again as there are, so that asking for one at a time costs
/// no more.
const FIRST: usize = 64;

/// Shortens ids for one session. Drawn at random by the side that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl Key {
    fn halves(self) -> (u64, u64) {
        let number = u128::from_le_bytes(self.0);
        (number as u64, (number >> 64) as u64)
    }

    /// The short id of a record: SipHash-2-4.
    pub fn short(self, id: &RecordId) -> u64 {
        let (low, high) = self.halves();
        SipHasher24::new_with_keys(low, high).hash(&id.0)
    }

    /// What tells a symbol of one id from one of several: SipHash-1-3 of the short id under the turned key. 32 bits are
    /// enough: a few ten thousand symbols are looked at in the largest session, so one session in 100,000 takes a wrong
    /// one for an id, which then is found out by where it belongs, or asks for a record that nobody has. An attacker
    /// who knows the key gains nothing from more bits, as it can send whatever it likes.
    fn check(self, short: u64) -> u32 {
        let (low, high) = self.halves();
        (SipHasher13::new_with_keys(high, low).hash(&short.to_le_bytes()) >> 32) as u32
    }
}

/// A coded symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// Exclusive or of the short ids in it.
    pub sum: u64,
    /// Exclusive or of their checks.
    pub check: u32,
    /// How many there are. After subtraction: theirs less ours.
    pub count: i64,
}

impl Symbol {
    fn toggle(&mut self, id: Short, by: i64) {
        self.sum ^= id.short;
        self.check ^= id.check;
        self.count = self.count.wrapping_add(by);
    }

    const fn may_be_one(&self) -> bool {
        self.count == 1 || self.count == -1
    }
}

#[derive(Clone, Copy, Debug)]
struct Short {
    short: u64,
    check: u32,
}

/// Goes through the symbols that an id is in: number 0, and number i with a chance of 1/(1 + i/2).
///
/// From symbol i, the next is 1 + (2i + 3)(2^32 - s) / 2s further, in whole numbers, where s is 1 + the larger of two random
/// numbers below 2^32. The paper has the root of a random number there; the larger of two falls the same way, and needs
/// no root. The two are the halves of a step of SplitMix64 that begins with the short id.
#[derive(Clone, Copy, Debug)]
struct Walk {
    short: u64,
    step: u32,
    at: u32,
}

impl Walk {
    const fn new(short: u64) -> Self {
        Self { short, step: 0, at: 0 }
    }

    #[inline]
    fn below(&self, end: usize) -> Option<usize> {
        let at = self.at as usize;
        (at < end).then_some(at)
    }

    #[inline]
    fn advance(&mut self) {
        self.step = self.step.wrapping_add(1);
        let mut random = self
            .short
            .wrapping_add(u64::from(self.step).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^= random >> 31;
        let larger = (random >> 32).max(random & u64::from(u32::MAX)) + 1;
        // The walk is never asked beyond MAX_SYMBOLS, so this stays below 2^48.
        let leap = (2 * u64::from(self.at) + 3) * ((1 << 32) - larger) / (2 * larger);
        self.at = u32::try_from(u64::from(self.at) + 1 + leap).unwrap_or(u32::MAX);
    }
}

/// The symbols of a set.
///
/// Takes 24 bytes of memory for each id and 24 for each symbol. The paper keeps ids in a heap by their next symbol; as
/// symbols are made many at once here, going through all ids in order is several times faster.
#[derive(Clone, Debug)]
pub struct Encoder {
    ids: Vec<(Walk, u32)>,
    symbols: Vec<Symbol>,
    given: usize,
}

impl Encoder {
    /// Of a set: each id once, in any order.
    pub fn new(key: Key, ids: impl Iterator<Item = RecordId>) -> Self {
        let of = |id: RecordId| {
            let short = key.short(&id);
            (Walk::new(short), key.check(short))
        };
        Self {
            ids: ids.map(of).collect(),
            symbols: Vec::new(),
            given: 0,
        }
    }

    /// The next `count` symbols; fewer at the end of a session.
    pub fn next(&mut self, count: usize) -> Vec<Symbol> {
        let from = self.given;
        self.given = from.saturating_add(count).min(MAX_SYMBOLS);
        self.symbols(from, self.given).to_vec()
    }

    /// Symbols `from..to`, as often as they are asked for.
    pub fn symbols(&mut self, from: usize, to: usize) -> &[Symbol] {
        let to = to.min(MAX_SYMBOLS);
        if to > self.symbols.len() {
            let more = self.symbols.len() + self.symbols.len() / 2;
            self.make(to.max(more).clamp(FIRST, MAX_SYMBOLS));
        }
        self.symbols.get(from..to).unwrap_or_default()
    }

    fn make(&mut self, end: usize) {
        self.symbols.resize(end, Symbol::default());
        for (walk, check) in &mut self.ids {
            let id = Short {
                short: walk.short,
                check: *check,
            };
            while let Some(symbol) = walk.below(end).and_then(|at| self.symbols.get_mut(at)) {
                symbol.toggle(id, 1);
                walk.advance();
            }
        }
    }
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Symbols are needed still.
    More,
    /// All differences are known.
    Done {
        /// Short ids of what only they have.
        theirs: Vec<u64>,
        /// What only we have.
        ours: Vec<RecordId>,
    },
    /// Too much differs, or the symbols are not those of a set. Final.
    TooDifferent,
}

/// Finds how another's set differs from our own, from its symbols.
#[derive(Clone, Debug)]
pub struct Decoder {
    key: Key,
    ids: Vec<RecordId>,
    own: Encoder,
    /// What they sent less what we have less what was found.
    symbols: Vec<Symbol>,
    found: Vec<(Walk, u32, i64)>,
    once: BTreeSet<u64>,
    work: usize,
    end: Option<Progress>,
}

impl Decoder {
    /// With our own set: each id once, in any order.
    pub fn new(key: Key, ids: impl Iterator<Item = RecordId>) -> Self {
        let ids: Vec<RecordId> = ids.collect();
        Self {
            key,
            own: Encoder::new(key, ids.iter().copied()),
            ids,
            symbols: Vec::new(),
            found: Vec::new(),
            once: BTreeSet::new(),
            work: 0,
            end: None,
        }
    }

    /// Symbols taken so far: the number of the next one.
    pub const fn taken(&self) -> usize {
        self.symbols.len()
    }

    /// Takes the next symbols. What comes after the end changes nothing.
    pub fn add(&mut self, symbols: &[Symbol]) -> Progress {
        if let Some(end) = &self.end {
            return end.clone();
        }
        match self.peel(symbols) {
            Progress::More => Progress::More,
            end => {
                self.end = Some(end.clone());
                end
            }
        }
    }

    fn peel(&mut self, symbols: &[Symbol]) -> Progress {
        let (from, to) = (self.symbols.len(), self.symbols.len().saturating_add(symbols.len()));
        if to > MAX_SYMBOLS {
            return Progress::TooDifferent;
        }
        for (theirs, own) in symbols.iter().zip(self.own.symbols(from, to)) {
            self.symbols.push(Symbol {
                sum: theirs.sum ^ own.sum,
                check: theirs.check ^ own.check,
                count: theirs.count.wrapping_sub(own.count),
            });
        }
        for at in 0..self.found.len() {
            self.take_out(at);
        }
        let mut waiting: Vec<usize> = (from..to).collect();
        while let Some(number) = waiting.pop() {
            let Some(symbol) = self.symbols.get(number).copied() else {
                continue;
            };
            if !symbol.may_be_one() || self.key.check(symbol.sum) != symbol.check {
                continue;
            }
            let new = self.once.insert(symbol.sum) && self.once.len() <= MAX_DIFFERENCES;
            self.found.push((Walk::new(symbol.sum), symbol.check, symbol.count));
            let touched = self.take_out(self.found.len() - 1);
            if !new || !touched.contains(&number) || self.work > MAX_WORK {
                return Progress::TooDifferent;
            }
            waiting.extend(touched);
        }
        self.outcome()
    }

    /// Takes an id that was found out of the symbols that it has not been taken out of; says out of which.
    fn take_out(&mut self, at: usize) -> Vec<usize> {
        let mut touched = Vec::new();
        let Some((walk, check, count)) = self.found.get_mut(at) else {
            return touched;
        };
        let id = Short {
            short: walk.short,
            check: *check,
        };
        while let Some(number) = walk.below(self.symbols.len()) {
            if let Some(symbol) = self.symbols.get_mut(number) {
                symbol.toggle(id, count.wrapping_neg());
            }
            touched.push(number);
            walk.advance();
        }
        self.work = self.work.saturating_add(touched.len());
        touched
    }

    /// Everything is in symbol 0, so it is empty when all is found; then all others must be.
    fn outcome(&self) -> Progress {
        let Some(first) = self.symbols.first() else {
            return Progress::More;
        };
        if first.count.unsigned_abs() > MAX_DIFFERENCES as u64 {
            return Progress::TooDifferent;
        }
        if *first != Symbol::default() {
            let full = self.symbols.len() == MAX_SYMBOLS;
            return if full { Progress::TooDifferent } else { Progress::More };
        }
        if self.symbols.iter().any(|symbol| *symbol != Symbol::default()) {
            return Progress::TooDifferent;
        }
        self.done().unwrap_or(Progress::TooDifferent)
    }

    /// None if they claim to lack what we do not have either, or to have more of what we have.
    fn done(&self) -> Option<Progress> {
        let side = |of: i64| {
            let found = self.found.iter().filter(move |(_, _, count)| *count == of);
            found.map(|(walk, _, _)| walk.short)
        };
        let lacked: BTreeSet<u64> = side(-1).collect();
        let mut ours = Vec::with_capacity(lacked.len());
        for (id, (walk, _)) in self.ids.iter().zip(&self.own.ids) {
            if !self.once.is_empty() && self.once.contains(&walk.short) {
                if !lacked.contains(&walk.short) {
                    return None;
                }
                ours.push(*id);
            }
        }
        (ours.len() == lacked.len()).then(|| Progress::Done {
            theirs: side(1).collect(),
            ours,
        })
    }
}
