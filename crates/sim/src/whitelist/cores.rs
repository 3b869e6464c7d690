//! The same with the core of the node in each peer.

use super::{Method, Plan};
use crate::spread::{MAX_ROUNDS, Rounds, honest};
use hedgerow_trust::{Certificate, Certificates, Chance, Learned, Room};

/// A certificate by its number; fifty signers in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number(u32);

impl Certificate for Number {
    type Signer = u8;

    fn signer(&self) -> u8 {
        (self.0 % 50) as u8
    }

    fn tag(&self) -> u32 {
        self.0
    }
}

/// What goes from one peer to another at the end of a round.
struct Handed {
    to: u32,
    what: Vec<Number>,
}

/// Certificates have numbers; the last ones are new and known to the first peer only.
pub(super) fn run(plan: &Plan) -> Rounds {
    let room = Room {
        all: plan.certificates,
        per_signer: plan.certificates,
    };
    let old = plan.certificates - plan.new;
    let mut first = Certificates::new(room);
    for number in 0..old {
        first.learn(Number(number as u32));
    }
    let mut peers = vec![first; plan.peers];
    // When each has learned so many new ones.
    let mut lacks = vec![plan.new; plan.peers];
    if let (Some(first), Some(lacks)) = (peers.first_mut(), lacks.first_mut()) {
        for number in old..plan.certificates {
            first.learn(Number(number as u32));
        }
        *lacks = 0;
    }
    let honest = honest(plan.peers, plan.blackholes);
    let mut rounds = Rounds::default();
    let spread = plan.spread();
    for round in 1..=MAX_ROUNDS {
        let mut handed = Vec::new();
        for peer in 0..plan.peers {
            let draws = spread.draws(round, peer);
            if draws.fails {
                continue;
            }
            let mut chance = Chance::of(plan.seed ^ 0xce47, u64::from(round) << 40 | peer as u64);
            for (from, to) in [(peer, draws.other), (draws.other, peer)] {
                if from < honest
                    && let (Some(giver), Some(taker)) = (peers.get(from), peers.get(to))
                {
                    let what = hand_on(plan, giver, taker, &mut chance);
                    handed.push(Handed { to: to as u32, what });
                }
            }
        }
        for Handed { to, what } in handed {
            let (Some(peer), Some(lacks)) = (peers.get_mut(to as usize), lacks.get_mut(to as usize)) else {
                continue;
            };
            let new = what.into_iter().filter(|c| peer.learn(*c) == Learned::New).count();
            *lacks = lacks.saturating_sub(new);
        }
        let have = lacks.iter().take(honest).filter(|lacks| **lacks == 0).count();
        rounds.after.push(have as u64);
        let reached = |of: f64| (have as f64 >= of * honest as f64).then_some(round);
        rounds.half = rounds.half.or(reached(0.5));
        rounds.most = rounds.most.or(reached(0.99));
        rounds.all = reached(1.0);
        if rounds.all.is_some() {
            break;
        }
    }
    rounds
}

fn hand_on(
    plan: &Plan,
    giver: &Certificates<Number>,
    taker: &Certificates<Number>,
    chance: &mut Chance,
) -> Vec<Number> {
    match plan.method {
        Method::Newest => giver.hand_on(plan.per_exchange, &[], chance),
        Method::Flags => {
            let asked = taker.lacking(&giver.flags(), plan.per_exchange);
            giver.hand_on(plan.per_exchange, &asked, chance)
        }
        // Without the one learned last.
        Method::Random => giver.at_random(plan.per_exchange, chance),
    }
}
