use super::*;
use proptest::prelude::*;

fn asked(name: &str, scope: &[&str]) -> Asked {
    Asked {
        name: name.into(),
        reason: String::new(),
        scope: scope.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn given(how: How) -> Answer {
    Answer::Given(Given {
        how,
        anyway: false,
        since_ms: 1_000,
        scope: Vec::new(),
    })
}

struct Case {
    asked: Vec<Asked>,
    level: Level,
    tier: Tier,
    answers: BTreeMap<Permission, Answer>,
    policy: Policy,
}

impl Case {
    fn new(asked: Vec<Asked>) -> Self {
        Self {
            asked,
            level: Level::Stranger,
            tier: Tier::Partial,
            answers: BTreeMap::new(),
            policy: Policy::default(),
        }
    }
    fn answer(mut self, permission: Permission, answer: Answer) -> Self {
        self.answers.insert(permission, answer);
        self
    }
    fn needs(&self, permission: Permission, of: Of<'_>) -> Verdict {
        let holder = Holder {
            asked: &self.asked,
            level: self.level,
            tier: self.tier,
            answers: &self.answers,
            policy: &self.policy,
        };
        decide(&holder, &Need { permission, of }, 2_000)
    }
}

#[test]
fn what_is_not_in_the_manifest_is_refused_also_if_it_was_granted() {
    for permission in Permission::ALL.iter().copied() {
        let mut case = Case::new(vec![]).answer(permission, given(How::Always));
        for level in [Level::Shipped, Level::Own, Level::Trusted, Level::Stranger] {
            case.level = level;
            assert!(matches!(case.needs(permission, Of::Nothing), Verdict::No(_)));
        }
    }
}

#[test]
fn what_nobody_answered_is_asked_and_a_no_is_not_asked_again() {
    let case = Case::new(vec![asked("peers", &[])]);
    assert_eq!(case.needs(Permission::Peers, Of::Nothing), Verdict::Ask);
    for no in [Answer::NotNow, Answer::Never] {
        let mut case = Case::new(vec![asked("peers", &[])]).answer(Permission::Peers, no);
        case.level = Level::Own;
        assert!(
            matches!(case.needs(Permission::Peers, Of::Nothing), Verdict::No(_)),
            "a no counts before the policy"
        );
    }
}

#[test]
fn a_grant_for_one_call_is_used_up_by_it_and_does_not_wait_for_ever() {
    let once = Case::new(vec![asked("notifications", &[])]).answer(Permission::Notifications, given(How::Once));
    assert_eq!(
        once.needs(Permission::Notifications, Of::Nothing),
        Verdict::Granted(true)
    );
    let mut late = once;
    late.answers.insert(
        Permission::Notifications,
        Answer::Given(Given {
            how: How::Once,
            anyway: false,
            since_ms: 0,
            scope: vec![],
        }),
    );
    let holder = Holder {
        asked: &late.asked,
        level: late.level,
        tier: late.tier,
        answers: &late.answers,
        policy: &late.policy,
    };
    let need = Need {
        permission: Permission::Notifications,
        of: Of::Nothing,
    };
    assert_eq!(decide(&holder, &need, ONCE_MS), Verdict::Ask);
}

#[test]
fn what_is_private_needs_a_word_of_its_own_where_the_fence_is_partial() {
    let mut case = Case::new(vec![asked("contacts", &[])]).answer(Permission::Contacts, given(How::Always));
    assert_eq!(case.needs(Permission::Contacts, Of::Nothing), Verdict::Ask);
    case.tier = Tier::Strict;
    assert_eq!(case.needs(Permission::Contacts, Of::Nothing), Verdict::Granted(false));
    case.tier = Tier::Partial;
    if let Some(Answer::Given(given)) = case.answers.get_mut(&Permission::Contacts) {
        given.anyway = true;
    }
    assert_eq!(case.needs(Permission::Contacts, Of::Nothing), Verdict::Granted(false));
}

#[test]
fn a_web_request_goes_only_to_hosts_that_the_person_saw() {
    let mut case = Case::new(vec![asked("web", &["example.org"])]);
    assert!(matches!(
        case.needs(Permission::Web, Of::Host("evil.org")),
        Verdict::No(_)
    ));
    assert_eq!(case.needs(Permission::Web, Of::Host("example.org")), Verdict::Ask);
    let scope = vec!["example.org".to_owned()];
    let yes = Answer::Given(Given {
        how: How::Always,
        anyway: false,
        since_ms: 0,
        scope,
    });
    case.answers.insert(Permission::Web, yes);
    assert_eq!(
        case.needs(Permission::Web, Of::Host("example.org")),
        Verdict::Granted(false)
    );
    // An update asks for more: what was granted does not cover it.
    case.asked = vec![asked("web", &["example.org", "other.org"])];
    assert_eq!(case.needs(Permission::Web, Of::Host("example.org")), Verdict::Ask);
    assert_eq!(case.needs(Permission::Web, Of::Host("other.org")), Verdict::Ask);
}

#[test]
fn nothing_private_is_allowed_unasked_but_to_what_comes_with_the_program() {
    let all = Permission::ALL.to_vec();
    let policy = Policy(
        [Level::Own, Level::Trusted, Level::Stranger]
            .map(|l| (l, all.clone()))
            .into(),
    );
    for permission in all.iter().copied().filter(|p| p.is_private()) {
        assert!(!policy.allows(Level::Own, permission) && policy.allows(Level::Shipped, permission));
    }
}

proptest! {
    #[test]
    fn without_a_yes_and_without_a_policy_nothing_is_ever_allowed(
        index in 0..Permission::ALL.len(), strict: bool, no in 0..3u8, host in "[a-z.]{0,12}",
    ) {
        let permission = Permission::ALL[index];
        let mut case = Case::new(vec![asked(permission.name(), &[])]);
        case.policy = Policy(BTreeMap::new());
        case.tier = if strict { Tier::Strict } else { Tier::Partial };
        match no {
            0 => {}
            1 => drop(case.answers.insert(permission, Answer::NotNow)),
            _ => drop(case.answers.insert(permission, Answer::Never)),
        }
        for of in [Of::Nothing, Of::Host(&host), Of::App(&host)] {
            prop_assert!(!case.needs(permission, of).is_yes());
        }
    }
}
