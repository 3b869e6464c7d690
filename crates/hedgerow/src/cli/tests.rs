use super::{
    args::{Cli, Command, Instance, Widget, widgets::Space},
    client::{ApiFile, Client},
    folder, output, place,
    widget::looks_like_uuid,
};
use clap::{CommandFactory, Parser, error::ErrorKind};
use serde_json::json;
use std::{fs, path::PathBuf};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("hedgerow").chain(line.split_whitespace()))
}

#[test]
fn the_command_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_about_what_widgets_may_do_are_understood() {
    for line in [
        "grant list",
        "grant list abc",
        "grant allow abc peers --while-open --anyway",
        "grant deny abc web --never",
        "grant revoke abc",
        "grant revoke abc peers",
        "grant policy --trusted peers,notifications --strangers none",
        "component list",
        "component logs abc -n 5",
        "component restart abc",
    ] {
        let words = ["hedgerow", "--json", "--data", "x"].into_iter().chain(line.split(' '));
        assert!(Cli::try_parse_from(words).is_ok(), "{line}");
    }
}

#[test]
fn every_promised_command_is_understood_with_json_and_data() {
    let lines = [
        "up --listen 127.0.0.1:0 --no-browser --no-lan --peer a --peer b",
        "status",
        "peers",
        "ticket",
        "connect hedge1abc",
        "up --dht-bootstrap 127.0.0.1:6881,node.example:6881 --dht-port 6881 --seed seed.example --seed other.example",
        "up --no-dht --no-lan --no-serve",
        "find 00ff",
        "login",
        "open",
        "open --plain",
        "open --headless --print --browser /usr/bin/chromium",
        "plugin list",
        "plugin add folder",
        "plugin allow clock --permissions node,contacts --yes",
        "plugin revoke clock",
        "plugin start clock",
        "plugin stop clock",
        "plugin restart clock",
        "plugin logs clock -n 10",
        "plugin remove clock",
        "plugin remove --undo clock",
        "audit",
        "audit clock -n 10",
        "widget new dir --name x",
        "widget new dir --component",
        "widget new dir --component=python --name x",
        "widget component core.wasm -o background.wasm",
        "widget pack dir -o file.xdc",
        "widget publish file.xdc --license MIT --version 1.0.0 --name x --uuid y",
        "widget search",
        "widget search two words",
        "widget show u",
        "widget install u",
        "widget update u --accept-permissions",
        "widget rollback u",
        "widget list",
        "widget remove u",
        "instance add u --space invited --name n",
        "instance list",
        "instance invite i",
        "instance join hedgeinvite1abc",
        "instance remove i",
        "instance rename i name",
        "instance members i",
        "instance leave i",
        "call node.status",
        "call widget.show {\"uuid\":1}",
        "backup file",
        "restore file",
        "restore --words",
        "passphrase set",
        "passphrase clear",
        "stop",
        "demo --keep",
        "sim handshake --users 1e9 --seed 7 --vanish 30 --figures f",
    ];
    for line in lines {
        let cli = parse(&format!("{line} --json --data /d")).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(cli.global.json, "{line}");
        assert_eq!(cli.global.data, Some(PathBuf::from("/d")), "{line}");
        assert!(
            parse(&format!("--json --data /d {line}")).is_ok(),
            "options first: {line}"
        );
    }
}

