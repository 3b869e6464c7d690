//! Promises that hold for many readers.

/// What was read is written as something that reads the same and is written the same again.
pub fn reads_back<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Option<T>,
    write: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let value = read(bytes)?;
    let written = write(&value);
    let again = read(&written);
    assert_eq!(again.as_ref(), Some(&value), "what is written does not read the same");
    assert_eq!(write(&value), written, "it is written in two ways");
    Some(value)
}

/// The same for texts.
pub fn parses_back<T>(text: &str) -> Option<T>
where
    T: PartialEq + std::fmt::Debug + std::fmt::Display + std::str::FromStr,
{
    let value: T = text.parse().ok()?;
    let written = value.to_string();
    assert_eq!(
        written.parse().ok().as_ref(),
        Some(&value),
        "{written:?} does not read the same"
    );
    Some(value)
}

/// What is made harmless once stays as it is.
pub fn settles(text: &str, make: impl Fn(&str) -> String) -> String {
    let once = make(text);
    assert_eq!(make(&once), once, "it changes when it is made harmless again");
    once
}

/// The input as text, where it is one.
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Parts of an input, each with two bytes of length before it; the last one is what is left.
pub fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(length);
        parts.push(part);
        bytes = rest;
    }
    parts
}

/// Writes parts as [`parts`] reads them.
pub fn joined<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
