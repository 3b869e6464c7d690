//! Range-based set reconciliation over record ids (Meyer, "Range-Based Set Reconciliation", 2023).
//!
//! Both sides compare fingerprints of ranges and split those that differ, until a range is small enough to list. A
//! reply depends only on the message and the set, so a responder keeps no state for anybody.

use alloc::{collections::BTreeMap, vec::Vec};
use hedgerow_base::{RecordId, hash::hash};
use hedgerow_wire::directory::{MAX_RANGES, Range, Say};

/// Ranges with at most this many ids are listed.
const LIST: usize = 24;
/// Into how many parts a range is split.
const SPLIT: usize = 16;

/// Sum of ids modulo 2^256 and their number: adding and removing is cheap, and ranges add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    limbs: [u64; 4],
    count: u64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, value) in self.limbs.iter_mut().zip(other.limbs) {
            let (sum, first) = limb.overflowing_add(value);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = first | second;
        }
        self.count = self.count.wrapping_add(other.count);
    }
    /// What [`Sum::add`] added before.
    fn take(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, value) in self.limbs.iter_mut().zip(other.limbs) {
            let (rest, first) = limb.overflowing_sub(value);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            *limb = rest;
            borrow = first | second;
        }
        self.count = self.count.wrapping_sub(other.count);
    }
    fn of(id: &RecordId) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(id.0.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*bytes);
        }
        Self { limbs, count: 1 }
    }
    fn print(&self) -> [u8; 16] {
        let mut bytes = [0; 40];
        for (place, value) in bytes
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .zip(self.limbs.iter().chain([&self.count]))
        {
            *place = value.to_le_bytes();
        }
        let digest = hash("hedgerow 2026 range fingerprint v1", &[&bytes]);
        let mut print = [0; 16];
        print.copy_from_slice(&digest[..16]);
        print
    }
}

/// A set of ids that knows the sums of its buckets.
#[derive(Clone, Debug, Default)]
pub struct IdSet {
    /// By the first two bytes; ids sorted.
    buckets: BTreeMap<u16, (Sum, Vec<RecordId>)>,
    len: usize,
}

fn bucket(id: &RecordId) -> u16 {
    u16::from_be_bytes([id.0[0], id.0[1]])
}

impl IdSet {
    /// Number of ids.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Adds an id; answers whether it is new.
    pub fn insert(&mut self, id: RecordId) -> bool {
        let (sum, ids) = self.buckets.entry(bucket(&id)).or_default();
        let Err(place) = ids.binary_search(&id) else {
            return false;
        };
        ids.insert(place, id);
        sum.add(&Sum::of(&id));
        self.len += 1;
        true
    }
    /// Takes an id out; answers whether it was there.
    pub fn remove(&mut self, id: &RecordId) -> bool {
        let Some((sum, ids)) = self.buckets.get_mut(&bucket(id)) else {
            return false;
        };
        let Ok(place) = ids.binary_search(id) else {
            return false;
        };
        ids.remove(place);
        sum.take(&Sum::of(id));
        self.len -= 1;
        if ids.is_empty() {
            self.buckets.remove(&bucket(id));
        }
        true
    }
    /// Fingerprint over all ids.
    pub fn print(&self) -> [u8; 16] {
        self.sum(RecordId([0; 32]), None).print()
    }
    /// All ids, in order.
    pub fn iter(&self) -> impl Iterator<Item = &RecordId> {
        self.buckets.values().flat_map(|(_, ids)| ids)
    }
    /// Whether an id is in it.
    pub fn contains(&self, id: &RecordId) -> bool {
        self.buckets
            .get(&bucket(id))
            .is_some_and(|(_, ids)| ids.binary_search(id).is_ok())
    }

