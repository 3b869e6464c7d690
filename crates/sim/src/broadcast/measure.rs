//! What is counted while the network runs.

use super::{
    Plan,
    network::{Conduct, Peer},
};
use core::ops::Range;
use hedgerow_base::NodeId;
use hedgerow_overlay::{Fault, Payer, Received, Standing};
use hedgerow_wire::overlay::OverlayFrame;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is counted.
pub(super) struct Measure {
    /// Counted peers: honest all the time, and never away.
    counted: Vec<bool>,
    honest: Vec<bool>,
    /// For each message: when it was sent, and how many counted peers have it.
    messages: Vec<(u64, u64)>,
    body: usize,
    /// Counting of bytes, while messages travel.
    window: Range<u64>,
    pub(super) hops: BTreeMap<u8, u64>,
    pub(super) latency: BTreeMap<u64, u64>,
    pub(super) deliveries: u64,
    pub(super) twice: u64,
    pub(super) payload_bytes: u64,
    pub(super) all_bytes: u64,
    pub(super) frames: u64,
    pub(super) honest_cut: BTreeSet<u32>,
    pub(super) honest_charges: BTreeMap<String, u64>,
    pub(super) honest_signers_cut: u64,
    pub(super) hostile_cut: u64,
    pub(super) hostile_signers_cut: u64,
    /// Messages of spam by who got them: of one signer over many, of one forwarder that does as it likes, of many
    /// signers over one forwarder.
    pub(super) spam: BTreeMap<(u8, u32), u64>,
    /// The same, of those that came from the one who floods itself.
    pub(super) spam_at_first: BTreeMap<(u8, u32), u64>,
    got: Vec<BTreeSet<u32>>,
}

/// A body of spam begins with this number and which kind it is.
pub(super) const SPAM: u64 = u64::MAX << 8;

impl Measure {
    pub(super) fn new(plan: &Plan, peers: &[Peer]) -> Self {
        let honest: Vec<bool> = peers.iter().map(|peer| peer.conduct == Conduct::Honest).collect();
        let counted = peers.iter().zip(&honest).map(|(peer, honest)| *honest && !peer.fickle);
        Self {
            counted: counted.collect(),
            honest,
            messages: Vec::new(),
            body: plan.bytes,
            window: 0..0,
            hops: BTreeMap::new(),
            latency: BTreeMap::new(),
            deliveries: 0,
            twice: 0,
            payload_bytes: 0,
            all_bytes: 0,
            frames: 0,
            honest_cut: BTreeSet::new(),
            honest_charges: BTreeMap::new(),
            honest_signers_cut: 0,
            hostile_cut: 0,
            hostile_signers_cut: 0,
            spam: BTreeMap::new(),
            spam_at_first: BTreeMap::new(),
            got: Vec::new(),
        }
    }

    /// Counts bytes in this time.
    pub(super) fn count_in(&mut self, window: Range<u64>) {
        self.window = window;
    }

    /// A peer begins to be hostile and is not counted any more.
    pub(super) fn turns(&mut self, at: u32) {
        if let (Some(honest), Some(counted)) = (self.honest.get_mut(at as usize), self.counted.get_mut(at as usize)) {
            (*honest, *counted) = (false, false);
        }
    }

    pub(super) fn counted(&self) -> u64 {
        self.counted.iter().filter(|counted| **counted).count() as u64
    }

    pub(super) fn is_honest(&self, at: u32) -> bool {
        self.honest.get(at as usize).copied().unwrap_or_default()
    }

    /// A message is sent; answers its number.
    pub(super) fn said(&mut self, now: u64, by: u32, really: bool) -> u64 {
        let number = self.messages.len() as u64;
        // Whoever sends it has it.
        let own = u64::from(really && self.counted.get(by as usize).copied().unwrap_or_default());
        self.messages.push((now, own));
        self.got.push(BTreeSet::new());
        number
    }

