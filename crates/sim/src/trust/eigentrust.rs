//! EigenTrust: one score for everybody, the same for all, from what everybody says of everybody.

/// How much the peers that all trust from the beginning say by themselves.
const A: f64 = 0.2;
const STEPS: usize = 30;

/// The scores: t = (1-a) Cᵀ t + a p, with `local` the normalized opinions of each and p the first `pretrusted` peers.
pub(super) fn scores(local: &[Vec<f64>], pretrusted: usize) -> Vec<f64> {
    let peers = local.len();
    let p = |at: usize| if at < pretrusted { 1.0 / pretrusted as f64 } else { 0.0 };
    let mut t: Vec<f64> = (0..peers).map(p).collect();
    for _ in 0..STEPS {
        let mut next: Vec<f64> = (0..peers).map(|at| A * p(at)).collect();
        for (own, row) in t.iter().zip(local) {
            let all: f64 = row.iter().sum();
            for (to, next) in next.iter_mut().enumerate() {
                // Who trusts nobody trusts those that all trust.
                let share = if all > 0.0 {
                    row.get(to).copied().unwrap_or(0.0) / all
                } else {
                    p(to)
                };
                *next += (1.0 - A) * own * share;
            }
        }
        t = next;
    }
    t
}
