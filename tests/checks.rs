//! Every kind of check can hold and can fail: one world, each check once true and once false.

use std::fs;

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::Engine;
use kratos_repro::case::Catalogue;
use kratos_repro::trial::{CaseOutcome, CheckRole, Lineup, Question, Shown, Turn, Verdict, WrongFixes};
use rstest::rstest;

use crate::support::{self, trials};

/// `symptom` holds what is false, `instead` what is true, in the same order.
const CASE: &str = r#"
title: Every check, once false and once true
world:
  kratos: { config: { session: { lifespan: 48h } } }
  browsers: { a: {}, b: {}, c: {} }
  faults: [{ host: ory.example.test, method: GET, path: /self-service/login/browser, add_cookie: "cdn=1; Path=/; Secure" }]
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: c, flow: login }
  - fill: { identifier: ada@example.test, password: wrong }
  - submit: password
  - open: { in: a, flow: login }
  - open: { in: b, flow_of: a }
  - switch_to: a
  - fill: { identifier: ada@example.test, password: wrong }
  - submit: password
  - fill: { identifier: ada@example.test, password: correct horse battery }
  - submit: password
symptom:
  - posts: { path: /self-service/login, count: 2 }
  - posts: { path: /self-service/login, by: a, step: any, count: 1 }
  - answer: { to: a, path: /self-service/login, status: 400 }
  - answer: { to: b, path: /self-service/login, status: 303, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 403, error: session_inactive, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 200, message: 4000001, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 200, has: session, step: any }
  - answer: { to: a, path: /self-service/login, status: 303, location: /login }
  - sent_cookie: { by: a, path: /self-service/login, name: ory_kratos_session }
  - message: { in: a, id: 4000006 }
  - message: { in: c, id: 4000001 }
  - shown: { in: a, id: node/input/password }
  - traits: { of: ada@example.test, has: { email: bob@example.test } }
  - credential: { of: ada@example.test, type: oidc }
  - credential: { of: ada@example.test, type: password, absent: true }
  - unanswered: { to: a, path: /self-service/login, for: 1s }
  - set_cookie: { to: a, name: ory_kratos_session, sent: 24h, got: 24h }
  - set_cookie: { to: a, name: ory_kratos_session, sent: 48h, got: 24h }
  - set_cookie: { to: b, name: ory_kratos_session, sent: 48h, got: 48h, step: any }
  - error_page: { in: b, id: session_inactive }
  - error_page: { in: a, id: security_csrf_violation }
  - signed_in: b
  - signed_in: { in: a, as: bob@example.test }
  - signed_out: a
  - sessions: { of: ada@example.test, count: 0 }
  - identities: { of: ada@example.test, count: 2 }
  - cookie: { in: a, name: ory_kratos_session, lasts: 24h }
  - cookie: { in: a, name: no_such_cookie }
  - cookie: { in: a, name: ory_kratos_session, absent: true }
instead:
  - posts: { path: /self-service/login, count: 1 }
  - posts: { path: /self-service/login, by: a, step: any, count: 2 }
  - answer: { to: a, path: /self-service/login, status: 303 }
  - answer: { to: a, path: /self-service/login, status: 303, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 403, error: security_csrf_violation, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 200, message: 4000006, step: any }
  - answer: { to: ui, path: /self-service/login/flows, status: 200, has: ui, step: any }
  - answer: { to: a, path: /self-service/login, status: 303, location: /welcome }
  - sent_cookie: { by: a, path: /self-service/login, name: cdn }
  - message: { in: c, id: 4000006 }
  - shown: { in: a, id: settings-link }
  - traits: { of: ada@example.test, has: { email: ada@example.test } }
  - credential: { of: ada@example.test, type: password }
  - credential: { of: ada@example.test, type: oidc, absent: true }
  - set_cookie: { to: a, name: ory_kratos_session, sent: 48h, got: 48h }
  - error_page: { in: b, id: security_csrf_violation }
  - signed_out: b
  - signed_in: a
  - signed_in: { in: a, as: ada@example.test }
  - sessions: { of: ada@example.test, count: 1 }
  - identities: { of: ada@example.test, count: 1 }
  - cookie: { in: a, name: ory_kratos_session, lasts: 48h }
  - cookie: { in: a, name: ory_kratos_session }
  - cookie: { in: a, name: no_such_cookie, absent: true }
"#;

