//! What the lab's program understands.

use anyhow::{Context, Result, bail};
use lab::{
    Ip, NatKind,
    by::By,
    check,
    echo::Server,
    events, hostile,
    idle::{self, Idle},
    lookup, mapping,
    pairs::{self, Matrix, parse_pairs},
    probe,
    relays::{self, Relays},
    report, space, stop, verdict,
};
use serde_json::Value;
use std::{fs, net::Ipv4Addr, path::PathBuf, process::ExitCode, sync::atomic::AtomicBool, thread, time::Duration};

const USAGE: &str =
    "lab nat [--pairs A/B,…] [--runs N] [--rtt MS,…] [--loss PERCENT,…] [--ip 4|both|6] [--by ticket|dht|lan]
        [--jobs N] [--json] --bin PROGRAM
lab doctor [--runs N] [--rtt MS] [--loss PERCENT] [--known N] [--json] --bin PROGRAM
lab idle [--minutes N] [--peers N] [--nat KIND] [--json] --bin PROGRAM
lab events [--json] --bin PROGRAM
lab relays [--relays N] [--clients N] [--vanish PERCENT] [--silent] [--json] --bin PROGRAM
lab hostile [--only NAME,…] [--json] --bin PROGRAM
lab check [--json]
lab lookup [--rtt MS] [--loss PERCENT] --bin PROGRAM
lab mapping --bin PROGRAM

`nat` connects real nodes behind every pair of kinds of NAT (`*` is every kind); `doctor` asks a node behind each kind
what its router does, with N (1 to 4) public nodes for peers; `idle` counts what an idle node pays; `events` does things
to the router of an open stream; `relays` lets many relaying nodes vanish at once; `hostile` puts
real nodes among liars, portals, wrong clocks and the like, and tells what becomes of them; `lookup` measures how long it takes to
find a node by its id in a DHT of 200 nodes, 50 ms away unless told otherwise; `mapping` has a real miniupnpd let others
in to a node; `check` proves that the lab's NATs and links do what they are called.";

/// Runs a command; whatever it made is gone when this returns.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["nat", rest @ ..] => nat(rest),
        ["doctor", rest @ ..] => doctor(rest),
        ["idle", rest @ ..] => measure_idle(rest),
        ["events", rest @ ..] => happen(rest),
        ["relays", rest @ ..] => vanish(rest),
        ["hostile", rest @ ..] => suffer(rest),
        ["mapping", "--bin", program] => mapping(program),
        ["check"] => check(false),
        ["check", "--json"] => check(true),
        ["lookup", rest @ ..] => lookup(rest),
        // For people who look around in a lab by hand.
        ["echo", own, other] => echo(own, other),
        ["probe", one, two] => probe(one, two),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    space::close();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Options with a value, options without one, and the program.
struct Options<'a> {
    values: Vec<(&'a str, &'a str)>,
    json: bool,
    silent: bool,
    program: PathBuf,
}

impl<'a> Options<'a> {
    fn read(words: &[&'a str]) -> Result<Self> {
        let mut options = Self {
            values: Vec::new(),
            json: false,
            silent: false,
            program: PathBuf::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--json" => options.json = true,
                "--silent" => options.silent = true,
                word => {
                    let value = words
                        .next()
                        .with_context(|| format!("{word} is not understood without a value\n{USAGE}"))?;
                    options.values.push((word, value));
                }
            }
        }
        let program = options.values.iter().rposition(|(word, _)| *word == "--bin");
        if let Some((_, value)) = program.map(|at| options.values.remove(at)) {
            options.program = fs::canonicalize(value).with_context(|| format!("there is no {value}"))?;
        }
        if !options.program.is_file() {
            bail!("say with --bin where the node's program is, or use `cargo xtask lab`, which builds it");
        }
        Ok(options)
    }

    /// Prints a result, for programs or for people.
    fn show(&self, result: &Value, text: impl FnOnce(&Value) -> String) -> ExitCode {
        if self.json {
            println!("{result}");
        } else {
            print!("{}", text(result));
        }
        ExitCode::SUCCESS
    }
}

fn unknown(word: &str) -> anyhow::Error {
    anyhow::anyhow!("{word} is not understood here\n{USAGE}")
}

fn nat(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    let mut matrix = Matrix {
        pairs: Vec::new(),
        runs: 1,
        rtt_ms: vec![0.0],
        loss: vec![0.0],
        jobs: thread::available_parallelism().map_or(1, usize::from),
        by: By::default(),
        ip: Ip::default(),
        program: options.program.clone(),
    };
    for (word, value) in &options.values {
        match *word {
            "--pairs" => matrix.pairs = parse_pairs(value)?,
            "--runs" => matrix.runs = positive(word, value)?,
            "--jobs" => matrix.jobs = positive(word, value)?,
            "--rtt" => matrix.rtt_ms = numbers(word, value, 60_000.0)?,
            "--loss" => matrix.loss = numbers(word, value, 99.0)?,
            "--by" => matrix.by = value.parse()?,
            "--ip" => matrix.ip = value.parse()?,
            other => return Err(unknown(other)),
        }
    }
    if matrix.pairs.is_empty() {
        let alike = |pair: &(NatKind, NatKind)| matrix.by != By::Lan || pair.0 == pair.1;
        matrix.pairs = parse_pairs("*/*")?.into_iter().filter(alike).collect();
    }
    begin()?;
    let reports = pairs::run(&matrix)?;
    let mut result = report::json(&reports);
    (result["by"], result["ip"]) = (matrix.by.name().into(), matrix.ip.name().into());
    Ok(options.show(&result, |_| report::table(&reports)))
}

