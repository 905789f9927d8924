//! Cases of the right form that name what is not there, or ask for what no case may have.

use anyhow::{Context, Result};
use insta::assert_snapshot;

use super::Desk;

#[test]
fn what_a_case_names_must_be_there() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("code-flows.disable", "code-flows.disabel"),
        ("open: { in: a, flow: login }", "open: { in: aa, flow: login }"),
        ("signed_in: { in: a, as", "signed_in: { in: phone, as"),
        ("message: 4010002", "message: { id: 4010002, in: b }"),
        ("{ by: c, flow: login }", "{ by: curl, flow: login }"),
        ("  - start_flow: { by: c, flow: login }", "  - fetch_flow: c"),
        ("posts: { path: /self-service/login, count: 2 }", "answer: { to: d, path: /, status: 200 }"),
        ("posts: { path: /self-service/login, count: 2 }", "answer: { to: [a, d], path: /, status: 200 }"),
        ("posts: { path: /self-service/login, count: 2 }", "answer: { to: [], path: /, status: 200 }"),
        ("posts: { path: /self-service/login, count: 2 }", "sent_cookie: { by: d, path: /, name: csrf }"),
    ])?, @r#"
    [DIR]/case.yaml:1:8: unknown claim `code-flows.disabel` (hint: did you mean `code-flows.disable`?)
    [DIR]/case.yaml:11:5: there is no browser `aa` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:23:7: there is no browser `phone` in this world (hint: known here: a)
    [DIR]/case.yaml:18:5: there is no browser `b` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:15:5: there is no client `curl` in this world (hint: known here: c)
    [DIR]/case.yaml:15:5: client `c` has started no flow before this step (hint: `start_flow: { by: c, flow: login }`)
    [DIR]/case.yaml:17:5: there is no browser or client `d` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:17:5: there is no browser or client `d` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:17:5: `to` names nobody (hint: `to: a`, or `to: [a, b]`)
    [DIR]/case.yaml:17:5: there is no browser or client `d` in this world (hint: did you mean `a`?)
    "#);
    Ok(())
}

#[test]
fn a_step_needs_the_steps_before_it() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("  - read_mail: ada@example.test\n", ""),
        ("  - open: { in: a, flow: login }\n  - read_mail: ada@example.test", "  - read_mail: ada@example.test"),
        ("open: { in: a, flow: login }", "open: { in: a }"),
        ("open: { in: a, flow: login }", "open: { in: a, flow: login, page: /welcome }"),
        ("open: { in: a, flow: login }", "open: { in: a, page: welcome }"),
        ("open: { in: a, flow: login }", "open: { in: a, link: $link }"),
        ("open: { in: a, flow: login }", "open: { in: a, link: 'file:///root/.ssh/id_rsa' }"),
        ("open: { in: a, flow: login }", "open: { in: a, link: 'data:text/html,<script></script>' }"),
        ("open: { in: a, flow: login }", "open: { in: a, link: 'https://ui.example.test/' }"),
        ("  - fill: { code: $code }", "  - open: { in: a, link: $code }"),
        ("path: /self-service/login, count: 2", "path: self-service/login, count: 2"),
        ("posts: { path: /self-service/login, count: 2 }", "unanswered: { to: a, path: /, for: 61s }"),
    ])?, @r#"
    [DIR]/case.yaml:12:5: `$code` is not known here (hint: a `read_mail` step must come before)
    [DIR]/case.yaml:12:5: no browser was opened before this step (hint: `open: { in: a, flow: login }`)
    [DIR]/case.yaml:11:5: `open` needs exactly one of `flow`, `flow_of`, `page` and `link`
    [DIR]/case.yaml:11:5: `open` needs exactly one of `flow`, `flow_of`, `page` and `link`
    [DIR]/case.yaml:11:5: `page` is a path of the interface and begins with `/`
    [DIR]/case.yaml:11:5: `$link` is not known here (hint: a `read_mail` step must come before)
    [DIR]/case.yaml:11:5: `link` is `$link`, the one of a mail, and no address (hint: `page: /...` opens one of the interface)
    [DIR]/case.yaml:11:5: `link` is `$link`, the one of a mail, and no address (hint: `page: /...` opens one of the interface)
    [DIR]/case.yaml:11:5: `link` is `$link`, the one of a mail, and no address (hint: `page: /...` opens one of the interface)
    [DIR]/case.yaml:13:5: `link` is `$link`, the one of a mail, and no address (hint: `page: /...` opens one of the interface)
    [DIR]/case.yaml:17:5: the path `self-service/login` does not begin with `/`
    [DIR]/case.yaml:17:5: `for` is at most 60 s: each trial waits so long
    "#);
    Ok(())
}