/// What is said to happen instead holds from the first look on.
const SILENT: &str = r#"
title: A hook that never answers
needs: [migrate-hook]
world:
  kratos: { profile: migrate-hook }
  ui: { submit: ajax }
  legacy: { users: [{ email: ada@example.test, password: an old password, name: Ada Lovelace }], hook: silent }
  browsers: { a: {} }
steps:
  - identity: { email: ada@example.test, migrate_hook: true }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: an old password }
  - submit: { method: password, until: sent }
symptom:
  - unanswered: { to: kratos, path: /verify-password, for: 2s }
instead:
  - posts: { path: /self-service/login, count: 1 }
"#;

/// The answer comes 3 s after the last step, and with it the message.
const SLOW: &str = r#"
title: An answer that is still to come
world:
  ui: { submit: ajax }
  browsers: { a: {} }
  faults: [{ host: ory.example.test, method: POST, path: /self-service/login, delay_answer: 3s }]
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: wrong }
  - submit: { method: password, until: sent }
symptom:
  - message: 4000006
fix:
  why: It does nothing against a wrong password.
  world:
    faults:
      - { host: ory.example.test, method: POST, path: /self-service/login, delay_answer: 3s }
      - { host: ory.example.test, method: GET, path: /self-service/login/browser, add_cookie: "cdn=1; Path=/; Secure" }
  expect:
    - shown: node/input/password
    - cookie: { in: a, name: cdn }
"#;

/// The fix does the same and one thing more, after which no POST is of the last step.
const APPENDED: &str = r#"
title: A fix that ends with another step
world:
  ui: { submit: ajax }
  browsers: { a: {} }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: correct horse battery }
  - submit: password
symptom:
  - posts: { path: /self-service/login, count: 1 }
fix:
  why: It fixes nothing and opens another page.
  world:
    faults: [{ host: ory.example.test, method: GET, path: /self-service/login/browser, add_cookie: "cdn=1; Path=/; Secure" }]
  steps:
    - identity: { email: ada@example.test, password: correct horse battery }
    - open: { in: a, flow: login }
    - fill: { identifier: ada@example.test, password: correct horse battery }
    - submit: password
    - open: { in: a, page: /welcome }
  expect:
    - signed_in: a
    - cookie: { in: a, name: cdn }
"#;

/// The fix does nothing against a symptom that comes and goes with it, and what it promises is so all along.
const PROMISED: &str = r#"
title: A promise that holds without the fix
world:
  ui: { submit: form }
  browsers: { a: {} }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: wrong }
  - submit: password
symptom:
  - answer: { to: a, path: /self-service/login, status: 303 }
  - message: 4000006
fix:
  why: A script gets another status, and the same message.
  world: { ui: { submit: ajax } }
  expect:
    - message: 4000006
    - identities: { of: ada@example.test, count: 1 }
"#;

/// A program fails, and its fix is a browser.
const BROWSER_OF_THE_FIX: &str = r#"
title: A browser in the place of a program
world: { clients: { c: {} } }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - start_flow: { by: c, flow: login }
  - submit_flow: { by: c, values: { method: password, identifier: ada@example.test, password: wrong } }
symptom:
  - answer: { to: c, method: POST, path: /self-service/login, status: 400, message: 4000006 }
fix:
  why: A person types the right one.
  world: { browsers: { a: {} } }
  steps:
    - identity: { email: ada@example.test, password: correct horse battery }
    - open: { in: a, flow: login }
    - fill: { identifier: ada@example.test, password: correct horse battery }
    - submit: password
  expect:
    - signed_in: { in: a, as: ada@example.test }
"#;

/// The second request never comes: the edge answers the first, and nobody gets in.
const ALONE: &str = r#"
title: A meeting to which one comes
world:
  browsers: { a: {} }
  faults: [{ host: ory.example.test, method: POST, path: /self-service/login, together: 2 }]
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: correct horse battery }
  - submit: password
symptom:
  - identities: { of: ada@example.test, count: 1 }
"#;

/// Whoever has no sessions, somebody has to be there for it.
const NOBODY: &str = r#"
title: Nobody has no sessions
world: { clients: { c: {} } }
steps:
  - start_flow: { by: c, flow: login }
symptom:
  - answer: { to: c, path: /self-service/login/api, status: 200 }
  - sessions: { of: nobody@example.test, count: 0 }
"#;

/// The session's cookie is Kratos's host's, and the page that is open in the end is the interface's.
const ELSEWHERE: &str = r#"
title: A cookie that the open page does not get
world:
  kratos: { config: { session: { cookie: { domain: ory.example.test } } } }
  browsers: { a: {} }
