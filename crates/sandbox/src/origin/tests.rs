use super::*;

const ID: &str = "abcdefghijklmnop";
const PORT: u16 = 4400;

fn asked<'a>(host: &'a str) -> Asked<'a> {
    Asked {
        host: Field::One(host),
        origin: Field::Absent,
        site: Field::Absent,
        mode: Field::Absent,
        dest: Field::Absent,
        service_worker: Field::Absent,
    }
}

fn fetch<'a>(host: &'a str, site: &'a str, mode: &'a str, dest: &'a str) -> Asked<'a> {
    Asked {
        site: Field::One(site),
        mode: Field::One(mode),
        dest: Field::One(dest),
        ..asked(host)
    }
}

fn door(asked: &Asked<'_>) -> Door {
    Origins::new(PORT).door(asked)
}

fn widget() -> Door {
    Door::Widget(ID.parse().unwrap())
}

fn host_of_widget() -> String {
    format!("{ID}.hub.localhost:4400")
}

#[test]
fn the_three_names_open_their_doors() {
    assert_eq!(door(&asked("hub.localhost:4400")), Door::Hub);
    assert_eq!(door(&asked(&host_of_widget())), widget());
    assert_eq!(door(&asked("127.0.0.1:4400")), Door::LocalProgram);
    assert_eq!(door(&asked("localhost:4400")), Door::LocalProgram);
}

#[test]
fn every_other_host_is_refused() {
    let long = format!("a.{ID}.hub.localhost:4400");
    for host in [
        "",
        ":4400",
        "hub.localhost",
        "hub.localhost:",
        "hub.localhost:80",
        "hub.localhost:04400",
        "hub.localhost:4400 ",
        " hub.localhost:4400",
        "hub.localhost.:4400",
        "Hub.localhost:4400",
        "hub.localhost:4400:4400",
        "hub.localhost@evil.example:4400",
        "evil.example",
        "evil.example:4400",
        "hub.localhost.evil.example:4400",
        "evilhub.localhost:4400",
        ".hub.localhost:4400",
        "abcdefghijklmno.hub.localhost:4400",
        "ABCDEFGHIJKLMNOP.hub.localhost:4400",
        "abcdefghijklmno1.hub.localhost:4400",
        &long,
        "127.0.0.1",
        "127.0.0.2:4400",
        "127.1:4400",
        "0.0.0.0:4400",
        "[::1]:4400",
        "[::1]",
        "2130706433:4400",
        "192.168.0.1:4400",
    ] {
        assert_eq!(door(&asked(host)), Door::Refused(Refusal::ForeignHost), "{host:?}");
    }
    for host in [Field::Absent, Field::Unclear] {
        assert_eq!(door(&Asked { host, ..asked("") }), Door::Refused(Refusal::NoHost));
    }
}

#[test]
fn port_80_is_written_without_a_number() {
    let origins = Origins::new(80);
    assert_eq!(origins.hub(), "http://hub.localhost");
    assert_eq!(origins.door(&asked("hub.localhost")), Door::Hub);
    assert_eq!(origins.door(&asked("hub.localhost:80")), Door::Hub);
}

#[test]
fn browsers_do_not_pass_for_local_programs() {
    let own = Field::One("http://127.0.0.1:4400");
    for (origin, site, why) in [
        (Field::One("http://evil.example"), Field::Absent, Refusal::ForeignOrigin),
        (Field::One("null"), Field::Absent, Refusal::ForeignOrigin),
        (
            Field::One("http://hub.localhost:4400"),
            Field::Absent,
            Refusal::ForeignOrigin,
        ),
        (
            Field::One("http://localhost:4400"),
            Field::Absent,
            Refusal::ForeignOrigin,
        ),
        (Field::One("http://127.0.0.1"), Field::Absent, Refusal::ForeignOrigin),
        (
            Field::One("https://127.0.0.1:4400"),
            Field::Absent,
            Refusal::ForeignOrigin,
        ),
        (Field::Unclear, Field::Absent, Refusal::ForeignOrigin),
        (Field::Absent, Field::One("none"), Refusal::ForPrograms),
        (Field::Absent, Field::One("cross-site"), Refusal::ForPrograms),
        (own, Field::One("same-origin"), Refusal::ForPrograms),
    ] {
        let asked = Asked {
            origin,
            site,
            ..asked("127.0.0.1:4400")
        };
        assert_eq!(door(&asked), Door::Refused(why), "{origin:?} {site:?}");
    }
}

