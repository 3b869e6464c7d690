//! One plugin from the owner's start to its last end: starts it, starts it anew, gives up on it, ends it.

use super::{
    backoff::{Backoff, Next},
    logs::{Log, Source},
    manifest::Manifest,
    now_ms,
    session::Token,
    supervisor::Inner,
};
use hedgerow_api::Permission;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Is being started.
    Starting,
    /// Runs.
    Running,
    /// Ended; is started anew in a moment.
    Waiting,
    /// Ended, and that is all right.
    Stopped,
    /// Ended too often, or cannot be started.
    Held,
    /// `plugin.toml` is not any more what the owner agreed to.
    Changed,
    /// Is being ended.
    Stopping,
}

impl State {
    /// Whether nothing more will happen by itself.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Held | Self::Changed)
    }
}

/// How a plugin is, and what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it is.
    pub state: State,
    /// Why, in words.
    pub why: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// The process that guards it.
    pub(super) guard: Option<u32>,
    /// Since when it runs.
    pub since_ms: Option<u64>,
    /// How often it was started anew.
    pub restarts: u32,
    /// How it ended last.
    pub last_exit: Option<String>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: State::Starting,
            why: None,
            pid: None,
            guard: None,
            since_ms: None,
            restarts: 0,
            last_exit: None,
        }
    }
}

/// How one run ended.
pub(super) enum Outcome {
    /// Because somebody asked for it.
    Asked,
    /// By itself.
    Ended { good: bool, how: String },
    /// It did not start, and would not.
    Failed(String),
    /// It is another one than the owner agreed to.
    Changed,
}

/// What a keeper works with.
pub(super) struct Keeper {
    pub(super) inner: Arc<Inner>,
    pub(super) manifest: Manifest,
    pub(super) granted: Vec<Permission>,
    pub(super) log: Log,
    pub(super) status: Arc<watch::Sender<Status>>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) token: Arc<Mutex<Option<Token>>>,
}

