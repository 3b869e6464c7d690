//! What is printed: for people a few aligned lines, for programs one line of JSON.

use hedgerow_api::ApiError;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Write},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Where and how results go. A closed pipe is no error: the reader had enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// For programs.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: as it is for programs, else what `text` makes of it.
    pub(crate) fn result(self, value: &Value, text: impl FnOnce(&Value) -> String) {
        if self.json {
            line(&value.to_string());
        } else {
            line(text(value).trim_end());
        }
    }

    /// Prints why a command failed: a sentence on standard error, and for programs an object on standard output.
    pub(crate) fn error(self, error: &ApiError) {
        if self.json {
            line(&json!({"error": {"code": error.code, "message": error.message}}).to_string());
        }
        let _ = writeln!(io::stderr().lock(), "hedgerow: {}", plain(&error.message));
    }

    /// Says on standard error that something takes long, if a person is watching.
    pub(crate) fn note(self, text: &str) {
        if !self.json && io::stderr().is_terminal() {
            let _ = writeln!(io::stderr().lock(), "{}", plain(text));
        }
    }

    /// Does `work`; when it takes over a second and a person is watching, shows what is being done and for how long.
    pub(crate) fn progress<T>(self, doing: &str, work: impl FnOnce() -> T) -> T {
        if self.json || !io::stderr().is_terminal() {
            return work();
        }
        let (done, watch) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || show_progress(doing, &watch));
            let result = work();
            drop(done);
            result
        })
    }
}

fn show_progress(doing: &str, watch: &mpsc::Receiver<()>) {
    let begin = Instant::now();
    let mut shown = false;
    while watch.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
        shown = true;
        let mut out = io::stderr().lock();
        let _ = write!(out, "\r{} … {} s", plain(doing), begin.elapsed().as_secs());
        let _ = out.flush();
    }
    if shown {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}

/// Prints one line and flushes, so that a program reading along has it at once.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Text written by somebody else, made harmless for a terminal: control characters and direction changes become `?`.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '?',
            c if c.is_control() => '?',
            c => c,
        })
        .collect()
}

/// A field of a result as one line of text; empty when it is missing or null.
pub(crate) fn field(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => plain(text),
        Some(Value::Null) | None => String::new(),
        Some(other) => plain(&other.to_string()),
    }
}

/// A field of several lines, each made harmless.
pub(crate) fn field_lines(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// An aligned table of the named fields of a list; `empty` is said instead when there is nothing.
pub(crate) fn table(list: &Value, columns: &[(&str, &str)], empty: &str) -> String {
    let rows = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return empty.to_owned();
    }
    let mut lines = vec![columns.iter().map(|(title, _)| (*title).to_owned()).collect::<Vec<_>>()];
    lines.extend(
        rows.iter()
            .map(|row| columns.iter().map(|(_, name)| field(row, name)).collect()),
    );
    aligned(&lines)
}

/// Lines of cells, each column as wide as its widest cell.
pub(crate) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        let cells = lines.iter().filter_map(|l| l.get(at));
        cells.map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for cells in lines {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let text = padded.collect::<Vec<_>>().join("  ");
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}
