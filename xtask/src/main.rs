//! The project's own commands. `cargo xtask up` runs the product, `cargo xtask test` proves it.

mod api;
mod attack;
mod authoring;
mod bench;
mod fuzz;
mod lab;
mod licences;
mod messaging;
mod prerequisites;
mod run;
mod test;
mod tidy;
mod up;
mod web;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "cargo xtask up [--release] [--headless] [-- ARGUMENTS]   build everything and run a node
cargo xtask test [--quick]       every check; --quick leaves out browsers, installs and slow tests
cargo xtask bench [--json] [NAME]  the numbers that the project promises; `messaging`: ours beside other programs
cargo xtask lab nat|doctor|idle|events|relays|hostile|lookup|check [ARGUMENTS]  real nodes behind every kind of NAT (on Linux)
cargo xtask attack [--json] [--only ID,ID] [--tier strict|partial|all] | --pages DIR | --requests N  attacks on widgets' fences and the API
cargo xtask authoring [--json] [--only js,python,c,rust]  background parts in each language, built and run (needs the registries)
cargo xtask fuzz [--target NAME,NAME] [--seconds N] [--jobs N] [--json] [--keep] | --report  hostile bytes for every decoder, N seconds each
cargo xtask tidy [--ratchet]     the rules of the house; --ratchet records the present excesses
cargo xtask api [--check]        regenerate, or compare, what comes from crates/api";

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_compiler() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let ours: Vec<&str> = rest.iter().map(String::as_str).take_while(|a| *a != "--").collect();
    let theirs: Vec<String> = rest.iter().skip(ours.len() + 1).cloned().collect();
    match command.as_str() {
        "up" => {
            allow(&ours, &["--release", "--headless"])?;
            up::up(ours.contains(&"--release"), ours.contains(&"--headless"), &theirs)
        }
        "test" => {
            allow(&ours, &["--quick"])?;
            test::test(ours.contains(&"--quick"))
        }
        "bench" => {
            let name = ours.iter().find(|a| !a.starts_with("--")).copied();
            allow(
                &ours.iter().filter(|a| Some(**a) != name).copied().collect::<Vec<_>>(),
                &["--json"],
            )?;
            bench::bench(ours.contains(&"--json"), name)
        }
        "lab" => lab::lab(rest),
        "attack" => attack::attack(rest),
        "authoring" => authoring::authoring(rest),
        "fuzz" => fuzz::fuzz(rest),
        "tidy" => {
            allow(&ours, &["--ratchet"])?;
            tidy::command(ours.contains(&"--ratchet"))
        }
        "api" => {
            allow(&ours, &["--check"])?;
            api::api(ours.contains(&"--check")).map(|()| ExitCode::SUCCESS)
        }
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => {
            eprintln!("xtask: there is no command {other}\n{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

fn allow(given: &[&str], known: &[&str]) -> Result<()> {
    match given.iter().find(|a| !known.contains(a)) {
        Some(unknown) => bail!("{unknown} is not understood here\n{USAGE}"),
        None => Ok(()),
    }
}
