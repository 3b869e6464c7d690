//! What a simulation found as one page for people: words, plots and tables in one HTML file that loads nothing, and the
//! plots alone as SVG files. The same findings give the same bytes.

mod bars;
mod curves;
mod html;
mod svg;

#[cfg(test)]
mod pictures;
#[cfg(test)]
mod tests;

pub use bars::Bars;
pub use curves::{Curves, Line};
pub use svg::Scale;

/// What a report can show of itself.
pub trait Paged {
    /// As a page.
    fn page(&self) -> Page;
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What was asked.
    pub title: String,
    /// What was found, in plain words: a paragraph each.
    pub words: Vec<String>,
    /// The figures.
    pub sections: Vec<Section>,
}

/// A plot with a table of its figures beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What is shown.
    pub title: String,
    /// How to read it.
    pub words: String,
    /// The picture, if it helps.
    pub plot: Option<Plot>,
    /// The figures.
    pub table: Table,
}

/// Figures in rows. The first cell of a row says what it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Titles of the columns.
    pub head: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// With these titles.
    pub fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// Bars in groups.
    Bars(Bars),
    /// Lines over a number.
    Curves(Curves),
}

impl Plot {
    /// As a file of its own, in light or dark as the viewer likes it.
    pub fn svg(&self) -> String {
        self.drawn("plot", true)
    }

    /// `name` is told from others on the same page; a file of its own brings its style.
    fn drawn(&self, name: &str, alone: bool) -> String {
        match self {
            Self::Bars(bars) => bars.drawn(name, alone),
            Self::Curves(curves) => curves.drawn(name, alone),
        }
    }
}

/// A share in per cent.
pub(crate) fn per_cent(share: f64) -> String {
    let number = format!("{:.1}", 100.0 * share);
    format!("{} %", number.strip_suffix(".0").unwrap_or(&number))
}

/// A number of rounds, or that it never happened.
pub(crate) fn rounds(number: Option<u32>) -> String {
    number.map_or_else(|| "never".to_owned(), |number| number.to_string())
}
