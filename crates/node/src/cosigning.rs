//! Widgets of several authors: who signs, how that changes, and signing together, each at home (W23, TUF's thresholds).

use crate::{catalogue::unknown_widget, dispatch::parsed, engine::Engine};
use data_encoding::BASE64URL_NOPAD;
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{ChangeSignersParams, CosignParams, Cosigned, Signers},
};
use hedgerow_base::{PersonId, PublicKey, RecordId, WidgetId};
use hedgerow_directory::{Authority, Body, Genesis, Record};
use hedgerow_wire::directory::{KIND_AUTHORITY, MAX_KEYS, MAX_REVOKED};

/// How a record begins that is handed on as a text.
const PREFIX: &str = "hgr1";

/// A record as a text for the other authors.
pub(crate) fn text_of(record: &Record) -> String {
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&record.to_bytes()))
}

pub(crate) fn record_of(text: &str) -> Result<Record, ApiError> {
    let bad = |why: &str| ApiError::new(ErrorCode::BadParams, format!("this is not a record to sign: {why}"));
    let text = text
        .trim()
        .strip_prefix(PREFIX)
        .ok_or_else(|| bad("it begins with hgr1"))?;
    // A record has 20 kB at most; its text a third more.
    if text.len() > 32 << 10 {
        return Err(bad("it is too long"));
    }
    let bytes = BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|e| bad(&e.to_string()))?;
    Record::from_bytes(&bytes).map_err(|e| bad(&e.to_string()))
}

/// Keys that sign something, each with its number there, and how many of them must.
struct Needed {
    keys: Vec<(u8, PublicKey)>,
    threshold: u8,
}

impl Needed {
    fn of(keys: &[PublicKey], first: usize, threshold: u8) -> Self {
        let number = |at: usize| u8::try_from(first + at).unwrap_or(u8::MAX);
        let keys = keys.iter().enumerate().map(|(at, key)| (number(at), *key));
        Self {
            keys: keys.collect(),
            threshold,
        }
    }
    /// Signatures that are missing still.
    fn missing(&self, record: &Record) -> u32 {
        let signed = self
            .keys
            .iter()
            .filter(|(number, _)| record.signature_numbers().any(|n| n == *number));
        u32::from(self.threshold).saturating_sub(u32::try_from(signed.count()).unwrap_or(u32::MAX))
    }
}

impl Engine {
    fn genesis_of(&self, widget: &WidgetId) -> Result<Genesis, ApiError> {
        let newest = self.newest(widget)?;
        newest
            .map(|(_, release)| release.genesis)
            .ok_or_else(|| unknown_widget(widget))
    }

    pub(crate) fn signers(&self, widget: &WidgetId) -> Result<Signers, ApiError> {
        let genesis = self.genesis_of(widget)?;
        let (epoch, keys, threshold, _) = self.directory.next_signers(&genesis);
        let people = keys.iter().map(|key| self.person(&PersonId::from(*key)));
        Ok(Signers {
            uuid: widget.to_string(),
            epoch,
            people: people.collect::<Result<_, _>>()?,
            threshold: threshold.into(),
        })
    }

    pub(crate) fn change_signers(&mut self, p: &ChangeSignersParams) -> Result<Cosigned, ApiError> {
        let widget: WidgetId = parsed(&p.uuid)?;
        let genesis = self.genesis_of(&widget)?;
        let (epoch, ..) = self.directory.next_signers(&genesis);
        let mut keys: Vec<PersonId> = Vec::new();
        for key in &p.keys {
            let person: PersonId = parsed(key)?;
            if !keys.contains(&person) {
                keys.push(person);
            }
        }
        let threshold = u8::try_from(p.threshold.unwrap_or(1)).unwrap_or(u8::MAX);
        if keys.is_empty() || keys.len() > MAX_KEYS || !(1..=keys.len()).contains(&usize::from(threshold)) {
            let why = format!("give 1 to {MAX_KEYS} keys, and a threshold of at least 1 and at most as many");
            return Err(ApiError::new(ErrorCode::BadParams, why));
        }
        let revoked: Vec<RecordId> = p.revoke.iter().map(|id| parsed(id)).collect::<Result<_, _>>()?;
        if revoked.len() > MAX_REVOKED {
            let why = format!("at most {MAX_REVOKED} releases are taken back at once");
            return Err(ApiError::new(ErrorCode::Limit, why));
        }
        // What was released up to now stands, unless it is taken back: a number that a thief reached is not gone beyond.
        let standing = self
            .store
            .records_of(&widget)
            .map_err(|e| crate::engine::store_error(&e))?;
        let standing = standing.iter().filter(|(id, _)| !revoked.contains(id));
        let numbers = standing.filter_map(|(_, bytes)| Record::from_bytes(bytes).ok()?.into_release());
        let from = numbers
            .map(|release| release.sequence)
            .max()
            .unwrap_or(0)
            .saturating_add(1);
        let authority = Authority {
            kind: KIND_AUTHORITY,
            genesis,
            epoch: epoch + 1,
            keys: keys.iter().flat_map(|key| key.0).collect::<Vec<u8>>().into(),
            threshold,
            from,
            revoked,
            created_ms: self.now_ms(),
        };
        let record = Record::signed_by(Body::Authority(Box::new(authority)), &[]);
        self.sign_with_others(record.map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?)
    }

