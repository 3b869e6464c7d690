//! What others see of several sockets.

use super::{
    any_socket,
    question::{AGAIN, question},
    random,
};
use hedgerow_traverse::nat::{SOCKETS, Sample};
use hedgerow_wire::side::{From, MAX_SIDE, Side, Token};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_millis(700);
/// Between two questions, so that a router which counts is seen to.
const APART: Duration = Duration::from_millis(1);

/// An answer: which socket heard it, its token, where it was seen, the other port of who says so, and who that is.
type Heard = (usize, Token, SocketAddr, u16, SocketAddr);

/// Sockets, what they asked, and what was answered.
struct Asking {
    sockets: Vec<(Arc<UdpSocket>, SocketAddr)>,
    /// What is to be asked next: by which socket, whom.
    plan: Vec<(usize, SocketAddr)>,
    /// What was asked, in which order, until it is answered.
    open: BTreeMap<Token, (usize, usize, SocketAddr)>,
    order: usize,
    other_ports: BTreeSet<SocketAddr>,
    samples: Vec<Sample>,
}

/// The address from which packets to `to` leave this machine.
async fn local_of(socket: &UdpSocket, to: SocketAddr) -> Option<SocketAddr> {
    let probe = any_socket().await?;
    probe.connect(to).await.ok()?;
    let ip = probe.local_addr().ok()?.ip();
    Some(SocketAddr::new(ip, socket.local_addr().ok()?.port()))
}

/// Asks `others` from [`SOCKETS`] sockets; takes up to two seconds where packets are lost.
pub(super) async fn sample(others: &[SocketAddr]) -> Vec<Sample> {
    let Some(first) = others.first() else {
        return Vec::new();
    };
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let Some(socket) = any_socket().await else { break };
        if let Some(local) = local_of(&socket, *first).await {
            sockets.push((Arc::new(socket), local));
        }
    }
    let (heard, mut hearing) = mpsc::channel(256);
    let mut readers = JoinSet::new();
    for (at, (socket, _)) in sockets.iter().enumerate() {
        readers.spawn(read(at, socket.clone(), heard.clone()));
    }
    let all = (0..sockets.len()).flat_map(|at| others.iter().map(move |other| (at, *other)));
    let mut asking = Asking {
        plan: all.collect(),
        sockets,
        open: BTreeMap::new(),
        order: 0,
        other_ports: BTreeSet::new(),
        samples: Vec::new(),
    };
    for round in 0..=AGAIN.len() {
        asking.ask().await;
        let wait = AGAIN.get(round).copied().unwrap_or(PATIENCE);
        let begin = Instant::now();
        while !asking.open.is_empty()
            && let Some(left) = wait.checked_sub(begin.elapsed())
            && let Ok(Some(heard)) = timeout(left, hearing.recv()).await
        {
            asking.hear(heard, others);
        }
        if !asking.plan_again() {
            break;
        }
    }
    asking.samples
}

impl Asking {
    async fn ask(&mut self) {
        for (at, to) in mem::take(&mut self.plan) {
            let Some((socket, _)) = self.sockets.get(at) else {
                continue;
            };
            let token = random();
            self.order += 1;
            self.open.insert(token, (at, self.order, to));
            let _ = socket.send_to(&question(token, From::Here, 0), to).await;
            sleep(APART).await;
        }
    }

    fn hear(&mut self, (at, token, seen, other_port, from): Heard, others: &[SocketAddr]) {
        let Some((socket, order, to)) = self.open.get(&token).copied() else {
            return;
        };
        let Some((_, local)) = self.sockets.get(socket).filter(|_| at == socket && from == to) else {
            return;
        };
        self.open.remove(&token);
        self.samples.push(Sample {
            socket,
            order,
            local: *local,
            to,
            seen,
        });
        // One socket also asks the other ports, to tell addresses from ports.
        let beside = SocketAddr::new(to.ip(), other_port);
        if socket == 0 && others.contains(&to) && other_port >= 1024 && self.other_ports.insert(beside) {
            self.plan.push((0, beside));
        }
    }

    /// Whether there is something left to ask.
    fn plan_again(&mut self) -> bool {
        let samples = self.samples.iter();
        let answered: BTreeSet<(usize, SocketAddr)> = samples.map(|sample| (sample.socket, sample.to)).collect();
        let open = self.open.values().map(|(at, _, to)| (*at, *to));
        let missing: BTreeSet<(usize, SocketAddr)> = open.filter(|asked| !answered.contains(asked)).collect();
        self.plan.extend(missing);
        !self.plan.is_empty()
    }
}

async fn read(at: usize, socket: Arc<UdpSocket>, heard: mpsc::Sender<Heard>) {
    let mut buffer = [0; MAX_SIDE + 1];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if let Some(Ok(Side::Seen {
            token,
            at: seen,
            other_port,
            ..
        })) = buffer.get(..len).map(Side::from_bytes)
            && heard.send((at, token, seen, other_port, from)).await.is_err()
        {
            return;
        }
    }
}
