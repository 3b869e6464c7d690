//! A stream between two nodes that carries a line every moment, and how steadily the lines arrive.

use crate::{figures::milliseconds, node::Node};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Child,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two lines.
const MOMENT: Duration = Duration::from_millis(50);
/// How long opening may take.
const OPENING: Duration = Duration::from_secs(10);

/// A running stream. It ends with this value.
#[derive(Debug)]
pub(crate) struct Talk {
    listener: Child,
    speaker: Child,
    speaking: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    /// When each line arrived.
    at: Vec<Instant>,
    /// The number of each.
    numbers: Vec<u64>,
    ended: bool,
}

impl Talk {
    /// Opens a stream from one connected node to another and waits for the first line.
    pub(crate) fn start(from: &Node, to: &Node, name: &str) -> Result<Self> {
        let mut listener = to.piped(&["stream", "listen", name])?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let out = listener.stdout.take().context("a pipe is missing")?;
        let hearing = Arc::clone(&heard);
        thread::spawn(move || hear(out, &hearing));
        let begin = Instant::now();
        loop {
            // The listener may not listen yet: then the speaker is refused at once.
            let mut speaker = from.piped(&["stream", "connect", to.id(), name])?;
            let stop = Arc::new(AtomicBool::new(false));
            let (told, into) = (Arc::clone(&stop), speaker.stdin.take().context("a pipe is missing")?);
            let speaking = thread::spawn(move || speak(into, &told));
            while begin.elapsed() < OPENING && speaker.try_wait()?.is_none() {
                if heard.lock().is_ok_and(|heard| !heard.at.is_empty()) {
                    return Ok(Self {
                        listener,
                        speaker,
                        speaking: Some(speaking),
                        stop,
                        heard,
                    });
                }
                thread::sleep(Duration::from_millis(10));
            }
            stop.store(true, Ordering::SeqCst);
            let _ = speaker.kill();
            let mut said = String::new();
            if let Some(mut stderr) = speaker.stderr.take() {
                let _ = stderr.read_to_string(&mut said);
            }
            let _ = speaker.wait();
            let _ = speaking.join();
            if begin.elapsed() > OPENING {
                let _ = listener.kill();
                let _ = listener.wait();
                bail!("no stream came about: {}", said.trim());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// When a line last arrived.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.heard.lock().ok()?.at.last().copied()
    }

    /// Whether the stream is still there.
    pub(crate) fn lives(&mut self) -> bool {
        let ended = self.heard.lock().is_ok_and(|heard| heard.ended);
        !ended && matches!(self.speaker.try_wait(), Ok(None)) && matches!(self.listener.try_wait(), Ok(None))
    }

    /// How it went since a moment.
    pub(crate) fn told(&mut self, since: Instant) -> Value {
        let lives = self.lives();
        let Ok(heard) = self.heard.lock() else {
            return Value::Null;
        };
        let before = heard.at.iter().rposition(|at| *at <= since);
        let times = heard.at.iter().skip(before.unwrap_or(0));
        let ends = times.clone().skip(1).copied().chain([Instant::now()]);
        let gap = times.zip(ends).map(|(a, b)| b.duration_since(*a)).max();
        let whole = heard.numbers.iter().copied().eq(0..heard.numbers.len() as u64);
        json!({
            "survived": lives,
            "longest_gap_ms": milliseconds(gap.unwrap_or_default()),
            "lines": heard.numbers.len(),
            "in_order_and_complete": whole,
        })
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for child in [&mut self.speaker, &mut self.listener] {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(speaking) = self.speaking.take() {
            let _ = speaking.join();
        }
    }
}

fn speak(mut into: impl Write, stop: &AtomicBool) {
    for number in 0u64.. {
        if stop.load(Ordering::SeqCst) || writeln!(into, "{number}").and_then(|()| into.flush()).is_err() {
            return;
        }
        thread::sleep(MOMENT);
    }
}

fn hear(out: impl Read, heard: &Mutex<Heard>) {
    for line in BufReader::new(out).lines() {
        let (Ok(line), Ok(mut heard)) = (line, heard.lock()) else {
            break;
        };
        if let Ok(number) = line.parse() {
            heard.at.push(Instant::now());
            heard.numbers.push(number);
        }
    }
    if let Ok(mut heard) = heard.lock() {
        heard.ended = true;
    }
}
