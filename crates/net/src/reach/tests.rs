use super::*;

const PEER: NodeId = NodeId([1; 32]);

#[test]
fn a_peer_that_tells_without_end_is_no_longer_heard_for_a_while() {
    let (mut state, now) = (State::default(), Instant::now());
    let heard = (0..1000).filter(|_| state.may_tell(PEER, now)).count();
    assert_eq!(heard, 30);
    assert!(state.may_tell(NodeId([2; 32]), now), "others are not affected");
    assert!(state.may_tell(PEER, now + TELLS_TIME));
}

#[test]
fn relays_of_a_node_are_bounded_and_forgotten_when_it_has_none() {
    let mut state = State::default();
    let relay = |n: u16| RelayAt::from(SocketAddr::from(([203, 0, 113, 7], n)));
    let many: Vec<_> = (1..9).map(relay).collect();
    assert!(state.remember(PEER, &many));
    assert_eq!(state.relays_of(&PEER).len(), MAX_RELAYS);
    assert!(!state.remember(PEER, &many), "nothing new");
    assert!(state.remember(PEER, &[]));
    assert!(state.relays_of(&PEER).is_empty());
    for n in 0..2000u16 {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_le_bytes());
        state.remember(NodeId(id), &[relay(1)]);
    }
    assert_eq!(state.relays_of.len(), MOST_REMEMBERED);
}
