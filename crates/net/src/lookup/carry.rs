//! Putting the records of connected peers into the DHT. A record is signed, so anybody may put it there; a node that
//! serves the DHT does it for its peers, and those that have two such peers send nothing into the DHT at all. So being
//! findable costs an ordinary node only what it tells its peers when it moved.

use super::{exchange, random};
use crate::{net::Inner, queue::lock};
use hedgerow_wire::lookup::{SignedRecord, Subject};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// How many peers that serve the DHT a node leaves its record to: one alone might withhold it.
pub(super) const ENOUGH: usize = 2;
/// Between two times that a record is put, in milliseconds, and how far that is spread.
const AGAIN: u64 = 2_700_000;
const SPREAD: u64 = 1_200_000;
/// Most records that are put in one go.
const MOST: usize = 8;

/// What is carried for others.
#[derive(Default)]
pub(super) struct Carried {
    /// Number of the record, and when it is due again.
    records: Mutex<BTreeMap<Subject, (u64, u64)>>,
    busy: AtomicBool,
}

impl Carried {
    /// What was put is gone: everything is due.
    pub(super) fn forget(&self) {
        lock(&self.records).clear();
    }

    /// Takes what is due of these, at most [`MOST`], and plans it again.
    fn due(&self, records: Vec<SignedRecord>, now: u64, random: u16) -> Vec<SignedRecord> {
        let mut known = lock(&self.records);
        known.retain(|subject, _| records.iter().any(|record| record.subject == *subject));
        let due = |record: &SignedRecord| match known.get(&record.subject) {
            Some((seq, at)) => record.seq > *seq || now >= *at,
            None => true,
        };
        let due: Vec<SignedRecord> = records.into_iter().filter(due).take(MOST).collect();
        let at = now.saturating_add(AGAIN + SPREAD * u64::from(random) / u64::from(u16::MAX));
        known.extend(due.iter().map(|record| (record.subject, (record.seq, at))));
        due
    }
}

/// Whether enough connected peers carry this node's record.
pub(super) fn is_carried(net: &Inner) -> bool {
    let links = net.links();
    let peers = lock(&net.lookup.peers);
    let serving = links.iter().filter(|link| peers.serves(&link.node));
    serving.count() >= ENOUGH
}

/// Puts what is due for connected peers, if this node serves the DHT.
pub(super) fn look(net: &Arc<Inner>) {
    let state = &net.lookup;
    if state.dht.serving().is_none() || state.carried.busy.swap(true, Ordering::AcqRel) {
        return;
    }
    let records = exchange::records_of_peers(net);
    let due = state.carried.due(records, state.now(), random());
    if due.is_empty() {
        return state.carried.busy.store(false, Ordering::Release);
    }
    let net_of_task = net.clone();
    net.spawn(async move {
        let state = &net_of_task.lookup;
        for record in due {
            if state.dht.put(&record).await.is_err() {
                lock(&state.carried.records).remove(&record.subject);
            }
        }
        state.carried.busy.store(false, Ordering::Release);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::SecretKey;
    use hedgerow_wire::lookup::Place;

    fn record(of: u8, seq: u64) -> SignedRecord {
        SignedRecord::of_device(&SecretKey::from_seed(&[of; 32]), seq, Place::default())
    }

    #[test]
    fn a_record_is_put_when_it_is_new_and_then_about_once_an_hour() {
        let carried = Carried::default();
        assert_eq!(carried.due(vec![record(1, 5)], 0, 0).len(), 1);
        assert!(carried.due(vec![record(1, 5)], AGAIN - 1, 0).is_empty());
        assert!(carried.due(vec![record(1, 4)], AGAIN - 1, 0).is_empty(), "an older one");
        assert_eq!(carried.due(vec![record(1, 6)], 10, 0).len(), 1, "it moved");
        assert_eq!(carried.due(vec![record(1, 6)], 10 + AGAIN, 0).len(), 1);
        carried.forget();
        assert_eq!(carried.due(vec![record(1, 6)], 11 + AGAIN, 0).len(), 1);
    }

    #[test]
    fn many_peers_are_carried_in_turns_and_those_that_went_are_forgotten() {
        let carried = Carried::default();
        let all: Vec<_> = (0..20).map(|of| record(of, 1)).collect();
        let mut times = Vec::new();
        for now in 0..4 {
            times.push(carried.due(all.clone(), now, 0).len());
        }
        assert_eq!(times, [8, 8, 4, 0]);
        assert!(carried.due(Vec::new(), 5, 0).is_empty());
        assert!(lock(&carried.records).is_empty());
    }
}
