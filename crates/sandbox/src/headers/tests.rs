use super::*;

fn set(page: Page) -> HeaderSet {
    HeaderSet::new(page, &Origins::new(4400))
}

fn value(page: Page, name: &str) -> String {
    let set = set(page);
    let found: Vec<_> = set.pairs.iter().filter(|(n, _)| *n == name).collect();
    assert!(found.len() <= 1, "{name} twice");
    found.first().map(|(_, v)| v.clone()).unwrap_or_default()
}

const PAGES: [Page; 3] = [Page::Hub, Page::Widget, Page::Inert];

#[test]
fn every_page_has_the_common_headers() {
    for page in PAGES {
        for name in [
            MARKER,
            "content-security-policy",
            "cross-origin-resource-policy",
            "cross-origin-opener-policy",
            "origin-agent-cluster",
            "referrer-policy",
            "x-dns-prefetch-control",
            "permissions-policy",
        ] {
            assert!(!value(page, name).is_empty(), "{page:?} {name}");
        }
    }
}

#[test]
fn no_set_shares_anything_with_other_origins() {
    for page in PAGES {
        let text = set(page).lines().to_ascii_lowercase();
        assert!(
            !text.contains("access-control-") && !text.contains("set-cookie") && !text.contains('*')
                || page == Page::Hub
        );
        assert!(
            !text.contains("access-control-") && !text.contains("set-cookie"),
            "{page:?}"
        );
    }
}

#[test]
fn a_widget_reaches_its_own_origin_only() {
    let policy = value(Page::Widget, "content-security-policy");
    assert!(
        policy.contains("default-src 'self';")
            && policy.contains("form-action 'self'")
            && policy.contains("object-src 'none'")
    );
    assert!(policy.contains("frame-ancestors 'self' http://hub.localhost:4400;"));
    // The one address in it is the hub's, as a parent, not as a target.
    assert_eq!(policy.matches("http").count(), 1, "{policy}");
    assert!(!policy.contains("ws:"));
    assert_eq!(value(Page::Widget, "connection-allowlist"), "(response-origin)");
    assert_eq!(value(Page::Inert, "connection-allowlist"), "(response-origin)");
}

#[test]
fn the_hub_runs_only_its_own_files() {
    let policy = value(Page::Hub, "content-security-policy");
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe-eval"));
    assert!(policy.contains("frame-src http://*.hub.localhost:4400;"));
    assert!(policy.contains("connect-src 'self' ws://hub.localhost:4400;"));
    assert!(policy.contains("frame-ancestors 'none'"));
}

#[test]
fn values_are_plain_header_text() {
    for page in PAGES {
        for (name, value) in set(page).pairs {
            assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{name}: {value}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
    }
}

/// What a policy says of a feature.
fn said<'a>(policy: &'a str, feature: &str) -> &'a str {
    let mut all = policy.split(", ").filter_map(|part| part.split_once('='));
    let found: Vec<_> = all.by_ref().filter(|(name, _)| *name == feature).collect();
    assert_eq!(found.len(), 1, "{feature} in {policy}");
    found[0].1
}

#[test]
fn a_feature_is_there_only_for_the_widget_that_was_granted_it() {
    let origins = Origins::new(4400);
    let all: Vec<&str> = Permission::ALL.iter().flat_map(|p| p.features()).copied().collect();
    assert_eq!(all, ["camera", "microphone", "clipboard-read", "clipboard-write"]);
    let none = value(Page::Widget, "permissions-policy");
    let inert = value(Page::Inert, "permissions-policy");
    let hub = value(Page::Hub, "permissions-policy");
    for feature in &all {
        assert_eq!(said(&none, feature), "()");
        assert_eq!(said(&inert, feature), "()");
        assert_eq!(said(&hub, feature), "(self \"http://*.hub.localhost:4400\")");
        let granted = HeaderSet::granted(&[feature], &origins);
        let plain = set(Page::Widget);
        for ((name, with), (_, without)) in granted.pairs.iter().zip(&plain.pairs) {
            if *name != "permissions-policy" {
                assert_eq!(with, without, "{name} is the same whatever was granted");
                continue;
            }
            for other in all.iter().chain(DENIED) {
                assert_eq!(
                    said(with, other),
                    if other == feature { "(self)" } else { "()" },
                    "{feature}: {other}"
                );
            }
        }
    }
    let unknown = HeaderSet::granted(&["usb", "everything"], &origins);
    assert_eq!(unknown, set(Page::Widget), "what no permission brings is never granted");
}
