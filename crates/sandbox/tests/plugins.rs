//! Plugins as real processes: what they start with, how they end, and that nothing of them stays (O2).
#![allow(clippy::unwrap_used, reason = "a failing test may end")]
#![cfg(target_os = "linux")]

use hedgerow_api::Permission;
use hedgerow_sandbox::plugin::{Manifest, PluginError, Settings, State, Status, Supervisor};
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

struct World {
    plugins: Supervisor,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (plugins, _) = Supervisor::new(Settings {
            plugins: at("plugins"),
            logs: at("logs"),
            tokens: at("tokens"),
            guard: vec![env!("CARGO_BIN_EXE_hedgerow-guard").into()],
        });
        plugins.serve("/the/api.sock".into(), None);
        Self { plugins, folder }
    }

    /// A plugin that runs this shell script.
    fn script(&self, name: &str, script: &str, more: &str) -> Manifest {
        let folder = self.home(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("run.sh"), script).unwrap();
        let toml = format!("name = \"{name}\"\nversion = \"1\"\ncommand = [\"sh\", \"run.sh\"]\n{more}\n");
        fs::write(folder.join("plugin.toml"), toml).unwrap();
        self.plugins.find(name).unwrap().manifest.unwrap()
    }

    fn home(&self, name: &str) -> PathBuf {
        self.plugins.settings().folder(name)
    }

    async fn start(&self, manifest: Manifest) -> Result<(), PluginError> {
        self.plugins.start(manifest, vec![Permission::Node]).await
    }

    fn status(&self, name: &str) -> Status {
        self.plugins.status(name).unwrap()
    }

    fn output(&self, name: &str) -> Vec<String> {
        let lines = self.plugins.logs(name, 1000).unwrap();
        lines
            .into_iter()
            .filter(|l| l.source != "node")
            .map(|l| l.text)
            .collect()
    }

    async fn says(&self, name: &str, text: &str) {
        until(text, || self.output(name).iter().any(|line| line == text)).await;
    }
}

/// Waits for something that comes for sure.
async fn until(what: &str, check: impl Fn() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn pid_in(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[tokio::test]
async fn a_plugin_gets_its_token_by_a_file_that_only_the_owner_reads() {
    let world = World::new();
    let manifest = world.script("clock", "env; echo \"args $0 $*\"; echo ready; exec sleep 100", "");
    world.start(manifest).await.unwrap();
    world.says("clock", "ready").await;
    let pid = world.status("clock").pid.unwrap();
    let file = world.folder.path().join("tokens/clock.token");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap();
    let output = world.output("clock").join("\n");
    assert!(output.contains("HEDGEROW_API=/the/api.sock"));
    assert!(output.contains(&format!("HEDGEROW_TOKEN_FILE={}", file.display())));
    assert!(!output.contains(&token), "only the path is handed over");
    for name in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token));
    }
    let session = world.plugins.session(&token).expect("it counts");
    assert_eq!(
        (&*session.name, &*session.granted),
        ("clock", [Permission::Node].as_slice())
    );
    assert!(world.plugins.session("").is_none() && world.plugins.session(&token[1..]).is_none());

    world.plugins.stop("clock").await;
    assert!(!session.is_alive() && world.plugins.session(&token).is_none() && !file.exists());
    assert!(!lives(pid));
    world
        .start(world.plugins.find("clock").unwrap().manifest.unwrap())
        .await
        .unwrap();
    assert_ne!(fs::read_to_string(&file).unwrap(), token, "each start has its own");
    world.plugins.shutdown().await;
    let again = world
        .start(world.plugins.find("clock").unwrap().manifest.unwrap())
        .await;
    assert_eq!(again, Err(PluginError::Ending));
}

