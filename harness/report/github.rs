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
    let differing = Differing::within(run);
    let interrupted = run.interrupted.then(|| format!("title=interrupted::{}", data(words::INTERRUPTED)));
    let surprises = run.cases.iter().filter(|case| !case.as_expected()).map(|case| {
        let finding = Finding::of(case);
        let title = format!("{}: {}, expected {}", differing.name(case), case.verdict.word(), case.expected.word());
        let seen = finding.seen.join("; ");
        let said = format!("{} | seen: {seen} | first cause: {}", finding.doing, finding.cause);
        format!("title={}::{}", property(&title), data(&said))
    });
    let slower = changes.slower.iter().map(|line| format!("title=Slower::{}", data(line)));
    let not_run = run
        .not_run
        .iter()
        .map(|one| format!("title={}::{}", property(&format!("not run: {}", one.case)), data(&one.reason)));
    let mut text = String::new();
    annotate(&mut text, "error", interrupted.into_iter().chain(surprises).collect());
    annotate(&mut text, "warning", slower.collect());
    annotate(&mut text, "notice", not_run.collect());
    text
}

/// Those of one kind, as many as are shown. The last of these counts the rest.
fn annotate(text: &mut String, kind: &str, mut all: Vec<String>) {
    if all.len() > SHOWN {
        let rest = all.split_off(SHOWN - 1).len();
        all.push(format!("title=More::... and {rest} more"));
    }
    for one in all {
        let _ = writeln!(text, "::{kind} {one}");
    }
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

/// Text on one line that Markdown takes for nothing else, but that what stands in backticks is code. There it takes
/// everything as it is, backslashes too.
fn inline(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Two beside each other would pair otherwise than one by one.
    if one_line.contains("``") {
        return escaped(&one_line);
    }
    let mut shown = String::with_capacity(one_line.len());
    let mut rest = one_line.as_str();
    while let Some((before, code, after)) = first_code(rest) {
        let _ = write!(shown, "{}`{code}`", escaped(before));
        rest = after;
    }
    shown + &escaped(rest)
}

/// What stands before the first pair of backticks, between them, and after them.
fn first_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]()<>#|~!@&".contains(c) {
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
    use crate::trial::NotRun;

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
    fn a_surprise_on_each_of_two_versions_is_told_of_each() {
        let mut run = sample::run();
        let mut other = run.cases[2].clone();
        other.platform.kratos = "v1.0.0".into();
        run.cases.push(other);

        let text = annotations(&run, &Changes::default());

        let told = text.lines().filter(|line| line.contains("recovery-form-double-click (firefox"));
        let told: Vec<&str> = told.collect();
        assert!(told.len() == 2 && told[1].contains("Kratos v1.0.0") && !told[0].contains("v1.0.0"), "{text}");
    }

    #[test]
    fn what_github_does_not_show_is_counted_within_what_it_shows() {
        let mut run = sample::run();
        run.not_run = (1..=12).map(|number| NotRun { case: format!("c{number}"), reason: "none".into() }).collect();

        let text = annotations(&run, &Changes::default());

        let told: Vec<&str> = text.lines().filter(|line| line.starts_with("::notice")).collect();
        assert_eq!(told.len(), 10, "{text}");
        assert!(told[8].contains("c9") && told[9].contains("and 3 more"), "{text}");
    }

    #[test]
    fn code_within_a_line_is_not_escaped() {
        assert_eq!(inline("a_b `c_d <e>` f_g `h_"), "a\\_b `c_d <e>` f\\_g \\`h\\_");
        assert_eq!(inline("<x>"), "\\<x\\>");
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
