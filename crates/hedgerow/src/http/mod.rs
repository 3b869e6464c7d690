//! The local HTTP and WebSocket server: the dashboard, one origin per widget instance, and the API for programs.
//!
//! A request is first sorted by its `Host`, `Origin` and `Sec-Fetch-*` headers into one door ([`router`]); every
//! answer leaves through one place that adds the headers of that door. Invariants: bound to loopback only; no
//! cookies, no CORS; tokens live in memory and are never logged or written into addresses.

mod api;
mod auth;
mod backend;
mod connection;
mod crowd;
mod guard;
mod hub;
mod reply;
mod router;
mod rpc;
mod streams;
mod talk;
#[cfg(unix)]
mod unix;
mod widget;
mod ws;

#[cfg(test)]
mod tests;

use backend::Backend;
use hedgerow_node::Caller;
use hedgerow_sandbox::{HeaderSet, Origins, Page, Tier};
use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::Semaphore, sync::watch, task::JoinSet};

/// Packages that are taken in at the same time: each is held in memory.
const UPLOADS: usize = 2;
/// How long connections may finish what they do when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What every connection shares.
struct Shared<B> {
    backend: B,
    origins: Origins,
    auth: auth::Auth,
    headers: Headers,
    uploads: Semaphore,
    opened: Mutex<rpc::OpenCounts>,
    ending: watch::Sender<bool>,
}

/// The header sets of the three kinds of page.
struct Headers {
    hub: HeaderSet,
    widget: HeaderSet,
    inert: HeaderSet,
}

impl Headers {
    fn new(origins: &Origins) -> Self {
        let set = |page| HeaderSet::new(page, origins);
        Self {
            hub: set(Page::Hub),
            widget: set(Page::Widget),
            inert: set(Page::Inert),
        }
    }

    fn of(&self, page: Page) -> &HeaderSet {
        match page {
            Page::Hub => &self.hub,
            Page::Widget => &self.widget,
            Page::Inert => &self.inert,
        }
    }
}

impl<B: Backend> Shared<B> {
    /// Who shows this token at this door. The dashboard's door knows sessions only, the other one none.
    fn caller(&self, from: api::From, token: &str) -> Option<Caller> {
        match from {
            api::From::Hub => self.auth.session(token).map(Caller::Dashboard),
            api::From::Program if self.auth.is_program(token) => Some(Caller::Program),
            api::From::Program => self.backend.plugin(token).map(Caller::Plugin),
        }
    }
}

impl<B> Shared<B> {
    /// A fresh one-time address of the dashboard. The code is in the fragment, which no browser sends anywhere.
    fn login_link(&self, tier: Tier) -> String {
        format!("{}/#login={}", self.origins.hub(), self.auth.new_code(tier))
    }
}

/// A running server. Dropping it leaves it running until the runtime ends; [`Server::stop`] ends it.
pub(crate) struct Server<B: Backend = hedgerow_node::NodeHandle> {
    shared: Arc<Shared<B>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl<B: Backend> Server<B> {
    /// Serves on `listener`, and on `[::1]` with the same port where the machine has it: browsers look there first,
    /// so another program must not answer there. `token` is what programs of the owner show.
    ///
    /// # Errors
    /// When the listener is not on loopback, cannot be used, or the port is taken on `[::1]`.
    pub(crate) fn start(listener: TcpListener, backend: B, token: String) -> io::Result<Self> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            let why = "the dashboard is served to this machine only; listen on 127.0.0.1";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let origins = Origins::new(address.port());
        let shared = Arc::new(Shared {
            backend,
            origins,
            auth: auth::Auth::new(&token)?,
            headers: Headers::new(&origins),
            uploads: Semaphore::new(UPLOADS),
            opened: Mutex::default(),
            ending: watch::Sender::new(false),
        });
        let stop = watch::Sender::new(false);
        let crowd = crowd::Crowd::new(connection::MAX_CONNECTIONS);
        let mut tasks = JoinSet::new();
        for listener in [Some(listener), second(address)?].into_iter().flatten() {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tasks.spawn(connection::accept(
                listener,
                shared.clone(),
                crowd.clone(),
                stop.subscribe(),
            ));
        }
        Ok(Self { shared, stop, tasks })
    }

    /// Serves on a Unix socket in the data folder, too; answers where it is.
    ///
    /// # Errors
    /// When the path is too long, or the file system has no sockets.
    #[cfg(unix)]
    pub(crate) fn listen_in(&mut self, data: &std::path::Path) -> io::Result<std::path::PathBuf> {
        let (listener, path) = unix::bind(data)?;
        self.tasks
            .spawn(unix::accept(listener, self.shared.clone(), self.stop.subscribe()));
        Ok(path)
    }

    /// The port in use.
    pub(crate) fn port(&self) -> u16 {
        self.shared.origins.port
    }

    /// A fresh one-time address of the dashboard, for any browser.
    pub(crate) fn login_link(&self) -> String {
        self.shared.login_link(Tier::Partial)
    }

    /// Waits until somebody asked the node to end (`node.shutdown`).
    ///
    /// # Errors
    /// None today; accepting goes on through passing errors.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        let mut ending = self.shared.ending.subscribe();
        connection::told(&mut ending).await;
        Ok(())
    }

    /// Stops accepting and lets open requests finish for a moment.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        self.shared.ending.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

/// The IPv6 loopback beside the IPv4 one. A machine without IPv6 does without.
fn second(first: SocketAddr) -> io::Result<Option<TcpListener>> {
    if first.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) {
        return Ok(None);
    }
    match TcpListener::bind((Ipv6Addr::LOCALHOST, first.port())) {
        Ok(listener) => Ok(Some(listener)),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(io::Error::new(
            e.kind(),
            format!(
                "another program uses port {} on [::1], where browsers would find it instead of the dashboard; \
                 choose another port with --listen",
                first.port()
            ),
        )),
        Err(e) => {
            tracing::debug!("not serving on [::1]: {e}");
            Ok(None)
        }
    }
}
