//! What people say, kept once per place, within what each may say and within what there is room for.
//!
//! Keys cost nothing, so whoever is not trusted by this node can fill only what is left: when there is no room, the word of
//! somebody trusted takes the place of a stranger's, and a stranger's is refused.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use hedgerow_base::{PersonId, RecordId, WidgetId};
use hedgerow_wire::directory::{Said, Slot};

/// Statements in all.
pub(crate) const MOST: usize = 200_000;
/// Statements of one kind of one person.
const MOST_OF_PERSON: u32 = 4096;
/// Statements on one widget by strangers; trusted people have as many again.
const MOST_ON_WIDGET: u32 = 5_000;
/// Statements on one widget by one person.
const MOST_OF_PERSON_ON_WIDGET: u32 = 64;

#[derive(Clone, Copy, Debug)]
struct Place {
    revision: u64,
    id: RecordId,
    by: PersonId,
    kind: u8,
    widget: Option<WidgetId>,
}

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// There is something newer at its place, or itself.
    Old,
    /// It may be kept, instead of this.
    Takes(Option<RecordId>),
    /// Its author said enough, or there is no room for strangers.
    Full,
}

/// All statements.
#[derive(Debug, Default)]
pub(crate) struct Sayings {
    slots: BTreeMap<Slot, Place>,
    of: BTreeMap<(PersonId, u8), u32>,
    on: BTreeMap<WidgetId, u32>,
    by_on: BTreeMap<(WidgetId, PersonId), u32>,
    /// By when they were kept; who was replaced may still be in it.
    order: VecDeque<Slot>,
    trusted: BTreeSet<PersonId>,
    unwanted: BTreeSet<PersonId>,
    most: Option<usize>,
}

impl Sayings {
    /// Who has room when there is little, and whose statements are not wanted at all.
    pub(crate) fn trust(&mut self, trusted: BTreeSet<PersonId>, unwanted: BTreeSet<PersonId>) {
        self.trusted = trusted;
        self.unwanted = unwanted;
    }
    pub(crate) fn trusts(&self, person: &PersonId) -> bool {
        self.trusted.contains(person)
    }
    /// For tests: less room.
    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = Some(most);
    }
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
    /// Whether a statement would be kept.
    pub(crate) fn offer(&self, id: &RecordId, said: &Said) -> Offered {
        if let Some(place) = self.slots.get(&said.slot()) {
            let newer = (said.revision, id) > (place.revision, &place.id);
            return if newer {
                Offered::Takes(Some(place.id))
            } else {
                Offered::Old
            };
        }
        let count = |count: Option<&u32>| count.copied().unwrap_or(0);
        let trusted = self.trusted.contains(&said.by);
        let many = count(self.of.get(&(said.by, said.kind))) >= MOST_OF_PERSON;
        let crowded = said.widget().is_some_and(|widget| {
            let most = if trusted { MOST_ON_WIDGET * 2 } else { MOST_ON_WIDGET };
            count(self.on.get(&widget)) >= most || count(self.by_on.get(&(widget, said.by))) >= MOST_OF_PERSON_ON_WIDGET
        });
        let full = self.slots.len() >= self.most.unwrap_or(MOST) && !trusted;
        if many || crowded || full || self.unwanted.contains(&said.by) {
            Offered::Full
        } else {
            Offered::Takes(None)
        }
    }
    /// Keeps a statement that was offered. Answers what has to go for it.
    pub(crate) fn keep(&mut self, id: RecordId, said: &Said) -> Option<RecordId> {
        let slot = said.slot();
        let place = Place {
            revision: said.revision,
            id,
            by: said.by,
            kind: said.kind,
            widget: said.widget(),
        };
        if let Some(old) = self.slots.insert(slot, place) {
            return Some(old.id);
        }
        self.order.push_back(slot);
        *self.of.entry((place.by, place.kind)).or_default() += 1;
        if let Some(widget) = place.widget {
            *self.on.entry(widget).or_default() += 1;
            *self.by_on.entry((widget, place.by)).or_default() += 1;
        }
        if self.slots.len() > self.most.unwrap_or(MOST) {
            return self.drop_stranger();
        }
        None
    }
    /// The oldest statement of somebody who is not trusted goes.
    fn drop_stranger(&mut self) -> Option<RecordId> {
        for _ in 0..self.order.len() {
            let slot = self.order.pop_front()?;
            let Some(place) = self.slots.get(&slot).copied() else {
                continue;
            };
            if self.trusted.contains(&place.by) {
                self.order.push_back(slot);
                continue;
            }
            self.slots.remove(&slot);
            let less = |count: Option<&mut u32>| {
                if let Some(count) = count {
                    *count = count.saturating_sub(1);
                }
            };
            less(self.of.get_mut(&(place.by, place.kind)));
            if let Some(widget) = place.widget {
                less(self.on.get_mut(&widget));
                less(self.by_on.get_mut(&(widget, place.by)));
            }
            return Some(place.id);
        }
        None
    }
    /// Revision of what stands at a place; 0 if nothing does.
    pub(crate) fn revision(&self, slot: &Slot) -> u64 {
        self.slots.get(slot).map_or(0, |place| place.revision)
    }
}
