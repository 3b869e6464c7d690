//! What every call of an instance needs. The permission stands beside the method, in the list of methods; here is what
//! exactly it is about. A method that names none concerns the instance's own space only, which a test of the API holds.

use super::{Need, Of, Wanting};
use hedgerow_api::{ApiError, Door, ErrorCode, Permission, Plugins, Request};

/// The instance for which a call is made; `None`: the owner's own call.
pub(crate) fn instance_of(request: &Request) -> Option<&str> {
    match request {
        Request::AppOpen(p) => Some(&p.instance),
        Request::AppClose(p) => Some(&p.instance),
        Request::AppSendUpdate(p) => Some(&p.instance),
        Request::AppUpdates(p) => Some(&p.instance),
        Request::AppRealtimeSend(p) => Some(&p.instance),
        Request::AppRealtimeJoin(p) => Some(&p.instance),
        Request::PeersOpen(p) => p.instance.as_deref(),
        Request::PeersClose(p) | Request::PeersMembers(p) | Request::SecretsGroups(p) => p.instance.as_deref(),
        Request::PeersBroadcast(p) => p.instance.as_deref(),
        Request::PeersSend(p) => p.instance.as_deref(),
        Request::PeersReply(p) => p.instance.as_deref(),
        Request::PeersVerdict(p) => p.instance.as_deref(),
        Request::SecretsAddGroup(p) => p.instance.as_deref(),
        Request::SecretsForgetGroup(p) => p.instance.as_deref(),
        Request::SecretsSeal(p) => p.instance.as_deref(),
        Request::SecretsOpen(p) => p.instance.as_deref(),
        Request::StreamsOpen(p) => p.instance.as_deref(),
        Request::StreamsAccept(p) => p.instance.as_deref(),
        Request::StatsTopWidgets(p)
        | Request::StatsNewestWidgets(p)
        | Request::StatsTopAuthors(p)
        | Request::StatsTopModerators(p)
        | Request::StatsSimilarPeers(p) => p.instance.as_deref(),
        Request::NoticesAdd(p) => p.instance.as_deref(),
        Request::WebFetch(p) => p.instance.as_deref(),
        Request::ContactsList(p) | Request::BackgroundStatus(p) => p.instance.as_deref(),
        Request::BackgroundTell(p) => p.instance.as_deref(),
        // A stream is named by its number, and ends with the permission under which it was opened.
        _ => None,
    }
}

/// The host that a web request goes to, as addresses write it.
pub(super) fn host(request: &Request) -> Result<Option<String>, ApiError> {
    match request {
        Request::WebFetch(p) => crate::web::address(&p.url).map(|(_, host)| Some(host)),
        _ => Ok(None),
    }
}

/// Everything that a call needs. A component needs the permission to run for whatever it does.
pub(super) fn needs<'a>(request: &'a Request, wanting: Wanting, host: Option<&'a str>) -> Vec<Need<'a>> {
    let mut needs = Vec::new();
    let plain = |permission| Need {
        permission,
        of: Of::Nothing,
    };
    if wanting == Wanting::Component {
        needs.push(plain(Permission::Background));
    }
    if let Plugins::With(permission) = request.plugins() {
        let permission = permission.of_widget();
        needs.push(Need {
            permission,
            of: host.map_or(Of::Nothing, Of::Host),
        });
    }
    if let Request::PeersSend(p) = request
        && let Some(app) = &p.to_app
    {
        needs.push(Need {
            permission: Permission::Widgets,
            of: Of::App(app),
        });
    }
    needs
}

/// Whether a method is one that instances may call at all.
///
/// # Errors
/// `Denied` for the owner's methods.
pub(crate) fn is_for_instances(request: &Request) -> Result<(), ApiError> {
    match request.door() {
        Door::Widget => Ok(()),
        Door::Owner => Err(ApiError::new(
            ErrorCode::Denied,
            format!("{} is not for widgets", request.name()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_api::{METHODS, doc};

    #[test]
    fn every_method_of_widgets_names_the_instance_that_is_checked() {
        // A stream has a number, and ends with the permission under which it was opened.
        let numbered = ["streams.write", "streams.read", "streams.close"];
        for method in METHODS.iter().filter(|m| m.door == Door::Widget) {
            let mut params = doc::method(method).example["params"].clone();
            if numbered.contains(&method.name) {
                continue;
            }
            params["instance"] = "abcdefghijklmnop".into();
            let request = Request::parse(method.name, params).unwrap_or_else(|e| panic!("{}: {e}", method.name));
            assert_eq!(
                instance_of(&request),
                Some("abcdefghijklmnop"),
                "{} would be carried out unchecked",
                method.name
            );
        }
    }

    #[test]
    fn a_component_needs_the_permission_to_run_for_whatever_it_does() {
        let request = Request::parse("app.updates", serde_json::json!({"instance": "abcdefghijklmnop"})).unwrap();
        let of = |wanting| {
            needs(&request, wanting, None)
                .iter()
                .map(|n| n.permission)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Wanting::Component), [Permission::Background]);
        assert!(of(Wanting::Page(hedgerow_api::types::Tier::Partial)).is_empty());
    }

    #[test]
    fn a_message_to_another_app_needs_that_app_too() {
        let params = serde_json::json!({"instance": "abcdefghijklmnop", "to": "x", "message": 1, "to_app": "other"});
        let request = Request::parse("peers.send", params).unwrap();
        let all = needs(&request, Wanting::Component, None);
        assert!(
            all.iter()
                .any(|n| n.permission == Permission::Widgets && n.of == Of::App("other"))
        );
    }
}