#[tokio::test]
async fn variables_of_the_node_are_not_passed_on() {
    let world = World::new();
    world
        .start(world.script("spy", "env; echo done", "[environment]\nMODE = \"fast\""))
        .await
        .unwrap();
    world.says("spy", "done").await;
    let names: Vec<_> = world
        .output("spy")
        .iter()
        .filter_map(|l| Some(l.split_once('=')?.0.to_owned()))
        .collect();
    assert!(names.contains(&"MODE".to_owned()));
    assert!(
        names
            .iter()
            .all(|n| !n.starts_with("CARGO") && !n.starts_with("NEXTEST")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_crash_loop_is_held_with_a_reason() {
    let world = World::new();
    world
        .start(world.script("crash", "echo boom >&2; exit 3", ""))
        .await
        .unwrap();
    until("held", || world.status("crash").state == State::Held).await;
    let status = world.status("crash");
    assert_eq!(status.restarts, 5);
    assert_eq!(status.last_exit.as_deref(), Some("exit code 3"));
    assert!(status.why.unwrap().contains("6 times in a row"));
    assert_eq!(world.output("crash"), ["boom"; 6]);
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_held_at_once() {
    let world = World::new();
    let manifest = world.script("gone", "", "");
    let toml = fs::read_to_string(world.home("gone").join("plugin.toml")).unwrap();
    fs::write(
        world.home("gone").join("plugin.toml"),
        toml.replace("\"sh\"", "\"no-such-program\""),
    )
    .unwrap();
    let changed = world.start(manifest).await.unwrap_err().to_string();
    assert!(changed.contains("changed since it was allowed"), "{changed}");
    assert_eq!(world.status("gone").state, State::Changed);
    let why = world
        .start(world.plugins.find("gone").unwrap().manifest.unwrap())
        .await
        .unwrap_err();
    assert!(
        why.to_string()
            .contains("\"no-such-program\" cannot be run: No such file"),
        "{why}"
    );
    assert_eq!(world.status("gone").state, State::Held);
}

#[tokio::test]
async fn everything_that_it_started_ends_with_it() {
    let world = World::new();
    // One in its own session that ignores the polite signal, and one whose parent is gone.
    let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM HUP; echo $$ > a; while :; do sleep 1; done' &\n\
                  (sh -c 'echo $$ > b; exec sleep 100' &)\necho ready; while :; do sleep 1; done";
    world.start(world.script("forks", script, "")).await.unwrap();
    world.says("forks", "ready").await;
    let files = ["a", "b"].map(|name| world.home("forks").join(name));
    until("both run", || files.iter().all(|f| pid_in(f).is_some())).await;
    let pids = files.map(|file| pid_in(&file).unwrap());
    assert!(pids.iter().all(|pid| lives(*pid)));
    let usage = world.plugins.find("forks").unwrap().usage.unwrap();
    assert!(usage.processes >= 3 && usage.memory_bytes > 100_000, "{usage:?}");
    let began = Instant::now();
    world.plugins.stop("forks").await;
    assert!(began.elapsed() >= Duration::from_millis(1900), "it had its grace");
    assert!(pids.iter().all(|pid| !lives(*pid)));
    assert_eq!(world.status("forks").state, State::Stopped);
}

#[tokio::test]
async fn what_a_plugin_leaves_behind_ends_when_it_does() {
    let world = World::new();
    let script = "(setsid sh -c 'echo $$ > left; exec sleep 100' &)\nwhile [ ! -s left ]; do sleep 0.01; done; exit 0";
    world.start(world.script("daemon", script, "")).await.unwrap();
    until("stopped", || world.status("daemon").state == State::Stopped).await;
    assert!(!lives(pid_in(&world.home("daemon").join("left")).unwrap()));
}

#[tokio::test]
async fn a_fork_bomb_is_swept_away() {
    let world = World::new();
    // Bounded, so that a failing test does not take the machine: each generation starts two, to a depth of seven.
    let script = "bomb() { [ $1 -gt 0 ] && { sh run.sh $(($1 - 1)) & sh run.sh $(($1 - 1)) & }; }\n\
                  bomb ${1:-7}; [ -z \"$1\" ] && echo ready; trap '' TERM; sleep 100";
    world.start(world.script("bomb", script, "")).await.unwrap();
    world.says("bomb", "ready").await;
    until("many", || {
        world
            .plugins
            .find("bomb")
            .unwrap()
            .usage
            .is_some_and(|u| u.processes > 100)
    })
    .await;
    world.plugins.stop("bomb").await;
    let home = world.home("bomb").canonicalize().unwrap();
    let left = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == home));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_killed_guard_takes_its_plugin_along() {
    let world = World::new();
    world
        .start(world.script("orphan", "echo ready; exec sleep 100", "restart = \"never\""))
        .await
        .unwrap();
    world.says("orphan", "ready").await;
    let pid = world.status("orphan").pid.unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let guard: i32 = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let guard = rustix::process::Pid::from_raw(guard).unwrap();
    rustix::process::kill_process(guard, rustix::process::Signal::KILL).unwrap();
    until("the plugin is gone", || !lives(pid)).await;
    until("stopped", || world.status("orphan").state.is_over()).await;
    assert_eq!(
        world.status("orphan").last_exit.as_deref(),
        Some("its guard was killed")
    );
}

#[tokio::test]
async fn a_flood_of_output_is_slowed_down_and_bounded() {
    let world = World::new();
    world
        .start(world.script("flood", "exec yes 'all work and no play'", ""))
        .await
        .unwrap();
    until("a lot", || world.plugins.find("flood").unwrap().log_bytes > 900_000).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = world.plugins.find("flood").unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = world.plugins.find("flood").unwrap();
    assert!(after.log_bytes - before.log_bytes < 100_000, "32 KiB a second");
    let cpu = after.usage.unwrap().cpu_ms - before.usage.unwrap().cpu_ms;
    assert!(cpu < 200, "it waits on its own pipe instead of working: {cpu} ms");
    world.plugins.stop("flood").await;
    assert!(world.plugins.find("flood").unwrap().log_bytes < 2_200_000);
}

#[tokio::test]
async fn a_folder_cannot_claim_the_name_of_another() {
    let world = World::new();
    world.script("clock", "", "");
    fs::create_dir_all(world.home("other")).unwrap();
    fs::copy(world.home("clock").join("plugin.toml"), world.home("other/plugin.toml")).unwrap();
    let other = world.plugins.find("other").unwrap();
    assert!(other.manifest.unwrap_err().to_string().contains("says \"clock\""));
    std::os::unix::fs::symlink(world.home("clock"), world.home("linked")).unwrap();
    assert!(world.plugins.find("linked").is_err(), "a link is no plugin");
    for name in ["..", ".", "", "../plugins/clock", "nobody"] {
        assert!(world.plugins.find(name).is_err(), "{name:?}");
    }
    let names: Vec<_> = world.plugins.list().into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["clock", "other"]);
}

#[tokio::test]
async fn attack_38_a_fenced_plugin_writes_only_its_data_and_reaches_no_port() {
    if let Some(why) = hedgerow_sandbox::plugin::fence::missing() {
        let world = World::new();
        let error = world
            .start(world.script("box", "echo in", "sandbox = true"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(&why), "refused rather than run unfenced");
        return;
    }
    let world = World::new();
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "the owner's").unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let script = format!(
        "cat {} 2>/dev/null && echo read; echo x > {} 2>/dev/null && echo wrote\n\
         echo x > run.sh.new 2>/dev/null && echo own; echo x > data/kept && echo kept\n\
         cat \"$HEDGEROW_TOKEN_FILE\" > /dev/null && echo token; kill -0 $PPID 2>/dev/null && echo signal\n\
         bash -c 'echo > /dev/tcp/127.0.0.1/{port}' 2>/dev/null && echo reached\necho ready",
        secret.display(),
        world.folder.path().join("new").display(),
    );
    world
        .start(world.script("box", &script, "sandbox = true"))
        .await
        .unwrap();
    world.says("box", "ready").await;
    let is_word = |line: &String| !line.contains(':');
    let done: Vec<_> = world.output("box").into_iter().filter(is_word).collect();
    assert_eq!(done, ["kept", "token", "ready"]);
    // The same outside shows that the script can do all that.
    world.start(world.script("free", &script, "")).await.unwrap();
    world.says("free", "ready").await;
    let free = world.output("free").join(" ");
    for word in ["read", "wrote", "own", "kept", "token", "signal", "reached"] {
        assert!(free.contains(word), "{word}: {free}");
    }
    assert_eq!(fs::metadata(&secret).unwrap().size(), 11);
}
