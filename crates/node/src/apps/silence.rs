//! Who hears nothing any more: instances whose grant was taken back, and components that ended.

use crate::engine::Engine;
use hedgerow_base::InstanceId;

/// Under which name events for the background part of an instance go.
pub(crate) fn component_listener(id: &InstanceId) -> String {
    format!("component:{id}")
}

impl Engine {
    /// An instance may not talk to others any more: neither its pages nor its component hear or hold anything.
    pub(crate) fn silence(&mut self, id: &InstanceId) {
        for listener in [id.to_string(), component_listener(id)] {
            self.silence_listener(&listener);
        }
    }

    /// Whoever goes by this name hears and holds nothing any more.
    pub(crate) fn silence_listener(&mut self, listener: &str) {
        let mut quiet = Vec::new();
        for (app, swarm) in &mut self.apps.swarms {
            if swarm.listeners.remove(listener).is_some() {
                quiet.push(*app);
            }
        }
        self.shared.app_streams.close_all(listener);
        for app in quiet {
            self.tell_running(&app);
        }
    }
}
