//! The run as text for a person at a terminal: a line for each case, what a failure shows, and the summary.
//! What a page or a log contained is printed without its control characters, so that it cannot steer the terminal.

use std::fmt::Write as _;
use std::path::Path;

use super::finding::{Finding, Places, exchange_line, relevant_exchanges};
use super::history::Changes;
use super::platform::{Differing, fitted_by_kratos};
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

/// A case in one line: mark, verdict, id, engine, what its run differs in, time, and how many wrong fixes were caught.
/// Without a line break.
#[must_use]
pub fn case_line(case: &CaseOutcome, differing: Differing, colour: Colour) -> String {
    let verdict = colour.paint(ink(case), &format!("{} {:<14}", mark(case), case.verdict.word()));
    let id = visible(&case.id);
    let engine = visible(case.engine.as_deref().unwrap_or("-"));
    let took = words::took(case.took_ms);
    let platform = differing.label(&case.platform).map(|label| format!(" {:<16}", visible(&label)));
    let mut line = format!("{verdict} {id:<44} {engine:<21}{} {took:>12}", platform.unwrap_or_default());
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

/// What a case that surprised has to say: why in a sentence, the four things, the trail of the trial that tells, the first
/// cause, and the exchanges that led there.
#[must_use]
pub fn failure(case: &CaseOutcome, places: &Places, colour: Colour) -> String {
    let finding = Finding::of(case);
    // Whoever reads this alone, as in an issue, has to know on which Kratos it was.
    let name = Differing::KRATOS.name(case);
    let verdict = format!("{} {}: {}", mark(case), visible(&name), case.verdict.word());
    let mut text = format!("{}, expected {}\n", colour.paint(ink(case), &verdict), case.expected.word());
    let _ = writeln!(text, "  {}\n  {}\n", visible(&case.title), visible(&case.reason));
    let doing = vec![finding.doing.clone()];
    let look = finding.look.iter().map(|look| look.said(places)).collect();
    for (title, lines) in [
        ("what was being done", &doing),
        ("what was expected", &finding.expected),
        ("what was seen", &finding.seen),
        ("where to look", &look),
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
    if finding.cause != case.reason {
        let _ = writeln!(text, "\n  {}\n    {}", colour.paint(Ink::Bold, "the first cause"), visible(finding.cause));
    }
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
    let differing = Differing::within(run);
    if let Some(guards) = words::guards(run) {
        let _ = writeln!(text, "{}\n  {guards}", colour.paint(Ink::Bold, "Is the login page guarded?"));
    }
    for case in run.cases.iter().filter(|case| case.verdict.is_about_guard()) {
        let _ = writeln!(text, "  {:<46} {}", visible(&differing.name(case)), visible(&case.reason));
    }
    if !run.not_run.is_empty() {
        let _ = writeln!(text, "{}", colour.paint(Ink::Odd, "Not run"));
    }
    for one in &run.not_run {
        let _ = writeln!(text, "  {:<30} {}", visible(&one.case), visible(&one.reason));
    }
    if !run.not_applicable.is_empty() {
        let _ = writeln!(text, "{}", colour.paint(Ink::Bold, "Not applicable"));
    }
    for one in &run.not_applicable {
        let _ = writeln!(text, "  {:<30} {}", visible(&one.case), visible(&one.reason));
    }
    text.push_str(&repeated(run, differing, colour));
    text.push_str(&configuration(run, colour));
    let surprises: Vec<_> = run.cases.iter().filter(|case| !case.as_expected()).collect();
    if !surprises.is_empty() {
        let _ = writeln!(text, "{}", colour.paint(Ink::Bad, "Not as expected"));
    }
    for case in surprises {
        let _ = writeln!(text, "  {}", case_line(case, differing, colour));
    }
    // What is all green, and says that a problem does not occur, must not be read the other way.
    let other = words::verdicts(run).into_iter().filter(|verdict| *verdict != Verdict::FixHolds);
    let other: Vec<_> = other.map(|verdict| format!("{}: {}", verdict.word(), words::meaning(verdict))).collect();
    if !other.is_empty() {
        let _ = writeln!(text, "\n{}", colour.paint(Ink::Dim, &other.join("; ")));
    }
    let good = run.as_expected() && !run.interrupted && !run.cases.is_empty();
    let mut total = words::headline(run);
    if let Some(caught) = words::caught(words::wrong_fixes(&run.cases)) {
        total.push_str(&format!(", {caught}"));
    }
    if !run.not_run.is_empty() {
        total.push_str(&format!(", {} not run", run.not_run.len()));
    }
    if !run.not_applicable.is_empty() {
        total.push_str(&format!(", {} not applicable", run.not_applicable.len()));
    }
    let total = colour.paint(if good { Ink::Good } else { Ink::Bad }, &total);
    let _ = writeln!(text, "\n{total}, in {}", words::took(run.took_ms));
    let _ = writeln!(text, "report: {}", folder.join("report.html").display());
    text
}

/// How often each case surprised that ran several times, with the first cause of each time; empty where none did.
fn repeated(run: &RunOutcome, differing: Differing, colour: Colour) -> String {
    let mut text = String::new();
    for (case, repeats) in run.cases.iter().filter_map(|case| Some((case, case.repeats.as_ref()?))) {
        if text.is_empty() {
            let _ = writeln!(text, "{}", colour.paint(Ink::Bold, "Several times"));
        }
        let line = format!("  {:<60} {}", visible(&differing.name(case)), words::repeats(repeats));
        let ink = if repeats.surprises.is_empty() { Ink::Good } else { Ink::Bad };
        let _ = writeln!(text, "{}", colour.paint(ink, &line));
        for surprise in &repeats.surprises {
            let _ = writeln!(text, "    {}", visible(&words::surprise(surprise)));
        }
    }
    text
}

/// What each Kratos does not know of its configuration, and what became of it; empty where they know all.
#[must_use]
pub fn configuration(run: &RunOutcome, colour: Colour) -> String {
    let mut text = String::new();
    for (kratos, lines) in fitted_by_kratos(run) {
        let title = format!("Configuration of Kratos {}", visible(kratos));
        let _ = writeln!(text, "{}", colour.paint(Ink::Bold, &title));
        for line in lines {
            let _ = writeln!(text, "  {}", visible(line));
        }
    }
    text
}

/// What has changed since the last run; empty where there is none to compare with.
#[must_use]
pub fn changes(changes: &Changes, colour: Colour) -> String {
    let Some(since) = &changes.since else { return String::new() };
    let mut text = format!("{}\n", colour.paint(Ink::Bold, &format!("Since {}", visible(since))));
    if changes.kinds().is_empty() {
        text.push_str("  nothing has changed\n");
    }
    for (title, lines) in changes.kinds() {
        for line in lines {
            let _ = writeln!(text, "  {:<17} {}", title.to_lowercase(), visible(line));
        }
    }
    text.push('\n');
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
/// that reorders a line is shown as its number. So is what begins a command of a workflow: GitHub's runner obeys `::`
/// after spaces, and `##[` anywhere in a line.
pub(crate) fn visible(text: &str) -> String {
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
    if shown.contains("##[") {
        shown = shown.replace("##[", "\\u{23}#[");
    }
    let begin = shown.len() - shown.trim_start().len();
    if shown[begin..].starts_with("::") {
        shown.replace_range(begin..=begin, "\\u{3a}");
    }
    shown
}

#[cfg(test)]
mod tests;
