//! The words and numbers that all reports share: how a duration is said, what a trial showed, what is counted.

use serde::Serialize;

use super::merge::planned;
use crate::trial::{
    CaseOutcome, CheckRole, Platform, Repeats, RunOutcome, Shown, Surprise, TrialKind, TrialOutcome, Verdict,
};

/// A duration given in ms, as a person says it: `412 ms`, `4.2 s`, `4 min 12 s`.
pub(super) fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..59_950 => format!("{}.{} s", (ms + 50) / 1_000, (ms + 50) % 1_000 / 100),
        _ => {
            let seconds = (ms + 500) / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// A moment given in ms since the world was ready: `3.21 s`.
pub(super) fn moment(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
}

/// The time that a cookie has left, given in seconds; a cookie without an expiry ends with the browser's session.
pub(super) fn lifetime(seconds: Option<i64>) -> String {
    match seconds {
        None => "with the session".into(),
        Some(left) if left <= 0 => "expired".into(),
        Some(left @ 1..120) => format!("{left} s"),
        Some(left @ 120..7_200) => format!("{} min", left / 60),
        Some(left @ 7_200..172_800) => format!("{} h {} min", left / 3_600, left % 3_600 / 60),
        Some(left) => format!("{} d {} h", left / 86_400, left % 86_400 / 3_600),
    }
}

/// When a run began, in UTC; text that is no RFC 3339 time is kept as it is.
pub(super) fn date(started: &str) -> String {
    started
        .parse::<jiff::Timestamp>()
        .map_or_else(|_| started.to_owned(), |time| time.strftime("%-d %B %Y, %H:%M UTC").to_string())
}

/// What a trial showed, as the object of a sentence.
pub(super) fn shown(shown: Shown) -> &'static str {
    match shown {
        Shown::Symptom => "the symptom",
        Shown::Fixed => "the problem fixed",
        Shown::Instead => "what happens instead",
        Shown::Neither => "neither the whole symptom nor a whole fix",
        Shown::Error => "no verdict",
    }
}

/// What a trial showed, as the end of a sentence about it.
pub(super) fn showed(what: Shown) -> String {
    let verb = if what == Shown::Error { "reached" } else { "showed" };
    format!("{verb} {}", shown(what))
}

/// What a trial had to show; several of them are alternatives.
pub(super) fn wanted(wanted: &[Shown]) -> String {
    wanted.iter().map(|&one| shown(one)).collect::<Vec<_>>().join(", or ")
}

/// What a verdict means, for a person who has read nothing else.
pub(super) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::FixHolds => "the problem was shown, and so was its cure",
        Verdict::Reproduced => "the problem was shown; no cure was tried",
        Verdict::NotReproduced => "the problem was not seen, or not each time",
        Verdict::FixFails => "the cure did not help, or a wrong one passed for one",
        Verdict::Guarded => "of a double submit one POST arrived",
        Verdict::NotGuarded => "of a double submit every POST arrived",
        Verdict::Error => "nothing can be said of Kratos, as something around it broke",
    }
}

/// A verdict, and what it means.
#[derive(Debug, Serialize)]
pub(super) struct Word {
    word: &'static str,
    meaning: &'static str,
}

impl From<Verdict> for Word {
    fn from(verdict: Verdict) -> Self {
        Self { word: verdict.word(), meaning: meaning(verdict) }
    }
}

/// The verdicts that a run came to or was to come to, in the order in which they are told.
pub(super) fn verdicts(run: &RunOutcome) -> Vec<Verdict> {
    let all = [
        Verdict::FixHolds,
        Verdict::Reproduced,
        Verdict::NotReproduced,
        Verdict::FixFails,
        Verdict::Guarded,
        Verdict::NotGuarded,
        Verdict::Error,
    ];
    let told = |verdict: &Verdict| run.cases.iter().any(|case| [case.verdict, case.expected].contains(verdict));
    all.into_iter().filter(told).collect()
}

