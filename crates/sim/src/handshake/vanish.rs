//! A part of the micro-servers vanishes at once. How long until every client is served again, and what hits those who
//! are left?

use super::{aggregate, events};
use crate::{figures::Values, poisson};
use serde::Serialize;

/// What happens, and how clients and micro-servers react.
///
/// A client that has lost all homes is *urgent* and looks for another at once, after a random part of the jitter. One
/// that has a home left can still be called, and takes its time. A registration takes a micro-server `1 / rate`
/// seconds; further ones wait in its queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blow {
    /// How many there are.
    pub users: f64,
    /// Micro-servers for each user.
    pub micro_server_share: f64,
    /// Homes of each client.
    pub homes: u32,
    /// Share of the micro-servers that vanishes.
    pub vanishing: f64,
    /// No goodbye is heard (a power cut): clients notice when a question stays unanswered. Else (a program that
    /// crashes) their connections are closed.
    pub silent: bool,
    /// How often a client asks its homes whether they are there, in seconds.
    pub ping: f64,
    /// How long it waits for an answer. It then asks all other homes at once.
    pub ping_timeout: f64,
    /// How long a client may take to notice that a connection was closed.
    pub crash_notice: f64,
    /// How long an attempt takes that nobody answers, or that waits in a queue without end.
    pub connect_timeout: f64,
    /// Longest wait of an urgent client.
    pub jitter: f64,
    /// Longest wait of others.
    pub spare_jitter: f64,
    /// Registrations a second that a micro-server manages.
    pub rate: f64,
    /// A micro-server sends those away who would wait longer; none: it lets them wait, and they give up.
    pub queue: Option<f64>,
    /// Longest wait of a client that was sent away; doubles every time.
    pub backoff: f64,
}

/// How it goes on. Times are seconds since the blow; the mean is that over all micro-servers that are left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recovery {
    /// Share of the clients that still have a home.
    pub served_at_once: f64,
    /// When 99 % have one; none within [`HORIZON`].
    pub served_99_s: Option<f64>,
    /// When 99.9 % have one.
    pub served_999_s: Option<f64>,
    /// Share of the clients that have none at the end of [`HORIZON`].
    pub unserved: f64,
    /// Requests in the busiest second at the mean micro-server.
    pub busiest: f64,
    /// And at the one that is hit hardest in that second.
    pub busiest_most: f64,
    /// Requests for every registration that came about.
    pub attempts: f64,
}

/// Seconds that are looked at.
pub const HORIZON: f64 = 600.0;
/// After so many times the backoff doubles no more.
pub(super) const MOST_DOUBLINGS: usize = 5;
/// Seconds after which somebody who is there says no, or a crashed machine says that nothing listens there.
pub(super) const REFUSED_AFTER: f64 = 0.05;

impl Blow {
    /// With what a column of figures says.
    pub fn new(users: f64, values: &Values, vanishing: f64, silent: bool) -> Self {
        Self {
            users,
            micro_server_share: values.micro_server_share,
            homes: values.homes as u32,
            vanishing,
            silent,
            ping: values.ping_seconds,
            ping_timeout: values.ping_timeout_seconds,
            crash_notice: values.crash_notice_seconds,
            connect_timeout: values.connect_timeout_seconds,
            jitter: values.jitter_seconds,
            spare_jitter: values.spare_jitter_seconds,
            rate: values.registrations_per_second,
            queue: (values.queue_seconds > 0.0).then_some(values.queue_seconds),
            backoff: values.backoff_seconds,
        }
    }

    /// Event by event, with every client. Takes memory and time for each.
    pub fn by_events(&self, seed: u64) -> Recovery {
        events::run(self, seed)
    }

    /// In shares of clients and micro-servers, which takes the same time for any number of them.
    pub fn in_aggregate(&self) -> Recovery {
        aggregate::run(self)
    }

    /// When a client notices that a home is gone: evenly spread over the second time, after the first.
    pub(super) fn notice(&self) -> (f64, f64) {
        match self.silent {
            true => (self.ping_timeout, self.ping),
            false => (0.0, self.crash_notice),
        }
    }

    /// How many micro-servers there are.
    pub(super) fn micro_servers(&self) -> f64 {
        (self.users * self.micro_server_share).round().max(1.0)
    }

    /// Homes of each client, which are all different.
    pub(super) fn different_homes(&self) -> u32 {
        self.homes.min(self.micro_servers() as u32)
    }

    /// How long an attempt at a micro-server takes that is gone.
    pub(super) fn in_vain(&self) -> f64 {
        if self.silent {
            self.connect_timeout
        } else {
            REFUSED_AFTER
        }
    }

    /// Requests in a second at the one of all micro-servers left that gets the most, if the mean gets `mean`.
    pub(super) fn most(&self, mean: f64) -> f64 {
        let left = self.users * self.micro_server_share * (1.0 - self.vanishing);
        f64::from(poisson::exceeded_by(1.0 / left.max(1.0), mean))
    }
}
