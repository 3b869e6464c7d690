//! Golden vectors of `request/1`.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_base::ContentId;
use hedgerow_wire::fetch::{FetchRequest, ManifestBody};

#[test]
fn requests_and_answers_have_these_bytes() {
    let content = ContentId([7; 32]);
    let id = "07".repeat(32);
    let manifest = FetchRequest::Manifest { content };
    assert_eq!(HEXLOWER.encode(&manifest.to_bytes()), format!("8200815820{id}"));
    let chunks = FetchRequest::Chunks {
        content,
        first: 1,
        count: 2,
    };
    assert_eq!(HEXLOWER.encode(&chunks.to_bytes()), format!("8201835820{id}0102"));
    assert_eq!(FetchRequest::from_bytes(&chunks.to_bytes()), Ok(chunks));
    let body = ManifestBody {
        size: 3,
        digests: vec![1; 32].into(),
    };
    assert_eq!(
        HEXLOWER.encode(&body.to_bytes()),
        format!("82035820{}", "01".repeat(32))
    );
    assert_eq!(ManifestBody::from_bytes(&body.to_bytes()), Ok(body));
}

#[test]
fn a_request_for_nothing_or_too_much_is_refused() {
    for count in [0, 65, u32::MAX] {
        let bytes = FetchRequest::Chunks {
            content: ContentId([7; 32]),
            first: 0,
            count,
        }
        .to_bytes();
        assert!(FetchRequest::from_bytes(&bytes).is_err());
    }
}
