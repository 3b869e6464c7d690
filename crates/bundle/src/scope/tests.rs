use super::*;

fn web(hosts: &[&str]) -> Result<Scope, ScopeError> {
    let texts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
    Scope::of(Permission::Web, &texts)
}

#[test]
fn a_pattern_allows_names_below_it_and_nothing_that_only_looks_like_it() {
    let scope = web(&["example.org", "*.wiki.net"]).unwrap();
    for good in ["example.org", "en.wiki.net", "a.b.wiki.net"] {
        assert!(scope.allows_host(good), "{good}");
    }
    for bad in [
        "www.example.org",
        "wiki.net",
        "evilwiki.net",
        ".wiki.net",
        "example.org.evil.com",
        "example.org.",
        "",
    ] {
        assert!(!scope.allows_host(bad), "{bad}");
    }
}

#[test]
fn addresses_and_names_of_this_network_are_no_hosts() {
    for bad in [
        "localhost",
        "hub.localhost",
        "printer.local",
        "router.lan",
        "127.0.0.1",
        "1.2",
        "0x7f.1",
        "[::1]",
        "*",
        "*.*.org",
        "a..org",
        "-a.org",
        "exa mple.org",
        "example.org:443",
        "https://example.org",
        "metadata.google.internal",
        "x.onion",
        "bücher.de",
    ] {
        assert!(web(&[bad]).is_err(), "{bad}");
    }
    assert!(web(&["*.com"]).is_err(), "a whole end of the name tree");
}

#[test]
fn what_is_written_into_a_record_reads_back_the_same() {
    let scope = web(&["Example.org", "bytes:5000000"]).unwrap();
    assert_eq!(scope.hosts, ["example.org"]);
    assert_eq!(Scope::of(Permission::Web, &scope.texts()).unwrap(), scope);
    assert!(Scope::of(Permission::Camera, &["x".into()]).is_err());
    assert!(Scope::of(Permission::Web, &["bytes:99999999999999".into()]).is_err());
}

#[test]
fn a_wider_scope_is_not_within_a_narrower_one() {
    let (narrow, wide) = (web(&["a.example.org"]).unwrap(), web(&["*.example.org"]).unwrap());
    assert!(narrow.is_within(&wide) && !wide.is_within(&narrow));
    assert!(wide.is_within(&wide));
    assert!(!web(&["a.example.org", "bytes:999999999"]).unwrap().is_within(&wide));
}
