//! What all plots share: a frame, scales, a legend, and the look.

use std::fmt::Write;

/// Width and height of a plot, in its own units.
pub(super) const WIDTH: f64 = 720.0;
pub(super) const HEIGHT: f64 = 400.0;
/// Where the figures are.
pub(super) const LEFT: f64 = 64.0;
pub(super) const RIGHT: f64 = 704.0;
pub(super) const BOTTOM: f64 = 344.0;
/// Colours that there are; further series begin again, with other marks.
pub(super) const COLOURS: usize = 6;

/// Colours by the wish of the viewer. Series differ in lightness too, and lines in their dashes and marks.
pub(super) const STYLE: &str = "\
.plot{--ink:#1f2328;--soft:#57606a;--grid:#d8dee4;--paper:#fff;--c0:#1f6fb4;--c1:#c2590c;--c2:#15803d;--c3:#7c3aad;\
--c4:#b3225f;--c5:#5b6470}\
@media (prefers-color-scheme:dark){.plot{--ink:#e6edf3;--soft:#9da7b1;--grid:#30363d;--paper:#0d1117;--c0:#6cb6ff;\
--c1:#f69d50;--c2:#57c977;--c3:#c79bf2;--c4:#f47fb0;--c5:#a9b4bf}}\
.plot .paper{fill:var(--paper)}.plot text{fill:var(--soft);font:13px system-ui,sans-serif}\
.plot .title{fill:var(--ink);font-size:16px;font-weight:600}.plot .value{fill:var(--ink);font-size:12px}\
.plot .grid{stroke:var(--grid);stroke-width:1}.plot .zero{stroke:var(--soft);stroke-width:1}\
.plot .s0{fill:var(--c0);stroke:var(--c0)}.plot .s1{fill:var(--c1);stroke:var(--c1)}\
.plot .s2{fill:var(--c2);stroke:var(--c2)}.plot .s3{fill:var(--c3);stroke:var(--c3)}\
.plot .s4{fill:var(--c4);stroke:var(--c4)}.plot .s5{fill:var(--c5);stroke:var(--c5)}\
.plot .bar{stroke:none}\
.plot .line{fill:none;stroke-width:2.5;stroke-linejoin:round}";

/// How figures are written, and spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As numbers.
    Plain,
    /// Shares as per cent.
    Share,
    /// Numbers, ten times as much at each step.
    Powers,
}

/// Makes text harmless in HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

impl Scale {
    /// A figure in words.
    pub(super) fn written(self, value: f64) -> String {
        if self == Self::Share {
            return super::per_cent(value);
        }
        let size = value.abs();
        let number = match size {
            0.0 => "0".to_owned(),
            0.0..0.001 => format!("{value:.0e}"),
            0.001..0.01 => format!("{value:.5}"),
            0.01..0.1 => format!("{value:.4}"),
            0.1..1.0 => format!("{value:.3}"),
            1.0..100.0 => format!("{value:.2}"),
            100.0..1e4 => format!("{value:.0}"),
            1e4..1e6 => format!("{:.0}k", value / 1e3),
            1e6..1e9 => format!("{:.1}M", value / 1e6),
            _ => format!("{value:.1e}"),
        };
        if number.contains('.') && !number.contains('e') {
            let (digits, unit) = number
                .strip_suffix('M')
                .map_or((number.as_str(), ""), |digits| (digits, "M"));
            return format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'));
        }
        number
    }
}

