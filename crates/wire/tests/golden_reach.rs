//! Golden vectors of the reach requests of `request/1`.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_base::NodeId;
use hedgerow_wire::{
    reach::{Door, Helpers, Met, Ports, Reach, ReachRequest, Rest, Spot, Tried},
    stream::StreamRequest,
};

fn reach() -> Reach {
    Reach {
        serves: vec!["203.0.113.7:4401".parse().unwrap()],
        homes: vec![],
        observed: vec!["[2001:db8::1]:9".parse().unwrap()],
        name: Some("Ada".into()),
        side: vec!["203.0.113.7:4402".parse().unwrap()],
        ports: Some(Ports::Same { early: false }),
        witness: vec!["203.0.113.8:4402".parse().unwrap()],
        home_nodes: vec![],
    }
}

#[test]
fn requests_and_answers_of_reach_have_these_bytes() {
    let hex = "a7008146cb007107113101800281522001 0db80000000000000000000000010009 0363416461
        048146cb0071071132 05820081f4 068146cb0071081132"
        .split_whitespace()
        .collect::<String>();
    assert_eq!(HEXLOWER.encode(&reach().to_bytes()), hex);
    assert_eq!(Reach::from_bytes(&reach().to_bytes()), Ok(reach()));
    let tell = ReachRequest::Tell { reach: reach() };
    assert_eq!(HEXLOWER.encode(&tell.to_bytes()), format!("821081{hex}"));
    assert_eq!(ReachRequest::from_bytes(&tell.to_bytes()), Ok(tell.clone()));
    assert!(
        StreamRequest::from_bytes(&tell.to_bytes()).is_err(),
        "one number, one request"
    );
    let udp = ReachRequest::TryUdp { port: 4401 };
    assert_eq!(HEXLOWER.encode(&udp.to_bytes()), "82182181191131");
    assert_eq!(ReachRequest::from_bytes(&udp.to_bytes()), Ok(udp));
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
    assert!(ReachRequest::from_bytes(&ReachRequest::TryUdp { port: 0 }.to_bytes()).is_err());
}

#[test]
fn homes_name_their_nodes_one_for_each_or_none() {
    let mut reach = Reach {
        homes: vec!["203.0.113.7:4401".parse().unwrap()],
        home_nodes: vec![NodeId([9; 32])],
        ..Reach::default()
    };
    let bytes = reach.to_bytes();
    let hex = HEXLOWER.encode(&bytes);
    assert!(hex.contains("018146cb0071071131"), "{hex}");
    assert!(hex.ends_with(&format!("07815820{}", "09".repeat(32))), "{hex}");
    assert_eq!(Reach::from_bytes(&bytes), Ok(reach.clone()));
    reach.home_nodes.push(NodeId([8; 32]));
    assert!(Reach::from_bytes(&reach.to_bytes()).is_err());
}

#[test]
fn the_door_in_an_answer_is_as_sound_as_the_one_in_a_wish() {
    let door = Door {
        homes: vec!["203.0.113.7:4401".parse().unwrap()],
        pass: [5; 16],
        home_nodes: vec![NodeId([9; 32]), NodeId([8; 32])],
    };
    let rest = Rest {
        door: Some(door.clone()),
    };
    assert!(Rest::from_bytes(&rest.to_bytes()).is_err());
    assert!(ReachRequest::from_bytes(&ReachRequest::Park { door }.to_bytes()).is_err());
}

#[test]
fn requests_for_knocks_and_meetings_have_these_bytes() {
    let spot = |ports| Spot::new("203.0.113.7:4401".parse().unwrap(), ports);
    let at = "a2008146cb0071071131";
    for (ports, hex) in [
        (Ports::Same { early: true }, "82 0081f5"),
        (Ports::Sequential { step: -1 }, "82 018120"),
        (Ports::Block { low: 1024, high: 2047 }, "82 0282190400 1907ff"),
        (Ports::Random, "82 0380"),
        (Ports::Blocked, "82 0480"),
    ] {
        let hex = hex.replace(' ', "");
        let meet = ReachRequest::Meet {
            meeting: [9; 16],
            spot: spot(ports),
        };
        let meeting = HEXLOWER.encode(&meet.to_bytes());
        assert_eq!(meeting, format!("82158250{}{at}01{hex}", "09".repeat(16)));
        assert_eq!(ReachRequest::from_bytes(&meet.to_bytes()), Ok(meet));
        let met = Met {
            spot: Some(spot(ports)),
        };
        assert_eq!(Met::from_bytes(&met.to_bytes()), Ok(met));
    }
    assert_eq!(HEXLOWER.encode(&ReachRequest::Helpers.to_bytes()), "821280");
    let knock = ReachRequest::Knock { token: [7; 8] };
    assert_eq!(
        HEXLOWER.encode(&knock.to_bytes()),
        format!("82138148{}", "07".repeat(8))
    );
    let seen = ReachRequest::Seen { token: [7; 8] };
    assert_eq!(
        HEXLOWER.encode(&seen.to_bytes()),
        format!("8218208148{}", "07".repeat(8))
    );
    assert_eq!(ReachRequest::from_bytes(&seen.to_bytes()), Ok(seen));
    let at = ReachRequest::KnockAt {
        at: vec!["203.0.113.7:4401".parse().unwrap()],
        token: [7; 8],
    };
    let hex = format!("8214828146cb007107113148{}", "07".repeat(8));
    assert_eq!(HEXLOWER.encode(&at.to_bytes()), hex);
    assert_eq!(Met::from_bytes(&[0xa0]), Ok(Met::default()));
    assert_eq!(Helpers::from_bytes(&[0xa0]), Ok(Helpers::default()));
}

#[test]
fn spots_that_make_no_sense_are_refused() {
    for ports in [
        Ports::Sequential { step: 0 },
        Ports::Block { low: 9, high: 8 },
        Ports::Block { low: 0, high: 8 },
        Ports::Block { low: 1024, high: 9000 },
    ] {
        let spot = Spot::new("203.0.113.7:4401".parse().unwrap(), ports);
        let meet = ReachRequest::Meet {
            meeting: [0; 16],
            spot: spot.clone(),
        };
        assert!(ReachRequest::from_bytes(&meet.to_bytes()).is_err(), "{ports:?}");
        assert!(Met::from_bytes(&Met { spot: Some(spot) }.to_bytes()).is_err());
        let reach = Reach {
            ports: Some(ports),
            ..Reach::default()
        };
        assert!(Reach::from_bytes(&reach.to_bytes()).is_err());
    }
    let nowhere = Spot::new("203.0.113.7:0".parse().unwrap(), Ports::Random);
    assert!(Met::from_bytes(&Met { spot: Some(nowhere) }.to_bytes()).is_err());
    let many = ReachRequest::KnockAt {
        at: vec![],
        token: [0; 8],
    };
    assert!(ReachRequest::from_bytes(&many.to_bytes()).is_err());
    let many = Helpers {
        sides: vec!["203.0.113.7:4401".parse().unwrap(); 9],
    };
    assert!(Helpers::from_bytes(&many.to_bytes()).is_err());
}
