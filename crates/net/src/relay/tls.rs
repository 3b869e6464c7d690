//! TLS between a node and a relay: the relay shows its node's key itself (RFC 7250), and whoever connects knows which
//! key it must be. There are no names, no certificates of authorities, and no dates that a wrong clock could break.

use super::at::parse_host;
use data_encoding::HEXLOWER;
use hedgerow_base::{NodeId, SecretKey};
use iroh::{
    dns::{BoxIter, DnsError, DnsResolver, Resolver, TxtRecordData},
    tls::CaTlsConfig,
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key},
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime, alg_id,
    },
    server::AlwaysResolvesServerRawPublicKeys,
    sign::{CertifiedKey, public_key_to_spki},
};
use std::{
    future::{Future, ready},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    pin::Pin,
    sync::Arc,
};
use tracing::warn;

/// What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const PKCS8: &str = "302e020100300506032b657004220420";

/// How the relay of a node proves whose it is.
pub(super) fn server(secret: &SecretKey) -> Result<ServerConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let mut pkcs8 = HEXLOWER.decode(PKCS8.as_bytes()).map_err(|e| e.to_string())?;
    pkcs8.extend_from_slice(secret.seed().as_ref());
    let key = provider
        .key_provider
        .load_private_key(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8)))
        .map_err(|e| e.to_string())?;
    let public = public_key_to_spki(&alg_id::ED25519, NodeId::from(secret.public()).as_bytes());
    let key = CertifiedKey::new(vec![CertificateDer::from(public.to_vec())], key);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(key))));
    Ok(config)
}

/// For asking a relay whose it is: any key that is proven will do.
///
/// # Errors
/// When the cryptography that is built in does not speak TLS 1.3.
pub(super) fn asking() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { algorithms }))
        .with_no_client_auth())
}

/// The node whose key a relay has shown.
pub(super) fn node_of(shown: &CertificateDer<'_>) -> Option<NodeId> {
    let key = shown.last_chunk::<32>()?;
    let whole = public_key_to_spki(&alg_id::ED25519, key);
    (whole.as_ref() == &**shown).then_some(NodeId(*key))
}

/// What the engine checks relays with: the key in the host, and nothing else in the world.
pub(crate) fn client() -> CaTlsConfig {
    CaTlsConfig::custom_server_cert_verifier(Arc::new(|provider: Arc<CryptoProvider>| {
        let algorithms = provider.signature_verification_algorithms;
        Ok(Arc::new(Pinned { algorithms }) as Arc<dyn ServerCertVerifier>)
    }))
}

#[derive(Debug)]
struct Pinned {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let ServerName::DnsName(host) = server_name else {
            return Err(Error::UnsupportedNameType);
        };
        let Some((node, ip)) = parse_host(host.as_ref()) else {
            return Err(Error::InvalidCertificate(CertificateError::NotValidForName));
        };
        let matches = |node: NodeId| public_key_to_spki(&alg_id::ED25519, node.as_bytes()).as_ref() == &**end_entity;
        if intermediates.is_empty() && node.is_none_or(matches) {
            return Ok(ServerCertVerified::assertion());
        }
        warn!(relay = %ip, "somebody else answers in place of this relay; it is not used");
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Names of relays say their address. No other name is looked up: the engine asks nobody.
pub(crate) fn names() -> DnsResolver {
    DnsResolver::custom(Spoken)
}

#[derive(Debug)]
struct Spoken;

type Answer<T> = Pin<Box<dyn Future<Output = Result<BoxIter<T>, DnsError>> + Send>>;

fn answer<T: Send + 'static>(host: &str, pick: impl Fn(IpAddr) -> Option<T>) -> Answer<T> {
    let found = parse_host(host).and_then(|(_, ip)| pick(ip));
    Box::pin(ready(match found {
        Some(ip) => Ok(Box::new(std::iter::once(ip)) as BoxIter<T>),
        None => Err(nothing()),
    }))
}

fn nothing() -> DnsError {
    DnsError::from(iroh_relay::protos::streams::StreamError::from_std(
        std::io::Error::from(std::io::ErrorKind::NotFound),
    ))
}

impl Resolver for Spoken {
    fn lookup_ipv4(&self, host: String) -> Answer<Ipv4Addr> {
        answer(&host, |ip| match ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
    }
    fn lookup_ipv6(&self, host: String) -> Answer<Ipv6Addr> {
        answer(&host, |ip| match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => Some(ip),
        })
    }
    fn lookup_txt(&self, _: String) -> Answer<TxtRecordData> {
        Box::pin(ready(Err(nothing())))
    }
    fn clear_cache(&self) {}
    fn reset(&self) -> Box<dyn Resolver> {
        Box::new(Self)
    }
}
