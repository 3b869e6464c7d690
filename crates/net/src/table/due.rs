//! Which dials are due. Whom a person asks for comes first, and the last wish before the others: a hundred nodes that
//! do not answer must not keep away the one that would.

use super::{Dial, DialOrder, Known, Parked, Table};
use crate::address::is_local;
use std::{cmp::Reverse, collections::BTreeSet, net::SocketAddr, time::Duration};
use tokio::{sync::watch, time::Instant};

/// A dial that has had no answer for so long waits for one that hardly comes, and takes no place any more.
const HOPEFUL: Duration = Duration::from_secs(2);
/// So many times as many dials as may be hopeful may be under way.
const ALL: usize = 8;

impl Table {
    /// Dials under way: all, and those that take a place.
    fn dials(&self, now: Instant) -> (usize, usize) {
        let dials = self.known.values().filter_map(|known| known.dial.as_ref());
        let hopeful = |dial: &&Dial| dial.connected || now.duration_since(dial.since) < HOPEFUL;
        (dials.clone().count(), dials.filter(hopeful).count())
    }

    /// How many dials may begin.
    fn free(&self, now: Instant) -> usize {
        let (all, hopeful) = self.dials(now);
        let most = self.limits.max_dials;
        most.saturating_sub(hopeful).min((most * ALL).saturating_sub(all))
    }

    fn may_dial(&self) -> bool {
        !self.closing && self.links.len() < self.limits.max_peers
    }

    /// Dials that begin now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<DialOrder> {
        if !self.may_dial() {
            return Vec::new();
        }
        let free = self.free(now);
        let is_due = |known: &Known| known.is_waiting() && known.next.is_some_and(|next| next <= now);
        let due = self
            .known
            .iter()
            .filter(|(id, known)| is_due(known) && !self.links.contains_key(*id));
        let mut due: Vec<_> = due
            .map(|(id, known)| {
                let wish = (!known.waiters.is_empty()).then_some(known.next);
                (wish.is_none(), Reverse(wish), known.next, *id)
            })
            .collect();
        due.sort_unstable();
        let mut orders = Vec::new();
        for (.., node) in due.into_iter().take(free) {
            let Some(known) = self.known.get_mut(&node) else {
                continue;
            };
            self.dial_ids += 1;
            let (cancel, cancelled) = watch::channel(());
            known.dial = Some(Dial {
                id: self.dial_ids,
                connected: false,
                since: now,
                _cancel: cancel,
            });
            orders.push(DialOrder {
                id: self.dial_ids,
                node,
                addresses: known.addresses.clone(),
                parked: known.parked == Parked::Called,
                cancelled,
            });
        }
        orders
    }

    /// How many known nodes have not answered when they were last dialled, and public addresses of them, each of another
    /// machine.
    pub(crate) fn unanswered(&self, most: usize) -> (usize, Vec<SocketAddr>) {
        let silent = self
            .known
            .iter()
            .filter(|(id, known)| known.failures > 0 && !self.links.contains_key(*id));
        let mut ips = BTreeSet::new();
        let addresses = silent.clone().flat_map(|(_, known)| &known.addresses);
        let addresses = addresses.filter(|at| !is_local(at.ip()) && ips.insert(at.ip()));
        (silent.count(), addresses.copied().take(most).collect())
    }

    /// When [`Table::due`] has work again, unless something else happens first; `now` is when that is asked.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        if !self.may_dial() {
            return None;
        }
        let waiting = self
            .known
            .iter()
            .filter(|(id, known)| known.is_waiting() && !self.links.contains_key(*id));
        let next = waiting.filter_map(|(_, known)| known.next).min()?;
        if self.free(now) > 0 {
            return Some(next);
        }
        // A place is free when the next dial has lost hope.
        let dials = self.known.values().filter_map(|known| known.dial.as_ref());
        let hopeful = dials.map(|dial| dial.since + HOPEFUL).filter(|at| *at > now);
        hopeful.min().map(|at| at.max(next))
    }
}
