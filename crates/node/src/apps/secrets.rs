//! Messages that one pseudonym or one group can read (Z10): `encrypt` of `peers.*`, and `secrets.*`. The keys of groups
//! are the app's own on this node; a plugin or widget sees those of its app only.

use super::Speaker;
use crate::{
    caller::Caller,
    dispatch::{parsed, value},
    engine::Engine,
    handle::NodeHandle,
    identity::random,
    model::{pack, unpack},
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Request,
    types::{AppGroup, GroupKeyText, GroupParams, Nothing, OpenSecretParams, OpenedSecret, SealParams, Sealed},
};
use hedgerow_base::{AppId, AppName, Pseudonym};
use hedgerow_secrets::{Envelope, GroupKey, How, Keyring, Opened, SecretsError, To, is_sealed};
use serde::Serialize as _;
use serde_json::{Serializer, Value, ser::Formatter};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Keys of groups as they are stored: for each group the newest last, as text.
type Groups = BTreeMap<String, Vec<String>>;

/// What a message says that was opened, or that nobody here can open.
pub(super) struct Read {
    pub(super) message: Value,
    pub(super) clear: Option<Value>,
    pub(super) encrypted: Option<String>,
}

/// To whom a caller wants something sealed.
#[derive(Clone, Debug)]
pub(super) enum Receiver {
    Pseudonym(Pseudonym),
    Group(String),
}

impl Receiver {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        match text.strip_prefix("group:") {
            Some(group) => Ok(Self::Group(group.to_owned())),
            None => parsed(text).map(Self::Pseudonym).map_err(|e| {
                let why = format!("encrypt to a pseudonym or to group:NAME; {}", e.message);
                ApiError::new(ErrorCode::BadParams, why)
            }),
        }
    }

    fn to(&self) -> To<'_> {
        match self {
            Self::Pseudonym(who) => To::Pseudonym(who),
            Self::Group(name) => To::Group(name),
        }
    }
}

fn told(error: &SecretsError) -> ApiError {
    let code = match error {
        SecretsError::NoGroup(_) | SecretsError::UnknownKey(_) => ErrorCode::NotFound,
        SecretsError::NotForYou(_) | SecretsError::Changed => ErrorCode::Refused,
        SecretsError::Full { .. } => ErrorCode::Limit,
        _ => ErrorCode::BadParams,
    };
    ApiError::new(code, error.to_string())
}

fn key_of(app: &AppId) -> String {
    format!("groups:{app}")
}

fn dice() -> Result<[u8; 32], ApiError> {
    random().map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))
}

/// JSON as Python writes it, which the patterns of a ported `p2p.json` count on: a blank after each colon and comma, and
/// all but ASCII escaped.
fn zeronet_json(value: &Value) -> Vec<u8> {
    struct Python;
    impl Formatter for Python {
        fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { to.write_all(b", ") }
        }
        fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { to.write_all(b", ") }
        }
        fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
            to.write_all(b": ")
        }
        fn write_string_fragment<W: Write + ?Sized>(&mut self, to: &mut W, text: &str) -> io::Result<()> {
            for c in text.chars() {
                if c.is_ascii() {
                    to.write_all(&[c as u8])?;
                } else {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        write!(to, "\\u{unit:04x}")?;
                    }
                }
            }
            Ok(())
        }
    }
    let mut bytes = Vec::new();
    // Writing to memory has no error.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut bytes, Python));
    bytes
}

fn json(value: &Value) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|e| ApiError::new(ErrorCode::BadParams, format!("the message: {e}")))
}

/// How something was encrypted, as apps are told and as they say it.
fn shown(how: &How) -> String {
    match how {
        How::Pseudonym => "to_me".into(),
        How::Group { name, .. } => format!("group:{name}"),
    }
}

