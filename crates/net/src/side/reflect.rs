//! Answering strangers: where their packets come from, perhaps later, perhaps from another port. Nobody gets more
//! bytes out of it than they put in, and nobody gets much. Who has received an answer knows a cookie; only addresses that
//! showed theirs are vouched for or knocked at, so that nobody can name another's.

use crate::{net::Inner, park, queue::lock};
use hedgerow_wire::{
    park::MAX_PARK,
    side::{Cookie, From, MAX_SIDE, Side, Token},
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

/// What an address shows after it has received an answer. The key is made anew with each start.
fn cookie(key: &[u8; 32], ip: IpAddr) -> Cookie {
    let bytes = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let hash = blake3::keyed_hash(key, &bytes);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What to answer to a datagram.
struct Answer {
    from: From,
    delay_s: u16,
    seen: Side,
}

/// Decides about datagrams; `other_port` is the port of the other socket.
struct Reflector {
    key: [u8; 32],
    other_port: u16,
    quota: Quota,
}

impl Reflector {
    /// The answer to a datagram, if it gets one. Where it came from is remembered if it shows the cookie of that address.
    fn answer(&mut self, datagram: &[u8], from: SocketAddr, asked: &mut Asked, now: Instant) -> Option<Answer> {
        let Ok(Side::Ask {
            token,
            from: want,
            delay_s,
            cookie: shown,
        }) = Side::from_bytes(datagram)
        else {
            return None;
        };
        if !self.quota.take(from.ip(), now) {
            return None;
        }
        let cookie = cookie(&self.key, from.ip());
        if shown == cookie {
            asked.remember(token, from, now);
        }
        let seen = Side::Seen {
            token,
            at: SocketAddr::new(from.ip().to_canonical(), from.port()),
            other_port: self.other_port,
            cookie,
        };
        Some(Answer {
            from: want,
            delay_s,
            seen,
        })
    }
}

/// Answers on both sockets.
pub(super) async fn run(net: Arc<Inner>, socket: Arc<UdpSocket>, other: Arc<UdpSocket>) {
    let mut reflector = Reflector {
        key: super::random(),
        other_port: other.local_addr().map_or(0, |addr| addr.port()),
        quota: Quota::default(),
    };
    let delayed = Arc::new(AtomicUsize::new(0));
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
        let datagram = buffer.get(..len).unwrap_or_default();
        if park::is_meant(datagram) {
            park::heard(&net, datagram, from, &socket).await;
            continue;
        }
        let answer = reflector.answer(datagram, from, &mut lock(&net.side).asked, Instant::now());
        let Some(answer) = answer else { continue };
        let by = match answer.from {
            From::Here => here,
            From::OtherPort => there,
        };
        let bytes = answer.seen.to_bytes();
        if answer.delay_s == 0 {
            let _ = by.send_to(&bytes, from).await;
        } else if delayed.fetch_add(1, Ordering::Relaxed) < MOST_DELAYED {
            let (by, delayed) = (by.clone(), delayed.clone());
            net.spawn(async move {
                tokio::time::sleep(Duration::from_secs(answer.delay_s.into())).await;
                let _ = by.send_to(&bytes, from).await;
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
    fn nobody_is_vouched_for_at_an_address_where_they_received_nothing() {
        let mut reflector = Reflector {
            key: [1; 32],
            other_port: 9,
            quota: Quota::default(),
        };
        let (mut asked, now) = (Asked::default(), Instant::now());
        let (own, victim): (SocketAddr, SocketAddr) =
            ("203.0.113.7:5".parse().unwrap(), "203.0.113.8:5".parse().unwrap());
        let ask = |token, cookie| {
            Side::Ask {
                token,
                from: From::Here,
                delay_s: 0,
                cookie,
            }
            .to_bytes()
        };
        let question = ask([1; 8], [0; 8]);
        let answer = reflector.answer(&question, own, &mut asked, now).unwrap().seen;
        assert!(answer.to_bytes().len() <= question.len());
        let Side::Seen { at, cookie, .. } = answer else {
            panic!()
        };
        assert_eq!(at, own);
        assert_eq!(asked.of(&[1; 8], now), None, "received nothing yet");
        // With a forged sender, the cookie of the own address.
        reflector.answer(&ask([2; 8], cookie), victim, &mut asked, now).unwrap();
        assert_eq!(asked.of(&[2; 8], now), None);
        reflector.answer(&ask([3; 8], cookie), own, &mut asked, now).unwrap();
        assert_eq!(asked.of(&[3; 8], now), Some(own));
        for other in [Side::Knock { token: [4; 8] }, answer] {
            assert!(
                reflector.answer(&other.to_bytes(), own, &mut asked, now).is_none(),
                "no answers to answers"
            );
        }
    }

    #[test]
    fn a_cookie_is_good_for_one_address_and_one_run() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let of = |key, text| cookie(&[key; 32], ip(text));
        assert_eq!(of(1, "203.0.113.7"), of(1, "::ffff:203.0.113.7"));
        assert_ne!(of(1, "203.0.113.7"), of(1, "203.0.113.8"));
        assert_ne!(of(1, "203.0.113.7"), of(2, "203.0.113.7"));
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
