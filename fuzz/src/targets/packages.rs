//! What anybody may publish: zip files, manifests, permissions, rules; and what the owner is asked about them.

use crate::{
    Target,
    promise::{joined, parts, text},
};
use hedgerow_api::{
    Permission,
    types::{How, Level, Tier},
};
use hedgerow_bundle::{
    Asked, Manifest, Package, PermissionDiff, Scope, fork,
    grants::{Answer, Given, Holder, Need, Of, Policy, Verdict, decide},
    p2p_rules, pack, sentence,
};
use hedgerow_overlay::{Facts, Rules, RulesText};
use hedgerow_sandbox::plugin;
use std::collections::BTreeMap;

const MANIFEST: &str = r#"name = "Checklist"
source_code_url = "https://example.org/checklist"
[hedgerow]
version = "1.2.0"
license = "MIT"
description = "Lists."
categories = ["Tools"]
tags = ["list"]
permissions = [
  { name = "web", reason = "The weather", hosts = ["*.example.org"], budget_mb = 5 },
  { name = "peers", reason = "Chat" },
]
[hedgerow.messages]
max_bytes = 2000
filter = "^\\{"
accept = "has(msg.text) && size(msg.text) < 100"
"#;

const PLUGIN: &str = r#"name = "greeter"
version = "0.1.0"
description = "Says hello"
command = ["python3", "main.py"]
app = "chat"
permissions = [{ name = "peers", reason = "To greet" }]
[environment]
LANG = "C"
"#;

const RULES: &str = r#"max_bytes = 2000
rate_per_signer = 2.0
burst_per_signer = 20
signed_only = true
filter = '^\{"cmd": ".*"\}$'
accept = 'has(msg.text) && size(msg.text) <= 100 && !(msg.text.contains("x")) && (bytes > 2 || signer != null) && msg.list.all(i, i % 2 == 0)'
"#;

fn package(bytes: &[u8]) {
    let Ok(package) = Package::open(bytes.into()) else {
        return;
    };
    let files = package.files();
    assert!(files.len() <= hedgerow_base::limits::MAX_PACKAGE_FILES);
    for file in &files {
        let inside = !file.path.starts_with('/') && file.path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        assert!(inside && !file.path.contains('\\'), "{:?}", file.path);
    }
    assert!(
        package.file("webxdc.js").is_ok_and(|file| file.is_none()),
        "that one is ours"
    );
    let _ = (package.manifest(), package.icon(), package.verify_all());
    for file in files.iter().take(8) {
        if let Ok(Some(content)) = package.file(&file.path) {
            assert_eq!(content.len() as u64, file.size, "what is announced is what comes");
        }
    }
}

