//! The run as text for a person at a terminal: a line for each case, what a failure shows, and the summary.
//! What a page or a log contained is printed without its control characters, so that it cannot steer the terminal.

use std::fmt::Write as _;
use std::path::Path;

use super::finding::{Finding, exchange_line, relevant_exchanges};
use super::words;
use crate::evidence::{StepState, StepTaken};
use crate::trial::{CaseOutcome, LOGIN_PAGE, RunOutcome, Verdict};

/// Whether text carries ANSI colours; the caller knows the terminal and `NO_COLOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// It does.
    Always,
    /// It does not.
    Never,
}

/// A colour by its meaning.
#[derive(Debug, Clone, Copy)]
enum Ink {
    Good,
    Bad,
    Odd,
    Bold,
    Dim,
}

impl Colour {
    fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => 32,
            Ink::Bad => 31,
            Ink::Odd => 33,
            Ink::Bold => 1,
            Ink::Dim => 2,
        };
        match self {
            Self::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Never => text.to_owned(),
        }
    }
}

/// A case in one line: mark, verdict, id, engine, time, and how many wrong fixes were caught. Without a line break.
#[must_use]
pub fn case_line(case: &CaseOutcome, colour: Colour) -> String {
    let verdict = colour.paint(ink(case), &format!("{} {:<14}", mark(case), case.verdict.word()));
    let id = visible(&case.id);
    let engine = visible(case.engine.as_deref().unwrap_or("-"));
    let took = words::took(case.took_ms);
    let mut line = format!("{verdict} {id:<44} {engine:<21} {took:>12}");
    if !case.as_expected() {
        line.push_str(&format!("  expected {}", case.expected.word()));
    }
    if let Some(caught) = words::caught(case.wrong_fixes()) {
        line.push_str(&format!("  {caught}"));
    }
    if case.verdict.is_about_guard() {
        line.push_str(&format!("  {}", visible(&case.reason)));
    }
    line
}

/// What a case that surprised has to say: the four things, the trail of the trial that tells, the first cause, and the
/// exchanges that led there.
#[must_use]
pub fn failure(case: &CaseOutcome, colour: Colour) -> String {
    let finding = Finding::of(case);
    let verdict = format!("{} {}: {}", mark(case), visible(&words::name(case)), case.verdict.word());
    let mut text = format!("{}, expected {}\n", colour.paint(ink(case), &verdict), case.expected.word());
    let _ = writeln!(text, "  {}\n", visible(&case.title));
    let doing = vec![finding.doing.clone()];
    for (title, lines) in [
        ("what was being done", &doing),
        ("what was expected", &finding.expected),
        ("what was seen", &finding.seen),
        ("where to look", &finding.look),
    ] {
        for (number, line) in lines.iter().enumerate() {
            let title = if number == 0 { title } else { "" };
            let _ = writeln!(text, "  {}  {}", colour.paint(Ink::Bold, &format!("{title:<19}")), visible(line));
        }
    }
    if let Some((_, trial)) = finding.trial {
        let _ = writeln!(text, "\n  {}", colour.paint(Ink::Bold, &format!("the trail of `{}`", visible(&trial.name))));
        for step in &trial.steps {
            text.push_str(&step_line(step, colour));
        }
    }
    let _ = writeln!(text, "\n  {}\n    {}", colour.paint(Ink::Bold, "the first cause"), visible(finding.cause));
    let exchanges = finding.trial.map(|(_, trial)| relevant_exchanges(trial)).unwrap_or_default();
    if !exchanges.is_empty() {
        let _ = writeln!(text, "\n  {}", colour.paint(Ink::Bold, "the last exchanges"));
    }
    for exchange in exchanges {
        let at = colour.paint(Ink::Dim, &format!("{:>8}", words::moment(exchange.at_ms)));
        let _ = writeln!(text, "    {at}  {}", visible(&exchange_line(exchange)));
    }
    text
}

fn step_line(step: &StepTaken, colour: Colour) -> String {
    let (mark, ink) = match step.state {
        StepState::Done => ("✓", Ink::Good),
        StepState::Failed => ("✗", Ink::Bad),
        StepState::NotReached => ("-", Ink::Dim),
    };
    let at = if step.state == StepState::NotReached { String::new() } else { words::moment(step.at_ms) };
    let at = colour.paint(Ink::Dim, &format!("{at:>8}"));
    format!("    {at}  {:>2} {} {}\n", step.number, colour.paint(ink, mark), visible(&step.text))
}

