//! Frames of protocol `directory/1`.

use super::{DirectoryFrameError, LAST_FRAME, MAX_IDS, MAX_RANGES, MAX_RECORDS, Round, decoded, encoded};
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
        };
        if sound {
            Ok(frame)
        } else {
            Err(DirectoryFrameError::Malformed("directory frame"))
        }
    }
}
