use super::*;

#[test]
fn paths_name_files() {
    for (path, file) in [
        ("/", "index.html"),
        ("/?a=/../b", "index.html"),
        ("/index.html", "index.html"),
        ("/sub/", "sub/index.html"),
        ("/sub/a.js?v=1", "sub/a.js"),
        ("/a%20b.png", "a b.png"),
        ("/%C3%A4.txt", "ä.txt"),
        ("/webxdc%2Ejs", "webxdc.js"),
        ("/a%2525", "a%25"),
        ("/..a", "..a"),
        ("/a%2Fb", "a/b"),
        ("/a%3Fb", "a?b"),
    ] {
        assert_eq!(file_name(path).as_deref(), Ok(file), "{path}");
    }
}

#[test]
fn nothing_leads_out_of_the_package() {
    for path in [
        "",
        "a",
        "/..",
        "/../a",
        "/a/../b",
        "/%2e%2e/a",
        "/a/%2E%2E",
        "/./a",
        "/a/.",
        "//a",
        "/a//b",
        "/a\\b",
        "/a%5Cb",
        "/%5c%5chost/share",
        "/a%00.js",
        "/a%0Ab",
        "/a%7F",
        "/..%2fa",
        "/a/..%2F..%2Fb",
        "//",
    ] {
        assert_eq!(file_name(path), Err(PathError::Outside), "{path}");
    }
}

#[test]
fn badly_written_paths_are_refused() {
    for path in ["/%", "/%4", "/%zz", "/%ff", "/%C3", "/%+1", "/%-1"] {
        assert_eq!(file_name(path), Err(PathError::Encoding), "{path}");
    }
    assert_eq!(file_name(&format!("/{}", "a".repeat(MAX_PATH))), Err(PathError::Long));
}
