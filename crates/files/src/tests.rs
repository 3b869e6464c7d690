use crate::*;
use alloc::{format, string::String, vec, vec::Vec};
use hedgerow_base::{NodeId, UserId, tree::piece_value};
use proptest::prelude::*;

const MIA: NodeId = NodeId([1; 32]);
const TOM: NodeId = NodeId([2; 32]);
const USER: UserId = UserId([9; 32]);

fn plan(size: u64) -> Plan {
    Plan { size, hash: [7; 32] }
}
fn offer(n: u8, size: u64) -> Offer {
    Offer {
        id: TransferId([n; 16]),
        name: format!("{n}.bin"),
        plan: plan(size),
    }
}
fn come(book: &mut Book, now: u64, n: u8, size: u64) -> (Verdict, Vec<Effect>) {
    come_from(book, now, MIA, n, size)
}
fn come_from(book: &mut Book, now: u64, node: NodeId, n: u8, size: u64) -> (Verdict, Vec<Effect>) {
    let mut effects = Vec::new();
    let from = Sender { node, user: USER };
    let verdict = book.offered(now, from, offer(n, size), "/in", 1 << 40, &mut effects);
    (verdict, effects)
}
fn connect(book: &mut Book, now: u64, peer: NodeId) -> Vec<Effect> {
    let mut effects = Vec::new();
    book.connected(now, peer, &mut effects);
    effects
}
fn state(book: &Book, number: u64) -> State {
    book.get(number).expect("known").state
}

#[test]
fn nothing_is_fetched_before_somebody_agrees() {
    let mut book = Book::default();
    connect(&mut book, 0, MIA);
    assert_eq!(come(&mut book, 1, 1, 500), (Verdict::Asked, vec![Effect::Ask(1)]));
    assert_eq!(book.to_keep().count(), 0, "the sender repeats what nobody answered");
    assert_eq!(
        come(&mut book, 2, 1, 500),
        (Verdict::Asked, vec![]),
        "said again, asked once"
    );
    let mut effects = Vec::new();
    assert_eq!(book.accept(3, 1, "/to".into(), 499, &mut effects), Err(Refusal::NoRoom));
    assert_eq!(effects, []);
    book.accept(3, 1, "/to".into(), 500, &mut effects).expect("accepted");
    assert_eq!(effects, [Effect::Keep, Effect::Tell(1), Effect::Fetch(1)]);
    assert_eq!(book.refuse(4, 1, &mut effects), Err(Refusal::Late));
    effects.clear();
    book.fetched(5, 1, Outcome::Done("/to/1.bin".into()), &mut effects);
    assert!(effects.contains(&Effect::Tell(1)));
    assert_eq!(come(&mut book, 6, 1, 500).0, Verdict::Done, "a lost word is said again");
    assert!(
        matches!(come(&mut book, 6, 1, 501).0, Verdict::No { .. }),
        "another file under its name"
    );
}

#[test]
fn a_rule_takes_so_much_a_day_from_one_person_and_no_more() {
    let mut book = Book::default();
    let mut settings = Settings::default();
    settings.always.insert(USER, 1000);
    book.set_settings(settings, &mut Vec::new());
    connect(&mut book, 0, MIA);
    assert_eq!(come(&mut book, 1, 1, 600).0, Verdict::Wanted);
    assert!(book.get(1).expect("known").by_rule);
    assert_eq!(come(&mut book, 2, 2, 600).0, Verdict::Asked, "over the day's measure");
    assert_eq!(come(&mut book, 3, 3, 400).0, Verdict::Wanted);
    assert_eq!(come(&mut book, 86_400_001, 4, 600).0, Verdict::Wanted, "the next day");
    let stranger = Sender {
        node: TOM,
        user: UserId([3; 32]),
    };
    let verdict = book.offered(4, stranger, offer(9, 1), "/in", 1 << 40, &mut Vec::new());
    assert_eq!(verdict, Verdict::Asked);
    let mut full = Vec::new();
    let verdict = book.offered(
        172_900_000,
        Sender { node: MIA, user: USER },
        offer(8, 10),
        "/in",
        9,
        &mut full,
    );
    assert_eq!(verdict, Verdict::Asked, "no rule fills a disk");
}

#[test]
fn offers_of_one_peer_are_bounded() {
    let mut book = Book::default();
    connect(&mut book, 0, MIA);
    for n in 0..8 {
        assert_eq!(come(&mut book, 1, n, 10).0, Verdict::Asked);
    }
    assert_eq!(come(&mut book, 1, 8, 10).0, Verdict::Later);
    // Refusing makes room, but not without end within an hour.
    for n in 8..=255u8 {
        let asking = book.transfers().find(|t| t.state == State::Asking).map(|t| t.number);
        if let Some(number) = asking {
            book.refuse(2, number, &mut Vec::new()).expect("asked");
        }
        come(&mut book, 2, n, 10);
    }
    let verdict = come(&mut book, 3, 200, 10).0;
    assert_eq!(verdict, Verdict::Later);
    assert!(book.transfers().count() <= 110, "{}", book.transfers().count());
    let size = book.settings().max_size + 1;
    assert!(matches!(come_from(&mut book, 4, TOM, 1, size).0, Verdict::No { .. }));
}

