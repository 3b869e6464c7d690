//! What is refused before it runs, and in which words.

use super::world::{Host, core, encoded, guest};
use hedgerow_sandbox::component::{Limits, LoadError, check};

async fn refused(wasm: &[u8]) -> LoadError {
    let mut translated = false;
    let refused = Host::new(Limits::default())
        .all
        .install(wasm, |_| translated = true)
        .await;
    refused.err().unwrap()
}

/// A component of text.
fn text(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

#[tokio::test]
async fn wasi_is_refused_with_what_to_do_about_it_and_without_translating() {
    let wasm = text(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#);
    let refused = check(&wasm, 1000).unwrap_err();
    assert!(matches!(&refused, LoadError::Import { name, .. } if name == "wasi:cli/environment@0.2.0"));
    let words = refused.to_string();
    assert!(
        words.contains("--stub-wasi") && words.contains("componentize-js"),
        "{words}"
    );
}

#[tokio::test]
async fn anything_else_that_is_not_in_the_wit_is_refused_by_its_name() {
    let names = [
        "evil:host/shell@1.0.0",
        "hedgerow:widget/shell@0.1.0",
        "hedgerow:widget/app@0.2.0",
        "open",
        "hedgerow:widgetx/app@0.1.0",
    ];
    for name in names {
        let wasm = text(&format!(r#"(component (import "{name}" (instance)))"#));
        let refused = refused(&wasm).await;
        assert!(
            matches!(&refused, LoadError::Import { name: named, .. } if named == name),
            "{refused}"
        );
    }
    let wasm = text(r#"(component (import "hedgerow:widget/app@0.1.0" (instance (export "shell" (func)))))"#);
    let words = refused(&wasm).await.to_string();
    assert!(words.contains("hedgerow:widget/app#shell"), "{words}");
}

#[tokio::test]
async fn resources_and_modules_are_not_imported() {
    let resource =
        text(r#"(component (import "hedgerow:widget/app@0.1.0" (instance (export "r" (type (sub resource))))))"#);
    let module = text(r#"(component (import "hedgerow:widget/app@0.1.0" (core module)))"#);
    for wasm in [resource, module] {
        assert!(matches!(refused(&wasm).await, LoadError::Form(_)));
    }
}

#[tokio::test]
async fn a_function_of_another_form_is_refused() {
    let forms = [
        r#"(export "realtime-send" (func))"#,
        r#"(export "realtime-send" (func (param "data" u32) (result (result))))"#,
        r#"(export "realtime-send" (func (param "data" string) (param "more" string) (result (result (error string)))))"#,
    ];
    for form in forms {
        let wasm = text(&format!(
            r#"(component (import "hedgerow:widget/app@0.1.0" (instance {form})))"#
        ));
        let refused = refused(&wasm).await;
        assert!(
            matches!(&refused, LoadError::Form(why) if why.contains("app.realtime-send")),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_what_it_is() {
    assert!(matches!(
        refused(&text("(module)")).await,
        LoadError::NoComponent("a WebAssembly module")
    ));
    assert!(matches!(
        refused(b"(component)").await,
        LoadError::NoComponent("WebAssembly as text")
    ));
    assert!(matches!(refused(b"").await, LoadError::NoComponent("something else")));
    assert!(
        matches!(refused(&text("(component)")).await, LoadError::Form(_)),
        "one without handle"
    );
}

#[tokio::test]
async fn a_component_beyond_the_size_is_refused() {
    let host = Host::new(Limits {
        component: 100,
        ..Limits::default()
    });
    let wasm = guest("", "", "");
    assert!(matches!(
        host.all.install(&wasm, |_| {}).await,
        Err(LoadError::TooLarge(100))
    ));
}

#[tokio::test]
async fn damaged_components_are_refused_and_never_end_the_node() {
    let host = Host::new(Limits::default());
    let good = guest("", "", "");
    for at in (8..good.len()).step_by(good.len() / 12) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        // A change of a name or of a constant may still be a component.
        let _ = host.all.install(&bad, |_| {}).await;
        assert!(host.all.install(&good[..at], |_| {}).await.is_err());
    }
    host.program(&good).await;
}

#[tokio::test]
async fn a_component_that_was_built_for_an_older_wit_goes_on_to_run() {
    // It knows one event, fewer codes, and no field that was added later.
    let older = r#"package hedgerow:widget@0.1.0;
        interface types {
          enum error-code { refused, denied }
          record error { code: error-code, message: string }
        }
        interface app { use types.{error}; realtime-send: func(data: string) -> result<_, error>; }
        interface guest { variant event { wake, start } handle: func(event: event); }
        world component { import app; export guest; }"#;
    let import = r#"(import "hedgerow:widget/app@0.1.0" "realtime-send" (func $send (param i32 i32 i32)))"#;
    // It is told `denied`, which is its second code.
    let body = "(if (i32.ne (local.get $event) (i32.const 1)) (then unreachable))
                (call $send (i32.const 16) (i32.const 4) (i32.const 32))
                (if (i32.ne (i32.load8_u offset=4 (i32.const 32)) (i32.const 1)) (then unreachable))";
    let wasm = encoded(older, &core(import, "", body));
    let mut life = super::world::begun(Limits::default(), &wasm).await;
    super::world::done(life.say("start").await);
    let unknown = life.page(serde_json::json!(1)).await;
    assert!(matches!(unknown, hedgerow_sandbox::component::Outcome::Skipped(_)));
}
