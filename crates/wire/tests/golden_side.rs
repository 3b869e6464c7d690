//! Golden vectors of the side socket's datagrams.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_wire::side::{ASK_LEN, From, MAX_SIDE, Side};

const MAGIC: &str = "0168656467726f77";

fn all() -> [(Side, String); 7] {
    let (token, meeting) = ([7; 8], [9; 16]);
    let (t, m) = ("07".repeat(8), "09".repeat(16));
    let cookie = [5; 8];
    let ask = |from, delay_s| Side::Ask {
        token,
        from,
        delay_s,
        cookie,
    };
    let padding = "05".repeat(8) + &"00".repeat(20);
    [
        (ask(From::Here, 0), format!("01{t}000000{padding}")),
        (ask(From::OtherPort, 600), format!("01{t}010258{padding}")),
        (
            Side::Seen {
                token,
                at: "203.0.113.7:4401".parse().unwrap(),
                other_port: 9,
                cookie,
            },
            format!("02{t}00000000000000000000ffffcb007107113100090505050505050505"),
        ),
        (Side::Knock { token }, format!("03{t}")),
        (Side::Open { meeting }, format!("04{m}")),
        (Side::Pick { meeting, door: 258 }, format!("05{m}0102")),
        (Side::Picked { meeting, door: 258 }, format!("06{m}0102")),
    ]
}

#[test]
fn datagrams_have_these_bytes() {
    for (datagram, hex) in all() {
        assert_eq!(HEXLOWER.encode(&datagram.to_bytes()), format!("{MAGIC}{hex}"));
        assert_eq!(Side::from_bytes(&datagram.to_bytes()), Ok(datagram));
        assert!(Side::is_meant(&datagram.to_bytes()));
    }
}

#[test]
fn no_answer_is_longer_than_its_question() {
    for (datagram, _) in all() {
        assert!(datagram.to_bytes().len() <= ASK_LEN);
    }
}

#[test]
fn cut_longer_or_changed_datagrams_are_refused_or_read_as_something_sound() {
    for (datagram, _) in all() {
        let bytes = datagram.to_bytes();
        for end in 0..bytes.len() {
            assert!(Side::from_bytes(&bytes[..end]).is_err(), "{datagram:?} cut at {end}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Side::from_bytes(&longer).is_err(), "{datagram:?}");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(read) = Side::from_bytes(&changed) {
                    assert!(read.to_bytes().len() <= MAX_SIDE);
                }
            }
        }
    }
}
