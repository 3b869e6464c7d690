//! What comes in over HTTP, WebSocket and sockets of programs, before anything is carried out.

use crate::{Target, promise::text};
use hedgerow_api::{
    Door as Whose, METHODS, Plugins, Request,
    call::Call,
    doc,
    types::{Tier, WebFetchParams},
};
use hedgerow_base::InstanceId;
use hedgerow_node::hostile;
use hedgerow_sandbox::{
    Asked, Door, Field, Origins,
    path::file_name,
    range::{Part, part},
};

/// A call as text, up to the one check of who may do what.
fn call(bytes: &[u8]) {
    let call = match Call::parse(bytes) {
        Ok(call) => call,
        Err(answer) => {
            assert!(
                answer["jsonrpc"] == "2.0" && answer["error"]["code"].is_i64(),
                "{answer}"
            );
            return;
        }
    };
    assert!(call.params.is_object());
    let names_instance = call.params["instance"].is_string();
    let Ok(request) = Request::parse(&call.method, call.params) else {
        return;
    };
    assert_eq!(request.name(), call.method);
    assert!(
        hostile::component_may(&request).is_err(),
        "nobody allowed that component anything"
    );
    let needs = matches!(request.plugins(), Plugins::With(_)) && names_instance && request.door() == Whose::Widget;
    for tier in [Tier::Partial, Tier::Strict] {
        // A stream is named by its number, and ends with the permission under which it was opened.
        let may = hostile::page_may(tier, &request).is_ok();
        assert!(!(needs && may), "{} without a grant", request.name());
    }
    if let Request::WebFetch(params) = &request {
        web(params);
    }
}

/// No header that says who asks or how to connect, whatever the widget calls it.
fn web(params: &WebFetchParams) {
    for name in hostile::web_request(params).into_iter().flatten() {
        let closed = [
            "host",
            "cookie",
            "origin",
            "referer",
            "connection",
            "content-length",
            "transfer-encoding",
        ];
        assert!(
            !closed.contains(&name.as_str()) && !name.starts_with("sec-") && !name.starts_with("proxy-"),
            "{name}"
        );
    }
}

fn call_seeds() -> Vec<Vec<u8>> {
    let examples = METHODS.iter().map(|method| {
        let example = doc::method(method).example;
        let call = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": method.name, "params": example["params"],
        });
        call.to_string().into_bytes()
    });
    let others = [
        r#"{"jsonrpc":"2.0","method":"x"}"#,
        "[]",
        r#"{"jsonrpc":"2.0","id":{},"method":1,"params":[1]}"#,
    ];
    examples.chain(others.map(|text| text.as_bytes().to_vec())).collect()
}

const PORT: u16 = 4321;

/// Host, origin, site, mode, destination and service worker, one a line; `-` was not sent, `!` is unclear.
fn door(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let mut lines = text.split('\n');
    let mut field = || match lines.next() {
        None | Some("-") => Field::Absent,
        Some("!") => Field::Unclear,
        Some(text) => Field::One(text),
    };
    let asked = Asked {
        host: field(),
        origin: field(),
        site: field(),
        mode: field(),
        dest: field(),
        service_worker: field(),
    };
    let origins = Origins::new(PORT);
    let (host, origin) = (asked.host, asked.origin);
    let foreign = |own: &str| match origin {
        Field::Absent => false,
        Field::One(text) => text != own,
        Field::Unclear => true,
    };
    let door = origins.door(&asked);
    if !matches!(door, Door::Refused(_)) {
        assert!(matches!(asked.service_worker, Field::Absent), "a service worker");
    }
    match door {
        Door::Hub => {
            assert_eq!(host, Field::One(&origins.hub_host()));
            assert!(!foreign(&origins.hub()), "a foreign origin at the hub");
        }
        Door::Widget(id) => {
            let own = origins.widget(&id);
            assert_eq!(host, Field::One(own.trim_start_matches("http://")));
            assert!(!foreign(&own), "a foreign origin at a widget");
            assert!(!matches!(asked.site, Field::One("cross-site")), "another site");
        }
        Door::LocalProgram => {
            let Field::One(host) = host else { panic!("no host") };
            assert!(host == "127.0.0.1:4321" || host == "localhost:4321", "{host}");
            assert!(
                !foreign(&format!("http://{host}")),
                "a foreign origin where programs ask"
            );
            assert!(
                matches!((asked.site, asked.dest), (Field::Absent, Field::Absent)),
                "a browser"
            );
        }
        Door::Refused(_) => {}
    }
}

fn door_seeds() -> Vec<Vec<u8>> {
    let id = InstanceId([7; 10]);
    let all = [
        "hub.localhost:4321\n-\nnone\nnavigate\ndocument\n-".to_owned(),
        "hub.localhost:4321\nhttp://hub.localhost:4321\nsame-origin\ncors\nempty\n-".to_owned(),
        format!("{id}.hub.localhost:4321\n-\nsame-site\nnavigate\niframe\n-"),
        format!("{id}.hub.localhost:4321\nhttp://{id}.hub.localhost:4321\nsame-origin\nno-cors\nscript\n-"),
        "127.0.0.1:4321\n-\n-\n-\n-\n-".to_owned(),
        "localhost:4321\nhttp://localhost:4321\n-\nwebsocket\n-\n-".to_owned(),
        "evil.example:4321\n!\ncross-site\nnavigate\nserviceworker\nscript".to_owned(),
    ];
    all.map(String::into_bytes).to_vec()
}

/// The file that an address names lies below the package.
fn path(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(name) = file_name(text) else { return };
    let down = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    assert!(
        down && !name.contains(['\\', '\0']) && !name.starts_with('/'),
        "{name:?}"
    );
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-'));
    if plain {
        assert_eq!(file_name(&format!("/{name}")), Ok(name));
    }
}

/// What is sent of a file lies within it.
fn range(bytes: &[u8]) {
    let Some((len, header)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let len = u32::from_le_bytes(*len) as usize;
    if let Part::Some { first, end } = part(text(header), len) {
        assert!(first < end && end <= len, "{first}..{end} of {len}");
    }
}

fn range_seeds() -> Vec<Vec<u8>> {
    let all = [
        "bytes=0-",
        "bytes=5-9",
        "bytes=-3",
        "bytes=99999999999999999999-1",
        "bytes=1-2,4-5",
    ];
    all.map(|header| [&100_u32.to_le_bytes()[..], header.as_bytes()].concat())
        .to_vec()
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "api_call",
        "Call::parse, Request::parse, Caller::may: denied unless granted",
        call,
        call_seeds,
    ),
    Target::new(
        "http_door",
        "Origins::door: every name and origin but ours leads nowhere",
        door,
        door_seeds,
    )
    .up_to(512),
    Target::new("http_path", "file_name: below the package", path, || {
        ["/", "/a/b.js?x", "/%2e%2e/x", "/a%2fb", "/%c3%a9/", "/\\x"]
            .map(|t| t.as_bytes().to_vec())
            .to_vec()
    })
    .up_to(5000),
    Target::new("http_range", "range::part: within the file", range, range_seeds).up_to(128),
];
