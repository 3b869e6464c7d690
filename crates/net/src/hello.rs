//! The handshake: both nodes say who they are, check each other's certificate, and share a session secret.

use crate::{
    config::NetLimits,
    error::{ConnectError, StreamError},
    frame::{read_frame, write_frame},
};
use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::node::{HELLO, Hello, MAX_HELLO, MAX_STREAM_HEADER, SESSION_LABEL, StreamHeader};
use iroh::endpoint::{Connection, RecvStream, SendStream};

/// What two nodes know of each other after the handshake.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) user: UserId,
    pub(crate) session: [u8; 32],
    pub(crate) hello: Hello,
}

pub(crate) fn remote_id(conn: &Connection) -> NodeId {
    NodeId(*conn.remote_id().as_bytes())
}

/// Prefers the reason with which the connection was closed over the broken stream that followed from it.
fn explain(conn: &Connection, error: StreamError) -> ConnectError {
    match (conn.close_reason(), error) {
        (Some(reason), _) => reason.into(),
        (None, StreamError::Stalled) => ConnectError::Slow,
        (None, error) => ConnectError::Fault(error.to_string()),
    }
}

/// The dialler's half. `limits.handshake` bounds each step.
pub(crate) async fn say(conn: &Connection, ours: &Hello, limits: &NetLimits) -> Result<Agreed, ConnectError> {
    let (mut send, mut recv) = conn.open_bi().await?;
    let wait = limits.handshake;
    let written = async {
        write_frame(&mut send, &StreamHeader::new(HELLO).to_bytes(), wait).await?;
        write_frame(&mut send, &ours.to_bytes(), wait).await
    };
    written.await.map_err(|error| explain(conn, error))?;
    let _ = send.finish();
    let theirs = read_hello(conn, &mut recv, limits).await?;
    agree(conn, theirs, |theirs| [ours.salt, theirs.salt].concat())
}

/// The acceptor's first half: what the dialler says of itself. Answering it is [`answer`].
pub(crate) async fn listen(
    conn: &Connection,
    ours: &Hello,
    limits: &NetLimits,
) -> Result<(SendStream, Agreed), ConnectError> {
    let (send, mut recv) = conn.accept_bi().await?;
    let header = read_frame(&mut recv, MAX_STREAM_HEADER, limits.handshake).await;
    let header = header.map_err(|error| explain(conn, error))?.ok_or_else(too_short)?;
    if StreamHeader::from_bytes(&header)?.protocol != HELLO {
        return Err(ConnectError::Fault("the first stream is not hello".into()));
    }
    let theirs = read_hello(conn, &mut recv, limits).await?;
    let agreed = agree(conn, theirs, |theirs| [theirs.salt, ours.salt].concat())?;
    Ok((send, agreed))
}

/// The acceptor's second half, once the connection is to be kept.
pub(crate) async fn answer(send: &mut SendStream, ours: &Hello, limits: &NetLimits) -> Result<(), StreamError> {
    write_frame(send, &ours.to_bytes(), limits.handshake).await?;
    let _ = send.finish();
    Ok(())
}

fn too_short() -> ConnectError {
    ConnectError::Fault("the stream ended before hello".into())
}

async fn read_hello(conn: &Connection, recv: &mut RecvStream, limits: &NetLimits) -> Result<Hello, ConnectError> {
    let bytes = read_frame(recv, MAX_HELLO, limits.handshake).await;
    let bytes = bytes.map_err(|error| explain(conn, error))?.ok_or_else(too_short)?;
    Ok(Hello::from_bytes(&bytes)?)
}

fn agree(conn: &Connection, hello: Hello, salts: impl FnOnce(&Hello) -> Vec<u8>) -> Result<Agreed, ConnectError> {
    if hello.common_version().is_none() {
        return Err(ConnectError::Version {
            newest: hello.version,
            oldest: hello.oldest,
        });
    }
    let claim = hello
        .certificate
        .verify()
        .map_err(|error| ConnectError::Certificate(error.to_string()))?;
    if claim.device != remote_id(conn) {
        return Err(ConnectError::Certificate("it is for another device".into()));
    }
    let mut session = [0; 32];
    conn.export_keying_material(&mut session, SESSION_LABEL, &salts(&hello))
        .map_err(|_| ConnectError::Unreachable("TLS exported no session secret".into()))?;
    Ok(Agreed {
        user: claim.user,
        session,
        hello,
    })
}
