//! A component that was checked and translated, ready to be put to work any number of times.

use super::{
    error::{LoadError, reason},
    fit::fit,
    guest::Guest,
    limits::Limits,
    link::linker,
    machine::Machine,
};
use hedgerow_api::doc::shape::Shape;
use std::{fmt, sync::Arc};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

/// A component, translated. Copies share it.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    machine: Arc<Machine>,
    limits: Arc<Limits>,
    pre: InstancePre<Guest>,
    handle: ComponentExportIndex,
    events: Vec<(String, String, Option<Shape>)>,
    hash: [u8; 32],
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({})", data_encoding::HEXLOWER.encode(&self.0.hash))
    }
}

impl Program {
    /// Checks what a component imports and exports.
    pub(super) fn new(
        machine: Arc<Machine>,
        limits: Arc<Limits>,
        component: &Component,
        hash: [u8; 32],
    ) -> Result<Self, LoadError> {
        let unsound = |e: wasmtime::Error| LoadError::Unsound(reason(&format!("{e:#}")));
        let fit = fit(machine.engine(), component)?;
        let linker = linker(machine.engine(), &fit).map_err(unsound)?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(|e| LoadError::Form(reason(&format!("{e:#}"))))?;
        let guest = component.get_export_index(None, &fit.guest);
        let handle = guest.and_then(|guest| component.get_export_index(Some(&guest), "handle"));
        Ok(Self(Arc::new(Inner {
            machine,
            limits,
            pre,
            handle: handle.ok_or_else(|| LoadError::Form("the component exports no function `handle`".into()))?,
            events: fit.events,
            hash,
        })))
    }

    /// BLAKE3 of the component, as [`super::hash_of`].
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash
    }

    /// Whether the component wants to be told an event of this name, such as `peers.message`.
    pub fn knows(&self, event: &str) -> bool {
        self.0.events.iter().any(|(known, _, _)| known == event)
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.0.machine
    }

    pub(super) fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    pub(super) fn pre(&self) -> &InstancePre<Guest> {
        &self.0.pre
    }

    pub(super) fn handle(&self) -> &ComponentExportIndex {
        &self.0.handle
    }

    pub(super) fn events(&self) -> &[(String, String, Option<Shape>)] {
        &self.0.events
    }
}
