//! What a world migrates from: refused where it cannot be, with the nearest known word.

use anyhow::Result;
use insta::assert_snapshot;

use super::Desk;

const USER: &str = "{ email: ada@example.test, password: an old password, name: Ada }";

/// The good case with a legacy system in its world.
fn changes<'a>(all: &'a [(&str, String)]) -> Vec<(&'a str, &'a str)> {
    all.iter().map(|(from, to)| (*from, to.as_str())).collect()
}

#[test]
fn a_legacy_system_that_cannot_be_is_refused() -> Result<()> {
    let browsers = "  browsers: { a: {} }\n";
    let world = |text: &str| (browsers, format!("{browsers}  {text}\n"));
    let all = [
        world("legacy: { users: [{ password: an old password, name: Ada }] }"),
        world("legacy: { users: [{ email: '', password: an old password, name: Ada }] }"),
        world("legacy: { users: [{ email: ada, password: an old password, name: Ada }] }"),
        world("legacy: { users: [{ email: ada@example.test, password: '', name: Ada }] }"),
        world(&format!("legacy: {{ users: [{USER}, {USER}] }}")),
        world(&format!("legacy: {{ users: [{USER}], hook: mach }}")),
        world(&format!("legacy: {{ users: [{USER}], hook: 404 }}")),
        world("hydra: {}"),
        world("legacy: {}\n  hydra: { issuer: 'https://evil.test/' }"),
        world("legacy: {}\n  hydra: { issuer: 'http://hydra.example.test/' }"),
        world("legacy: {}\n  hydra: { dsn: memory }"),
    ];
    assert_snapshot!(Desk::new()?.refusals(&changes(&all))?, @"");
    Ok(())
}

#[test]
fn a_step_needs_what_it_acts_on() -> Result<()> {
    let submit = "submit: { method: code, how: double-click }";
    let identity = "identity: { email: ada@example.test }";
    assert_snapshot!(Desk::new()?.refusals(&[
        (submit, "stop: hydra"),
        (submit, "stop: legacy"),
        (submit, "stop: kratos"),
        (submit, "submit: { button: provider }"),
        (submit, "submit: { method: code, button: provider, value: hydra }"),
        (submit, "submit: { method: code, in: [a, b] }"),
        (identity, "identity: { email: ada@example.test, password: x, migrate_hook: true }"),
        ("posts: { path: /self-service/login,", "posts: { path: /self-service/login, host: hydra.exmaple.test,"),
        ("posts: { path: /self-service/login,", "posts: { path: /self-service/login, by: kratoss,"),
    ])?, @"");
    Ok(())
}
