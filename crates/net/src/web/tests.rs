use super::*;

#[test]
fn nothing_of_this_machine_or_its_network_is_public_however_it_is_written() {
    for inside in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.251",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.0.8",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::fb",
        "100::1",
        "4000::1",
    ] {
        assert!(!is_public_text(inside), "{inside}");
    }
    for outside in [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        assert!(is_public_text(outside), "{outside}");
    }
}

#[test]
fn a_neighbour_with_a_public_address_is_inside() {
    let near = |a: &str, b: &str| address::is_neighbour(a.parse().unwrap(), b.parse().unwrap());
    assert!(near("2a00:1:2:3::5", "2a00:1:2:3::1") && !near("2a00:1:2:3::5", "2a00:1:2:4::1"));
    assert!(near("8.8.8.8", "8.8.8.8") && near("8.8.8.8", "8.8.8.1"));
    assert!(!near("192.168.1.2", "8.8.8.8"));
}

#[tokio::test]
async fn names_that_lead_to_this_machine_are_refused_before_anything_is_connected() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let error = connected("evil.example", &[here]).await.unwrap_err();
    assert_eq!(error, WebError::Inside("evil.example".into()));
    let came = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(came.is_err(), "nothing may connect");
    for tls in [false, true] {
        let request = WebRequest {
            tls,
            host: "localhost".into(),
            path: "/".into(),
            method: Method::GET,
            headers: vec![],
            body: vec![],
            most: 1000,
        };
        assert_eq!(fetch(request).await.unwrap_err(), WebError::Inside("localhost".into()));
    }
}

async fn answered(text: &'static str, most: usize) -> Result<WebResponse, WebError> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (near, mut far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let mut asked = vec![0; 4096];
        let n = far.read(&mut asked).await.unwrap();
        let asked = String::from_utf8_lossy(&asked[..n]).to_ascii_lowercase();
        assert!(
            asked.contains("\r\nhost: a.example\r\n") && !asked.contains("cookie"),
            "{asked}"
        );
        let _ = far.write_all(text.as_bytes()).await;
    });
    let request = WebRequest {
        tls: false,
        host: "a.example".into(),
        path: "/x?y".into(),
        method: Method::GET,
        headers: vec![],
        body: vec![],
        most,
    };
    exchange(near, request).await
}

#[tokio::test]
async fn an_answer_comes_without_cookies_and_never_larger_than_allowed() {
    let text = "HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: http://127.0.0.1/\r\nContent-Length: 5\r\n\r\nhello";
    let answer = answered(text, 5).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (302, b"hello".as_slice()));
    assert!(
        answer.headers.iter().any(|(n, _)| n == "location"),
        "not followed by itself"
    );
    assert!(answer.headers.iter().all(|(n, _)| n != "set-cookie"));
    assert!(matches!(answered(text, 4).await, Err(WebError::TooMuch(_, 4))));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nxxxxxxxxxxxxxxxxxxxxxxxxx";
    assert!(matches!(answered(chunked, 10).await, Err(WebError::TooMuch(_, 10))));
    assert!(matches!(answered("no web site", 10).await, Err(WebError::Failed(..))));
}

#[test]
fn headers_that_say_who_asks_are_not_for_widgets_to_set() {
    let may = |name: &str| may_set(&name.parse().unwrap());
    for bad in [
        "Host",
        "Cookie",
        "Origin",
        "Sec-Fetch-Site",
        "Proxy-Authorization",
        "X-Forwarded-For",
        "Transfer-Encoding",
    ] {
        assert!(!may(bad), "{bad}");
    }
    for good in ["Accept", "Content-Type", "Authorization", "If-None-Match", "X-Api-Key"] {
        assert!(may(good), "{good}");
    }
}
