//! Floods: one signer over many, one that does not keep to its credit, and many signers over one.

use super::{
    measure::SPAM,
    network::{APP, Event, Network},
};
use hedgerow_base::SecretKey;
use hedgerow_wire::overlay::{Envelope, Header, OverlayFrame};

/// Peers that hand in the messages of one flooding signer.
const HELPERS: usize = 20;
/// Between two messages, microseconds: 50 a second.
const EVERY: u64 = 20_000;
/// Messages of each flood.
const MESSAGES: u64 = 500;

/// Kinds of flood, as they are counted.
pub(super) const ONE_SIGNER_MANY_WAYS: u8 = 1;
pub(super) const ONE_SIGNER_ONE_WAY: u8 = 2;
pub(super) const MANY_SIGNERS_ONE_WAY: u8 = 3;

impl Network {
    /// Chooses who floods: hostile peers if there are enough, else honest ones turn.
    pub(super) fn choose_spammers(&mut self) -> Vec<u32> {
        let wanted = (HELPERS + 2).min(self.peers.len() / 4).max(1);
        let hostile = (0..self.peers.len() as u32).filter(|at| !self.measure.is_honest(*at));
        let mut chosen: Vec<u32> = hostile.take(wanted).collect();
        let mut at = self.peers.len() as u32;
        while chosen.len() < wanted && at > 0 {
            at -= 1;
            if !chosen.contains(&at) {
                self.measure.turns(at);
                chosen.push(at);
            }
        }
        chosen
    }

    /// All floods one after the other.
    pub(super) fn flood(&mut self) {
        let spammers = self.choose_spammers();
        let (alone, helpers) = spammers.split_at(spammers.len().min(2));
        let first = alone.first().copied().unwrap_or_default();
        let second = alone.get(1).copied().unwrap_or(first);
        let helpers = if helpers.is_empty() { alone } else { helpers };
        let helpers = helpers.to_vec();
        self.one_signer_many_ways(&helpers);
        self.one_way(first, ONE_SIGNER_ONE_WAY);
        self.one_way(second, MANY_SIGNERS_ONE_WAY);
    }

    fn spam(&self, key: &SecretKey, kind: u8, number: u64) -> Envelope {
        let header = Header {
            app: APP,
            from_app: None,
            to: None,
            signer: None,
            source: 9,
            seq: number,
            ttl_ms: 60_000,
            immediate: false,
        };
        let mut body = (SPAM | u64::from(kind)).to_le_bytes().to_vec();
        body.extend_from_slice(&number.to_le_bytes());
        body.resize(200, b'!');
        Envelope::seal(header, &body, Some(key))
    }

    fn hand_in(&mut self, by: u32, to: u32, envelope: Envelope) {
        // Its only app has the first number.
        let frame = OverlayFrame::Push {
            handle: 1,
            wanted: false,
            hops: 0,
            age_ms: 0,
            envelope,
        };
        self.transmit(by, to, frame);
    }

    fn linked(&self, by: u32) -> Vec<u32> {
        let links = self.peers.get(by as usize).map(|peer| peer.core.links(&APP));
        let links = links.unwrap_or_default();
        links.iter().filter_map(|(node, _)| self.at(node)).collect()
    }

    /// One signer whose messages come in over many peers that keep to what they may, another one over each link.
    fn one_signer_many_ways(&mut self, helpers: &[u32]) {
        let key = SecretKey::from_seed(&[0x51; 32]);
        for (turn, number) in (0..MESSAGES).enumerate() {
            let helper = helpers.get(turn % helpers.len()).copied().unwrap_or_default();
            let links = self.linked(helper);
            let link = links.get((turn / helpers.len()) % links.len().max(1)).copied();
            if let Some(to) = link {
                let envelope = self.spam(&key, ONE_SIGNER_MANY_WAYS, number);
                self.hand_in(helper, to, envelope);
            }
            self.run(self.now + EVERY);
        }
        self.run(self.now + 10_000_000);
    }

    /// One peer that pushes over all its links as fast as it likes.
    fn one_way(&mut self, by: u32, kind: u8) {
        let same = SecretKey::from_seed(&[0x52; 32]);
        for number in 0..MESSAGES {
            let mut seed = [0x53; 32];
            seed.iter_mut()
                .zip(number.to_le_bytes())
                .for_each(|(to, byte)| *to = byte);
            let key = match kind {
                MANY_SIGNERS_ONE_WAY => SecretKey::from_seed(&seed),
                _ => same.clone(),
            };
            let envelope = self.spam(&key, kind, number);
            for to in self.linked(by) {
                self.hand_in(by, to, envelope.clone());
            }
            self.run(self.now + EVERY / 4);
        }
        self.run(self.now + 10_000_000);
    }

    /// Everybody joins within `within` microseconds.
    pub(super) fn all_join(&mut self, within: u64) {
        for at in 0..self.peers.len() as u32 {
            let when = (self.chance.share() * within as f64) as u64;
            self.queue.plan(when, Event::Join { peer: at });
        }
    }
}