    pub(crate) fn cosign(&mut self, p: &CosignParams) -> Result<Cosigned, ApiError> {
        let record = record_of(&p.record)?;
        if p.preview {
            return self.cosigned(record, false);
        }
        self.sign_with_others(record)
    }

    /// Adds one's own signatures, and publishes when there are enough.
    pub(crate) fn sign_with_others(&mut self, mut record: Record) -> Result<Cosigned, ApiError> {
        let key = self.identity.author_key();
        let mut signed = false;
        for needed in self.needed(&record)? {
            for (number, _) in needed.keys.iter().filter(|(_, known)| *known == key.public()) {
                let added = record.countersign(*number, &key);
                added.map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
                signed = true;
            }
        }
        if !signed {
            let why = "your key is not among those that sign this";
            return Err(ApiError::new(ErrorCode::Refused, why));
        }
        let missing: u32 = self.needed(&record)?.iter().map(|needed| needed.missing(&record)).sum();
        if missing == 0 {
            self.publish_record(record.clone())?;
        }
        self.cosigned(record, missing == 0)
    }

    /// Who has to sign a record.
    fn needed(&self, record: &Record) -> Result<Vec<Needed>, ApiError> {
        let stale = || ApiError::new(ErrorCode::Refused, "who signs was changed since; begin again");
        match &record.body {
            Body::Release(release) => {
                let (epoch, keys, threshold, _) = self.directory.next_signers(&release.genesis);
                if release.epoch != epoch {
                    return Err(stale());
                }
                Ok(vec![Needed::of(&keys, 0, threshold)])
            }
            Body::Authority(change) => {
                let (epoch, keys, threshold, _) = self.directory.next_signers(&change.genesis);
                if change.epoch != epoch + 1 {
                    return Err(stale());
                }
                let new: Vec<PublicKey> = change.author_keys().collect();
                Ok(vec![
                    Needed::of(&keys, 0, threshold),
                    Needed::of(&new, MAX_KEYS, change.threshold),
                ])
            }
            Body::Said(_) => Err(ApiError::new(
                ErrorCode::Refused,
                "what a person says is signed by them alone",
            )),
        }
    }

    fn cosigned(&self, record: Record, published: bool) -> Result<Cosigned, ApiError> {
        let needed: u32 = self.needed_now(&record, published)?;
        let what = match &record.body {
            Body::Release(release) => format!(
                "Version {} of {} (package {})",
                release.version,
                crate::notices::clean(&release.name, 64),
                release.content.short()
            ),
            Body::Authority(change) => {
                let people: Vec<String> = change
                    .author_keys()
                    .map(|key| self.called(&PersonId::from(key)))
                    .collect::<Result<_, _>>()?;
                let widget = change.genesis.widget();
                let name = self
                    .head_summary(&widget)?
                    .map_or_else(|| widget.to_string(), |s| s.name);
                let taken = change.revoked.len();
                let back = if taken > 0 {
                    format!("; {taken} releases are taken back")
                } else {
                    String::new()
                };
                format!(
                    "{} of {} sign {name} from release {} on: {}{back}",
                    change.threshold,
                    people.len(),
                    change.from,
                    people.join(", ")
                )
            }
            Body::Said(_) => String::new(),
        };
        Ok(Cosigned {
            what,
            record: text_of(&record),
            needed,
            published,
        })
    }

    fn needed_now(&self, record: &Record, published: bool) -> Result<u32, ApiError> {
        if published {
            return Ok(0);
        }
        Ok(self.needed(record)?.iter().map(|needed| needed.missing(record)).sum())
    }
}
