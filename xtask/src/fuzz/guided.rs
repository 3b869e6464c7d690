//! One run of libFuzzer over one target, and what it says of itself.

use crate::run::output;
use anyhow::{Context, Result, bail};
use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A single input may take so long before it counts as a finding, in seconds.
const SLOWEST: u64 = 20;
/// Lines of libFuzzer that are shown when something was found.
const SHOWN: usize = 30;
/// Longest input that is kept in the repository, and most of one target.
const KEPT_BYTES: u64 = 512;
const KEPT: usize = 60;

/// Where things are.
pub struct Work {
    program: PathBuf,
    corpus: PathBuf,
    /// Inputs that were found and sums, below cargo's target folder.
    pub folder: PathBuf,
}

/// How a run went.
pub struct Outcome {
    pub name: String,
    pub executions: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Edges that were reached by the corpus at the start, and at the end.
    pub coverage: (u64, u64),
    pub corpus: u64,
    pub peak_mb: u64,
    /// The input that brought it down, and what it said.
    pub crash: Option<(PathBuf, String)>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = match &self.crash {
            Some((input, said)) => format!(
                "FOUND {}\n{said}\nagain: cargo run -p hedgerow-fuzz -- replay {} {}",
                input.display(),
                self.name,
                input.display()
            ),
            None => "nothing found".into(),
        };
        write!(
            f,
            "{:26} {:>11} runs {:>8.0} a second, coverage {} -> {}, {} inputs, {:.0} s of CPU: {found}",
            self.name,
            self.executions,
            self.executions as f64 / self.seconds.max(0.001),
            self.coverage.0,
            self.coverage.1,
            self.corpus,
            self.cpu_seconds,
        )
    }
}

impl Work {
    pub fn new(program: PathBuf, corpus: PathBuf, folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(folder.join("found")).context("cannot make the folder for what is found")?;
        Ok(Self {
            program,
            corpus,
            folder,
        })
    }

    /// All targets with their longest inputs, as the program has them.
    pub fn targets(&self) -> Result<Vec<(String, usize)>> {
        let program = self.program.to_str().context("the path is not Unicode text")?;
        let text = output(&self.folder, program, &["--targets"])?;
        let target = |line: &str| {
            let (name, longest) = line.split_once(' ').context("the guided program names no targets")?;
            Ok((name.to_owned(), longest.parse()?))
        };
        text.lines().map(target).collect()
    }

    fn inputs(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join("inputs").join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HEDGEROW_FUZZ_TARGET", name).stdin(Stdio::null());
        command.env_remove("RUST_BACKTRACE");
        command
    }

    /// Gives a target its time.
    pub fn run(&self, (name, longest): &(String, usize), seconds: u64) -> Result<Outcome> {
        let artefact = self.folder.join("found").join(format!("{name}-"));
        let inputs = self.inputs(name)?;
        let mut command = self.command(name);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={longest}"))
            .arg(format!("-timeout={SLOWEST}"))
            .arg(format!("-artifact_prefix={}", artefact.display()))
            .args(["-rss_limit_mb=2048", "-print_final_stats=1"])
            .arg(&inputs);
        let own = self.corpus.join(name);
        if own.is_dir() {
            command.arg(own);
        }
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run the guided program")?;
        let begin = std::time::Instant::now();
        let mut said = Said::default();
        let lines = child.stderr.take().map(BufReader::new);
        let cpu = std::thread::scope(|scope| {
            let watch = scope.spawn(|| watch(&mut child));
            for line in lines
                .into_iter()
                .flat_map(|reader| reader.split(b'\n'))
                .map_while(Result::ok)
            {
                said.line(&String::from_utf8_lossy(&line));
            }
            watch.join().unwrap_or_else(|_| bail!("the watch ended"))
        });
        let (cpu_seconds, good) = cpu?;
        // An input that is only slow is written, too.
        let crash = said.artefact.map(PathBuf::from).filter(|_| !good);
        if !good && crash.is_none() {
            let last: Vec<_> = said.last.into_iter().collect();
            bail!("{name}: the guided program failed\n{}", last.join("\n"));
        }
        Ok(Outcome {
            name: name.to_owned(),
            executions: said.executions,
            seconds: begin.elapsed().as_secs_f64(),
            cpu_seconds,
            coverage: said.coverage.unwrap_or_default(),
            corpus: count(&inputs),
            peak_mb: said.peak_mb,
            crash: crash.map(|input| (input, said.told.join("\n"))),
        })
    }

