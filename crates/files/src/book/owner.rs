//! What the owner of the node says: send, accept, refuse, stop.

use super::{Book, MAX_OPEN, MAX_OPEN_ALL, Offer, Refusal};
use crate::transfer::{Effect, State, Transfer};
use alloc::{string::String, vec::Vec};
use hedgerow_base::NodeId;

impl Book {
    /// Offers a file. The same file to the same peer, while it is not over, is the same transfer.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn send(
        &mut self,
        now_ms: u64,
        peer: NodeId,
        offer: Offer,
        place: String,
        effects: &mut Vec<Effect>,
    ) -> Result<u64, Refusal> {
        let same = |t: &&Transfer| {
            !t.incoming && t.peer == peer && t.plan == offer.plan && t.name == offer.name && !t.state.is_over()
        };
        let known = self.transfers().find(same).map(|t| t.number);
        if let Some(number) = known {
            if let Some(transfer) = self.transfers.get_mut(&number) {
                transfer.place = place;
            }
            effects.push(Effect::Keep);
            return Ok(number);
        }
        let open = |t: &Transfer| !t.incoming && !t.state.is_over();
        if self.count(|t| open(t) && t.peer == peer) >= MAX_OPEN || self.count(open) >= MAX_OPEN_ALL {
            return Err(Refusal::TooMany);
        }
        let mut transfer = Transfer::new(offer.id, false, peer, offer.plan, offer.name);
        transfer.place = place;
        let number = self.insert(now_ms, transfer);
        effects.push(Effect::Keep);
        self.offer_again(now_ms, number, effects);
        Ok(number)
    }

    /// Takes an offered file into a folder that has room for `room` bytes.
    ///
    /// # Errors
    /// Why not.
    pub fn accept(
        &mut self,
        now_ms: u64,
        number: u64,
        folder: String,
        room: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let transfer = self.transfers.get_mut(&number).ok_or(Refusal::Unknown)?;
        match (transfer.incoming, transfer.state) {
            (false, _) => return Err(Refusal::NotIncoming),
            (true, State::Asking) if transfer.plan.size > room => return Err(Refusal::NoRoom),
            (true, State::Asking) => {}
            (true, _) => return Err(Refusal::Late),
        }
        transfer.place = folder;
        transfer.set(now_ms, State::Waiting, "");
        effects.extend([Effect::Keep, Effect::Tell(number)]);
        self.start(now_ms, effects);
        Ok(())
    }

    /// Does not take an offered file.
    ///
    /// # Errors
    /// Why not.
    pub fn refuse(&mut self, now_ms: u64, number: u64, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let transfer = self.transfers.get_mut(&number).ok_or(Refusal::Unknown)?;
        match (transfer.incoming, transfer.state) {
            (false, _) => Err(Refusal::NotIncoming),
            (true, State::Asking) => {
                transfer.set(now_ms, State::Refused, "");
                effects.extend([Effect::Keep, Effect::Tell(number)]);
                Ok(())
            }
            (true, _) => Err(Refusal::Late),
        }
    }

    /// Ends a transfer, whichever way it goes; what was fetched is deleted.
    ///
    /// # Errors
    /// Why not.
    pub fn stop(&mut self, now_ms: u64, number: u64, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let transfer = self.transfers.get(&number).ok_or(Refusal::Unknown)?;
        if transfer.state.is_over() {
            return Err(Refusal::Late);
        }
        self.end(now_ms, number, State::Stopped, "", effects);
        effects.push(Effect::Tell(number));
        Ok(())
    }

    /// Takes finished transfers off the list.
    pub fn clear(&mut self, effects: &mut Vec<Effect>) {
        self.transfers.retain(|_, t| !t.state.is_over());
        effects.push(Effect::Keep);
    }
}
