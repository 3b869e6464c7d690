//! What people paste, type and choose: ids, tickets, invitations, keys, names.

use crate::{
    Target,
    promise::{parses_back, settles, text},
    seeds,
};
use hedgerow_base::{
    Alias, AppId, AppName, ContentId, EntryHash, InstanceId, LogId, MessageId, NodeId, PersonId, Pseudonym, RecordId,
    SpaceId, UserId, WidgetId,
};
use hedgerow_bundle::{check_licence, check_version};
use hedgerow_net::{RelayAt, Ticket, web};
use hedgerow_node::hostile;
use hedgerow_secrets::GroupKey;

fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn ids(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    /// Each by its own reader.
    macro_rules! each {
        ($($type:ident)*) => { $(let _ = parses_back::<$type>(text);)* };
    }
    each!(NodeId UserId PersonId Pseudonym SpaceId LogId EntryHash RecordId ContentId AppId MessageId);
    let _ = (
        parses_back::<WidgetId>(text),
        parses_back::<InstanceId>(text),
        parses_back::<Alias>(text),
    );
    if let Some(name) = parses_back::<AppName>(text) {
        let _ = name.id();
    }
}

fn id_seeds() -> Vec<Vec<u8>> {
    let mut seeds = bytes_of(&["chat", "a-b", "0123456789abcdef", "abcdefghijklmnop"]);
    seeds.push("ab".repeat(32).into_bytes());
    seeds.push("AB".repeat(32).into_bytes());
    seeds.push(WidgetId::from_genesis_digest(&[7; 32]).to_string().into_bytes());
    seeds
}

/// What begins with the prefix is read as it is; anything else becomes the body of a ticket, with a good checksum.
fn ticket(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        parses_back::<Ticket>(text);
    }
    let sum = hedgerow_base::hash::hash("hedgerow 2026 ticket checksum v1", &[bytes]);
    let whole = [bytes, &sum[..4]].concat();
    let made = format!(
        "hedge1{}",
        data_encoding::BASE32_NOPAD.encode(&whole).to_ascii_lowercase()
    );
    if let Some(ticket) = parses_back::<Ticket>(&made) {
        assert!(ticket.relays.len() <= 3 && ticket.addresses.len() <= 16, "bounds");
    }
}

fn ticket_seeds() -> Vec<Vec<u8>> {
    let ticket = Ticket {
        node: NodeId([7; 32]),
        addresses: vec!["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()],
        relays: vec![RelayAt::of(NodeId([9; 32]), "203.0.113.7:4401".parse().unwrap())],
        name: Some("Ada".into()),
    };
    vec![seeds::wire::ticket().to_bytes(), ticket.to_string().into_bytes()]
}

fn relay(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        parses_back::<RelayAt>(text);
    }
}

fn invitation(bytes: &[u8]) {
    let read = |text: &str| hostile::invitation(text);
    let again = |text: &str| {
        if let Some((written, tickets)) = read(text) {
            assert!(tickets <= 4, "bounds");
            assert_eq!(read(&written), Some((written.clone(), tickets)));
        }
    };
    if let Some(text) = text(bytes) {
        again(text);
    }
    again(&hostile::invitation_of(bytes));
}

fn invitation_seeds() -> Vec<Vec<u8>> {
    let mut body = Vec::new();
    let mut e = minicbor::Encoder::new(&mut body);
    let whole = e.map(8).and_then(|e| {
        e.u8(0)?.bytes(&seeds::sync::invite().to_bytes())?;
        e.u8(1)?.bytes(&WidgetId::from_genesis_digest(&[7; 32]).0)?;
        e.u8(2)?
            .u8(1)?
            .u8(3)?
            .str("Ada")?
            .u8(4)?
            .str("Plans")?
            .u8(5)?
            .str("Checklist")?;
        e.u8(6)?.array(1)?.str("hedge1aaaa")?.u8(7)?.bytes(&[5; 32])?;
        Ok(())
    });
    whole.unwrap();
    let text = hostile::invitation_of(&body).into_bytes();
    vec![body, text]
}

