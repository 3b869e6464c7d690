//! Prints what is generated from the API definition: `typescript`, `markdown` or `openrpc`.
#![allow(clippy::print_stdout, reason = "its purpose")]

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("openrpc") => print!("{}", hedgerow_api::doc::openrpc()),
        Some("markdown") => print!("{}", hedgerow_api::doc::markdown()),
        _ => print!("{}", hedgerow_api::doc::typescript()),
    }
}
