//! The run for GitHub Actions: annotations by workflow commands, and the job's summary as Markdown.

use std::fmt::Write as _;

use super::finding::Finding;
use super::history::Changes;
use super::{Differing, words};
use crate::trial::RunOutcome;

/// How many annotations of one kind GitHub shows of a step.
const SHOWN: usize = 10;

/// A workflow command for each surprise, each slower case and all that did not run; and one where it was interrupted.
#[must_use]
pub fn annotations(run: &RunOutcome, changes: &Changes) -> String {
    let mut text = String::new();
    if run.interrupted {
        let _ = writeln!(text, "::error title=interrupted::{}", data(words::INTERRUPTED));
    }
    for case in run.cases.iter().filter(|case| !case.as_expected()).take(SHOWN) {
        let finding = Finding::of(case);
        let title =
            format!("{}: {}, expected {}", Differing::default().name(case), case.verdict.word(), case.expected.word());
        let seen = finding.seen.join("; ");
        let said = format!("{} | seen: {seen} | first cause: {}", finding.doing, finding.cause);
        let _ = writeln!(text, "::error title={}::{}", property(&title), data(&said));
    }
    for line in changes.slower.iter().take(SHOWN) {
        let _ = writeln!(text, "::warning title=Slower::{}", data(line));
    }
    for one in run.not_run.iter().take(SHOWN) {
        let _ = writeln!(text, "::notice title={}::{}", property(&format!("not run: {}", one.case)), data(&one.reason));
    }
    text
}

/// The run in Markdown: the result, what has changed, each surprise, what did not run.
#[must_use]
pub fn markdown(run: &RunOutcome, changes: &Changes) -> String {
    let mut text = format!("## {}\n\n", words::headline(run));
    let parts: Vec<String> =
        run.parts.iter().map(|part| inline(&format!("{} {} {}", part.name, part.version, part.note))).collect();
    let _ = writeln!(
        text,
        "{}, took {}. {}\n",
        inline(&words::date(&run.started)),
        words::took(run.took_ms),
        parts.join(", ")
    );
    if let Some(since) = &changes.since {
        let _ = writeln!(text, "### Changes since {}\n", inline(since));
        if changes.kinds().is_empty() {
            text.push_str("None.\n\n");
        }
    }
    for (title, lines) in changes.kinds() {
        list(&mut text, title, lines.iter().map(String::as_str));
    }
    let surprises: Vec<String> = run
        .cases
        .iter()
        .filter(|case| !case.as_expected())
        .map(|case| {
            let on = words::platform(&case.platform);
            let (name, verdict, expected) =
                (Differing::default().name(case), case.verdict.word(), case.expected.word());
            format!("{name} on {on}: {verdict}, expected {expected}: {}", Finding::of(case).cause)
        })
        .collect();
    list(&mut text, "Not as expected", surprises.iter().map(String::as_str));
    let not_run: Vec<String> = run.not_run.iter().map(|one| format!("{}: {}", one.case, one.reason)).collect();
    list(&mut text, "Not run", not_run.iter().map(String::as_str));
    text
}

fn list<'a>(text: &mut String, title: &str, lines: impl ExactSizeIterator<Item = &'a str>) {
    if lines.len() == 0 {
        return;
    }
    let _ = writeln!(text, "#### {title} ({})\n", lines.len());
    for line in lines {
        let _ = writeln!(text, "- {}", inline(line));
    }
    text.push('\n');
}

/// Text on one line that Markdown takes for nothing else.
fn inline(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut escaped = String::with_capacity(one_line.len());
    for c in one_line.chars() {
        if "\\*_{}[]()<>#|~!@&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The message of a workflow command: what its runner takes for an end of line is escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of one: what ends it is escaped too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_surprise_is_an_error_and_what_did_not_run_is_told() {
        let run = sample::run();
        let surprises = run.cases.iter().filter(|case| !case.as_expected()).count();

        let text = annotations(&run, &Changes::default());

        assert_eq!(text.lines().filter(|line| line.starts_with("::error title=")).count(), surprises, "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("::notice title=")).count(), run.not_run.len());
        assert!(text.contains("%3A "), "a title has no colon of its own: {text}");
    }

    #[test]
    fn a_run_that_was_interrupted_is_an_error() {
        let run = RunOutcome { interrupted: true, ..sample::run() };

        let text = annotations(&run, &Changes::default());

        assert_eq!(text.matches("::error title=interrupted::").count(), 1, "{text}");
    }

    #[test]
    fn nothing_that_a_page_contained_is_a_command_or_markup() -> anyhow::Result<()> {
        let run = sample::run_with_every_text("x\n::error::planted\r\n# planted <script> [a](b) @all")?;
        let clean = sample::run();

        let text = annotations(&run, &Changes::default());

        assert_eq!(text.lines().count(), annotations(&clean, &Changes::default()).lines().count(), "{text}");
        let page = markdown(&run, &Changes::default());
        assert_eq!(page.matches('<').count(), page.matches("\\<").count(), "{page}");
        assert!(page.lines().filter(|line| line.starts_with('#')).all(|line| !line.contains("# planted")), "{page}");
        Ok(())
    }

    #[test]
    fn the_summary_says_what_has_changed() {
        let changes = Changes {
            since: Some("day-01".into()),
            newly_red: vec!["a: error, was fix-holds".into()],
            ..Changes::default()
        };

        let page = markdown(&sample::run(), &changes);

        assert!(
            page.contains("### Changes since day-01") && page.contains("#### Newly red (1)\n\n- a: error"),
            "{page}"
        );
    }
}
