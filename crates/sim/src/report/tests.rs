use super::{Bars, Curves, Line, Page, Plot, Scale, Section, Table, svg::Axis};

fn page() -> Page {
    let bars = Bars {
        title: "Bars & <more>".into(),
        says: "One is higher.".into(),
        scale: Scale::Plain,
        groups: vec!["one".into(), "another with a long name".into()],
        series: vec![("first".into(), vec![-0.5, 1.0]), ("second".into(), vec![0.25, 0.75])],
    };
    let curves = Curves {
        title: "Curves".into(),
        says: "They rise.".into(),
        across: "round".into(),
        scale: Scale::Powers,
        lines: vec![Line::from("one", 1.0, [0.0, 1e-3, 1.0].into_iter())],
    };
    let mut table = Table::new(["what", "figure"]);
    table.row(["a".into(), "<script>alert(1)</script>".into()]);
    let section = |plot| Section {
        title: "A section".into(),
        words: "How to read it.".into(),
        plot,
        table: table.clone(),
    };
    Page {
        title: "A question".into(),
        words: vec!["An answer.".into()],
        sections: vec![
            section(Some(Plot::Bars(bars))),
            section(Some(Plot::Curves(curves))),
            section(None),
        ],
    }
}

/// Every element is closed in the right order; the few that have no end are known.
fn is_well_formed(text: &str) -> bool {
    let mut open = Vec::new();
    for part in text.split('<').skip(1) {
        let tag = part.split('>').next().unwrap_or_default();
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if let Some(closed) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(closed) {
                return false;
            }
        } else if !tag.starts_with('!') && !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    open.is_empty()
}

#[test]
fn a_page_is_one_file_that_loads_nothing_and_runs_nothing_even_if_its_texts_are_hostile() {
    let given = [("seed".to_owned(), "\"><img src=x>".to_owned())];
    let html = page().html("hedgerow sim x --seed '<b>'", &given);
    assert!(is_well_formed(&html), "{html}");
    for foreign in ["<script", "<img", "<b>", "href=", "url(", "http://", "https://"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("default-src 'none'"));
    assert_eq!(html, page().html("hedgerow sim x --seed '<b>'", &given));
}

#[test]
fn every_plot_says_what_it_shows_and_has_a_table_beside_it() {
    let html = page().html("hedgerow sim x", &[]);
    for number in [1, 2] {
        assert!(html.contains(&format!("aria-labelledby=\"plot-{number}-title plot-{number}-says\"")));
        assert!(html.contains(&format!("<desc id=\"plot-{number}-says\">")));
    }
    assert_eq!((html.matches("<svg").count(), html.matches("<table>").count()), (2, 3));
}

#[test]
fn a_plot_alone_is_a_file_of_its_own() {
    for section in page().sections {
        let Some(plot) = section.plot else { continue };
        let svg = plot.svg();
        assert!(
            is_well_formed(&svg) && svg.starts_with("<svg xmlns=") && svg.contains("<style>"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn scales_begin_and_end_at_round_numbers_whatever_the_figures() {
    let ticks = |values: &[f64], scale| Axis::over(values.iter().copied(), scale, true, 0.0, 1.0).ticks;
    assert_eq!(
        ticks(&[0.93], Scale::Plain),
        [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    );
    assert_eq!(ticks(&[3.0, 14.0], Scale::Plain), [0.0, 5.0, 10.0, 15.0]);
    assert_eq!(ticks(&[2e-3, 0.4], Scale::Powers), [1e-3, 1e-2, 0.1, 1.0]);
    for odd in [
        &[][..],
        &[0.0],
        &[f64::NAN, f64::INFINITY],
        &[-1.0],
        &[5.0, 5.0],
        &[1e300],
    ] {
        for scale in [Scale::Plain, Scale::Share, Scale::Powers] {
            let axis = Axis::over(odd.iter().copied(), scale, true, 0.0, 100.0);
            assert!(
                (2..=20).contains(&axis.ticks.len()),
                "{odd:?} {scale:?}: {:?}",
                axis.ticks
            );
            assert!(axis.ticks.iter().all(|tick| axis.place(*tick).is_finite()));
        }
    }
}

#[test]
fn figures_are_written_short() {
    let written = [0.0, 0.0004, 0.5, -0.31, 12.0, 1234.0, 56_000.0, 2.5e6].map(|value| Scale::Plain.written(value));
    assert_eq!(written, ["0", "4e-4", "0.5", "-0.31", "12", "1234", "56k", "2.5M"]);
    assert_eq!(Scale::Share.written(0.985), "98.5 %");
    assert_eq!(Scale::Share.written(1.0), "100 %");
}
