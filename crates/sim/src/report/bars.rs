//! Bars in groups, each with its figure above it.

use super::svg::{Axis, BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, Scale, begin, escaped, levels};
use std::fmt::Write;

/// Bars in groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What they show.
    pub title: String,
    /// The same for those who do not see it, with what follows from it.
    pub says: String,
    /// How figures are written.
    pub scale: Scale,
    /// Names of the groups.
    pub groups: Vec<String>,
    /// For each series its name, and a figure for each group.
    pub series: Vec<(String, Vec<f64>)>,
}

impl Bars {
    pub(super) fn drawn(&self, name: &str, alone: bool) -> String {
        let mut out = String::new();
        let names: Vec<&str> = self.series.iter().map(|(name, _)| name.as_str()).collect();
        let names = if names.len() > 1 { names } else { Vec::new() };
        let top = begin(&mut out, name, alone, &self.title, &self.says, &names, false);
        let values = self.series.iter().flat_map(|(_, values)| values.iter().copied());
        let axis = Axis::over(values, self.scale, true, BOTTOM, top + 12.0);
        levels(&mut out, &axis);
        let wide = (RIGHT - LEFT) / self.groups.len().max(1) as f64;
        let bar = (wide * 0.8 / self.series.len().max(1) as f64).min(72.0);
        for (at, group) in self.groups.iter().enumerate() {
            let middle = LEFT + (at as f64 + 0.5) * wide;
            let first = middle - bar * self.series.len() as f64 / 2.0;
            for (number, (_, values)) in self.series.iter().enumerate() {
                if let Some(value) = values.get(at) {
                    self.bar(&mut out, &axis, number, first + number as f64 * bar, bar, *value);
                }
            }
            label(&mut out, group, middle, wide);
        }
        if self.scale != Scale::Powers {
            let zero = axis.place(0.0);
            let _ = writeln!(out, "<path class=\"zero\" d=\"M{LEFT} {zero:.1}H{RIGHT}\"/>");
        }
        out.push_str("</svg>\n");
        out
    }

    fn bar(&self, out: &mut String, axis: &Axis, number: usize, x: f64, wide: f64, value: f64) {
        let base = if self.scale == Scale::Powers {
            BOTTOM
        } else {
            axis.place(0.0)
        };
        let end = axis.place(value);
        let _ = writeln!(
            out,
            "<rect class=\"bar s{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
            <text class=\"value\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            number % COLOURS,
            x + 1.0,
            end.min(base),
            wide - 2.0,
            (end - base).abs(),
            x + wide / 2.0,
            if end > base { end + 14.0 } else { end - 5.0 },
            escaped(self.scale.written(value).trim_end_matches(" %"))
        );
    }
}

/// The name of a group below it, on two or three lines if it is long.
fn label(out: &mut String, group: &str, middle: f64, wide: f64) {
    let fits = ((wide / 7.0) as usize).max(6);
    let mut lines = vec![String::new()];
    for word in group.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    for (number, line) in lines.iter().take(3).enumerate() {
        let y = HEIGHT - 38.0 + 15.0 * number as f64;
        let _ = writeln!(
            out,
            "<text x=\"{middle:.1}\" y=\"{y:.0}\" text-anchor=\"middle\">{}</text>",
            escaped(line)
        );
    }
}
