//! Who calls, and the one check of what they may.

use hedgerow_api::{ApiError, Door, ErrorCode, Event, Plugins, Request, types::CallerKind};
use hedgerow_sandbox::plugin::Session;

/// Who calls, as the door found out.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The dashboard of the owner. Widgets speak through it; the methods that it calls for them name the instance.
    Dashboard,
    /// A program that can read the data folder, so the owner: the command line, a script.
    Program,
    /// A plugin that showed its token.
    Plugin(Session),
}

impl Caller {
    /// Whether a call may be carried out. The owner may call everything; a plugin what the list of methods opens to it,
    /// as long as its token counts.
    ///
    /// # Errors
    /// `Denied`, with the permission that is missing.
    pub(crate) fn may(&self, request: &Request) -> Result<(), ApiError> {
        let Self::Plugin(session) = self else { return Ok(()) };
        let denied = |why: String| Err(ApiError::new(ErrorCode::Denied, why));
        if !session.is_alive() {
            return denied(
                "this token does not count any more; the plugin was stopped or its permissions were taken back".into(),
            );
        }
        match request.plugins() {
            plugins if plugins.may(&session.granted) => Ok(()),
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
            Self::Dashboard | Self::Program => true,
            Self::Plugin(session) => {
                let whose = |listener: &str| listener.strip_prefix("plugin:") == Some(&session.name);
                event.plugins().may(&session.granted) && event.listener().is_none_or(whose)
            }
        }
    }

    /// Kind and name, for the list of calls.
    pub(crate) fn named<'a>(&'a self, request: &'a Request) -> (CallerKind, &'a str) {
        match self {
            Self::Plugin(session) => (CallerKind::Plugin, &session.name),
            Self::Dashboard if request.door() == Door::Widget => (CallerKind::Widget, instance(request)),
            Self::Dashboard => (CallerKind::Dashboard, ""),
            Self::Program => (CallerKind::Program, ""),
        }
    }
}

/// The instance for which a widget calls.
fn instance(request: &Request) -> &str {
    match request {
        Request::AppOpen(p) => &p.instance,
        Request::AppClose(p) => &p.instance,
        Request::AppSendUpdate(p) => &p.instance,
        Request::AppUpdates(p) => &p.instance,
        Request::AppRealtimeSend(p) => &p.instance,
        Request::AppRealtimeJoin(p) => &p.instance,
        Request::PeersOpen(p) => p.instance.as_deref().unwrap_or_default(),
        Request::PeersClose(p) | Request::PeersMembers(p) => p.instance.as_deref().unwrap_or_default(),
        Request::PeersBroadcast(p) => p.instance.as_deref().unwrap_or_default(),
        Request::PeersSend(p) => p.instance.as_deref().unwrap_or_default(),
        Request::PeersReply(p) => p.instance.as_deref().unwrap_or_default(),
        Request::PeersVerdict(p) => p.instance.as_deref().unwrap_or_default(),
        Request::SecretsGroups(p) => p.instance.as_deref().unwrap_or_default(),
        Request::SecretsAddGroup(p) => p.instance.as_deref().unwrap_or_default(),
        Request::SecretsForgetGroup(p) => p.instance.as_deref().unwrap_or_default(),
        Request::SecretsSeal(p) => p.instance.as_deref().unwrap_or_default(),
        Request::SecretsOpen(p) => p.instance.as_deref().unwrap_or_default(),
        Request::StreamsOpen(p) => p.instance.as_deref().unwrap_or_default(),
        Request::StatsTopWidgets(p)
        | Request::StatsNewestWidgets(p)
        | Request::StatsTopAuthors(p)
        | Request::StatsTopModerators(p)
        | Request::StatsSimilarPeers(p) => p.instance.as_deref().unwrap_or_default(),
        Request::StreamsAccept(p) => p.instance.as_deref().unwrap_or_default(),
        _ => "",
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
            (kind, name.to_owned())
        };
        let opened = json!({"instance": "abcdefghijklmnop"});
        for method in ["app.open", "app.close"] {
            let expected = (CallerKind::Widget, "abcdefghijklmnop".to_owned());
            assert_eq!(named(&Caller::Dashboard, method, opened.clone()), expected);
            assert_eq!(named(&Caller::Program, method, opened.clone()).0, CallerKind::Program);
        }
        assert_eq!(
            named(&Caller::Dashboard, "node.status", json!({})).0,
            CallerKind::Dashboard
        );
    }
}