steps:
  - identity: { email: ada@example.test, password: correct horse battery }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test, password: correct horse battery }
  - submit: password
symptom:
  - cookie: { in: a, name: no_such_cookie }
instead:
  - sessions: { of: ada@example.test, count: 1 }
  - cookie: { in: a, name: ory_kratos_session, absent: true }
"#;

/// Runs the trials of a case that is this text.
async fn outcome(text: &str, engine: Engine) -> Result<Box<CaseOutcome>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("checks.yaml");
    fs::write(&path, text)?;
    let case = Catalogue::read(&trials::fixtures())?.read_file(&path)?;
    let lineup = Lineup::of(&case, engine);
    trials::run(Turn { case, lineup, wrong_fixes: WrongFixes::All, question: Question::Case, kratos: None }).await
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_holds_and_each_fails(#[case] engine: Engine) -> Result<()> {
    if support::is_missing(engine) {
        return Ok(());
    }

    let outcome = outcome(CASE, engine).await?;

    let trial = &outcome.trials[0];
    for check in &trial.checks {
        let wanted = check.role == CheckRole::Instead;
        ensure!(check.held == wanted, "line {}: expected {}, saw {}", check.line, check.expected, check.seen);
    }
    let lines = CASE.lines().skip_while(|line| *line != "symptom:").filter(|line| line.starts_with("  - ")).count();
    ensure!(trial.checks.len() == lines, "{} of {lines} checks were made", trial.checks.len());
    ensure!(outcome.verdict == Verdict::NotReproduced, "{}: {}", outcome.verdict.word(), outcome.reason);
    Ok(())
}

#[rstest]
#[case::what_is_to_wait_is_given_its_time_before_something_else_counts(SILENT, Verdict::Reproduced, &[])]
#[case::what_holds_without_the_fix_as_well_proves_none(
    PROMISED, Verdict::Error, &["trial `broken`", "`expect` holds without the fix"]
)]
#[case::what_is_promised_of_a_browser_of_the_fix_is_not_so_without_it(BROWSER_OF_THE_FIX, Verdict::FixHolds, &[])]
#[case::what_the_edge_itself_answered_is_no_symptom(ALONE, Verdict::Error, &["1 of 2 requests"])]
#[case::an_address_that_nobody_has_has_no_sessions_to_count(
    NOBODY, Verdict::NotReproduced, &["no identity with nobody@example.test"]
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_comes_to_its_verdict(
    #[case] text: &str,
    #[case] verdict: Verdict,
    #[case] reasons: &[&str],
) -> Result<()> {
    if text.contains("browsers:") && support::is_missing(Engine::Chromium) {
        return Ok(());
    }

    let outcome = outcome(text, Engine::Chromium).await?;

    ensure!(outcome.verdict == verdict, "{}: {}", outcome.verdict.word(), outcome.reason);
    ensure!(reasons.iter().all(|it| outcome.reason.contains(it)), "{reasons:?}: {}", outcome.reason);
    Ok(())
}

#[rstest]
#[case::by_an_answer_that_is_still_to_come(SLOW)]
#[case::by_a_step_after_the_problem(APPENDED)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fix_that_leaves_the_symptom_does_not_hold(#[case] text: &str) -> Result<()> {
    if support::is_missing(Engine::Chromium) {
        return Ok(());
    }

    let outcome = outcome(text, Engine::Chromium).await?;

    ensure!(outcome.verdict == Verdict::FixFails, "{}: {}", outcome.verdict.word(), outcome.reason);
    ensure!(outcome.trials[1].shown == Shown::Symptom, "the fix shows {:?}", outcome.trials[1].shown);
    Ok(())
}

#[rstest]
#[case::chromium(Engine::Chromium)]
#[case::firefox(Engine::Firefox)]
#[case::webkitgtk(Engine::WebKitGtk)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_that_the_open_page_does_not_get_is_there_all_the_same(#[case] engine: Engine) -> Result<()> {
    if support::is_missing(engine) {
        return Ok(());
    }

    let outcome = outcome(ELSEWHERE, engine).await?;

    let seen = outcome.trials[0].checks.last().context("no check was made")?;
    ensure!(!seen.held && seen.seen.starts_with("ory_kratos_session"), "expected {}, saw {}", seen.expected, seen.seen);
    Ok(())
}
