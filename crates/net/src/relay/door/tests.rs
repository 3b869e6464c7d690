//! A relay that does not pass on what it gets as it gets it. It cannot read or change what it carries, so the worst is
//! that it carries nothing.

use super::*;
use crate::relay::{
    Guest, MonthUse, RelayAt, RelayLimits,
    tests::{client, dial, echo, exchange, home, key, node},
    tls,
};
use std::{collections::VecDeque, net::Ipv4Addr, sync::atomic::AtomicUsize};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    /// Every fifth packet is gone.
    Drops,
    /// Everything comes late, and not in order.
    Delays,
    /// Everything comes twice, and old packets come again and again.
    Replays,
    /// One bit of every fifth packet is another.
    Changes,
    /// It takes everything and passes on nothing.
    Swallows,
}

/// What a client sends, as the relay treats it.
struct Treated {
    frames: Frames,
    how: Bad,
    count: usize,
    old: Vec<Bytes>,
    ready: VecDeque<Bytes>,
    late: VecDeque<(Instant, Bytes)>,
    alarm: Option<Pin<Box<Sleep>>>,
    touched: Arc<AtomicUsize>,
}

impl Treated {
    fn treat(&mut self, frame: Bytes) {
        // Packets for others: one (4) or several (5) at once, after them the key of whom they are for.
        if !matches!(frame.first(), Some(4 | 5)) {
            return self.ready.push_back(frame);
        }
        self.count += 1;
        self.touched.fetch_add(1, Ordering::Relaxed);
        match self.how {
            Bad::Drops if self.count.is_multiple_of(5) => {}
            Bad::Drops => self.ready.push_back(frame),
            Bad::Swallows => {}
            Bad::Delays => {
                let wait = Duration::from_millis(if self.count.is_multiple_of(3) { 400 } else { 100 });
                self.late.push_back((Instant::now() + wait, frame));
            }
            Bad::Replays => {
                if self.old.len() < 50 {
                    self.old.push(frame.clone());
                }
                let old = self.old.get(self.count % self.old.len()).cloned();
                self.ready.extend([frame.clone(), frame]);
                self.ready.extend(old);
            }
            Bad::Changes => {
                let mut changed = frame.to_vec();
                if self.count.is_multiple_of(5)
                    && let Some(byte) = changed.last_mut()
                {
                    *byte ^= 1;
                }
                self.ready.push_back(changed.into());
            }
        }
    }

    /// What is late enough; else when that is.
    fn ripe(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        let now = Instant::now();
        if let Some(place) = self.late.iter().position(|(at, _)| *at <= now) {
            return self.late.remove(place).map(|(_, frame)| frame);
        }
        let next = self.late.iter().map(|(at, _)| *at).min()?;
        let alarm = self.alarm.insert(Box::pin(sleep_until(next)));
        if alarm.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        None
    }
}

impl ExportKeyingMaterial for Treated {
    fn export_keying_material<T: AsMut<[u8]>>(&self, output: T, label: &[u8], context: Option<&[u8]>) -> Option<T> {
        self.frames.export_keying_material(output, label, context)
    }
}

impl Stream for Treated {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(frame) = self.ripe(cx) {
                return Poll::Ready(Some(Ok(frame)));
            }
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(frame)) => self.treat(frame),
                other => return Poll::Ready(other),
            }
        }
    }
}

impl Sink<Bytes> for Treated {
    type Error = StreamError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.frames).poll_ready(cx)
    }
    fn start_send(mut self: Pin<&mut Self>, bytes: Bytes) -> Result<(), StreamError> {
        Pin::new(&mut self.frames).start_send(bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.frames).poll_flush(cx)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.frames).poll_close(cx)
    }
}

/// A relay of node 1, and how many packets of others it has had in its hands.
async fn relay(how: Bad) -> (RelayAt, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = RelayAt::of(node(1), listener.local_addr().unwrap());
    let guest = Guest {
        barred: Arc::new(|_| false),
        present: Arc::default(),
    };
    let door = Arc::new(Door {
        quota: Arc::new(Mutex::new(Quota::new(RelayLimits::default(), MonthUse::default(), 0))),
        clients: Clients::default(),
        access: Arc::new(guest),
        tls: TlsAcceptor::from(Arc::new(tls::server(&key(1)).unwrap())),
        begin: Instant::now(),
        next: AtomicU64::new(1),
        keys: keys(),
        metrics: Arc::new(Metrics::default()),
    });
    let touched = Arc::new(AtomicUsize::new(0));
    let count = touched.clone();
    let serving = tokio::spawn(async move {
        while let Ok((stream, from)) = listener.accept().await {
            let (door, count) = (door.clone(), count.clone());
            tokio::spawn(async move {
                let id = door.next.fetch_add(1, Ordering::Relaxed);
                let _ = lock(&door.quota).admit(id, from.ip(), true, door.now());
                let place = Place { door: door.clone(), id };
                let tls = door.tls.accept(stream).await.ok()?;
                let (io, parts, version) = door.speak(tls).await?;
                let mut frames = Frames::new(io, place);
                let header = parts.headers.get(CLIENT_AUTH_HEADER).cloned();
                let proven = handshake::serverside(&mut frames, header).await.ok()?;
                let request = ClientRequest::new(proven.client_key, version, parts);
                let guard = proven.authorize_with(&request, &door.access, &mut frames).await.ok()?;
                let treated = Treated {
                    frames,
                    how,
                    count: 0,
                    old: Vec::new(),
                    ready: VecDeque::new(),
                    late: VecDeque::new(),
                    alarm: None,
                    touched: count,
                };
                let stream = RelayedStream::new(treated, door.keys.clone());
                door.clients
                    .register(Config::new(guard, stream, version), door.metrics.clone());
                Some(())
            });
        }
    });
    (at, touched, serving)
}

async fn carries(how: Bad, a: u8, b: u8) {
    let (at, touched, serving) = relay(how).await;
    let (one, two) = (client(a).await, client(b).await);
    assert!(home(&two, at).await && home(&one, at).await, "{how:?}");
    echo(two.clone());
    let conn = dial(&one, b, at)
        .await
        .unwrap_or_else(|| panic!("no connection: {how:?}"));
    for round in 0..2u8 {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0] ^ round).collect();
        assert_eq!(exchange(&conn, &bytes).await, bytes, "{how:?}");
    }
    // Several packets may travel in one frame of a relay.
    let touched = touched.load(Ordering::Relaxed);
    assert!(touched > 5, "{how:?}: {touched}");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_drops_delays_replays_or_changes_arrives_whole_and_once() {
    tokio::join!(
        carries(Bad::Drops, 2, 3),
        carries(Bad::Delays, 4, 5),
        carries(Bad::Replays, 6, 7),
        carries(Bad::Changes, 8, 9),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_relay_swallows_everything_the_dial_ends_and_another_relay_serves() {
    let (bad, touched, serving) = relay(Bad::Swallows).await;
    let (good, _, other) = relay(Bad::Replays).await;
    let (a, b) = (client(2).await, client(3).await);
    assert!(home(&b, bad).await);
    echo(b.clone());
    assert!(dial(&a, 3, bad).await.is_none());
    assert!(touched.load(Ordering::Relaxed) > 0);
    b.remove_relay(&bad.url().unwrap()).await;
    assert!(home(&b, good).await);
    let conn = dial(&a, 3, good).await.expect("a connection over the other relay");
    assert_eq!(exchange(&conn, b"through").await, b"through");
    serving.abort();
    other.abort();
}
