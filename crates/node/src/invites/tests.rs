use super::{Body, Invitation, PREFIX};
use hedgerow_base::{Pseudonym, WidgetId};

fn sample() -> Invitation {
    let body = Body {
        invite: vec![7; 400],
        widget: WidgetId::from_genesis_digest(&[3; 32]),
        kind: 1,
        from: "Ash".into(),
        name: "Shopping".into(),
        widget_name: "Checklist".into(),
        tickets: vec!["hedge1abc".into()],
        from_pseudonym: Pseudonym([5; 32]),
    };
    Invitation { body }
}

#[test]
fn an_invitation_survives_its_text_also_inside_a_link_or_a_sentence() {
    let text = sample().text();
    for around in [
        text.clone(),
        format!("http://hub.localhost:4400/#invite={text}"),
        format!("Join me:\n  {text}.\nSee you!"),
    ] {
        assert_eq!(Invitation::parse(&around).expect("reads").text(), text);
    }
}

#[test]
fn a_changed_cut_or_endless_invitation_is_refused_without_a_panic() {
    let text = sample().text();
    for at in PREFIX.len()..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("text");
        assert!(Invitation::parse(&changed).is_err(), "letter {at} was changed");
        assert!(Invitation::parse(&text[..at]).is_err(), "cut at {at}");
    }
    assert!(Invitation::parse(&format!("{PREFIX}{}", "A".repeat(1 << 20))).is_err());
    assert!(Invitation::parse("").is_err());
}