#[test]
fn a_fault_has_one_effect_within_the_world() -> Result<()> {
    let fault = "{ host: ory.example.test, delay_answer: 400ms }";
    assert_snapshot!(Desk::new()?.refusals(&[
        (fault, "{ host: ory.example.test }"),
        (fault, "{ delay_answer: 400ms, lose_answer: true }"),
        (fault, "{ lose_answer: false }"),
        (fault, "{ host: ory.exmaple.test, lose_answer: true }"),
        (fault, "{ lose_answer: true }, { path: login, lose_answer: true }"),
        (fault, "{ add_cookie: \"a=1\\nb=2\" }"),
        (fault, "{ step: 99, lose_answer: true }"),
        (fault, "{ together: 1 }"),
    ])?, @r#"
    [DIR]/case.yaml:8:12: a fault has exactly one of `delay_answer`, `delay_request`, `lose_answer`, `add_cookie`, `encode_cookies`, `together`, `hang_up`
    [DIR]/case.yaml:8:12: a fault has exactly one of `delay_answer`, `delay_request`, `lose_answer`, `add_cookie`, `encode_cookies`, `together`, `hang_up`
    [DIR]/case.yaml:8:14: `lose_answer: false` is no fault (hint: leave the fault out, as by `faults: []`)
    [DIR]/case.yaml:8:14: a fault names a host outside the world: `ory.exmaple.test` (hint: did you mean `ory.example.test`?)
    [DIR]/case.yaml:8:37: the path `login` does not begin with `/`
    [DIR]/case.yaml:8:14: `a=1\nb=2` cannot stand in a `Set-Cookie` header
    [DIR]/case.yaml:8:3: a fault waits for step 99 (hint: there are 6, counted from 1)
    [DIR]/case.yaml:8:14: 1 requests cannot meet (hint: `together` takes 2 to 6)
    "#);
    Ok(())
}

#[test]
fn a_verdict_needs_what_it_stands_on() -> Result<()> {
    let wrong = "\
wrong_fixes:
  - why: It comes too late.
    world: { ui: { guard: disable-after-1s } }
";
    let second = "  - why: It is another flow.
    steps:
      - open: { in: a, flow: registration }
";
    let fix = "\
fix:
  why: The page says so.
  world: { ui: { guard: disable } }
  expect:
    - signed_in: { in: a, as: ada@example.test }
";
    let desk = Desk::new()?;
    assert_snapshot!(desk.refusals(&[
        ("title: A", "verdict: not-reproduced\ntitle: A"),
        (fix, "verdict: fix-fails\n"),
        (fix, "verdict: fix-holds\n"),
        (second, ""),
        (&format!("{wrong}{second}"), ""),
        ("    - signed_in: { in: a, as: ada@example.test }", "    []"),
        ("fix:\n  why: The page says so.\n  world: { ui: { guard: disable } }\n  expect:\n    - signed_in: { in: a, as: ada@example.test }",
            "verdict: fix-fails\nfix:\n  why: The page says so.\n  world: { ui: { guard: disable } }\n  expect: []"),
        ("  - posts: { path: /self-service/login, count: 2 }\n  - message: 4010002\n", "  []\n"),
    ])?, @r#"
    [DIR]/case.yaml:2:1: `not-reproduced` needs `instead`: what happens in the symptom's place (an absence alone proves nothing)
    [DIR]/case.yaml:19:1: a verdict about a fix needs a `fix` (hint: write it, or `verdict: reproduced`)
    [DIR]/case.yaml:19:1: a verdict about a fix needs a `fix` (hint: write it, or `verdict: reproduced`)
    [DIR]/case.yaml:19:1: a fix needs two `wrong_fixes`, or `no_wrong_fixes` that says why there are fewer
    [DIR]/case.yaml:19:1: a fix needs two `wrong_fixes`, or `no_wrong_fixes` that says why there are fewer
    [DIR]/case.yaml:19:1: `fix` needs `expect`: what is true once it is fixed (an absence alone proves nothing)
    [DIR]/case.yaml:20:1: `fix` needs `expect`: what is true once it is fixed (an absence alone proves nothing)
    [DIR]/case.yaml:16:1: a case needs at least one step and one line of `symptom`
    "#);
    let reason = super::GOOD.replace(second, "no_wrong_fixes: There is no other.\n");
    assert_eq!(desk.read(&desk.write("case.yaml", reason)?)?.err(), None);
    Ok(())
}

#[test]
fn a_fix_changes_something_and_only_a_wrong_one_shows_another_problem() -> Result<()> {
    let too_late = "    world: { ui: { guard: disable-after-1s } }\n";
    let other = "other_fixes:
  - why: A flag does.
    world: { ui: { guard: flag } }
    instead: [{ signed_in: a }]
wrong_fixes:";
    let desk = Desk::new()?;
    assert_snapshot!(desk.refusals(&[
        ("  world: { ui: { guard: disable } }\n", ""),
        (too_late, ""),
        (too_late, "    world: { ui: { guard: none } }\n"),
        (too_late, "    world: { ui: { guard: none, credentials: include, expired: error } }\n"),
        (too_late, "    world: { faults: ~ }\n"),
        ("      - open: { in: a, flow: registration }", "      - identity: { email: ada@example.test }
      - open: { in: a, flow: login }
      - read_mail: ada@example.test
      - fill: { code: $code }
      - submit: { method: code, how: double-click }
      - start_flow: { by: c, flow: login }"),
        ("wrong_fixes:", other),
        (too_late, &format!("{too_late}    instead: [{{ signed_in: phone }}]\n")),
    ])?, @r#"
    [DIR]/case.yaml:19:1: this changes nothing: its world, defaults and profile filled in, and its steps are those without it (hint: write what somebody would do, under `world` or `steps`)
    [DIR]/case.yaml:25:5: this changes nothing: its world, defaults and profile filled in, and its steps are those without it (hint: write what somebody would do, under `world` or `steps`)
    [DIR]/case.yaml:25:5: this changes nothing: its world, defaults and profile filled in, and its steps are those without it (hint: write what somebody would do, under `world` or `steps`)
    [DIR]/case.yaml:25:5: this changes nothing: its world, defaults and profile filled in, and its steps are those without it (hint: write what somebody would do, under `world` or `steps`)
    [DIR]/case.yaml:26:14: `null` takes a key away below `config` alone (hint: write the value that it has without the key)
    [DIR]/case.yaml:27:5: this changes nothing: its world, defaults and profile filled in, and its steps are those without it (hint: write what somebody would do, under `world` or `steps`)
    [DIR]/case.yaml:25:5: only a wrong fix has `instead` (hint: what a fix shows is `expect` of `fix`)
    [DIR]/case.yaml:27:15: there is no browser `phone` in this world (hint: known here: a)
    "#);
    let instead = super::GOOD.replace(too_late, &format!("{too_late}    instead: [{{ signed_in: a }}]\n"));
    assert_eq!(desk.read(&desk.write("case.yaml", instead)?)?.err(), None);
    Ok(())
}

#[test]
fn a_fault_finds_the_step_it_waits_for_in_a_change_too() -> Result<()> {
    let (host, late) = ("{ host: ory.example.test,", "    world: { ui: { guard: disable-after-1s } }\n");
    let waiting = |step: usize| super::GOOD.replace(host, &format!("{{ host: ory.example.test, step: {step},"));
    let desk = Desk::new()?;

    // The steps of the second wrong fix are others from the first on.
    let told = desk.refusal("case.yaml", waiting(5))?;
    let own = waiting(5)
        .replace("  - why: It is another flow.\n", "  - why: It is another flow.\n    world: { faults: [] }\n");
    let unmoved = waiting(5).replace("    steps:\n      - open: { in: a, flow: registration }\n", late);

    assert_eq!(
        told,
        "[DIR]/case.yaml:28:5: a fault of the case waits for step 5, which is another one here (hint: say under `world` which faults there are: `faults: [...]`)"
    );
    assert_eq!(desk.read(&desk.write("case.yaml", own)?)?.err(), None);
    assert_eq!(desk.read(&desk.write("case.yaml", unmoved)?)?.err(), None);
    Ok(())
}

#[test]
fn a_symptom_is_more_than_absences_unless_it_is_to_stay_away() -> Result<()> {
    let desk = Desk::new()?;
    let symptom = "  - posts: { path: /self-service/login, count: 2 }\n  - message: 4010002\n";
    let absent = super::GOOD.replace(symptom, "  - signed_out: a\n  - identities: { of: a@b.c, count: 0 }\n");
    let (case, _) = absent.split_once("fix:").context("the case has no fix")?;
    let refuted = format!("{case}instead:\n  - message: 4010002\n");

    assert!(desk.refusal("case.yaml", absent.clone())?.contains("absences alone"));
    assert_eq!(desk.read(&desk.write("case.yaml", refuted)?)?.err(), None);
    Ok(())
}

#[test]
fn what_is_seen_in_the_place_of_the_symptom_is_more_than_absences() -> Result<()> {
    let (expect, late) = ("signed_in: { in: a, as: ada@example.test }", "  - why: It comes too late.\n");
    let instead = "    instead: [{ posts: { path: /, count: 0 } }, { cookie: { in: a, name: x, absent: true } }]\n";

    let said = Desk::new()?
        .refusals(&[(expect, "sessions: { of: ada@example.test, count: 0 }"), (late, &format!("{late}{instead}"))])?;

    assert_eq!(said.matches("absences alone").count(), 2, "{said}");
    Ok(())
}

#[test]
fn a_change_that_breaks_the_world_is_told_at_the_change() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("guard: disable }", "guard: disable }, kratos: { profile: none }"),
        ("guard: disable }", "guard: disable }, kratos: { config: { dsn: memory } }"),
        ("guard: disable-after-1s }", "guard: none }, browsers: { kratos: {} }"),
        ("guard: disable-after-1s }", "guard: none }, faults: [{ host: ory.example.test }]"),
        ("      - open: { in: a, flow: registration }", "      - open: { in: b, flow: registration }"),
        // What is wrong in the case itself is told there, though the fix says something beside it.
        ("profile: code, config: { log: { level: info } } }", "profile: code, config: { dev: true } }"),
    ])?, @r#"
    [DIR]/case.yaml:21:46: there is no profile `none` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:21:56: `kratos.config` cannot set `dsn`: the harness does
    [DIR]/case.yaml:26:47: `kratos` cannot name a browser or client (hint: up to 32 letters, digits and `-`; not `ui`, `kratos`, `mail`, `hydra`, `legacy`)
    [DIR]/case.yaml:26:44: a fault has exactly one of `delay_answer`, `delay_request`, `lose_answer`, `add_cookie`, `encode_cookies`, `together`, `hang_up`
    [DIR]/case.yaml:29:9: there is no browser `b` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `dev`: the harness does
    "#);
    Ok(())
}

#[test]
fn engines_are_known_and_two_of_them_take_two_browsers() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("title:", "engines: pair\ntitle:"),
        ("title:", "engines: pairs\ntitle:"),
        ("title:", "engines: { pairs: [[chromium, chrome]] }\ntitle:"),
        ("title:", "engines: { pairs: [[chromium]] }\ntitle:"),
        ("title:", "engines: { pair: [] }\ntitle:"),
        ("browsers: { a: {} }", "browsers: { a: { engine: safari } }"),
        ("browsers: { a: {} }", "browsers: { a: { third_party_cookies: blocked } }"),
    ])?, @r#"
    [DIR]/case.yaml:2:10: unknown `pair` (hint: did you mean `pairs`?)
    [DIR]/case.yaml:2:1: `engines: pairs` needs two browsers in `world` (hint: `each` is for one)
    [DIR]/case.yaml:2:31: unknown `chrome` (hint: did you mean `chromium`?)
    [DIR]/case.yaml:2:20: invalid length 1, expected an array of length 2
    [DIR]/case.yaml:2:12: unknown key `pair` (hint: did you mean `pairs`?)
    [DIR]/case.yaml:6:28: unknown `safari` (hint: known here: chromium, firefox, webkitgtk)
    [DIR]/case.yaml:6:41: unknown `blocked` (hint: did you mean `block`?)
    "#);
    Ok(())
}
