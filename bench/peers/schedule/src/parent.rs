//! The whole measurement: starts the nodes, waits for the mesh, gives the orders, and adds up.

use crate::{
    CONTACTS, Options,
    figures::{Figures, Part},
    message::now_us,
    protocol::{Answer, Order, Pace, Phase, Report},
};
use anyhow::{Context, Result, bail, ensure};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// For everything but parts of the measurement.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest part of the measurement.
const PART: Duration = Duration::from_secs(90);
/// All nodes begin together, this long after they are told.
const BEGIN_US: u64 = 300_000;
/// Before the measurement each node has this many neighbours, or all others.
const NEIGHBOURS: usize = 3;
/// Messages of each node in a round before the measurement, and most rounds.
const WARM: (u32, u32) = (5, 20);

struct Node {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

pub(crate) async fn run(name: &str, options: &Options) -> Result<()> {
    let mut nodes = Vec::new();
    let mut addresses = Vec::new();
    for index in 0..options.nodes {
        let mut node = Node::start(index)?;
        match node.answer(ANSWER).await? {
            Answer::Address(address) => addresses.push(address),
            other => bail!("node {index} began with {other:?}"),
        }
        nodes.push(node);
    }
    for (node, contacts) in nodes.iter_mut().zip(contacts(&addresses)) {
        node.order(&Order::Join(contacts)).await?;
    }
    for node in &mut nodes {
        node.answer(ANSWER).await?;
    }
    mesh(&mut nodes).await?;
    let mut number = 0;
    warm(&mut nodes, &mut number).await?;
    let mut figures = Figures::new(name, options);
    for window in &options.windows {
        let reports = part(&mut nodes, &mut number, options.per_node(), Pace::Window(*window)).await?;
        figures.bursts.push(Part::new(&reports, Some(*window)));
    }
    let every_us = (f64::from(options.nodes) * 1e6 / options.rate) as u64;
    let reports = part(&mut nodes, &mut number, options.per_node(), Pace::Steady { every_us }).await?;
    figures.steady = Some(Part::new(&reports, None));
    for node in &mut nodes {
        node.child.start_kill()?;
    }
    figures.print(options.json)
}

impl Node {
    fn start(index: u32) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .args(["--child", &index.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().context("no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        Ok(Self { child, orders, answers })
    }

    async fn order(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        Ok(self.orders.write_all(&line).await?)
    }

    async fn answer(&mut self, within: Duration) -> Result<Answer> {
        let line = timeout(within, self.answers.next_line())
            .await
            .context("a node does not answer")??;
        Ok(serde_json::from_str(&line.context("a node ended")?)?)
    }
}

/// Whom each node is told: different ones, the same in every run and for every contestant.
fn contacts(addresses: &[String]) -> Vec<Vec<String>> {
    let mut state = 1_u64;
    let mut chance = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let pick = |own: usize| {
        let mut others: Vec<&String> = addresses
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != own)
            .map(|(_, a)| a)
            .collect();
        let count = CONTACTS.min(others.len());
        for at in 0..count {
            let from = at + chance(others.len() - at);
            others.swap(at, from);
        }
        others.into_iter().take(count).cloned().collect()
    };
    (0..addresses.len()).map(pick).collect()
}

/// Waits until every node has neighbours.
async fn mesh(nodes: &mut [Node]) -> Result<()> {
    let enough = NEIGHBOURS.min(nodes.len() - 1);
    for _ in 0..60 {
        let mut fewest = usize::MAX;
        for node in nodes.iter_mut() {
            node.order(&Order::Neighbours).await?;
            match node.answer(ANSWER).await? {
                Answer::Neighbours(count) => fewest = fewest.min(count),
                other => bail!("not a number of neighbours: {other:?}"),
            }
        }
        if fewest >= enough {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    bail!("no mesh within 30 s")
}

/// Sends a few messages until all of a round arrive, and then a round more, so that trees and meshes have settled.
async fn warm(nodes: &mut [Node], number: &mut u32) -> Result<()> {
    let (per_node, rounds) = WARM;
    let mut complete = 0;
    for _ in 0..rounds {
        let reports = part(nodes, number, per_node, Pace::Steady { every_us: 200_000 }).await?;
        complete += u32::from(Part::new(&reports, None).share >= 1.0);
        if complete >= 2 {
            return Ok(());
        }
    }
    bail!("in {rounds} rounds not everybody got everything twice")
}

async fn part(nodes: &mut [Node], number: &mut u32, per_node: u32, pace: Pace) -> Result<Vec<Report>> {
    *number += 1;
    let start_us = now_us() + BEGIN_US;
    let phase = Phase {
        number: *number,
        per_node,
        pace,
        start_us,
        limit_us: start_us + PART.as_micros() as u64,
    };
    for node in nodes.iter_mut() {
        node.order(&Order::Phase(phase)).await?;
    }
    let mut reports = Vec::new();
    for node in nodes.iter_mut() {
        match node.answer(PART + ANSWER).await? {
            Answer::Report(report) => reports.push(report),
            other => bail!("not a report: {other:?}"),
        }
    }
    ensure!(reports.iter().any(|report| report.sent > 0), "nothing was sent");
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_others_and_different() {
        let addresses: Vec<String> = (0..20).map(|node: u32| node.to_string()).collect();
        let lists = contacts(&addresses);
        assert_eq!(lists, contacts(&addresses));
        for (own, list) in lists.into_iter().enumerate() {
            let different: std::collections::BTreeSet<_> = list.iter().collect();
            assert!(different.len() == CONTACTS && !list.contains(&own.to_string()));
        }
        assert_eq!(contacts(&addresses[..2]), [["1"], ["0"]]);
    }
}
