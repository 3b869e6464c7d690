//! Measuring Rust source without parsing it: comments and texts are blanked, then braces are matched.

/// The source with comments and the insides of texts replaced by blanks; lines stay where they are.
pub fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = match c {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_end(&chars, at),
            '"' => text_end(&chars, at),
            'r' | 'b' | 'c' if !follows_name(&chars, at) => prefixed_end(&chars, at),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(c);
            at += 1;
            continue;
        }
        for &skipped in chars.get(at..end).unwrap_or_default() {
            out.push(if skipped == '\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    out
}

fn follows_name(chars: &[char], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| chars.get(before))
        .is_some_and(|c| c.is_alphanumeric() || *c == '_')
}

fn line_end(chars: &[char], at: usize) -> usize {
    (at..chars.len())
        .find(|i| chars.get(*i) == Some(&'\n'))
        .unwrap_or(chars.len())
}

fn block_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0usize, at);
    while i < chars.len() {
        match (chars.get(i), chars.get(i + 1)) {
            (Some('/'), Some('*')) => (depth, i) = (depth + 1, i + 2),
            (Some('*'), Some('/')) => {
                (depth, i) = (depth.saturating_sub(1), i + 2);
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

/// After a text that begins with the quote at `at`.
fn text_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while let Some(c) = chars.get(i) {
        match c {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `b'…'`; anything else is no text and ends where it begins.
fn prefixed_end(chars: &[char], at: usize) -> usize {
    let mut i = at;
    let mut raw = false;
    while let Some(c @ ('r' | 'b' | 'c')) = chars.get(i) {
        raw |= *c == 'r';
        i += 1;
        if i > at + 2 {
            return at;
        }
    }
    let hashes = chars
        .get(i..)
        .unwrap_or_default()
        .iter()
        .take_while(|c| **c == '#')
        .count();
    match chars.get(i + hashes) {
        Some('"') if raw => {
            let mut j = i + hashes + 1;
            while j < chars.len() {
                let closing = chars.get(j + 1..j + 1 + hashes).unwrap_or_default();
                if chars.get(j) == Some(&'"') && closing.len() == hashes && closing.iter().all(|c| *c == '#') {
                    return j + 1 + hashes;
                }
                j += 1;
            }
            chars.len()
        }
        Some('"') if hashes == 0 => text_end(chars, i),
        Some('\'') if hashes == 0 => char_end(chars, i),
        _ => at,
    }
}

/// After a character such as `'{'`; a lifetime is no text.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = (at + 3..chars.len()).find(|i| chars.get(*i) == Some(&'\''));
            close.map_or(at, |i| i + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// Name, first line (from 1) and number of lines of every function with a body.
pub fn functions(source: &str) -> Vec<(String, usize, usize)> {
    let code = code(source);
    let bytes = code.as_bytes();
    let line_of = |at: usize| 1 + bytes.iter().take(at).filter(|b| **b == b'\n').count();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = at.checked_sub(1).and_then(|b| bytes.get(b));
        if before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            continue;
        }
        let rest = code.get(at + 3..).unwrap_or_default();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(bytes, at) {
            let first = line_of(at);
            found.push((name, first, line_of(end) - first + 1));
        }
    }
    found
}

/// Where the body of the function at `at` closes; none for a declaration.
fn body_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut round, mut curly) = (0i32, 0i32);
    for (i, byte) in bytes.iter().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b';' if round == 0 && curly == 0 => return None,
            b'{' => curly += 1,
            b'}' => {
                curly -= 1;
                if curly == 0 && round == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}
