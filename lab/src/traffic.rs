//! What has passed an interface.

use crate::space::Space;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{fs, ops::Sub, process::Command, time::Duration};

/// Counts what is IP at an interface of its namespace, apart from what neighbours tell each other (ARP). It replaces the
/// rules of nftables there.
pub(crate) fn count_ip(space: &Space, interface: &str) -> Result<()> {
    space.nft(&format!(
        "table inet count {{
 chain inward {{
  type filter hook input priority -300;
  iif \"{interface}\" counter
 }}
 chain outward {{
  type filter hook output priority 300;
  oif \"{interface}\" counter
 }}
}}
"
    ))
}

/// Bytes of IP packets, with their headers, and how many there were, since [`count_ip`].
pub(crate) fn ip_counted(space: &Space) -> Result<(u64, u64)> {
    let output = space.enter(|| Command::new("nft").args(["-j", "list", "ruleset"]).output())??;
    let rules: Value = serde_json::from_slice(&output.stdout).context("nft does not tell its counters")?;
    let rules = rules["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let parts = rules
        .iter()
        .flat_map(|rule| rule["rule"]["expr"].as_array().into_iter().flatten());
    let counters = parts.map(|part| &part["counter"]).filter(|counter| counter.is_object());
    Ok(counters.fold((0, 0), |(bytes, packets), counter| {
        let number = |key: &str| counter[key].as_u64().unwrap_or(0);
        (bytes + number("bytes"), packets + number("packets"))
    }))
}

/// Bytes with all headers down to Ethernet, and packets, since the interface was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that came in.
    pub bytes_in: u64,
    /// Packets that came in.
    pub packets_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
    /// Packets that went out.
    pub packets_out: u64,
}

impl Traffic {
    /// What has passed an interface of a namespace until now.
    ///
    /// `/sys` would show those of the machine, and `/proc/net` those of the process's first thread.
    pub fn of(space: &Space, interface: &str) -> Result<Self> {
        let text = space.enter(|| fs::read_to_string("/proc/thread-self/net/dev"))??;
        read(&text, interface).with_context(|| format!("there is no interface {interface} in {}", space.name()))
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }

    /// All packets.
    pub fn packets(&self) -> u64 {
        self.packets_in + self.packets_out
    }

    /// For programs: as it would be in an hour.
    pub fn in_an_hour(&self, measured: Duration) -> Value {
        let hours = measured.as_secs_f64() / 3600.0;
        let scaled = |count: u64| (count as f64 / hours).round();
        json!({
            "bytes_in": scaled(self.bytes_in), "packets_in": scaled(self.packets_in),
            "bytes_out": scaled(self.bytes_out), "packets_out": scaled(self.packets_out),
        })
    }
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_sub(before.bytes_in),
            packets_in: self.packets_in.saturating_sub(before.packets_in),
            bytes_out: self.bytes_out.saturating_sub(before.bytes_out),
            packets_out: self.packets_out.saturating_sub(before.packets_out),
        }
    }
}

fn read(text: &str, interface: &str) -> Option<Traffic> {
    let line = text.lines().find_map(|line| {
        let (name, counts) = line.split_once(':')?;
        (name.trim() == interface).then_some(counts)
    })?;
    let counts: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Some(Traffic {
        bytes_in: *counts.first()?,
        packets_in: *counts.get(1)?,
        bytes_out: *counts.get(8)?,
        packets_out: *counts.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read_by_its_columns() {
        let text = "Inter-|   Receive  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0
  eth0: 1000 10 0 0 0 0 0 0 300 3 0 0 0 0 0 0
";
        let found = read(text, "eth0").unwrap();
        assert_eq!((found.bytes(), found.packets()), (1300, 13));
        assert_eq!(read(text, "eth1"), None);
        let hour = found.in_an_hour(Duration::from_secs(360));
        assert_eq!(hour["bytes_in"], 10_000.0);
    }
}
