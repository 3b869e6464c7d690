//! What the lab's program understands.

use anyhow::{Context, Result, bail};
use lab::{
    check,
    echo::Server,
    lookup,
    pairs::{self, Matrix, parse_pairs},
    probe, report, space, stop,
};
use std::{fs, net::Ipv4Addr, path::PathBuf, process::ExitCode, sync::atomic::AtomicBool, thread};

const USAGE: &str =
    "lab nat [--pairs A/B,…] [--runs N] [--rtt MS,…] [--loss PERCENT,…] [--jobs N] [--by-id] [--json] --bin PROGRAM
lab check [--json]
lab lookup [--rtt MS] [--loss PERCENT] --bin PROGRAM

`lab nat` connects real nodes behind every pair of kinds of NAT (`*` is every kind), with `--by-id`
only by the id of the other and one node of a DHT; `lab check` proves that the
lab's NATs and links do what they are called; `lab lookup` measures how long it takes to find a node by its id in a DHT of 200 nodes,
50 ms away unless told otherwise.";

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

fn nat(words: &[&str]) -> Result<ExitCode> {
    let mut matrix = Matrix {
        pairs: parse_pairs("*/*")?,
        runs: 1,
        rtt_ms: vec![0.0],
        loss: vec![0.0],
        jobs: thread::available_parallelism().map_or(1, usize::from),
        by_id: false,
        program: PathBuf::new(),
    };
    let (mut json, mut words) = (false, words.iter());
    while let Some(word) = words.next() {
        if matches!(*word, "--json" | "--by-id") {
            json |= *word == "--json";
            matrix.by_id |= *word == "--by-id";
            continue;
        }
        let value = *words
            .next()
            .with_context(|| format!("{word} is not understood without a value\n{USAGE}"))?;
        match *word {
            "--pairs" => matrix.pairs = parse_pairs(value)?,
            "--runs" => matrix.runs = positive(word, value)?,
            "--jobs" => matrix.jobs = positive(word, value)?,
            "--rtt" => matrix.rtt_ms = numbers(word, value, 60_000.0)?,
            "--loss" => matrix.loss = numbers(word, value, 99.0)?,
            "--bin" => matrix.program = fs::canonicalize(value).with_context(|| format!("there is no {value}"))?,
            other => bail!("{other} is not understood here\n{USAGE}"),
        }
    }
    if !matrix.program.is_file() {
        bail!("say with --bin where the node's program is, or use `cargo xtask lab nat`, which builds it");
    }
    begin()?;
    let reports = pairs::run(&matrix)?;
    if json {
        println!("{}", report::json(&reports));
    } else {
        print!("{}", report::table(&reports));
    }
    Ok(ExitCode::SUCCESS)
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

/// Numbers from 0 to a limit with commas between them.
fn numbers(word: &str, text: &str, limit: f64) -> Result<Vec<f64>> {
    let number = |part: &str| part.parse().ok().filter(|number| (0.0..=limit).contains(number));
    text.split(',')
        .map(|part| number(part).with_context(|| format!("{word} takes numbers from 0 to {limit}, not {part}")))
        .collect()
}