/// What a trial is for, as a heading. A set-up that shows something else in the problem's place has no problem.
pub(super) fn kind(trial: &TrialOutcome) -> &'static str {
    match trial.kind {
        TrialKind::Broken if trial.shown == Shown::Instead => "The set-up",
        TrialKind::BrokenAgain if trial.shown == Shown::Instead => "The set-up again, without the fix",
        TrialKind::Broken => "The problem",
        TrialKind::Fixed => "The documented fix",
        TrialKind::OtherFix => "Another fix",
        TrialKind::BrokenAgain => "The problem again, without the fix",
        TrialKind::WrongFix => "A wrong fix",
    }
}

/// The list of the case file that a check stands in.
pub(super) fn role(role: CheckRole) -> &'static str {
    match role {
        CheckRole::Symptom => "symptom",
        CheckRole::Expect => "expect",
        CheckRole::Instead => "instead",
    }
}

/// `1 case`, `2 cases`.
pub(super) fn count(number: usize, noun: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { noun } else { plural })
}

/// How many wrong fixes were tried and how many were caught, in all the cases given.
pub(super) fn wrong_fixes<'a>(cases: impl IntoIterator<Item = &'a CaseOutcome>) -> (usize, usize) {
    cases.into_iter().map(CaseOutcome::wrong_fixes).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// `4 of 4 wrong fixes caught`, or nothing where none was tried.
pub(super) fn caught((tried, caught): (usize, usize)) -> Option<String> {
    (tried > 0).then(|| format!("{caught} of {} caught", count(tried, "wrong fix", "wrong fixes")))
}

/// What an interrupted run is, for a machine that reads on.
pub(super) const INTERRUPTED: &str = "interrupted: not all that was asked for has run";

/// The result of a run in one line, such as `27 of 27 cases as expected`; a surprise is what it counts. Of a run that was
/// interrupted it says how many cases there would have been, where that is known.
pub(super) fn headline(run: &RunOutcome) -> String {
    let ran = run.cases.len();
    let surprises = run.cases.iter().filter(|case| !case.as_expected()).count();
    let all = count(ran, "case", "cases");
    match (run.interrupted, ran, surprises) {
        (false, 0, _) => "no case ran".to_owned(),
        (true, 0, _) => match planned(run) {
            Some(planned) => format!("none of {} ran; then interrupted", count(planned, "case", "cases")),
            None => "no case ran; then interrupted".to_owned(),
        },
        (false, _, 0) => format!("{ran} of {all} as expected"),
        (false, ..) => format!("{surprises} of {all} not as expected"),
        (true, ..) => {
            let ran = planned(run).map_or(all, |planned| format!("{ran} of {}", count(planned, "case", "cases")));
            let as_expected = if surprises == 0 { "all".to_owned() } else { format!("{surprises} not") };
            format!("{ran} ran, {as_expected} as expected; then interrupted")
        }
    }
}

/// How often a login page that is not ours let only one of two submits through; nothing where that was not asked.
pub(super) fn guards(run: &RunOutcome) -> Option<String> {
    let asked = run.cases.iter().filter(|case| case.verdict.is_about_guard());
    let guarded = asked.clone().filter(|case| case.verdict == Verdict::Guarded).count();
    let all = asked.count();
    (all > 0).then(|| match guarded {
        0 => {
            format!("not guarded: in {} every POST arrived at the edge", count(all, "double submit", "double submits"))
        }
        _ if guarded == all => {
            format!("guarded: in {} one POST arrived at the edge", count(all, "double submit", "double submits"))
        }
        _ => {
            format!("in part: in {guarded} of {all} double submits one POST arrived at the edge, in the rest every one")
        }
    })
}

/// How often a case surprised, and how seldom it does by that: `0 of 30 surprised, so below 9.6 % at 95 %`.
pub(super) fn repeats(repeats: &Repeats) -> String {
    let Repeats { asked, ran, surprises, below } = repeats;
    let ended = if ran < asked { format!(", of {asked} that were asked for") } else { String::new() };
    format!("{} of {ran} surprised{ended}, so below {} at 95 %", surprises.len(), percent(*below))
}

/// A share of 1 in percent with two digits that count. Rounded up: what is said to lie below stays below.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 6.0);
    let scale = 10_f64.powf(digits);
    // What a share of two digits itself is off by must not carry it up.
    let up = (percent * scale - 1e-6).ceil() / scale;
    format!("{up:.0$} %", digits as usize)
}

