//! When to publish and when to look up. Nothing here waits, reads a clock or touches a socket: times are milliseconds
//! of one steady clock, and random numbers come from the caller.

use hedgerow_base::NodeId;
use std::{collections::BTreeMap, net::SocketAddr};

/// After a change, until it is published: changes come in groups.
pub(crate) const DEBOUNCE: u64 = 3_000;
/// So long a change waits at most for more changes.
const LONGEST_WAIT: u64 = 15_000;
/// Least time between two records, so that a network that flaps does not flood others.
pub(crate) const MIN_GAP: u64 = 60_000;
/// Between records though nothing changed: nodes of the DHT forget after two hours, some earlier. Half to one and a
/// half of a third of that, so that nodes do not publish in step.
pub(crate) const REPUBLISH: u64 = 3_000_000;
const REPUBLISH_SPREAD: u64 = 1_200_000;
/// The same for a node that sleeps, for which it is the largest cost by far: as late as those two hours allow.
const REPUBLISH_ASLEEP: u64 = 5_400_000;
/// First and longest wait after publishing failed.
const RETRY_MIN: u64 = 15_000;
const RETRY_MAX: u64 = 900_000;
/// First and longest wait before a node that was not found is looked up again by itself.
const SEARCH_MIN: u64 = 15_000;
const SEARCH_MAX: u64 = 6 * 3_600_000;
/// Dials that fail in a row before a node is looked up: one alone is often this node's own network.
const MISSES: u32 = 2;
/// Most nodes that are looked up at once, and of which it is remembered when they were.
const MOST_RUNNING: usize = 8;
const MOST_REMEMBERED: usize = 512;

/// What a node would say now about where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) relays: Vec<SocketAddr>,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Facts {
    /// A record of this would help nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.relays.is_empty() && self.addresses.is_empty()
    }
}

#[derive(Default)]
struct Search {
    running: bool,
    misses: u32,
    failures: u32,
    not_before: u64,
}

/// The decisions of one node.
#[derive(Default)]
pub(crate) struct Plan {
    facts: Facts,
    /// What the newest record says, and when it was made.
    published: Option<(Facts, u64)>,
    due: Option<u64>,
    /// Since when something is not published yet.
    changed: Option<u64>,
    running: bool,
    failures: u32,
    /// The last sequence number that was used or seen.
    seq: u64,
    asleep: bool,
    searches: BTreeMap<NodeId, Search>,
}

impl Plan {
    /// A node that used sequence numbers up to `seq` before.
    pub(crate) fn new(seq: u64) -> Self {
        Self { seq, ..Self::default() }
    }

    /// Takes in where this node is now.
    pub(crate) fn facts(&mut self, now: u64, facts: Facts) {
        if facts == self.facts {
            return;
        }
        self.facts = facts;
        if self.facts.is_empty() {
            self.due = None;
            self.changed = None;
            return;
        }
        let earliest = match &self.published {
            Some((old, _)) if *old == self.facts && self.failures == 0 => {
                self.changed = None;
                return self.plan_next(now, 0);
            }
            Some((_, at)) => at.saturating_add(MIN_GAP),
            None => 0,
        };
        let longest = self.changed.get_or_insert(now).saturating_add(LONGEST_WAIT);
        self.due = Some(earliest.max(now.saturating_add(DEBOUNCE).min(longest)));
    }

    fn plan_next(&mut self, now: u64, random: u16) {
        let at = self.published.as_ref().map_or(now, |(_, at)| *at);
        let spread = REPUBLISH_SPREAD * u64::from(random) / u64::from(u16::MAX);
        let pause = if self.asleep { REPUBLISH_ASLEEP } else { REPUBLISH };
        self.due = Some(at.saturating_add(pause).saturating_add(spread));
    }

    /// Whether this node sleeps. If its record is in order, it is put again later then.
    pub(crate) fn sleeps(&mut self, now: u64, asleep: bool, random: u16) {
        if asleep == self.asleep {
            return;
        }
        self.asleep = asleep;
        let current = self.published.as_ref().is_some_and(|(old, _)| *old == self.facts);
        if current && self.failures == 0 && !self.running && self.due.is_some() {
            self.plan_next(now, random);
        }
    }

