//! Golden vectors of the file requests of `request/1`.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_wire::{
    fetch::FetchRequest,
    send::{MAX_FILE, SendRequest, TransferId, Verdict},
    stream::StreamRequest,
};

const ID: TransferId = TransferId([0xab; 16]);

#[test]
fn requests_and_verdicts_have_these_bytes() {
    let (id, hash) = ("50abababababababababababababababab", "cd".repeat(32));
    let offer = SendRequest::Offer {
        id: ID,
        name: "a.txt".into(),
        size: 1000,
        hash: [0xcd; 32],
    };
    let tell = SendRequest::Tell {
        id: ID,
        receiver: true,
        verdict: Verdict::Done,
    };
    let cases = [
        (offer, format!("82181c84{id}65612e7478741903e85820{hash}")),
        (SendRequest::Values { id: ID }, format!("82181d81{id}")),
        (
            SendRequest::Bytes { id: ID, from: 65536 },
            format!("82181e82{id}1a00010000"),
        ),
        (tell, format!("82181f83{id}f5820280")),
    ];
    for (request, hex) in cases {
        assert_eq!(HEXLOWER.encode(&request.to_bytes()), hex);
        assert_eq!(SendRequest::from_bytes(&request.to_bytes()), Ok(request.clone()));
        assert!(StreamRequest::from_bytes(&request.to_bytes()).is_err());
        assert!(FetchRequest::from_bytes(&request.to_bytes()).is_err());
    }
    let no = Verdict::No { reason: "full".into() };
    let verdicts = [
        (Verdict::Asked, "820080"),
        (Verdict::Wanted, "820180"),
        (Verdict::Done, "820280"),
        (no, "8203816466756c6c"),
        (Verdict::Later, "820480"),
    ];
    for (verdict, hex) in verdicts {
        assert_eq!(HEXLOWER.encode(&verdict.to_bytes()), hex);
        assert_eq!(Verdict::from_bytes(&verdict.to_bytes()), Ok(verdict));
    }
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let offer = |name: String, size: u64| SendRequest::Offer {
        id: ID,
        name,
        size,
        hash: [0; 32],
    };
    assert!(SendRequest::from_bytes(&offer("x".repeat(513), 1).to_bytes()).is_err());
    assert!(SendRequest::from_bytes(&offer("x".into(), MAX_FILE + 1).to_bytes()).is_err());
    let from = MAX_FILE + 1;
    assert!(SendRequest::from_bytes(&SendRequest::Bytes { id: ID, from }.to_bytes()).is_err());
    let verdict = Verdict::No {
        reason: "x".repeat(257),
    };
    assert!(Verdict::from_bytes(&verdict.to_bytes()).is_err());
    let tell = SendRequest::Tell {
        id: ID,
        receiver: false,
        verdict,
    };
    assert!(SendRequest::from_bytes(&tell.to_bytes()).is_err());
    for short in [&b""[..], b"\x82", b"\x82\x18\x1c\x80", b"\x82\x18\x20\x80"] {
        assert!(SendRequest::from_bytes(short).is_err());
    }
}