#[test]
fn a_fetch_that_breaks_goes_on_when_the_peer_is_back() {
    let mut book = Book::default();
    connect(&mut book, 0, MIA);
    come(&mut book, 1, 1, 500);
    let mut effects = Vec::new();
    book.accept(2, 1, "/to".into(), 500, &mut effects).expect("accepted");
    book.gone(3, &MIA);
    effects.clear();
    book.fetched(3, 1, Outcome::Broken(true), &mut effects);
    assert_eq!(state(&book, 1), State::Waiting);
    assert_eq!(book.poll_timeout(), None, "nothing is tried without a peer");
    assert!(connect(&mut book, 9, MIA).contains(&Effect::Fetch(1)));
    // Broken while connected: tried again by time.
    effects.clear();
    book.fetched(10, 1, Outcome::Broken(false), &mut effects);
    assert!(!effects.contains(&Effect::Fetch(1)));
    let due = book.poll_timeout().expect("a time");
    effects.clear();
    book.handle_timeout(due, &mut effects);
    assert_eq!(effects, [Effect::Fetch(1)]);
    // After a restart of this node, too.
    let kept: Vec<Transfer> = book.to_keep().cloned().collect();
    let mut again = Book::load(Settings::default(), kept);
    assert_eq!(state(&again, 1), State::Waiting);
    assert_eq!(connect(&mut again, 20, MIA), [Effect::Fetch(1)]);
}

#[test]
fn few_fetches_run_at_once_and_the_next_follow() {
    let mut book = Book::default();
    connect(&mut book, 0, MIA);
    let mut effects = Vec::new();
    for n in 1..=5u8 {
        come(&mut book, 1, n, 10);
        book.accept(1, n.into(), "/".into(), 10, &mut effects)
            .expect("accepted");
    }
    let fetches = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Fetch(_))).count();
    assert_eq!(fetches(&effects), 2);
    effects.clear();
    book.stop(2, 1, &mut effects).expect("stopped");
    assert!(effects.contains(&Effect::Halt(1)) && effects.contains(&Effect::Discard(1)));
    effects.clear();
    book.fetched(3, 2, Outcome::Wrong("bad".into()), &mut effects);
    assert_eq!(fetches(&effects), 2, "both places are taken again");
}

#[test]
fn a_sender_hears_the_end_also_when_the_word_was_lost() {
    let mut book = Book::default();
    let mut effects = Vec::new();
    let number = book
        .send(0, MIA, offer(1, 500), "/x".into(), &mut effects)
        .expect("offered");
    assert_eq!(effects, [Effect::Keep], "nobody is there yet");
    assert_eq!(connect(&mut book, 1, MIA), [Effect::Offer(number)]);
    book.answered(2, number, Some(Verdict::Asked), &mut effects);
    let id = TransferId([1; 16]);
    assert!(book.serve(3, &TOM, &id, &mut effects).is_err(), "only for whom it is");
    assert_eq!(book.serve(3, &MIA, &id, &mut effects), Ok(number));
    assert_eq!(state(&book, number), State::Moving);
    book.serving(5_000, number);
    effects.clear();
    book.handle_timeout(34_999, &mut effects);
    assert_eq!(effects, []);
    book.handle_timeout(35_000, &mut effects);
    assert_eq!(
        effects,
        [Effect::Offer(number)],
        "half a minute of silence: how does it stand?"
    );
    book.answered(35_001, number, Some(Verdict::Done), &mut effects);
    assert_eq!(state(&book, number), State::Done);
    assert!(book.serve(35_002, &MIA, &id, &mut effects).is_err());
    let again = book
        .send(35_003, MIA, offer(2, 500), "/x".into(), &mut effects)
        .expect("offered");
    assert_ne!(again, number, "what is over is over");
}

#[test]
fn the_same_file_to_the_same_peer_is_one_transfer() {
    let mut book = Book::default();
    let mut send = |n: u8, peer: NodeId| {
        let mut offer = offer(n, 500);
        offer.name = "a.txt".into();
        book.send(0, peer, offer, "/x".into(), &mut Vec::new())
            .expect("offered")
    };
    assert_eq!((send(1, MIA), send(2, MIA), send(3, TOM)), (1, 1, 2));
}