/// Carries out the methods about secrets.
pub(super) async fn call(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    let caller = caller.clone();
    match request {
        Request::SecretsGroups(p) => {
            let list = move |e: &mut Engine| {
                let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
                let ring = e.keyring(&speaker)?;
                let group = |(name, keys): (&str, Vec<hedgerow_secrets::KeyId>)| AppGroup {
                    group: name.to_owned(),
                    keys: keys.iter().rev().map(ToString::to_string).collect(),
                };
                Ok(ring.groups().map(group).collect::<Vec<_>>())
            };
            value(node.with(list).await?)
        }
        Request::SecretsAddGroup(p) => value(node.with(move |e| e.add_group(&caller, &p)).await?),
        Request::SecretsForgetGroup(p) => {
            let forget = move |e: &mut Engine| {
                let speaker = e.speaker(&caller, p.instance.as_deref(), p.app.as_deref())?;
                e.keyring(&speaker)?.forget(&p.group);
                let app = speaker.app.id();
                let mut groups = e.stored_groups(&app)?;
                groups.remove(&p.group);
                e.stored(|store| store.set_meta(&key_of(&app), &pack(&groups)))?;
                Ok(Nothing {})
            };
            value(node.with(forget).await?)
        }
        Request::SecretsSeal(p) => value(node.with(move |e| e.seal_for(&caller, &p)).await?),
        Request::SecretsOpen(p) => value(node.with(move |e| e.open_for(&caller, &p)).await?),
        other => Err(crate::dispatch::forgotten(&other)),
    }
}

impl Engine {
    fn stored_groups(&self, app: &AppId) -> Result<Groups, ApiError> {
        let stored = self
            .store
            .meta(&key_of(app))
            .map_err(|e| crate::engine::store_error(&e))?;
        Ok(stored.and_then(|bytes| unpack(&bytes)).unwrap_or_default())
    }

    /// The secrets of an app, read from the store the first time.
    fn keyring(&mut self, speaker: &Speaker) -> Result<&mut Keyring, ApiError> {
        let app = speaker.app.id();
        if !self.apps.keyrings.contains_key(&app) {
            let mut ring = Keyring::new(app).with_own(&self.app_key(&speaker.app));
            for (name, keys) in self.stored_groups(&app)? {
                for key in keys.iter().filter_map(|text| text.parse::<GroupKey>().ok()) {
                    ring.add(&name, &key).map_err(|e| told(&e))?;
                }
            }
            self.apps.keyrings.insert(app, ring);
        }
        self.apps.keyrings.get_mut(&app).ok_or_else(super::not_open)
    }

    fn add_group(&mut self, caller: &Caller, p: &GroupParams) -> Result<GroupKeyText, ApiError> {
        let speaker = self.speaker(caller, p.instance.as_deref(), p.app.as_deref())?;
        let app = speaker.app.id();
        let key = match &p.key {
            Some(text) => text.parse::<GroupKey>().map_err(|e| told(&e))?,
            None => GroupKey::from_random(dice()?),
        };
        self.keyring(&speaker)?.add(&p.group, &key).map_err(|e| told(&e))?;
        let text = key.to_text().to_string();
        let mut groups = self.stored_groups(&app)?;
        let keys = groups.entry(p.group.clone()).or_default();
        keys.retain(|known| *known != text);
        keys.push(text.clone());
        if keys.len() > hedgerow_secrets::MAX_KEYS {
            keys.remove(0);
        }
        self.stored(|store| store.set_meta(&key_of(&app), &pack(&groups)))?;
        Ok(GroupKeyText {
            group: p.group.clone(),
            key: text,
            id: key.id(&app).to_string(),
        })
    }

    /// The body of a message, sealed if that is wanted.
    pub(super) fn body(
        &mut self,
        speaker: &Speaker,
        message: &Value,
        signed: bool,
        encrypt: Option<&Receiver>,
        clear: Option<&Value>,
    ) -> Result<Vec<u8>, ApiError> {
        let zeronet = match &speaker.app {
            AppName::Widget(widget) => self.installed.get(widget).is_some_and(|i| i.current.zeronet),
            _ => false,
        };
        let body = if zeronet { zeronet_json(message) } else { json(message)? };
        let Some(receiver) = encrypt else {
            return match clear {
                None => Ok(body),
                Some(_) => Err(ApiError::new(
                    ErrorCode::BadParams,
                    "`clear` is what stays readable of an encrypted message: say to whom with `encrypt`",
                )),
            };
        };
        let clear = match clear {
            Some(Value::Object(fields)) => json(&Value::Object(fields.clone()))?,
            Some(_) => return Err(ApiError::new(ErrorCode::BadParams, "`clear` is an object")),
            None => b"{}".to_vec(),
        };
        let sender = signed.then(|| Pseudonym::from(self.app_key(&speaker.app).public()));
        let dice = dice()?;
        let sealed = self.keyring(speaker)?.seal(sender, receiver.to(), &clear, &body, &dice);
        sealed.and_then(|envelope| envelope.to_json()).map_err(|e| told(&e))
    }

