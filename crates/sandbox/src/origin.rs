//! Who is asking: decided from `Host`, `Origin` and `Sec-Fetch-*` before anything else is read of a request.
//!
//! The hub is `hub.localhost:PORT`, an instance is `<id>.hub.localhost:PORT`. Every other name that leads to this
//! port was put there by somebody else (DNS rebinding) and is refused. Programs on this machine use `127.0.0.1:PORT`
//! with a token and look like no browser.

use hedgerow_base::{Blame, Blamed, InstanceId};

/// A request header as far as the decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// Not sent.
    Absent,
    /// Sent once, readable.
    One(&'a str),
    /// Sent several times, or not as plain text: never trusted.
    Unclear,
}

impl<'a> Field<'a> {
    /// Reads all values of one header.
    pub fn of(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(Some(text)), None) => Self::One(text),
            _ => Self::Unclear,
        }
    }

    const fn is(self, expected: &str) -> bool {
        match self {
            Self::One(text) => same(text.as_bytes(), expected.as_bytes()),
            Self::Absent | Self::Unclear => false,
        }
    }

    const fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The headers that say who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `Host`.
    pub host: Field<'a>,
    /// `Origin`.
    pub origin: Field<'a>,
    /// `Sec-Fetch-Site`.
    pub site: Field<'a>,
    /// `Sec-Fetch-Mode`.
    pub mode: Field<'a>,
    /// `Sec-Fetch-Dest`.
    pub dest: Field<'a>,
    /// `Service-Worker`.
    pub service_worker: Field<'a>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The dashboard: its files and, with a session token, the API.
    Hub,
    /// The files of one widget instance.
    Widget(InstanceId),
    /// A program of the owner on this machine: the API, with the token from the data folder.
    LocalProgram,
    /// Nowhere.
    Refused(Refusal),
}

/// Why a request is refused before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Host`, several, or one that is no text.
    #[error("the request does not say for which host it is")]
    NoHost,
    /// A name that is not ours: rebinding, an address, a wrong port.
    #[error("this host name is not served here")]
    ForeignHost,
    /// A browser came by an address that is only for programs.
    #[error("this address is for programs; open the dashboard by its own name")]
    ForPrograms,
    /// A page of another origin asks.
    #[error("a page of another origin may not ask this")]
    ForeignOrigin,
    /// Another site or widget wants to embed or reach this.
    #[error("this can only be opened from the dashboard")]
    ForeignSite,
    /// A service worker would outlive the page and answer without our headers.
    #[error("service workers are not served here")]
    ServiceWorker,
}

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// The names under which a node is reached by browsers on its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origins {
    /// Port of the HTTP server.
    pub port: u16,
}

/// Host name of the dashboard.
pub const HUB: &str = "hub.localhost";

impl Origins {
    /// Names for a server on `port`.
    pub const fn new(port: u16) -> Self {
        Self { port }
    }

    /// `hub.localhost:PORT`, without the port when it is 80, as browsers write it.
    pub fn hub_host(&self) -> String {
        self.with_port(HUB)
    }

    /// `http://hub.localhost:PORT`.
    pub fn hub(&self) -> String {
        format!("http://{}", self.hub_host())
    }

    /// `http://<instance>.hub.localhost:PORT`.
    pub fn widget(&self, instance: &InstanceId) -> String {
        format!("http://{}", self.with_port(&format!("{instance}.{HUB}")))
    }

    /// `NAME:PORT`, without the port when it is 80.
    pub fn with_port(&self, name: &str) -> String {
        match self.port {
            80 => name.to_owned(),
            port => format!("{name}:{port}"),
        }
    }

    /// Decides where a request goes. Host first, then origin, then site: the first that is wrong refuses.
    pub fn door(&self, asked: &Asked<'_>) -> Door {
        let refused_worker = !asked.service_worker.is_absent() || asked.dest.is("serviceworker");
        if refused_worker {
            return Door::Refused(Refusal::ServiceWorker);
        }
        let Field::One(host) = asked.host else {
            return Door::Refused(Refusal::NoHost);
        };
        match self.named(host) {
            Named::Hub => self.hub_door(asked),
            Named::Widget(id) => self.widget_door(id, asked),
            Named::Loopback => {
                // Some libraries for WebSocket name the address that they call as their origin, and some say the mode.
                // No page has this origin: nothing that runs is served under it.
                let own = matches!(asked.origin, Field::One(origin) if origin.strip_prefix("http://") == Some(host));
                let mode = asked.mode.is_absent() || asked.mode.is("websocket");
                match asked.origin {
                    Field::One(_) | Field::Unclear if !own => Door::Refused(Refusal::ForeignOrigin),
                    _ if mode && asked.site.is_absent() && asked.dest.is_absent() => Door::LocalProgram,
                    _ => Door::Refused(Refusal::ForPrograms),
                }
            }
            Named::Foreign => Door::Refused(Refusal::ForeignHost),
        }
    }

    fn named(&self, host: &str) -> Named {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port == self.port.to_string() => name,
            None if self.port == 80 => host,
            _ => return Named::Foreign,
        };
        match name {
            HUB => Named::Hub,
            "127.0.0.1" | "localhost" => Named::Loopback,
            _ => name
                .strip_suffix(HUB)
                .and_then(|rest| rest.strip_suffix('.'))
                .and_then(|label| label.parse().ok())
                .map_or(Named::Foreign, Named::Widget),
        }
    }

    fn hub_door(&self, asked: &Asked<'_>) -> Door {
        match asked.origin {
            // A browser lets no page choose this header, so it settles the matter.
            Field::One(origin) if origin == self.hub() => return Door::Hub,
            Field::Absent => {}
            Field::One(_) | Field::Unclear => return Door::Refused(Refusal::ForeignOrigin),
        }
        let opened = asked.mode.is("navigate") && asked.dest.is("document");
        match asked.site {
            Field::Absent | Field::One("same-origin" | "none") => Door::Hub,
            // A link to the dashboard in somebody's page may be followed; nothing of it may be embedded.
            Field::One("same-site" | "cross-site") if opened => Door::Hub,
            Field::One(_) | Field::Unclear => Door::Refused(Refusal::ForeignSite),
        }
    }

    fn widget_door(&self, id: InstanceId, asked: &Asked<'_>) -> Door {
        match asked.origin {
            Field::Absent => {}
            Field::One(origin) if origin == self.widget(&id) => {}
            Field::One(_) | Field::Unclear => return Door::Refused(Refusal::ForeignOrigin),
        }
        let navigates = asked.mode.is("navigate");
        // In a window of its own, which a middle click on a link opens, the frame's sandbox is gone and nothing keeps the
        // page from leading the window elsewhere.
        if navigates && asked.dest.is("document") {
            return Door::Refused(Refusal::ForeignSite);
        }
        match asked.site {
            Field::Absent | Field::One("same-origin") => Door::Widget(id),
            // The hub's frame. A sibling widget looks the same here; `frame-ancestors` keeps it from framing this one.
            Field::One("same-site") if navigates && asked.dest.is("iframe") => Door::Widget(id),
            Field::One(_) | Field::Unclear => Door::Refused(Refusal::ForeignSite),
        }
    }
}

enum Named {
    Hub,
    Widget(InstanceId),
    Loopback,
    Foreign,
}

#[cfg(test)]
mod tests;
