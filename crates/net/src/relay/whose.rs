//! Whose relay an address is, asked at the door: what announces itself in the DHT is only an address, but the relay
//! shows its node's key before anything else is said.

use super::{at::RelayAt, tls};
use hedgerow_base::NodeId;
use rustls::pki_types::ServerName;
use std::{io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// Who answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// Nobody, in time.
    Nobody,
    /// Something that does not speak TLS: another program, or a page in the place of everybody.
    Otherwise,
    /// The relay of this node, proven by its key.
    Relay(NodeId),
}

/// Who answers at an address where a relay should be.
pub(crate) async fn who_answers(at: SocketAddr, patience: Duration) -> Answered {
    let host = RelayAt::from(at).url().and_then(|url| Some(url.host_str()?.to_owned()));
    let name = host.and_then(|host| ServerName::try_from(host).ok());
    let (Some(name), Ok(config)) = (name, tls::asking()) else {
        return Answered::Nobody;
    };
    let asked = async {
        let stream = TcpStream::connect(at).await.ok()?;
        let stream = match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::InvalidData => return Some(Answered::Otherwise),
            Err(_) => return None,
        };
        let (_, session) = stream.get_ref();
        let node = tls::node_of(session.peer_certificates()?.first()?);
        Some(node.map_or(Answered::Otherwise, Answered::Relay))
    };
    timeout(patience, asked)
        .await
        .ok()
        .flatten()
        .unwrap_or(Answered::Nobody)
}

/// The node that relays at an address, proven by its key; nothing when nobody answers there in time, or no relay.
pub(crate) async fn whose(at: SocketAddr, patience: Duration) -> Option<NodeId> {
    match who_answers(at, patience).await {
        Answered::Relay(node) => Some(node),
        Answered::Nobody | Answered::Otherwise => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::SecretKey;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};
    use tokio_rustls::TlsAcceptor;

    const PATIENCE: Duration = Duration::from_secs(4);

    #[tokio::test]
    async fn a_relay_proves_whose_it_is_and_somebody_else_proves_nothing() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let node = NodeId::from(secret.public());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls::server(&secret).unwrap()));
        let serving = async {
            let (stream, _) = listener.accept().await.unwrap();
            let _relay = tls.accept(stream).await.unwrap();
            for text in [&b"SSH-2.0-not-a-relay\r\n"[..], b"HTTP/1.1 302 Found\r\n\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(text).await.unwrap();
            }
        };
        let asking = async {
            assert_eq!(whose(at, PATIENCE).await, Some(node));
            assert_eq!(whose(at, PATIENCE).await, None, "another program");
            let page = who_answers(at, PATIENCE).await;
            assert_eq!(page, Answered::Otherwise, "a page in the place of the relay");
        };
        tokio::join!(serving, asking);
    }

    #[tokio::test]
    async fn a_slow_relay_is_waited_for_and_a_dead_one_is_not_for_long() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls::server(&secret).unwrap()));
        let serving = async {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
            let _relay = tls.accept(stream).await.unwrap();
            // It takes the next one in and never says anything.
            let _held = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        };
        let asking = async {
            assert_eq!(whose(at, PATIENCE).await, Some(NodeId::from(secret.public())));
            assert_eq!(whose(at, Duration::from_millis(300)).await, None);
        };
        tokio::select! {
            () = serving => {}
            () = asking => {}
        }
    }
}
