//! Files that are made to do harm: each is refused at once, and its words do nothing to a terminal.

use std::os::unix::fs::symlink;

use anyhow::{Context, Result};
use insta::assert_snapshot;
use kratos_repro::case::Catalogue;

use super::{Desk, GOOD};

#[test]
fn a_file_that_is_too_much_is_refused_at_once() -> Result<()> {
    let desk = Desk::new()?;
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let anchors: String = (0..200).map(|number| format!("k{number}: &a{number} x,")).collect();
    let deep = format!("title: {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    let deep_config = format!("config: {}{}", "{ a: ".repeat(100), "1".to_owned() + &" }".repeat(100));
    let wide = GOOD.replace("config: { log: { level: info } }", &format!("config: {{ a: [{}] }}", "1,".repeat(60_000)));
    assert_snapshot!([
        desk.refusal("large.yaml", format!("{GOOD}# {}\n", "x".repeat(1 << 20)))?,
        desk.refusal("laughs.yaml", format!("title: x\nworld: {{ kratos: {{ config: {{ {} }} }} }}\n", laughs.trim_end().replace('\n', ", ")))?,
        desk.refusals(&[("config: { log: { level: info } }", &format!("config: {{ {anchors} }}"))])?,
        desk.refusal("deep.yaml", deep)?,
        desk.refusals(&[("config: { log: { level: info } }", &deep_config)])?,
        desk.refusal("wide.yaml", wide)?,
    ].join("\n"), @r#"
    [DIR]/large.yaml: is larger than 1 MiB, which no case needs
    [DIR]/laughs.yaml:2:264: holds more keys, values or anchors than any case needs
    [DIR]/case.yaml:4:1230: holds more keys, values or anchors than any case needs
    [DIR]/deep.yaml:1:8: a text is expected here
    [DIR]/case.yaml:4:181: is nested deeper than 32 levels, which no case needs
    [DIR]/wide.yaml:4:40012: holds more keys, values or anchors than any case needs
    "#);
    Ok(())
}

#[test]
fn a_long_line_is_read_and_never_repeated_whole() -> Result<()> {
    let desk = Desk::new()?;
    let long = "x".repeat((1 << 20) - 2_000);

    assert!(desk.read(&desk.write("title.yaml", GOOD.replace("A double click", &long))?)?.is_ok());
    for (name, text) in [
        ("key.yaml", format!("{GOOD}{long}: 1\n")),
        ("claim.yaml", GOOD.replace("code-flows.disable", &long)),
        ("browser.yaml", GOOD.replace("open: { in: a, flow: login }", &format!("open: {{ in: {long}, flow: login }}"))),
    ] {
        let refusal = desk.refusal(name, text)?;
        assert!(refusal.len() < 3_000, "`{name}` is refused with {} bytes", refusal.len());
    }
    Ok(())
}

#[test]
fn no_error_speaks_to_the_terminal() -> Result<()> {
    let desk = Desk::new()?;
    let escape = r#""\e]0;owned\a\e[2J\r\n\u202e""#;
    let refusals = [
        desk.refusals(&[
            ("title: A", &format!("{escape}: 1\ntitle: A")),
            ("guard: none", &format!("guard: {escape}")),
            ("how: double-click", &format!("how: {escape}")),
            ("code-flows.disable", escape),
            ("open: { in: a, flow: login }", &format!("open: {{ in: {escape}, flow: login }}")),
            ("profile: code", &format!("profile: {escape}")),
            ("config: { log: { level: info } }", r#"config: { "\e[2J": "ldap://x" }"#),
            ("title: A double click", "title: \u{1b}[2J"),
        ])?,
        desk.refusal("\u{1b}[2J.yaml", "x: 1\n")?,
    ];
    for line in refusals.iter().flat_map(|it| it.split('\n')) {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
    assert_snapshot!(refusals.join("\n"), @r#"
    [DIR]/case.yaml:2:1: unknown key `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` (hint: known here: claim, title, note, verdict, verdict_on, needs, engines, world, steps, symptom, instead, fix, other_fixes, wrong_fixes, no_wrong_fixes)
    [DIR]/case.yaml:5:30: unknown guard `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` (hint: write `none`, `disable`, `flag` or `disable-after-<duration>`, such as `disable-after-300ms` or `disable-after-1s`)
    [DIR]/case.yaml:14:34: unknown `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` (hint: known here: once, double-click, enter-twice, click-then-enter)
    [DIR]/case.yaml:1:8: unknown claim `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` (hint: known here: cross-browser.start-finish, cross-browser.api-clients, cross-browser.curl, tenants.one-ui, tenants.isolated, tenants.which-kratos, legacy.hydra, legacy.callback, itp.seven-days, itp.ajax-cname, itp.cloudflare, itp.form, code-flows.second-submit, code-flows.many-clicks, code-flows.disable, neighbours.loopback-names, neighbours.plain-http, neighbours.ajax-credentials, neighbours.cors-origin, neighbours.cookie-domain, neighbours.unknown-path, neighbours.encoded-cookie, neighbours.two-tabs, neighbours.stale-after-logout, neighbours.privileged-session, neighbours.expired-return-to)
    [DIR]/case.yaml:11:5: there is no browser `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` in this world (hint: known here: a)
    [DIR]/case.yaml:4:13: there is no profile `\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `\u{1b}[2J`: no other text is known to do no harm there
    [DIR]/case.yaml:2:8: unexpected character: `\u{1b}'
    [DIR]/\u{1b}[2J.yaml:1:1: unknown key `x` (hint: known here: claim, title, note, verdict, verdict_on, needs, engines, world, steps, symptom, instead, fix, other_fixes, wrong_fixes, no_wrong_fixes)
    "#);
    Ok(())
}

#[test]
fn names_of_other_languages_are_only_names() -> Result<()> {
    let desk = Desk::new()?;
    assert_snapshot!(desk.refusals(&[
        ("title: A", "__proto__: { polluted: true }\ntitle: A"),
        ("browsers: { a: {} }", "browsers: { a: {}, __proto__: {} }"),
        ("steps:\n  - identity", "steps:\n  - constructor: a\n  - identity"),
        ("title: A double click shows an error", "title: !!python/object/apply:os.system [id]"),
    ])?, @r#"
    [DIR]/case.yaml:2:1: unknown key `__proto__` (hint: known here: claim, title, note, verdict, verdict_on, needs, engines, world, steps, symptom, instead, fix, other_fixes, wrong_fixes, no_wrong_fixes)
    [DIR]/case.yaml:6:22: `__proto__` cannot name a browser or client (hint: up to 32 letters, digits and `-`; not `ui`, `kratos`, `mail`, `hydra`, `legacy`)
    [DIR]/case.yaml:10:5: unknown `constructor` (hint: known here: identity, open, switch_to, fill, submit, read_mail, send_form, resubmit, tab, follow, back, delete_cookies, open_framed, fetch, pass_time, extend_session, stop, start_flow, fetch_flow, submit_flow, request, run_client)
    [DIR]/case.yaml:2:40: a text is expected here
    "#);
    let field = GOOD.replace("fill: { code: $code }", "fill: { code: $code, __proto__: x }");
    assert_eq!(desk.read(&desk.write("case.yaml", field)?)?.err(), None, "a form may have any field");
    Ok(())
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() -> Result<()> {
    let desk = Desk::new()?;
    let pipe = desk.path("pipe.yaml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
    symlink("/dev/zero", desk.path("zero.yaml"))?;
    symlink("loop.yaml", desk.path("loop.yaml"))?;
    assert_snapshot!([
        desk.refusal_of(&pipe)?,
        desk.refusal_of(&desk.path("zero.yaml"))?,
        desk.refusal_of(&desk.path("loop.yaml"))?,
    ].join("\n"), @r#"
    [DIR]/pipe.yaml: is no regular file
    [DIR]/zero.yaml: is no regular file
    [DIR]/loop.yaml: cannot be read: Too many levels of symbolic links (os error 40)
    "#);
    Ok(())
}

#[test]
fn the_cases_are_read_without_following_links() -> Result<()> {
    let desk = Desk::new()?;
    let fixtures = desk.folder.path();
    std::fs::copy(super::fixtures().join("claims.yaml"), desk.path("claims.yaml"))?;
    std::fs::create_dir(desk.path("servers"))?;
    let table = "servers/differences.yaml";
    std::fs::copy(super::fixtures().join(table), desk.path(table))?;
    for (name, target) in [("passwd.yaml", "/etc/passwd"), ("up", ".."), ("gone.yaml", "nowhere")] {
        let cases = desk.path("cases");
        std::fs::create_dir(&cases)?;
        symlink(target, cases.join(name))?;

        let error = Catalogue::read(fixtures).err().with_context(|| format!("`{name}` was followed"))?;

        assert_eq!(error.file, cases.join(name));
        assert_eq!(error.message, "is a symbolic link, which is not followed here");
        std::fs::remove_dir_all(cases)?;
    }
    Ok(())
}
