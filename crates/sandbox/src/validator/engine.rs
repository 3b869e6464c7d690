//! How programs are run: which part of WebAssembly there is, and what work costs.

use super::{MAX_DEPTH, MAX_PAGES, MAX_STACK, MAX_TABLE};
use wasmi::{
    CompilationMode, Config, CustomFuelCosts, EnforcedLimits, Engine, OperatorCost, StoreLimits, StoreLimitsBuilder,
};

/// Bytes of a page.
const PAGE: usize = 64 << 10;

/// An engine of its own for each program, so that nothing is left of one that is gone.
pub(super) struct WasmEngine(pub(super) Engine);

impl WasmEngine {
    pub(super) fn new() -> Self {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            // Said here and not left to the engine, which may think otherwise one day. A call clears the locals of what
            // is called, however many.
            .operator_cost(OperatorCost {
                call: 16,
                call_indirect: 16,
                ..OperatorCost::default()
            })
            .fuel_cost(CustomFuelCosts {
                bytes_copied_per_fuel: 64,
                fuel_per_bytes_translated: 7,
                fuel_per_bytes_validated: 2,
            })
            // Bits of a NaN differ from machine to machine, and no filter needs one.
            .floats(false)
            .allow_start_fn(false)
            .wasm_multi_memory(false)
            .wasm_tail_call(false)
            .ignore_custom_sections(true)
            .compilation_mode(CompilationMode::Eager)
            .enforced_limits(EnforcedLimits::strict());
        config.set_max_recursion_depth(MAX_DEPTH);
        config.set_max_stack_height(MAX_STACK);
        Self(Engine::new(&config))
    }
}

/// Bounds for what a program holds while it judges a message.
pub(super) fn limits() -> StoreLimits {
    StoreLimitsBuilder::new()
        .memory_size(usize::try_from(MAX_PAGES).map_or(usize::MAX, |pages| pages * PAGE))
        .table_elements(MAX_TABLE)
        .instances(1)
        .memories(1)
        .tables(4)
        .build()
}
