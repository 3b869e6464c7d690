//! Compiles the program again when the dashboard or the starter widgets that it carries were built again. It builds
//! neither: that is for `cargo xtask up`. A folder that is missing counts as changed every time, so that the program
//! takes it up as soon as it is there.

use std::io::Write;

fn main() {
    for folder in ["../../web/dist", "../../widgets/dist"] {
        let _ = writeln!(std::io::stdout(), "cargo::rerun-if-changed={folder}");
    }
}
