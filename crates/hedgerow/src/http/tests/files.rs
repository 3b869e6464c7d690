use super::{ID, start};

#[tokio::test]
async fn a_widgets_files_are_served() {
    let node = start();
    let host = node.widget();
    for (path, text) in [
        ("/", "<p>hello"),
        ("/?x=1", "<p>hello"),
        ("/index.html", "<p>hello"),
        ("/sub/", "<p>sub"),
        ("/a%20b.txt", "0123456789"),
    ] {
        let got = node.get(&host, path).await;
        assert_eq!((got.status, got.text().as_str()), (200, text), "{path}");
        assert_eq!(got.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(node.get(&host, "/big.bin").await.body.len(), 3 << 20);
}

#[tokio::test]
async fn what_is_not_there_or_outside_is_a_small_page() {
    let node = start();
    let host = node.widget();
    for (path, status) in [
        ("/none", 404),
        ("/..%2fx", 400),
        ("/%", 400),
        ("//index.html", 400),
        ("/favicon.ico", 404),
    ] {
        let got = node.get(&host, path).await;
        assert_eq!(got.status, status, "{path}");
        assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let other = host.replace(ID, "bbbbbbbbbbbbbbbb");
    assert_eq!(node.get(&other, "/").await.status, 404);
    assert_eq!(node.get(&other, "/webxdc.js").await.status, 404);
}

#[tokio::test]
async fn the_packages_own_webxdc_js_never_wins() {
    let node = start();
    for path in ["/webxdc.js", "/webxdc%2Ejs", "/webxdc.js?v=2"] {
        let got = node.get(&node.widget(), path).await;
        assert_eq!(got.status, 200);
        assert!(
            got.text().contains("setUpdateListener") && !got.text().contains("</script>"),
            "{path}"
        );
        assert!(got.text().contains(&format!("\"hub\":\"http://{}\"", node.hub())));
        assert_eq!(got.header("cache-control"), Some("no-store"));
        assert_eq!(got.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let node = start();
    let host = node.widget();
    let tag = node.get(&host, "/").await.header("etag").unwrap().to_owned();
    for list in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let got = node
            .ask("GET /", &[("host", &host), ("if-none-match", &list)], b"")
            .await;
        assert_eq!((got.status, got.body.len()), (304, 0), "{list}");
        assert_eq!(got.header("etag"), Some(tag.as_str()));
    }
    let got = node
        .ask("GET /", &[("host", &host), ("if-none-match", "\"x\"")], b"")
        .await;
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn a_part_of_a_file_can_be_asked_for() {
    let node = start();
    let host = node.widget();
    let ask = async |range: &str, if_range: &str| {
        let headers = [("host", &*host), ("range", range), ("if-range", if_range)];
        let headers = if if_range.is_empty() { &headers[..2] } else { &headers };
        node.ask("GET /a%20b.txt", headers, b"").await
    };
    let got = ask("bytes=2-4", "").await;
    assert_eq!((got.status, got.text().as_str()), (206, "234"));
    assert_eq!(got.header("content-range"), Some("bytes 2-4/10"));
    let tag = got.header("etag").unwrap().to_owned();
    assert_eq!(ask("bytes=-3", &tag).await.text(), "789");
    assert_eq!(ask("bytes=-3", "\"old\"").await.text(), "0123456789");
    let got = ask("bytes=10-", "").await;
    assert_eq!((got.status, got.header("content-range")), (416, Some("bytes */10")));
    assert_eq!(ask("bytes=0-1,4-5", "").await.status, 200);
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_other_methods_are_not() {
    let node = start();
    for host in [node.widget(), node.hub()] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
            let got = node.ask(&format!("{method} /x"), &[("host", &host)], b"").await;
            assert_eq!((got.status, got.header("allow")), (405, Some("GET, HEAD")), "{method}");
        }
    }
    let got = node.ask("HEAD /a%20b.txt", &[("host", &node.widget())], b"").await;
    assert_eq!(
        (got.status, got.body.len(), got.header("content-length")),
        (200, 0, Some("10"))
    );
}

#[tokio::test]
async fn pdf_never_reaches_the_browsers_viewer() {
    let node = start();
    let got = node.get(&node.widget(), "/x.pdf").await;
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn the_dashboard_is_served_or_its_absence_is_explained() {
    let node = start();
    let got = node.get(&node.hub(), "/").await;
    match got.status {
        200 => {
            assert_eq!(got.header("cache-control"), Some("no-cache"));
            let headers = [("host", &*node.hub()), ("accept-encoding", "gzip, br")];
            let packed = node.ask("GET /", &headers, b"").await;
            assert!(packed.header("content-encoding").is_none() || packed.body.starts_with(&[0x1f, 0x8b]));
        }
        503 => assert!(got.text().contains("cargo xtask up")),
        other => panic!("{other}"),
    }
    assert_eq!(node.get(&node.hub(), "/none").await.status, 404);
    assert_eq!(node.get(&node.hub(), "/../Cargo.toml").await.status, 404);
    assert_eq!(node.get(&node.hub(), "/index.html.gz").await.status, 404);
}
