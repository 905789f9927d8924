//! The page: one file that needs nothing else, for an engineer to read and to attach to a bug.
//! What a browser page or a log contained is text on it and never markup: the template escapes everything, and the
//! content security policy allows no script.

use std::path::Path;

use anyhow::Context as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::history::History;
use super::view::Page;
use super::words;
use crate::trial::RunOutcome;

/// The page of a run. Screenshots are read from `folder`, which holds `results.json`; the page says where one is missing.
///
/// # Errors
///
/// An error is returned when the template does not fit the data, which no run can cause.
pub fn html(run: &RunOutcome, folder: &Path) -> anyhow::Result<String> {
    html_with(run, folder, None)
}

/// The same with what earlier runs came to.
pub(super) fn html_with(run: &RunOutcome, folder: &Path, history: Option<&History>) -> anyhow::Result<String> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.context("cannot set the syntax of the templates")?);
    templates.add_filter("took", words::took);
    templates.add_filter("moment", words::moment);
    templates.add_filter("lifetime", words::lifetime);
    templates.add_filter("count", words::count);
    templates.add_filter("spans", spans);
    // The ending of the name decides what is escaped: everything in `.html`, nothing in `.css`, which takes no data.
    templates
        .add_template("report.css", include_str!("report.css"))
        .context("cannot read the template `report.css`")?;
    for (name, source) in [
        ("trial.html", include_str!("trial.html")),
        ("case.html", include_str!("case.html")),
        ("history.html", include_str!("history.html")),
        ("report.html", include_str!("report.html")),
    ] {
        templates.add_template(name, source).with_context(|| format!("cannot read the template `{name}`"))?;
    }
    let page = templates.get_template("report.html").context("cannot find the template `report.html`")?;
    page.render(Value::from(Serde(Page::of(run, folder, history)))).context("cannot fill in the template `report.html`")
}

/// A stretch of prose, in or outside backticks.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Span {
    code: bool,
    text: String,
}

/// Splits prose at its backticks, so that the template can set what is between them as code.
fn spans(prose: String) -> Value {
    Value::from(Serde(split(&prose)))
}

fn split(prose: &str) -> Vec<Span> {
    // A lone backtick has no partner and stays what it is.
    if prose.matches('`').count() % 2 == 1 {
        return vec![Span { code: false, text: prose.to_owned() }];
    }
    let pieces = prose.split('`').enumerate();
    let pieces = pieces.map(|(place, text)| Span { code: place % 2 == 1, text: text.to_owned() });
    pieces.filter(|span| !span.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn prose_is_split_at_its_backticks() {
        let span = |code, text: &str| Span { code, text: text.into() };

        assert_eq!(split("`400` on flows"), [span(true, "400"), span(false, " on flows")]);
        assert_eq!(split("a ` b"), [span(false, "a ` b")]);
    }

    #[test]
    fn a_surprise_stands_before_the_overview_and_what_was_expected_after_it() -> anyhow::Result<()> {
        let page = html(&sample::run(), Path::new("nowhere"))?;
        let place = |what: &str| page.find(what).ok_or_else(|| anyhow::anyhow!("`{what}` is not on the page"));

        assert!(place("id=\"case-3\"")? < place("id=\"overview\"")?);
        assert!(place("id=\"overview\"")? < place("id=\"case-1\"")?);
        let order = ["What was being done", "What was expected", "What was seen", "Where to look"].map(place);
        assert!(order.iter().all(Result::is_ok) && order.into_iter().map(Result::unwrap_or_default).is_sorted());
        Ok(())
    }

    #[test]
    fn each_case_says_what_it_ran_on_also_where_all_are_alike() -> anyhow::Result<()> {
        let run = sample::run();

        let page = html(&run, Path::new("nowhere"))?;

        assert_eq!(page.matches("<dd>Kratos v1.3.1, sqlite, native</dd>").count(), run.cases.len());
        assert!(!page.contains("<dd>None</dd>"), "nothing stands there as it was not there");
        Ok(())
    }

    #[test]
    fn every_link_leads_to_a_place_on_the_page() -> anyhow::Result<()> {
        let page = html(&sample::run(), Path::new("nowhere"))?;

        let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();

        assert!(links.len() > 4, "the page has links: {links:?}");
        let (beside, on_page): (Vec<&str>, Vec<&str>) = links.into_iter().partition(|link| link.starts_with('.'));
        assert!(beside.iter().all(|link| link.starts_with(".&#x2f;trials&#x2f;")), "{beside:?}");
        for link in on_page {
            let place = link.strip_prefix('#').unwrap_or_default();
            assert_eq!(page.matches(&format!("id=\"{place}\"")).count(), 1, "{link}");
        }
        Ok(())
    }

    #[test]
    fn each_verdict_on_the_page_says_what_it_means() -> anyhow::Result<()> {
        let run = sample::run();

        let page = html(&run, Path::new("nowhere"))?;

        for verdict in words::verdicts(&run) {
            let (word, meaning) = (verdict.word(), words::meaning(verdict));
            assert!(page.contains(&format!("<dt>{word}</dt><dd>{meaning}</dd>")), "{word} is not in the legend");
            assert!(page.contains(&format!("<abbr title=\"{meaning}\">{word}</abbr>")), "{word} has no title");
        }
        Ok(())
    }

    #[test]
    fn a_case_that_ran_several_times_says_how_seldom_it_surprises() -> anyhow::Result<()> {
        let page = html(&sample::several_times(sample::run()), Path::new("nowhere"))?;

        for said in
            ["0 of 30 surprised, so below 9.6 % at 95 %", "2 of 30 surprised, so below 20 % at 95 %", "repetition 19: "]
        {
            assert!(page.contains(said), "`{said}` is not on the page");
        }
        Ok(())
    }

    #[test]
    fn a_missing_screenshot_is_said() -> anyhow::Result<()> {
        let page = html(&sample::run(), Path::new("nowhere"))?;

        assert!(page.contains("could not be read"));
        assert!(!page.contains("data:image"));
        Ok(())
    }

    #[test]
    fn a_screenshot_is_part_of_the_page() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let run = sample::run();
        sample::write_screenshots(&run, folder.path(), sample::PNG)?;

        let page = html(&run, folder.path())?;

        assert!(page.contains("src=\"data:image&#x2f;png;base64,"), "a screenshot is embedded");
        assert!(!page.contains("could not be read"));
        Ok(())
    }

    #[test]
    fn nothing_that_a_page_or_a_log_contained_becomes_markup() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let clean = html(&sample::run(), folder.path())?;
        for planted in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "javascript:alert(1)",
            "' onmouseover='alert(1)",
            "</style></pre></details><h1>",
            "{{ run }}{% raw %}<b>",
        ] {
            let page = html(&sample::run_with_every_text(planted)?, folder.path())?;

            let tags = |page: &str| {
                let tags = page.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ', '\n']).next());
                tags.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
            };
            assert!(tags(&page).is_subset(&tags(&clean)), "{planted}: {:?}", &tags(&page) - &tags(&clean));
            let markup = planted.contains(['<', '"', '\'']);
            assert!(!markup || !page.contains(planted), "{planted} stands on the page as it is");
            for (attribute, start) in [("href=\"", "#case-"), ("src=\"", "data:image")] {
                let led_astray = page.split(attribute).skip(1).find(|rest| !rest.starts_with(start));
                assert_eq!(led_astray.map(|rest| &rest[..40]), None, "{planted}: {attribute}");
            }
            assert!(page.contains("default-src 'none'"));
        }
        Ok(())
    }
}