fn package_seeds() -> Vec<Vec<u8>> {
    let files = |list: &[(&str, &[u8])]| -> BTreeMap<String, Vec<u8>> {
        list.iter()
            .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
            .collect()
    };
    let page = b"<script src=webxdc.js></script>".as_slice();
    let all = [
        files(&[("index.html", page)]),
        files(&[("index.html", page), ("manifest.toml", MANIFEST.as_bytes())]),
        files(&[
            ("index.html", page),
            ("icon.png", b"\x89PNG\r\n\x1a\nrest"),
            ("a/b/c.js", b"1"),
        ]),
        files(&[
            ("index.html", page),
            ("p2p.json", br#"{"filter": ".*", "size_limit": 2048}"#),
        ]),
    ];
    all.iter().map(|files| pack(files).unwrap()).collect()
}

/// Any manifest and page, packed: deeper than what breaks a zip.
fn packed(bytes: &[u8]) {
    let parts = parts(bytes);
    let part = |at: usize| parts.get(at).map_or_else(Vec::new, |part| part.to_vec());
    let files = BTreeMap::from([
        ("index.html".to_owned(), part(1)),
        ("manifest.toml".to_owned(), part(0)),
        (String::from_utf8_lossy(&part(2)).into_owned(), part(3)),
    ]);
    if let Ok(bytes) = pack(&files) {
        let package = Package::open(bytes.into()).expect("what is packed opens");
        package.verify_all().expect("and is whole");
    }
    let mut files = files;
    let _ = fork(&mut files, "Another", "00000000-0000-8000-8000-000000000000");
}

fn packed_seeds() -> Vec<Vec<u8>> {
    let all = [MANIFEST.as_bytes(), b"<p>", b"a.js", b"1"];
    vec![joined(all), joined([b"name = \"x\"".as_slice(), b"", b"..", b"1"])]
}

fn manifest(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(manifest) = Manifest::parse(text) {
        assert!(manifest.categories.len() <= 8 && manifest.tags.len() <= 16 && manifest.permissions.len() <= 32);
        for asked in &manifest.permissions {
            assert!(asked.is_within(asked), "{asked:?}");
            assert!(!sentence(&asked.name, &asked.scope).is_empty());
        }
        let none = PermissionDiff::between(&manifest.permissions, &manifest.permissions);
        assert!(none.added.is_empty() && none.removed.is_empty());
        if let Some(messages) = manifest.messages {
            let rules: Result<RulesText, _> = messages.try_into();
            drop(rules.map(|rules| Rules::try_from(&rules)));
        }
    }
}

fn p2p(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(table) = p2p_rules(text) {
        let rules: RulesText = table.try_into().expect("a table of rules");
        drop(Rules::try_from(&rules));
    }
}

/// Rules, then messages that they look at.
fn rules(bytes: &[u8]) {
    let parts = parts(bytes);
    let Some((text, bodies)) = parts.split_first() else {
        return;
    };
    let Some(text) = crate::promise::text(text) else { return };
    let Ok(read) = toml::from_str::<RulesText>(text) else {
        return;
    };
    let Ok(rules) = Rules::try_from(&read) else { return };
    let again = Rules::try_from(&read).expect("the same once more");
    assert_eq!(rules.digest(), again.digest());
    for body in bodies {
        let facts = Facts { body, signer: None };
        assert_eq!(rules.passes(facts), again.passes(facts), "all who have the rules agree");
    }
}

fn rules_seeds() -> Vec<Vec<u8>> {
    let accept = |text: &str| format!("accept = '{text}'");
    let all = [
        accept("has(msg.text) && msg.text.startsWith(\"a\") && size(msg.text) > 3"),
        accept("msg.list.exists(i, i.x in [1, 2.5, \"a\"]) ? type(msg.y) == \"int\" : bytes < 10"),
        accept("-msg.a * 3 + 4 / 2 - 7 % 2 >= 1.5 || msg[\"b\"][0].matches(\"^[a-z]+$\")"),
        RULES.to_owned(),
    ];
    let body = br#"{"text": "abcd", "list": [{"x": 1}, 2], "a": -3, "b": ["abc"], "y": 1, "cmd": "go"}"#;
    all.iter()
        .map(|text| joined([text.as_bytes(), body, b"{\"cmd\": \"x\"}"]))
        .collect()
}

fn plugin_manifest(bytes: &[u8]) {
    if let Ok(found) = plugin::Manifest::parse(bytes) {
        assert!(plugin::is_name(&found.name) && !found.command.is_empty());
        let _ = found.app_name();
    }
}

/// The texts of a scope, one a line, after a byte that says of which permission.
fn scope_of(bytes: &[u8]) -> Option<(Permission, Vec<String>)> {
    let (first, rest) = bytes.split_first()?;
    let permission = *Permission::ALL.get(usize::from(*first) % Permission::ALL.len())?;
    let texts = text(rest)?.split('\n').filter(|text| !text.is_empty());
    Some((permission, texts.map(str::to_owned).collect()))
}

fn scope(bytes: &[u8]) {
    let Some((permission, texts)) = scope_of(bytes) else {
        return;
    };
    if let Ok(scope) = Scope::of(permission, &texts) {
        assert_eq!(
            Scope::of(permission, &scope.texts()).as_ref(),
            Ok(&scope),
            "it reads the same"
        );
        assert!(scope.is_within(&scope));
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "hub.localhost",
            "printer.local",
            "",
            ".",
        ] {
            assert!(!scope.allows_host(host), "{host:?} by {scope:?}");
        }
        let _ = scope.words();
    }
}

fn scope_seeds() -> Vec<Vec<u8>> {
    let of = |permission: Permission, text: &str| {
        let at = Permission::ALL.iter().position(|p| *p == permission).unwrap();
        [&[at as u8], text.as_bytes()].concat()
    };
    vec![
        of(Permission::Web, "*.example.org\na.example.com\nbytes:5000"),
        of(Permission::Widgets, "chat\n12345678-1234-8234-8234-123456789abc"),
        of(Permission::Storage, "bytes:1000000"),
        of(Permission::Torrents, "add"),
        of(Permission::Camera, ""),
    ]
}

