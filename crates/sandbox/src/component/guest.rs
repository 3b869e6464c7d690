//! What the host holds for one running component.

use super::{
    error::Fault,
    kept::Kept,
    limits::{INSTANCES, MEMORIES, TABLE, TABLES},
    meter::Meter,
};
use hedgerow_api::ApiError;
use serde_json::Value;
use std::{pin::Pin, sync::Arc, time::Duration};
use wasmtime::ResourceLimiter;

/// The answer of a call, when it comes.
pub type Answer = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send>>;

/// What the node does for a component. It knows for whom the component speaks.
pub trait Calls: Send + Sync + 'static {
    /// Carries a method out, if the component may call it. `params` lack what names the instance.
    fn call(&self, method: &'static str, params: Value) -> Answer;

    /// Adds a line to the component's log. Must not block.
    fn log(&self, line: &str);

    /// Tells the widget's own page something, if it is open. Must not block.
    fn tell_page(&self, message: Value);
}

/// State of the host in a store.
pub(super) struct Guest {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) meter: Arc<Meter>,
    pub(super) kept: Kept,
    /// What the present event asked for.
    pub(super) wake_in: Option<Duration>,
    /// Why it was ended, where that is known better than by the trap.
    pub(super) fault: Option<Fault>,
    memory: usize,
    /// More memory was refused within the present event.
    pub(super) starved: bool,
}

impl Guest {
    pub(super) fn new(calls: Arc<dyn Calls>, meter: Arc<Meter>, kept: Kept) -> Self {
        Self {
            calls,
            meter,
            kept,
            wake_in: None,
            fault: None,
            memory: 0,
            starved: false,
        }
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let all = self.memory.saturating_add(desired.saturating_sub(current));
        let good = all <= self.meter.limits.memory;
        if good {
            self.memory = all;
            self.meter.usage.memory(all);
        }
        self.starved |= !good;
        Ok(good)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
