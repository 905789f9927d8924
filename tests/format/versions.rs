//! Needs and ranges of versions that cannot be meant: refused with their place.

use anyhow::Result;
use insta::assert_snapshot;
use kratos_repro::backend::version::Version;
use kratos_repro::case::Expected;

use super::{Desk, GOOD};

const TITLE: &str = "title: A double click shows an error";

/// The refusals of [`GOOD`] with each of these below its title.
fn refusals(additions: &[&str]) -> Result<String> {
    let additions: Vec<String> = additions.iter().map(|it| format!("{TITLE}\n{it}")).collect();
    let changes: Vec<_> = additions.iter().map(|it| (TITLE, it.as_str())).collect();
    Desk::new()?.refusals(&changes)
}

#[test]
fn a_need_is_a_feature_of_the_table() -> Result<()> {
    assert_snapshot!(refusals(&[
        "needs: [passwordless-coed]",
        "needs: [passwordless-code, v1.1]",
        "needs: passwordless-code",
        "need: [passwordless-code]",
    ])?, @r#"
    [DIR]/case.yaml:3:9: there is no feature `passwordless-coed` (hint: did you mean `passwordless-code`?)
    [DIR]/case.yaml:3:28: there is no feature `v1.1` (hint: known here: passwordless-code, recovery-code, migrate-hook, mails-by-http, cors-answers, oidc-claims-source, oidc-linking, oidc-pkce)
    [DIR]/case.yaml:3:8: a list, `- ...`, is expected here
    [DIR]/case.yaml:3:1: unknown key `need` (hint: did you mean `needs`?)
    "#);
    Ok(())
}

#[test]
fn a_range_can_be_read_in_one_way_only() -> Result<()> {
    assert_snapshot!(refusals(&[
        "verdict_on: { '1.1': fix-holds }",
        "verdict_on: { '^1.1': fix-holds }",
        "verdict_on: { older: fix-holds }",
        "verdict_on: { '>=1.3, <1.0': fix-holds }",
        "verdict_on: { '<1.1': fix-hold }",
        "verdict_on: [fix-holds]",
    ])?, @r#"
    [DIR]/case.yaml:3:15: `1.1` is no range of versions (hint: such as `>=1.1`, `<0.7`, `>=1.0, <1.3` or `=0.11.0`; `||` joins two)
    [DIR]/case.yaml:3:15: `^1.1` is no range of versions (hint: such as `>=1.1`, `<0.7`, `>=1.0, <1.3` or `=0.11.0`; `||` joins two)
    [DIR]/case.yaml:3:15: `older` is no range of versions (hint: such as `>=1.1`, `<0.7`, `>=1.0, <1.3` or `=0.11.0`; `||` joins two)
    [DIR]/case.yaml:3:15: no version can be in `>=1.3, <1.0` (hint: such as `>=1.1`, `<0.7`, `>=1.0, <1.3` or `=0.11.0`; `||` joins two)
    [DIR]/case.yaml:3:23: unknown `fix-hold` (hint: did you mean `fix-holds`?)
    [DIR]/case.yaml:3:13: a map, `key: value`, is expected here
    "#);
    Ok(())
}

#[test]
fn a_version_that_there_is_has_one_verdict_that_can_be() -> Result<()> {
    assert_snapshot!(refusals(&[
        "verdict_on: { '>=2, <25': fix-holds }",
        "verdict_on: { '<1.1': fix-fails, '>=1.0, <1.3': fix-holds }",
        "verdict_on: { '<1.1': not-reproduced }",
    ])?, @r#"
    [DIR]/case.yaml:3:15: no known release of Kratos is in `>=2, <25` (hint: `fixtures/servers/differences.yaml` lists them)
    [DIR]/case.yaml:3:34: `>=1.0, <1.3` and `<1.1` overlap: a version has one verdict
    [DIR]/case.yaml:3:15: `not-reproduced` needs `instead`: what happens in the symptom's place (an absence alone proves nothing)
    "#);
    Ok(())
}

#[test]
fn a_case_expects_by_version_and_says_nothing_where_a_feature_lacks() -> Result<()> {
    let desk = Desk::new()?;
    let text =
        GOOD.replace(TITLE, &format!("{TITLE}\nneeds: [passwordless-code]\nverdict_on: {{ '<1.3': fix-fails }}"));
    let case = desk.read(&desk.write("case.yaml", text)?)??;
    let on = |version: &str| {
        let version = version.parse::<Version>()?;
        anyhow::Ok(case.on(&version, desk.catalogue.differences()).map(|case| case.file.expected()))
    };

    assert_eq!(on("v1.3.1")?, Ok(Expected::FixHolds));
    assert_eq!(on("v1.2.0")?, Ok(Expected::FixFails));
    assert_eq!(on("master")?, Ok(Expected::FixHolds), "it counts as the newest");
    let lacking = on("v1.0.0")?.err().map(|lacking| lacking.to_string()).unwrap_or_default();
    assert!(lacking.contains("`passwordless-code`") && lacking.contains("v1.0.0"), "{lacking}");
    Ok(())
}

#[test]
fn what_steps_and_configuration_need_is_known_without_a_word() -> Result<()> {
    let desk = Desk::new()?;
    let needs = |part: &str, other: &str| {
        assert_eq!(GOOD.matches(part).count(), 1, "{part}");
        let case = desk.read(&desk.write("case.yaml", GOOD.replace(part, other))?)??;
        let names = case.needs(desk.catalogue.differences()).iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        anyhow::Ok(names)
    };

    assert_eq!(needs("log: { level: info }", "log: { level: info }")?, ["mails-by-http"], "it reads a mail");
    let code = "selfservice: { methods: { code: { passwordless_enabled: true } } }";
    assert_eq!(
        needs("log: { level: info }", code)?,
        ["mails-by-http", "passwordless-code", "recovery-code"],
        "its own configuration names keys that are for them"
    );
    let identity = "identity: { email: ada@example.test }";
    let imported = "identity: { email: ada@example.test, migrate_hook: true }";
    assert_eq!(needs(identity, imported)?, ["mails-by-http", "migrate-hook"]);
    Ok(())
}
