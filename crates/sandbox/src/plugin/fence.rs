//! The system's own sandbox around a plugin that asks for it: Landlock, on Linux. Where it is missing such a plugin
//! does not run at all.
//!
//! Inside: reads and runs what belongs to the system and its own folder, writes only its own data, reaches no TCP
//! port unless granted, sends signals to nobody outside. Not fenced by the system: UDP, and CPU and memory.

use super::job::Fence;

/// What a fenced plugin may read and run: programs and libraries of the system, and its configuration.
#[cfg(target_os = "linux")]
const SYSTEM: [&str; 10] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc",
    "/opt",
    "/nix/store",
    "/proc",
];
/// Devices that hold nothing of anybody.
#[cfg(target_os = "linux")]
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Why this machine cannot fence a plugin in, if it cannot.
#[cfg(target_os = "linux")]
pub fn missing() -> Option<String> {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};
    let tried = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V4))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V4)))
        .and_then(|rules| rules.create());
    tried.err().map(|_| {
        "this machine cannot fence plugins in: it needs Linux 6.7 or newer with Landlock switched on".to_owned()
    })
}

/// Why this machine cannot fence a plugin in.
#[cfg(not(target_os = "linux"))]
pub fn missing() -> Option<String> {
    Some("plugins can be fenced in on Linux only".to_owned())
}

/// Fences this process and all that it starts in, for ever.
///
/// # Errors
/// Why not; then nothing may be run.
#[cfg(target_os = "linux")]
pub(super) fn close(fence: &Fence) -> Result<(), String> {
    if let Some(why) = missing() {
        return Err(why);
    }
    match restrict(fence) {
        Ok(true) => Ok(()),
        Ok(false) => Err("the system did not fence it in".into()),
        Err(e) => Err(format!("cannot be fenced in: {e}")),
    }
}

/// Fences this process in with no more than what belongs to the system, where the system can.
#[cfg(target_os = "linux")]
pub(crate) fn close_if_possible() {
    // Where it cannot, the other limits hold alone.
    let _ = close(&Fence {
        write: Vec::new(),
        read: Vec::new(),
        network: false,
        port: None,
    });
}

#[cfg(target_os = "linux")]
fn restrict(fence: &Fence) -> Result<bool, landlock::RulesetError> {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
    };
    let level = ABI::V4;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(level))?;
    if !fence.network {
        rules = rules.handle_access(AccessNet::from_all(level))?;
    }
    let rules = rules
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?;
    let read = AccessFs::from_read(level);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let mut created = rules
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(&fence.read, read))?
        .add_rules(path_beneath_rules(&fence.write, AccessFs::from_all(level)))?;
    if let (false, Some(port)) = (fence.network, fence.port) {
        created = created.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    let status = created.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced && status.no_new_privs)
}

/// Fences this process in.
///
/// # Errors
/// Always: there is no fence here.
#[cfg(not(target_os = "linux"))]
pub(super) fn close(_fence: &Fence) -> Result<(), String> {
    Err(missing().unwrap_or_default())
}
