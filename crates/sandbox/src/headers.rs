//! The headers of every answer, errors, redirects and 304 included. One answer of an origin without them is a way
//! around them: a page may frame it and act inside it.
//!
//! Content-Security-Policy alone does not keep a widget from the network: DNS prefetch, preconnect, WebRTC and blocked
//! navigations still leak. `Connection-Allowlist: (response-origin)` closes those where the browser knows it; other
//! browsers get all the rest and the user is told that the fence is partial.

use crate::origin::{HUB, Origins};
use hedgerow_api::Permission;

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The dashboard and its API.
    Hub,
    /// A widget's files, and the errors of its origin.
    Widget,
    /// Refusals and answers to programs: nothing may run in them.
    Inert,
}

/// Header names and values, ready to be copied into an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSet {
    /// Lower-case name, value.
    pub pairs: Vec<(&'static str, String)>,
}

/// A header that every set has, and that a bare answer of a HTTP library does not.
pub const MARKER: &str = "x-content-type-options";

/// Features that neither the dashboard nor a widget may use, whatever was granted. Those that come with a permission are
/// named with it: [`Permission::features`].
const DENIED: &[&str] = &[
    "accelerometer",
    "bluetooth",
    "browsing-topics",
    "compute-pressure",
    "cross-origin-isolated",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "identity-credentials-get",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "midi",
    "otp-credentials",
    "payment",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "web-share",
    "window-management",
    "xr-spatial-tracking",
];

impl HeaderSet {
    /// The set for one kind of answer of a node at `origins`. `Cache-Control` is not in it: it differs by file.
    /// A widget's set is that of one that was granted nothing.
    pub fn new(page: Page, origins: &Origins) -> Self {
        Self::with(page, &[], origins)
    }

    /// The set for a widget that may use these features of the browser, by itself and not in frames of other origins.
    pub fn granted(features: &[&str], origins: &Origins) -> Self {
        Self::with(Page::Widget, features, origins)
    }

    fn with(page: Page, features: &[&str], origins: &Origins) -> Self {
        let mut pairs = vec![
            (MARKER, "nosniff".to_owned()),
            ("content-security-policy", policy(page, origins)),
            ("cross-origin-resource-policy", "same-origin".to_owned()),
            ("cross-origin-opener-policy", "same-origin".to_owned()),
            ("origin-agent-cluster", "?1".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            ("x-dns-prefetch-control", "off".to_owned()),
            ("permissions-policy", permissions(page, features, origins)),
        ];
        match page {
            // The hub frames other origins and opens a WebSocket; it runs no code but our own.
            Page::Hub => pairs.push(("x-frame-options", "DENY".to_owned())),
            Page::Widget => pairs.push(("connection-allowlist", "(response-origin)".to_owned())),
            Page::Inert => {
                pairs.push(("connection-allowlist", "(response-origin)".to_owned()));
                pairs.push(("x-frame-options", "DENY".to_owned()));
            }
        }
        Self { pairs }
    }

    /// The set as lines of an HTTP/1 head.
    pub fn lines(&self) -> String {
        self.pairs
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect()
    }
}

fn policy(page: Page, origins: &Origins) -> String {
    let hub = origins.hub();
    match page {
        // What webxdc apps need (inline code, eval, blobs, forms that lead to a page of theirs) and nothing that leaves
        // the origin. The sandbox is that of the dashboard's frame, should a page ever stand elsewhere: no windows. Whether
        // dialogs open is for the dashboard's frame to say.
        Page::Widget => format!(
            "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; \
             style-src 'self' 'unsafe-inline' blob:; img-src 'self' data: blob:; media-src 'self' data: blob:; \
             font-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; \
             frame-src 'self' data: blob:; manifest-src 'self'; form-action 'self'; base-uri 'self'; \
             object-src 'none'; frame-ancestors 'self' {hub}; webrtc 'block'; \
             sandbox allow-scripts allow-same-origin allow-forms allow-downloads allow-modals"
        ),
        Page::Hub => format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
             font-src 'self'; connect-src 'self' ws://{host}; frame-src http://{frames}; manifest-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
            host = origins.hub_host(),
            frames = origins.with_port(&format!("*.{HUB}")),
        ),
        Page::Inert => "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                        sandbox; webrtc 'block'"
            .to_owned(),
    }
}

fn permissions(page: Page, granted: &[&str], origins: &Origins) -> String {
    let denied = DENIED.iter().map(|feature| format!("{feature}=()"));
    let grantable = Permission::ALL.iter().flat_map(|permission| permission.features());
    let grantable = grantable.map(|feature| match page {
        // A page can pass on only what it has itself. What is passed on to whom the attribute `allow` of each frame says;
        // without it a frame gets nothing. The dashboard itself uses the one to copy invitations when asked to.
        Page::Hub => format!("{feature}=(self \"http://{}\")", origins.with_port(&format!("*.{HUB}"))),
        Page::Widget if granted.contains(feature) => format!("{feature}=(self)"),
        Page::Widget | Page::Inert => format!("{feature}=()"),
    });
    denied.chain(grantable).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
