//! How many of many independent rare things happen to one: the clients of a micro-server that each picked it by
//! chance, or the requests that reach it in a second.

/// The chance of exactly `n` when `mean` are expected.
pub fn chance_of(n: u32, mean: f64) -> f64 {
    if mean <= 0.0 {
        return if n == 0 { 1.0 } else { 0.0 };
    }
    (f64::from(n) * mean.ln() - mean - ln_factorial(n)).exp()
}

/// The smallest number that is exceeded with a chance of at most `beyond`.
pub fn exceeded_by(beyond: f64, mean: f64) -> u32 {
    let mut n = mean.floor().max(0.0) as u32;
    let tail = |n: u32| -> f64 {
        // The terms fall fast beyond the mean.
        let mut sum = 0.0;
        for k in n + 1.. {
            let term = chance_of(k, mean);
            sum += term;
            if f64::from(k) > mean && term <= sum * 1e-12 + 1e-300 {
                break;
            }
        }
        sum
    };
    while n > 0 && tail(n - 1) <= beyond {
        n -= 1;
    }
    while tail(n) > beyond {
        n += 1;
    }
    n
}

/// The logarithm of n!, exact for small numbers and by Stirling's series beyond.
fn ln_factorial(n: u32) -> f64 {
    if n < 20 {
        return (2..=n).map(|k| f64::from(k).ln()).sum();
    }
    let x = f64::from(n);
    x * x.ln() - x + 0.5 * (2.0 * core::f64::consts::PI * x).ln() + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_chances_add_up_to_one_around_the_mean() {
        for mean in [0.3, 5.0, 200.0] {
            let all: f64 = (0..1_000).map(|n| chance_of(n, mean)).sum();
            let first: f64 = (0..1_000).map(|n| f64::from(n) * chance_of(n, mean)).sum();
            assert!((all - 1.0).abs() < 1e-9 && (first - mean).abs() < 1e-6, "{mean}");
        }
        assert_eq!(chance_of(0, 0.0), 1.0);
    }

    #[test]
    fn the_unluckiest_of_many_has_more() {
        // Known values: P(X > 2) of mean 1 is 0.0803, P(X > 3) is 0.0190.
        assert_eq!(exceeded_by(0.05, 1.0), 3);
        assert_eq!(exceeded_by(0.1, 1.0), 2);
        assert_eq!(exceeded_by(0.5, 200.0), 200);
        let worst = exceeded_by(1e-7, 200.0);
        assert!((275..295).contains(&worst), "{worst}");
        assert_eq!(exceeded_by(0.9, 0.01), 0);
    }
}
