use super::{ID, start};

#[tokio::test]
async fn foreign_hosts_get_nothing() {
    let node = start();
    let port = node.port;
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("hub.localhost.:{port}"),
        "hub.localhost".to_owned(),
        format!("hub.localhost:{}", port ^ 1),
        format!("[::1]:{port}"),
        format!("192.168.1.2:{port}"),
        format!("x.hub.localhost:{port}"),
        format!("HUB.localhost:{port}"),
        format!("hub.localhost:{port}, evil.example"),
    ] {
        let got = node.get(&host, "/").await;
        assert_eq!(got.status, 421, "{host}");
    }
    assert!(node.fake.calls().is_empty());
}

#[tokio::test]
async fn a_request_needs_exactly_one_host() {
    let node = start();
    let hub = node.hub();
    assert_eq!(node.ask("GET /", &[], b"").await.status, 400);
    assert_eq!(
        node.ask("GET /", &[("host", &hub), ("host", &hub)], b"").await.status,
        400
    );
    let absolute = format!("GET http://{hub}/");
    assert_eq!(node.ask(&absolute, &[("host", &hub)], b"").await.status, 421);
    assert_eq!(node.ask("OPTIONS *", &[("host", &hub)], b"").await.status, 421);
    assert_eq!(
        node.ask(&format!("CONNECT {hub}"), &[("host", &hub)], b"").await.status,
        421
    );
}

#[tokio::test]
async fn browsers_at_the_programs_address_are_told_where_the_dashboard_is() {
    let node = start();
    let program = node.program();
    for name in [&program, &format!("localhost:{}", node.port)] {
        let got = node
            .ask("GET /", &[("host", name), ("sec-fetch-site", "none")], b"")
            .await;
        assert_eq!(got.status, 403);
        assert!(got.text().contains(&format!("http://{}", node.hub())), "{}", got.text());
    }
}

#[tokio::test]
async fn other_pages_and_widgets_cannot_embed_a_widget() {
    let node = start();
    let host = node.widget();
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let script = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")];
    for (site, how, expected) in [
        ("same-site", frame, 200),
        ("same-origin", script, 200),
        ("same-site", script, 403),
        ("cross-site", frame, 403),
        ("cross-site", script, 403),
    ] {
        let headers = [("host", &*host), ("sec-fetch-site", site), how[0], how[1]];
        let got = node.ask("GET /index.html", &headers, b"").await;
        assert_eq!(got.status, expected, "{site} {how:?}");
    }
}

#[tokio::test]
async fn no_service_worker_is_served() {
    let node = start();
    for host in [node.widget(), node.hub()] {
        let got = node
            .ask("GET /webxdc.js", &[("host", &host), ("service-worker", "script")], b"")
            .await;
        assert_eq!(got.status, 403);
    }
}

#[tokio::test]
async fn a_widget_cannot_reach_the_api_on_its_own_origin() {
    let node = start();
    let host = node.widget();
    let got = node.ask("POST /api/rpc", &[("host", &host)], b"{}").await;
    assert_eq!(got.status, 405);
    assert_eq!(node.get(&host, "/api/rpc").await.status, 404);
    assert!(host.starts_with(ID) && node.fake.calls().is_empty());
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let node = start();
    let other = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    assert!(super::super::Server::start(other, node.fake.clone(), String::new()).is_err());
}
