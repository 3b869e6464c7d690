//! Translating a component into machine code: in a process of its own, because a translator of hostile code may take
//! time and memory without end, or fall over. That process reads the component from its standard input and writes code to
//! its standard output; it opens nothing, and may not.

use super::{
    error::{LoadError, reason},
    limits::Limits,
    machine::config,
};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    process::{ExitCode, Stdio},
    thread,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};
use wasmtime::Engine;

/// What the process says at most.
const MAX_SAID: u64 = 4 << 10;
/// How it says that the component is at fault.
const UNSOUND: u8 = 3;

/// What the program does that translates: `arguments` are those behind its own hidden command.
pub fn child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let numbers = arguments.into_iter().map(|a| a.to_string_lossy().parse());
    let numbers: Result<Vec<u64>, _> = numbers.collect();
    let Ok(&[cpu, memory, code]) = numbers.as_deref() else {
        return say("the node calls this itself", ExitCode::FAILURE);
    };
    if let Err(e) = confine(cpu, memory, code) {
        return say(&e.to_string(), ExitCode::FAILURE);
    }
    let wasm = match read() {
        Ok(wasm) => wasm,
        Err(e) => return say(&e.to_string(), ExitCode::FAILURE),
    };
    let code = Engine::new(&config()).and_then(|engine| engine.precompile_component(&wasm));
    let code = match code {
        Ok(code) => code,
        Err(e) => return say(&reason(&format!("{e:#}")), ExitCode::from(UNSOUND)),
    };
    let mut out = io::stdout().lock();
    match out.write_all(&code).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => say(&e.to_string(), ExitCode::FAILURE),
    }
}

fn say(what: &str, code: ExitCode) -> ExitCode {
    let _ = io::stderr().write_all(what.as_bytes());
    code
}

/// The component; then this process ends as soon as the node closes the pipe or is gone.
fn read() -> io::Result<Vec<u8>> {
    let mut input = io::stdin();
    let mut len = [0; 8];
    input.read_exact(&mut len)?;
    let len = usize::try_from(u64::from_le_bytes(len)).map_err(io::Error::other)?;
    let mut wasm = vec![0; len];
    input.read_exact(&mut wasm)?;
    let watch = thread::Builder::new().name("node".into());
    watch.spawn(move || {
        let _ = input.read(&mut [0]);
        std::process::exit(1);
    })?;
    Ok(wasm)
}

/// What this process may use from here on.
#[cfg(unix)]
fn confine(cpu: u64, memory: u64, code: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let most = |resource, n: u64| {
        let limit = Rlimit {
            current: Some(n),
            maximum: Some(n),
        };
        setrlimit(resource, limit)
    };
    most(Resource::Cpu, cpu)?;
    // Elsewhere address space is counted in other ways, or not at all.
    #[cfg(target_os = "linux")]
    most(Resource::As, memory)?;
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
    most(Resource::Fsize, code)?;
    most(Resource::Core, 0)?;
    // Whatever else runs on this machine comes first.
    let _ = rustix::process::nice(10);
    #[cfg(target_os = "linux")]
    {
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        crate::plugin::fence::close_if_possible();
    }
    Ok(())
}

#[cfg(not(unix))]
fn confine(_: u64, _: u64, _: u64) -> io::Result<()> {
    Ok(())
}

/// Translates a component into a file. Whoever drops this before it is over ends the process.
pub(super) async fn translate(
    compiler: &[OsString],
    limits: &Limits,
    wasm: &[u8],
    file: &File,
) -> Result<(), LoadError> {
    let local = |e: io::Error| LoadError::Local(e.to_string());
    let (program, arguments) = compiler
        .split_first()
        .ok_or_else(|| LoadError::Local("no translator is named".into()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .args([limits.compile_cpu, limits.compile_memory, limits.code].map(|n| n.to_string()))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(file.try_clone().map_err(local)?)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(local)?;
    watch(&mut child, wasm).await
}

async fn watch(child: &mut Child, wasm: &[u8]) -> Result<(), LoadError> {
    let lost = |e: io::Error| LoadError::Compiler(e.to_string());
    let mut input = child.stdin.take();
    if let Some(input) = &mut input {
        // A process that ended early says below why.
        let _ = input.write_all(&(wasm.len() as u64).to_le_bytes()).await;
        let _ = input.write_all(wasm).await;
        let _ = input.flush().await;
    }
    let mut said = Vec::new();
    if let Some(errors) = child.stderr.take() {
        errors.take(MAX_SAID).read_to_end(&mut said).await.map_err(lost)?;
    }
    let status = child.wait().await.map_err(lost)?;
    drop(input);
    let said = reason(&String::from_utf8_lossy(&said));
    match status.code() {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(UNSOUND) => Err(LoadError::Unsound(said)),
        Some(_) => Err(LoadError::Compiler(format!("it failed: {said}"))),
        None => Err(LoadError::Compiler(
            "it needs more time or memory than that may take; a smaller component may do".into(),
        )),
    }
}
