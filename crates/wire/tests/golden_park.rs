//! Golden vectors of the datagrams between a sleeping node, its home and callers.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_base::NodeId;
use hedgerow_wire::{
    park::{CALL_LEN, Calling, MAX_COUNT, Park},
    reach::{Door, ReachRequest, Rest, Slept},
    side::MAGIC,
};

fn all() -> Vec<(Park, String)> {
    let (session, count, mac) = (0x0102_0304, 0x0005_0607, [8; 6]);
    let numbers = "01020304050607";
    let m = "08".repeat(6);
    let here = |after| Park::Here {
        session,
        count,
        after,
        mac,
    };
    let (token, cookie) = ([9; 8], [10; 8]);
    let called = |calling| Park::Called {
        token,
        cookie,
        calling,
        elsewhere: None,
    };
    let nowhere = "00".repeat(6);
    let (t, c) = ("09".repeat(8), "0a".repeat(8));
    vec![
        (here(None), format!("10{numbers}00{m}")),
        (here(Some(0)), format!("10{numbers}01{m}")),
        (here(Some(253)), format!("10{numbers}fe{m}")),
        (Park::There { session, count, mac }, format!("11{numbers}{m}")),
        (Park::Wake { session, count, mac }, format!("12{numbers}{m}")),
        (Park::Awake { session, count, mac }, format!("13{numbers}{m}")),
        (Park::Lost { session, count }, format!("14{numbers}")),
        (
            Park::Call {
                node: NodeId([7; 32]),
                token,
                cookie,
                pass: [11; 16],
            },
            format!("15{}{t}{c}{}{}", "07".repeat(32), "0b".repeat(16), "00".repeat(7)),
        ),
        (called(Calling::Unknown), format!("16{t}{c}00{nowhere}")),
        (
            Park::Called {
                token,
                cookie,
                calling: Calling::Unknown,
                elsewhere: Some("203.0.113.7:4401".parse().unwrap()),
            },
            format!("16{t}{c}00cb0071071131"),
        ),
        (called(Calling::Again), format!("16{t}{c}01{nowhere}")),
        (called(Calling::Waking), format!("16{t}{c}02{nowhere}")),
        (called(Calling::Awake), format!("16{t}{c}03{nowhere}")),
        (called(Calling::Here), format!("16{t}{c}04{nowhere}")),
        (called(Calling::Refused), format!("16{t}{c}05{nowhere}")),
    ]
}

#[test]
fn datagrams_have_these_bytes() {
    for (datagram, hex) in all() {
        let bytes = datagram.to_bytes();
        assert_eq!(HEXLOWER.encode(&bytes), hex);
        assert_eq!(Park::from_bytes(&bytes), Ok(datagram));
        assert!(Park::is_meant(&bytes) && !bytes.starts_with(&MAGIC));
        assert!(Park::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
        for end in 0..bytes.len() {
            assert!(Park::from_bytes(&bytes[..end]).is_err(), "{datagram:?} cut at {end}");
        }
    }
    assert!(!Park::is_meant(&MAGIC) && !Park::is_meant(&[]));
}

#[test]
fn a_beat_fits_into_48_bytes_with_its_headers_and_no_call_causes_more_than_it_has() {
    let longest = |pick: fn(&Park) -> bool| {
        all()
            .iter()
            .filter(|(d, _)| pick(d))
            .map(|(d, _)| d.to_bytes().len())
            .max()
    };
    assert!(longest(|d| matches!(d, Park::Here { .. } | Park::There { .. })).unwrap() + 28 <= 48);
    let answer = longest(|d| matches!(d, Park::Called { .. })).unwrap();
    let wake = longest(|d| matches!(d, Park::Wake { .. })).unwrap();
    // Each is a packet of its own, with headers of IP and UDP.
    assert!(answer + wake + 28 <= CALL_LEN);
    assert!(longest(|d| matches!(d, Park::Lost { .. })) < longest(|d| matches!(d, Park::Here { .. })));
}

#[test]
fn counts_have_24_bits() {
    let lost = Park::Lost {
        session: 1,
        count: MAX_COUNT,
    };
    assert_eq!(Park::from_bytes(&lost.to_bytes()), Ok(lost));
}

#[test]
fn requests_and_answers_about_sleep_have_these_bytes() {
    let door = Door {
        homes: vec!["203.0.113.7:4401".parse().unwrap()],
        pass: [5; 16],
        home_nodes: vec![],
    };
    let pass = "05".repeat(16);
    let hex = format!("a2008146cb00710711310150{pass}");
    let park = ReachRequest::Park { door: door.clone() };
    assert_eq!(HEXLOWER.encode(&park.to_bytes()), format!("821681{hex}"));
    assert_eq!(ReachRequest::from_bytes(&park.to_bytes()), Ok(park));
    let many = ReachRequest::Park {
        door: Door {
            homes: vec!["203.0.113.7:4401".parse().unwrap(); 4],
            ..door.clone()
        },
    };
    assert!(ReachRequest::from_bytes(&many.to_bytes()).is_err());
    let yes = Rest { door: Some(door) };
    assert_eq!(HEXLOWER.encode(&yes.to_bytes()), format!("a100{hex}"));
    assert_eq!(Rest::from_bytes(&yes.to_bytes()), Ok(yes));
    assert_eq!(Rest::from_bytes(&[0xa0]), Ok(Rest::default()));
    let sleep = ReachRequest::Sleep { pass_key: [6; 32] };
    assert_eq!(
        HEXLOWER.encode(&sleep.to_bytes()),
        format!("8217815820{}", "06".repeat(32))
    );
    assert_eq!(ReachRequest::from_bytes(&sleep.to_bytes()), Ok(sleep));
    let slept = Slept { session: Some(7) };
    assert_eq!(HEXLOWER.encode(&slept.to_bytes()), "a10007");
    assert_eq!(Slept::from_bytes(&slept.to_bytes()), Ok(slept));
}
