//! The program as scripts see it: exit codes, the one line of an error, shapes of results. The node on the other
//! side of these tests is a small HTTP server with prepared answers; a whole node is met in the end-to-end tests.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod prepared;

use prepared::Prepared;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn hedgerow(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hedgerow"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_remove("HEDGEROW_PASSPHRASE")
        .env_remove("HEDGEROW_BACKUP_PASSPHRASE")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// The one line of JSON of a command that succeeded.
fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    let text = printed(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn without_a_node_one_line_says_so_and_what_to_do() {
    let data = tempfile::tempdir().expect("folder");
    let output = hedgerow(data.path(), &["status"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(printed(&output), "");
    let expected = format!(
        "hedgerow: no node is running on {}; start one with `hedgerow up`\n",
        data.path().display()
    );
    assert_eq!(said(&output), expected);
}

#[test]
fn a_program_gets_errors_as_one_object() {
    let data = tempfile::tempdir().expect("folder");
    let output = hedgerow(data.path(), &["status", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_str(&printed(&output)).expect("JSON");
    assert_eq!(error["error"]["code"], "unreachable");
    assert!(
        error["error"]["message"]
            .as_str()
            .expect("text")
            .contains("hedgerow up")
    );
}

#[test]
fn a_token_file_left_by_a_killed_node_counts_as_no_node() {
    let data = tempfile::tempdir().expect("folder");
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        listener.local_addr().expect("address").port()
    };
    fs::write(
        data.path().join("api.json"),
        json!({"port": gone, "token": "t", "pid": 1}).to_string(),
    )
    .expect("written");
    let output = hedgerow(data.path(), &["peers"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no node is running"), "{}", said(&output));
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let data = tempfile::tempdir().expect("folder");
    for arguments in [
        &["plant"][..],
        &["connect"],
        &["up", "--listen", "0.0.0.0:4400"],
        &["instance", "add", "u", "--space", "everybody"],
        &["call", "a.b", "{"],
    ] {
        assert_eq!(hedgerow(data.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn status_is_the_answer_of_the_node_and_carries_the_token() {
    let node = Prepared::start(&[(
        "node.status",
        json!({"result": {
            "node": "n", "user": "u", "version": "0.1.0", "hub": "http://hub.localhost:1/", "peers": 2,
        }}),
    )]);
    let status = answer(&hedgerow(node.data(), &["status", "--json"]));
    assert_eq!(status["peers"], 2);
    assert_eq!(status["hub"], "http://hub.localhost:1/");
    assert_eq!(node.heard()[0].authorization, "Bearer prepared");
    let text = printed(&hedgerow(node.data(), &["status"]));
    assert!(text.contains("dashboard  http://hub.localhost:1/"), "{text}");
}

#[test]
fn only_connected_peers_are_listed_unless_all_are_asked_for() {
    let peers = json!({"result": [
        {"node": "a", "path": "none", "rtt_ms": null},
        {"node": "b", "path": "direct", "rtt_ms": 12.5},
    ]});
    let node = Prepared::start(&[("peers.list", peers)]);
    let connected = answer(&hedgerow(node.data(), &["peers", "--json"]));
    assert_eq!(connected, json!([{"node": "b", "path": "direct", "rtt_ms": 12.5}]));
    let all = answer(&hedgerow(node.data(), &["peers", "--json", "--all"]));
    assert_eq!(all[0]["node"], "b");
    assert_eq!(all[1]["node"], "a");
}

#[test]
fn a_refusal_of_the_node_keeps_its_code_and_its_sentence() {
    let node = Prepared::start(&[(
        "widget.show",
        json!({"error": {"code": 2, "message": "there is no widget x"}}),
    )]);
    let output = hedgerow(node.data(), &["widget", "show", "x", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = json!({"error": {"code": "not_found", "message": "there is no widget x"}});
    assert_eq!(
        serde_json::from_str::<Value>(&printed(&output)).expect("JSON"),
        expected
    );
    assert_eq!(said(&output), "hedgerow: there is no widget x\n");
}

#[test]
fn publishing_uploads_the_file_and_names_it() {
    let node = Prepared::start(&[(
        "widget.publish",
        json!({"result": {"uuid": "w", "version": "1.0.0", "release": "r", "name": "Poll"}}),
    )]);
    let file = node.data().join("poll.xdc");
    fs::write(&file, b"not checked here").expect("written");
    let path = file.to_str().expect("text");
    let published = answer(&hedgerow(
        node.data(),
        &[
            "widget",
            "publish",
            path,
            "--license",
            "MIT",
            "--version",
            "1.0.0",
            "--json",
        ],
    ));
    assert_eq!(
        published,
        json!({"uuid": "w", "version": "1.0.0", "release": "r", "name": "Poll"})
    );
    let heard = node.heard();
    assert_eq!(heard[0].path, "/api/packages");
    assert_eq!(heard[0].body, b"not checked here");
    let call: Value = serde_json::from_slice(&heard[1].body).expect("JSON");
    let expected = json!({"package": "kept", "file_name": "poll.xdc", "license": "MIT", "version": "1.0.0"});
    assert_eq!(call["params"], expected);
}

#[test]
fn installing_takes_a_uuid_or_a_file_and_nothing_else() {
    let uuid = "0b0e7a9c-5d2c-8f3e-9a01-0123456789ab";
    let node = Prepared::start(&[(
        "widget.install",
        json!({"result": {"uuid": uuid, "version": "1.0.0", "name": "Poll"}}),
    )]);
    let installed = answer(&hedgerow(node.data(), &["widget", "install", uuid, "--json"]));
    assert_eq!(installed["uuid"], uuid);
    let call: Value = serde_json::from_slice(&node.heard()[0].body).expect("JSON");
    assert_eq!(call["params"], json!({"uuid": uuid}));
    let output = hedgerow(node.data(), &["widget", "install", "no-such-file.xdc"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("neither"), "{}", said(&output));
}

#[test]
fn invitations_and_tickets_leave_the_pictures_out() {
    let node = Prepared::start(&[
        (
            "node.ticket",
            json!({"result": {"ticket": "hedge1x", "qr_svg": "<svg/>"}}),
        ),
        (
            "instance.invite",
            json!({"result": {"invite": "hedgeinvite1x", "link": "l", "qr_svg": "<svg/>"}}),
        ),
        (
            "instance.join",
            json!({"result": {"instance": "i", "origin": "o", "name": "Poll", "space": "invited"}}),
        ),
    ]);
    assert_eq!(
        answer(&hedgerow(node.data(), &["ticket", "--json"])),
        json!({"ticket": "hedge1x"})
    );
    assert_eq!(printed(&hedgerow(node.data(), &["ticket"])), "hedge1x\n");
    assert_eq!(
        printed(&hedgerow(node.data(), &["instance", "invite", "i"])),
        "hedgeinvite1x\n"
    );
    let joined = answer(&hedgerow(node.data(), &["instance", "join", "hedgeinvite1x", "--json"]));
    assert_eq!((&joined["instance"], &joined["origin"]), (&json!("i"), &json!("o")));
}

#[test]
fn an_answer_that_is_not_ours_is_no_success() {
    let node = Prepared::start(&[("node.status", json!({"hello": "world"}))]);
    assert_eq!(hedgerow(node.data(), &["status"]).status.code(), Some(1));
}

#[test]
fn a_new_widget_packs_as_it_is_and_an_existing_folder_is_left_alone() {
    let place = tempfile::tempdir().expect("folder");
    let dir = place.path().join("garden");
    let file = place.path().join("garden.xdc");
    let (dir, file) = (dir.to_str().expect("text"), file.to_str().expect("text"));
    let made = answer(&hedgerow(place.path(), &["widget", "new", dir, "--json"]));
    assert_eq!(made["name"], "garden");
    answer(&hedgerow(place.path(), &["widget", "pack", dir, "-o", file, "--json"]));
    assert!(fs::metadata(file).expect("packed").len() > 0);
    let again = hedgerow(place.path(), &["widget", "new", dir]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("not empty"), "{}", said(&again));
}

#[test]
fn a_folder_without_a_page_is_not_packed() {
    let place = tempfile::tempdir().expect("folder");
    let output = hedgerow(place.path(), &["widget", "pack", place.path().to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("index.html"), "{}", said(&output));
}

#[test]
fn a_port_in_use_is_said_with_the_next_step() {
    let data = tempfile::tempdir().expect("folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("address").to_string();
    let output = hedgerow(data.path(), &["up", "--no-browser", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--listen 127.0.0.1:0"), "{}", said(&output));
    assert!(!data.path().join("identity.key").exists(), "nothing was made");
}
