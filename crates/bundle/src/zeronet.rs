//! `p2p.json`: what a ZeroNet site declares about its messages, for sites that are ported (Z7). The fields are those of
//! the PeerMessage plugin; what comes out is the table of rules as our own manifest has it (`RulesText` of the overlay).
//!
//! | `p2p.json` | is | becomes |
//! |---|---|---|
//! | `filter` (must be there) | a regular expression that the message matches from its beginning; `.*` is none | `filter` |
//! | `size_limit` | largest message in bytes, as JSON | `max_bytes` |
//! | `freq_limit` | seconds between two messages of a peer | `rate_per_signer` |
//! | `signed_only` | true, an address, or a list of addresses | `signed_only`, `signers` |
//! | `cert_signers` | who certifies names | refused: there are no certificates here |
//!
//! Here the frequency is counted for who signs a message, not for who passes it on: in ZeroNet a peer was punished for
//! being between two others. As messages may be held up on their way and come together, those of a second, and at least
//! three, are taken at once. What is not given is as for any app. Addresses are pseudonyms here (64 hex digits);
//! ZeroNet's are refused, as nobody could sign with them.
//!
//! ZeroNet matched against what Python writes for a message: a blank after each colon and comma, and all but ASCII
//! escaped. Patterns count on that, so messages of a ported site must be written that way.

use hedgerow_base::{
    Blame, Blamed, Pseudonym,
    limits::{MAX_MANIFEST, MAX_UPDATE},
};
use serde::{Deserialize, de::IgnoredAny};
use toml::{Table, Value};

/// Longest time between two messages in seconds: the lowest rate that our rules have.
const LONGEST_PAUSE: f64 = 100.0;
/// Shortest time between two messages in seconds: the highest rate.
const SHORTEST_PAUSE: f64 = 0.0001;
/// Fewest messages of one signer that may come together.
const BURST: f64 = 3.0;
/// A pattern that lets everything through.
const EVERYTHING: &str = ".*";

/// A `p2p.json` that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum P2pJsonError {
    /// Longer than a manifest may be.
    #[error("p2p.json has {0} bytes; at most 64 KiB are taken")]
    TooLarge(usize),
    /// Not JSON, or with fields that the plugin does not have.
    #[error("p2p.json: {0}")]
    Malformed(String),
    /// Without a filter a site has no messages.
    #[error("p2p.json has no `filter`, so the site has no messages; write \".*\" for all")]
    NoFilter,
    /// A field that means nothing here, or not what it says.
    #[error("p2p.json: `{name}` {why}")]
    Field {
        /// Of the field.
        name: &'static str,
        /// Why it is refused, and what to do.
        why: String,
    },
}

impl Blamed for P2pJsonError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// The fields as the plugin knows them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    filter: Option<String>,
    size_limit: Option<u64>,
    freq_limit: Option<f64>,
    signed_only: Option<SignedOnly>,
    cert_signers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SignedOnly {
    All(bool),
    One(String),
    List(Vec<String>),
}

/// The rules that a `p2p.json` declares, with the names of our own manifest.
///
/// # Errors
/// Names the field that is wrong, unknown or without a meaning here.
pub fn p2p_rules(text: &str) -> Result<Table, P2pJsonError> {
    if text.len() > MAX_MANIFEST {
        return Err(P2pJsonError::TooLarge(text.len()));
    }
    let fields: Fields = serde_json::from_str(text).map_err(|error| P2pJsonError::Malformed(error.to_string()))?;
    let mut rules = Table::new();
    let filter = fields.filter.ok_or(P2pJsonError::NoFilter)?;
    if filter != EVERYTHING {
        rules.insert("filter".into(), Value::String(from_beginning(&filter)?));
    }
    if fields.cert_signers.is_some() {
        let why = "means nothing here: names have no certificates; list pseudonyms in `signed_only`";
        return Err(refused("cert_signers", why.into()));
    }
    if let Some(limit) = fields.size_limit {
        rules.insert("max_bytes".into(), Value::Integer(size(limit)?));
    }
    if let Some(pause) = fields.freq_limit.filter(|pause| *pause != 0.0) {
        if !(SHORTEST_PAUSE..=LONGEST_PAUSE).contains(&pause) {
            let why = format!("is in seconds: 0, or from {SHORTEST_PAUSE} to {LONGEST_PAUSE}");
            return Err(refused("freq_limit", why));
        }
        let rate = 1.0 / pause;
        rules.insert("rate_per_signer".into(), Value::Float(rate));
        rules.insert("burst_per_signer".into(), Value::Integer(rate.ceil().max(BURST) as i64));
    }
    let signers = match fields.signed_only {
        None | Some(SignedOnly::All(false)) => return Ok(rules),
        Some(SignedOnly::All(true)) => Vec::new(),
        Some(SignedOnly::One(signer)) => vec![signer],
        Some(SignedOnly::List(signers)) if signers.is_empty() => {
            let why = "is an empty list, so nobody could send; leave it out, or write true";
            return Err(refused("signed_only", why.into()));
        }
        Some(SignedOnly::List(signers)) => signers,
    };
    rules.insert("signed_only".into(), Value::Boolean(true));
    if !signers.is_empty() {
        let signers: Result<Vec<_>, _> = signers.iter().map(|signer| pseudonym(signer)).collect();
        rules.insert("signers".into(), Value::Array(signers?));
    }
    Ok(rules)
}

fn refused(name: &'static str, why: String) -> P2pJsonError {
    P2pJsonError::Field { name, why }
}

