//! The launcher: this program again, between the guard and the plugin. It does to itself what the plugin is to
//! inherit (own session, end with the guard, fence) and then becomes the plugin.

use super::{fence, job::Job};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::{
        fd::AsFd as _,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
};

/// Said when everything but the start itself is done; what follows is why that failed.
pub(super) const DONE: &str = "\n";

/// Runs as the launcher: standard input is the socket to the guard, which hears why the plugin did not start, or
/// that it is closed because it did. Never comes back when all is well.
pub fn launch() {
    let Ok(guard) = io::stdin().as_fd().try_clone_to_owned() else {
        return;
    };
    let mut guard = UnixStream::from(guard);
    let why = match become_plugin(&guard) {
        Ok(never) => match never {},
        Err(why) => why,
    };
    let _ = guard.write_all(why.as_bytes());
}

fn become_plugin(guard: &UnixStream) -> Result<std::convert::Infallible, String> {
    let broken = |e: io::Error| format!("cannot be started: {e}");
    let mut line = String::new();
    BufReader::new(guard).read_line(&mut line).map_err(broken)?;
    let job: Job = serde_json::from_str(&line).map_err(|e| format!("cannot be started: {e}"))?;
    rustix::process::setsid().map_err(|e| broken(e.into()))?;
    #[cfg(target_os = "linux")]
    end_with_the_guard().map_err(broken)?;
    let (program, arguments) = job.command.split_first().ok_or("has no command")?;
    let path = match program.contains('/') {
        true => job.folder.join(program),
        false => Path::new(program).to_owned(),
    };
    // When memory runs out, the plugin goes before the node. A system that does not let us say so decides itself.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "300");
    if let Some(limits) = &job.fence {
        fence::close(limits)?;
    }
    let (mut guard, null) = (guard, Stdio::null());
    guard.write_all(DONE.as_bytes()).map_err(broken)?;
    let error = Command::new(path)
        .args(arguments)
        .current_dir(&job.folder)
        .env_clear()
        .envs(&job.environment)
        .stdin(null)
        .exec();
    Err(format!("{program:?} cannot be run: {error}"))
}

/// The system kills this process when the guard dies, even if it is killed itself.
#[cfg(target_os = "linux")]
fn end_with_the_guard() -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let before = getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died just before that was said.
    match getppid() == before {
        true => Ok(()),
        false => Err(io::Error::other("its guard is gone")),
    }
}
