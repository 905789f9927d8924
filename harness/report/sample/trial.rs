//! A trial of a login by code, step by step.

use crate::evidence::{CookieSeen, Exchange, LogLine, MailSeen, StepState, StepTaken};
use crate::trial::{CheckRole, CheckSeen, Phase, Shown, TrialKind, TrialOutcome};

const FORM: &str = "application/x-www-form-urlencoded";
const FLOW: &str = "https://ory.example.test/self-service/login?flow=2f6c1d0e-77a1-4c55-9d5e-0f6f3c2b8a11";

/// A step that was taken in browser `a`.
pub(in crate::report) fn step(number: usize, text: &str, screenshot: Option<&str>) -> StepTaken {
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

pub(super) fn check(role: CheckRole, line: u64, expected: &str, seen: &str, held: bool) -> CheckSeen {
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
pub(in crate::report) fn trial(case: &str, name: &str, kind: TrialKind, shown: Shown) -> TrialOutcome {
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