#[test]
fn libraries_for_websocket_pass_for_programs() {
    for (origin, mode) in [
        (Field::One("http://127.0.0.1:4400"), Field::Absent),
        (Field::Absent, Field::One("websocket")),
    ] {
        let asked = Asked {
            origin,
            mode,
            ..asked("127.0.0.1:4400")
        };
        assert_eq!(door(&asked), Door::LocalProgram, "{origin:?} {mode:?}");
    }
    let navigates = Asked {
        mode: Field::One("navigate"),
        ..asked("127.0.0.1:4400")
    };
    assert_eq!(door(&navigates), Door::Refused(Refusal::ForPrograms));
}

#[test]
fn only_the_hubs_own_origin_speaks_for_the_hub() {
    let with = |origin| {
        door(&Asked {
            origin,
            ..asked("hub.localhost:4400")
        })
    };
    assert_eq!(with(Field::One("http://hub.localhost:4400")), Door::Hub);
    let sibling = format!("http://{}", host_of_widget());
    for origin in [
        "null",
        "http://evil.example",
        "http://hub.localhost",
        "https://hub.localhost:4400",
        "http://localhost:4400",
        &sibling,
    ] {
        assert_eq!(
            with(Field::One(origin)),
            Door::Refused(Refusal::ForeignOrigin),
            "{origin}"
        );
    }
    assert_eq!(with(Field::Unclear), Door::Refused(Refusal::ForeignOrigin));
}

#[test]
fn the_hub_may_be_linked_to_but_not_embedded() {
    let hub = "hub.localhost:4400";
    for site in ["none", "same-site", "cross-site"] {
        assert_eq!(door(&fetch(hub, site, "navigate", "document")), Door::Hub, "{site}");
    }
    for site in ["same-site", "cross-site", "unheard-of"] {
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("no-cors", "script"),
            ("no-cors", "image"),
            ("cors", "empty"),
        ] {
            assert_eq!(
                door(&fetch(hub, site, mode, dest)),
                Door::Refused(Refusal::ForeignSite),
                "{site} {mode} {dest}"
            );
        }
    }
}

#[test]
fn a_widget_is_framed_by_the_hub_and_used_by_nobody_else() {
    let host = host_of_widget();
    assert_eq!(door(&fetch(&host, "same-site", "navigate", "iframe")), widget());
    assert_eq!(door(&fetch(&host, "same-origin", "no-cors", "script")), widget());
    for (site, mode, dest) in [
        ("same-site", "no-cors", "script"),
        ("same-site", "no-cors", "image"),
        ("same-site", "cors", "empty"),
        ("same-site", "navigate", "document"),
        ("same-site", "navigate", "object"),
        ("cross-site", "navigate", "iframe"),
        ("cross-site", "navigate", "document"),
        ("none", "no-cors", "image"),
        ("none", "navigate", "document"),
        ("same-origin", "navigate", "document"),
    ] {
        assert_eq!(
            door(&fetch(&host, site, mode, dest)),
            Door::Refused(Refusal::ForeignSite),
            "{site} {mode} {dest}"
        );
    }
    let sibling = Asked {
        origin: Field::One("http://bbbbbbbbbbbbbbbb.hub.localhost:4400"),
        ..asked(&host)
    };
    assert_eq!(door(&sibling), Door::Refused(Refusal::ForeignOrigin));
}

#[test]
fn service_workers_are_never_served() {
    let by_header = Asked {
        service_worker: Field::One("script"),
        ..asked("hub.localhost:4400")
    };
    assert_eq!(door(&by_header), Door::Refused(Refusal::ServiceWorker));
    let host = host_of_widget();
    assert_eq!(
        door(&fetch(&host, "same-origin", "same-origin", "serviceworker")),
        Door::Refused(Refusal::ServiceWorker)
    );
}

#[test]
fn a_repeated_or_unreadable_header_is_unclear() {
    assert_eq!(Field::of([]), Field::Absent);
    assert_eq!(Field::of([Some("a")]), Field::One("a"));
    assert_eq!(Field::of([Some("a"), Some("a")]), Field::Unclear);
    assert_eq!(Field::of([None]), Field::Unclear);
}
