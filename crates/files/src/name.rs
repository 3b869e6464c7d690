//! Names of files that somebody else chose: made harmless for every system that the file may be copied to.

use alloc::{format, string::String};

/// Longest name in bytes; leaves room for a number and for what file systems add.
const MAX_NAME: usize = 180;
/// Longest ending that is kept when a name is cut.
const MAX_ENDING: usize = 16;
/// Names that Windows gives to devices, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A name in one folder: no path, not hidden, no device, no control or direction character, at most 180 bytes. What
/// has nothing left is called `file`.
pub fn safe_name(hint: &str) -> String {
    let last = hint.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = last.chars().filter(|c| !is_invisible(*c));
    let plain: String = shown.map(|c| if is_special(c) { '_' } else { c }).collect();
    let name = cut(plain.trim_matches(is_edge), MAX_NAME);
    match name {
        name if name.is_empty() => "file".into(),
        name if is_device(&name) => cut(&format!("_{name}"), MAX_NAME),
        name => name,
    }
}

/// `report.pdf` with 2: `report (2).pdf`.
pub fn numbered(name: &str, number: u32) -> String {
    let (stem, ending) = parts(name);
    format!("{stem} ({number}){ending}")
}

/// Control characters, and those which turn the direction of text or show nothing: they make a name look like another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What a name neither begins nor ends with: it would be hidden, or another one elsewhere.
fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

fn is_special(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_lowercase();
    let (word, number) = stem.split_at_checked(3).unwrap_or((&stem, ""));
    let numbered = matches!(word, "com" | "lpt");
    DEVICES.contains(&word)
        && match number {
            "" => !numbered,
            n => numbered && n.chars().count() == 1 && n.chars().all(|c| c.is_numeric() && c != '0'),
        }
}

/// What is before the ending, and the ending with its dot.
fn parts(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= MAX_ENDING => name.split_at(at),
        _ => (name, ""),
    }
}

/// At most `longest` bytes, the ending kept.
fn cut(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.into();
    }
    let (stem, ending) = parts(name);
    let room = longest - ending.len();
    let end = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at));
    let stem = stem
        .get(..end.unwrap_or(0))
        .unwrap_or_default()
        .trim_end_matches(is_edge);
    format!("{stem}{ending}")
}
