//! How the connection to a peer came to be and is now, for people (O12).

use crate::{handle::NodeHandle, people::path_of};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{Path, Trace, TraceNote, TracePath},
};
use hedgerow_base::NodeId;
use hedgerow_net::PathState;

/// The whole story.
///
/// # Errors
/// `NotFound` for a node that nothing is known of.
pub(crate) async fn trace(node: &NodeHandle, peer: NodeId) -> Result<Trace, ApiError> {
    let (looked, name, known) = node
        .with(move |e| {
            let list = e.peers()?;
            let found = list.into_iter().find(|p| p.node == peer.to_string());
            let name = found.as_ref().and_then(|p| p.name.clone());
            Ok((e.net.trace(&peer), name, found.is_some()))
        })
        .await?;
    let found = looked.await;
    if !known && found.notes.is_empty() && found.paths.is_empty() {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "nothing is known of that node; see `hedgerow peers --all`",
        ));
    }
    let used = found.paths.iter().find(|p| p.state == PathState::Used);
    let info = found.info.as_ref();
    Ok(Trace {
        node: peer.to_string(),
        name,
        path: info.map_or(Path::None, |info| path_of(info.path)),
        via: used.map(|p| p.address.clone()),
        rtt_ms: info.map(|info| info.rtt_ms),
        since_ms: info.map(|info| info.connected_since_ms),
        bytes_in: info.map_or(0, |info| info.bytes_in),
        bytes_out: info.map_or(0, |info| info.bytes_out),
        dialled: found.dialled,
        dialling: found.dialling,
        next_dial_ms: found
            .next_dial
            .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        paths: found
            .paths
            .iter()
            .map(|p| TracePath {
                kind: p.kind.as_str().into(),
                address: p.address.clone(),
                relay_node: p.relay.map(|node| node.to_string()),
                state: p.state.as_str().into(),
                rtt_ms: p.rtt_ms,
            })
            .collect(),
        log: found
            .notes
            .into_iter()
            .map(|note| TraceNote {
                at_ms: note.at_ms,
                step: note.step.as_str().into(),
                text: crate::notices::clean(&note.text, 600),
            })
            .collect(),
    })
}
