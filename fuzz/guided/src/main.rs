//! libFuzzer over one target, which `HEDGEROW_FUZZ_TARGET` names. Started by `cargo xtask fuzz`.
#![no_main]

use hedgerow_fuzz::{Target, all, named, room};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

#[global_allocator]
static ROOM: room::Watched = room::Watched;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("HEDGEROW_FUZZ_TARGET").expect("HEDGEROW_FUZZ_TARGET names a target");
    named(&name).expect("there is no such target")
});

fn begin() {
    if std::env::args().any(|argument| argument == "--targets") {
        all().for_each(|target| println!("{} {}", target.name, target.max_len));
        std::process::exit(0);
    }
    // Where the program catches a panic of an engine and goes on, that is no finding.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |what| {
        if !hedgerow_fuzz::targets::is_held() {
            report(what);
        }
    }));
}

fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(data) = data.get(..data.len().min(TARGET.max_len)) {
        room::within(TARGET.room, || (TARGET.run)(data));
    }
});
