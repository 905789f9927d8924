//! A run such as a real one leaves behind, for the tests of the reports: a fix that holds, a problem that does not show,
//! a fix that fails, and a trial that broke.

use std::path::Path;

use serde_json::Value;

use crate::evidence::{CookieSeen, Exchange, LogLine, MailSeen, StepState, StepTaken};
use crate::trial::{
    CaseOutcome, CheckRole, CheckSeen, ClaimQuoted, NotApplicable, NotRun, Part, Phase, Platform, Repeats, RunOutcome,
    Scope, Shown, TrialKind, TrialOutcome, Verdict,
};

/// A picture of one grey pixel.
pub(super) const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\
      \x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\xf8\x0f\x00\x01\x01\x01\
      \x00\xb1\x38\xf6\x14\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const FORM: &str = "application/x-www-form-urlencoded";
const FLOW: &str = "https://ory.example.test/self-service/login?flow=2f6c1d0e-77a1-4c55-9d5e-0f6f3c2b8a11";
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

/// A step that was taken in browser `a`.
pub(super) fn step(number: usize, text: &str, screenshot: Option<&str>) -> StepTaken {
    StepTaken {
        number,
        text: text.into(),
        line: 7 + number as u64,
        state: StepState::Done,
        at_ms: 640 * number as u64,
        took_ms: 35 + 140 * (number as u64 % 4),
        browser: (number > 1).then(|| "a".into()),
        page: (number > 1).then(|| "https://ui.example.test/login?flow=2f6c1d0e".into()),
        screenshot: screenshot.map(str::to_owned),
        error: None,
    }
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

fn check(role: CheckRole, line: u64, expected: &str, seen: &str, held: bool) -> CheckSeen {
    CheckSeen { role, line, expected: expected.into(), seen: seen.into(), held }
}

/// What the case on codes sees, with the number of POSTs that its last step made.
fn checks(posts: usize) -> Vec<CheckSeen> {
    let twice = posts == 2;
    let seen = format!("{posts} of them: {}", if twice { "#7, #8" } else { "#7" });
    let message = if twice { "4010002 on the page" } else { "no message" };
    vec![
        check(CheckRole::Symptom, 15, "2 POSTs to `/self-service/login` at the last step", &seen, twice),
        check(CheckRole::Symptom, 16, "message 4010002", message, twice),
        check(CheckRole::Expect, 20, "1 POST to `/self-service/login` at the last step", &seen, !twice),
        check(CheckRole::Expect, 21, "browser a is signed in", "a session of ada@example.test", true),
    ]
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn exchange(id: u64, step: usize, method: &str, url: &str, status: u16) -> Exchange {
    Exchange {
        id,
        listener: "a".into(),
        step,
        at_ms: 590 * id,
        took_ms: Some(9 + 3 * id),
        method: method.into(),
        url: url.into(),
        request_headers: headers(&[("host", "ory.example.test"), ("cookie", "csrf_token_8f=csrf#1")]),
        status: Some(status),
        response_headers: headers(&[("content-type", "text/html; charset=utf-8"), ("vary", "Cookie")]),
        response_body: "<!doctype html><title>Sign in</title>".into(),
        ..Exchange::default()
    }
}

/// The exchanges of a login by code, with as many final POSTs as the step made.
fn exchanges(posts: usize) -> Vec<Exchange> {
    let post = |id: u64, step: usize, body: &str| {
        let mut post = exchange(id, step, "POST", FLOW, 303);
        post.request_headers.push(("content-type".into(), FORM.into()));
        post.request_body = body.into();
        post.response_headers = headers(&[("location", "https://ui.example.test/login?flow=2f6c1d0e")]);
        post.response_body = String::new();
        post
    };
    let mut all = vec![
        exchange(1, 2, "GET", "https://ui.example.test/login", 303),
        exchange(2, 2, "GET", "https://ory.example.test/self-service/login/browser", 303),
        exchange(3, 2, "GET", "https://ui.example.test/login?flow=2f6c1d0e", 200),
        post(4, 4, "csrf_token=csrf%231&identifier=ada%40example.test&method=code"),
        exchange(5, 4, "GET", "https://ui.example.test/login?flow=2f6c1d0e", 200),
    ];
    let mut outside = exchange(6, 4, "GET", "https://fonts.example.com/inter.woff2", 0);
    outside.status = None;
    outside.took_ms = None;
    outside.response_headers.clear();
    outside.response_body.clear();
    outside.refused = Some("no host of this world".into());
    all.push(outside);
    for number in 0..posts as u64 {
        let mut last = post(7 + number, 6, "csrf_token=csrf%231&code=code%231&method=code");
        last.took_ms = Some(412);
        last.fault = Some("answer held for 400 ms".into());
        last.response_headers.push(("set-cookie".into(), "ory_kratos_session=session#1; Path=/; HttpOnly".into()));
        all.push(last);
    }
    let mut whoami = exchange(9, 6, "GET", "https://ory.example.test/sessions/whoami", 200);
    whoami.response_headers = headers(&[("content-type", "application/json")]);
    whoami.response_body =
        r#"{"id":"session#1","active":true,"identity":{"traits":{"email":"ada@example.test"}}}"#.into();
    all.push(whoami);
    all
}

/// A trial of a login by code.
pub(super) fn trial(case: &str, name: &str, kind: TrialKind, shown: Shown) -> TrialOutcome {
    let posts = if matches!(shown, Shown::Fixed) { 1 } else { 2 };
    let folder = format!("trials/{case}/{name}");
    let picture = |number: usize| format!("{folder}/step-{number}.png");
    let cookie = |name: &str, value: &str, expires_in_s| CookieSeen {
        holder: "a".into(),
        name: name.into(),
        value: value.into(),
        domain: "example.test".into(),
        path: "/".into(),
        expires_in_s,
        same_site: Some("Lax".into()),
        secure: true,
        http_only: true,
    };
    let phases = [("world", 1_240), ("steps", 2_310), ("checks", 120), ("evidence", 240), ("close", 180)];
    TrialOutcome {
        name: name.into(),
        kind,
        why: None,
        change: String::new(),
        fitted: Vec::new(),
        wanted: match kind {
            TrialKind::Broken | TrialKind::BrokenAgain => vec![Shown::Symptom],
            TrialKind::Fixed | TrialKind::OtherFix => vec![Shown::Fixed],
            TrialKind::WrongFix => vec![Shown::Symptom, Shown::Neither],
        },
        shown,
        cause: None,
        phases: phases.map(|(name, took_ms)| Phase { name: name.into(), took_ms }).into(),
        steps: vec![
            step(1, "identity ada@example.test is made", None),
            step(2, "open the `login` flow in a", Some(&picture(2))),
            step(3, "fill `identifier` with ada@example.test", None),
            step(4, "submit `code`", Some(&picture(4))),
            step(5, "fill `code` with code#1", None),
            step(6, "submit `code` by double click", Some(&picture(6))),
        ],
        checks: checks(posts),
        exchanges: exchanges(posts),
        mails: vec![MailSeen {
            at_ms: 2_710,
            recipient: "ada@example.test".into(),
            template: "login_code_valid".into(),
            subject: "Use code code#1 to log in".into(),
        }],
        cookies: vec![
            cookie("ory_kratos_session", "session#1", Some(86_396)),
            cookie("csrf_token_8f", "csrf#1", Some(31_535_990)),
            cookie("theme", "dark", None),
        ],
        log: vec![LogLine {
            server: "kratos".into(),
            text: r#"{"level":"info","msg":"Encountered self-service login error.","error":{"reason":"the flow has already been completed"}}"#.into(),
        }],
        folder,
    }
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