    /// What a message says, opened if it is sealed and the key is here.
    pub(super) fn read_body(&mut self, app: &AppId, signer: Option<Pseudonym>, body: &[u8]) -> Option<Read> {
        let message: Value = serde_json::from_slice(body).ok()?;
        let plain = |message, encrypted| {
            Some(Read {
                message,
                clear: None,
                encrypted,
            })
        };
        if !is_sealed(body) {
            return plain(message, None);
        }
        let opened = self.open_body(app, signer, body);
        match opened {
            Some((opened, body)) => Some(Read {
                message: body,
                clear: serde_json::from_slice(&opened.clear).ok(),
                encrypted: Some(shown(&opened.how)),
            }),
            // For somebody else, or with a key that this node was not given.
            None => plain(message, Some("sealed".into())),
        }
    }

    fn open_body(&mut self, app: &AppId, signer: Option<Pseudonym>, body: &[u8]) -> Option<(Opened, Value)> {
        let speaker = Speaker {
            app: self.apps.swarms.get(app)?.name.clone(),
            listener: String::new(),
            owner: false,
        };
        let envelope = Envelope::in_message(body).ok()?;
        let opened = self.keyring(&speaker).ok()?.open(signer, &envelope).ok()?;
        let body = serde_json::from_slice(&opened.body).ok()?;
        Some((opened, body))
    }

    fn seal_for(&mut self, caller: &Caller, p: &SealParams) -> Result<Sealed, ApiError> {
        let speaker = self.speaker(caller, p.instance.as_deref(), p.app.as_deref())?;
        let receiver = Receiver::parse(&p.to)?;
        let clear = p.clear.as_ref().map(json).transpose()?.unwrap_or_default();
        let me = Pseudonym::from(self.app_key(&speaker.app).public());
        let (body, dice) = (json(&p.message)?, dice()?);
        let sealed = self
            .keyring(&speaker)?
            .seal(Some(me), receiver.to(), &clear, &body, &dice);
        Ok(Sealed {
            sealed: BASE64.encode(sealed.map_err(|e| told(&e))?.as_bytes()),
        })
    }

    fn open_for(&mut self, caller: &Caller, p: &OpenSecretParams) -> Result<OpenedSecret, ApiError> {
        let speaker = self.speaker(caller, p.instance.as_deref(), p.app.as_deref())?;
        let from: Pseudonym = parsed(&p.from)?;
        let bytes = BASE64
            .decode(p.sealed.as_bytes())
            .map_err(|e| ApiError::new(ErrorCode::BadParams, format!("sealed is not base64: {e}")))?;
        let envelope = Envelope::from_bytes(&bytes).map_err(|e| told(&e))?;
        let opened = self.keyring(&speaker)?.open(Some(from), &envelope);
        let opened = opened.map_err(|e| told(&e))?;
        let malformed = |_| {
            ApiError::new(
                ErrorCode::Refused,
                "what was sealed is no JSON; it was not sealed by this program",
            )
        };
        Ok(OpenedSecret {
            message: serde_json::from_slice(&opened.body).map_err(malformed)?,
            clear: match opened.clear.is_empty() {
                true => None,
                false => Some(serde_json::from_slice(&opened.clear).map_err(malformed)?),
            },
            encrypted: shown(&opened.how),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::zeronet_json;
    use serde_json::json;

    #[test]
    fn a_message_of_a_ported_site_is_written_as_python_writes_it() {
        let message = json!({"cmd": "sag \u{e4}\n", "list": [1, "\u{1f600}\"", {}], "none": null});
        let expected = r#"{"cmd": "sag \u00e4\n", "list": [1, "\ud83d\ude00\"", {}], "none": null}"#;
        assert_eq!(String::from_utf8(zeronet_json(&message)).expect("ASCII"), expected);
    }
}
