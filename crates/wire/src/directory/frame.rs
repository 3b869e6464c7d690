//! Frames of protocol `directory/1`.

use super::{DirectoryFrameError, LAST_FRAME, MAX_IDS, MAX_RANGES, MAX_RECORDS, MAX_SYMBOLS, Round, decoded, encoded};
use alloc::vec::Vec;
use hedgerow_base::{RecordId, limits::MAX_FRAME};
use minicbor::{Decode, Decoder, Encode, bytes::ByteVec};

/// A range of ids, from where the one before it ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Range {
    /// First id after the range; none: to the end.
    #[n(0)]
    pub end: Option<RecordId>,
    /// What the sender says of it.
    #[n(1)]
    pub say: Say,
}

/// What is said of a range.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Say {
    /// Nothing more to do.
    #[n(0)]
    Same,
    /// Fingerprint over the ids in it.
    #[n(1)]
    Print {
        /// Hash over sum and count.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        print: [u8; 16],
    },
    /// All ids in it.
    #[n(2)]
    Ids {
        /// Sorted.
        #[n(0)]
        ids: Vec<RecordId>,
    },
}

/// A frame between two directories. The numbers are on the wire and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum DirectoryFrame {
    /// One step of range-based set reconciliation.
    #[n(0)]
    Reconcile {
        /// Contiguous from the lowest id.
        #[n(0)]
        ranges: Vec<Range>,
    },
    /// Records that the sender has got.
    #[n(1)]
    Offer {
        /// Their ids.
        #[n(0)]
        ids: Vec<RecordId>,
    },
    /// Records that the sender would like.
    #[n(2)]
    Want {
        /// Their ids.
        #[n(0)]
        ids: Vec<RecordId>,
    },
    /// Records.
    #[n(3)]
    Records {
        /// Each as [`super::Record::to_bytes`].
        #[n(0)]
        records: Vec<ByteVec>,
    },
    /// A round of the exchange.
    #[n(4)]
    Round {
        /// What the sender tells.
        #[n(0)]
        round: Round,
    },
    /// All that the sender has, in a few bytes: how a comparison begins.
    #[n(5)]
    Open {
        /// Fingerprint over all ids.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        print: [u8; 16],
        /// How many there are.
        #[n(1)]
        count: u32,
    },
    /// Asks for coded symbols of all that the other has (rateless set reconciliation).
    #[n(6)]
    Ask {
        /// Key of the session, drawn by who asks.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        key: [u8; 16],
        /// First symbol.
        #[n(1)]
        from: u32,
        /// How many, at most [`super::MAX_SYMBOLS`].
        #[n(2)]
        count: u32,
    },
    /// Coded symbols.
    #[n(7)]
    Symbols {
        /// Number of the first one.
        #[n(0)]
        from: u32,
        /// As asked for.
        #[n(1)]
        symbols: Vec<Symbol>,
    },
    /// Records that the sender would like, by their short ids.
    #[n(8)]
    WantShort {
        /// Key under which the ids are shortened.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        key: [u8; 16],
        /// Short ids.
        #[n(1)]
        ids: Vec<u64>,
    },
}

/// A coded symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Symbol {
    /// Exclusive or of the short ids in it.
    #[n(0)]
    pub sum: u64,
    /// Exclusive or of their checks.
    #[n(1)]
    pub check: u32,
    /// How many there are.
    #[n(2)]
    pub count: i64,
}

impl DirectoryFrame {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(self)
    }
    /// Reads a frame.
    ///
    /// # Errors
    /// `Malformed`, `TooLong` or `UnknownFrame`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DirectoryFrameError> {
        if bytes.len() > MAX_FRAME {
            return Err(DirectoryFrameError::TooLong {
                what: "directory frame",
                len: bytes.len(),
            });
        }
        let mut peek = Decoder::new(bytes);
        if let Ok(number) = peek.array().and_then(|_| peek.u32())
            && number > LAST_FRAME
        {
            return Err(DirectoryFrameError::UnknownFrame(number));
        }
        let frame: Self = decoded(bytes, "directory frame")?;
        let sound = match &frame {
            Self::Reconcile { ranges } => ranges.len() <= MAX_RANGES,
            Self::Offer { ids } | Self::Want { ids } => ids.len() <= MAX_IDS,
            Self::Records { records } => records.len() <= MAX_RECORDS,
            Self::Round { round } => round.check().is_ok(),
            Self::Open { .. } => true,
            Self::Ask { count, .. } => (*count as usize) <= MAX_SYMBOLS,
            Self::Symbols { symbols, .. } => symbols.len() <= MAX_SYMBOLS,
            Self::WantShort { ids, .. } => ids.len() <= MAX_IDS,
        };
        if sound {
            Ok(frame)
        } else {
            Err(DirectoryFrameError::Malformed("directory frame"))
        }
    }
}
