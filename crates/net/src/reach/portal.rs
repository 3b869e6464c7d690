//! A network that answers in the place of everybody, until the person has logged in on a page: a captive portal.

use crate::{
    net::Inner,
    queue::lock,
    relay::{Answered, who_answers},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::sleep;
use tracing::info;

/// How often it is looked while nobody is connected, and how long an answer may take.
const LOOK: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);
/// At so many addresses something else must answer than who should be there: one may be an old one.
const ADDRESSES: usize = 2;

/// Whether what answered at addresses of different machines is no peer, at any of them.
fn is_portal(answers: &[Answered]) -> bool {
    answers.len() >= ADDRESSES && answers.iter().all(|answer| *answer == Answered::Otherwise)
}

/// Looks, while no peer is connected, whether something answers in their place, for as long as the network runs.
pub(super) async fn watch(net: Arc<Inner>) {
    loop {
        sleep(LOOK).await;
        let asked: Vec<SocketAddr> = match net.links().is_empty() {
            true => lock(&net.table).unanswered(ADDRESSES).1,
            false => Vec::new(),
        };
        let answers = asked.into_iter().map(|at| who_answers(at, PATIENCE));
        let portal = is_portal(&futures_util::future::join_all(answers).await);
        let before = std::mem::replace(&mut lock(&net.reach).portal, portal);
        if portal && !before {
            info!("something answers in the place of peers");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::NodeId;

    #[test]
    fn one_address_where_something_else_answers_is_no_portal() {
        let peer = Answered::Relay(NodeId([1; 32]));
        assert!(is_portal(&[Answered::Otherwise, Answered::Otherwise]));
        for others in [
            &[Answered::Otherwise][..],
            &[Answered::Otherwise, Answered::Nobody],
            &[Answered::Otherwise, peer],
            &[],
        ] {
            assert!(!is_portal(others), "{others:?}");
        }
    }
}
