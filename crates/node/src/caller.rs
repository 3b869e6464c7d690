//! Who calls, and the one check of what they may.

use crate::{
    dispatch::parsed,
    grants::{Grants, Wanting, instance_of, is_for_instances},
};
use hedgerow_api::{
    ApiError, Door, ErrorCode, Event, Plugins, Request,
    types::{CallerKind, Tier},
};
use hedgerow_base::InstanceId;
use hedgerow_sandbox::plugin::Session;

/// Who calls, as the door found out.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The dashboard of the owner, in a browser that fences widgets so well. Widgets speak through it; the methods that
    /// it calls for them name the instance.
    Dashboard(Tier),
    /// A program that can read the data folder, so the owner: the command line, a script.
    Program,
    /// A plugin that showed its token.
    Plugin(Session),
    /// The background part of an instance, which runs inside this program.
    Component(InstanceId),
}

impl Caller {
    /// Whether a call may be carried out. The owner may call everything; a widget and its component what the book of
    /// grants says; a plugin what the list of methods opens to it, as long as its token counts.
    ///
    /// # Errors
    /// `Denied`, with the permission that is missing; `NeedsGrant`, when the owner has to be asked.
    pub(crate) fn may(&self, request: &Request, grants: &Grants) -> Result<(), ApiError> {
        let session = match self {
            Self::Program => return Ok(()),
            // What names no instance is the dashboard's own.
            Self::Dashboard(tier) => {
                return match instance_of(request) {
                    Some(instance) if request.door() == Door::Widget => {
                        grants.check(&parsed(instance)?, Wanting::Page(*tier), request)
                    }
                    _ => Ok(()),
                };
            }
            Self::Component(id) => {
                is_for_instances(request)?;
                return grants.check(id, Wanting::Component, request);
            }
            Self::Plugin(session) => session,
        };
        let denied = |why: String| Err(ApiError::new(ErrorCode::Denied, why));
        if !session.is_alive() {
            return denied(
                "this token does not count any more; the plugin was stopped or its permissions were taken back".into(),
            );
        }
        match request.plugins() {
            plugins if plugins.may(&session.granted) => match instance_of(request) {
                None => Ok(()),
                Some(_) => denied("a plugin speaks for itself: leave `instance` out".into()),
            },
            Plugins::With(permission) => denied(format!(
                "{} needs the permission {:?}; ask for it in plugin.toml, with a reason",
                request.name(),
                permission.name()
            )),
            Plugins::Never | Plugins::Always => denied(format!("{} is not for plugins", request.name())),
        }
    }

    /// Whether they hear of an event.
    pub fn hears(&self, event: &Event) -> bool {
        match self {
            Self::Dashboard(_) | Self::Program => true,
            // A component is told by whoever runs it.
            Self::Component(_) => false,
            Self::Plugin(session) => {
                let whose = |listener: &str| listener.strip_prefix("plugin:") == Some(&session.name);
                event.plugins().may(&session.granted) && event.listener().is_none_or(whose)
            }
        }
    }

    /// Kind and name, for the list of calls.
    pub(crate) fn named(&self, request: &Request) -> (CallerKind, String) {
        let instance = || instance_of(request).unwrap_or_default().to_owned();
        match self {
            Self::Plugin(session) => (CallerKind::Plugin, session.name.to_string()),
            Self::Component(id) => (CallerKind::Component, id.to_string()),
            Self::Dashboard(_) if request.door() == Door::Widget => (CallerKind::Widget, instance()),
            Self::Dashboard(_) => (CallerKind::Dashboard, String::new()),
            Self::Program => (CallerKind::Program, String::new()),
        }
    }

    /// Of the dashboard how well it fences widgets; programs see no pages.
    pub(crate) const fn tier(&self) -> Tier {
        match self {
            Self::Dashboard(tier) => *tier,
            Self::Program | Self::Plugin(_) | Self::Component(_) => Tier::Strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_widget_calls_is_counted_for_its_instance_and_the_rest_for_the_dashboard() {
        let named = |caller: &Caller, method, params| {
            let request = Request::parse(method, params).unwrap();
            let (kind, name) = caller.named(&request);
            (kind, name)
        };
        let opened = json!({"instance": "abcdefghijklmnop"});
        for method in ["app.open", "app.close"] {
            let expected = (CallerKind::Widget, "abcdefghijklmnop".to_owned());
            assert_eq!(
                named(&Caller::Dashboard(Tier::Partial), method, opened.clone()),
                expected
            );
            assert_eq!(named(&Caller::Program, method, opened.clone()).0, CallerKind::Program);
        }
        assert_eq!(
            named(&Caller::Dashboard(Tier::Partial), "node.status", json!({})).0,
            CallerKind::Dashboard
        );
    }
}
