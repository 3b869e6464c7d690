//! A home answers strangers, so it must be no help for flooding others.

use super::*;

#[test]
fn nobody_gets_more_bytes_out_of_a_home_than_were_put_in() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut home = home();
        let mut watch = registered(&mut home, 0);
        let beat = watch.tick(0).unwrap();
        home.heard(0, &beat, at(1, 1), nobody, nowhere);
        let (mut inward, mut outward) = (0, 0);
        let mut cookie = [0; 8];
        for n in 0..2000u64 {
            let now = n * 20;
            let bytes = match random.below(5) {
                0 => {
                    let length = random.below(MAX_PARK + 1);
                    (0..length).map(|_| random.below(256) as u8).collect()
                }
                1 => Park::Here {
                    session: random.below(10) as u32,
                    count: random.below(1000) as u32,
                    after: Some(random.below(3) as u8),
                    mac: [0; 6],
                }
                .to_bytes(),
                // An old beat, again.
                2 => beat.clone(),
                _ => Park::Call {
                    node: if random.below(2) == 0 { NODE } else { NodeId([8; 32]) },
                    token: [n as u8; 8],
                    cookie,
                    pass: [0; 16],
                }
                .to_bytes(),
            };
            inward += HEADERS as usize + bytes.len();
            for (to, answer) in home.heard(now, &bytes, at(66, 5), nobody, nowhere) {
                outward += HEADERS as usize + answer.len();
                if let (true, Ok(Park::Called { cookie: given, .. })) = (to == at(66, 5), Park::from_bytes(&answer)) {
                    cookie = given;
                }
            }
            outward += home
                .tick(now)
                .iter()
                .map(|(_, bytes)| HEADERS as usize + bytes.len())
                .sum::<usize>();
            assert!(
                outward <= inward,
                "seed {seed}, after {n} datagrams: {outward} for {inward}"
            );
        }
        assert!(outward > 0 && cookie != [0; 8], "something was answered");
    }
}
