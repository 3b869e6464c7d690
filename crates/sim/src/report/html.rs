//! The page around the plots.

use super::{
    Page, Section, Table,
    svg::{STYLE, escaped},
};
use std::fmt::Write;

const LOOK: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--soft:#57606a;--paper:#fff;--card:#f6f8fa;--edge:#d0d7de}\
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--paper:#0d1117;--card:#161b22;--edge:#30363d}}\
*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:76rem;color:var(--ink);\
background:var(--paper);font:16px/1.55 system-ui,sans-serif}h1{font-size:1.8rem;line-height:1.25;margin:0 0 .75rem}\
h2{font-size:1.25rem;margin:2.5rem 0 .5rem}p{max-width:46rem;margin:.5rem 0}\
.lead{font-size:1.1rem}.soft{color:var(--soft)}section+.soft{margin-top:2.5rem}\
.pair{display:grid;gap:1.5rem;grid-template-columns:minmax(0,7fr) minmax(0,5fr);align-items:start;margin-top:1rem}\
.pair.plain{grid-template-columns:minmax(0,1fr)}\
@media (max-width:60rem){.pair{grid-template-columns:minmax(0,1fr)}}\
figure{margin:0;border:1px solid var(--edge);border-radius:8px;overflow:hidden}svg{display:block;width:100%;height:auto}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\
caption{text-align:left;color:var(--soft);padding-bottom:.4rem}\
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--edge);text-align:right;vertical-align:top}\
th:first-child,td:first-child{text-align:left;padding-left:0}thead th{color:var(--soft);font-weight:600}\
td,tbody th{white-space:nowrap}tbody th{font-weight:500}.given{background:var(--card);border:1px solid var(--edge);border-radius:8px;\
padding:.9rem 1.1rem;margin:1.25rem 0}.given dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));\
gap:.5rem 1.25rem;margin:0}.given div{min-width:0}dt{color:var(--soft);font-size:.8rem}\
dd{margin:0;overflow-wrap:anywhere}code{font-size:.9em}";

impl Page {
    /// The page as one file. `command` made it, with `parameters` (name and value), the seed among them.
    pub fn html(&self, command: &str, parameters: &[(String, String)]) -> String {
        let title = escaped(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
            <meta name=\"color-scheme\" content=\"light dark\">\n\
            <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
            <title>{title}</title>\n<style>{LOOK}{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        );
        for (number, words) in self.words.iter().enumerate() {
            let class = if number == 0 { " class=\"lead\"" } else { "" };
            let _ = writeln!(out, "<p{class}>{}</p>", escaped(words));
        }
        let _ = writeln!(out, "<section class=\"given\" aria-label=\"Parameters\">\n<dl>");
        for (name, value) in parameters {
            let (name, value) = (escaped(name), escaped(value));
            let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        let _ = writeln!(out, "</dl>\n</section>");
        for (number, section) in self.sections.iter().enumerate() {
            drawn(&mut out, number + 1, section);
        }
        let _ = writeln!(
            out,
            "<p class=\"soft\">Made by <code>{}</code>. The same parameters and seed give the same figures, \
            but for times that were measured.</p>\n</main>\n</body>\n</html>",
            escaped(command)
        );
        out
    }
}

fn drawn(out: &mut String, number: usize, section: &Section) {
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", escaped(&section.title));
    let _ = writeln!(out, "<p>{}</p>", escaped(&section.words));
    let plain = if section.plot.is_none() { " plain" } else { "" };
    let _ = writeln!(out, "<div class=\"pair{plain}\">");
    if let Some(plot) = &section.plot {
        let _ = writeln!(
            out,
            "<figure>\n{}</figure>",
            plot.drawn(&format!("plot-{number}"), false)
        );
    }
    table(out, &section.title, &section.table);
    let _ = writeln!(out, "</div>\n</section>");
}

fn table(out: &mut String, title: &str, table: &Table) {
    let _ = writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Figures: {0}\">\n<table>\n<caption>Figures: {0}</caption>",
        escaped(title)
    );
    out.push_str("<thead><tr>");
    for title in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(title));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (number, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            let _ = if number == 0 {
                write!(out, "<th scope=\"row\">{cell}</th>")
            } else {
                write!(out, "<td>{cell}</td>")
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}