/// What is asked for, what was answered, and what a call needs, all by chance: nothing is allowed that was not asked for in
/// the manifest, nor without a yes or a policy; a no is a no.
fn decision(bytes: &[u8]) {
    let parts = parts(bytes);
    let [first, second, third, host, rest @ ..] = &parts[..] else {
        return;
    };
    let (Some((asked_for, scope)), Some((answered, seen)), Some((needed, _))) =
        (scope_of(first), scope_of(second), scope_of(third))
    else {
        return;
    };
    let Some(host) = text(host) else { return };
    let bits = |at: usize| rest.first().and_then(|rest| rest.get(at)).copied().unwrap_or(0);
    let asked = [Asked {
        name: asked_for.name().into(),
        reason: "Because".into(),
        scope: scope.clone(),
    }];
    let how = [How::Once, How::WhileOpen, How::Always];
    let answer = match bits(0) % 4 {
        0 => Some(Answer::Never),
        1 => Some(Answer::NotNow),
        2 => None,
        _ => Some(Answer::Given(Given {
            how: how[usize::from(bits(1)) % 3],
            anyway: bits(2) & 1 == 1,
            since_ms: u64::from(bits(3)) * 1000,
            scope: seen.clone(),
        })),
    };
    let levels = [Level::Shipped, Level::Own, Level::Trusted, Level::Stranger];
    let level = levels[usize::from(bits(4)) % 4];
    let tier = if bits(5) & 1 == 1 { Tier::Strict } else { Tier::Partial };
    let policy = if bits(5) & 2 == 2 {
        Policy::default()
    } else {
        Policy(BTreeMap::new())
    };
    let answers: BTreeMap<_, _> = answer.clone().map(|answer| (answered, answer)).into_iter().collect();
    let holder = Holder {
        asked: &asked,
        level,
        tier,
        answers: &answers,
        policy: &policy,
    };
    let of = match bits(6) % 3 {
        0 => Of::Nothing,
        1 => Of::Host(host),
        _ => Of::App(host),
    };
    let verdict = decide(&holder, &Need { permission: needed, of }, NOW);
    if verdict.is_yes() {
        assert_eq!(needed, asked_for, "it was not asked for");
        let mine = Scope::of(needed, &scope).expect("sound limits");
        match of {
            Of::Nothing => {}
            Of::Host(host) => assert!(mine.allows_host(host)),
            Of::App(app) => assert!(mine.allows_app(app)),
        }
        is_due(&holder, needed, &mine, &verdict);
    }
}

const NOW: u64 = 100_000;

/// A yes comes from the person, or from the policy.
fn is_due(holder: &Holder<'_>, needed: Permission, mine: &Scope, verdict: &Verdict) {
    let said = holder.answers.get(&needed);
    assert!(!matches!(said, Some(Answer::Never | Answer::NotNow)), "a no is a no");
    if *verdict == Verdict::ByPolicy {
        let allowed = !needed.is_private() && holder.policy.allows(holder.level, needed);
        assert!(holder.level == Level::Shipped || allowed);
        return;
    }
    let Some(Answer::Given(given)) = said else {
        panic!("nobody said yes")
    };
    assert!(holder.tier == Tier::Strict || !needed.is_private() || given.anyway);
    assert!(mine.is_within(&Scope::of(needed, &given.scope).expect("sound limits")));
    assert!(given.how != How::Once || NOW.saturating_sub(given.since_ms) < hedgerow_bundle::grants::ONCE_MS);
}

fn decision_seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for scope in scope_seeds() {
        for bits in [
            [3, 2, 0, 60, 3, 0, 0],
            [3, 0, 1, 99, 3, 1, 1],
            [2, 0, 0, 0, 1, 2, 2],
            [0, 0, 0, 0, 0, 2, 0],
        ] {
            all.push(joined([&scope[..], &scope, &scope, b"a.example.org", &bits]));
        }
    }
    all
}

fn one(text: &str) -> Vec<Vec<u8>> {
    vec![text.as_bytes().to_vec()]
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "package",
        "Package::open: names stay inside, sizes are true",
        package,
        package_seeds,
    )
    .up_to(16 << 10)
    .with_room(8 << 20),
    Target::new(
        "packed",
        "pack, fork: any manifest and names; what is packed opens",
        packed,
        packed_seeds,
    )
    .with_room(8 << 20),
    Target::new(
        "manifest",
        "Manifest::parse: bounds; permissions within themselves",
        manifest,
        || one(MANIFEST),
    ),
    Target::new("p2p_json", "p2p_rules: what comes out are rules", p2p, || {
        one(r#"{"filter": "^\\{\"cmd\": \".*\"\\}$", "freq_limit": 0.5, "size_limit": 2048, "signed_only": true}"#)
    }),
    Target::new(
        "rules",
        "Rules::try_from, passes: all who have the rules agree",
        rules,
        rules_seeds,
    )
    .with_room(32 << 20),
    Target::new("plugin_manifest", "plugin::Manifest::parse", plugin_manifest, || {
        one(PLUGIN)
    }),
    Target::new(
        "scope",
        "Scope::of: reads the same, and never allows this network",
        scope,
        scope_seeds,
    ),
    Target::new(
        "decision",
        "decide: denied unless asked for and allowed",
        decision,
        decision_seeds,
    ),
];
