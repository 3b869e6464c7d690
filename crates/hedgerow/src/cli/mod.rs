//! The command line: parses, calls the running node (or starts one), prints. No logic of its own beyond that.

mod args;
mod client;
mod demo;
mod directory;
mod file;
mod folder;
mod grant;
mod identity;
mod instance;
mod node;
mod open;
mod output;
mod place;
mod plugin;
mod prompt;
mod relay;
mod sim;
mod starters;
mod stream;
mod trace;
mod up;
mod widget;

#[cfg(test)]
mod tests;

use args::{Cli, Command};
use clap::Parser;
use client::Client;
use hedgerow_api::{ApiError, ErrorCode};
use output::Output;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

type Result<T = ()> = std::result::Result<T, ApiError>;

/// How the node calls this program as the guard of a plugin, and that as its launcher.
const GUARD: &str = "plugin-guard";
#[cfg(unix)]
/// The hidden command that translates components.
const COMPILE: &str = "component-compile";
const LAUNCH: &str = "plugin-launch";

/// What every command gets.
struct Context {
    output: Output,
    data: PathBuf,
}

impl Context {
    fn client(&self) -> Result<Client> {
        Client::open(&self.data)
    }

    /// Calls one method and prints its result.
    fn show(&self, method: &str, params: Value, text: impl FnOnce(&Value) -> String) -> Result {
        let result = self.client()?.call(method, params)?;
        self.output.result(&result, text);
        Ok(())
    }
}

/// Runs what was typed: 0 done, 1 refused or failed, 2 wrong usage (by the parser).
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(unix)]
    match &cli.command {
        Command::ComponentCompile { bounds } => return hedgerow_sandbox::component::child_main(bounds.clone()),
        Command::PluginGuard => return done(hedgerow_sandbox::plugin::guard(LAUNCH)),
        Command::PluginLaunch => {
            hedgerow_sandbox::plugin::launch();
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    let output = Output { json: cli.global.json };
    let done = place::data_folder(cli.global.data.clone())
        .and_then(|data| run(cli.command, cli.global.data.is_some(), &Context { output, data }));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// The node hears more from the guard of a plugin over their socket.
#[cfg(unix)]
fn done(outcome: std::io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(command: Command, data_given: bool, context: &Context) -> Result {
    match command {
        Command::Up(up) => up::run(&up, context),
        Command::Demo(demo) => demo::run(&demo, data_given, context),
        Command::Status => node::status(context),
        Command::Doctor { report: true } => context.show("node.report", json!({}), |r| output::field_lines(r, "text")),
        Command::Doctor { report: false } => node::doctor(context),
        Command::Peers { all } => node::peers(all, context),
        Command::Ticket => node::ticket(context),
        Command::Connect { ticket } => node::connect(&ticket, context),
        Command::Find { id } => node::find(&id, context),
        Command::Login => node::login(context),
        Command::Open(options) => open::run(&options, context),
        Command::Widget(widget) => widget::run(widget, context),
        Command::Directory(directory) => directory::run(directory, context),
        Command::Instance(instance) => instance::run(instance, context),
        Command::Stream(stream) => stream::run(stream, context),
        Command::Forward { port, to } => stream::forward(port, &to, context),
        Command::Port(port) => stream::ports(port, context),
        Command::Ping { peer, count } => stream::ping(&peer, count, context),
        Command::Trace { peer } => trace::run(&peer, context),
        Command::Relay(relay) => relay::run(&relay, context),
        Command::Send { file, peer } => file::send(&file, &peer, context),
        Command::Receive(receive) => file::receive(&receive, context),
        Command::Files { files } => file::files(files, context),
        Command::Sim(sim) => sim::run(&sim, context),
        Command::Plugin(plugin) => plugin::run(plugin, context),
        Command::Grant(grant) => grant::run(grant, context),
        Command::Component(component) => grant::component(component, context),
        Command::Audit { name, lines } => plugin::audit(name, lines, context),
        Command::PluginGuard | Command::PluginLaunch | Command::ComponentCompile { .. } => {
            Err(refused("this is for the node itself"))
        }
        Command::Call { method, params } => node::call(&method, params, context),
        Command::Backup { file } => identity::backup(&file, context),
        Command::Restore(restore) => identity::restore(&restore, context),
        Command::Passphrase(change) => identity::passphrase_command(&change, context),
        Command::Stop => node::stop(context),
    }
}

/// A failure on this machine, with the next step.
fn local(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::Local, message)
}

/// Something that will not be done, with the reason.
fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::Refused, message)
}
