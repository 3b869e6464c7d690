//! A message as it travels: the signed bytes, and perhaps a signature over them.

use super::{MAX_BODY, MAX_ENVELOPE, MAX_TTL_MS, OverlayFrameError, bounded};
use alloc::{string::ToString, sync::Arc, vec::Vec};
use core::ops::Range;
use hedgerow_base::{AppId, MessageId, NodeId, Pseudonym, PublicKey, SecretKey, Signature, hash::hash};
use minicbor::{Decoder, Encoder, decode};

/// Most bytes of an envelope besides the body: ids, numbers, signature and the heads of CBOR.
pub const MAX_OVERHEAD: usize = 320;

const SIGN_CONTEXT: &str = "hedgerow 2026 overlay message v1";
const ID_CONTEXT: &str = "hedgerow 2026 overlay message id v1";
/// Bit of the flags: keep it for an app that is not running (Z3).
const IMMEDIATE: u8 = 1;
/// Fields of the signed bytes.
const FIELDS: u64 = 9;

/// What a message says of itself. All of it is signed, if the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The app that it is for.
    pub app: AppId,
    /// The app that it is from, if that is another one (Z6).
    pub from_app: Option<AppId>,
    /// The node that it is for, so that nobody hands a direct message on as his own; none for everybody.
    pub to: Option<NodeId>,
    /// Whose message it is; nobody vouches for it if there is none.
    pub signer: Option<Pseudonym>,
    /// Which of the signer's devices numbered it: the same for as long as that device counts on.
    pub source: u64,
    /// Number of the message among those of `source`; never used twice, always growing.
    pub seq: u64,
    /// How long it may travel, in milliseconds, at most [`MAX_TTL_MS`].
    pub ttl_ms: u32,
    /// It is kept for an app that is not running now, and delivered when it runs.
    pub immediate: bool,
}

/// A message with its bytes, exactly as they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope(Arc<[u8]>);

/// An envelope whose parts were found. Its signature is not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// What it says of itself.
    pub header: Header,
    /// Hash of the signed bytes, so nobody makes two messages of one id.
    pub id: MessageId,
    signed: Range<usize>,
    body: Range<usize>,
    signature: Option<Signature>,
    envelope: Envelope,
}

impl Header {
    fn signed_bytes(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len() + 128);
        let flags = if self.immediate { IMMEDIATE } else { 0 };
        // Writing to memory has no error.
        let _ = Encoder::new(&mut bytes).array(FIELDS).and_then(|e| {
            e.bytes(&self.app.0)?;
            for id in [
                self.from_app.map(|app| app.0),
                self.to.map(|to| to.0),
                self.signer.map(|who| who.0),
            ] {
                match id {
                    Some(id) => e.bytes(&id)?,
                    None => e.null()?,
                };
            }
            e.u64(self.source)?
                .u64(self.seq)?
                .u32(self.ttl_ms)?
                .u8(flags)?
                .bytes(body)
        });
        bytes
    }

    fn read(d: &mut Decoder<'_>) -> Result<(Self, usize, usize), decode::Error> {
        let fields = d.array()?;
        if fields.is_none_or(|fields| fields < FIELDS) {
            return Err(decode::Error::message("a message has nine fields"));
        }
        let app = AppId(id(d)?);
        let from_app = optional_id(d)?.map(AppId);
        let to = optional_id(d)?.map(NodeId);
        let signer = optional_id(d)?.map(Pseudonym);
        let (source, seq, ttl_ms, flags) = (d.u64()?, d.u64()?, d.u32()?, d.u8()?);
        if ttl_ms > MAX_TTL_MS {
            return Err(decode::Error::message("time to live over its bound"));
        }
        let body = d.bytes()?.len();
        if body > MAX_BODY {
            return Err(decode::Error::message("body over its bound"));
        }
        let end = d.position();
        for _ in FIELDS..fields.unwrap_or(FIELDS) {
            d.skip()?;
        }
        let header = Self {
            app,
            from_app,
            to,
            signer,
            source,
            seq,
            ttl_ms,
            immediate: flags & IMMEDIATE != 0,
        };
        Ok((header, end - body, end))
    }
}