/// One repetition that surprised: which, the verdict and the first cause.
pub(super) fn surprise(surprise: &Surprise) -> String {
    let Surprise { repetition, verdict, cause, folder } = surprise;
    format!("repetition {repetition}: {}: {cause} [{folder}]", verdict.word())
}

/// What a case ran on, such as `Kratos v1.3.1, sqlite, native`.
pub(super) fn platform(platform: &Platform) -> String {
    format!("Kratos {}, {}, {}", platform.kratos, platform.database, platform.backend)
}

/// The items in groups by key, both in the order of their first appearance.
pub(super) fn group<'a, T>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> &'a str) -> Vec<(&'a str, Vec<T>)> {
    let mut groups: Vec<(&str, Vec<T>)> = Vec::new();
    for item in items {
        let key = key(&item);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{planning, sample};
    use rstest::rstest;

    #[rstest]
    #[case::short(412, "412 ms")]
    #[case::one_second(1_000, "1.0 s")]
    #[case::rounded(4_249, "4.2 s")]
    #[case::carried(1_950, "2.0 s")]
    #[case::last_second(59_949, "59.9 s")]
    #[case::minute(59_950, "1 min 0 s")]
    #[case::minutes(252_000, "4 min 12 s")]
    fn a_duration_is_said_as_a_person_says_it(#[case] ms: u64, #[case] text: &str) {
        assert_eq!(took(ms), text);
    }

    #[rstest]
    #[case::session(None, "with the session")]
    #[case::past(Some(-5), "expired")]
    #[case::capped(Some(604_800), "7 d 0 h")]
    #[case::default_session(Some(86_399), "23 h 59 min")]
    #[case::minutes(Some(900), "15 min")]
    fn a_cookie_says_what_time_it_has_left(#[case] seconds: Option<i64>, #[case] text: &str) {
        assert_eq!(lifetime(seconds), text);
    }

    #[rstest]
    #[case::thirty(0.095_034, "9.6 %")]
    #[case::thousand(0.002_991, "0.30 %")]
    #[case::once(0.95, "95 %")]
    #[case::all(1.0, "100 %")]
    #[case::tenth(0.1, "10 %")]
    #[case::few(0.000_077_535, "0.0078 %")]
    fn a_bound_is_rounded_up(#[case] share: f64, #[case] text: &str) {
        assert_eq!(percent(share), text);
    }

    #[test]
    fn a_run_that_was_interrupted_says_of_how_many_cases() {
        let mut run = sample::run();
        run.interrupted = true;
        assert_eq!(headline(&run), "4 cases ran, 2 not as expected; then interrupted");

        run.parts.push(planning(42));
        run.cases.truncate(2);

        assert_eq!(headline(&run), "2 of 42 cases ran, all as expected; then interrupted");
    }

    #[test]
    fn a_set_up_without_the_problem_is_not_called_the_problem() {
        let of = |shown| kind(&sample::trial("case", "broken", TrialKind::Broken, shown));

        assert_ne!(of(Shown::Instead), of(Shown::Symptom));
        assert_eq!(of(Shown::Neither), of(Shown::Symptom));
    }

    #[test]
    fn a_start_that_is_no_time_is_kept() {
        assert_eq!(date("2026-11-23T23:59:59Z"), "23 November 2026, 23:59 UTC");
        assert_eq!(date("yesterday"), "yesterday");
    }
}
