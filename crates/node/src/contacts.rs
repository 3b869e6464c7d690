//! `contacts.list`: the people with whom the owner shares spaces, for widgets that may see them (W2).

use crate::engine::Engine;
use hedgerow_api::{ApiError, types::WidgetContact};
use hedgerow_base::{InstanceId, hash::hash};
use std::collections::BTreeMap;

/// Most people in the list.
const MOST: usize = 500;

impl Engine {
    /// Everybody in a space of the owner, by name. Ids mean somebody in this widget and nothing elsewhere: they are made
    /// with a secret, so two widgets cannot compare theirs. Names they can.
    pub(crate) fn widget_contacts(&self, id: &InstanceId) -> Result<Vec<WidgetContact>, ApiError> {
        let widget = self.live_instance(id)?.widget;
        let placed = self.instances.iter().filter(|(_, state)| state.removed_ms.is_none());
        let mut people: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (other, _) in placed {
            for member in self.members(other)?.into_iter().filter(|member| !member.me) {
                // A pseudonym is one per person and widget; the same person in two widgets is told as two.
                *people.entry((member.name, member.pseudonym)).or_default() += 1;
            }
        }
        let key = self.identity.pseudonym_key(&widget).seed();
        let contact = |((name, pseudonym), spaces): ((String, String), u32)| {
            let parts: [&[u8]; 2] = [key.as_slice(), pseudonym.as_bytes()];
            let id = hash("hedgerow 2026 contact of a widget v1", &parts);
            WidgetContact {
                name,
                id: data_encoding::HEXLOWER.encode(&id[..16]),
                spaces,
            }
        };
        Ok(people.into_iter().take(MOST).map(contact).collect())
    }
}