fn optional_id(d: &mut Decoder<'_>) -> Result<Option<[u8; 32]>, decode::Error> {
    match d.datatype()? {
        minicbor::data::Type::Null => d.skip().map(|()| None),
        _ => id(d).map(Some),
    }
}

fn id(d: &mut Decoder<'_>) -> Result<[u8; 32], decode::Error> {
    d.bytes()?
        .try_into()
        .map_err(|_| decode::Error::message("id of odd length"))
}

impl Envelope {
    /// Signs a message with the key of [`Header::signer`], which is set to it; unsigned without a key.
    pub fn seal(mut header: Header, body: &[u8], key: Option<&SecretKey>) -> Self {
        header.signer = key.map(|key| key.public().into());
        let signed = header.signed_bytes(body);
        let signature = key.map(|key| key.sign(SIGN_CONTEXT, &signed));
        Self::join(&signed, signature.as_ref())
    }

    /// Puts signed bytes and a signature together, whether they fit or not.
    pub fn join(signed: &[u8], signature: Option<&Signature>) -> Self {
        let mut bytes = Vec::with_capacity(signed.len() + 80);
        let _ = Encoder::new(&mut bytes).array(2).and_then(|e| {
            e.bytes(signed)?;
            match signature {
                Some(signature) => e.bytes(&signature.0),
                None => e.null(),
            }
        });
        Self(bytes.into())
    }

    /// Takes bytes as they came.
    ///
    /// # Errors
    /// When they are over [`MAX_ENVELOPE`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OverlayFrameError> {
        bounded("message", bytes.len(), MAX_ENVELOPE)?;
        Ok(Self(bytes.into()))
    }

    /// The bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Finds the parts.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn unseal(&self) -> Result<Unsealed, OverlayFrameError> {
        self.parts().map_err(|error| OverlayFrameError::Malformed {
            what: "message",
            why: error.to_string(),
        })
    }

    fn parts(&self) -> Result<Unsealed, decode::Error> {
        let mut d = Decoder::new(&self.0);
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a message has two parts"));
        }
        let signed = d.bytes()?;
        let signed_end = d.position();
        let signature = match d.datatype()? {
            minicbor::data::Type::Null => d.skip().map(|()| None)?,
            _ => Some(Signature(
                <[u8; 64]>::try_from(d.bytes()?).map_err(|_| decode::Error::message("signature length"))?,
            )),
        };
        if d.position() != self.0.len() {
            return Err(decode::Error::message("bytes after its end"));
        }
        let mut inner = Decoder::new(signed);
        let (header, from, to) = Header::read(&mut inner)?;
        if inner.position() != signed.len() {
            return Err(decode::Error::message("bytes after its end"));
        }
        if header.signer.is_some() != signature.is_some() {
            return Err(decode::Error::message("a signer and a signature come together"));
        }
        let begin = signed_end - signed.len();
        Ok(Unsealed {
            header,
            id: MessageId(hash(ID_CONTEXT, &[signed])),
            signed: begin..signed_end,
            body: begin + from..begin + to,
            signature,
            envelope: self.clone(),
        })
    }
}

impl Unsealed {
    /// The message for the app.
    pub fn body(&self) -> &[u8] {
        self.envelope.0.get(self.body.clone()).unwrap_or_default()
    }
    /// What travels on.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
    /// Signer, signed bytes and signature, of a message that has them.
    pub fn signed(&self) -> Option<(PublicKey, &[u8], &Signature)> {
        let bytes = self.envelope.0.get(self.signed.clone())?;
        Some((self.header.signer?.key(), bytes, self.signature.as_ref()?))
    }
    /// Whether the signature holds; a message without one has nothing to hold.
    pub fn holds(&self) -> bool {
        self.signed()
            .is_none_or(|(key, bytes, signature)| key.verify(SIGN_CONTEXT, bytes, signature).is_ok())
    }
}
