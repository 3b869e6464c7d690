//! Golden vectors of the reach requests of `request/1`.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_wire::{
    reach::{Reach, ReachRequest, Tried},
    stream::StreamRequest,
};

fn reach() -> Reach {
    Reach {
        serves: vec!["203.0.113.7:4401".parse().unwrap()],
        homes: vec![],
        observed: vec!["[2001:db8::1]:9".parse().unwrap()],
        name: Some("Ada".into()),
    }
}

#[test]
fn requests_and_answers_of_reach_have_these_bytes() {
    let hex = "a4008146cb007107113101800281522001 0db80000000000000000000000010009 0363416461".replace(' ', "");
    assert_eq!(HEXLOWER.encode(&reach().to_bytes()), hex);
    assert_eq!(Reach::from_bytes(&reach().to_bytes()), Ok(reach()));
    let tell = ReachRequest::Tell { reach: reach() };
    assert_eq!(HEXLOWER.encode(&tell.to_bytes()), format!("821081{hex}"));
    assert_eq!(ReachRequest::from_bytes(&tell.to_bytes()), Ok(tell.clone()));
    assert!(
        StreamRequest::from_bytes(&tell.to_bytes()).is_err(),
        "one number, one request"
    );
    let asked = ReachRequest::Try { port: 4401 };
    assert_eq!(HEXLOWER.encode(&asked.to_bytes()), "821181191131");
    assert_eq!(HEXLOWER.encode(&Tried { reached: true }.to_bytes()), "a100f5");
    assert_eq!(Tried::from_bytes(&[0xa1, 0x00, 0xf5]), Ok(Tried { reached: true }));
    assert_eq!(
        Reach::from_bytes(&[0xa0]),
        Ok(Reach::default()),
        "an older or newer peer says less"
    );
}

#[test]
fn a_reach_with_too_many_addresses_is_refused() {
    let many = vec!["203.0.113.7:4401".parse().unwrap(); 4];
    for reach in [
        Reach {
            serves: many.clone(),
            ..Reach::default()
        },
        Reach {
            homes: many.clone(),
            ..Reach::default()
        },
        Reach {
            observed: many.clone(),
            ..Reach::default()
        },
    ] {
        assert!(Reach::from_bytes(&reach.to_bytes()).is_err());
        assert!(ReachRequest::from_bytes(&ReachRequest::Tell { reach }.to_bytes()).is_err());
    }
    assert!(ReachRequest::from_bytes(&ReachRequest::Try { port: 0 }.to_bytes()).is_err());
}