    /// Ids in `from..to` (`None`: to the end), in order.
    fn range(&self, from: RecordId, to: Option<RecordId>) -> impl Iterator<Item = &RecordId> {
        let last = to.as_ref().map_or(u16::MAX, bucket);
        self.buckets
            .range(bucket(&from)..=last.max(bucket(&from)))
            .flat_map(|(_, (_, ids))| ids)
            .filter(move |id| **id >= from && to.is_none_or(|to| **id < to))
    }
    fn sum(&self, from: RecordId, to: Option<RecordId>) -> Sum {
        let mut total = Sum::default();
        let (first, last) = (bucket(&from), to.as_ref().map_or(u16::MAX, bucket));
        for (number, (sum, ids)) in self.buckets.range(first..=last.max(first)) {
            if *number > first && (*number < last || to.is_none()) {
                total.add(sum);
            } else {
                let inside = ids.iter().filter(|id| **id >= from && to.is_none_or(|to| **id < to));
                inside.for_each(|id| total.add(&Sum::of(id)));
            }
        }
        total
    }

    /// The first message: one fingerprint over everything.
    pub fn open(&self) -> Vec<Range> {
        let print = self.sum(RecordId([0; 32]), None).print();
        [Range {
            end: None,
            say: Say::Print { print },
        }]
        .to_vec()
    }

    /// Answers a message: the next message (empty when there is nothing more to say), ids that we lack, ids that the
    /// other lacks. Ranges that are out of order end the answer early.
    pub fn answer(&self, ranges: &[Range]) -> Answer {
        let mut answer = Answer::default();
        let mut from = RecordId([0; 32]);
        for range in ranges {
            if range.end.is_some_and(|end| end <= from) || answer.ranges.len() >= MAX_RANGES - SPLIT {
                break;
            }
            match &range.say {
                Say::Same => answer.say(range.end, Say::Same),
                Say::Print { print } => self.compare(from, range.end, print, &mut answer),
                Say::Ids { ids } => {
                    self.differ(from, range.end, ids, &mut answer);
                    answer.say(range.end, Say::Same);
                }
            }
            match range.end {
                Some(end) => from = end,
                None => break,
            }
        }
        while answer.ranges.last().is_some_and(|r| r.say == Say::Same) {
            answer.ranges.pop();
        }
        answer
    }

    fn compare(&self, from: RecordId, to: Option<RecordId>, print: &[u8; 16], answer: &mut Answer) {
        let sum = self.sum(from, to);
        if sum.print() == *print {
            return answer.say(to, Say::Same);
        }
        let count = usize::try_from(sum.count).unwrap_or(usize::MAX);
        if count <= LIST {
            return answer.say(
                to,
                Say::Ids {
                    ids: self.range(from, to).copied().collect(),
                },
            );
        }
        let ids: Vec<RecordId> = self.range(from, to).copied().collect();
        let mut start = from;
        for part in 1..=SPLIT {
            let end = if part == SPLIT {
                to
            } else {
                ids.get(count * part / SPLIT).copied()
            };
            answer.ranges.push(Range {
                end,
                say: Say::Print {
                    print: self.sum(start, end).print(),
                },
            });
            let Some(end) = end else { break };
            start = end;
        }
    }

    fn differ(&self, from: RecordId, to: Option<RecordId>, theirs: &[RecordId], answer: &mut Answer) {
        let inside = |id: &&RecordId| **id >= from && to.is_none_or(|to| **id < to);
        answer
            .lack
            .extend(theirs.iter().filter(inside).filter(|id| !self.contains(id)));
        let known: alloc::collections::BTreeSet<&RecordId> = theirs.iter().collect();
        answer
            .give
            .extend(self.range(from, to).filter(|id| !known.contains(id)));
    }
}

/// What a message leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The next message; empty: nothing more to say.
    pub ranges: Vec<Range>,
    /// Ids that the other has and we lack.
    pub lack: Vec<RecordId>,
    /// Ids that we have and the other lacks.
    pub give: Vec<RecordId>,
}

impl Answer {
    /// Adds a range; neighbours that are the same become one.
    fn say(&mut self, end: Option<RecordId>, say: Say) {
        match self.ranges.last_mut() {
            Some(last) if last.say == Say::Same && say == Say::Same => last.end = end,
            _ => self.ranges.push(Range { end, say }),
        }
    }
}
