//! The run as JUnit XML, for CI: a suite for each folder of cases, a test case for each case and engine.

use std::time::Duration;

use anyhow::Context as _;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::finding::{Finding, Places, exchange_line, relevant_exchanges};
use super::platform::{Differing, fitted};
use super::words;
use crate::trial::{CaseOutcome, NotApplicable, NotRun, RunOutcome, TrialOutcome, Verdict};

/// The test case that stands for the run as a whole, where it has to be told of.
const RUN: &str = "the run";

/// The run as JUnit XML. A verdict that was not expected is a failure, one that could not be reached an error, and what
/// did not run or is not applicable is skipped with its reason. That it was interrupted is an error of its own.
///
/// # Errors
///
/// An error is returned when the XML cannot be written, which no run can cause.
pub fn junit(run: &RunOutcome) -> anyhow::Result<String> {
    let mut report = Report::new("kratos-repro");
    report.set_time(Duration::from_millis(run.took_ms));
    let differing = Differing::within(run);
    let ran = run.cases.iter().map(|case| (suite_of(&case.id), test_case(case, differing), case.took_ms));
    let not_run = run.not_run.iter().map(|one| (suite_of(&one.case), skipped(one), 0));
    let not_applicable = run.not_applicable.iter().map(|one| (suite_of(&one.case), not_applicable(one), 0));
    let interrupted = run.interrupted.then(|| (suite_of(RUN), interrupted(), 0));
    let all = ran.chain(not_run).chain(not_applicable).chain(interrupted);
    for (name, cases) in words::group(all, |(suite, ..)| suite) {
        let mut suite = TestSuite::new(name);
        suite.set_time(Duration::from_millis(cases.iter().map(|(.., took_ms)| took_ms).sum()));
        suite.add_test_cases(cases.into_iter().map(|(_, case, _)| case));
        report.add_test_suite(suite);
    }
    report.to_string().context("cannot write the JUnit XML")
}

/// The folder of a case.
fn suite_of(id: &str) -> &str {
    id.rsplit_once('/').map_or("cases", |(folder, _)| folder)
}

fn test_case(case: &CaseOutcome, differing: Differing) -> TestCase {
    let mut status = if case.as_expected() {
        TestCaseStatus::success()
    } else if case.verdict == Verdict::Error {
        TestCaseStatus::non_success(NonSuccessKind::Error)
    } else {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    };
    if !case.as_expected() {
        let finding = Finding::of(case);
        status.set_type(case.verdict.word());
        status.set_message(text(finding.cause));
        status.set_description(text(&description(&finding)));
    }
    let mut test = TestCase::new(text(&differing.name(case)), status);
    test.set_classname(text(if case.claim.id.is_empty() { suite_of(&case.id) } else { &case.claim.id }));
    test.set_time(Duration::from_millis(case.took_ms));
    for (name, parts) in [("real", &case.real), ("emulated", &case.emulated)] {
        test.add_property((name, text(&parts.join("; ")).as_str()));
    }
    if case.verdict.is_about_guard() {
        test.add_property(("guard", text(&case.reason).as_str()));
    }
    if let Some(repeats) = &case.repeats {
        test.add_property(("repeats", text(&words::repeats(repeats)).as_str()));
    }
    test.add_property(("kratos", text(&case.platform.kratos).as_str()));
    let fitted = fitted(case);
    if !fitted.is_empty() {
        test.add_property(("configuration", text(&fitted.join("; ")).as_str()));
    }
    let surprises = case.repeats.iter().flat_map(|repeats| &repeats.surprises);
    let lines: Vec<_> = case.trials.iter().map(trial_line).chain(surprises.map(words::surprise)).collect();
    test.set_system_out(text(&lines.join("\n")));
    test
}

fn interrupted() -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("interrupted");
    status.set_message(words::INTERRUPTED);
    let mut test = TestCase::new(RUN, status);
    test.set_classname(suite_of(RUN));
    test
}

fn skipped(one: &NotRun) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(text(&one.reason));
    let mut test = TestCase::new(text(&one.case), status);
    test.set_classname(text(suite_of(&one.case)));
    test
}

fn not_applicable(one: &NotApplicable) -> TestCase {
    let NotApplicable { case, kratos, reason } = one;
    skipped(&NotRun { case: format!("{case} (Kratos {kratos})"), reason: format!("not applicable: {reason}") })
}

