//! Guard and launcher of plugins as a program of their own, for the tests of this crate. The real program has them
//! inside.

fn main() {
    #[cfg(unix)]
    match std::env::args().nth(1).as_deref() {
        Some("launch") => hedgerow_sandbox::plugin::launch(),
        _ => {
            let _ = hedgerow_sandbox::plugin::guard("launch");
        }
    }
}
