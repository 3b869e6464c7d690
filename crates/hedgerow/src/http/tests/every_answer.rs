//! The promise that the fence rests on: no answer without headers, whatever was asked.

use super::{Got, Running, parse, start};
use hedgerow_sandbox::{HeaderSet, Origins, Page};

fn has_all(node: &Running, got: &Got, page: Page, what: &str) {
    for (name, value) in HeaderSet::new(page, &Origins::new(node.port)).pairs {
        assert_eq!(
            got.header(name),
            Some(value.as_str()),
            "{what}: {name} of status {}",
            got.status
        );
    }
    assert!(got.header("cache-control").is_some(), "{what}: cache-control");
    for (name, _) in &got.headers {
        assert!(
            !name.starts_with("access-control-") && name != "set-cookie",
            "{what}: {name}"
        );
    }
}

#[tokio::test]
async fn every_route_and_error_has_the_headers_of_its_door() {
    let node = start();
    let (hub, widget, program) = (node.hub(), node.widget(), node.program());
    let foreign = "evil.example".to_owned();
    let doors = [
        (&hub, Page::Hub),
        (&widget, Page::Widget),
        (&program, Page::Inert),
        (&foreign, Page::Inert),
    ];
    let paths = [
        "/",
        "/index.html",
        "/webxdc.js",
        "/none",
        "/..%2f",
        "/%",
        "/api/ws",
        "/api/login",
        "/api/rpc",
        "/api/packages",
        "/api/none",
        "/a%20b.txt",
        "/x.pdf",
        "/assets/none.js",
        "/icon.svg",
    ];
    let variants: [&[(&str, &str)]; 9] = [
        &[],
        &[("if-none-match", "*")],
        &[("range", "bytes=1-2")],
        &[("range", "bytes=999999999-")],
        &[("authorization", "Bearer wrong"), ("content-type", "application/json")],
        &[("upgrade", "websocket"), ("connection", "upgrade")],
        &[
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "x"),
        ],
        &[("accept-encoding", "gzip")],
        &[("content-type", "text/plain"), ("content-length", "999999999999")],
    ];
    for (host, page) in doors {
        for path in paths {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT"] {
                for variant in variants {
                    let headers = [&[("host", host.as_str())], variant].concat();
                    let body: &[u8] = if method == "POST" && variant.len() != 2 {
                        b"{}"
                    } else {
                        b""
                    };
                    let what = format!("{method} {host} {path} {variant:?}");
                    if method == "POST" && variant.len() == 2 && variant[1].0 == "content-length" {
                        continue; // never ends; the declared length is looked at below
                    }
                    has_all(
                        &node,
                        &node.ask(&format!("{method} {path}"), &headers, body).await,
                        page,
                        &what,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn refusals_have_the_headers_of_inert_pages() {
    let node = start();
    let (hub, widget) = (node.hub(), node.widget());
    for (host, headers) in [
        (&widget, [("service-worker", "script"), ("x-a", "b")]),
        (
            &widget,
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
        ),
        (&hub, [("origin", "null"), ("x-a", "b")]),
        (&hub, [("sec-fetch-site", "same-site"), ("sec-fetch-dest", "iframe")]),
    ] {
        let got = node
            .ask("GET /", &[&[("host", host.as_str())][..], &headers].concat(), b"")
            .await;
        assert_eq!(got.status, 403, "{headers:?}");
        has_all(&node, &got, Page::Inert, &format!("{headers:?}"));
    }
}

#[tokio::test]
async fn what_cannot_be_read_as_http_is_answered_with_headers_too() {
    let node = start();
    let widget = node.widget();
    let head = |line: &str| format!("{line} HTTP/1.1\r\nhost: {widget}\r\n\r\n");
    let many: String = (0..100).map(|i| format!("x-{i}: y\r\n")).collect();
    let cases = [
        ("a long address", head(&format!("GET /{}", "a".repeat(70_000))), 414),
        (
            "a very long address",
            head(&format!("GET /{}", "a".repeat(3 << 20))),
            431,
        ),
        (
            "many headers",
            format!("GET / HTTP/1.1\r\nhost: {widget}\r\n{many}\r\n"),
            431,
        ),
        (
            "a large header",
            format!("GET / HTTP/1.1\r\nhost: {widget}\r\nx: {}\r\n\r\n", "y".repeat(2 << 20)),
            431,
        ),
        (
            "a bad header",
            format!("GET / HTTP/1.1\r\nhost: {widget}\r\nbad header\r\n\r\n"),
            400,
        ),
        ("a bad version", "GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("no HTTP", "hello there\r\n\r\n".to_owned(), 400),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nhost: {widget}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
            400,
        ),
    ];
    for (what, text, status) in cases {
        let got = parse(&node.raw(text.as_bytes()).await);
        assert_eq!(got.status, status, "{what}");
        has_all(&node, &got, Page::Inert, what);
    }
    // After a good request on the same connection as well.
    let text = format!(
        "GET / HTTP/1.1\r\nhost: {widget}\r\n\r\n{}",
        head(&format!("GET /{}", "a".repeat(70_000)))
    );
    let bytes = node.raw(text.as_bytes()).await;
    let second = bytes.windows(9).rposition(|w| w == b"HTTP/1.1 ").unwrap();
    assert!(second > 0);
    let got = parse(&bytes[second..]);
    assert_eq!(got.status, 414);
    has_all(&node, &got, Page::Inert, "second request");
}

#[tokio::test]
async fn cookies_that_a_widget_sets_for_all_cannot_lock_the_dashboard_out() {
    let node = start();
    let cookies = vec!["c".repeat(4000); 180].join("; ");
    let got = node
        .ask("GET /none", &[("host", &node.hub()), ("cookie", &cookies)], b"")
        .await;
    assert_eq!(got.status, 404);
}

#[tokio::test]
async fn requests_inside_requests_are_not_smuggled() {
    let node = start();
    let (widget, hub) = (node.widget(), node.hub());
    let inner = format!("GET /api/none HTTP/1.1\r\nhost: {hub}\r\n\r\n");
    let text = format!(
        "POST / HTTP/1.1\r\nhost: {widget}\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        inner.len()
    );
    let bytes = node.raw(text.as_bytes()).await;
    let first = parse(&bytes);
    assert!(matches!(first.status, 400 | 405), "{}", first.status);
    for at in bytes
        .windows(9)
        .enumerate()
        .filter(|(_, w)| *w == b"HTTP/1.1 ")
        .map(|(at, _)| at)
    {
        assert!(bytes[at..].windows(10).any(|w| w == b"x-content-"));
    }
}

#[tokio::test]
async fn what_was_granted_of_the_browser_is_in_the_next_answer_and_what_was_revoked_is_not() {
    let node = start();
    let widget = node.widget();
    let policy = async |path: &str, more: &[(&str, &str)]| {
        let got = node
            .ask(path, &[&[("host", widget.as_str())][..], more].concat(), b"")
            .await;
        (got.status, got.header("permissions-policy").unwrap().to_owned())
    };
    let (_, before) = policy("GET /index.html", &[]).await;
    assert!(before.contains("camera=()"), "{before}");
    node.fake.features.lock().unwrap().push("camera");
    for (path, more, status) in [
        ("GET /index.html", &[][..], 200),
        ("HEAD /index.html", &[], 200),
        ("GET /index.html", &[("if-none-match", "*")], 304),
        ("GET /none", &[], 404),
        ("GET /%", &[], 400),
    ] {
        let (got, granted) = policy(path, more).await;
        assert_eq!(got, status, "{path}");
        assert!(
            granted.contains("camera=(self)") && granted.contains("microphone=()"),
            "{path}: {granted}"
        );
    }
    // Neither the dashboard nor another instance has more for it.
    let hub = node.ask("GET /", &[("host", &node.hub())], b"").await;
    assert_eq!(
        hub.header("permissions-policy").map(|p| p.contains("camera=(self)")),
        Some(false)
    );
    let sibling = format!("ponmlkjihgfedcba.hub.localhost:{}", node.port);
    let other = node.ask("GET /", &[("host", sibling.as_str())], b"").await;
    assert!(
        other
            .header("permissions-policy")
            .is_some_and(|p| p.contains("camera=()"))
    );
    node.fake.features.lock().unwrap().clear();
    assert_eq!(policy("GET /index.html", &[]).await.1, before);
}