    pub(super) fn came(&mut self, now: u64, to: u32, frame: &OverlayFrame) {
        if !self.window.contains(&now) || !self.is_honest(to) {
            return;
        }
        let about_messages = matches!(
            frame,
            OverlayFrame::Push { .. }
                | OverlayFrame::Announce { .. }
                | OverlayFrame::Want { .. }
                | OverlayFrame::Credit { .. }
        );
        if about_messages {
            self.frames += 1;
            self.all_bytes += frame.to_bytes().len() as u64;
        }
        if let OverlayFrame::Push { envelope, .. } = frame {
            self.payload_bytes += envelope.as_bytes().len() as u64;
        }
    }

    pub(super) fn delivered(&mut self, now: u64, to: u32, received: &Received) {
        let body = received.message.body();
        let number = body
            .iter()
            .take(8)
            .rev()
            .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        if number >= SPAM {
            if self.is_honest(to) {
                let kind = (number & 0xff) as u8;
                *self.spam.entry((kind, to)).or_default() += 1;
                if received.hops == 0 {
                    *self.spam_at_first.entry((kind, to)).or_default() += 1;
                }
            }
            return;
        }
        if !self.counted.get(to as usize).copied().unwrap_or_default() {
            return;
        }
        let Some((sent, reached)) = self.messages.get_mut(number as usize) else {
            return;
        };
        self.deliveries += 1;
        if let Some(got) = self.got.get_mut(number as usize)
            && !got.insert(to)
        {
            self.twice += 1;
            return;
        }
        *reached += 1;
        *self.hops.entry(received.hops).or_default() += 1;
        *self.latency.entry((now - *sent) / 10_000).or_default() += 1;
    }

    pub(super) fn cut(&mut self, _: &[Peer], by: u32, who: u32) {
        match (self.is_honest(by), self.is_honest(who)) {
            (true, true) => {
                self.honest_cut.insert(who);
            }
            (true, false) => self.hostile_cut += 1,
            (false, _) => {}
        }
    }

    pub(super) fn charged(
        &mut self,
        index: &BTreeMap<NodeId, u32>,
        peers: &[Peer],
        by: u32,
        payer: Payer,
        fault: Fault,
        standing: Standing,
    ) {
        if !self.is_honest(by) {
            return;
        }
        let honest = match &payer {
            Payer::Forwarder(node) => index.get(node).is_some_and(|at| self.is_honest(*at)),
            Payer::Signer(_, who) => {
                let of = index.get(&NodeId(who.0));
                of.is_some_and(|at| self.is_honest(*at) && peers.get(*at as usize).is_some())
            }
        };
        let cut = standing == Standing::Cut;
        match payer {
            Payer::Signer(..) if honest => self.honest_signers_cut += u64::from(cut),
            Payer::Signer(..) => self.hostile_signers_cut += u64::from(cut),
            Payer::Forwarder(_) => {}
        }
        if honest {
            let what = match payer {
                Payer::Forwarder(_) => format!("forwarder {fault:?}"),
                Payer::Signer(..) => format!("signer {fault:?}"),
            };
            *self.honest_charges.entry(what).or_default() += 1;
        }
    }

    /// For each message the share of counted peers that have it.
    pub(super) fn reached(&self) -> Vec<f64> {
        let all = self.counted().max(1) as f64;
        self.messages.iter().map(|(_, reached)| *reached as f64 / all).collect()
    }

    /// Bytes of payload, and of everything, for each byte that had to come.
    pub(super) fn redundancy(&self) -> (f64, f64) {
        let needed = (self.deliveries - self.twice).max(1) as f64;
        let envelope = self.payload_unit() as f64;
        let body = self.body.max(1) as f64;
        (
            self.payload_bytes as f64 / (needed * envelope),
            self.all_bytes as f64 / (needed * body),
        )
    }

    /// Bytes of one envelope.
    fn payload_unit(&self) -> usize {
        self.body.max(8) + self.overhead()
    }

    fn overhead(&self) -> usize {
        use hedgerow_base::{AppId, SecretKey};
        use hedgerow_wire::overlay::{Envelope, Header};
        let header = Header {
            app: AppId([0; 32]),
            from_app: None,
            to: None,
            signer: None,
            source: 1,
            seq: 1 << 32,
            ttl_ms: 60_000,
            immediate: false,
        };
        let body = vec![0; self.body];
        let envelope = Envelope::seal(header, &body, Some(&SecretKey::from_seed(&[1; 32])));
        envelope.as_bytes().len() - self.body
    }
}
