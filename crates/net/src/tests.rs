//! Decisions that need no network. Real connections are in `tests/net`.

use crate::{
    config::NetLimits,
    error::{ConnectError, TicketError},
    queue::Queue,
    table::Table,
    ticket::{Ticket, shortened},
};
use bytes::Bytes;
use hedgerow_base::NodeId;
use hedgerow_wire::node::CloseCode;
use proptest::prelude::*;
use std::{net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, time::Instant};

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn table(limits: NetLimits) -> Table {
    Table::new(NodeId([5; 32]), limits)
}

const SMALLER: NodeId = NodeId([1; 32]);
const LARGER: NodeId = NodeId([9; 32]);
const LOST: ConnectError = ConnectError::NoAddress;

fn asked(table: &mut Table, node: NodeId, now: Instant) -> oneshot::Receiver<Result<(), ConnectError>> {
    let (waiter, answer) = oneshot::channel();
    table.ask(node, &[addr(1)], false, now, waiter);
    answer
}

#[test]
fn a_dial_that_fails_is_repeated_later_and_later_but_always() {
    let mut table = table(NetLimits::default());
    let mut now = Instant::now();
    table.remember(LARGER, &[addr(1)], now);
    let mut waits = Vec::new();
    for _ in 0..40 {
        let orders = table.due(now);
        assert_eq!(orders.len(), 1);
        assert!(table.due(now).is_empty(), "one dial at a time");
        table.dial_failed(&LARGER, orders[0].id, &LOST, now);
        let next = table.next_due(now).unwrap();
        waits.push(next.duration_since(now));
        now = next;
    }
    assert!(
        waits[0] >= Duration::from_millis(500) && waits[0] <= Duration::from_secs(1),
        "{waits:?}"
    );
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(300)), "{waits:?}");
    assert!(
        waits[20..].iter().all(|wait| *wait >= Duration::from_secs(150)),
        "{waits:?}"
    );
}

#[test]
fn discovery_on_the_local_network_dials_at_once_even_after_many_failures() {
    let mut table = table(NetLimits::default());
    let now = Instant::now();
    table.remember(LARGER, &[addr(1)], now);
    for _ in 0..10 {
        let at = table.next_due(now).unwrap();
        let order = table.due(at).pop().unwrap();
        table.dial_failed(&LARGER, order.id, &LOST, at);
    }
    let later = now + Duration::from_millis(1);
    assert!(table.discovered(LARGER, vec![addr(2)], later));
    let order = table.due(later).pop().unwrap();
    assert_eq!(order.addresses, [addr(2), addr(1)]);
}

#[test]
fn of_two_dials_at_once_the_one_of_the_smaller_node_is_kept() {
    let now = Instant::now();
    for (other, kept) in [(LARGER, Err(CloseCode::Duplicate)), (SMALLER, Ok(()))] {
        let mut table = table(NetLimits::default());
        let _answer = asked(&mut table, other, now);
        let order = table.due(now).pop().unwrap();
        assert!(table.dial_connected(&other, order.id));
        assert_eq!(table.admit_incoming(&other, &[0; 16], now), kept);
        assert_eq!(
            table.admit_outgoing(&other, order.id).is_ok(),
            kept.is_err(),
            "exactly one survives"
        );
    }
}

#[test]
fn a_dial_into_the_void_gives_way_to_the_peer_that_gets_through() {
    let now = Instant::now();
    for other in [SMALLER, LARGER] {
        let mut table = table(NetLimits::default());
        let _answer = asked(&mut table, other, now);
        let order = table.due(now).pop().unwrap();
        assert_eq!(table.admit_incoming(&other, &[0; 16], now), Ok(()));
        assert!(order.cancelled.has_changed().is_err(), "the dial is told to end");
        assert!(!table.dial_connected(&other, order.id));
    }
}

#[test]
fn a_fresh_ticket_does_not_wait_for_a_dial_to_old_addresses() {
    let mut table = table(NetLimits::default());
    let now = Instant::now();
    table.remember(LARGER, &[addr(1)], now);
    let stale = table.due(now).pop().unwrap();
    let (waiter, mut answer) = oneshot::channel();
    table.ask(LARGER, &[addr(2)], false, now, waiter);
    table.dial_failed(&LARGER, stale.id, &LOST, now);
    assert!(answer.try_recv().is_err(), "the old dial is not the answer");
    assert_eq!(table.due(now).pop().unwrap().addresses, [addr(2), addr(1)]);
}

#[test]
fn oneself_and_blocked_nodes_are_never_dialled_or_let_in() {
    let mut table = table(NetLimits::default());
    let now = Instant::now();
    let me = table.me;
    assert_eq!(asked(&mut table, me, now).try_recv(), Ok(Err(ConnectError::Myself)));
    table.blocked.insert(LARGER);
    assert_eq!(
        asked(&mut table, LARGER, now).try_recv(),
        Ok(Err(ConnectError::Blocked))
    );
    assert!(!table.discovered(LARGER, vec![addr(1)], now));
    table.remember(LARGER, &[addr(1)], now);
    assert!(table.due(now).is_empty());
    assert_eq!(table.refusal(&LARGER, now), Some(CloseCode::Blocked));
    assert_eq!(table.admit_incoming(&LARGER, &[0; 16], now), Err(CloseCode::Blocked));
}

