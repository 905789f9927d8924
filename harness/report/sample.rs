//! A run such as a real one leaves behind, for the tests of the reports: a fix that holds, a problem that does not show,
//! a fix that fails, and a trial that broke.

mod trial;

use std::path::Path;

use serde_json::Value;

use crate::evidence::StepState;
use crate::trial::{
    CaseOutcome, CheckRole, ClaimQuoted, NotApplicable, NotRun, Part, Platform, Repeats, RunOutcome, Scope, Shown,
    TrialKind, Verdict,
};
use trial::check;
pub(super) use trial::{step, trial};

/// A picture of one grey pixel.
pub(super) const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
      \x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\xf8\x0f\x00\x01\x01\x01\
      \x00\xb1\x38\xf6\x14\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const SOURCE: &str = "\
claim: code-flows.second-submit
title: Double click on a one-time-code login shows an error although the login worked
world:
  kratos: { profile: code }
  ui: { submit: form, guard: none }
  faults: [{ host: ory.example.test, method: POST, path: /self-service/login, delay_answer: 400ms }]
steps:
  - identity: { email: ada@example.test }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test }
  - submit: code
  - fill: { code: $code }
  - submit: { method: code, how: double-click }
symptom:
  - posts: { path: /self-service/login, step: last, count: 2 }
  - message: 4010002
fix:
  world: { ui: { guard: disable } }
  expect:
    - posts: { path: /self-service/login, step: last, count: 1 }
    - signed_in: a
";

/// The run.
pub(super) fn run() -> RunOutcome {
    RunOutcome {
        run: "2026-11-23T23-59-59-4711".into(),
        started: "2026-11-23T23:59:59Z".into(),
        took_ms: 252_300,
        interrupted: false,
        scope: Scope::default(),
        parts: vec![
            part("kratos-repro", "0.1.0", ""),
            part("Kratos", "v26.2.0", "built from its Go module, SQLite"),
            part("Chromium", "143.0.7499.40", "chromedriver 143.0.7499.40"),
            part("Firefox", "145.0.1", "geckodriver 0.36.0"),
            part("WebKitGTK", "2.50.2", "WebKitWebDriver 2.50.2"),
        ],
        cases: vec![holds(), not_reproduced(), fails(), error()],
        not_run: vec![NotRun {
            case: "cross-browser/insomnia".into(),
            reason: "`inso` is not installed (hint: `kratos-repro doctor` says how)".into(),
        }],
        not_applicable: vec![],
    }
}

/// The same run, but that all of its cases but the first ran on an older Kratos, to which one more is not applicable.
pub(super) fn run_on_two_versions() -> RunOutcome {
    let mut run = run();
    for case in run.cases.iter_mut().skip(1) {
        case.platform.kratos = "v1.0.0".into();
        for trial in &mut case.trials {
            trial.fitted = vec!["left out: `a.key`: v1.0.0 has no `feature`".into()];
        }
    }
    run.not_applicable = vec![NotApplicable {
        case: "code-flows/login-form-double-click".into(),
        kratos: "v1.0.0".into(),
        reason: "it needs `feature`, which is in Kratos >=1.1".into(),
    }];
    run
}

/// A run in which each case ran thirty times, and the third of them surprised in two of those.
pub(super) fn several_times(mut run: RunOutcome) -> RunOutcome {
    for (number, case) in run.cases.iter_mut().enumerate() {
        let mut repeats = Repeats::of(30);
        let expected = CaseOutcome { verdict: case.expected, trials: Vec::new(), ..case.clone() };
        for repetition in 1..=30 {
            let outcome = if number == 2 && [7, 19].contains(&repetition) { &*case } else { &expected };
            repeats.count(repetition, outcome, &format!("trials/{}/repetition-{repetition}", case.id));
        }
        case.repeats = Some(repeats);
    }
    run
}