#[test]
fn every_simulation_is_understood_and_shares_may_be_per_cent() {
    for line in [
        "sim popularity --widgets 200 --honest 6000 --liars 0.4 --sybils 10 --misplaced 0.2 --runs 3 --seed 7 --threads 2",
        "sim whitelist --peers 100 --certificates 10 --per-exchange 3 --blackholes 0.4 --seed 7 --method flags",
        "sim epidemic --table demers1 --runs 3",
        "sim speed --peers 100 --threads 1",
        "sim update --peers 100 --hostile 0.4 --away 20 --loss 0.1",
        "sim trust --good 10 --bad 50",
        "sim eclipse --networks 0 --flood 3",
    ] {
        parse(&format!("{line} --json")).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    for wrong in [
        "sim popularity --liars 101",
        "sim whitelist --blackholes -1",
        "sim speed --threads 0",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_dashboard_is_offered_to_this_machine_only() {
    for address in [
        "0.0.0.0:4400",
        "192.168.1.2:4400",
        "[::]:1",
        "127.0.0.9:80",
        "localhost",
        "4400",
    ] {
        let error = parse(&format!("up --listen {address}")).expect_err(address);
        assert_eq!(error.kind(), ErrorKind::ValueValidation, "{address}");
    }
    for address in ["127.0.0.1:0", "127.0.0.1:4400"] {
        assert!(parse(&format!("up --listen {address}")).is_ok(), "{address}");
    }
}

#[test]
fn parameters_that_are_not_json_are_wrong_usage() {
    assert_eq!(
        parse("call a.b {").expect_err("refused").kind(),
        ErrorKind::ValueValidation
    );
}

#[test]
fn restoring_takes_exactly_one_source() {
    assert!(parse("restore").is_err());
    assert!(parse("restore file --words").is_err());
}

#[test]
fn an_instance_is_private_unless_told() {
    let Command::Instance(Instance::Add { space, .. }) = parse("instance add u").expect("parses").command else {
        panic!("another command");
    };
    assert_eq!(space, Space::Private);
}

#[test]
fn the_version_of_a_publication_is_not_the_version_of_the_program() {
    let cli = parse("widget publish f --version 2.0.0").expect("parses");
    let Command::Widget(Widget::Publish(publish)) = cli.command else {
        panic!("another command");
    };
    assert_eq!(publish.release_version.as_deref(), Some("2.0.0"));
}

#[test]
fn a_uuid_is_told_from_a_file_name() {
    assert!(looks_like_uuid("0b0e7a9c-5d2c-8f3e-9a01-0123456789ab"));
    for other in [
        "poll.xdc",
        "./x",
        "0b0e7a9c5d2c8f3e9a010123456789ab",
        "0b0e7a9c-5d2c-8f3e-9a01-0123456789ax",
    ] {
        assert!(!looks_like_uuid(other), "{other}");
    }
}

#[test]
fn text_from_others_cannot_steer_the_terminal() {
    let shown = output::plain("a\u{1b}[2Jb\u{202e}c\rd\ne");
    assert_eq!(shown, "a?[2Jb?c?d e");
}

#[test]
fn tables_align_and_say_something_when_empty() {
    let list = json!([{"a": "short", "b": 1}, {"a": "longer text", "b": null}]);
    let text = output::table(&list, &[("A", "a"), ("B", "b")], "nothing");
    assert_eq!(text, "A            B\nshort        1\nlonger text\n");
    assert_eq!(output::table(&json!([]), &[("A", "a")], "nothing"), "nothing");
}

#[test]
fn sizes_have_units() {
    let sizes = [0, 999, 1_000, 1_001, 999_999, 64 << 20];
    assert_eq!(
        sizes.map(output::size),
        ["0 bytes", "999 bytes", "1 kB", "2 kB", "1000 kB", "67.1 MB"]
    );
}

#[test]
fn the_token_file_is_for_its_owner_only_and_is_removed_by_its_writer_only() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = ApiFile {
        port: 1,
        token: "secret".into(),
        pid: 7,
    };
    file.write(dir.path()).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(ApiFile::path(dir.path()))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    ApiFile { pid: 8, ..file.clone() }.remove(dir.path());
    assert!(ApiFile::path(dir.path()).exists());
    file.remove(dir.path());
    assert!(!ApiFile::path(dir.path()).exists());
    assert!(!Client::is_running(dir.path()));
}

#[test]
fn a_folder_is_read_without_what_does_not_belong_to_the_widget() {
    let dir = tempfile::tempdir().expect("temporary folder");
    for (path, text) in [
        ("index.html", "x"),
        ("js/app.js", "y"),
        (".git/config", "secret"),
        (".env", "secret"),
        ("node_modules/a/b.js", "z"),
        ("target/out", "z"),
        ("old.xdc", "z"),
    ] {
        let target = dir.path().join(path);
        fs::create_dir_all(target.parent().expect("has one")).expect("made");
        fs::write(target, text).expect("written");
    }
    let files = folder::read(dir.path()).expect("read");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["index.html", "js/app.js"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_widget_folder_is_refused() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("data.txt")).expect("linked");
    let error = folder::read(dir.path()).expect_err("refused");
    assert!(error.message.contains("data.txt"), "{}", error.message);
}

#[test]
fn a_data_folder_is_always_absolute() {
    let folder = place::data_folder(Some("some/where".into())).expect("found");
    assert!(folder.is_absolute() && folder.ends_with("some/where"));
}