    /// Copies the smallest set of short inputs that reach what all do into the repository.
    pub fn keep(&self, name: &str) -> Result<()> {
        let own = self.corpus.join(name);
        std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
        let merged = self.folder.join("merged").join(name);
        let _ = std::fs::remove_dir_all(&merged);
        std::fs::create_dir_all(&merged).with_context(|| format!("cannot make {}", merged.display()))?;
        let status = self
            .command(name)
            .args(["-merge=1", &format!("-max_len={KEPT_BYTES}")])
            .args([&merged, &own, &self.inputs(name)?])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("cannot merge")?;
        if !status.success() {
            bail!("{name}: the inputs could not be merged");
        }
        let known = contents(&own)?;
        let mut new = contents(&merged)?;
        new.retain(|(_, bytes)| bytes.len() as u64 <= KEPT_BYTES && !known.iter().any(|(_, k)| k == bytes));
        new.sort_by_key(|(_, bytes)| bytes.len());
        for (file, bytes) in new.iter().take(KEPT.saturating_sub(known.len())) {
            std::fs::write(own.join(file), bytes).context("cannot write an input")?;
        }
        Ok(())
    }
}

/// File names and what is in them.
fn contents(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        all.push((
            entry.file_name().to_string_lossy().into_owned(),
            std::fs::read(entry.path())?,
        ));
    }
    Ok(all)
}

fn count(folder: &Path) -> u64 {
    std::fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// Waits, and says how much of the processor the child took and whether it ended well.
fn watch(child: &mut Child) -> Result<(f64, bool)> {
    let mut cpu = 0.0;
    loop {
        if let Some(used) = used(child.id()) {
            cpu = used;
        }
        if let Some(status) = child.try_wait()? {
            return Ok((cpu, status.success()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Seconds of processor time of a process so far (Linux; elsewhere nothing is known).
fn used(process: u32) -> Option<f64> {
    /// Of the kernel's interface, whatever the kernel itself counts in.
    const TICKS: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// What libFuzzer prints, as far as it matters.
#[derive(Default)]
struct Said {
    executions: u64,
    coverage: Option<(u64, u64)>,
    peak_mb: u64,
    artefact: Option<String>,
    /// Lines that say what happened, each with the one after it.
    told: Vec<String>,
    goes_on: bool,
    last: VecDeque<String>,
}

impl Said {
    fn line(&mut self, line: &str) {
        let after = |word: &str| line.split(word).nth(1).map(str::trim_start);
        let number = |text: &str| text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
        if let Some(count) = line.strip_prefix('#').and_then(number) {
            self.executions = self.executions.max(count);
        }
        if let (true, Some(now)) = (line.starts_with('#'), after(" cov: ").and_then(number)) {
            let first = match self.coverage {
                // Up to this line it reads the corpus.
                Some((first, _)) if !line.contains("INITED") => first,
                _ => now,
            };
            self.coverage = Some((first, now));
        } else if let Some(count) = after("stat::number_of_executed_units:").and_then(number) {
            self.executions = count;
        } else if let Some(mb) = after("stat::peak_rss_mb:").and_then(number) {
            self.peak_mb = mb;
        } else if let Some(path) = after("Test unit written to ") {
            self.artefact = Some(path.to_owned());
        } else if line.contains("panicked at") || line.contains("ERROR: libFuzzer") || self.goes_on {
            self.goes_on = !self.goes_on;
            if self.told.len() < SHOWN {
                self.told.push(line.chars().take(400).collect());
            }
        } else if !line.starts_with('#') && !line.is_empty() {
            self.last.push_back(line.chars().take(400).collect());
            if self.last.len() > SHOWN {
                self.last.pop_front();
            }
        }
    }
}
