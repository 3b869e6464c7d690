use super::*;

#[test]
fn one_range_is_served_and_the_rest_is_the_whole_file() {
    let some = |first, end| Part::Some { first, end };
    for (header, len, expected) in [
        (None, 10, Part::Whole),
        (Some("bytes=0-"), 10, some(0, 10)),
        (Some("bytes=2-4"), 10, some(2, 5)),
        (Some("bytes=2-400"), 10, some(2, 10)),
        (Some("bytes=9-9"), 10, some(9, 10)),
        (Some("bytes=10-"), 10, Part::Outside),
        (Some("bytes=0-"), 0, Part::Outside),
        (Some("bytes=-3"), 10, some(7, 10)),
        (Some("bytes=-30"), 10, some(0, 10)),
        (Some("bytes=-0"), 10, Part::Outside),
        (Some("bytes=-1"), 0, Part::Outside),
        (Some("bytes=-"), 10, Part::Whole),
        (Some("bytes=4-2"), 10, Part::Whole),
        (Some("bytes=0-1,3-4"), 10, Part::Whole),
        (Some("bytes=+1-2"), 10, Part::Whole),
        (Some("lines=0-1"), 10, Part::Whole),
        (Some("bytes=18446744073709551615-"), 10, Part::Outside),
        (Some("bytes=0-99999999999999999999999"), 10, some(0, 10)),
    ] {
        assert_eq!(part(header, len), expected, "{header:?} of {len}");
    }
}

#[test]
fn a_part_is_always_inside_the_file() {
    for len in 0..6 {
        for a in 0..8 {
            for b in 0..8 {
                for text in [format!("bytes={a}-{b}"), format!("bytes={a}-"), format!("bytes=-{b}")] {
                    if let Part::Some { first, end } = part(Some(&text), len) {
                        assert!(first < end && end <= len, "{text} of {len}");
                    }
                }
            }
        }
    }
}
