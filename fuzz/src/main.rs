//! Lists targets, writes their first inputs, runs one input again.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use data_encoding::HEXLOWER_PERMISSIVE;
use hedgerow_fuzz::{Target, all, named, room, short};
use std::{path::Path, process::ExitCode};

#[global_allocator]
static ROOM: room::Watched = room::Watched;

const USAGE: &str = "hedgerow-fuzz list                              what is run
hedgerow-fuzz seed                              writes the first inputs of every target to fuzz/corpus
hedgerow-fuzz short [TARGET]                    the short run
hedgerow-fuzz replay TARGET FILE | --hex DIGITS  runs one input";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["list"] => {
            all().for_each(|target| println!("{:26} {}", target.name, target.about));
            Ok(())
        }
        ["seed"] => seed().map_err(|e| e.to_string()),
        ["replay", name, "--hex", digits] => HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|e| e.to_string())
            .and_then(|bytes| replay(name, &bytes)),
        ["short"] => all().try_for_each(short),
        ["short", name] => named(name)
            .ok_or_else(|| format!("there is no target {name}"))
            .and_then(short),
        ["replay", name, file] => std::fs::read(file)
            .map_err(|e| e.to_string())
            .and_then(|bytes| replay(name, &bytes)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn short(target: &Target) -> Result<(), String> {
    println!("{}: {} rounds", target.name, short::run(target));
    Ok(())
}

fn replay(name: &str, bytes: &[u8]) -> Result<(), String> {
    let target = named(name).ok_or_else(|| format!("there is no target {name}"))?;
    let begin = std::time::Instant::now();
    room::within(target.room, || (target.run)(bytes));
    println!(
        "{name}: {} bytes, all promises hold, {:?}",
        bytes.len(),
        begin.elapsed()
    );
    Ok(())
}

/// Writes the first inputs. Others that are there stay.
fn seed() -> std::io::Result<()> {
    for target in all() {
        let folder = short::corpus_folder().join(target.name);
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(&folder)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("seed-") {
                std::fs::remove_file(entry.path())?;
            }
        }
        for (number, bytes) in (target.seeds)().into_iter().enumerate() {
            write(&folder.join(format!("seed-{number:02}")), &bytes)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