fn measure_idle(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    let mut idle = Idle {
        time: Duration::from_secs(300),
        peers: 20,
        nat: NatKind::PortRestricted,
        program: options.program.clone(),
    };
    for (word, value) in &options.values {
        match *word {
            "--minutes" => idle.time = Duration::from_secs_f64(60.0 * number(word, value, 0.1, 10_000.0)?),
            "--peers" => idle.peers = number(word, value, 0.0, 200.0)? as usize,
            "--nat" => idle.nat = value.parse().map_err(anyhow::Error::msg)?,
            other => return Err(unknown(other)),
        }
    }
    begin()?;
    Ok(options.show(&idle::run(&idle)?, idle::text))
}

fn happen(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    if let Some((word, _)) = options.values.first() {
        return Err(unknown(word));
    }
    begin()?;
    Ok(options.show(&events::run(&options.program)?, events::text))
}

fn suffer(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    let mut only = Vec::new();
    for (word, value) in &options.values {
        match *word {
            "--only" => only.extend(value.split(',')),
            other => return Err(unknown(other)),
        }
    }
    begin()?;
    let result = hostile::run(&options.program, &only)?;
    options.show(&result, hostile::text);
    Ok(if result["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn vanish(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    let mut plan = Relays {
        relays: 10,
        clients: 20,
        vanishing: 30,
        silent: options.silent,
        program: options.program.clone(),
    };
    for (word, value) in &options.values {
        match *word {
            "--relays" => plan.relays = positive(word, value)?,
            "--clients" => plan.clients = positive(word, value)?.next_multiple_of(2),
            "--vanish" => plan.vanishing = number(word, value, 0.0, 100.0)? as usize,
            other => return Err(unknown(other)),
        }
    }
    begin()?;
    Ok(options.show(&relays::run(&plan)?, relays::text))
}

fn doctor(words: &[&str]) -> Result<ExitCode> {
    let options = Options::read(words)?;
    let (mut runs, mut rtt, mut loss, mut known) = (1, 0.0, 0.0, 2);
    for (word, value) in options.values.iter().copied() {
        let number = |limit| numbers(word, value, limit).map(|list| list.first().copied().unwrap_or(0.0));
        match word {
            "--runs" => runs = positive(word, value)?,
            "--known" => known = positive(word, value)?,
            "--rtt" => rtt = number(60_000.0)?,
            "--loss" => loss = number(99.0)?,
            other => return Err(unknown(other)),
        }
    }
    begin()?;
    let result = verdict::run(&options.program, runs, rtt, loss, known)?;
    if options.json {
        println!("{result}");
    }
    Ok(if result["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn lookup(words: &[&str]) -> Result<ExitCode> {
    let (mut rtt, mut loss, mut program) = (50.0, 0.0, None);
    for pair in words.chunks(2) {
        let [word, value] = *pair else {
            bail!("{} is not understood without a value\n{USAGE}", pair.join(" "));
        };
        let one = |limit| {
            numbers(word, value, limit)?
                .first()
                .copied()
                .context("a number is missing")
        };
        match word {
            "--rtt" => rtt = one(60_000.0)?,
            "--loss" => loss = one(99.0)?,
            "--bin" => program = Some(fs::canonicalize(value).with_context(|| format!("there is no {value}"))?),
            other => bail!("{other} is not understood here\n{USAGE}"),
        }
    }
    let program = program.context("say with --bin where the program is, or use `cargo xtask lab lookup`")?;
    begin()?;
    let rtt = std::time::Duration::from_secs_f64(rtt / 1000.0);
    println!("{}", lookup::run(&program, rtt, loss / 100.0)?);
    Ok(ExitCode::SUCCESS)
}

fn mapping(program: &str) -> Result<ExitCode> {
    begin()?;
    let program = fs::canonicalize(program).with_context(|| format!("there is no {program}"))?;
    let result = mapping::run(&program)?;
    println!("{result}");
    Ok(if result["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(json: bool) -> Result<ExitCode> {
    begin()?;
    let result = check::run()?;
    if json {
        println!("{result}");
    } else {
        print!("{}", check::table(&result));
    }
    Ok(if result["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn begin() -> Result<()> {
    space::become_root()?;
    space::ready()?;
    stop::on_signals()
}

fn echo(own: &str, other: &str) -> Result<ExitCode> {
    Server::open(address(own)?, address(other)?)?.serve(&AtomicBool::new(false));
    Ok(ExitCode::SUCCESS)
}

fn probe(one: &str, two: &str) -> Result<ExitCode> {
    println!("{}", probe::nat([address(one)?, address(two)?])?.json());
    Ok(ExitCode::SUCCESS)
}

fn address(text: &str) -> Result<Ipv4Addr> {
    text.parse().with_context(|| format!("{text} is no IPv4 address"))
}

fn positive(word: &str, text: &str) -> Result<usize> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.with_context(|| format!("{word} takes a number from 1, not {text}"))
}

fn number(word: &str, text: &str, low: f64, high: f64) -> Result<f64> {
    let number = text.parse().ok().filter(|number| (low..=high).contains(number));
    number.with_context(|| format!("{word} takes a number from {low} to {high}, not {text}"))
}

/// Numbers from 0 to a limit with commas between them.
fn numbers(word: &str, text: &str, limit: f64) -> Result<Vec<f64>> {
    let number = |part: &str| part.parse().ok().filter(|number| (0.0..=limit).contains(number));
    text.split(',')
        .map(|part| number(part).with_context(|| format!("{word} takes numbers from 0 to {limit}, not {part}")))
        .collect()
}
