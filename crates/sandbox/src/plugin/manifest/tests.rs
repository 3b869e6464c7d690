use super::*;

const GOOD: &str = "name = \"clock\"\nversion = \"1.0\"\ncommand = [\"python3\", \"clock.py\"]\n";

fn refused(text: &str) -> String {
    Manifest::parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn a_small_manifest_is_enough_and_the_rest_is_off() {
    let clock = Manifest::parse(GOOD.as_bytes()).unwrap();
    assert_eq!((clock.name.as_str(), clock.command.len()), ("clock", 2));
    assert!(!clock.autostart && !clock.sandbox && clock.permissions.is_empty());
    assert_eq!(clock.restart, Restart::OnFailure);
}

#[test]
fn every_change_of_the_file_changes_the_hash() {
    let first = Manifest::parse(GOOD.as_bytes()).unwrap();
    let spaced = Manifest::parse(format!("{GOOD}\n").as_bytes()).unwrap();
    assert_eq!(first.hash.len(), 64);
    assert_ne!(first.hash, spaced.hash);
}

#[test]
fn names_that_could_leave_the_folder_are_refused() {
    for name in [
        "",
        ".",
        "..",
        "../evil",
        "a/b",
        "a\\\\b",
        "Clock",
        "clock ",
        "cl.ock",
        "-clock",
        "1clock",
        "con",
        "clöck",
        "a\\u0000b",
        &"a".repeat(41),
    ] {
        let text = GOOD.replace("\"clock\"", &format!("\"{name}\""));
        assert!(refused(&text).contains("name"), "{name}");
    }
}

#[test]
fn unknown_keys_and_permissions_are_refused_by_name() {
    assert!(refused(&format!("{GOOD}autostrat = true")).contains("autostrat"));
    assert!(refused(&format!("{GOOD}permissions = [{{name = \"root\", reason = \"r\"}}]")).contains("root"));
    assert!(refused(&format!("{GOOD}permissions = [{{name = \"node\"}}]")).contains("reason"));
    assert!(refused(&format!("{GOOD}permissions = [{{name = \"node\", reason = \" \"}}]")).contains("reason"));
    let twice = "permissions = [{name = \"node\", reason = \"a\"}, {name = \"node\", reason = \"b\"}]";
    assert!(refused(&format!("{GOOD}{twice}")).contains("twice"));
    assert!(refused(&format!("{GOOD}restart = \"sometimes\"")).contains("sometimes"));
}

#[test]
fn a_validator_is_a_file_of_the_folder_and_stands_in_the_rules_with_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{GOOD}[messages]\nvalidator = \"filters/a.wasm\"");
    std::fs::write(folder.path().join(FILE), &text).unwrap();
    let read = || Manifest::read(folder.path()).map_err(|e| e.to_string());
    assert!(read().unwrap_err().contains("not among the files"));
    let filters = folder.path().join("filters");
    std::fs::create_dir_all(filters.join("a.wasm")).unwrap();
    assert!(read().unwrap_err().contains("it is no file"));
    std::fs::remove_dir(filters.join("a.wasm")).unwrap();
    let file = filters.join("a.wasm");
    std::fs::write(&file, vec![0; MAX_PROGRAM + 1]).unwrap();
    assert!(read().unwrap_err().contains("too large"));
    let bytes = wat::parse_str(include_str!("../../../../../examples/validator/digit.wat")).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let found = read().unwrap();
    let digest = data_encoding::HEXLOWER.encode(&found.program.unwrap().digest());
    assert_eq!(found.messages.unwrap().validator, Some(digest));
    let outside = text.replace("filters/a", "../a");
    std::fs::write(folder.path().join(FILE), outside).unwrap();
    assert!(read().unwrap_err().contains("without `..`"));
    assert!(refused(&format!("{GOOD}[messages]\nvalidator = \"a.wasm\"\nmax_bytes = 0")).contains("max_bytes"));
}

#[test]
fn secrets_and_what_changes_the_loader_do_not_go_into_the_environment() {
    for (name, why) in [
        ("API_TOKEN", "secret"),
        ("MY_API_KEY", "secret"),
        ("DB_PASSWORD", "secret"),
        ("HEDGEROW_API", "not for plugins"),
        ("LD_PRELOAD", "not for plugins"),
        ("PATH", "not for plugins"),
        ("lower", "no name"),
        ("1A", "no name"),
    ] {
        let text = format!("{GOOD}[environment]\n{name} = \"x\"");
        assert!(refused(&text).contains(why), "{name}: {}", refused(&text));
    }
    let good = Manifest::parse(format!("{GOOD}[environment]\nMODE = \"fast\"").as_bytes()).unwrap();
    assert_eq!(good.environment.get("MODE").map(String::as_str), Some("fast"));
}

#[test]
fn commands_and_sizes_are_bounded() {
    assert!(refused(&GOOD.replace("[\"python3\", \"clock.py\"]", "[]")).contains("command"));
    assert!(refused(&GOOD.replace("\"clock.py\"", "\"a\\u0000b\"")).contains("zero"));
    assert!(refused(&GOOD.replace("\"clock.py\"", &format!("\"{}\"", "x".repeat(5000)))).contains("command"));
    assert!(refused(&format!("{GOOD}#{}", "x".repeat(70_000))).contains("larger"));
    assert!(Manifest::parse(&[0xff, 0xfe]).is_err());
    let nested = format!("{GOOD}x = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(!refused(&nested).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_in_the_place_of_the_file_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join(FILE), mode).unwrap();
    assert!(
        Manifest::read(folder.path())
            .unwrap_err()
            .to_string()
            .contains("no file")
    );
}
