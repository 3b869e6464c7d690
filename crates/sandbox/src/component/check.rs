//! What can be said of a component before it is translated, within milliseconds.

use super::{
    error::{LoadError, reason},
    fit::refusal,
};
use wasmparser::{Parser, Payload};

/// What every module and component begins with.
const MAGIC: &[u8] = b"\0asm";

/// Looks whether bytes may be a component that imports only what there is. Whether it is valid is found out when it is
/// translated.
///
/// # Errors
/// What of it cannot be used.
pub fn check(wasm: &[u8], most: usize) -> Result<(), LoadError> {
    if wasm.len() > most {
        return Err(LoadError::TooLarge(most));
    }
    match (wasm.strip_prefix(MAGIC), wasm.get(6..8)) {
        (Some(_), Some([1, 0])) => {}
        (Some(_), _) => return Err(LoadError::NoComponent("a WebAssembly module")),
        (None, _) if wasm.first() == Some(&b'(') => return Err(LoadError::NoComponent("WebAssembly as text")),
        (None, _) => return Err(LoadError::NoComponent("something else")),
    }
    let unsound = |e: wasmparser::BinaryReaderError| LoadError::Unsound(reason(&e));
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(unsound)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    if let Some(refusal) = refusal(import.map_err(unsound)?.name.name) {
                        return Err(refusal);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
