//! How far a report agrees with what the node saw itself.

use crate::popularity::Report;

/// Widgets that both saw fewer times together say nothing about a lie.
const FEW: f64 = 5.0;
/// Squared standard deviations of difference at which half of the weight is gone. An honest report of 200 widgets differs
/// somewhere by 3 of them as often as not.
const HALF: f64 = 16.0;

/// From 1 (nothing speaks against it) towards 0: by the widget on which the two differ most, measured in standard
/// deviations of what chance would explain. Whoever hides the most popular widgets or invents others differs by dozens.
/// With a small own sample everybody agrees.
pub fn agreement(own: &Report, report: &Report) -> f64 {
    if own.seen == 0 || report.seen == 0 {
        return 1.0;
    }
    let (mine_seen, theirs_seen) = (own.seen as f64, report.seen as f64);
    let mut worst = 0.0f64;
    for (mine, theirs) in own.installs.iter().zip(&report.installs) {
        let (mine, theirs) = (*mine as f64, *theirs as f64);
        // As many would be expected of each if both saw the same world.
        let share = ((mine + theirs) / (mine_seen + theirs_seen)).min(1.0);
        if share * mine_seen.min(theirs_seen) < FEW / 2.0 && mine + theirs < 2.0 * FEW {
            continue;
        }
        let difference = mine / mine_seen - theirs / theirs_seen;
        let variance = share * (1.0 - share) * (1.0 / mine_seen + 1.0 / theirs_seen);
        if variance > 0.0 {
            worst = worst.max(difference * difference / variance);
        }
    }
    let relative = worst / HALF;
    1.0 / (1.0 + relative * relative)
}
