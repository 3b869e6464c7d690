use super::{TOKEN, start};
use serde_json::{Value, json};

fn status_call() -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": 7, "method": "node.status"})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_program_calls_with_the_token_of_the_data_folder() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    for host in [node.program(), format!("localhost:{}", node.port)] {
        let headers = [
            ("host", &*host),
            ("authorization", &*bearer),
            ("content-type", "application/json"),
        ];
        let got = node.ask("POST /api/rpc", &headers, &status_call()).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.json(), json!({"jsonrpc": "2.0", "id": 7, "result": {"node": "n"}}));
    }
}

#[tokio::test]
async fn each_door_takes_its_own_kind_of_token() {
    let node = start();
    let session = node.session().await;
    let origin = format!("http://{}", node.hub());
    let call = async |host: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("host", host),
            ("authorization", &*bearer),
            ("content-type", "application/json"),
        ];
        if host.starts_with("hub") {
            headers.push(("origin", &origin));
        }
        node.ask("POST /api/rpc", &headers, &status_call()).await.status
    };
    assert_eq!(call(&node.hub(), &session).await, 200);
    assert_eq!(call(&node.hub(), TOKEN).await, 401);
    assert_eq!(call(&node.program(), &session).await, 401);
    for token in ["", "x", &TOKEN.to_uppercase(), &format!("{TOKEN} ")] {
        // Spaces at the end of a header value are not part of it.
        let expected = if token.trim_end() == TOKEN { 200 } else { 401 };
        assert_eq!(call(&node.program(), token).await, expected, "{token:?}");
    }
}

#[tokio::test]
async fn nothing_is_done_without_a_token_or_for_another_page() {
    let node = start();
    let session = format!("Bearer {}", node.session().await);
    let hub = node.hub();
    let (program, good) = (node.program(), format!("Bearer {TOKEN}"));
    let json = ("content-type", "application/json");
    for (headers, expected) in [
        (vec![("host", &*program), json], 401),
        (vec![("host", &*program), ("authorization", TOKEN), json], 401),
        (
            vec![
                ("host", &*program),
                ("authorization", &good),
                ("content-type", "text/plain"),
            ],
            415,
        ),
        (vec![("host", &*program), ("authorization", &good)], 415),
        (
            vec![
                ("host", &*program),
                ("authorization", &good),
                json,
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (
            vec![
                ("host", &*program),
                ("authorization", &good),
                json,
                ("sec-fetch-site", "same-site"),
            ],
            403,
        ),
        (vec![("host", &*hub), ("authorization", &session), json], 403),
        (
            vec![("host", &*hub), ("authorization", &session), json, ("origin", "null")],
            403,
        ),
    ] {
        let got = node.ask("POST /api/rpc", &headers, &status_call()).await;
        assert_eq!(got.status, expected, "{headers:?}");
    }
    assert!(node.fake.calls().is_empty());
}

#[tokio::test]
async fn bad_calls_are_answered_with_numbers_and_sentences() {
    let node = start();
    let deep = "[".repeat(100_000);
    for (text, status, number) in [
        ("", 400, -32700),
        ("{", 400, -32700),
        (deep.as_str(), 400, -32700),
        ("[]", 400, -32600),
        ("{\"method\":\"node.status\",\"id\":1}", 400, -32600),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"node.status\"}",
            400,
            -32600,
        ),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}", 200, -32601),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"widget.show\",\"params\":{\"x\":1}}",
            200,
            -32602,
        ),
    ] {
        let headers = [
            ("host", &*node.program()),
            ("authorization", &*format!("Bearer {TOKEN}")),
            ("content-type", "application/json; charset=utf-8"),
        ];
        let body = if text.is_empty() { " " } else { text };
        let got = node.ask("POST /api/rpc", &headers, body.as_bytes()).await;
        let short: String = text.chars().take(60).collect();
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (status, &json!(number)),
            "{short}"
        );
        assert!(got.json()["error"]["data"]["code"].is_string());
    }
}

