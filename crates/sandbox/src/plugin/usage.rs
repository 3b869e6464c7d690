//! What the processes of a plugin use, as `/proc` tells; elsewhere nothing is known.

use std::collections::BTreeMap;

/// Memory and CPU time of a tree of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, bytes.
    pub memory_bytes: u64,
    /// CPU time since the start, of ended children too, milliseconds.
    pub cpu_ms: u64,
    /// Processes now.
    pub processes: u32,
}

/// A process as `/proc/PID/stat` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) parent: u32,
    /// It ended and waits to be collected.
    pub(super) ended: bool,
    /// It was told to stop for now.
    pub(super) stopped: bool,
    ticks: u64,
    children_ticks: u64,
    pages: u64,
}

/// All processes of this machine that can be seen, by id.
pub(super) fn processes() -> BTreeMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| Some((id, read(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?)))
        .collect()
}

/// The name is in brackets and may hold anything, so fields are counted from the last bracket.
fn read(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let state = *fields.first()?;
    Some(Process {
        parent: u32::try_from(number(1)?).ok()?,
        ended: matches!(state, "Z" | "X"),
        stopped: matches!(state, "T" | "t"),
        ticks: number(11)?.saturating_add(number(12)?),
        children_ticks: number(13)?.saturating_add(number(14)?),
        pages: number(21)?,
    })
}

/// Everybody below `root`, without it.
pub(super) fn below(root: u32, all: &BTreeMap<u32, Process>) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        let children = all.iter().filter(|(id, p)| p.parent == parent && **id != parent);
        for (id, _) in children {
            // A table that changes while it is read could hold a circle.
            if *id != root && !found.contains(id) {
                found.push(*id);
                open.push(*id);
            }
        }
    }
    found
}

/// What everybody below the guard of a plugin uses.
pub(super) fn of(guard: u32) -> Option<Usage> {
    let all = processes();
    let collected = all.get(&guard)?.children_ticks;
    let members: Vec<&Process> = below(guard, &all).iter().filter_map(|id| all.get(id)).collect();
    let ticks: u64 = members.iter().map(|p| p.ticks.saturating_add(p.children_ticks)).sum();
    let pages: u64 = members.iter().map(|p| p.pages).sum();
    Some(Usage {
        memory_bytes: pages.saturating_mul(rustix::param::page_size() as u64),
        cpu_ms: ticks.saturating_add(collected).saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1),
        processes: u32::try_from(members.iter().filter(|p| !p.ended).count()).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a) b) S 7 1 1 0 -1 0 0 0 0 0 10 20 30 40 20 0 1 0 99 1000 55 0";
        let process = read(stat).unwrap();
        assert_eq!(
            (process.parent, process.ticks, process.children_ticks, process.pages),
            (7, 30, 70, 55)
        );
    }

    #[test]
    fn grandchildren_belong_to_it_and_a_circle_ends() {
        let process = |parent| Process {
            parent,
            ended: false,
            stopped: false,
            ticks: 0,
            children_ticks: 0,
            pages: 0,
        };
        let all = [(2, process(1)), (3, process(2)), (4, process(9)), (9, process(4))]
            .into_iter()
            .collect();
        let mut found = below(1, &all);
        found.sort_unstable();
        assert_eq!(found, [2, 3]);
        assert_eq!(below(9, &all), [4]);
    }
}
