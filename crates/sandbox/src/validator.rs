//! Programs that decide which messages of an app may travel (Z9): WebAssembly, run by an interpreter. What authors need
//! to know: `docs/validators.md`.
//!
//! Invariants
//! - The same bytes and the same message give the same answer on every node: no imports, no clock, no chance, no floats,
//!   no memory from one message to the next, and a fixed amount of work that is counted by operators of WebAssembly.
//! - What counts the work is part of what a program is called ([`Program::digest`]), so nodes that would count
//!   differently have different rules, and blame each other for nothing.
//! - Size, memory, tables, depth and work are bounded. Whatever a program does, the worst is that messages are invalid.

mod engine;

use engine::{WasmEngine, limits};
use hedgerow_base::{Blame, Blamed, hash::hash};
use hedgerow_overlay::{Facts, RulesText, Validator};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};
use wasmi::{ExternType, FuncType, Instance, Linker, Memory, Module, Store, StoreLimits, TypedFunc, ValType};

/// Largest program, bytes.
pub const MAX_PROGRAM: usize = 256 << 10;
/// Most memory of a program, pages of 64 KiB.
pub const MAX_PAGES: u64 = 32;
/// Most entries of its table.
pub const MAX_TABLE: usize = 4096;
/// Deepest calls of functions by functions.
pub const MAX_DEPTH: usize = 256;
/// Most bytes for locals and values of all functions that run.
pub const MAX_STACK: usize = 32 << 10;
/// Work for a message, whatever its length. An operator is 1, a call 16, copying or clearing 64 bytes 1.
pub const FUEL: u64 = 1_000_000;
/// Work for each byte of a message beside that: enough for SHA-256, which takes 260.
pub const FUEL_A_BYTE: u64 = 300;

/// Raised whenever a program could get another answer than before: the ABI, the bounds above, or how the engine counts
/// (`engine::tests` notices that).
const VERSION: u8 = 1;
/// Longest name of a file with a program, bytes.
const MAX_NAME: usize = 200;
/// Longest reason that is told, characters.
const MAX_REASON: usize = 200;

/// Why a program cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The rules name no file that could be one.
    #[error(
        "validator names the file of a program, such as \"filter.wasm\": a path without `..` that ends in .wasm, not {0:?}"
    )]
    Name(String),
    /// The file is not there.
    #[error("the validator {0:?} is not among the files")]
    Missing(String),
    /// The file cannot be read.
    #[error("the validator cannot be read: {0}")]
    Unreadable(String),
    /// More bytes than are allowed.
    #[error("the validator is too large: {MAX_PROGRAM} bytes are allowed")]
    TooLarge,
    /// No module that may be run.
    #[error("the validator is no WebAssembly module that may be run here: {0}")]
    Unsound(String),
    /// It wants something from outside.
    #[error("the validator imports {0:?}; it gets nothing but the message, so build it without imports")]
    Import(String),
    /// It lacks what is asked of it, or has it in another form.
    #[error("the validator must export {0}")]
    Export(&'static str),
}

impl Blamed for ProgramError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

impl ProgramError {
    fn unsound(why: &impl ToString) -> Self {
        let line = why.to_string().replace(char::is_control, " ");
        Self::Unsound(line.chars().take(MAX_REASON).collect())
    }
}

/// A checked program.
pub struct Program {
    module: Module,
    linker: Linker<StoreLimits>,
    digest: [u8; 32],
}

/// What a message is judged with.
struct Run {
    store: Store<StoreLimits>,
    memory: Memory,
    alloc: TypedFunc<i32, i32>,
    valid: TypedFunc<(i32, i32, i32, i32), i32>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({})", data_encoding::HEXLOWER.encode(&self.digest))
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Program {
    /// Checks and translates a module.
    ///
    /// # Errors
    /// What of it cannot be used.
    pub fn load(bytes: &[u8]) -> Result<Self, ProgramError> {
        if bytes.len() > MAX_PROGRAM {
            return Err(ProgramError::TooLarge);
        }
        // The translator of wasmi 2.0.0 panicked for a few of a million random changes of a real module. None is known
        // that does so now that it gets sound ones only.
        let loaded = catch_unwind(|| Self::translated(bytes));
        loaded.unwrap_or_else(|_| Err(ProgramError::unsound(&"the engine cannot cope with it")))
    }

    fn translated(bytes: &[u8]) -> Result<Self, ProgramError> {
        let WasmEngine(engine) = WasmEngine::new();
        // All of it is known to be sound before any of it is translated.
        Module::validate(&engine, bytes).map_err(|e| ProgramError::unsound(&e))?;
        let module = Module::new(&engine, bytes).map_err(|e| ProgramError::unsound(&e))?;
        if let Some(import) = module.imports().next() {
            let name = format!("{}.{}", import.module(), import.name());
            return Err(ProgramError::Import(name.chars().take(MAX_REASON).collect()));
        }
        let function = |name: &str, params: usize| {
            let form = FuncType::new(vec![ValType::I32; params], [ValType::I32]);
            matches!(module.get_export(name), Some(ExternType::Func(is)) if is == form)
        };
        if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
            return Err(ProgramError::Export("a memory called \"memory\""));
        }
        if !function("alloc", 1) {
            return Err(ProgramError::Export("a function alloc(len: i32) -> i32"));
        }
        if !function("valid", 4) {
            return Err(ProgramError::Export(
                "a function valid(body: i32, body_len: i32, signer: i32, signer_len: i32) -> i32",
            ));
        }
        let linker = Linker::new(&engine);
        let digest = hash("hedgerow 2026 overlay validator v1", &[&[VERSION], bytes]);
        let program = Self { module, linker, digest };
        // What is too large from the start, or writes beside its memory, is told to its author and to nobody later.
        program.start(0).map_err(|e| ProgramError::unsound(&e))?;
        Ok(program)
    }

