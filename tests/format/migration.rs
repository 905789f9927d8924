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
    assert_snapshot!(Desk::new()?.refusals(&changes(&all))?, @r#"
    [DIR]/case.yaml:7:50: the key `email` is missing
    [DIR]/case.yaml:7:23: a user of the legacy system needs an address, and `` is none
    [DIR]/case.yaml:7:23: a user of the legacy system needs an address, and `ada` is none
    [DIR]/case.yaml:7:48: the legacy system's user `ada@example.test` has no password
    [DIR]/case.yaml:7:90: two users of the legacy system have the address `ada@example.test`
    [DIR]/case.yaml:7:95: a hook cannot answer `mach` (hint: did you mean `match`?)
    [DIR]/case.yaml:7:95: a hook cannot answer `404` (hint: did you mean `403`?)
    [DIR]/case.yaml:7:3: `hydra` needs `legacy`: its login and consent pages are there (hint: `legacy: { users: [...] }`)
    [DIR]/case.yaml:8:12: `https://evil.test/` cannot be Hydra's issuer (hint: `https://hydra.example.test/`)
    [DIR]/case.yaml:8:12: `http://hydra.example.test/` cannot be Hydra's issuer (hint: `https://hydra.example.test/`)
    [DIR]/case.yaml:8:12: unknown key `dsn` (hint: known here: issuer)
    "#);
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
    ])?, @r#"
    [DIR]/case.yaml:14:5: there is no `hydra` in this world to stop (hint: `world: { hydra: ... }`)
    [DIR]/case.yaml:14:5: there is no `legacy` in this world to stop (hint: `world: { legacy: ... }`)
    [DIR]/case.yaml:14:11: unknown `kratos` (hint: known here: hydra, legacy)
    [DIR]/case.yaml:14:5: `submit` needs either `method`, or `button` and `value`
    [DIR]/case.yaml:14:5: `submit` needs either `method`, or `button` and `value`
    [DIR]/case.yaml:14:5: there is no browser `b` in this world (hint: did you mean `a`?)
    [DIR]/case.yaml:10:5: an identity with `migrate_hook` has no `password`: the legacy system knows it
    [DIR]/case.yaml:17:5: there is no host `hydra.exmaple.test` in this world (hint: did you mean `hydra.example.test`?)
    [DIR]/case.yaml:17:5: there is no browser or client `kratoss` in this world (hint: did you mean `kratos`?)
    "#);
    Ok(())
}
