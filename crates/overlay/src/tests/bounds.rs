use super::*;
use crate::bounds::{CANDIDATES, FIRST, MISSING, PEERS, RECENT_BYTES, SEEN, SIGNERS};
use hedgerow_wire::overlay::{Item, Tag};

#[test]
fn floods_of_everything_leave_memory_bounded() {
    let mut net = Net::new(
        1,
        &rules("rate_per_forwarder = 10000\nburst_per_forwarder = 100000\nrate_per_signer = 10000"),
    );
    let intruder = net.intruder(7);
    for number in 0..40_000u64 {
        let mut tag = [0; 16];
        tag[..8].copy_from_slice(&number.to_le_bytes());
        let items = vec![Item {
            tag: Tag(tag),
            size: 100,
            hops: 0,
        }];
        intruder.send(&mut net, OverlayFrame::Announce { handle: 1, items });
    }
    assert!(net.cores[0].size().wanted <= MISSING);
    let unsigned = |number: u64| forge(None, number, &[0; 1_000]);
    for number in 0..20_000 {
        intruder.push(&mut net, unsigned(number));
        net.told.clear();
    }
    let size = net.cores[0].size();
    assert!(
        size.seen <= 2 * SEEN && size.kept_bytes <= RECENT_BYTES + 2_000,
        "{size:?}"
    );
    assert!(size.signers <= 2 * SIGNERS, "{size:?}");
}

#[test]
fn peers_that_come_and_go_leave_nothing_behind_and_points_keep_nobody_out() {
    let mut net = Net::new(1, &Rules::default());
    for number in 0..3 * PEERS as u32 {
        let mut id = [9; 32];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let peer = NodeId(id);
        let prefix = Prefix::of(&address(number as usize));
        let addresses = Vec::new();
        net.give(
            0,
            Input::Connected {
                peer,
                prefix,
                addresses,
            },
        );
        let bytes = vec![0xff];
        net.give(0, Input::Bytes { peer, bytes });
        net.give(0, Input::Disconnected { peer });
    }
    assert!(net.cores[0].size().peers <= PEERS);
    let good = net.intruder(7);
    good.push(&mut net, forge(Some(9), 1, b"in time"));
    assert_eq!(net.delivered(0), ["in time"]);
}

#[test]
fn contacts_without_end_are_not_all_tried() {
    let mut net = Net::new(1, &Rules::default());
    let contacts = (0..10_000u32).map(|number| {
        let mut id = [9; 32];
        id[..4].copy_from_slice(&number.to_le_bytes());
        Contact {
            node: NodeId(id),
            addresses: Vec::new(),
        }
    });
    let contacts = contacts.collect();
    net.give(0, Input::Heard { app: APP, contacts });
    net.pass(5_000);
    let tried = net
        .told
        .iter()
        .filter(|(_, effect)| matches!(effect, Effect::Connect { .. }));
    assert!(tried.count() <= CANDIDATES.max(FIRST));
}
