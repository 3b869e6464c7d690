//! From the core module that a compiler for C, Zig or Rust writes to a component, for authors (W25).

use super::{
    check,
    error::{LoadError, reason},
    limits::Limits,
};
use wasmparser::Payload;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The custom section in which bindings leave the world that they were made for.
const TYPES: &str = "component-type";

/// Makes a component of a core module with the functions of the world `component` of `hedgerow.wit`, named as the
/// canonical ABI names them. Bindings of `wit-bindgen` leave a section with the world that they know; a module without one
/// is taken to know this version's.
///
/// # Errors
/// A sentence says what is missing, what is too much, or that the result could not be run by a node.
pub fn encode(core: &[u8]) -> Result<Vec<u8>, LoadError> {
    let most = Limits::default().component;
    if core.len() > most {
        return Err(LoadError::TooLarge(most));
    }
    if core.get(..8) != Some(b"\0asm\x01\0\0\0") {
        return Err(LoadError::NoModule);
    }
    let why = |e| LoadError::NoWorld(reason(&format_args!("{e:#}")));
    let mut module = core.to_vec();
    if !names_its_world(core)? {
        let mut resolve = Resolve::default();
        let package = resolve
            .push_str("hedgerow.wit", &hedgerow_api::doc::wit())
            .map_err(why)?;
        let world = resolve.select_world(&[package], Some("component")).map_err(why)?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(why)?;
    }
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(why)?;
    check(&component, most)?;
    Ok(component)
}

fn names_its_world(core: &[u8]) -> Result<bool, LoadError> {
    for payload in wasmparser::Parser::new(0).parse_all(core) {
        match payload {
            Ok(Payload::CustomSection(section)) if section.name().starts_with(TYPES) => return Ok(true),
            Ok(_) => {}
            Err(e) => return Err(LoadError::Unsound(reason(&e))),
        }
    }
    Ok(false)
}
