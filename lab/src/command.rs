//! What the lab's program understands.

use anyhow::{Context, Result, bail};
use lab::{
    check,
    echo::Server,
    mapping,
    pairs::{self, Matrix, parse_pairs},
    probe, report, space, stop, verdict,
};
use std::{fs, net::Ipv4Addr, path::PathBuf, process::ExitCode, sync::atomic::AtomicBool, thread};

const USAGE: &str =
    "lab nat [--pairs A/B,…] [--runs N] [--rtt MS,…] [--loss PERCENT,…] [--jobs N] [--json] --bin PROGRAM
lab doctor [--runs N] [--rtt MS] [--loss PERCENT] [--known N] [--json] --bin PROGRAM
lab check [--json]
lab mapping --bin PROGRAM

`lab nat` connects real nodes behind every pair of kinds of NAT (`*` is every kind); `lab doctor` asks a
node behind each kind what its router does, with N (1 to 4) public nodes for peers; `lab mapping` has a real
miniupnpd let others in to a node; `lab check` proves that the lab's NATs and links do what they are called.";

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
        ["mapping", "--bin", program] => mapping(program),
        ["check"] => check(false),
        ["check", "--json"] => check(true),
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
        program: PathBuf::new(),
    };
    let (mut json, mut words) = (false, words.iter());
    while let Some(word) = words.next() {
        if *word == "--json" {
            json = true;
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

fn doctor(words: &[&str]) -> Result<ExitCode> {
    let (mut runs, mut rtt, mut loss, mut known) = (1, 0.0, 0.0, 2);
    let mut program = PathBuf::new();
    let (mut json, mut words) = (false, words.iter());
    while let Some(word) = words.next() {
        if *word == "--json" {
            json = true;
            continue;
        }
        let value = *words
            .next()
            .with_context(|| format!("{word} is not understood without a value\n{USAGE}"))?;
        let number = |limit| numbers(word, value, limit).map(|list| list.first().copied().unwrap_or(0.0));
        match *word {
            "--runs" => runs = positive(word, value)?,
            "--known" => known = positive(word, value)?,
            "--rtt" => rtt = number(60_000.0)?,
            "--loss" => loss = number(99.0)?,
            "--bin" => program = fs::canonicalize(value).with_context(|| format!("there is no {value}"))?,
            other => bail!("{other} is not understood here\n{USAGE}"),
        }
    }
    begin()?;
    let result = verdict::run(&program, runs, rtt, loss, known)?;
    if json {
        println!("{result}");
    }
    Ok(if result["ok"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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

/// Numbers from 0 to a limit with commas between them.
fn numbers(word: &str, text: &str, limit: f64) -> Result<Vec<f64>> {
    let number = |part: &str| part.parse().ok().filter(|number| (0.0..=limit).contains(number));
    text.split(',')
        .map(|part| number(part).with_context(|| format!("{word} takes numbers from 0 to {limit}, not {part}")))
        .collect()
}
