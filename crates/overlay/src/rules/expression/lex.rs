//! An expression in words.

use crate::rules::RulesError;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 22] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ".", ",", "?", ":",
];

fn error(at: usize, why: &str) -> RulesError {
    RulesError::Expression {
        at,
        why: why.to_string(),
    }
}

/// Every word with where it begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RulesError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        let (token, len) = match first {
            c if c.is_ascii_whitespace() => (None, 1),
            '\'' | '"' => literal(at, rest, first).map(|(text, len)| (Some(Token::Text(text)), len))?,
            c if c.is_ascii_digit() => number(at, rest).map(|(token, len)| (Some(token), len))?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                (Some(Token::Name(name.to_string())), name.len())
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| error(at, "this sign means nothing here"))?;
                (Some(Token::Sign(sign)), sign.len())
            }
        };
        tokens.extend(token.map(|token| (at, token)));
        at += len;
    }
    Ok(tokens)
}

/// A text between quotes; `\` takes the next sign as it is, `\n` and `\t` are as usual.
fn literal(at: usize, rest: &str, quote: char) -> Result<(String, usize), RulesError> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, other)) => text.push(other),
                None => break,
            },
            c if c == quote => return Ok((text, offset + c.len_utf8())),
            c => text.push(c),
        }
    }
    Err(error(at, "this text has no end"))
}

fn number(at: usize, rest: &str) -> Result<(Token, usize), RulesError> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    let after = rest.get(whole..).unwrap_or_default();
    let part = after.strip_prefix('.').map_or(0, digits);
    let len = if part > 0 { whole + 1 + part } else { whole };
    let text = rest.get(..len).unwrap_or_default();
    let token = if part > 0 {
        text.parse().map(Token::Float).ok()
    } else {
        text.parse().map(Token::Int).ok()
    };
    token
        .map(|token| (token, len))
        .ok_or_else(|| error(at, "this number is too large"))
}
