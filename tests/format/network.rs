//! Networks that cannot be, and policies that there are not: refused before anything starts, with the nearest word.

use anyhow::Result;
use insta::assert_snapshot;

use super::Desk;

#[test]
fn a_policy_is_one_of_the_known_generations() -> Result<()> {
    let browser = "browsers: { a: {} }";
    assert_snapshot!(Desk::new()?.refusals(&[
        (browser, "browsers: { a: { itp: G5 } }"),
        (browser, "browsers: { a: { itp: g4 } }"),
        (browser, "browsers: { a: { itp: safari } }"),
        (browser, "browsers: { a: { itp: false } }"),
        (browser, "browsers: { a: { ipt: G4 } }"),
    ])?, @"");
    Ok(())
}

#[test]
fn the_dns_and_the_front_name_hosts_of_the_world_and_addresses() -> Result<()> {
    let browser = "browsers: { a: {} }";
    let networks = [
        "dns: { ory.exmaple.test: { address: 203.0.113.10 } }",
        "dns: { ory.example.test: { address: 203.0.113.256 } }",
        "dns: { ory.example.test: { address: ui.example.test } }",
        "dns: { ory.example.test: { address: '' } }",
        "dns: { ory.example.test: { cname: [ory.example.test] } }",
        "dns: { ory.example.test: { cname: [a.test, b.test, A.test.] } }",
        "dns: { ory.example.test: { cname: [ui.example.test] }, ui.example.test: { cname: [a.test, ory.example.test] } }",
        "dns: { ory.example.test: { cname: ['a b'] } }",
        "dns: { ory.example.test: { cname: ['203.0.113.10'] } }",
        "dns: { ory.example.test: { cname: [''] } }",
        "dns: { ory.example.test: { cnam: [a.test] } }",
        "front: { hosts: { api.example.test: 203.0.113.10 } }",
        "front: { hosts: { ory.example.test: 203.0.113 } }",
        "front: {}",
    ];
    let networks: Vec<String> = networks.iter().map(|it| format!("{browser}\n  {it}")).collect();
    let changes: Vec<_> = networks.iter().map(|it| (browser, it.as_str())).collect();
    assert_snapshot!(Desk::new()?.refusals(&changes)?, @"");
    Ok(())
}

#[test]
fn what_a_fix_puts_over_the_network_is_looked_at_as_well() -> Result<()> {
    let fix = "world: { ui: { guard: disable } }";
    assert_snapshot!(Desk::new()?.refusals(&[
        (fix, "world: { dns: { ory.example.test: { cname: [ory.example.test] } } }"),
        (fix, "world: { browsers: { a: { itp: G9 } } }"),
    ])?, @"");
    Ok(())
}
