//! What a small sample says about a share.

use libm::sqrt;

/// The interval in which a share lies, by `z` standard deviations, when `hits` of `tries` were seen (Wilson 1927).
/// From 0 to 1 when nothing was tried.
pub fn wilson(hits: f64, tries: f64, z: f64) -> (f64, f64) {
    if tries <= 0.0 {
        return (0.0, 1.0);
    }
    let share = (hits / tries).clamp(0.0, 1.0);
    let zz = z * z / tries;
    let middle = share + zz / 2.0;
    let half = z * sqrt((share * (1.0 - share) + zz / 4.0) / tries);
    let bound = |value: f64| (value / (1.0 + zz)).clamp(0.0, 1.0);
    (bound(middle - half), bound(middle + half))
}

/// The reputation of an author or a widget: the lower end of the 95 % interval of its trust-weighted good votes. One
/// vote per identity; whoever is new has 0, so that throwing a key away gains nothing (W24).
pub fn reputation(good: f64, bad: f64) -> f64 {
    wilson(good, good + bad, 1.96).0
}