#[tokio::test]
async fn too_large_calls_and_packages_are_refused_with_an_answer() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("host", &*node.program()),
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let got = node.ask("POST /api/rpc", &headers, &vec![b' '; (4 << 20) + 1]).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (413, &json!("limit")));
    let size = hedgerow_base::limits::MAX_PACKAGE as usize;
    let got = node
        .ask("POST /api/packages", &headers[..2], &vec![b'P'; size + 1])
        .await;
    assert_eq!(got.status, 413);
}

#[tokio::test]
async fn packages_are_uploaded() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("host", &*node.program()), ("authorization", &*bearer)];
    let got = node.ask("POST /api/packages", &headers, b"PK and more").await;
    assert_eq!(
        (got.status, got.json()),
        (200, json!({"package": "07".repeat(32), "size": 11}))
    );
    let got = node.ask("POST /api/packages", &headers, b"nothing").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &json!("refused")));
    assert_eq!(node.ask("POST /api/packages", &headers[..1], b"PK").await.status, 401);
}

#[tokio::test]
async fn a_login_code_works_once() {
    let node = start();
    let link = node.server.login_link();
    let (address, code) = link.split_once("#login=").unwrap();
    assert_eq!(address, format!("http://{}/", node.hub()));
    assert_eq!(node.login(code).await.status, 200);
    let again = node.login(code).await;
    assert_eq!((again.status, &again.json()["error"]["code"]), (403, &json!("denied")));
    for _ in 0..9 {
        node.login("wrong").await;
    }
    assert_eq!(node.login("wrong").await.status, 429);
}

#[tokio::test]
async fn a_login_from_another_page_is_refused() {
    let node = start();
    let code = node.server.login_link().split_once("#login=").unwrap().1.to_owned();
    let body = json!({"code": code}).to_string();
    let widget = format!("http://{}", node.widget());
    for origin in [&*widget, "null", "http://evil.example"] {
        let headers = [
            ("host", &*node.hub()),
            ("origin", origin),
            ("content-type", "application/json"),
        ];
        assert_eq!(node.ask("POST /api/login", &headers, body.as_bytes()).await.status, 403);
    }
    assert_eq!(node.login(&code).await.status, 200, "the code is still good");
}

#[tokio::test]
async fn login_links_are_made_by_the_server_and_shutdown_is_heard() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("host", &*node.program()),
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let call = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string();
    let got = node
        .ask("POST /api/rpc", &headers, call("node.login_link").as_bytes())
        .await;
    let link = got.json()["result"]["hub"].as_str().unwrap().to_owned();
    assert_eq!(node.login(link.split_once("#login=").unwrap().1).await.status, 200);
    let got = node
        .ask("POST /api/rpc", &headers, call("node.shutdown").as_bytes())
        .await;
    assert_eq!(got.json()["result"], json!({}));
    node.server.ended().await.unwrap();
    assert_eq!(
        node.fake.calls(),
        ["node.login_link", "node.shutdown"],
        "the node checks who asks, and counts it"
    );
    let port = node.port;
    node.server.stop().await;
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_call_without_an_id_is_done_and_not_answered() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("host", &*node.program()),
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let got = node
        .ask(
            "POST /api/rpc",
            &headers,
            b"{\"jsonrpc\":\"2.0\",\"method\":\"node.status\"}",
        )
        .await;
    assert_eq!((got.status, got.json()), (200, Value::Null));
    assert_eq!(node.fake.calls(), ["node.status"]);
}

#[tokio::test]
async fn streams_want_the_token_of_the_owner() {
    let node = start();
    for (bearer, status) in [("", 401), ("Bearer wrong", 401), (&*format!("Bearer {TOKEN}"), 403)] {
        let headers = [
            ("host", &*node.program()),
            ("authorization", bearer),
            ("connection", "upgrade"),
            ("upgrade", "hedgerow-stream"),
        ];
        // The node of these tests refuses every stream by itself, which says that it was asked.
        let got = node.ask("GET /api/stream?listen=notes", &headers, b"").await;
        assert_eq!(got.text().contains("listen notes"), status == 403, "{}", got.text());
        assert!(status == 403 || got.status == 401);
    }
}
