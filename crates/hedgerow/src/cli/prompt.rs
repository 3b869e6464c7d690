//! Asking the person at the terminal. Without a terminal nothing is asked: the caller says what to give instead.

use std::io::{self, BufRead, IsTerminal, Write};
use zeroize::Zeroizing;

/// Whether somebody can answer.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question; the answer is shown while it is typed.
pub(crate) fn ask(question: &str) -> io::Result<Zeroizing<String>> {
    let mut out = io::stderr().lock();
    write!(out, "{question} ")?;
    out.flush()?;
    read_line()
}

/// Asks for a secret; it is not shown while it is typed.
pub(crate) fn secret(question: &str) -> io::Result<Zeroizing<String>> {
    let hidden = Hidden::begin();
    let answer = ask(question);
    drop(hidden);
    let _ = writeln!(io::stderr().lock());
    answer
}

/// Asks yes or no; everything but a clear yes is no.
pub(crate) fn yes(question: &str) -> bool {
    ask(&format!("{question} [y/N]")).is_ok_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

fn read_line() -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut text)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Turns the echo of the terminal off until it is dropped. Where that is not possible the typing stays visible.
struct Hidden {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Hidden {
    #[cfg(unix)]
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut now) = before.clone() {
            now.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &now);
        }
        Self { before }
    }
    #[cfg(not(unix))]
    fn begin() -> Self {
        Self {}
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}
