//! Lines over a number, such as shares over rounds.

use super::svg::{Axis, BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, Scale, begin, dashes, escaped, levels, mark};
use std::fmt::Write;

/// Lines over a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// What they show.
    pub title: String,
    /// The same for those who do not see it, with what follows from it.
    pub says: String,
    /// What goes to the right.
    pub across: String,
    /// How what goes up is written and spaced.
    pub scale: Scale,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// To the right and up.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// One point for each figure, from `first` on.
    pub fn from(name: impl Into<String>, first: f64, figures: impl Iterator<Item = f64>) -> Self {
        Self {
            name: name.into(),
            points: figures.enumerate().map(|(at, is)| (first + at as f64, is)).collect(),
        }
    }
}

/// Marks on a line, about.
const MARKS: usize = 8;

impl Curves {
    pub(super) fn drawn(&self, name: &str, alone: bool) -> String {
        let mut out = String::new();
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        let top = begin(&mut out, name, alone, &self.title, &self.says, &names, true);
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let up = Axis::over(points().map(|point| point.1), self.scale, true, BOTTOM, top + 8.0);
        let across = Axis::over(points().map(|point| point.0), Scale::Plain, false, LEFT, RIGHT - 8.0);
        levels(&mut out, &up);
        for tick in &across.ticks {
            let x = across.place(*tick);
            let _ = writeln!(
                out,
                "<path class=\"zero\" d=\"M{x:.1} {BOTTOM}v5\"/><text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 20.0,
                escaped(&across.written(*tick))
            );
        }
        let _ = writeln!(
            out,
            "<path class=\"zero\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/><text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, RIGHT),
            HEIGHT - 14.0,
            escaped(&self.across)
        );
        for (number, line) in self.lines.iter().enumerate() {
            drawn(&mut out, number, line, &across, &up);
        }
        out.push_str("</svg>\n");
        out
    }
}

fn drawn(out: &mut String, number: usize, line: &Line, across: &Axis, up: &Axis) {
    let mut path = String::new();
    let mut marks = String::new();
    let every = line.points.len().div_ceil(MARKS).max(1);
    for (at, (x, y)) in line.points.iter().enumerate() {
        let (x, y) = (across.place(*x), up.place(*y));
        let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
        if at % every == 0 || at + 1 == line.points.len() {
            marks.push_str(&mark(number, x, y));
        }
    }
    let _ = writeln!(
        out,
        "<path class=\"line s{}\"{} d=\"{path}\"/>{marks}",
        number % COLOURS,
        dashes(number)
    );
}