/// The run as a whole: the verdicts of each claim, the totals, what did not run, and where the report lies.
#[must_use]
pub fn summary(run: &RunOutcome, folder: &Path, colour: Colour) -> String {
    let mut text = String::new();
    for (section, cases) in words::group(&run.cases, |case| &case.claim.section) {
        let section = if section.is_empty() { "Cases that name no claim" } else { section };
        let _ = writeln!(text, "{}", colour.paint(Ink::Bold, &visible(section)));
        for (claim, cases) in words::group(cases, |case| &case.claim.id) {
            text.push_str(&claim_line(claim, &cases, colour));
        }
    }
    if let Some(guards) = words::guards(run) {
        let _ = writeln!(text, "{}\n  {guards}", colour.paint(Ink::Bold, "Is the login page guarded?"));
    }
    for case in run.cases.iter().filter(|case| case.verdict.is_about_guard()) {
        let _ = writeln!(text, "  {:<46} {}", visible(&words::name(case)), visible(&case.reason));
    }
    if !run.not_run.is_empty() {
        let _ = writeln!(text, "{}", colour.paint(Ink::Odd, "Not run"));
    }
    for one in &run.not_run {
        let _ = writeln!(text, "  {:<30} {}", visible(&one.case), visible(&one.reason));
    }
    let surprises: Vec<_> = run.cases.iter().filter(|case| !case.as_expected()).collect();
    if !surprises.is_empty() {
        let _ = writeln!(text, "{}", colour.paint(Ink::Bad, "Not as expected"));
    }
    for case in surprises {
        let _ = writeln!(text, "  {}", case_line(case, colour));
    }
    let good = run.as_expected() && !run.interrupted && !run.cases.is_empty();
    let mut total = words::headline(run);
    if let Some(caught) = words::caught(words::wrong_fixes(&run.cases)) {
        total.push_str(&format!(", {caught}"));
    }
    if !run.not_run.is_empty() {
        total.push_str(&format!(", {} not run", run.not_run.len()));
    }
    let total = colour.paint(if good { Ink::Good } else { Ink::Bad }, &total);
    let _ = writeln!(text, "\n{total}, in {}", words::took(run.took_ms));
    let _ = writeln!(text, "report: {}", folder.join("report.html").display());
    text
}

fn claim_line(claim: &str, cases: &[&CaseOutcome], colour: Colour) -> String {
    let claim = if claim.is_empty() { "-" } else { claim };
    let verdicts: Vec<_> = words::group(cases, |case| case.verdict.word())
        .into_iter()
        .map(|(word, same)| format!("{} {word}", same.len()))
        .collect();
    let odd = cases.iter().filter(|case| !case.as_expected()).count();
    let mut said = verdicts.join(", ");
    if odd > 0 {
        said = colour.paint(Ink::Bad, &format!("{said} ({odd} not as expected)"));
    }
    if let Some(caught) = words::caught(words::wrong_fixes(cases.iter().copied())) {
        said.push_str(&format!("; {caught}"));
    }
    let mut text = format!("  {:<30} {said}\n", visible(claim));
    // The login page is ours in every case; what else stands for something else has to be said.
    let mut emulated: Vec<&str> =
        cases.iter().flat_map(|case| &case.emulated).map(String::as_str).filter(|it| *it != LOGIN_PAGE).collect();
    emulated.sort_unstable();
    emulated.dedup();
    if !emulated.is_empty() {
        let line = format!("  {:<30} emulated: {}", "", visible(&emulated.join("; ")));
        let _ = writeln!(text, "{}", colour.paint(Ink::Dim, &line));
    }
    text
}

fn mark(case: &CaseOutcome) -> &'static str {
    match (case.as_expected(), case.verdict) {
        (true, Verdict::NotGuarded) => "!",
        (true, _) => "✓",
        (false, Verdict::Error) => "!",
        (false, _) => "✗",
    }
}

fn ink(case: &CaseOutcome) -> Ink {
    match (case.as_expected(), case.verdict) {
        (true, Verdict::NotGuarded) => Ink::Odd,
        (true, _) => Ink::Good,
        (false, Verdict::Error) => Ink::Odd,
        (false, _) => Ink::Bad,
    }
}

