//! Hedgerow: small apps shared between people, with no server. This is the one program: command line, the local
//! HTTP and WebSocket server, and the dashboard inside it.

mod cli;
mod http;

fn main() -> std::process::ExitCode {
    cli::main()
}
