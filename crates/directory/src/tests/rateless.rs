//! Two sets find their difference by coded symbols, and symbols that lie cost little.

use super::*;
use crate::riblt::{Decoder, Encoder, Key, MAX_DIFFERENCES, MAX_SYMBOLS, Progress, Symbol};

fn id(n: u64) -> RecordId {
    let mut rng = Rng(n ^ 0x7269_626c_7400_0000);
    let mut bytes = [0; 32];
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&rng.next().to_le_bytes());
    }
    RecordId(bytes)
}
fn ids(of: std::ops::Range<u64>) -> impl Iterator<Item = RecordId> {
    of.map(id)
}
fn session(seed: u64) -> Key {
    let mut rng = Rng(seed);
    Key(std::array::from_fn(|_| rng.next() as u8))
}

/// Symbols until all is found, one at a time, and what was found.
fn reconcile(encoder: &mut Encoder, decoder: &mut Decoder) -> (usize, Progress) {
    loop {
        let symbols = encoder.next(1);
        assert_eq!(symbols.len(), 1, "the session is at its end");
        match decoder.add(&symbols) {
            Progress::More => {}
            end => return (decoder.taken(), end),
        }
    }
}

#[test]
fn what_only_one_side_has_is_found_on_both_sides() {
    over_seeds(300, |seed| {
        let mut rng = Rng(seed);
        let (common, theirs, ours) = (rng.below(500) as u64, rng.below(60) as u64, rng.below(60) as u64);
        let key = session(seed);
        let they_have = ids(0..common).chain(ids(10_000..10_000 + theirs));
        let we_have: Vec<_> = ids(0..common).chain(ids(20_000..20_000 + ours)).collect();
        let mut encoder = Encoder::new(key, they_have);
        let mut decoder = Decoder::new(key, we_have.iter().copied());
        let batch = 1 + rng.below(40);
        let found = loop {
            match decoder.add(&encoder.next(batch)) {
                Progress::More => {}
                end => break end,
            }
        };
        let Progress::Done {
            theirs: shorts,
            ours: found,
        } = found
        else {
            panic!("too different");
        };
        let expected: BTreeSet<u64> = ids(10_000..10_000 + theirs).map(|id| key.short(&id)).collect();
        assert_eq!(shorts.len() as u64, theirs);
        assert_eq!(shorts.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(found, ids(20_000..20_000 + ours).collect::<Vec<_>>());
        assert!(matches!(decoder.add(&[Symbol::default()]), Progress::Done { .. }));
    });
}

#[test]
fn equal_sets_need_one_symbol_and_symbols_do_not_depend_on_how_they_are_asked_for() {
    let key = session(1);
    let mut encoder = Encoder::new(key, ids(0..1000));
    let mut decoder = Decoder::new(key, ids(0..1000));
    let (taken, end) = reconcile(&mut encoder, &mut decoder);
    assert_eq!(taken, 1);
    assert_eq!(
        end,
        Progress::Done {
            theirs: vec![],
            ours: vec![]
        }
    );
    let mut again = Encoder::new(key, ids(0..1000));
    let all = again.symbols(0, 500).to_vec();
    let mut encoder = Encoder::new(key, ids(0..1000));
    let parts: Vec<Symbol> = [1, 2, 100, 397].iter().flat_map(|n| encoder.next(*n)).collect();
    assert_eq!(parts, all);
    assert_eq!(again.symbols(100, 103), &all[100..103]);
    assert_eq!(again.next(usize::MAX).len(), MAX_SYMBOLS);
    assert!(again.next(1).is_empty());
}

/// Mean symbols for each difference, half of them on either side.
fn overhead(differences: u64, seeds: std::ops::Range<u64>) -> f64 {
    let runs = seeds.end - seeds.start;
    let of = |seed| {
        let key = session(seed);
        let first = seed * 1_000_000;
        let half = differences / 2;
        let mut encoder = Encoder::new(key, ids(first..first + half));
        let mut decoder = Decoder::new(key, ids(first + half..first + differences));
        let (taken, end) = reconcile(&mut encoder, &mut decoder);
        assert!(matches!(end, Progress::Done { .. }), "seed {seed}");
        taken as f64 / differences as f64
    };
    seeds.map(of).sum::<f64>() / runs as f64
}

#[test]
fn as_many_symbols_are_needed_as_the_paper_says() {
    // One run of 1000 is off by .03 either way, hence many. Yang et al. 2024: 1.35 in the limit, 1.35 to 1.72 over all sizes; our own model: 1.76, 1.375, 1.367.
    let found = [overhead(4, 0..4000), overhead(1000, 0..300), overhead(5000, 0..20)];
    std::println!("symbols for each difference: {found:.3?}");
    for (found, published) in found.iter().zip([1.76, 1.375, 1.367]) {
        assert!((found / published - 1.0).abs() < 0.05, "{found}, published {published}");
    }
    assert!(found[1] <= 1.38 && found[2] <= 1.38, "{found:?}");
}

/// Bytes of a symbol as an array of three in CBOR.
fn cbor(symbol: &Symbol) -> usize {
    let number = |of: u64| match of {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    };
    1 + number(symbol.sum) + number(u64::from(symbol.check)) + number(symbol.count.unsigned_abs())
}

#[test]
fn a_hundred_thousand_records_with_a_hundred_differences_take_less_than_ten_kilobytes() {
    let key = session(3);
    let mut encoder = Encoder::new(key, ids(0..99_950).chain(ids(1_000_000..1_000_050)));
    let mut decoder = Decoder::new(key, ids(0..99_950).chain(ids(2_000_000..2_000_050)));
    let mut bytes = 0;
    let found = loop {
        let symbols = encoder.next(32);
        bytes += symbols.iter().map(cbor).sum::<usize>();
        match decoder.add(&symbols) {
            Progress::More => {}
            end => break end,
        }
    };
    let Progress::Done { theirs, ours } = found else {
        panic!("{found:?}")
    };
    assert_eq!((theirs.len(), ours.len()), (50, 50));
    bytes += 9 * theirs.len();
    std::println!("{bytes} bytes");
    assert!(bytes < 10_000, "{bytes}");
}

#[test]
fn another_key_gives_other_short_ids_in_other_symbols() {
    let of = |seed| Encoder::new(session(seed), ids(0..50)).next(100);
    assert_eq!(of(1), of(1));
    let counts = |seed| of(seed).iter().map(|symbol| symbol.count).collect::<Vec<_>>();
    assert_ne!(counts(1), counts(2));
    assert_ne!(session(1).short(&id(1)), session(2).short(&id(1)));
    // So symbols of another session say nothing.
    let mut decoder = Decoder::new(session(2), ids(0..50));
    let found = decoder.add(&of(1));
    assert!(
        !matches!(&found, Progress::Done { theirs, ours } if theirs.is_empty() || ours.is_empty()),
        "{found:?}"
    );
}

#[test]
fn sets_that_differ_too_much_are_told_apart_at_once_where_their_sizes_do() {
    let key = session(4);
    let mut encoder = Encoder::new(key, ids(0..MAX_DIFFERENCES as u64 + 1));
    let mut decoder = Decoder::new(key, ids(0..0));
    assert_eq!(decoder.add(&encoder.next(1)), Progress::TooDifferent);
    assert_eq!(decoder.add(&encoder.next(1)), Progress::TooDifferent);
}

/// Feeds symbols until the decoder comes to an end, which it must.
fn feed(decoder: &mut Decoder, batch: usize, mut symbol: impl FnMut(usize) -> Symbol) -> Progress {
    for round in 0..=MAX_SYMBOLS / batch {
        let symbols: Vec<Symbol> = (round * batch..(round + 1) * batch).map(&mut symbol).collect();
        match decoder.add(&symbols) {
            Progress::More => {}
            end => return end,
        }
    }
    panic!("the decoder asks for ever");
}

#[test]
fn attack_35_symbols_that_are_of_no_set_end_within_bounded_work() {
    over_seeds(1000, |seed| {
        let mut rng = Rng(seed);
        let key = session(seed);
        // A set that is too large to be all the difference, now and then.
        let size = if seed % 50 == 0 { 20_000 } else { 200 };
        let mut decoder = Decoder::new(key, ids(0..size));
        let kind = seed % 5;
        let mut real = Encoder::new(key, ids(0..size).chain(ids(50_000..50_020)));
        let of_one = |short: u64| Encoder::new(key, [RecordId([short as u8; 32])].into_iter()).next(1)[0];
        let pool: Vec<Symbol> = (0..8).map(of_one).collect();
        let real: Vec<Symbol> = real.next(MAX_SYMBOLS + 1);
        let end = feed(&mut decoder, 512, |number| match kind {
            // Anything.
            0 => Symbol {
                sum: rng.next(),
                check: rng.next() as u32,
                count: rng.next() as i64,
            },
            // Symbols of one id each, in turn, more of them for ever, which belong elsewhere.
            1 => Symbol {
                count: if number == 0 { size as i64 } else { 1 },
                ..pool[number % pool.len()]
            },
            // Counts at the end of what can be counted.
            2 => Symbol {
                count: if number % 2 == 0 { i64::MIN } else { i64::MAX },
                ..real[number % MAX_SYMBOLS]
            },
            // A real set, with a bit changed here and there.
            3 => {
                let mut symbol = real[number % MAX_SYMBOLS];
                symbol.sum ^= u64::from(number % 7 == 3) << (seed % 64);
                symbol
            }
            // A real set whose first symbol claims one more.
            _ => {
                let mut symbol = real[number % MAX_SYMBOLS];
                symbol.count += i64::from(number == 0);
                symbol
            }
        });
        assert!(end == Progress::TooDifferent, "kind {kind}");
        assert_eq!(decoder.add(&[Symbol::default(); 9]), Progress::TooDifferent);
    });
}

#[test]
fn attack_35_nothing_but_zeros_is_an_empty_set_or_too_different() {
    let key = session(5);
    let mut small = Decoder::new(key, ids(0..100));
    let found = feed(&mut small, 16, |_| Symbol::default());
    assert!(matches!(found, Progress::Done { theirs, ours } if theirs.is_empty() && ours.len() == 100));
    let mut large = Decoder::new(key, ids(0..100_000));
    assert_eq!(feed(&mut large, 16, |_| Symbol::default()), Progress::TooDifferent);
}

#[test]
fn attack_35_ids_that_peel_and_peel_again_end() {
    // As many on either side, so that sizes tell nothing, and all of it correct: more than may be peeled.
    let key = session(6);
    let half = MAX_DIFFERENCES as u64 / 2 + 150;
    let mut many = Encoder::new(key, ids(0..half));
    let mut decoder = Decoder::new(key, ids(half..2 * half));
    let end = feed(&mut decoder, 512, |number| {
        many.symbols(number, number + 1).first().copied().unwrap_or_default()
    });
    assert!(end == Progress::TooDifferent);
    assert!(decoder.taken() < MAX_SYMBOLS, "it was not the number of symbols");
    // Every symbol says that there is one, and the same again and again.
    let one = Encoder::new(key, ids(7..8)).next(1)[0];
    let mut decoder = Decoder::new(key, ids(0..0));
    assert_eq!(feed(&mut decoder, 8, |_| one), Progress::TooDifferent);
}