/// Text on one line and without control characters: a line break becomes ` | `, anything else that a terminal obeys or
/// that reorders a line is shown as its number.
fn visible(text: &str) -> String {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => shown.push_str(" | "),
            '\t' => shown.push(' '),
            '\r' => {}
            c if c.is_control() || reorders(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_case_is_one_line() {
        let run = sample::run();
        let lines: Vec<_> = run.cases.iter().map(|case| case_line(case, Colour::Never)).collect();

        insta::assert_snapshot!(lines.join("\n"), @r"
        ✓ fix-holds      code-flows/login-form-double-click           chromium                    20.5 s  2 of 2 wrong fixes caught
        ✓ not-reproduced code-flows/verification-other-browser        webkitgtk                    4.0 s
        ✗ fix-fails      code-flows/recovery-form-double-click        firefox                      9.1 s  expected fix-holds
        ! error          tenants/two-endpoints                        webkitgtk                   14.9 s  expected reproduced
        ");
    }

    #[test]
    fn a_fix_that_fails_says_the_four_things_and_the_trail() {
        insta::assert_snapshot!(failure(&sample::run().cases[2], Colour::Never), @r"
        ✗ code-flows/recovery-form-double-click (firefox): fix-fails, expected fix-holds
          Double click on a recovery code shows an error although the recovery worked

          what was being done  checking trial `fixed` after step 6 of 6 in browser a: submit `code` by double click
          what was expected    trial `fixed` shows the problem fixed
                               line 15: no longer: 2 POSTs to `/self-service/login` at the last step
                               line 16: no longer: message 4010002
                               line 20: 1 POST to `/self-service/login` at the last step
          what was seen        it showed the symptom
                               line 15: 2 of them: #7, #8
                               line 16: 4010002 on the page
                               line 20: 2 of them: #7, #8
          where to look        the case file code-flows/recovery-form-double-click, lines 15, 16, 20
                               the exchange #8 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
                               the picture trials/code-flows/recovery-form-double-click/fixed/step-6.png
                               the raw evidence in trials/code-flows/recovery-form-double-click/fixed

          the trail of `fixed`
              0.64 s   1 ✓ identity ada@example.test is made
              1.28 s   2 ✓ open the `login` flow in a
              1.92 s   3 ✓ fill `identifier` with ada@example.test
              2.56 s   4 ✓ submit `code`
              3.20 s   5 ✓ fill `code` with code#1
              3.84 s   6 ✓ submit `code` by double click

          the first cause
            two POSTs left the browser 4 ms apart: the button was disabled after the second click

          the last exchanges
              1.18 s  #2 a GET ory.example.test/self-service/login/browser -> 303, 15 ms
              2.36 s  #4 a POST ory.example.test/self-service/login -> 303, 21 ms
              4.13 s  #7 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
              4.72 s  #8 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
              5.31 s  #9 a GET ory.example.test/sessions/whoami -> 200, 36 ms
        ");
    }

    #[test]
    fn a_step_that_failed_is_what_was_being_done() {
        insta::assert_snapshot!(failure(&sample::run().cases[3], Colour::Never), @r"
        ! tenants/two-endpoints (webkitgtk): error, expected reproduced
          Customers and employees log in through one interface

          what was being done  step 4 of 6 in browser a, trial `broken`: submit `code`
          what was expected    line 11: the step can be taken
          what was seen        no button `password` on the page within 10 s; the page last said `502 Bad Gateway`
          where to look        the case file tenants/two-endpoints, line 11
                               the exchange #4 a POST ory.example.test/self-service/login -> 502, 21 ms
                               the picture trials/tenants/two-endpoints/broken/step-4.png
                               the raw evidence in trials/tenants/two-endpoints/broken

          the trail of `broken`
              0.64 s   1 ✓ identity ada@example.test is made
              1.28 s   2 ✓ open the `login` flow in a
              1.92 s   3 ✓ fill `identifier` with ada@example.test
              2.56 s   4 ✗ submit `code`
                       5 - fill `code` with code#1
                       6 - submit `code` by double click

          the first cause
            no button `password` on the page within 10 s; the page last said `502 Bad Gateway`

          the last exchanges
              1.18 s  #2 a GET ory.example.test/self-service/login/browser -> 303, 15 ms
              2.36 s  #4 a POST ory.example.test/self-service/login -> 502, 21 ms
        ");
    }

    #[test]
    fn the_summary_counts_by_claim() {
        insta::assert_snapshot!(summary(&sample::run(), Path::new("out/run"), Colour::Never), @r"
        Failing code flows
          code-flows.second-submit       1 fix-holds, 1 fix-fails (1 not as expected); 2 of 2 wrong fixes caught
                                         emulated: the slow network: answers are held for 400 ms
        `400: Bad Request` on self-service flows
          cross-browser.start-finish     1 not-reproduced
        Customers and employees
          tenants.one-ui                 1 error (1 not as expected)
        Not run
          cross-browser/insomnia         `inso` is not installed (hint: `kratos-repro doctor` says how)
        Not as expected
          ✗ fix-fails      code-flows/recovery-form-double-click        firefox                      9.1 s  expected fix-holds
          ! error          tenants/two-endpoints                        webkitgtk                   14.9 s  expected reproduced

        2 of 4 cases not as expected, 2 of 2 wrong fixes caught, 1 not run, in 4 min 12 s
        report: out/run/report.html
        ");
    }

    #[test]
    fn colour_comes_only_when_asked_for() {
        let run = sample::run();

        assert!(!summary(&run, Path::new("out"), Colour::Never).contains('\u{1b}'));
        assert!(summary(&run, Path::new("out"), Colour::Always).contains("\u{1b}[31m"));
    }

    #[test]
    fn nothing_that_a_page_or_a_log_contained_steers_the_terminal() -> anyhow::Result<()> {
        let run = sample::run_with_every_text("\u{1b}]0;title\u{7}\u{9b}2J\r\u{202e}")?;

        let texts = run.cases.iter().flat_map(|case| [case_line(case, Colour::Never), failure(case, Colour::Never)]);
        for text in texts.chain([summary(&run, Path::new("out"), Colour::Never)]) {
            let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(steering), "{text:?}");
        }
        Ok(())
    }
}
