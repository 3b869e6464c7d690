//! How often each plugin may do something that reaches the person.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// So often in so long.
const MOST: u32 = 10;
const WINDOW_MS: u64 = 60_000;

/// Counts by name, over restarts of the plugin.
#[derive(Default)]
pub(super) struct Bursts(Mutex<BTreeMap<String, (u64, u32)>>);

impl Bursts {
    /// Counts one more; `false` when it is one too many. There are as many names as plugins.
    pub(super) fn take(&self, name: &str, now_ms: u64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = all.entry(name.to_owned()).or_insert((now_ms, 0));
        if now_ms.saturating_sub(*since) >= WINDOW_MS {
            (*since, *count) = (now_ms, 0);
        }
        *count = count.saturating_add(1);
        *count <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plugin_uses_up_its_own_minute_only() {
        let bursts = Bursts::default();
        let taken = |name, now| (0..100).filter(|_| bursts.take(name, now)).count();
        assert_eq!(taken("loud", 1000), 10);
        assert_eq!(taken("loud", 60_999), 0);
        assert_eq!(taken("quiet", 60_999), 10);
        assert_eq!(taken("loud", 61_000), 10);
    }
}
