//! The parameters of a scenario: from flags, from a TOML file, or as they are unless somebody says otherwise.

use super::Scenario;
use crate::cli::{
    Result,
    args::{Cli, Command},
    refused,
};
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches, parser::ValueSource};
use std::ffi::OsString;

/// What a scenario was given.
pub(super) struct Given {
    /// A command that does the same again, without files.
    pub(super) command: String,
    /// All parameters with their values, the seed among them.
    pub(super) parameters: Vec<(String, String)>,
}

/// The name of a parameter, as it is typed.
fn name(argument: &Arg) -> &str {
    argument.get_long().unwrap_or_default()
}

/// The parameters of one scenario.
fn arguments_of(scenario: &str) -> Vec<Arg> {
    let cli = Cli::command();
    let sim = cli.find_subcommand("sim").and_then(|sim| sim.find_subcommand(scenario));
    let all = sim.map(|sim| sim.get_arguments().cloned().collect::<Vec<_>>());
    let mut all = all.unwrap_or_default();
    all.retain(|argument| argument.get_long().is_some());
    all
}

fn parsed(typed: &[OsString]) -> Result<ArgMatches> {
    let matches = Cli::command().try_get_matches_from(typed);
    matches.map_err(|error| refused(first_line(&error.to_string())))
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn scenario(matches: &ArgMatches) -> Result<(&str, &ArgMatches)> {
    let sim = matches.subcommand_matches("sim").and_then(ArgMatches::subcommand);
    sim.ok_or_else(|| refused("no scenario is named; `hedgerow sim --help` lists them"))
}

impl Given {
    /// What the flags say.
    pub(super) fn typed(typed: &[OsString]) -> Result<Self> {
        let matches = parsed(typed)?;
        let (scenario, values) = scenario(&matches)?;
        let mut given = Self {
            command: format!("hedgerow sim {scenario}"),
            parameters: Vec::new(),
        };
        for argument in arguments_of(scenario) {
            let id = argument.get_id().as_str();
            let (said, name) = (
                values.value_source(id) == Some(ValueSource::CommandLine),
                name(&argument),
            );
            if matches!(argument.get_action(), ArgAction::SetTrue) {
                let is = values.get_flag(id);
                given
                    .parameters
                    .push((name.to_owned(), if is { "yes" } else { "no" }.to_owned()));
                given.command += &if is { format!(" --{name}") } else { String::new() };
                continue;
            }
            let raw = values.get_raw(id).and_then(|mut raw| raw.next());
            let Some(value) = raw.map(|raw| raw.to_string_lossy().into_owned()) else {
                continue;
            };
            if said {
                given.command += &format!(" --{name} {value}");
            }
            given.parameters.push((name.to_owned(), value));
        }
        Ok(given)
    }

    /// The same with the parameters of a TOML file `text` called `file` where no flag says otherwise.
    pub(super) fn with_file(typed: &[OsString], text: &str, file: &str) -> Result<(Scenario, Self)> {
        let (widened, wrong) = (widened(typed, text, file)?, |what: String| {
            refused(format!("{file}: {what}"))
        });
        let matches = Cli::command().try_get_matches_from(&widened);
        let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
        let cli = cli.map_err(|error| wrong(first_line(&error.to_string())))?;
        let Command::Sim(sim) = cli.command else {
            return Err(wrong("this is for `hedgerow sim` only".to_owned()));
        };
        Ok((sim.scenario, Self::typed(&widened)?))
    }
}

/// What was typed, and after it what the file says and was not typed.
fn widened(typed: &[OsString], text: &str, file: &str) -> Result<Vec<OsString>> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let what = error.message();
        refused(format!("{file} is no TOML: {what}; write lines such as `seed = 7`"))
    })?;
    let matches = parsed(typed)?;
    let (scenario, values) = scenario(&matches)?;
    let known = arguments_of(scenario);
    let mut all = typed.to_vec();
    for (key, value) in &table {
        let wanted = key.replace('_', "-");
        let Some(argument) = known.iter().find(|argument| name(argument) == wanted) else {
            let names = known.iter().map(name).collect::<Vec<_>>().join(", ");
            return Err(refused(format!(
                "{file} names `{key}`, which is no parameter of `sim {scenario}`; there are {names}"
            )));
        };
        if values.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let flag = matches!(argument.get_action(), ArgAction::SetTrue);
        let said = match value {
            toml::Value::Boolean(true) if flag => format!("--{wanted}"),
            toml::Value::Boolean(false) if flag => continue,
            toml::Value::String(text) if !flag => format!("--{wanted}={text}"),
            toml::Value::Integer(number) if !flag => format!("--{wanted}={number}"),
            toml::Value::Float(number) if !flag => format!("--{wanted}={number}"),
            _ if flag => return Err(refused(format!("{file}: `{key}` is true or false"))),
            _ => return Err(refused(format!("{file}: `{key}` must be a number or a text"))),
        };
        all.push(said.into());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(line: &str, text: &str) -> std::result::Result<Vec<(String, String)>, String> {
        let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let given = Given::with_file(&typed, text, "params.toml");
        given.map(|(_, given)| given.parameters).map_err(|error| error.message)
    }

    fn value(given: &[(String, String)], name: &str) -> String {
        let found = given.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn a_file_gives_what_no_flag_gives_and_flags_win() {
        let text = "liars = 0.3\nsybils = 5\nlie = \"subtle\"\nseed = 9";
        let given = with_file("hedgerow sim popularity --sybils 7 --json", text).unwrap();
        for (name, expected) in [
            ("liars", "0.3"),
            ("sybils", "7"),
            ("lie", "subtle"),
            ("seed", "9"),
            ("runs", "20"),
        ] {
            assert_eq!(value(&given, name), expected, "{name}");
        }
        let given = with_file(
            "hedgerow --json sim whitelist --file x",
            "per_exchange = 1\nfull = true",
        )
        .unwrap();
        assert_eq!(
            (value(&given, "per-exchange"), value(&given, "full")),
            ("1".into(), "yes".into())
        );
    }

    #[test]
    fn what_a_file_says_wrongly_is_refused_in_a_sentence_that_names_it() {
        let refused = |text: &str| with_file("hedgerow sim popularity", text).unwrap_err();
        let unknown = refused("liers = 0.3");
        assert!(
            unknown
                .starts_with("params.toml names `liers`, which is no parameter of `sim popularity`; there are widgets")
        );
        assert!(refused("liars = [1]").contains("`liars` must be a number or a text"));
        assert!(refused("liars = ").starts_with("params.toml is no TOML"));
        assert!(refused("liars = 'many'").starts_with("params.toml: invalid value 'many' for '--liars"));
        assert!(refused("file = 'other'").contains("no parameter"));
        let full = with_file("hedgerow sim whitelist", "full = 1").unwrap_err();
        assert_eq!(full, "params.toml: `full` is true or false");
    }

    #[test]
    fn the_command_of_a_report_does_the_same_again() {
        let typed: Vec<OsString> = "hedgerow sim eclipse --file params.toml --report r.html"
            .split(' ')
            .map(Into::into)
            .collect();
        let (_, given) = Given::with_file(&typed, "hostile = 0.2\nseed = 4", "params.toml").unwrap();
        assert_eq!(given.command, "hedgerow sim eclipse --hostile 0.2 --seed 4");
        assert!(given.parameters.contains(&("peers".to_owned(), "300".to_owned())));
    }

    #[test]
    fn every_scenario_has_a_seed_and_no_parameter_is_called_like_the_flags_of_all() {
        let cli = Cli::command();
        let sim = cli.find_subcommand("sim").unwrap();
        for scenario in sim.get_subcommands() {
            let names: Vec<_> = arguments_of(scenario.get_name())
                .iter()
                .map(|a| name(a).to_owned())
                .collect();
            assert!(names.contains(&"seed".to_owned()), "{}", scenario.get_name());
            assert!(
                !names.iter().any(|name| name == "file" || name == "report"),
                "{}",
                scenario.get_name()
            );
        }
    }
}
