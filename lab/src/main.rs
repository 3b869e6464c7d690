//! The lab's command line.

#[cfg(target_os = "linux")]
mod command;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    command::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("lab: network namespaces are a part of Linux; run the lab there, or in a virtual machine with Linux");
    std::process::ExitCode::from(2)
}
