//! Attack 37: changed bytes of every message into every reader of messages, its own or not (Z9).

use hedgerow_fuzz::{GROUPS, Target, seeds};

#[test]
fn attack_37_changed_bytes_of_any_message_are_refused_or_read_as_something_sound_by_every_reader() {
    let (_, readers) = GROUPS.iter().find(|(name, _)| *name == "wire").expect("the group");
    for reader in *readers {
        assert!(!(reader.seeds)().is_empty(), "no message of this kind: {}", reader.name);
    }
    for message in seeds::messages() {
        changes(&message, |bytes| {
            readers.iter().for_each(|reader: &Target| (reader.run)(bytes))
        });
    }
}

/// Every bit changed, every length cut at, and every byte as small and as large as lengths and numbers go.
fn changes(message: &[u8], check: impl Fn(&[u8])) {
    (0..=message.len()).for_each(|end| check(&message[..end]));
    let mut changed = message.to_vec();
    for at in 0..message.len() {
        for bit in 0..8 {
            changed[at] = message[at] ^ (1 << bit);
            check(&changed);
        }
        for extreme in [0x00, 0x1b, 0x3b, 0x5b, 0x7b, 0x9b, 0xbb, 0xff] {
            changed[at] = extreme;
            check(&changed);
        }
        changed[at] = message[at];
    }
}
