//! What is measured, the same for every contestant (`bench/peers/README.md`): processes on loopback, the messages, when
//! they are sent, and the figures. A contestant implements [`Peer`] and calls [`run`].

mod child;
mod figures;
mod inbox;
mod message;
mod options;
mod parent;
mod protocol;

pub use inbox::{Checked, Inbox};
pub use message::{ACCEPT, FILTER};
pub use options::{Options, Transport};

use anyhow::Result;
use std::{future::Future, process::ExitCode, sync::Arc};

/// Contacts that a node is given at the start, as a tracker or friends would name them.
pub const CONTACTS: usize = 8;

/// One node of a contestant, in a process of its own.
pub trait Peer: Sized {
    /// In the figures, such as `gossipsub`.
    const NAME: &'static str;

    /// Starts a node on the loopback interface that joins nothing yet. Each message that comes goes to [`Inbox::check`]
    /// first, before it is passed on if the contestant can do that, and to [`Inbox::deliver`] then.
    fn start(options: &Options, inbox: Arc<Inbox>) -> impl Future<Output = Result<Self>>;

    /// What the others need to connect: one line of text.
    fn address(&self) -> String;

    /// Begins to join the topic by these addresses. Need not wait for anybody.
    fn join(&mut self, contacts: &[String]) -> impl Future<Output = Result<()>>;

    /// With how many others it exchanges messages of the topic now.
    fn neighbours(&mut self) -> impl Future<Output = Result<usize>>;

    /// Hands a message over for all others. An error means that it was not sent, such as for full queues.
    fn broadcast(&mut self, message: Vec<u8>) -> impl Future<Output = Result<()>>;
}

/// The whole program of a contestant: measures and prints, or is one node of that.
pub fn run<P: Peer>() -> ExitCode {
    let options = Options::read();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| match options.child {
            Some(index) => runtime.block_on(child::run::<P>(&options, index)),
            None => runtime.block_on(parent::run(P::NAME, &options)),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", P::NAME);
            ExitCode::FAILURE
        }
    }
}