impl Keeper {
    /// Keeps the plugin until it is over.
    pub(super) async fn keep(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let outcome = self.run().await;
            self.forget_token();
            let end = match outcome {
                Outcome::Asked => (State::Stopped, None),
                Outcome::Changed => (
                    State::Changed,
                    Some("plugin.toml was changed since it was allowed".into()),
                ),
                Outcome::Failed(why) => (State::Held, Some(why)),
                Outcome::Ended { good, how } => {
                    self.note(&format!("ended: {how}"));
                    self.status.send_modify(|s| s.last_exit = Some(how.clone()));
                    match backoff.ended(self.manifest.restart, good, began.elapsed()) {
                        Next::Rest => (State::Stopped, None),
                        Next::Hold => {
                            let times = backoff.failures();
                            let why =
                                format!("ended {times} times in a row, last: {how}; look at its logs, then start it");
                            (State::Held, Some(why))
                        }
                        Next::After(wait) => match self.wait(wait).await {
                            true => continue,
                            false => (State::Stopped, None),
                        },
                    }
                }
            };
            self.note(&match &end.1 {
                Some(why) => format!("does not run: {why}"),
                None => "stopped".to_owned(),
            });
            self.set(end.0, end.1);
            return;
        }
    }

    /// Waits before the next start; `false` when the owner ended it meanwhile.
    async fn wait(&mut self, wait: Duration) -> bool {
        self.set(
            State::Waiting,
            Some(format!("is started anew in {:.1} s", wait.as_secs_f64())),
        );
        tokio::select! {
            () = tokio::time::sleep(wait) => {
                self.status.send_modify(|s| s.restarts = s.restarts.saturating_add(1));
                true
            }
            () = told(&mut self.stop) => false,
        }
    }

    async fn run(&mut self) -> Outcome {
        if *self.stop.borrow() {
            return Outcome::Asked;
        }
        let folder = self.inner.settings.folder(&self.manifest.name);
        match Manifest::read(&folder) {
            Ok(now) if now.hash == self.manifest.hash && now.name == self.manifest.name => {}
            Ok(_) => return Outcome::Changed,
            Err(e) => return Outcome::Failed(e.to_string()),
        }
        self.set(State::Starting, None);
        let token = match Token::issue(
            &self.inner.settings.tokens,
            &self.manifest.name,
            self.manifest.app_name(),
            &self.granted,
        ) {
            Ok(token) => token,
            Err(e) => return Outcome::Failed(format!("its token cannot be written: {e}")),
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        self.process().await
    }

    fn forget_token(&self) {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn note(&self, text: &str) {
        self.log.line(Source::Node, text.as_bytes());
    }

    fn set(&self, state: State, why: Option<String>) {
        self.status.send_modify(|s| {
            s.state = state;
            s.why = why;
            if state != State::Running && state != State::Stopping {
                s.pid = None;
                s.guard = None;
                s.since_ms = None;
            }
        });
        self.inner.changed(&self.manifest.name, state);
    }

    #[cfg(not(unix))]
    async fn process(&mut self) -> Outcome {
        Outcome::Failed("plugins do not run on this system yet".into())
    }

    #[cfg(unix)]
    async fn process(&mut self) -> Outcome {
        use super::job::Report;
        let mut guarded = match Guarded::start(self).await {
            Ok(guarded) => guarded,
            Err(e) => return Outcome::Failed(format!("its guard cannot be started: {e}")),
        };
        let mut stop = self.stop.clone();
        let mut asked = false;
        let mut last = None;
        loop {
            tokio::select! {
                report = guarded.report() => match report {
                    Some(Report::Running(pid)) => {
                        self.status.send_modify(|s| {
                            s.pid = Some(pid);
                            s.guard = guarded.id();
                            s.since_ms = Some(now_ms());
                        });
                        self.note(&format!("started as process {pid}"));
                        self.set(State::Running, None);
                    }
                    Some(report) => last = Some(report),
                    None => break,
                },
                () = told(&mut stop), if !asked => {
                    asked = true;
                    self.forget_token();
                    self.set(State::Stopping, None);
                    guarded.end();
                }
            }
        }
        guarded.gone().await;
        match last {
            _ if asked => Outcome::Asked,
            Some(Report::Failed(why)) => Outcome::Failed(why),
            Some(Report::Ended(code)) => Outcome::Ended {
                good: code == 0,
                how: format!("exit code {code}"),
            },
            Some(Report::Killed(signal)) => Outcome::Ended {
                good: false,
                how: format!("signal {signal}"),
            },
            Some(Report::Running(_)) | None => Outcome::Ended {
                good: false,
                how: "its guard was killed".into(),
            },
        }
    }
}

/// Waits until it is told to stop; also when nobody can tell any more.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A guard that runs.
#[cfg(unix)]
struct Guarded {
    child: tokio::process::Child,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::net::unix::OwnedReadHalf>>,
    writer: Option<tokio::net::unix::OwnedWriteHalf>,
    pumps: Vec<tokio::task::JoinHandle<()>>,
}

#[cfg(unix)]
impl Guarded {
    async fn start(keeper: &Keeper) -> std::io::Result<Self> {
        use std::{os::fd::OwnedFd, os::unix::net::UnixStream, process::Stdio};
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
        let job = keeper.inner.job(&keeper.manifest, &keeper.granted)?;
        let (ours, theirs) = UnixStream::pair()?;
        let mut words = keeper.inner.settings.guard.iter();
        let program = words
            .next()
            .ok_or_else(|| std::io::Error::other("this program has no guard"))?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(words)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the node's terminal is for the node, which ends its plugins in good order.
            .process_group(0);
        let mut child = command.spawn()?;
        drop(command);
        let mut pumps = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.push(tokio::spawn(keeper.log.clone().pump(Source::Out, stdout)));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.push(tokio::spawn(keeper.log.clone().pump(Source::Err, stderr)));
        }
        ours.set_nonblocking(true)?;
        let (reader, mut writer) = tokio::net::UnixStream::from_std(ours)?.into_split();
        let mut line = serde_json::to_vec(&job)?;
        line.push(b'\n');
        writer.write_all(&line).await?;
        Ok(Self {
            child,
            lines: tokio::io::BufReader::new(reader).lines(),
            writer: Some(writer),
            pumps,
        })
    }

    fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next report; none when the guard is gone. Only the guard, which is this program, writes here.
    async fn report(&mut self) -> Option<super::job::Report> {
        let line = self.lines.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }

    /// Asks for the end.
    fn end(&mut self) {
        // Dropping the half closes that direction, which is the sign.
        self.writer.take();
    }

    /// Waits until the guard has ended, and takes what is left of the output.
    async fn gone(mut self) {
        /// Whoever still holds the pipes was not below the guard; its words are not waited for.
        const LAST_WORDS: Duration = Duration::from_millis(500);
        self.end();
        let _ = self.child.wait().await;
        for mut pump in self.pumps {
            if tokio::time::timeout(LAST_WORDS, &mut pump).await.is_err() {
                pump.abort();
            }
        }
    }
}