fn size(limit: u64) -> Result<i64, P2pJsonError> {
    let limit = i64::try_from(limit)
        .ok()
        .filter(|limit| (1..=MAX_UPDATE as i64).contains(limit));
    limit.ok_or_else(|| refused("size_limit", format!("is in bytes, from 1 to {MAX_UPDATE}")))
}

fn pseudonym(signer: &str) -> Result<Value, P2pJsonError> {
    let id = signer.parse::<Pseudonym>().map_err(|_| {
        let shown: String = signer.chars().take(80).collect();
        let why = format!("has {shown:?}, which nobody can sign with here; give the pseudonym, 64 hex digits");
        refused("signed_only", why)
    })?;
    Ok(Value::String(id.to_string()))
}

/// The pattern, bound to the beginning, where Python's `match` begins. Whether it is a pattern at all is for the rules
/// to say; here only what would change its meaning inside brackets is refused.
fn from_beginning(pattern: &str) -> Result<String, P2pJsonError> {
    if !closes_what_it_opens(pattern) {
        return Err(refused("filter", "has brackets that do not belong together".into()));
    }
    Ok(format!(r"\A(?:{pattern})"))
}

/// Whether round brackets close, outside of classes, and what they close was opened before.
fn closes_what_it_opens(pattern: &str) -> bool {
    let mut open = 0_usize;
    let mut class: Option<usize> = None;
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, class) {
            ('\\', _) => {
                chars.next();
            }
            // A bracket right after the beginning of a class is one of its members.
            (']', Some(begin)) if !matches!(pattern.get(begin..at), Some("[" | "[^")) => class = None,
            (_, Some(_)) => {}
            ('[', None) => class = Some(at),
            ('(', None) => open += 1,
            (')', None) => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return false,
            },
            _ => {}
        }
    }
    open == 0 && class.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "aa00000000000000000000000000000000000000000000000000000000000001";

    fn rules(text: &str) -> String {
        p2p_rules(text).unwrap().to_string()
    }
    fn refusal(text: &str) -> String {
        p2p_rules(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_as_sites_have_it_becomes_our_rules() {
        let text =
            r#"{"filter": "^\\{\"cmd\": \".*\"\\}$", "freq_limit": 0.5, "size_limit": 2048, "signed_only": true}"#;
        let expected = [
            "burst_per_signer = 3",
            "filter = '\\A(?:^\\{\"cmd\": \".*\"\\}$)'",
            "max_bytes = 2048",
            "rate_per_signer = 2.0",
            "signed_only = true",
            "",
        ];
        let mut lines: Vec<_> = rules(text).lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, expected[..5]);
        let fast = rules(r#"{"filter": ".*", "freq_limit": 0.01}"#);
        assert_eq!(fast, "burst_per_signer = 100\nrate_per_signer = 100.0\n");
        assert_eq!(rules(r#"{"filter": ".*"}"#), "", "all is as for any app");
        assert_eq!(rules(r#"{"filter": ".*", "freq_limit": 0, "signed_only": false}"#), "");
    }

    #[test]
    fn one_signer_or_a_list_may_be_named() {
        let expected = format!("signed_only = true\nsigners = [\"{WHO}\"]\n");
        assert_eq!(
            rules(&format!(r#"{{"filter": ".*", "signed_only": "{WHO}"}}"#)),
            expected
        );
        let upper = WHO.to_ascii_uppercase();
        assert_eq!(
            rules(&format!(r#"{{"filter": ".*", "signed_only": ["{upper}"]}}"#)),
            expected
        );
    }

    #[test]
    fn what_means_nothing_here_is_refused_with_the_reason() {
        let with = |field: &str| refusal(&format!(r#"{{"filter": ".*", {field}}}"#));
        for (field, said) in [
            (
                r#""signed_only": "1iD5ZQJMNXu43w1qLB8sfdHVKppVMduGz""#,
                "nobody can sign with",
            ),
            (r#""signed_only": [""]"#, "64 hex digits"),
            (r#""signed_only": []"#, "nobody could send"),
            (r#""signed_only": 1"#, "p2p.json"),
            (r#""cert_signers": {"zeroid.bit": ["1iD5"]}"#, "no certificates"),
            (r#""size_limit": 0"#, "from 1 to 128000"),
            (r#""size_limit": 200000"#, "from 1 to 128000"),
            (r#""size_limit": -1"#, "invalid value"),
            (r#""freq_limit": -1"#, "in seconds"),
            (r#""freq_limit": 1e9"#, "in seconds"),
            (r#""freq_limit": "1""#, "invalid type"),
            (r#""frequency": 1"#, "unknown field `frequency`"),
            (r#""filter": "x""#, "duplicate field"),
        ] {
            assert!(with(field).contains(said), "{field}: {}", with(field));
        }
        assert_eq!(p2p_rules("{}"), Err(P2pJsonError::NoFilter));
        assert!(refusal("[]").contains("p2p.json") && refusal("{").contains("p2p.json"));
        assert_eq!(p2p_rules(&" ".repeat(70_000)), Err(P2pJsonError::TooLarge(70_000)));
        assert!(
            refusal(&format!(r#"{{"cert_signers": {}"#, "[".repeat(10_000))).contains("p2p.json"),
            "depth is bounded"
        );
    }

    #[test]
    fn a_pattern_keeps_its_meaning_when_it_is_bound_to_the_beginning() {
        for good in [
            "", "a|b", r"\(", "[)]", "[])]", "[^])]", r"[\])]", "(a)(?:b)", r"\\(a)", "[(]",
        ] {
            assert_eq!(from_beginning(good).unwrap(), format!(r"\A(?:{good})"));
        }
        for bad in ["a)|(b", ")", "(", "[a", r"(\)", "[]"] {
            assert!(from_beginning(bad).is_err(), "{bad}");
        }
    }
}
