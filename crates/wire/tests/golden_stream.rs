//! Golden vectors of the stream requests of `request/1`.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_wire::{
    fetch::FetchRequest,
    stream::{StreamAnswer, StreamRequest},
};

#[test]
fn requests_and_answers_have_these_bytes() {
    let cases = [
        (StreamRequest::Named { name: "chat".into() }, "8208816463686174"),
        (StreamRequest::Forward { port: 8080 }, "820981191f90"),
        (StreamRequest::Ping, "820a80"),
    ];
    for (request, hex) in cases {
        assert_eq!(HEXLOWER.encode(&request.to_bytes()), hex);
        assert_eq!(StreamRequest::from_bytes(&request.to_bytes()), Ok(request.clone()));
        assert!(
            FetchRequest::from_bytes(&request.to_bytes()).is_err(),
            "one number, one request"
        );
    }
    let no = StreamAnswer::No { reason: "busy".into() };
    assert_eq!(HEXLOWER.encode(&no.to_bytes()), "8201816462757379");
    assert_eq!(StreamAnswer::from_bytes(&no.to_bytes()), Ok(no));
    assert_eq!(HEXLOWER.encode(&StreamAnswer::Yes.to_bytes()), "820080");
}

#[test]
fn names_and_reasons_that_are_too_long_or_strange_are_refused() {
    for name in [String::new(), "a b".into(), "../x".into(), "x".repeat(65)] {
        let bytes = StreamRequest::Named { name }.to_bytes();
        assert!(StreamRequest::from_bytes(&bytes).is_err());
    }
    assert!(StreamRequest::from_bytes(&StreamRequest::Forward { port: 0 }.to_bytes()).is_err());
    let long = StreamAnswer::No {
        reason: "x".repeat(257),
    };
    assert!(StreamAnswer::from_bytes(&long.to_bytes()).is_err());
}
