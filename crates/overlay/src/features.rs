//! What a peer speaks (Z12): asked and answered without any penalty, whatever the question.

use crate::{api::Effect, bounds::QUESTIONS, core::Overlay, peers::World, swarm::Swarm};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{AppId, NodeId};
use hedgerow_wire::{
    node::MAX_PROTOCOLS,
    overlay::{Here, MAX_ASKED, OverlayFrame},
};

/// Questions of the driver have numbers from here; below are those of swarms, by their handle.
const OWN: u32 = 1 << 31;

impl Overlay {
    /// The driver asks.
    pub(crate) fn on_driver_asks(
        &mut self,
        world: &mut World<'_>,
        peer: NodeId,
        request: u64,
        mut apps: Vec<AppId>,
        mut protocols: Vec<String>,
    ) {
        apps.truncate(MAX_ASKED);
        protocols.truncate(MAX_PROTOCOLS);
        if self.questions.len() >= QUESTIONS {
            self.questions.pop_first();
        }
        let question = OWN | self.question;
        self.question = self.question.wrapping_add(1) & !OWN;
        self.questions.insert(question, (peer, request));
        world.reach(
            peer,
            &[],
            OverlayFrame::Ask {
                question,
                apps,
                protocols,
            },
        );
    }

    /// A peer asks.
    pub(crate) fn on_ask(
        &mut self,
        world: &mut World<'_>,
        peer: NodeId,
        question: u32,
        apps: &[AppId],
        mut protocols: Vec<String>,
    ) {
        if !world.may_ask(&peer) {
            return;
        }
        for app in apps {
            if let Some(swarm) = self.apps.get_mut(app) {
                swarm.sampling.asked_by(world, peer);
            }
        }
        let here = apps.iter().filter_map(|app| self.apps.get(app));
        let here = here.map(|swarm| swarm.here(&world.me)).collect();
        protocols.retain(|protocol| self.protocols.contains(protocol));
        world.send(
            peer,
            OverlayFrame::Told {
                question,
                here,
                protocols,
            },
        );
    }

    /// A peer answers.
    pub(crate) fn on_told(
        &mut self,
        world: &mut World<'_>,
        peer: NodeId,
        question: u32,
        here: Vec<Here>,
        protocols: Vec<String>,
    ) {
        let apps: Vec<AppId> = here.iter().map(|here| here.app).collect();
        for here in &here {
            if let Some(swarm) = self.apps.get_mut(&here.app) {
                swarm.meet(world, peer, here);
            }
        }
        if question & OWN != 0 {
            let asked = self.questions.get(&question).filter(|(asked, _)| *asked == peer);
            if let Some((_, request)) = asked {
                let request = *request;
                self.questions.remove(&question);
                world.out.push(Effect::Speaks {
                    peer,
                    request,
                    apps,
                    protocols,
                });
            }
            return;
        }
        let swarm = self.by_handle.get(&question).and_then(|app| self.apps.get_mut(app));
        if let Some(swarm) = swarm.filter(|swarm| !apps.contains(&swarm.app)) {
            swarm.not_a_member(world, &peer);
        }
    }
}

impl Swarm {
    /// A peer was asked and does not have the app.
    fn not_a_member(&mut self, world: &mut World<'_>, peer: &NodeId) {
        self.sampling.lost(world, self.app, peer);
        self.forget_absent(world);
    }
}