    /// Hash of the bytes and of what they run on.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The program as it is before each message.
    fn start(&self, len: usize) -> Result<Run, wasmi::Error> {
        let mut store = Store::new(self.module.engine(), limits());
        store.limiter(|limits| limits);
        store.set_fuel(FUEL.saturating_add(FUEL_A_BYTE.saturating_mul(len as u64)))?;
        let instance: Instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        let memory = instance.get_memory(&store, "memory");
        Ok(Run {
            memory: memory.ok_or_else(|| wasmi::Error::new("no memory"))?,
            alloc: instance.get_typed_func(&store, "alloc")?,
            valid: instance.get_typed_func(&store, "valid")?,
            store,
        })
    }

    /// Whether a message is valid, and how much work it was to find out.
    fn judge(&self, facts: Facts<'_>) -> Result<(bool, u64), wasmi::Error> {
        let mut run = self.start(facts.body.len())?;
        let before = run.store.get_fuel()?;
        let (body, body_len) = run.place(facts.body)?;
        let (signer, signer_len) = match facts.signer {
            Some(who) => run.place(&who.0)?,
            None => (0, 0),
        };
        let answer = run.valid.call(&mut run.store, (body, body_len, signer, signer_len))?;
        Ok((answer == 1, before - run.store.get_fuel()?))
    }
}

impl Run {
    /// Puts bytes where the program wants them.
    fn place(&mut self, bytes: &[u8]) -> Result<(i32, i32), wasmi::Error> {
        let len = i32::try_from(bytes.len()).map_err(|_| wasmi::Error::new("too long"))?;
        let at = self.alloc.call(&mut self.store, len)?;
        // Addresses have no sign.
        self.memory.write(&mut self.store, at.cast_unsigned() as usize, bytes)?;
        Ok((at, len))
    }
}

impl Validator for Program {
    fn digest(&self) -> [u8; 32] {
        self.digest
    }

    fn valid(&self, facts: Facts<'_>) -> bool {
        // No program is known to bring the engine down; one that did must not bring the node down.
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(facts)));
        matches!(judged, Ok(Ok((true, _))))
    }
}

/// Rules as they are compared by peers, from rules as a manifest has them: the file that `validator` names is loaded, and
/// the hash of the program takes the place of its name. `read` gives a file, or `None` if it is not there; it need not
/// read more than one byte beyond [`MAX_PROGRAM`].
///
/// # Errors
/// Why the program cannot be used.
pub fn resolve(
    rules: &RulesText,
    read: impl FnOnce(&str) -> Result<Option<Vec<u8>>, String>,
) -> Result<(RulesText, Option<Program>), ProgramError> {
    let mut rules = rules.clone();
    let Some(name) = &rules.validator else {
        return Ok((rules, None));
    };
    let shown: String = name.chars().take(80).collect();
    if !is_file_name(name) {
        return Err(ProgramError::Name(shown));
    }
    let bytes = read(name).map_err(ProgramError::Unreadable)?;
    let program = Program::load(&bytes.ok_or(ProgramError::Missing(shown))?)?;
    rules.validator = Some(data_encoding::HEXLOWER.encode(&program.digest()));
    Ok((rules, Some(program)))
}

/// Whether this can name a program below a folder.
fn is_file_name(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.len() <= MAX_NAME
        && name.ends_with(".wasm")
        && name.split('/').all(part)
        && !name.contains(|c: char| c == '\\' || c == ':' || c.is_control())
}

#[cfg(test)]
mod tests;
