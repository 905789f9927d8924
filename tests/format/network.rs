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
        (browser, "browsers: { a: { itp: real } }"),
        (browser, "browsers: { a: { itp: real, engine: firefox } }"),
    ])?, @r#"
    [DIR]/case.yaml:6:25: unknown `G5` (hint: did you mean `G0`?)
    [DIR]/case.yaml:6:25: unknown `g4` (hint: did you mean `G4`?)
    [DIR]/case.yaml:6:25: unknown `safari` (hint: known here: G0, G1, G2, G3, G4, real, off)
    [DIR]/case.yaml:6:25: unknown `false` (hint: known here: G0, G1, G2, G3, G4, real, off)
    [DIR]/case.yaml:6:20: unknown key `ipt` (hint: did you mean `itp`?)
    [DIR]/case.yaml:6:20: `itp: real` needs `engine: webkitgtk`: no other engine has it
    [DIR]/case.yaml:6:20: `itp: real` needs `engine: webkitgtk`: no other engine has it
    "#);
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
    assert_snapshot!(Desk::new()?.refusals(&changes)?, @r#"
    [DIR]/case.yaml:7:10: `dns` names a host outside the world: `ory.exmaple.test` (hint: did you mean `ory.example.test`?)
    [DIR]/case.yaml:7:30: `203.0.113.256` is no address (hint: such as `203.0.113.10` or `2001:db8::1`)
    [DIR]/case.yaml:7:30: `ui.example.test` is no address (hint: such as `203.0.113.10` or `2001:db8::1`)
    [DIR]/case.yaml:7:30: `` is no address (hint: such as `203.0.113.10` or `2001:db8::1`)
    [DIR]/case.yaml:7:30: the CNAMEs of `ory.example.test` lead in a loop: `ory.example.test` comes again
    [DIR]/case.yaml:7:30: the CNAMEs of `ory.example.test` lead in a loop: `A.test.` comes again
    [DIR]/case.yaml:7:77: the CNAMEs of `ory.example.test` lead in a loop: `ory.example.test` comes again
    [DIR]/case.yaml:7:30: `a b` is no host name
    [DIR]/case.yaml:7:30: `203.0.113.10` is no host name
    [DIR]/case.yaml:7:30: `` is no host name
    [DIR]/case.yaml:7:30: unknown key `cnam` (hint: did you mean `cname`?)
    [DIR]/case.yaml:7:21: `front` names a host outside the world: `api.example.test` (hint: did you mean `ui.example.test`?)
    [DIR]/case.yaml:7:21: `203.0.113` is no address (hint: such as `203.0.113.10` or `2001:db8::1`)
    [DIR]/case.yaml:7:10: the key `hosts` is missing
    "#);
    Ok(())
}

#[test]
fn servers_of_one_place_and_a_front_before_a_port_are_refused() -> Result<()> {
    let kratos = "kratos: { profile: code, config: { log: { level: info } } }";
    let tenants = |url: &str, other: &str| {
        format!("tenants: {{ one: {{ url: '{url}', route: one }}, two: {{ url: '{other}', route: two }} }}")
    };
    let front = "front: { hosts: { ory.example.test: 203.0.113.10 } }";
    let worlds = [
        format!(
            "kratos: {{ profile: code }}\n  {}",
            tenants("http://ory.example.test/a/", "https://ory.example.test/a/")
        ),
        format!(
            "kratos: {{ profile: code }}\n  {}",
            tenants("https://ory.example.test/a/", "https://ory.example.test:443/a/")
        ),
        format!("kratos: {{ profile: code, url: 'https://ory.example.test:4433/' }}\n  {front}"),
    ];
    let changes: Vec<_> = worlds.iter().map(|it| (kratos, it.as_str())).collect();
    assert_snapshot!(Desk::new()?.refusals(&changes)?, @r#"
    [DIR]/case.yaml:5:77: the URLs of one and two differ by their scheme alone (hint: one server stands behind both: give one of them a host, a port or a path of its own)
    [DIR]/case.yaml:5:78: one and two have the same URL https://ory.example.test:443/a/
    [DIR]/case.yaml:5:21: a front stands at the usual ports, and `https://ory.example.test:4433/` is at another one (hint: leave the port out of the URL)
    "#);
    Ok(())
}

#[test]
fn what_a_fix_puts_over_the_network_is_looked_at_as_well() -> Result<()> {
    let fix = "world: { ui: { guard: disable } }";
    assert_snapshot!(Desk::new()?.refusals(&[
        (fix, "world: { dns: { ory.example.test: { cname: [ory.example.test] } } }"),
        (fix, "world: { browsers: { a: { itp: G9 } } }"),
    ])?, @r#"
    [DIR]/case.yaml:21:39: the CNAMEs of `ory.example.test` lead in a loop: `ory.example.test` comes again
    [DIR]/case.yaml:21:34: unknown `G9` (hint: did you mean `G0`?)
    "#);
    Ok(())
}
