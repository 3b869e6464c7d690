//! The pictures of `docs/simulation.md`, made again: the test fails if they are not those of the simulator.
//!
//! `REGENERATE=1 cargo nextest run -p hedgerow-sim pictures` writes them.

#![allow(clippy::disallowed_methods, reason = "REGENERATE writes the pictures")]

use super::{Bars, Curves, Plot, Scale};
use crate::{
    crew::Alone,
    popularity,
    whitelist::{self, Method, page::over_rounds},
};
use hedgerow_trust::Function;
use std::{fs, path::Path};

fn check(name: &str, plot: &Plot) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/pictures")
        .join(name);
    if std::env::var("REGENERATE").is_ok() {
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
        fs::write(&path, plot.svg()).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        kept == plot.svg(),
        "{name} is not what the simulator finds; see the top of this file"
    );
}

#[test]
fn the_picture_of_the_first_question_is_what_the_simulator_finds() {
    let first_right = |sybils| {
        let plan = popularity::Plan {
            sybils,
            runs: 12,
            seed: 11,
            ..popularity::Plan::default()
        };
        let found = popularity::run(&plan, &Alone).expect("a sound plan").functions;
        let of = |function: &Function| found.get(function.name()).map_or(0.0, |scores| scores.first_right);
        Function::ALL.iter().map(of).collect::<Vec<_>>()
    };
    let bars = Bars {
        title: "Runs in which the really most popular widget is fetched first".into(),
        says: "Four in ten peers lie. Without Sybils the rule as written (median_max) and ours (trust_median) are always right; with \
            ten Sybils for each liar only ours is."
            .into(),
        scale: Scale::Share,
        groups: Function::ALL.iter().map(|function| function.name().to_owned()).collect(),
        series: vec![
            ("40 % liars, no Sybils".into(), first_right(0)),
            ("40 % liars with 10 Sybils each".into(), first_right(10)),
        ],
    };
    check("popularity.svg", &Plot::Bars(bars));
}

#[test]
fn the_picture_of_the_second_question_is_what_the_simulator_finds() {
    let line = |name: &str, method, certificates, blackholes| {
        let plan = whitelist::Plan {
            peers: 50_000,
            certificates,
            method,
            blackholes,
            ..whitelist::Plan::default()
        };
        let found = whitelist::run(&plan, &Alone).expect("a sound plan");
        let until = found.after.len().min(80);
        over_rounds(name, found.honest, &found.after[..until])
    };
    let curves = Curves {
        title: "Honest peers that have a new certificate".into(),
        says: "If the certificate learned last is always handed on, all of 50,000 peers have it after some 14 rounds, however many \
            certificates there are; with four in ten peers that give nothing after some 23. Of random ones it takes several times \
            as long among ten, and is hardly known after 80 rounds among a hundred."
            .into(),
        across: "rounds of 15 seconds".into(),
        scale: Scale::Share,
        lines: vec![
            line("newest first, of 10,000", Method::Newest, 10_000, 0.0),
            line("and 40 % give nothing", Method::Newest, 10_000, 0.4),
            line("random, of 10", Method::Random, 10, 0.0),
            line("random, of 100", Method::Random, 100, 0.0),
        ],
    };
    check("certificates.svg", &Plot::Curves(curves));
}
