use super::*;

fn script(name: &str) -> String {
    webxdc_js(&ScriptConfig {
        self_addr: "aa",
        self_name: name,
        hub: "http://hub.localhost:4400",
        send_update_interval: 1,
        send_update_max_size: 128_000,
        version: "0.1.0",
    })
}

#[test]
fn the_configuration_takes_the_place_once() {
    assert_eq!(SOURCE.matches(PLACE).count(), 1);
    let text = script("Mia");
    assert!(!text.contains(PLACE) && text.contains("\"selfName\":\"Mia\""));
}

#[test]
fn a_name_cannot_leave_its_string() {
    let text = script("</script><!--\u{2028}\u{2029}\"\\\n&__HEDGEROW_CONFIG__");
    for bad in ["</script>", "<!--", "\u{2028}", "\u{2029}"] {
        assert!(!text.contains(bad), "{bad:?}");
    }
    assert!(text.contains("\\u003c/script\\u003e\\u003c!--\\u2028\\u2029\\\"\\\\\\n\\u0026__HEDGEROW_CONFIG__"));
}
