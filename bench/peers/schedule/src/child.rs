//! One node: does what it is told, counts what comes.

use crate::{
    Inbox, Options, Peer,
    message::{Header, now_us},
    protocol::{Answer, Order, Pace, Phase, Report},
};
use anyhow::Result;
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// A part is over when nothing came for this long after the last was sent.
const QUIET: Duration = Duration::from_secs(3);
/// A message of somebody is held to be lost, and the window moves on, when nothing came for this long.
const STALLED: Duration = Duration::from_secs(1);
/// How often a message that was refused, for full queues for example, is offered again, and after how long.
const AGAIN: (u32, Duration) = (200, Duration::from_millis(5));

pub(crate) async fn run<P: Peer>(options: &Options, index: u32) -> Result<()> {
    let inbox = Arc::new(Inbox::new()?);
    let mut peer = P::start(options, inbox.clone()).await?;
    say(&Answer::Address(peer.address())).await?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let answer = match serde_json::from_str(&order)? {
            Order::Join(contacts) => {
                peer.join(&contacts).await?;
                Answer::Joined
            }
            Order::Neighbours => Answer::Neighbours(peer.neighbours().await?),
            Order::Phase(phase) => Answer::Report(part(&mut peer, &inbox, options, index, phase).await),
        };
        say(&answer).await?;
    }
    Ok(())
}

async fn say(answer: &Answer) -> Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut out = tokio::io::stdout();
    out.write_all(&line).await?;
    out.flush().await?;
    Ok(())
}

async fn part<P: Peer>(peer: &mut P, inbox: &Inbox, options: &Options, index: u32, phase: Phase) -> Report {
    inbox.begin(phase.number, options.nodes, phase.per_node);
    let cpu = cpu_us();
    let mut report = Report::default();
    until(phase.start_us).await;
    report.first_us = now_us();
    for seq in 0..phase.per_node {
        match phase.pace {
            // Nodes take turns.
            Pace::Steady { every_us } => {
                let turn = every_us * u64::from(index) / u64::from(options.nodes);
                until(phase.start_us + every_us * u64::from(seq) + turn).await;
            }
            Pace::Window(window) => room(inbox, index, seq, window).await,
        }
        if now_us() > phase.limit_us {
            break;
        }
        if send(peer, phase.number, index, seq, options.bytes as usize).await {
            report.sent += 1;
        } else {
            report.refused += 1;
        }
    }
    let expected = u64::from(options.nodes - 1) * u64::from(phase.per_node);
    while inbox.delivered() < expected && now_us() < phase.limit_us && rings(inbox, QUIET).await {}
    let mut came = inbox.came();
    report.delivered = came.delivered;
    report.repeated = came.repeated;
    report.last_us = came.last_us;
    report.took_us = std::mem::take(&mut came.took_us);
    report.cpu_us = cpu_us().saturating_sub(cpu);
    report
}

async fn send<P: Peer>(peer: &mut P, phase: u32, from: u32, seq: u32, bytes: usize) -> bool {
    let message = Header {
        phase,
        from,
        seq,
        at_us: now_us(),
    }
    .message(bytes);
    let (times, pause) = AGAIN;
    for _ in 0..times {
        if peer.broadcast(message.clone()).await.is_ok() {
            return true;
        }
        tokio::time::sleep(pause).await;
    }
    false
}

/// Waits until number `seq` may be sent.
async fn room(inbox: &Inbox, own: u32, seq: u32, window: u32) {
    while inbox.level(own) + window <= seq {
        if !rings(inbox, STALLED).await {
            return;
        }
    }
}

/// Whether something came within a time. What comes just before it begins to wait is seen a moment later, with the next
/// delivery or after ten milliseconds.
async fn rings(inbox: &Inbox, within: Duration) -> bool {
    let before = inbox.delivered();
    let end = tokio::time::Instant::now() + within;
    while tokio::time::Instant::now() < end {
        let _ = tokio::time::timeout(Duration::from_millis(10), inbox.bell.notified()).await;
        if inbox.delivered() != before {
            return true;
        }
    }
    false
}

async fn until(at_us: u64) {
    let wait = at_us.saturating_sub(now_us());
    if wait > 0 {
        tokio::time::sleep(Duration::from_micros(wait)).await;
    }
}

/// Processor time of this process, from the system's ticks of 10 ms; 0 where it does not say.
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10_000
}
