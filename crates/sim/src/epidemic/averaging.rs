//! Averaging by push and pull (Jelasity, Montresor, Babaoglu 2005): what a cycle leaves of the variance.

use hedgerow_trust::Chance;

/// The factor by which the variance of so many values shrinks in a cycle, over so many cycles, when each node in turn
/// averages with a random other. Theory says 1/(2√e) = .3033.
pub fn variance_factor(nodes: usize, cycles: u32, seed: u64) -> f64 {
    let mut chance = Chance::new(seed);
    let mut values: Vec<f64> = (0..nodes).map(|_| chance.share()).collect();
    let before = variance(&values);
    for _ in 0..cycles {
        for node in 0..values.len() {
            let other = chance.below(values.len());
            if let (Some(mine), Some(theirs)) = (values.get(node).copied(), values.get(other).copied()) {
                let mean = f64::midpoint(mine, theirs);
                for at in [node, other] {
                    if let Some(value) = values.get_mut(at) {
                        *value = mean;
                    }
                }
            }
        }
    }
    (variance(&values) / before).powf(1.0 / f64::from(cycles))
}

fn variance(values: &[f64]) -> f64 {
    let all = values.len() as f64;
    let mean = values.iter().sum::<f64>() / all;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / all
}
