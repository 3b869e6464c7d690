//! Network namespaces: made, entered, emptied and deleted. Their names say which process made them, so that several
//! labs run at once and what a dead one left is found.

use anyhow::{Context, Result, bail};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    env,
    fs::{self, File},
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

/// What the names of all labs' namespaces and folders begin with.
const MARK: &str = "hedgerow-lab";
/// Where named namespaces are.
const SPACES: &str = "/run/netns";

static NEXT: AtomicU32 = AtomicU32::new(0);
static CLOSED: AtomicBool = AtomicBool::new(false);

/// A network namespace. It and every process in it end with this value.
#[derive(Debug)]
pub struct Space {
    name: String,
    file: File,
}

impl Space {
    /// Makes an empty namespace with `lo` up and without IPv6. The word is for people who look at the list.
    pub fn new(word: &str) -> Result<Self> {
        if CLOSED.load(Ordering::SeqCst) {
            bail!("the lab is being taken down");
        }
        let name = format!("{}-{}-{word}", own_mark()?, NEXT.fetch_add(1, Ordering::SeqCst));
        ip(&["netns", "add", &name], "")?;
        let file = File::open(PathBuf::from(SPACES).join(&name)).context("a new namespace cannot be opened")?;
        let space = Self { name, file };
        for family in ["all", "default"] {
            // A kernel without IPv6 has nothing to switch off.
            let _ = space.set(&format!("net/ipv6/conf/{family}/disable_ipv6"), "1");
            space.set(&format!("net/ipv4/conf/{family}/rp_filter"), "0")?;
        }
        space.ip("link set lo up")?;
        Ok(space)
    }

    /// The name that `ip netns` knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does something inside, in a thread of its own: sockets and processes made there stay inside.
    pub fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.file, CloneFlags::CLONE_NEWNET).context("a namespace cannot be entered")?;
                Ok(act())
            });
            match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Starts a program inside.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.enter(|| command.spawn())?
            .with_context(|| format!("{program} cannot be started"))
    }

    /// Sets a kernel parameter of this namespace, by its path below `/proc/sys`.
    pub fn set(&self, parameter: &str, value: &str) -> Result<()> {
        let path = PathBuf::from("/proc/sys").join(parameter);
        self.enter(|| fs::write(&path, value))?
            .with_context(|| format!("{} cannot be set", path.display()))
    }

    /// Switches IPv6 on, with addresses that are given and none that are made up.
    pub fn speak_six(&self) -> Result<()> {
        for family in ["default", "all"] {
            for (parameter, value) in [("accept_ra", "0"), ("accept_dad", "0"), ("disable_ipv6", "0")] {
                self.set(&format!("net/ipv6/conf/{family}/{parameter}"), value)
                    .context("this kernel has no IPv6")?;
            }
        }
        Ok(())
    }

    /// Runs lines of `ip` inside.
    pub fn ip(&self, lines: &str) -> Result<()> {
        ip(&["-n", &self.name, "-batch", "-"], lines)
    }

    /// Replaces the rules of nftables inside.
    pub fn nft(&self, rules: &str) -> Result<()> {
        let rules = format!("flush ruleset\n{rules}");
        self.enter(|| feed("nft", &["-f", "-"], &rules))?
    }

    /// Ends every process inside.
    pub fn kill(&self) {
        if let Ok(meta) = self.file.metadata() {
            kill_inside(meta.ino());
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.kill();
        let _ = ip(&["netns", "delete", &self.name], "");
    }
}

/// A folder of this process for what its nodes write; one for each call. The next sweep removes what is left.
pub fn folder(word: &str) -> Result<PathBuf> {
    let path = own_folder()?.join(format!("{}-{word}", NEXT.fetch_add(1, Ordering::SeqCst)));
    fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(path)
}

/// Removes the namespaces, processes and folders of labs whose process is dead.
pub fn sweep() {
    sweep_where(|mark| !is_alive(mark));
}

/// Removes everything of this process, and lets it make nothing new.
pub fn close() {
    CLOSED.store(true, Ordering::SeqCst);
    if let Ok(own) = own_mark() {
        let ours = |mark: &str| format!("{MARK}-{mark}") == own;
        sweep_where(ours);
    }
}