    /// When [`Plan::publish`] has something, unless anything changes before.
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.due.filter(|_| !self.running)
    }

    /// The facts to publish now, under the next sequence number; `clock_s` is the wall clock, which may be wrong.
    pub(crate) fn publish(&mut self, now: u64, clock_s: u64) -> Option<(Facts, u64)> {
        if self.running || self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.running = true;
        self.due = None;
        self.changed = None;
        Some((self.facts.clone(), self.next_seq(clock_s)))
    }

    /// The next sequence number: above all that were used or seen, and not below the clock. So neither a clock that
    /// was set back nor a lost memory makes records that nobody takes.
    pub(crate) fn next_seq(&mut self, clock_s: u64) -> u64 {
        let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        self.seq = self.seq.saturating_add(1).max(clock_s).min(most);
        self.seq
    }

    /// A record of this very node was met that was signed before, perhaps by it in an earlier life.
    pub(crate) fn seen(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
    }

    /// The last sequence number, to be kept over restarts.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// What [`Plan::publish`] gave is signed and told; `good` if all ways that there are took it.
    pub(crate) fn published(&mut self, now: u64, facts: Facts, good: bool, random: u16) {
        self.running = false;
        let newer = self.facts != facts;
        self.published = Some((facts, now));
        self.failures = if good { 0 } else { self.failures.saturating_add(1) };
        if self.facts.is_empty() {
            self.due = None;
        } else if newer {
            self.due = Some(now.saturating_add(MIN_GAP));
        } else if good {
            self.plan_next(now, random);
        } else {
            let wait = RETRY_MIN << (self.failures - 1).min(10);
            self.due = Some(now.saturating_add(wait.min(RETRY_MAX)));
        }
    }

    /// Something changed that may make publishing possible: a failed one is repeated at once.
    pub(crate) fn retry_now(&mut self, now: u64) {
        if self.failures > 0 && !self.running && !self.facts.is_empty() {
            self.failures = 0;
            self.due = Some(now.saturating_add(DEBOUNCE));
        }
    }

    /// What was published is not there any more: it is published again soon.
    pub(crate) fn again(&mut self, now: u64) {
        if !self.facts.is_empty() {
            let at = now.saturating_add(DEBOUNCE);
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// A dial of a node failed, or there was no address to dial. Answers whether it is looked up now.
    pub(crate) fn missed(&mut self, now: u64, node: NodeId) -> bool {
        let Some(search) = self.search(node) else { return false };
        search.misses = search.misses.saturating_add(1);
        let wanted = search.misses >= MISSES && search.not_before <= now;
        wanted && self.start(node, true)
    }

    /// The user wants a node: it is looked up now, unless that is under way.
    pub(crate) fn asked(&mut self, node: NodeId) -> bool {
        self.search(node);
        self.start(node, false)
    }

    fn search(&mut self, node: NodeId) -> Option<&mut Search> {
        if !self.searches.contains_key(&node) && self.searches.len() >= MOST_REMEMBERED {
            let idle = self.searches.iter().filter(|(_, search)| !search.running);
            let oldest = idle.min_by_key(|(_, search)| search.not_before).map(|(id, _)| *id)?;
            self.searches.remove(&oldest);
        }
        Some(self.searches.entry(node).or_default())
    }

    fn start(&mut self, node: NodeId, by_itself: bool) -> bool {
        let running = self.searches.values().filter(|search| search.running).count();
        match self.searches.get_mut(&node) {
            Some(search) if !search.running && (!by_itself || running < MOST_RUNNING) => {
                search.running = true;
                true
            }
            _ => false,
        }
    }

    /// A lookup ended. When it found nothing new the next one by itself comes later and later.
    pub(crate) fn searched(&mut self, now: u64, node: &NodeId, news: bool, random: u16) {
        let Some(search) = self.searches.get_mut(node) else {
            return;
        };
        search.running = false;
        search.failures = if news { 0 } else { search.failures.saturating_add(1) };
        let wait = SEARCH_MIN << search.failures.min(16);
        let spread = SEARCH_MIN * u64::from(random) / u64::from(u16::MAX);
        search.not_before = now.saturating_add(wait.min(SEARCH_MAX)).saturating_add(spread);
    }

    /// A node is connected: nothing needs to be looked up.
    pub(crate) fn reached(&mut self, node: &NodeId) {
        if self.searches.get(node).is_some_and(|search| !search.running) {
            self.searches.remove(node);
        } else if let Some(search) = self.searches.get_mut(node) {
            search.misses = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NODE: NodeId = NodeId([7; 32]);

    fn facts(port: u16) -> Facts {
        Facts {
            relays: Vec::new(),
            addresses: vec![SocketAddr::from(([203, 0, 113, 1], port))],
        }
    }

    /// Publishes what is due at `now` with success.
    fn publish(plan: &mut Plan, now: u64) -> Option<u64> {
        let (facts, seq) = plan.publish(now, 0)?;
        plan.published(now, facts, true, 0);
        Some(seq)
    }

    #[test]
    fn a_group_of_changes_is_published_once() {
        let mut plan = Plan::default();
        for (now, port) in [(0, 1), (1_000, 2), (2_000, 3)] {
            plan.facts(now, facts(port));
        }
        assert_eq!(plan.poll_timeout(), Some(2_000 + DEBOUNCE));
        assert_eq!(plan.publish(2_000 + DEBOUNCE - 1, 0), None);
        let (published, _) = plan.publish(2_000 + DEBOUNCE, 0).unwrap();
        assert_eq!(published, facts(3));
        assert_eq!(plan.poll_timeout(), None, "one at a time");
    }

    #[test]
    fn what_does_not_change_is_published_about_once_an_hour() {
        for random in [0, u16::MAX] {
            let mut plan = Plan::default();
            plan.facts(0, facts(1));
            let (said, _) = plan.publish(DEBOUNCE, 0).unwrap();
            plan.published(DEBOUNCE, said, true, random);
            plan.facts(10_000, facts(1));
            let wait = plan.poll_timeout().unwrap() - DEBOUNCE;
            assert!((50 * 60_000..=70 * 60_000).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn a_node_that_sleeps_publishes_as_late_as_two_hours_allow_and_one_that_wakes_in_time() {
        for random in [0, u16::MAX] {
            let mut plan = Plan::default();
            plan.facts(0, facts(1));
            let (said, _) = plan.publish(DEBOUNCE, 0).unwrap();
            plan.published(DEBOUNCE, said, true, random);
            plan.sleeps(20_000, true, random);
            let wait = plan.poll_timeout().unwrap() - DEBOUNCE;
            assert!((90 * 60_000..=110 * 60_000).contains(&wait), "{wait}");
            plan.sleeps(30_000, false, random);
            let wait = plan.poll_timeout().unwrap() - DEBOUNCE;
            assert!((50 * 60_000..=70 * 60_000).contains(&wait), "{wait}");
        }
        // What is new is not put off.
        let mut plan = Plan::default();
        plan.facts(0, facts(1));
        plan.sleeps(0, true, 0);
        assert_eq!(plan.poll_timeout(), Some(DEBOUNCE));
    }

    #[test]
    fn a_flapping_network_is_published_at_most_once_a_minute() {
        let mut plan = Plan::default();
        let mut times = 0;
        for second in 0..3600 {
            plan.facts(second * 1000, facts((second % 50) as u16));
            times += u32::from(publish(&mut plan, second * 1000).is_some());
        }
        assert!((1..=60).contains(&times), "{times}");
    }

    #[test]
    fn a_change_that_is_taken_back_costs_nothing() {
        let mut plan = Plan::default();
        plan.facts(0, facts(1));
        publish(&mut plan, DEBOUNCE).unwrap();
        plan.facts(100_000, facts(2));
        plan.facts(100_500, facts(1));
        assert!(plan.poll_timeout().unwrap() >= REPUBLISH);
    }

    #[test]
    fn a_node_that_is_nowhere_publishes_nothing() {
        let mut plan = Plan::default();
        plan.facts(0, facts(1));
        plan.facts(1, Facts::default());
        assert_eq!((plan.poll_timeout(), plan.publish(1 << 40, 0)), (None, None));
    }

    #[test]
    fn what_changed_while_it_was_published_is_published_too() {
        let mut plan = Plan::default();
        plan.facts(0, facts(1));
        let (old, _) = plan.publish(DEBOUNCE, 0).unwrap();
        plan.facts(DEBOUNCE + 1, facts(2));
        plan.published(DEBOUNCE + 2, old, true, 0);
        let (new, _) = plan.publish(DEBOUNCE + 2 + MIN_GAP, 0).unwrap();
        assert_eq!(new, facts(2));
    }

    #[test]
    fn publishing_that_fails_is_repeated_later_and_later_but_always() {
        let mut plan = Plan::default();
        plan.facts(0, facts(1));
        let (mut now, mut waits) = (DEBOUNCE, Vec::new());
        for _ in 0..20 {
            let (said, _) = plan.publish(now, 0).unwrap();
            plan.published(now, said, false, 0);
            waits.push(plan.poll_timeout().unwrap() - now);
            now = plan.poll_timeout().unwrap();
        }
        assert_eq!((waits[0], waits[19]), (RETRY_MIN, RETRY_MAX));
        plan.retry_now(now);
        assert_eq!(plan.poll_timeout(), Some(now + DEBOUNCE));
    }

    #[test]
    fn no_clock_makes_a_record_that_is_older_than_the_last_one() {
        const YEAR: u64 = 365 * 86_400;
        let mut plan = Plan::new(0);
        let now = 1_800_000_000;
        let ahead = plan.next_seq(now + YEAR);
        // The clock is set right, then a year back, then it is lost altogether.
        let right = plan.next_seq(now);
        let behind = plan.next_seq(now - YEAR);
        let none = plan.next_seq(0);
        assert!(ahead < right && right < behind && behind < none);
        // A memory that was lost is made up by the clock, or by what others still have.
        let mut plan = Plan::new(0);
        assert!(plan.next_seq(now) >= now);
        plan.seen(none);
        assert!(plan.next_seq(now) > none);
    }

    #[test]
    fn a_node_is_looked_up_after_its_second_failed_dial_and_then_ever_less_often() {
        let mut plan = Plan::default();
        assert!(!plan.missed(0, NODE), "one failure is often our own network");
        assert!(plan.missed(1_000, NODE));
        assert!(!plan.missed(1_500, NODE), "one lookup at a time");
        let (mut now, mut times) = (2_000, 0);
        plan.searched(now, &NODE, false, 0);
        while now < 24 * 3_600_000 {
            now += 300_000;
            if plan.missed(now, NODE) {
                times += 1;
                plan.searched(now, &NODE, false, 0);
            }
        }
        assert!((4..=20).contains(&times), "{times} lookups in a day");
    }

    #[test]
    fn a_node_that_was_reached_is_not_looked_up_for_its_next_failure() {
        let mut plan = Plan::default();
        assert!(!plan.missed(0, NODE));
        plan.reached(&NODE);
        assert!(!plan.missed(1, NODE));
    }

    #[test]
    fn whoever_asks_for_a_node_does_not_wait_for_a_backoff_but_two_never_run_at_once() {
        let mut plan = Plan::default();
        assert!(plan.asked(NODE));
        assert!(!plan.asked(NODE));
        plan.searched(0, &NODE, false, 0);
        assert!(plan.asked(NODE));
    }

    #[test]
    fn a_hundred_lost_nodes_are_not_looked_up_all_at_once() {
        let mut plan = Plan::default();
        let mut started = 0;
        for n in 0..100u8 {
            plan.missed(0, NodeId([n; 32]));
            started += usize::from(plan.missed(1, NodeId([n; 32])));
        }
        assert_eq!(started, MOST_RUNNING);
    }

    proptest! {
        #[test]
        fn memory_stays_bounded_and_seqs_only_grow(steps in prop::collection::vec((0u8..6, any::<u16>(), any::<u32>()), 0..1200)) {
            let (mut plan, mut now, mut last) = (Plan::default(), 0u64, 0);
            for (what, n, clock) in steps {
                now += u64::from(n);
                let mut node = [0; 32];
                node[..2].copy_from_slice(&n.to_le_bytes());
                match what {
                    0 => plan.facts(now, facts(n)),
                    1 => if let Some((said, seq)) = plan.publish(now, u64::from(clock)) {
                        prop_assert!(seq > last);
                        last = seq;
                        plan.published(now, said, n % 2 == 0, n);
                    },
                    2 => { plan.missed(now, NodeId(node)); }
                    3 => { plan.asked(NodeId(node)); }
                    4 => plan.searched(now, &NodeId(node), n % 2 == 0, n),
                    _ => plan.reached(&NodeId(node)),
                }
                prop_assert!(plan.searches.len() <= MOST_REMEMBERED + 1);
            }
        }
    }
}
