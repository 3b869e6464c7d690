//! Attack 37: changed bytes of every message into every reader.

/// What reads a message: its bytes as it would be sent on, if it is sound.
pub(crate) type Reader = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

/// Changes every bit, cuts at every length, and lets every reader read it. Nothing panics, and what is taken is sent on
/// as bytes that say the same again.
pub(crate) fn read_by_all(messages: &[Vec<u8>], readers: &[Reader]) {
    for (name, read) in readers {
        let of_its_own = messages.iter().any(|bytes| read(bytes).is_some());
        assert!(of_its_own, "no message of this kind among the samples: {name}");
    }
    for message in messages {
        let check = |bytes: &[u8]| {
            for (name, read) in readers {
                if let Some(sent_on) = read(bytes) {
                    assert!(read(&sent_on) == Some(sent_on), "{name}: {bytes:02x?}");
                }
            }
        };
        check(message);
        (0..message.len()).for_each(|end| check(&message[..end]));
        let mut changed = message.clone();
        for at in 0..message.len() {
            for bit in 0..8 {
                changed[at] ^= 1 << bit;
                check(&changed);
                changed[at] ^= 1 << bit;
            }
            // Lengths and numbers as large as they go.
            for extreme in [0x00, 0x1b, 0x3b, 0x5b, 0x7b, 0x9b, 0xbb, 0xff] {
                changed[at] = extreme;
                check(&changed);
            }
            changed[at] = message[at];
        }
    }
}
