//! The command line.

use clap::{Parser, ValueEnum};

/// How many nodes say how much, how often.
#[derive(Clone, Debug, Parser)]
#[command(about = "Real processes on loopback: delivered messages a second, and how long they take")]
pub struct Options {
    /// Processes, one node each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub nodes: u32,
    /// Messages in each part of the measurement, of all nodes together
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub messages: u32,
    /// Size of a message, as the app hands it over
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(160..=100_000))]
    pub bytes: u32,
    /// Messages a second of all nodes together, in the part that measures time
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// Windows of the bursts: how far each node may be ahead of what it got from the others
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub windows: Vec<u32>,
    /// Without signatures on messages
    #[arg(long)]
    pub unsigned: bool,
    /// What connections are made of
    #[arg(long, value_enum, default_value_t = Transport::Quic)]
    pub transport: Transport,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Be node number N of a measurement; told what to do on standard input
    #[arg(long, hide = true, value_name = "N")]
    pub child: Option<u32>,
}

/// What connections are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// QUIC with TLS 1.3.
    Quic,
    /// TCP with Noise and yamux.
    Tcp,
}

impl Options {
    pub(crate) fn read() -> Self {
        let mut options = Self::parse();
        options.rate = options.rate.clamp(0.1, 1_000_000.0);
        options
    }

    /// Messages that each node sends in each part.
    pub(crate) fn per_node(&self) -> u32 {
        self.messages.div_ceil(self.nodes)
    }
}