/// From values to places on the paper.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// Where the low and the high end are.
    from: f64,
    to: f64,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// Over all values. Plain numbers begin at 0 if `whole`.
    pub(super) fn over(values: impl Iterator<Item = f64>, scale: Scale, whole: bool, from: f64, to: f64) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        if scale == Scale::Powers {
            return Self::powers(&values, from, to);
        }
        let fold = |start: f64, pick: fn(f64, f64) -> f64| values.iter().copied().fold(start, pick);
        let least = fold(f64::MAX, f64::min).min(if whole { 0.0 } else { f64::MAX });
        let most = fold(f64::MIN, f64::max).max(if whole { 0.0 } else { f64::MIN });
        let (least, most) = if values.is_empty() { (0.0, 1.0) } else { (least, most) };
        let span = if most > least { most - least } else { 1.0 };
        let step = step(span / 5.0);
        let (low, high) = ((least / step).floor() * step, (most / step).ceil() * step);
        let high = if high > low { high } else { low + step };
        let count = ((high - low) / step).round() as usize;
        Self {
            scale,
            low,
            high,
            from,
            to,
            ticks: (0..=count).map(|n| low + n as f64 * step).collect(),
        }
    }

    fn powers(values: &[f64], from: f64, to: f64) -> Self {
        let logs = values.iter().filter(|value| **value > 0.0).map(|value| value.log10());
        let (least, most) = logs.fold((f64::MAX, f64::MIN), |(a, b), log| (a.min(log), b.max(log)));
        let (low, high) = if least > most {
            (0.0, 1.0)
        } else {
            (least.floor(), most.ceil())
        };
        let high = high.max(low + 1.0);
        let every = ((high - low) / 6.0).ceil().max(1.0);
        let count = ((high - low) / every).floor() as usize;
        Self {
            scale: Scale::Powers,
            low,
            high,
            from,
            to,
            ticks: (0..=count).map(|n| 10f64.powf(low + n as f64 * every)).collect(),
        }
    }

    /// Where a value is. What cannot be shown on powers is at their low end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Powers if value > 0.0 => value.log10().max(self.low),
            Scale::Powers => self.low,
            Scale::Plain | Scale::Share => value,
        };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    pub(super) fn written(&self, tick: f64) -> String {
        // Steps may add up to almost nothing.
        let exact = if tick.abs() < (self.high - self.low).abs() * 1e-9 && self.scale != Scale::Powers {
            0.0
        } else {
            tick
        };
        self.scale.written(exact)
    }
}

/// 1, 2 or 5 times a power of ten, at least this much.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let found = [1.0, 2.0, 5.0].into_iter().find(|n| n * power >= least * 0.999);
    found.unwrap_or(10.0) * power
}

/// The beginning of a plot, with its names for those who do not see it, its title and its legend; how far down it goes.
pub(super) fn begin(
    out: &mut String,
    name: &str,
    alone: bool,
    title: &str,
    says: &str,
    series: &[&str],
    lines: bool,
) -> f64 {
    let space = if alone {
        " xmlns=\"http://www.w3.org/2000/svg\""
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<svg{space} class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{name}-title {name}-says\">\n\
        <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-says\">{}</desc>",
        escaped(title),
        escaped(says)
    );
    if alone {
        let _ = writeln!(out, "<style>{STYLE}</style>");
    }
    let _ = writeln!(
        out,
        "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n<text class=\"title\" x=\"16\" y=\"26\">{}</text>",
        escaped(title)
    );
    let (mut x, mut y) = (16.0, 50.0);
    for (number, series) in series.iter().enumerate() {
        let wide = 40.0 + 7.2 * series.chars().count() as f64;
        if x + wide > WIDTH && x > 16.0 {
            (x, y) = (16.0, y + 20.0);
        }
        let colour = number % COLOURS;
        if lines {
            let _ = writeln!(
                out,
                "<path class=\"line s{colour}\"{} d=\"M{x:.0} {:.0}h24\"/>{}",
                dashes(number),
                y - 4.0,
                mark(number, x + 12.0, y - 4.0)
            );
        } else {
            let _ = writeln!(
                out,
                "<rect class=\"bar s{colour}\" x=\"{x:.0}\" y=\"{:.0}\" width=\"14\" height=\"12\" rx=\"2\"/>",
                y - 11.0
            );
        }
        let beside = if lines { 30.0 } else { 20.0 };
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{y:.0}\">{}</text>",
            x + beside,
            escaped(series)
        );
        x += wide;
    }
    if series.is_empty() { 50.0 } else { y + 22.0 }
}

/// How a line is dashed.
pub(super) const fn dashes(number: usize) -> &'static str {
    match number % 4 {
        0 => "",
        1 => " stroke-dasharray=\"8 4\"",
        2 => " stroke-dasharray=\"2 4\"",
        _ => " stroke-dasharray=\"10 4 2 4\"",
    }
}

/// A point of a line.
pub(super) fn mark(number: usize, x: f64, y: f64) -> String {
    let colour = number % COLOURS;
    match number % 4 {
        0 => format!("<circle class=\"bar s{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        1 => format!(
            "<path class=\"bar s{colour}\" d=\"M{:.1} {:.1}h8v8h-8z\"/>",
            x - 4.0,
            y - 4.0
        ),
        2 => format!("<path class=\"bar s{colour}\" d=\"M{x:.1} {:.1}l5 9h-10z\"/>", y - 5.0),
        _ => format!(
            "<path class=\"bar s{colour}\" d=\"M{x:.1} {:.1}l5 5l-5 5l-5 -5z\"/>",
            y - 5.0
        ),
    }
}

/// The lines behind the figures, with their values.
pub(super) fn levels(out: &mut String, axis: &Axis) {
    for tick in &axis.ticks {
        let y = axis.place(*tick);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.5,
            escaped(&axis.written(*tick))
        );
    }
}
