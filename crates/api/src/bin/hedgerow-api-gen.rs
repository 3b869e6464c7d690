//! Prints what is generated from the API definition: `typescript` or `markdown`.
#![allow(clippy::print_stdout, reason = "its purpose")]

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("markdown") => print!("{}", hedgerow_api::doc::markdown()),
        _ => print!("{}", hedgerow_api::doc::typescript()),
    }
}