fn cosigned(bytes: &[u8]) {
    let write = |bytes: &[u8]| format!("hgr1{}", data_encoding::BASE64URL_NOPAD.encode(bytes));
    for text in [text(bytes).map(str::to_owned), Some(write(bytes))]
        .into_iter()
        .flatten()
    {
        if let Some(record) = hostile::cosigned(&text) {
            assert_eq!(hostile::cosigned(&write(&record)), Some(record));
        }
    }
}

fn group_key(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(key) = text.parse::<GroupKey>() {
        let written = key.to_text();
        let again = written.parse::<GroupKey>().expect("what is written");
        assert_eq!(again.id(&seeds::wire::APP), key.id(&seeds::wire::APP));
    }
}

fn group_key_seeds() -> Vec<Vec<u8>> {
    let key = GroupKey::from_random([7; 32]);
    vec![key.to_text().as_bytes().to_vec()]
}

fn names_of_files(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let name = settles(text, hedgerow_files::safe_name);
    let harmless = |name: &str| {
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
        !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.chars().any(bad)
    };
    assert!(harmless(&name), "{name:?}");
    assert!(harmless(&hedgerow_files::numbered(&name, 4_000_000_000)), "{name:?}");
}

fn licence(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(written) = check_licence(text) {
        assert_eq!(check_licence(&written).ok(), Some(written));
    }
    let _ = check_version(text);
}

/// An address of a web site: never of this machine, and what it is written as is the same.
fn web_address(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some((url, host)) = hostile::web_address(text) {
        assert!(url.starts_with("http://") || url.starts_with("https://"), "{url}");
        assert!(!host.is_empty() && host.parse::<std::net::IpAddr>().is_err(), "{host}");
        assert_eq!(hostile::web_address(&url), Some((url, host)));
    }
    if web::is_public_text(text) {
        let ip: std::net::IpAddr = text.trim_matches(['[', ']']).parse().expect("an address");
        assert!(!ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast(), "{ip}");
        if let std::net::IpAddr::V4(ip) = ip {
            assert!(!ip.is_private() && !ip.is_link_local() && !ip.is_broadcast(), "{ip}");
        }
    }
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "text_ids",
        "parse::<NodeId>, …: every id that is written as text",
        ids,
        id_seeds,
    ),
    Target::new(
        "text_ticket",
        "parse::<Ticket>: as text, and any body with a good checksum",
        ticket,
        ticket_seeds,
    )
    .up_to(2500),
    Target::new("text_relay", "parse::<RelayAt>", relay, || {
        bytes_of(&[
            "203.0.113.7:4401",
            "[2001:db8::1]:443#abababababababababababababababababababababababababababababababab",
        ])
    }),
    Target::new(
        "text_invitation",
        "Invitation::parse: as text, and any body with a good checksum",
        invitation,
        invitation_seeds,
    ),
    Target::new(
        "text_cosigned",
        "cosigning::record_of: a release that others sign",
        cosigned,
        seeds::wire::signed,
    ),
    Target::new("text_group_key", "parse::<GroupKey>", group_key, group_key_seeds),
    Target::new(
        "text_file_name",
        "safe_name: what a peer calls a file stays in its folder, and settles",
        names_of_files,
        || {
            bytes_of(&[
                "report.pdf",
                "../../etc/passwd",
                "con.txt",
                "a\u{202e}fdp.exe",
                " .x. ",
                "C:\\a\\b",
            ])
        },
    ),
    Target::new("text_licence", "check_licence, check_version", licence, || {
        bytes_of(&[
            "MIT OR Apache-2.0",
            "GPL-3.0-or-later WITH Classpath-exception-2.0",
            "mit",
            "1.2.3-alpha.1+b",
        ])
    })
    .up_to(400),
    Target::new(
        "text_web_address",
        "web::address, is_public_text: no address of this machine or its network",
        web_address,
        || {
            bytes_of(&[
                "https://example.org/a?b#c",
                "http://EXAMPLE.org.:80/",
                "https://user:pass@example.org",
                "http://127.0.0.1/",
                "http://0x7f.1/",
                "[::ffff:127.0.0.1]",
                "2002:7f00:1::",
                "8.8.8.8",
            ])
        },
    ),
];
