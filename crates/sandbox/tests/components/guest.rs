//! Components of a few instructions, for tests and for the attack suite (`examples/guests.rs`).

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component of a core module, for a world.
pub(crate) fn encoded(wit: &str, core: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("hedgerow.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("component")).unwrap();
    let mut module = wat::parse_str(core).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.encode().unwrap()
}

/// The text of a core module: imports, other parts, and what it does with an event at `$event`: 0 start, 1 wake, 2
/// `page-message` with a text at 8, its length at 12.
pub(crate) fn core(imports: &str, parts: &str, body: &str) -> String {
    format!(
        r#"(module {imports}
          (memory (export "memory") 64)
          (global $free (mut i32) (i32.const 1048576))
          (func $give (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
            (global.set $free (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
          {parts}
          (func (export "hedgerow:widget/guest@0.1.0#handle") (param $event i32)
            (local $n i32)
            {body}
            (global.set $free (i32.const 1048576))))"#
    )
}