/// The same run with every text replaced by `planted`; only the words of the format stay.
pub(super) fn run_with_every_text(planted: &str) -> anyhow::Result<RunOutcome> {
    fn plant(value: &mut Value, key: &str, planted: &str) {
        const WORDS: [&str; 7] = ["verdict", "expected", "kind", "shown", "wanted", "role", "state"];
        match value {
            Value::String(text) if !WORDS.contains(&key) || text.contains(' ') => planted.clone_into(text),
            Value::Array(items) => items.iter_mut().for_each(|item| plant(item, key, planted)),
            Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| plant(value, key, planted)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(several_times(run_on_two_versions()))?;
    plant(&mut value, "", planted);
    Ok(serde_json::from_value(value)?)
}

/// Puts a picture where the run says that its screenshots are.
pub(super) fn write_screenshots(run: &RunOutcome, folder: &Path, png: &[u8]) -> anyhow::Result<()> {
    let steps = run.cases.iter().flat_map(|case| &case.trials).flat_map(|trial| &trial.steps);
    for name in steps.filter_map(|step| step.screenshot.as_ref()) {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, png)?;
    }
    Ok(())
}

fn part(name: &str, version: &str, note: &str) -> Part {
    Part { name: name.into(), version: version.into(), note: note.into() }
}

fn claim(id: &str, section: &str, quote: &str) -> ClaimQuoted {
    ClaimQuoted {
        id: id.into(),
        section: section.into(),
        quote: quote.into(),
        truth: format!("What is known of {id}."),
    }
}

fn second_submit() -> ClaimQuoted {
    claim(
        "code-flows.second-submit",
        "Failing code flows",
        "If an authentication flow using the one time code method was already passed, Ory Kratos will reject any \
         further attempts to use the same flow.",
    )
}

fn case(id: &str, engine: &str, title: &str, verdicts: (Verdict, Verdict)) -> CaseOutcome {
    CaseOutcome {
        id: id.into(),
        title: title.into(),
        claim: second_submit(),
        engine: Some(engine.into()),
        platform: Platform { kratos: "v1.3.1".into(), database: "sqlite".into(), backend: "native".into() },
        expected: verdicts.0,
        verdict: verdicts.1,
        reason: String::new(),
        note: None,
        real: vec!["Kratos".into(), engine.into(), "the mail that carries the code".into()],
        emulated: vec!["the slow network: answers are held for 400 ms".into()],
        source: SOURCE.into(),
        took_ms: 20_450,
        trials: Vec::new(),
        repeats: None,
    }
}

fn holds() -> CaseOutcome {
    let id = "code-flows/login-form-double-click";
    let mut fixed = trial(id, "fixed", TrialKind::Fixed, Shown::Fixed);
    fixed.why = Some("The page says to disable the button after the first click.".into());
    fixed.change = "ui:\n  guard: disable\n".into();
    let wrong = |number: usize, why: &str, change: &str, shown| {
        let mut wrong = trial(id, &format!("wrong-fix-{number}"), TrialKind::WrongFix, shown);
        wrong.why = Some(why.into());
        wrong.change = change.into();
        wrong
    };
    let title = "Double click on a one-time-code login shows an error although the login worked";
    CaseOutcome {
        reason: "The symptom shows, the fix removes it, without the fix it is back, and no wrong fix passes.".into(),
        trials: vec![
            trial(id, "broken", TrialKind::Broken, Shown::Symptom),
            fixed,
            trial(id, "broken-again", TrialKind::BrokenAgain, Shown::Symptom),
            wrong(1, "Disabled too late.", "ui:\n  guard: disable-after-1s\n", Shown::Symptom),
            wrong(2, "The message is hidden.", "ui:\n  messages: none\n", Shown::Neither),
        ],
        ..case(id, "chromium", title, (Verdict::FixHolds, Verdict::FixHolds))
    }
}

fn not_reproduced() -> CaseOutcome {
    let id = "code-flows/verification-other-browser";
    let mut broken = trial(id, "broken", TrialKind::Broken, Shown::Instead);
    broken.wanted = vec![Shown::Instead];
    broken.checks = vec![
        check(CheckRole::Symptom, 14, "status 403 with `security_csrf_violation`", "303 to the page", false),
        check(CheckRole::Instead, 17, "the address is verified", "verified at 2.71 s", true),
    ];
    CaseOutcome {
        claim: claim(
            "cross-browser.start-finish",
            "`400: Bad Request` on self-service flows",
            "Self-service browser flows need to be executed in the same browser from start to finish!",
        ),
        reason: "The symptom does not show: a verification link works in any browser.".into(),
        note: Some(
            "The page makes no exception for verification; Kratos does, so that a mail can be read elsewhere.".into(),
        ),
        emulated: Vec::new(),
        took_ms: 3_980,
        trials: vec![broken],
        ..case(
            id,
            "webkitgtk",
            "A verification link that is opened in another browser works",
            (Verdict::NotReproduced, Verdict::NotReproduced),
        )
    }
}

fn fails() -> CaseOutcome {
    let id = "code-flows/recovery-form-double-click";
    let mut fixed = trial(id, "fixed", TrialKind::Fixed, Shown::Symptom);
    fixed.why = Some("The page says to disable the button after the first click.".into());
    fixed.change = "ui:\n  guard: disable\n".into();
    fixed.cause = Some("two POSTs left the browser 4 ms apart: the button was disabled after the second click".into());
    let title = "Double click on a recovery code shows an error although the recovery worked";
    CaseOutcome {
        reason: "The symptom shows and the fix does not remove it: two POSTs left the browser 4 ms apart.".into(),
        trials: vec![trial(id, "broken", TrialKind::Broken, Shown::Symptom), fixed],
        took_ms: 9_120,
        ..case(id, "firefox", title, (Verdict::FixHolds, Verdict::FixFails))
    }
}

fn error() -> CaseOutcome {
    let id = "tenants/two-endpoints";
    let mut broken = trial(id, "broken", TrialKind::Broken, Shown::Error);
    broken.cause = Some("no button `password` on the page within 10 s; the page last said `502 Bad Gateway`".into());
    broken.steps[3].state = StepState::Failed;
    broken.steps[3].error =
        Some("no button `password` on the page within 10 s; the page last said `502 Bad Gateway`".into());
    broken.steps[3].took_ms = 10_004;
    for step in &mut broken.steps[4..] {
        step.state = StepState::NotReached;
        (step.page, step.screenshot) = (None, None);
    }
    broken.checks.clear();
    broken.exchanges.truncate(4);
    broken.exchanges[3].status = Some(502);
    CaseOutcome {
        claim: claim(
            "tenants.one-ui",
            "Customers and employees",
            "deploy Ory Kratos two times, and use the same login UI pointing to two different Kratos login endpoints \
             - `/login/customer` or `/login/employee`",
        ),
        reason: "Trial `broken` reached no verdict: step 4 could not be taken.".into(),
        emulated: Vec::new(),
        trials: vec![broken],
        took_ms: 14_870,
        ..case(
            id,
            "webkitgtk",
            "Customers and employees log in through one interface",
            (Verdict::Reproduced, Verdict::Error),
        )
    }
}
