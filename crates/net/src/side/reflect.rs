//! Answering strangers: where their packets come from, perhaps later, perhaps from another port. Nobody gets more
//! bytes out of it than they put in, and nobody gets much.

use crate::{net::Inner, park, queue::lock};
use hedgerow_wire::{
    park::MAX_PARK,
    side::{From, MAX_SIDE, Side, Token},
};
use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::UdpSocket, time::Instant};

/// How long it is remembered where a token came from, and how many are.
const REMEMBERED: Duration = Duration::from_secs(30);
const MOST_REMEMBERED: usize = 4096;
/// Answers that one address gets in [`QUOTA_TIME`], and all together.
const MOST_OF_ONE: u32 = 300;
const MOST: u32 = 20_000;
const QUOTA_TIME: Duration = Duration::from_secs(60);
/// Addresses that are counted apart; those beyond share what is left.
const MOST_COUNTED: usize = 8192;
/// The longest datagram of both protocols that come here.
const LONGEST: usize = if MAX_PARK > MAX_SIDE { MAX_PARK } else { MAX_SIDE };
/// Answers that are waiting for their time.
const MOST_DELAYED: usize = 2048;

/// Where questions came from.
#[derive(Default)]
pub(super) struct Asked {
    by_token: BTreeMap<Token, SocketAddr>,
    order: VecDeque<(Instant, Token)>,
}

impl Asked {
    fn remember(&mut self, token: Token, at: SocketAddr, now: Instant) {
        while let Some((since, old)) = self.order.front()
            && (now.duration_since(*since) > REMEMBERED || self.order.len() >= MOST_REMEMBERED)
        {
            self.by_token.remove(old);
            self.order.pop_front();
        }
        // The first who says a token keeps it.
        if let std::collections::btree_map::Entry::Vacant(entry) = self.by_token.entry(token) {
            entry.insert(at);
            self.order.push_back((now, token));
        }
    }

    /// Where a token came from, if that was lately.
    pub(super) fn of(&self, token: &Token, now: Instant) -> Option<SocketAddr> {
        let (since, _) = self.order.iter().find(|(_, known)| known == token)?;
        (now.duration_since(*since) <= REMEMBERED).then(|| self.by_token.get(token).copied())?
    }
}

/// Counts answers.
#[derive(Default)]
struct Quota {
    since: Option<Instant>,
    of_one: BTreeMap<IpAddr, u32>,
    all: u32,
}

impl Quota {
    fn take(&mut self, ip: IpAddr, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) > QUOTA_TIME) {
            *self = Self {
                since: Some(now),
                ..Self::default()
            };
        }
        if self.all >= MOST || (self.of_one.len() >= MOST_COUNTED && !self.of_one.contains_key(&ip)) {
            return false;
        }
        let count = self.of_one.entry(ip).or_default();
        if *count >= MOST_OF_ONE {
            return false;
        }
        *count += 1;
        self.all += 1;
        true
    }
}

/// Answers on both sockets.
pub(super) async fn run(net: Arc<Inner>, socket: Arc<UdpSocket>, other: Arc<UdpSocket>) {
    let mut quota = Quota::default();
    let delayed = Arc::new(AtomicUsize::new(0));
    let other_port = other.local_addr().map_or(0, |addr| addr.port());
    let (mut one, mut two) = ([0; LONGEST + 1], [0; LONGEST + 1]);
    loop {
        let (received, here, there, buffer) = tokio::select! {
            received = socket.recv_from(&mut one) => (received, &socket, &other, &one),
            received = other.recv_from(&mut two) => (received, &other, &socket, &two),
        };
        // An error is about a packet that was sent before: its receiver is not there.
        let Ok((len, from)) = received else {
            tokio::task::yield_now().await;
            continue;
        };
        let now = Instant::now();
        if let Some(packet) = buffer.get(..len).filter(|packet| park::is_meant(packet)) {
            park::heard(&net, packet, from, &socket).await;
            continue;
        }
        let Some(Ok(Side::Ask { token, from: want, delay_s })) = buffer.get(..len).map(Side::from_bytes) else {
            continue;
        };
        if !quota.take(from.ip(), now) {
            continue;
        }
        lock(&net.side).asked.remember(token, from, now);
        let by = match want {
            From::Here => here,
            From::OtherPort => there,
        };
        let answer = Side::Seen {
            token,
            at: SocketAddr::new(from.ip().to_canonical(), from.port()),
            other_port,
        };
        if delay_s == 0 {
            let _ = by.send_to(&answer.to_bytes(), from).await;
        } else if delayed.fetch_add(1, Ordering::Relaxed) < MOST_DELAYED {
            let (by, delayed) = (by.clone(), delayed.clone());
            net.spawn(async move {
                tokio::time::sleep(Duration::from_secs(delay_s.into())).await;
                let _ = by.send_to(&answer.to_bytes(), from).await;
                delayed.fetch_sub(1, Ordering::Relaxed);
            });
        } else {
            delayed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn knocks_go_only_where_a_question_came_from_lately() {
        let (mut asked, now) = (Asked::default(), Instant::now());
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        asked.remember([1; 8], at(1), now);
        asked.remember([1; 8], at(2), now);
        assert_eq!(asked.of(&[1; 8], now), Some(at(1)), "nobody takes a token over");
        assert_eq!(asked.of(&[2; 8], now), None);
        assert_eq!(asked.of(&[1; 8], now + REMEMBERED * 2), None);
        for n in 0..10_000u64 {
            asked.remember(n.to_be_bytes(), at(3), now);
        }
        assert!(asked.order.len() <= MOST_REMEMBERED && asked.by_token.len() == asked.order.len());
    }

    #[test]
    fn one_address_gets_a_few_answers_and_the_others_theirs() {
        let (mut quota, now) = (Quota::default(), Instant::now());
        let ip = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        assert_eq!((0..1000).filter(|_| quota.take(ip(1), now)).count(), 300);
        assert!(quota.take(ip(2), now));
        let many = (0..100_000).filter(|n| quota.take(ip(*n), now)).count();
        assert!(many <= MOST as usize && quota.of_one.len() <= MOST_COUNTED);
        assert!(quota.take(ip(1), now + QUOTA_TIME * 2));
    }
}
