//! `cargo xtask test`: everything that must hold. All steps run, whatever fails; the last line counts them.

use crate::{
    api, attack, lab, licences, prerequisites,
    run::{self, cargo, root, run, run_with},
    tidy, up, web,
};
use anyhow::{Context, Result, bail};
use std::{process::ExitCode, time::Instant};

/// A step went well.
struct Passed;

type Step = (&'static str, fn() -> Result<Passed>);

/// Steps that need neither a browser nor long.
const QUICK: &[Step] = &[
    ("Node.js", || prerequisites::node().map(|()| Passed)),
    ("Rust tools", || prerequisites::rust_tools().map(|()| Passed)),
    ("formatting", || cargo_step(&["fmt", "--all", "--check"])),
    ("tidy", || tidy::check().map(|()| Passed)),
    ("dashboard and widgets build", || web::build().map(|()| Passed)),
    ("dashboard types", || npm_step("web", "check")),
    ("dashboard unit tests", || npm_step("web", "test")),
    ("size of the first screen", || npm_step("web", "size")),
    ("widget tests", || npm_step("widgets", "test:unit")),
    ("bridge script tests", bridge),
    ("clippy", clippy),
    ("generated API files", || api::api(true).map(|()| Passed)),
    ("Rust tests", rust_tests),
];

/// The rest.
const SLOW: &[Step] = &[
    ("Chromium", || prerequisites::chromium().map(|_| Passed)),
    ("tools of the examples", || prerequisites::examples().map(|()| Passed)),
    ("network tools", || prerequisites::network_lab().map(|()| Passed)),
    ("documentation tests", || cargo_step(&["test", "--workspace", "--doc"])),
    ("licences", || licences::check().map(|()| Passed)),
    ("dashboard in a browser", || npm_step("web", "smoke")),
    ("widget tests in a browser", || npm_step("widgets", "test:browser")),
    ("network lab", || lab::lab_step().map(|()| Passed)),
    ("nodes behind routers", || lab::nat_step().map(|()| Passed)),
    ("nodes know their routers", || lab::doctor_step().map(|()| Passed)),
    ("ports that routers open", || lab::mapping_step().map(|()| Passed)),
    ("nodes in bad company", || lab::hostile_step().map(|()| Passed)),
    ("relays that vanish", || lab::relays_step().map(|()| Passed)),
    ("nodes found by their id", || lab::by_id_step().map(|()| Passed)),
    ("attacks", || attack::step().map(|()| Passed)),
    ("end-to-end tests", end_to_end),
];

/// Runs all steps (or the quick ones) and sums up.
pub fn test(quick: bool) -> Result<ExitCode> {
    let (mut passed, mut failures) = (0, Vec::new());
    for (name, step) in QUICK.iter().chain(if quick { &[][..] } else { SLOW }) {
        eprintln!("\n== {name}");
        let begin = Instant::now();
        match step() {
            Ok(Passed) => {
                passed += 1;
                eprintln!("== {name}: passed in {:.1} s", begin.elapsed().as_secs_f32());
            }
            Err(error) => {
                eprintln!("== {name}: FAILED: {error:#}");
                failures.push(format!("{name}: {error:#}"));
            }
        }
    }
    println!();
    for failure in &failures {
        println!("failed: {failure}");
    }
    println!("{passed} passed, {} failed", failures.len());
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn cargo_step(arguments: &[&str]) -> Result<Passed> {
    run(&root(), &cargo(), arguments).map(|()| Passed)
}

/// Builds everything that the steps after it use, with clippy's compiler.
fn clippy() -> Result<Passed> {
    run::lint_what_is_built(true);
    // After a failure the other steps still say what they can.
    cargo_step(&["build", "--workspace", "--all-targets"]).inspect_err(|_| run::lint_what_is_built(false))
}

fn npm_step(part: &str, script: &str) -> Result<Passed> {
    let folder = root().join(part);
    if !web::has_script(&folder, script) {
        bail!("{part}/package.json has no script {script:?}");
    }
    web::install(&folder)?;
    run_with(&folder, "npm", &["run", script], &[("CI", "true")]).map(|()| Passed)
}

fn bridge() -> Result<Passed> {
    let folder = root().join("crates/sandbox/js/test");
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let path = entry?.path();
        if path
            .to_str()
            .is_some_and(|p| p.ends_with(".test.js") || p.ends_with(".test.mjs"))
        {
            tests.push(path.to_string_lossy().into_owned());
        }
    }
    if tests.is_empty() {
        bail!("there are none in {}", folder.display());
    }
    tests.sort();
    let mut arguments = vec!["--test"];
    arguments.extend(tests.iter().map(String::as_str));
    run(&root(), "node", &arguments).map(|()| Passed)
}

fn rust_tests() -> Result<Passed> {
    if prerequisites::nextest() {
        return cargo_step(&["nextest", "run", "--workspace", "--no-fail-fast"]);
    }
    eprintln!("cargo-nextest could not be installed; cargo test runs the same tests, more slowly");
    cargo_step(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
}

fn end_to_end() -> Result<Passed> {
    let folder = root().join("e2e");
    if !folder.join("package.json").exists() {
        bail!("there is no folder e2e");
    }
    let chromium = prerequisites::chromium()?;
    web::build()?;
    let program = up::build(false)?;
    if !program.exists() {
        bail!("{} was not built", program.display());
    }
    run(&root(), &cargo(), &["build", "--workspace", "--example", "file_drop"])?;
    web::install(&folder)?;
    let environment = [
        (
            "HEDGEROW_BIN",
            program.to_str().context("the path is not Unicode text")?,
        ),
        ("CHROMIUM", chromium.to_str().context("the path is not Unicode text")?),
        ("CI", "true"),
    ];
    run_with(&folder, "npm", &["test"], &environment).map(|()| Passed)
}
