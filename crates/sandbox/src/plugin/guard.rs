//! The guard of a plugin: a small process of our own between the node and the plugin.
//!
//! It holds one end of a socket whose other end the node holds. When that is closed, by the node or by the node's
//! death of whatever kind, the guard ends the plugin and everything that the plugin started. On Linux it is the
//! *subreaper*: whoever loses its parent below it becomes its child, so nobody slips away by forking. When the guard
//! itself is killed, the system kills the plugin (`launch`).

use super::{
    job::{Job, Report},
    launch,
};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, wait};
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often the guard looks again while it ends processes.
const LOOK: Duration = Duration::from_millis(10);
/// The node asked for the end, or is gone.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Runs as the guard: standard input is the socket to the node. `launcher` is the argument with which this program is
/// the launcher.
///
/// # Errors
/// When the node's words are not understood or the system refuses; then nothing runs.
pub fn guard(launcher: &str) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let node = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut lines = BufReader::new(node.try_clone()?);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line)?;
    let plugin = match start(&job, launcher) {
        Ok(plugin) => plugin,
        Err(why) => return tell(&node, &Report::Failed(why)),
    };
    tell(&node, &Report::Running(plugin.as_raw_pid().unsigned_abs()))?;
    let grace = Duration::from_millis(job.grace_ms);
    let watch = thread::Builder::new().name("node".into()).spawn(move || {
        // Nothing more is said; the end of it is what counts.
        let _ = lines.read_to_end(&mut Vec::new());
        ENDING.store(true, Ordering::Release);
        let _ = kill_process_group(plugin, Signal::TERM);
        thread::sleep(grace);
        end_all(plugin);
    });
    watch?;
    let report = collect(plugin)?;
    tell(&node, &report)
}

fn tell(mut node: &UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    // A node that is gone needs no report.
    let _ = node.write_all(&line);
    Ok(())
}

/// This program, also when its file was replaced meanwhile.
fn this_program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok(PathBuf::from("/proc/self/exe")),
        false => std::env::current_exe(),
    }
}

/// Starts the launcher, which becomes the plugin; answers its process, or why it could not.
fn start(job: &Job, launcher: &str) -> Result<Pid, String> {
    let broken = |e: io::Error| format!("cannot be started: {e}");
    let (mut ours, theirs) = UnixStream::pair().map_err(broken)?;
    let mut command = Command::new(this_program().map_err(broken)?);
    command.arg(launcher).stdin(Stdio::from(OwnedFd::from(theirs)));
    let child = command.spawn().map_err(broken)?;
    // It keeps this side's copy of the socket open otherwise, and the end would never come.
    drop(command);
    let mut text = serde_json::to_vec(job).map_err(|e| format!("cannot be started: {e}"))?;
    text.push(b'\n');
    ours.write_all(&text).map_err(broken)?;
    let mut why = String::new();
    ours.read_to_string(&mut why).map_err(broken)?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    match (why.as_str(), id) {
        (launch::DONE, Some(id)) => Ok(id),
        ("" | launch::DONE, _) => Err("ended before it was started".into()),
        _ => Err(why.trim_start_matches(launch::DONE).to_owned()),
    }
}

/// Waits until the plugin has ended and nobody below is left.
fn collect(plugin: Pid) -> io::Result<Report> {
    let mut report = None;
    loop {
        // Once the plugin is over, nobody waits for those that it left behind: they are ended.
        let options = match report {
            None => WaitOptions::empty(),
            Some(_) => WaitOptions::NOHANG,
        };
        match wait(options) {
            Ok(Some((id, status))) if id == plugin => {
                let signal = status.terminating_signal().map(Report::Killed);
                report = signal.or_else(|| Some(Report::Ended(status.exit_status().unwrap_or(-1))));
                leftovers(plugin);
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                leftovers(plugin);
                thread::sleep(LOOK);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => break,
            Err(e) => return Err(e.into()),
        }
    }
    report.ok_or_else(|| io::Error::other("the plugin was lost"))
}

/// Those that the plugin left behind; while it is being ended they have the same grace.
fn leftovers(plugin: Pid) {
    if !ENDING.load(Ordering::Acquire) {
        end_all(plugin);
    }
}

/// Ends everybody below this process. They are stopped first, so that none forks away from the sweep.
#[cfg(target_os = "linux")]
fn end_all(plugin: Pid) {
    use super::usage::{below, processes};
    use rustix::process::kill_process;
    /// A process that is busy in the system does not show that it was stopped.
    const ROUNDS: u32 = 32;
    let me = std::process::id();
    let began = Instant::now();
    if !processes().contains_key(&me) {
        // Without /proc only the plugin's own group is known.
        let _ = kill_process_group(plugin, Signal::KILL);
        return;
    }
    loop {
        let mut alive = Vec::new();
        for _ in 0..ROUNDS {
            let all = processes();
            let found = below(me, &all).into_iter().filter_map(|id| Some((id, *all.get(&id)?)));
            let found: Vec<_> = found.filter(|(_, process)| !process.ended).collect();
            let moving: Vec<u32> = found.iter().filter(|(_, p)| !p.stopped).map(|(id, _)| *id).collect();
            alive = found.into_iter().map(|(id, _)| id).collect();
            if moving.is_empty() {
                break;
            }
            for id in moving.into_iter().filter_map(process) {
                let _ = kill_process(id, Signal::STOP);
            }
        }
        if alive.is_empty() || began.elapsed() > Duration::from_secs(10) {
            return;
        }
        for id in alive.into_iter().filter_map(process) {
            let _ = kill_process(id, Signal::KILL);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(target_os = "linux")]
fn process(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Without a subreaper only the plugin's own group of processes is known.
#[cfg(not(target_os = "linux"))]
fn end_all(plugin: Pid) {
    let _ = Instant::now();
    let _ = kill_process_group(plugin, Signal::KILL);
}