#[test]
fn each_fault_doubles_the_time_for_which_a_peer_is_refused() {
    let mut table = table(NetLimits::default());
    let now = Instant::now();
    table.charge(LARGER, now);
    assert_eq!(
        table.refusal(&LARGER, now + Duration::from_secs(4)),
        Some(CloseCode::Fault)
    );
    assert_eq!(table.refusal(&LARGER, now + Duration::from_secs(6)), None);
    table.charge(LARGER, now);
    assert_eq!(
        table.refusal(&LARGER, now + Duration::from_secs(9)),
        Some(CloseCode::Fault)
    );
    for _ in 0..100 {
        table.charge(LARGER, now);
    }
    assert_eq!(table.refusal(&LARGER, now + Duration::from_secs(601)), None);
    assert_eq!(table.refusal(&SMALLER, now), None);
}

#[test]
fn endless_strangers_and_announcements_do_not_fill_memory() {
    let mut table = table(NetLimits {
        max_known: 50,
        max_lan: 10,
        ..NetLimits::default()
    });
    let now = Instant::now();
    let id = |n: u32| NodeId(hedgerow_base::hash::content_digest(&n.to_le_bytes()));
    for n in 0..5000 {
        table.discovered(id(n), vec![addr(1)], now);
        table.charge(id(n), now);
    }
    assert_eq!(table.known.len(), 10);
    for n in 5000..10_000 {
        table.remember(id(n), &[addr(1)], now);
    }
    assert_eq!(table.known.len(), 50);
    assert!(table.due(now).len() <= NetLimits::default().max_dials);
}

#[test]
fn a_full_queue_refuses_and_says_once_when_there_is_room() {
    let queue = Queue::new(10_000);
    let frame = Bytes::from(vec![0; 1000]);
    let taken = (0..100).take_while(|_| queue.push(frame.clone())).count();
    assert_eq!(taken, 9);
    assert!(!queue.has_room_again());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(queue.take()).len(), 9);
    assert!(queue.has_room_again());
    assert!(!queue.has_room_again());
    assert!(
        queue.push(Bytes::from(vec![0; 1 << 20])),
        "an empty queue takes any frame"
    );
}

#[test]
fn a_ticket_of_another_kind_is_told_from_a_damaged_one() {
    let ticket = Ticket {
        node: LARGER,
        addresses: vec![addr(1)],
        relays: vec![],
        name: Some("Ada".into()),
    };
    let text = ticket.to_string();
    assert!(text.starts_with("hedge1") && !text.contains(char::is_whitespace));
    assert_eq!(format!("  {}\n", text.to_uppercase()).parse(), Ok(ticket));
    assert_eq!("http://x".parse::<Ticket>(), Err(TicketError::NotATicket));
    assert_eq!("".parse::<Ticket>(), Err(TicketError::NotATicket));
    assert_eq!("hedge1".parse::<Ticket>(), Err(TicketError::Damaged));
    assert_eq!(text[..text.len() - 8].parse::<Ticket>(), Err(TicketError::Damaged));
    assert_eq!(
        format!("hedge1{}", "a".repeat(1 << 20)).parse::<Ticket>(),
        Err(TicketError::Damaged)
    );
}

fn any_addr() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
        (any::<[u8; 16]>(), any::<u16>()).prop_map(SocketAddr::from),
    ]
}

proptest! {
    #[test]
    fn every_ticket_survives_its_text(
        node in any::<[u8; 32]>(),
        addresses in prop::collection::vec(any_addr(), 0..=16),
        name in prop::option::of("[^\\p{C}]{0,32}"),
    ) {
        let ticket = Ticket { node: NodeId(node), addresses, relays: vec![], name };
        prop_assert_eq!(ticket.to_string().parse::<Ticket>(), Ok(ticket));
    }

    #[test]
    fn hostile_text_is_no_ticket_and_no_panic(text in "(hedge1|HEDGE1|)\\PC{0,200}") {
        prop_assert!(text.parse::<Ticket>().is_err());
    }

    #[test]
    fn a_changed_letter_is_noticed(place in 6usize..60, letter in "[a-z2-7]") {
        let ticket = Ticket { node: LARGER, addresses: vec![addr(4400)], relays: vec![], name: None };
        let mut text = ticket.to_string();
        prop_assume!(text[place..=place] != letter);
        text.replace_range(place..=place, &letter);
        prop_assert!(text.parse::<Ticket>().is_err());
    }

    #[test]
    fn a_text_is_shortened_between_letters(text in "\\PC{0,40}", max in 0usize..60) {
        let short = shortened(&text, max);
        prop_assert!(short.len() <= max && text.starts_with(short));
    }
}

#[test]
fn a_hundred_tickets_to_nowhere_do_not_keep_away_the_one_that_leads_somewhere() {
    let limits = NetLimits::default();
    let mut table = table(limits);
    let mut now = Instant::now();
    let nobody = |n: u8| NodeId([n + 20; 32]);
    let waiting: Vec<_> = (0..100).map(|n| asked(&mut table, nobody(n), now)).collect();
    assert_eq!(table.due(now).len(), limits.max_dials);
    assert!(table.due(now).is_empty(), "no more at once");
    now += Duration::from_millis(100);
    let _answer = asked(&mut table, LARGER, now);
    let next = table.next_due(now).unwrap();
    assert!(
        next <= now + Duration::from_secs(2),
        "it does not wait for the others to fail"
    );
    let orders = table.due(next);
    assert_eq!(orders[0].node, LARGER, "the last wish comes first");
    // Everybody gets a turn, and there is an end to what is under way.
    let (mut begun, mut now) = (limits.max_dials + orders.len(), next);
    while let Some(next) = table.next_due(now).filter(|_| begun < 200) {
        now = next;
        begun += table.due(now).len();
    }
    assert_eq!(begun, 101);
    drop(waiting);
}
