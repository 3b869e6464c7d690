//! What a component keeps for the time after a restart or an upgrade.

use super::limits::{KEPT_BYTES, KEPT_KEYS};
use std::collections::BTreeMap;

/// Small values by key, bounded, with the changes of the event that is being handled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    lasting: BTreeMap<String, Vec<u8>>,
    /// Of the present event; nothing of it lasts if that fails.
    changes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Kept {
    /// What was kept before. What is beyond the bounds is left out.
    pub fn new(values: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut kept = Self::default();
        for (key, value) in values {
            let _ = kept.keep(key, Some(value));
        }
        kept.settle();
        kept
    }

    /// All that lasts.
    pub fn values(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.lasting
    }

    /// What stands under a key now.
    pub(super) fn kept(&self, key: &str) -> Option<&Vec<u8>> {
        match self.changes.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.lasting.get(key),
        }
    }

    /// Keeps or forgets a value.
    pub(super) fn keep(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), String> {
        if value.is_none() && !self.lasting.contains_key(&key) {
            self.changes.remove(&key);
            return Ok(());
        }
        let others = self
            .lasting
            .iter()
            .filter(|(k, _)| **k != key && !self.changes.contains_key(*k));
        let changed = self.changes.iter().filter(|(k, _)| **k != key);
        let changed = changed.filter_map(|(k, v)| Some((k, v.as_ref()?)));
        let new = value.as_ref().map(|value| (&key, value));
        let all = others.chain(changed).chain(new);
        let (keys, bytes) = all.fold((0, 0), |(n, sum), (k, v)| (n + 1, sum + k.len() + v.len()));
        if keys > KEPT_KEYS {
            return Err(format!("{KEPT_KEYS} keys are kept at most; forget some"));
        }
        if bytes > KEPT_BYTES {
            return Err(format!("{KEPT_BYTES} bytes are kept at most; forget some"));
        }
        self.changes.insert(key, value);
        Ok(())
    }

    /// The event went well: its changes last. Answers them.
    pub(super) fn settle(&mut self) -> Vec<(String, Option<Vec<u8>>)> {
        let changes: Vec<_> = std::mem::take(&mut self.changes).into_iter().collect();
        for (key, value) in &changes {
            match value {
                Some(value) => self.lasting.insert(key.clone(), value.clone()),
                None => self.lasting.remove(key),
            };
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_at_once_and_lasts_when_the_event_is_over() {
        let mut kept = Kept::new([("a".to_owned(), vec![1])]);
        kept.keep("a".into(), None).unwrap();
        kept.keep("b".into(), Some(vec![2])).unwrap();
        assert_eq!((kept.kept("a"), kept.kept("b")), (None, Some(&vec![2])));
        assert_eq!(kept.values().keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(kept.settle(), [("a".to_owned(), None), ("b".to_owned(), Some(vec![2]))]);
        assert_eq!(kept.values().keys().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn the_bounds_hold_for_all_keys_together_and_forgetting_makes_room() {
        let mut kept = Kept::default();
        kept.keep("a".into(), Some(vec![0; KEPT_BYTES - 1])).unwrap();
        assert!(kept.keep("b".into(), Some(Vec::new())).is_err());
        kept.settle();
        assert!(kept.keep("b".into(), Some(Vec::new())).is_err());
        kept.keep("a".into(), None).unwrap();
        for n in 0..KEPT_KEYS {
            kept.keep(n.to_string(), Some(Vec::new())).unwrap();
        }
        assert!(kept.keep("b".into(), Some(Vec::new())).is_err());
        assert_eq!(kept.settle().len(), KEPT_KEYS + 1);
        assert_eq!(kept.values().len(), KEPT_KEYS);
    }
}
