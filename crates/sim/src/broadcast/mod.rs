//! Messages to all members of an app, with the very core of the node, in a network of which a part is hostile (Z1, Z7).
//!
//! Every peer runs its own [`hedgerow_overlay::Overlay`]. Peers find each other from eight contacts each, as a lookup gives them, links have
//! the latency of the distance between two places, a lost packet delays what follows it as QUIC does. Hostile peers
//! take part like others and then do not pass messages on, or announce them and do not give them, or turn so only when
//! they are relied on. At the end some of them flood.

mod measure;
mod memo;
mod network;
mod page;
mod report;
mod spam;

#[cfg(test)]
mod tests;

pub use report::{Report, Spam, run};

use crate::PlanError;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Members of the app, hostile ones among them.
    pub peers: usize,
    /// Links that each opens.
    pub fanout: usize,
    /// Share of hostile members, from 0 to below 1.
    pub hostile: f64,
    /// Messages, each of a random honest member.
    pub messages: usize,
    /// Of everything that is random.
    pub seed: u64,
    /// Bytes of each message.
    pub bytes: usize,
    /// Share of packets that get lost on the way.
    pub loss: f64,
    /// Share of honest members that go away and come back while the messages travel.
    pub churn: f64,
    /// Hostile members name only each other to who asks for members.
    pub conspiracy: bool,
    /// Hostile members sit in so many networks (/24); 0 gives each its own.
    pub hostile_networks: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            peers: 1000,
            fanout: 5,
            hostile: 0.0,
            messages: 20,
            seed: 1,
            bytes: 1024,
            loss: 0.01,
            churn: 0.0,
            conspiracy: false,
            hostile_networks: 0,
        }
    }
}

impl Plan {
    /// Says what makes no sense, if anything does.
    ///
    /// # Errors
    /// [`PlanError`] with what is allowed.
    pub fn check(&self) -> Result<(), PlanError> {
        let share = |is: f64| (0.0..1.0).contains(&is);
        let wrong = match () {
            () if !(2..=200_000).contains(&self.peers) => "peers must be from 2 to 200000",
            () if !(1..=16).contains(&self.fanout) => "fanout must be from 1 to 16",
            () if !(1..=1_000_000).contains(&self.messages) => "messages must be from 1 to 1000000",
            () if !share(self.hostile) => "hostile must be a share from 0 to below 1",
            () if !share(self.loss) || self.loss > 0.5 => "loss must be a share from 0 to 0.5",
            () if !share(self.churn) => "churn must be a share from 0 to below 1",
            () if !(1..=100_000).contains(&self.bytes) => "bytes must be from 1 to 100000",
            () if self.honest() < 2 => "there must be two honest peers",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    fn honest(&self) -> usize {
        self.peers - (self.peers as f64 * self.hostile) as usize
    }
}
