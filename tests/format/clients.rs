//! What an author is told about API clients: programs, what is saved in them, and its variables.

use anyhow::Result;
use insta::assert_snapshot;

use super::{Desk, GOOD};

/// Copies of [`GOOD`] with another client and another step of it.
fn refusals(changes: &[(&str, &str)]) -> Result<String> {
    let desk = Desk::new()?;
    let mut lines = Vec::new();
    for (client, step) in changes {
        let text = GOOD.replace("c: { program: http }", &format!("c: {{ {client} }}"));
        let text = text.replace("start_flow: { by: c, flow: login }", step);
        lines.push(desk.refusal("case.yaml", text)?);
    }
    Ok(lines.join("\n"))
}

#[test]
fn a_program_does_what_it_can_and_runs_what_is_saved_in_it() -> Result<()> {
    assert_snapshot!(refusals(&[
        ("program: postman", "run_client: { by: c, runs: login-for-programs }"),
        ("program: curl", "run_client: { by: c, runs: login-for-programs }"),
        ("program: newman", "start_flow: { by: c, flow: login }"),
        ("program: newman", "run_client: { by: c, runs: login-for-program }"),
        ("program: newman", "run_client: { by: c, runs: ../../../etc/passwd }"),
        ("program: inso", "run_client: { by: c, runs: login-for-programs-session-cookie-deleted }"),
        ("program: electron", "run_client: { by: c, runs: page-on-fil }"),
        ("program: inso, keep_jar: true", "run_client: { by: c, runs: login-for-programs }"),
    ])?, @r#"
    [DIR]/case.yaml:7:28: unknown `postman` (hint: known here: http, curl, newman, inso, electron)
    [DIR]/case.yaml:15:5: client `c` is curl, which has nothing saved to run (hint: `start_flow` and `submit_flow`)
    [DIR]/case.yaml:15:5: client `c` is newman, which runs what was saved in it (hint: `run_client`)
    [DIR]/case.yaml:15:5: newman has nothing called `login-for-program` (hint: did you mean `login-for-programs`?)
    [DIR]/case.yaml:15:5: newman has nothing called `../../../etc/passwd` (hint: known here: login-for-browsers, login-for-programs, login-for-programs-session-cookie-deleted)
    [DIR]/case.yaml:15:5: inso has nothing called `login-for-programs-session-cookie-deleted` (hint: known here: login-for-browsers, login-for-programs)
    [DIR]/case.yaml:15:5: electron has nothing called `page-on-fil` (hint: did you mean `page-on-file`?)
    [DIR]/case.yaml:7:34: `keep_jar` is for `program: newman`; `c` is inso
    "#);
    Ok(())
}

#[test]
fn variables_and_headers_are_those_that_it_has() -> Result<()> {
    assert_snapshot!(refusals(&[
        ("program: newman", "run_client: { by: c, runs: login-for-programs, values: { identifer: ada } }"),
        ("program: newman", "run_client: { by: c, runs: login-for-programs, values: { flow: api } }"),
        ("program: electron", "run_client: { by: c, runs: page-on-file, values: { flow: browsr } }"),
        ("program: electron", "run_client: { by: c, runs: page-on-file, values: { ld_preload: x } }"),
        ("program: newman", "run_client: { by: c, runs: login-for-programs, values: { password: 'a\"b' } }"),
        ("program: newman", "run_client: { by: c, runs: login-for-programs, values: { password: '{{kratos}}' } }"),
        ("program: newman", "run_client: { by: c, runs: login-for-programs, headers: { 'a b': c } }"),
    ])?, @r#"
    [DIR]/case.yaml:15:5: what newman runs has no variable `identifer` (hint: did you mean `identifier`?)
    [DIR]/case.yaml:15:5: what newman runs has no variable `flow` (hint: known here: identifier, password)
    [DIR]/case.yaml:15:5: `flow` cannot be `browsr` (hint: did you mean `browser`?)
    [DIR]/case.yaml:15:5: what electron runs has no variable `ld_preload` (hint: known here: identifier, password, flow, send)
    [DIR]/case.yaml:15:5: the value of `password` cannot stand in a text of JSON as it is
    [DIR]/case.yaml:15:5: the value of `password` cannot stand in a text of JSON as it is
    [DIR]/case.yaml:15:5: `a b: c` cannot be a header
    "#);
    Ok(())
}
