use crate::{Budget, Candidate, Chance, hides_something, skeleton};
use alloc::string::{String, ToString};
use proptest::prelude::*;

#[test]
fn attack_20_names_that_look_alike_have_one_skeleton() {
    let alike = [
        ("Chess", "\u{0421}hess"),
        ("Chess", "chess"),
        ("Chess", "C h e s s"),
        ("Chess", "Che\u{200b}ss"),
        ("Chess", "Ch\u{00e8}ss"),
        ("Chess", "\u{202e}Chess"),
        ("paypal", "PayPaI"),
        ("paypal", "p\u{0430}yp\u{0430}l"),
        ("Modern", "Modem"),
        ("Spicy diary", "SPICY DIARY"),
        ("Solo 10", "SOLO IO"),
        ("Solo", "\u{1d4e2}olo"),
        ("Tic-Tac-Toe", "Tic Tac Toe"),
        ("Tic-Tac-Toe", "\u{ff34}ic\u{2010}Tac\u{2010}Toe"),
    ];
    for (one, other) in alike {
        assert_eq!(skeleton(one), skeleton(other), "{one} {other:?}");
    }
    for (one, other) in [
        ("Chess", "Chest"),
        ("Chess", "Chess 2"),
        ("Notes", "Votes"),
        ("\u{1f600}", "\u{1f680}"),
        ("象棋", "围棋"),
    ] {
        assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
    }
    assert_eq!(skeleton("\u{200b}\u{2060}"), "");
    assert!(!skeleton("\u{1f600}").is_empty() && !skeleton("- -").is_empty());
}

/// Letters of other scripts that look like Latin ones.
const LIKE: [(char, char); 12] = [
    ('a', '\u{0430}'),
    ('c', '\u{0441}'),
    ('e', '\u{0435}'),
    ('o', '\u{03bf}'),
    ('p', '\u{0440}'),
    ('x', '\u{0445}'),
    ('y', '\u{0443}'),
    ('i', '\u{0456}'),
    ('s', '\u{0455}'),
    ('j', '\u{0458}'),
    ('h', '\u{04bb}'),
    ('d', '\u{0501}'),
];

#[test]
fn attack_20_no_mix_of_tricks_gives_a_name_another_skeleton() {
    let name = "Joyce's exact spicy hex diary";
    for seed in 0..1000 {
        let mut chance = Chance::new(seed);
        let mut imitation = String::new();
        for c in name.chars() {
            let like = LIKE.iter().find(|(latin, _)| *latin == c).map_or(c, |(_, like)| *like);
            match chance.below(6) {
                0 => imitation.push(like),
                1 => imitation.extend(c.to_uppercase()),
                2 => imitation.extend([c, '\u{200d}']),
                3 => imitation.extend([c, '\u{0301}']),
                4 => imitation.extend([' ', c]),
                _ => imitation.push(c),
            }
        }
        assert_eq!(skeleton(&imitation), skeleton(name), "seed {seed}: {imitation:?}");
    }
}

#[test]
fn what_cannot_be_seen_in_a_name_is_noticed_and_the_worlds_names_are_not() {
    for hidden in [
        "a\u{202e}b",
        "a\u{200b}b",
        "\u{feff}a",
        "a\u{2066}b",
        "a\nb",
        "\u{3164}",
        "a\u{e0041}",
    ] {
        assert!(hides_something(hidden), "{hidden:?}");
    }
    // The joiners of Persian and of emoji are seen in what they join.
    for plain in [
        "Chess",
        "Schöne Bäume",
        "象棋",
        "شطرنج",
        "می\u{200c}خواهم",
        "👩\u{200d}🚀",
        "Шахматы",
        "הדר",
    ] {
        assert!(!hides_something(plain), "{plain}");
    }
}

#[test]
fn attack_21_decoys_are_not_fetched_however_popular_they_claim_to_be() {
    for seed in 0..1000 {
        let mut chance = Chance::new(seed);
        let real = ["Chess", "Notes", "Paint"];
        let known: alloc::vec::Vec<String> = real.iter().map(|name| skeleton(name)).collect();
        let mut all = alloc::vec::Vec::new();
        for widget in 0..60u32 {
            let decoy = widget >= 3;
            let name = if decoy {
                real[chance.below(3)].to_uppercase()
            } else {
                real[widget as usize].to_string()
            };
            // A decoy has the name, the picture and the numbers of the real one, and nobody trusted who vouches for it.
            let like_the_real_one = known.contains(&skeleton(&name));
            assert!(like_the_real_one);
            all.push(Candidate {
                widget,
                popularity: if decoy {
                    0.5 + chance.share() / 2.0
                } else {
                    chance.share() / 10.0
                },
                bytes: 1 + chance.below(100) as u64,
                whitelisted: !decoy,
                installed: false,
                blocked: false,
            });
        }
        let mut budget = Budget {
            disk: 1_000,
            traffic: 1_000,
            largest: 500,
            unknown_too: false,
        };
        let mut fetched = 0;
        while let Some(next) = budget.next(&all) {
            assert!(next.widget < 3, "seed {seed}: a decoy was fetched");
            let (widget, bytes) = (next.widget, next.bytes);
            budget = budget.after(bytes);
            all.retain(|candidate| candidate.widget != widget);
            fetched += 1;
        }
        assert_eq!(fetched, 3);
    }
}

proptest! {
    #[test]
    fn any_text_has_a_skeleton_that_is_its_own(text in any::<String>()) {
        let found = skeleton(&text);
        prop_assert_eq!(skeleton(&found), found);
        hides_something(&text);
    }
}
