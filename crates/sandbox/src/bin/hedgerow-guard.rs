//! Guard and launcher of plugins, and translator of components, as a program of their own, for the tests of this crate.
//! The real program has them inside.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|a| a.to_str()) {
        Some("translate") => return hedgerow_sandbox::component::child_main(arguments),
        #[cfg(unix)]
        Some("launch") => hedgerow_sandbox::plugin::launch(),
        #[cfg(unix)]
        _ => {
            let _ = hedgerow_sandbox::plugin::guard("launch");
        }
        #[cfg(not(unix))]
        _ => {}
    }
    ExitCode::SUCCESS
}
