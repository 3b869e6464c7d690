//! Prints what is generated from the API definition: `typescript`, `markdown`, `openrpc` or `wit`.
#![allow(clippy::print_stdout, reason = "its purpose")]

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("openrpc") => print!("{}", hedgerow_api::doc::openrpc()),
        Some("wit") => print!("{}", hedgerow_api::doc::wit()),
        Some("markdown") => print!("{}", hedgerow_api::doc::markdown()),
        _ => print!("{}", hedgerow_api::doc::typescript()),
    }
}
