use crate::{Alias, AppName, InstanceId, NodeId, SecretKey, WidgetId, hash};
use alloc::string::ToString;

#[test]
fn a_widget_id_is_a_version_8_uuid_and_survives_its_text_form() {
    let id = WidgetId::from_genesis_digest(&[0xff; 32]);
    let text = id.to_string();
    assert_eq!(&text[14..15], "8");
    assert_eq!(text.parse(), Ok(id));
    assert!("6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse::<WidgetId>().is_err());
}

#[test]
fn an_instance_id_is_a_lower_case_host_label() {
    let id = InstanceId([7; 10]);
    assert!(
        id.to_string()
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!(id.to_string().to_ascii_uppercase().parse::<InstanceId>().is_err());
}

#[test]
fn a_signature_holds_only_for_its_context_key_and_message() {
    let key = SecretKey::from_seed(&[1; 32]);
    let signature = key.sign("a", b"hello");
    assert!(key.public().verify("a", b"hello", &signature).is_ok());
    assert!(key.public().verify("b", b"hello", &signature).is_err());
    assert!(key.public().verify("a", b"hellp", &signature).is_err());
    assert!(
        SecretKey::from_seed(&[2; 32])
            .public()
            .verify("a", b"hello", &signature)
            .is_err()
    );
}

#[test]
fn parts_of_a_hash_do_not_run_together() {
    assert_ne!(hash::hash("t", &[b"ab", b"c"]), hash::hash("t", &[b"a", b"bc"]));
}

#[test]
fn an_id_of_the_wrong_length_is_refused() {
    assert!("abcd".parse::<NodeId>().is_err());
}

#[test]
fn an_app_is_named_by_widget_name_or_id_and_everybody_gets_the_same_id() {
    let widget = WidgetId::from_genesis_digest(&[3; 32]);
    let named: AppName = "clipboard-2".parse().expect("a name");
    let by_uuid: AppName = widget.to_string().parse().expect("a widget");
    assert_eq!(by_uuid, AppName::Widget(widget));
    assert_ne!(named.id(), by_uuid.id());
    let by_id: AppName = named.id().to_string().parse().expect("an id");
    assert_eq!(by_id.id(), named.id());
    assert_eq!(named.to_string(), "clipboard-2");
    for bad in ["", "Clip", "2clip", "a b", "../x", &"a".repeat(41)] {
        assert!(bad.parse::<AppName>().is_err(), "{bad}");
    }
}

#[test]
fn a_node_has_another_alias_in_every_app_which_survives_its_text_form() {
    let (clip, chat) = (AppName::Named("clip".into()).id(), AppName::Named("chat".into()).id());
    let node = NodeId([5; 32]);
    let alias = Alias::of(&clip, &node);
    assert_ne!(alias, Alias::of(&chat, &node));
    assert_eq!(alias.to_string().parse(), Ok(alias));
    for bad in ["", "+123456789abcdef", "12", "zz34567890abcdef"] {
        assert!(bad.parse::<Alias>().is_err(), "{bad}");
    }
}
