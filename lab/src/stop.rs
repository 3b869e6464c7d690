//! Ctrl-C and a polite request to end: the lab takes everything down and ends.

use crate::space;
use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use std::{process, thread};

/// From now on SIGINT, SIGTERM and SIGHUP take down what this process has made. Call it before other threads start.
pub fn on_signals() -> Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().context("signals cannot be held back")?;
    thread::spawn(move || {
        let signal = signals.wait();
        eprintln!("lab: taking everything down");
        space::close();
        // What another thread was just making when the door closed.
        space::close();
        process::exit(128 + signal.map_or(0, |signal| signal as i32));
    });
    Ok(())
}