/// The four things, then the exchanges that led there.
fn description(finding: &Finding<'_>) -> String {
    let mut lines = vec![format!("what was being done: {}", finding.doing)];
    let look = finding.look.iter().map(|look| look.said(&Places::default())).collect();
    for (title, said) in
        [("what was expected", &finding.expected), ("what was seen", &finding.seen), ("where to look", &look)]
    {
        lines.extend(said.iter().map(|line| format!("{title}: {line}")));
    }
    if let Some((_, trial)) = finding.trial {
        lines.extend(relevant_exchanges(trial).into_iter().map(exchange_line));
    }
    lines.join("\n")
}

fn trial_line(trial: &TrialOutcome) -> String {
    let mark = if trial.as_expected() { "as expected" } else { "not as expected" };
    let wanted = if trial.as_expected() { String::new() } else { format!(", wanted {}", words::wanted(&trial.wanted)) };
    let showed = words::showed(trial.shown);
    format!("{}: {mark}: {showed}{wanted}, {}", trial.name, words::took(trial.took_ms()))
}

/// XML 1.0 has no U+FFFE and U+FFFF (section 2.2); the other characters that it lacks are removed by the library.
fn text(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn status_of<'a>(report: &'a Report, name: &str) -> anyhow::Result<&'a TestCaseStatus> {
        let mut cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
        let case = cases.find(|case| case.name.as_str() == name).with_context(|| format!("no test case `{name}`"))?;
        Ok(&case.status)
    }

    #[test]
    fn every_case_is_there_with_what_became_of_it() -> anyhow::Result<()> {
        let report = Report::deserialize_from_str(&junit(&sample::run())?)?;

        assert_eq!((report.tests, report.failures, report.errors), (5, 1, 1));
        assert!(matches!(
            status_of(&report, "code-flows/login-form-double-click (chromium)")?,
            TestCaseStatus::Success { .. }
        ));
        assert!(matches!(
            status_of(&report, "code-flows/recovery-form-double-click (firefox)")?,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. }
        ));
        assert!(matches!(
            status_of(&report, "tenants/two-endpoints (webkitgtk)")?,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. }
        ));
        assert!(matches!(status_of(&report, "cross-browser/insomnia")?, TestCaseStatus::Skipped { .. }));
        Ok(())
    }

    #[test]
    fn a_run_that_was_interrupted_is_not_green() -> anyhow::Result<()> {
        let mut run = sample::run();
        run.cases.truncate(1);
        run.interrupted = true;

        let report = Report::deserialize_from_str(&junit(&run)?)?;

        assert_eq!((report.failures, report.errors), (0, 1));
        assert!(matches!(
            status_of(&report, "the run")?,
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, message: Some(_), .. }
        ));
        Ok(())
    }

    #[test]
    fn a_case_that_ran_several_times_says_how_seldom_it_surprises() -> anyhow::Result<()> {
        let report = Report::deserialize_from_str(&junit(&sample::several_times(sample::run()))?)?;
        let mut cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
        let case = cases.find(|case| case.name.contains("recovery-form-double-click")).context("no such case")?;

        let said =
            case.properties.iter().find(|property| property.name.as_str() == "repeats").context("no property")?;
        assert_eq!(said.value.as_str(), "2 of 30 surprised, so below 20 % at 95 %");
        let out = case.system_out.as_ref().context("nothing is told")?;
        assert!(out.contains("repetition 7: fix-fails: ") && out.contains("repetition 19: "), "{}", out.as_str());
        Ok(())
    }

    #[test]
    fn a_failure_says_the_four_things_in_their_order() -> anyhow::Result<()> {
        let report = Report::deserialize_from_str(&junit(&sample::run())?)?;
        let status = status_of(&report, "code-flows/recovery-form-double-click (firefox)")?;

        let TestCaseStatus::NonSuccess { message: Some(_), description: Some(said), .. } = status else {
            anyhow::bail!("no message and text: {status:?}");
        };

        let titles = ["what was being done", "what was expected", "what was seen", "where to look"];
        let places: Vec<_> = titles.iter().map(|title| said.find(title)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {}", said.as_str());
        Ok(())
    }

    #[test]
    fn what_a_page_contained_stays_text() -> anyhow::Result<()> {
        let planted = "]]></failure><failure message=\"x\">&\u{1b}[31m\u{0}\u{ffff}";

        let report = Report::deserialize_from_str(&junit(&sample::run_with_every_text(planted)?)?)?;

        assert_eq!((report.tests, report.failures, report.errors), (6, 1, 1));
        Ok(())
    }
}
