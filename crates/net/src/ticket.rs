//! Tickets: what one person gives another so that their nodes meet.

use crate::{error::TicketError, relay::RelayAt};
use data_encoding::BASE32_NOPAD;
use hedgerow_base::{NodeId, hash::hash, limits};
use hedgerow_wire::node::{MAX_ADDRESSES, MAX_TICKET, TicketBody};
use hedgerow_wire::reach::MAX_RELAYS;
use std::{fmt, net::SocketAddr, str::FromStr};

const PREFIX: &str = "hedge1";
const CHECKSUM: usize = 4;
const CHECKSUM_CONTEXT: &str = "hedgerow 2026 ticket checksum v1";

/// Where a node may be reached. Its text form starts with `hedge1`, is one word, and upper and lower case are
/// the same. It holds no secret, but it shows the node's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The node.
    pub node: NodeId,
    /// Where to try; at most 16 are kept in the text.
    pub addresses: Vec<SocketAddr>,
    /// Relays over which it may be reached; at most 3.
    pub relays: Vec<RelayAt>,
    /// Who it is, in that person's own words.
    pub name: Option<String>,
}

impl Ticket {
    fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
        let digest = hash(CHECKSUM_CONTEXT, &[body]);
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut relays, mut relay_nodes) = RelayAt::to_wire(&self.relays);
        relays.truncate(MAX_RELAYS);
        relay_nodes.truncate(MAX_RELAYS);
        let mut bytes = TicketBody {
            node: self.node,
            addresses: self.addresses.iter().copied().take(MAX_ADDRESSES).collect(),
            relays,
            relay_nodes,
            name: self
                .name
                .as_deref()
                .map(|name| shortened(name, limits::MAX_NAME).to_owned()),
        }
        .to_bytes();
        bytes.extend(Self::checksum(&bytes));
        write!(f, "{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for Ticket {
    type Err = TicketError;
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text = text.trim();
        let (prefix, rest) = text.split_at_checked(PREFIX.len()).ok_or(TicketError::NotATicket)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(TicketError::NotATicket);
        }
        if rest.len() > (MAX_TICKET + CHECKSUM) * 2 {
            return Err(TicketError::Damaged);
        }
        let bytes = BASE32_NOPAD
            .decode(rest.to_ascii_uppercase().as_bytes())
            .map_err(|_| TicketError::Damaged)?;
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(TicketError::Damaged)?;
        if Self::checksum(body) != *checksum {
            return Err(TicketError::Damaged);
        }
        let body = TicketBody::from_bytes(body).map_err(TicketError::Unreadable)?;
        Ok(Self {
            node: body.node,
            addresses: body.addresses,
            relays: RelayAt::from_wire(&body.relays, &body.relay_nodes)
                .into_iter()
                .take(MAX_RELAYS)
                .collect(),
            name: body.name,
        })
    }
}

/// The longest start of `text` of at most `max` bytes.
pub(crate) fn shortened(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