/// Says in a sentence what is missing to make a lab, if anything is.
pub fn ready() -> Result<()> {
    if !is_privileged() {
        bail!(
            "the lab makes network namespaces, for which it needs the rights of root (CAP_NET_ADMIN and \
             CAP_SYS_ADMIN) or user namespaces with the program unshare; run it as root, or install util-linux and \
             allow user namespaces"
        );
    }
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables")] {
        if !is_installed(program) {
            bail!("the program {program} is missing; install the package {package}, or add its folder to PATH");
        }
    }
    Ok(())
}

/// Without the rights of root, starts this program again as root of namespaces of its own, where the kernel allows
/// that. Returns if there is nothing to do or it cannot be done; [`ready`] then says what is missing.
pub fn become_root() -> Result<()> {
    const INSIDE: &str = "HEDGEROW_LAB_INSIDE";
    if is_privileged() || env::var_os(INSIDE).is_some() || !is_installed("unshare") {
        return Ok(());
    }
    let spaces = [
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(spaces).args(arguments);
        command
    };
    let allowed = unshare(&["true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    // Named namespaces are files below /run, which belongs to the machine's own root. Folders go there too: process
    // numbers are others outside, so a lab out there would take this one for dead and remove them.
    let script = "mount -t tmpfs tmpfs /run && mkdir /run/tmp && TMPDIR=/run/tmp exec \"$0\" \"$@\"";
    let program = env::current_exe().context("the lab does not know where it is")?;
    let error = unshare(&["sh", "-c", script])
        .arg(program)
        .args(env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("unshare cannot be started")
}

/// Whether this process may make namespaces and interfaces.
fn is_privileged() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .unwrap_or_default();
    let bits = u64::from_str_radix(effective.trim(), 16).unwrap_or(0);
    let (net_admin, sys_admin) = (1 << 12, 1 << 21);
    bits & net_admin != 0 && bits & sys_admin != 0
}

fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn ip(arguments: &[&str], input: &str) -> Result<()> {
    feed("ip", arguments, input)
}

/// Runs a program to its end with a text as its input.
fn feed(program: &str, arguments: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be started"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why on its standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {} failed: {}\n{input}", arguments.join(" "), said.trim());
    }
    Ok(())
}

/// `hedgerow-lab-<process>.<its start>`: a process number alone may be another's tomorrow.
fn own_mark() -> Result<String> {
    let pid = std::process::id();
    let start = start_of(pid).context("/proc does not know this process")?;
    Ok(format!("{MARK}-{pid}.{start}"))
}

fn own_folder() -> Result<PathBuf> {
    Ok(env::temp_dir().join(own_mark()?))
}

/// When a process started, in the kernel's ticks.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// The `<process>.<its start>` in the name of a namespace or folder.
fn mark_of(name: &str) -> Option<&str> {
    name.strip_prefix(MARK)?.strip_prefix('-')?.split('-').next()
}

fn is_alive(mark: &str) -> bool {
    let Some((pid, start)) = mark.split_once('.') else {
        return true;
    };
    match (pid.parse(), start.parse()) {
        (Ok(pid), Ok(start)) => start_of(pid) == Some(start),
        _ => true,
    }
}

fn sweep_where(gone: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(SPACES).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if mark_of(&name).is_some_and(&gone) {
            if let Ok(meta) = fs::metadata(entry.path()) {
                kill_inside(meta.ino());
            }
            let _ = ip(&["netns", "delete", &name], "");
        }
    }
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        if mark_of(&entry.file_name().to_string_lossy()).is_some_and(&gone) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Ends every process whose network namespace has this inode: those of a lab are all started by it.
fn kill_inside(inode: u64) {
    let wanted = PathBuf::from(format!("net:[{inode}]"));
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let inside = fs::read_link(entry.path().join("ns/net")).is_ok_and(|space| space == wanted);
        if inside && pid.unsigned_abs() != std::process::id() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_its_maker_lives() {
        let own = own_mark().unwrap();
        let mark = mark_of(&own).unwrap();
        assert!(is_alive(mark));
        assert_eq!(mark_of(&format!("{own}-7-router")), Some(mark));
        let (pid, start) = mark.split_once('.').unwrap();
        let another = start.parse::<u64>().unwrap() + 1;
        assert!(!is_alive(&format!("{pid}.{another}")));
    }

    #[test]
    fn what_no_lab_made_is_never_swept() {
        assert_eq!(mark_of("somebody-elses"), None);
        assert!(is_alive("hand-made"));
        assert!(is_alive("x.y"));
    }
}
