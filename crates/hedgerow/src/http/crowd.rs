//! Who is connected, and who has to go when there are too many: whoever has not shown a token, the longest there first.
//!
//! Anything on this machine, and any page in a browser on it, can open connections and say nothing. They must not keep the
//! owner out: a newcomer takes the place of the oldest stranger, so whoever shows a token at once is served at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A bounded number of connections.
pub(super) struct Crowd {
    places: Arc<Semaphore>,
    strangers: Mutex<Strangers>,
}

#[derive(Default)]
struct Strangers {
    came: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// A connection's place. Dropping it gives the place back.
pub(super) struct Seat {
    crowd: Arc<Crowd>,
    number: u64,
    sent_away: Arc<Notify>,
    _place: OwnedSemaphorePermit,
}

impl Crowd {
    /// At most `places` connections at once.
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            strangers: Mutex::default(),
        })
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer. When all are taken the oldest stranger is sent away; while there is none, this waits.
    pub(super) async fn seat(self: &Arc<Self>) -> Option<Seat> {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                if let Some((_, oldest)) = self.strangers().waiting.pop_first() {
                    oldest.notify_one();
                }
                self.places.clone().acquire_owned().await.ok()?
            }
        };
        let sent_away = Arc::new(Notify::new());
        let mut strangers = self.strangers();
        strangers.came = strangers.came.wrapping_add(1);
        let number = strangers.came;
        strangers.waiting.insert(number, sent_away.clone());
        drop(strangers);
        Some(Seat {
            crowd: self.clone(),
            number,
            sent_away,
            _place: place,
        })
    }
}

impl Seat {
    /// The connection showed a good token: it stays.
    pub(super) fn known(&self) {
        self.crowd.strangers().waiting.remove(&self.number);
    }

    /// Waits until the connection has to make room.
    pub(super) async fn sent_away(&self) {
        self.sent_away.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.known();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn the_oldest_stranger_makes_room() {
        let crowd = Crowd::new(2);
        let owner = crowd.seat().await.unwrap();
        owner.known();
        let stranger = crowd.seat().await.unwrap();
        let (newcomer, ()) = tokio::join!(crowd.seat(), async {
            stranger.sent_away().await;
            drop(stranger);
        });
        assert!(newcomer.is_some());
        assert!(owner.sent_away().now_or_never().is_none(), "who showed a token stays");
    }

    #[tokio::test]
    async fn without_strangers_a_newcomer_waits() {
        let crowd = Crowd::new(1);
        let owner = crowd.seat().await.unwrap();
        owner.known();
        assert!(crowd.seat().now_or_never().is_none());
        drop(owner);
        assert!(crowd.seat().now_or_never().flatten().is_some());
    }
}
