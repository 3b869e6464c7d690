//! Names that look like others (attack 20): a widget called `Сhess`, with a Cyrillic С, beside the real `Chess`.
//!
//! By Unicode's list of characters that are easily confused (UTS 39), and a little coarser: case, accents, spaces and
//! punctuation do not tell two names apart. So this is for warnings and for ranking the older or better known one first,
//! never for refusing a name.

use alloc::string::String;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Characters of a name that are looked at. Names on the wire are shorter.
const LONGEST: usize = 512;

/// What names that look alike have in common; not for showing. Empty for a name in which nothing can be seen.
pub fn skeleton(name: &str) -> String {
    let name: String = name.chars().take(LONGEST).collect();
    let plain = |text: &str| -> String {
        let letters = unicode_security::skeleton(text).filter(|c| !is_combining_mark(*c) && !c.is_control());
        letters.flat_map(char::to_lowercase).collect()
    };
    // Twice, as small letters are confused where their capitals are not. I is l, and i is I, so i must be l.
    let twice = plain(&plain(&name)).replace('i', "l");
    let words: String = twice.nfd().filter(|c| c.is_alphanumeric()).collect();
    if words.is_empty() {
        twice.chars().filter(|c| !c.is_whitespace()).collect()
    } else {
        words
    }
}

/// Whether a name has characters that cannot be seen or that turn the direction of others around.
pub fn hides_something(name: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unseen = |c: char| {
        matches!(c, '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    name.chars().any(|c| c.is_control() || turns(c) || unseen(c))
}
