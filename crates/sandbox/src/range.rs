//! `Range: bytes=…`: media elements seek by it. One range is served; anything else gets the whole file, as RFC 9110
//! (§14.2) allows.

/// What to send of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: no range, several, or one that is not understood.
    Whole,
    /// Bytes from `first` up to, not including, `end`.
    Some {
        /// Offset of the first byte.
        first: usize,
        /// Offset after the last byte.
        end: usize,
    },
    /// The range lies outside of the file.
    Outside,
}

/// Reads a `Range` header for a file of `len` bytes.
pub fn part(header: Option<&str>, len: usize) -> Part {
    let Some(spec) = header.and_then(|text| text.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((from, to)) = spec.trim().split_once('-') else {
        return Part::Whole;
    };
    match (number(from), number(to)) {
        (Some(Some(first)), Some(_)) if first >= len => Part::Outside,
        (Some(Some(first)), Some(Some(last))) if last < first => Part::Whole,
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(len, |last| last.saturating_add(1).min(len));
            Part::Some { first, end }
        }
        (Some(None), Some(Some(0))) => Part::Outside,
        (Some(None), Some(Some(_))) if len == 0 => Part::Outside,
        (Some(None), Some(Some(count))) => Part::Some {
            first: len.saturating_sub(count),
            end: len,
        },
        _ => Part::Whole,
    }
}

/// `None`: no number. `Some(None)`: empty.
fn number(text: &str) -> Option<Option<usize>> {
    match text {
        "" => Some(None),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(Some(digits.parse().unwrap_or(usize::MAX))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
