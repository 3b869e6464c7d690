//! Records that this node knows: the newest of each subject, whoever passed it on. Times are milliseconds of one
//! steady clock; the times inside of records are never asked.

use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::lookup::{Devices, LookupError, Place, Says, SignedRecord, Subject};
use std::collections::BTreeMap;

/// Most records that are kept.
const MOST: usize = 1024;
/// How long one is kept after it was last learnt.
const KEEP: u64 = 14 * 24 * 3_600_000;

/// Who passed a record on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The device itself, over a connection.
    Itself,
    /// A connected peer.
    Peer(NodeId),
    /// A node of the DHT.
    Dht,
}

/// A record, checked, and how it came.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: SignedRecord,
    says: Says,
    pub(crate) source: Source,
    pub(crate) learnt: u64,
}

/// Bounded, by subject.
#[derive(Default)]
pub(crate) struct Book {
    known: BTreeMap<Subject, Known>,
}

impl Book {
    /// Checks a record and keeps it if it is the newest of its subject. Answers whether it is news.
    ///
    /// # Errors
    /// [`LookupError`]: it is not its subject's, or malformed.
    pub(crate) fn take(&mut self, record: SignedRecord, source: Source, now: u64) -> Result<bool, LookupError> {
        let says = record.open()?;
        if let Some(old) = self.known.get_mut(&record.subject) {
            let (new, had) = ((record.seq, &*record.value), (old.record.seq, &*old.record.value));
            if new == had {
                // Still said: it is learnt again, and from its own device rather than from others.
                old.learnt = now;
                if source == Source::Itself {
                    old.source = source;
                }
            }
            if new <= had {
                return Ok(false);
            }
        } else if self.known.len() >= MOST {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.learnt);
            oldest.map(|(id, _)| *id).map(|id| self.known.remove(&id));
        }
        let learnt = now;
        self.known.insert(
            record.subject,
            Known {
                record,
                says,
                source,
                learnt,
            },
        );
        Ok(true)
    }

    pub(crate) fn get(&self, subject: &Subject) -> Option<&Known> {
        self.known.get(subject)
    }

    /// Where a device says that it is.
    pub(crate) fn place(&self, node: &NodeId) -> Option<(&Known, &Place)> {
        let known = self.known.get(&Subject::Device(*node))?;
        match &known.says {
            Says::Place(place) => Some((known, place)),
            Says::Devices(_) => None,
        }
    }

    /// Which devices a user says that they have.
    pub(crate) fn devices(&self, user: &UserId) -> Option<(&Known, &Devices)> {
        let known = self.known.get(&Subject::User(*user))?;
        match &known.says {
            Says::Devices(devices) => Some((known, devices)),
            Says::Place(_) => None,
        }
    }

    /// Drops what was not learnt again for two weeks.
    pub(crate) fn forget_old(&mut self, now: u64) {
        self.known.retain(|_, known| now.saturating_sub(known.learnt) < KEEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::SecretKey;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn record(seq: u64, made_s: u64) -> SignedRecord {
        let place = Place {
            made_s,
            keep_s: 7200,
            relays: Vec::new(),
            addresses: vec![([203, 0, 113, 1], (seq % 60_000) as u16 + 1).into()],
        };
        SignedRecord::of_device(&key(1), seq, place)
    }

    fn me() -> NodeId {
        key(1).public().into()
    }

    #[test]
    fn an_old_record_never_replaces_a_newer_one_whoever_brings_it() {
        let mut book = Book::default();
        assert_eq!(book.take(record(5, 100), Source::Dht, 0), Ok(true));
        for source in [Source::Dht, Source::Peer(NodeId([3; 32])), Source::Itself] {
            assert_eq!(book.take(record(4, u64::MAX), source, 1), Ok(false));
        }
        assert_eq!(book.place(&me()).unwrap().0.record.seq, 5);
        assert_eq!(
            book.take(record(6, 0), Source::Dht, 2),
            Ok(true),
            "its time is not asked"
        );
        assert_eq!(book.place(&me()).unwrap().0.record.seq, 6);
    }

    #[test]
    fn of_two_records_with_one_number_all_nodes_keep_the_same() {
        let (one, other) = (record(5, 1), record(5, 2));
        let kept = |first: &SignedRecord, second: &SignedRecord| {
            let mut book = Book::default();
            book.take(first.clone(), Source::Dht, 0).unwrap();
            book.take(second.clone(), Source::Dht, 0).unwrap();
            book.get(&first.subject).unwrap().record.clone()
        };
        assert_eq!(kept(&one, &other), kept(&other, &one));
    }

    #[test]
    fn a_record_of_a_clock_a_year_off_is_as_good_as_any() {
        const YEAR: u64 = 365 * 86_400;
        let now_s = 1_800_000_000;
        for made_s in [now_s - YEAR, now_s + YEAR, 0] {
            let mut book = Book::default();
            assert_eq!(book.take(record(5, made_s), Source::Dht, 0), Ok(true));
            book.forget_old(3_600_000);
            assert!(book.place(&me()).is_some(), "{made_s}");
        }
    }

    #[test]
    fn a_forged_record_changes_nothing() {
        let mut book = Book::default();
        book.take(record(5, 0), Source::Dht, 0).unwrap();
        let mut forged = SignedRecord::of_device(&key(2), 9, Place::default());
        forged.subject = Subject::Device(me());
        assert_eq!(book.take(forged, Source::Itself, 0), Err(LookupError::Signature));
        assert_eq!(book.place(&me()).unwrap().0.record.seq, 5);
    }

    #[test]
    fn what_is_said_no_more_is_forgotten_by_the_steady_clock() {
        let mut book = Book::default();
        book.take(record(5, 0), Source::Dht, 0).unwrap();
        book.forget_old(KEEP - 1);
        book.take(record(5, 0), Source::Dht, KEEP - 1).unwrap();
        book.forget_old(KEEP + 1);
        assert!(book.place(&me()).is_some(), "it was learnt again");
        book.forget_old(2 * KEEP);
        assert!(book.place(&me()).is_none());
    }

    #[test]
    fn the_book_has_an_end() {
        let mut book = Book::default();
        for n in 0..=u16::try_from(MOST).unwrap() {
            let mut seed = [0; 32];
            seed[..2].copy_from_slice(&n.to_le_bytes());
            let record = SignedRecord::of_device(&SecretKey::from_seed(&seed), 1, Place::default());
            book.take(record, Source::Dht, u64::from(n)).unwrap();
        }
        assert_eq!(book.known.len(), MOST);
    }
}