#[test]
fn either_side_may_stop_and_the_other_hears_it() {
    let mut book = Book::default();
    connect(&mut book, 0, MIA);
    come(&mut book, 1, 1, 500);
    let mut effects = Vec::new();
    book.accept(2, 1, "/to".into(), 500, &mut effects).expect("accepted");
    effects.clear();
    let no = Verdict::No {
        reason: "changed my mind".into(),
    };
    let id = TransferId([1; 16]);
    let heard = book.told(3, &TOM, &id, false, no.clone(), &mut effects);
    assert!(
        matches!(heard, Verdict::No { .. }) && effects.is_empty(),
        "not from somebody else"
    );
    book.told(3, &MIA, &id, false, no.clone(), &mut effects);
    assert_eq!(effects, [Effect::Halt(1), Effect::Discard(1), Effect::Keep]);
    assert_eq!(state(&book, 1), State::Stopped);
    let sent = book
        .send(4, MIA, offer(5, 10), "/x".into(), &mut effects)
        .expect("offered");
    book.told(5, &MIA, &TransferId([5; 16]), true, no, &mut effects);
    assert_eq!(
        (state(&book, sent), book.get(sent).expect("known").why.as_str()),
        (State::Refused, "changed my mind")
    );
}

#[test]
fn a_name_is_never_a_path_and_never_hidden() {
    let cases = [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("..", "file"),
        ("", "file"),
        ("dir/", "file"),
        (".bashrc", "bashrc"),
        ("...hidden", "hidden"),
        (".. .hidden", "hidden"),
        ("x. .", "x"),
        ("x.\u{a0}.", "x"),
        ("a\0b\nc", "abc"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1.log", "_com1.log"),
        ("common.txt", "common.txt"),
        ("what?*.txt", "what__.txt"),
        ("end. ", "end"),
        ("  spaced  .txt", "spaced  .txt"),
        ("Ünïcödé 名前.pdf", "Ünïcödé 名前.pdf"),
    ];
    for (hint, name) in cases {
        assert_eq!(safe_name(hint), name, "{hint:?}");
    }
    assert_eq!(numbered("report.tar.gz", 2), "report.tar (2).gz");
    assert_eq!(numbered("README", 3), "README (3)");
    let long = safe_name(&format!("{}.jpeg", "ä".repeat(300)));
    assert!(long.len() <= 180 && long.ends_with(".jpeg"), "{long}");
    let device = safe_name(&format!("con.{}", "a".repeat(300)));
    assert!(device.len() <= 180 && safe_name(&device) == device, "{device}");
}

proptest! {
    #[test]
    fn every_name_becomes_one_of_one_folder(hint in any::<String>()) {
        let name = safe_name(&hint);
        prop_assert!(!name.is_empty() && name.len() <= 180);
        prop_assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with('.'));
        prop_assert_eq!(safe_name(&name), name, "what is safe stays");
    }
}

#[test]
fn pieces_of_a_file_prove_themselves_against_its_plain_hash() {
    for size in [
        0usize,
        1,
        1024,
        256 << 10,
        (256 << 10) + 1,
        3 * (256 << 10),
        5 * (256 << 10) + 77,
        9 << 18,
    ] {
        let bytes: Vec<u8> = (0..size).map(|i| (i / 7 % 251) as u8).collect();
        let mut builder = Builder::new(size as u64);
        let mut at = 0;
        while let Some(length) = builder.next_length() {
            builder.push(&bytes[at..at + length]);
            at += length;
        }
        let (plan, values) = builder.finish().expect("complete");
        assert_eq!(at, size);
        assert_eq!(
            plan.hash,
            hedgerow_base::hash::content_digest(&bytes),
            "{size}: as b3sum prints it"
        );
        assert!(plan.proves(&values));
        for index in 0..plan.pieces() {
            let (start, length) = plan.place(index);
            let mut piece = bytes[start as usize..start as usize + length].to_vec();
            assert!(plan.fits(&values, index, &piece));
            if let Some(first) = piece.first_mut() {
                *first ^= 1;
                assert!(!plan.fits(&values, index, &piece), "a changed byte");
            }
            assert!(!plan.fits(&values, index + 1, &piece), "another place");
        }
        let mut wrong = values.clone();
        wrong[0][0] ^= 1;
        assert!(!plan.proves(&wrong) && !plan.proves(&values[1..]));
    }
}

#[test]
fn the_list_of_values_stays_small_for_any_file() {
    for size in [1u64 << 33, (1 << 33) + 1, 1 << 39, 1 << 40] {
        let plan = plan(size);
        assert!(
            plan.pieces() <= MAX_PIECES && plan.piece_size().is_power_of_two(),
            "{size}"
        );
        let (start, length) = plan.place(plan.pieces() - 1);
        assert_eq!(start + length as u64, size);
    }
    let value = piece_value(0, 1, b"");
    assert!(Plan { size: 0, hash: value }.proves(&[value]));
}
