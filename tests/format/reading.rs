//! Files that are no YAML, or not of a case's form.

use anyhow::Result;
use insta::assert_snapshot;
use kratos_repro::case::Case;

use super::{Desk, GOOD};

#[test]
fn an_unknown_key_is_told_with_the_nearest_one() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("title: A", "titel: A"),
        ("  browsers: {", "  browser: {"),
        ("kratos: { profile: code", "kratos: { profil: code"),
        ("guard: none }", "gaurd: none }"),
        ("browsers: { a: {} }", "browsers: { a: { engin: firefox } }"),
        ("{ program: http }", "{ jar: true }"),
        ("delay_answer: 400ms", "delay_anser: 400ms"),
        ("  - read_mail: ada", "  - read_email: ada"),
        ("in: a, flow: login", "on: a, flow: login"),
        ("how: double-click", "hwo: double-click"),
        ("  - posts: {", "  - post: {"),
        ("count: 2 }", "counts: 2 }"),
        ("why: The page", "reason: The page"),
    ])?, @r#"
    [DIR]/case.yaml:2:1: unknown key `titel` (hint: did you mean `title`?)
    [DIR]/case.yaml:6:3: unknown key `browser` (hint: did you mean `browsers`?)
    [DIR]/case.yaml:4:13: unknown key `profil` (hint: did you mean `profile`?)
    [DIR]/case.yaml:5:23: unknown key `gaurd` (hint: did you mean `guard`?)
    [DIR]/case.yaml:6:20: unknown key `engin` (hint: did you mean `engine`?)
    [DIR]/case.yaml:7:19: unknown key `jar` (hint: known here: program, cookie_jar, keep_jar)
    [DIR]/case.yaml:8:38: unknown key `delay_anser` (hint: did you mean `delay_answer`?)
    [DIR]/case.yaml:12:5: unknown `read_email` (hint: did you mean `read_mail`?)
    [DIR]/case.yaml:11:13: unknown key `on` (hint: did you mean `in`?)
    [DIR]/case.yaml:14:29: unknown key `hwo` (hint: did you mean `how`?)
    [DIR]/case.yaml:17:5: unknown `post` (hint: did you mean `posts`?)
    [DIR]/case.yaml:17:41: unknown key `counts` (hint: did you mean `count`?)
    [DIR]/case.yaml:20:3: unknown key `reason` (hint: known here: why, world, steps, expect)
    "#);
    Ok(())
}

#[test]
fn a_brace_that_is_missing_is_asked_for() -> Result<()> {
    let told = Desk::new()?
        .refusals(&[("in: a, flow: login }", "in: a, flow: login"), ("in: a, flow: login", "in: a, flow: signin")])?;

    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].contains(":11:26: ") && lines[0].contains("is a `}` or `]` missing?"), "{told}");
    assert!(!lines[1].contains("missing?"), "{told}");
    Ok(())
}

#[test]
fn an_unknown_word_is_told_with_the_nearest_one() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("how: double-click", "how: doubleclick"),
        ("how: double-click", "how: thrice"),
        ("submit: form", "submit: fetch"),
        ("program: http", "program: postman"),
        ("in: a, flow: login", "in: a, flow: signin"),
        ("title: A", "verdict: fix-hold\ntitle: A"),
    ])?, @r#"
    [DIR]/case.yaml:14:34: unknown `doubleclick` (hint: did you mean `double-click`?)
    [DIR]/case.yaml:14:34: unknown `thrice` (hint: known here: once, double-click, enter-twice, click-then-enter)
    [DIR]/case.yaml:5:17: unknown `fetch` (hint: known here: form, ajax)
    [DIR]/case.yaml:7:28: unknown `postman` (hint: known here: http, curl, newman, inso, electron)
    [DIR]/case.yaml:11:26: unknown `signin` (hint: known here: login, registration, recovery, verification, settings)
    [DIR]/case.yaml:2:10: unknown `fix-hold` (hint: did you mean `fix-holds`?)
    "#);
    Ok(())
}

#[test]
fn a_value_of_another_type_is_refused() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("title: A double click shows an error", "title: [a, b]"),
        ("browsers: { a: {} }", "browsers: [a]"),
        ("faults: [{ host: ory.example.test, delay_answer: 400ms }]", "faults: { delay_answer: 400ms }"),
        ("count: 2 }", "count: two }"),
        ("count: 2 }", "count: -1 }"),
        ("message: 4010002", "message: hello"),
        ("message: 4010002", "message: [4010002]"),
        ("fill: { code: $code }", "fill: $code"),
        ("{ program: http }", "{ cookie_jar: often }"),
        ("read_mail: ada@example.test", "read_mail: [ada@example.test]"),
        ("delay_answer: 400ms", "delay_answer: 400"),
        ("delay_answer: 400ms", "delay_answer: 0.4s"),
        ("guard: none", "guard: disabled"),
        ("steps:\n  - identity: { email: ada@example.test }", "steps:\n  - identity"),
        ("steps:\n  - identity: { email: ada@example.test }", "steps:\n  - { back: a, switch_to: a }"),
    ])?, @r#"
    [DIR]/case.yaml:2:8: a text is expected here
    [DIR]/case.yaml:6:13: a map, `key: value`, is expected here
    [DIR]/case.yaml:8:11: a list, `- ...`, is expected here
    [DIR]/case.yaml:17:48: a whole number is expected here, neither negative nor too large
    [DIR]/case.yaml:17:48: a whole number is expected here, neither negative nor too large
    [DIR]/case.yaml:18:14: `hello` is no message id
    [DIR]/case.yaml:18:5: expected here: a message id, or a map with `id` and `in` (found: sequence)
    [DIR]/case.yaml:13:11: a map, `key: value`, is expected here
    [DIR]/case.yaml:7:31: `true` or `false` is expected here
    [DIR]/case.yaml:12:5: expected here: a recipient, or a map with `to` (found: sequence)
    [DIR]/case.yaml:8:52: `400` is no duration (hint: a number and a unit, as `400ms`, `1s`, `15m`, `24h`, `7d`)
    [DIR]/case.yaml:8:52: `0.4s` is no duration (hint: a number and a unit, as `400ms`, `1s`, `15m`, `24h`, `7d`)
    [DIR]/case.yaml:5:30: unknown guard `disabled` (hint: write `none`, `disable`, `flag` or `disable-after-<duration>`, such as `disable-after-300ms` or `disable-after-1s`)
    [DIR]/case.yaml:11:5: unknown key `open` (hint: known here: email, password, at, migrate_hook)
    [DIR]/case.yaml:10:16: a step or check has one name only (hint: begin the next one with `- `)
    "#);
    Ok(())
}

#[test]
fn a_missing_key_is_named() -> Result<()> {
    assert_snapshot!(Desk::new()?.refusals(&[
        ("title: A double click shows an error\n", ""),
        ("count: 2 }", "step: any }"),
        ("{ email: ada@example.test }", "{}"),
        ("  why: The page says so.\n", ""),
        ("  expect:\n    - signed_in: { in: a, as: ada@example.test }\n", ""),
    ])?, @r#"
    [DIR]/case.yaml:23:1: the key `title` is missing
    [DIR]/case.yaml:17:41: the key `count` is missing
    [DIR]/case.yaml:10:15: the key `email` is missing
    [DIR]/case.yaml:21:3: the key `why` is missing
    [DIR]/case.yaml:21:3: the key `expect` is missing
    "#);
    Ok(())
}

#[test]
fn what_is_no_case_at_all_is_refused() -> Result<()> {
    let desk = Desk::new()?;
    let files: [(&str, &[u8]); 9] = [
        ("empty.yaml", b""),
        ("blank.yaml", b"\n \n"),
        ("comments.yaml", b"# a\n# b\n"),
        ("list.yaml", b"- a\n- b\n"),
        ("word.yaml", b"hello\n"),
        ("two.yaml", b"title: a\n---\ntitle: b\n"),
        ("open.yaml", b"title: \"a\nworld: {\n"),
        ("tab.yaml", b"title: a\nworld:\n\tui: {}\n"),
        ("latin1.yaml", b"title: caf\xe9\n"),
    ];
    let mut lines = Vec::new();
    for (name, content) in files {
        lines.push(desk.refusal(name, content)?);
    }
    lines.push(desk.refusals(&[("title: A double click shows an error\n", "title: a\ntitle: b\n")])?);
    lines.push(desk.refusal_of(&desk.path("gone.yaml"))?);
    lines.push(desk.refusal_of(desk.folder.path())?);
    assert_snapshot!(lines.join("\n"), @r#"
    [DIR]/empty.yaml: is empty
    [DIR]/blank.yaml: is empty
    [DIR]/comments.yaml:3:1: holds no case (hint: is it empty, or all comments?)
    [DIR]/list.yaml:1:1: a map, `key: value`, is expected here
    [DIR]/word.yaml:1:1: a map, `key: value`, is expected here
    [DIR]/two.yaml:1:1: the key `steps` is missing
    [DIR]/open.yaml:1:8: unclosed quote
    [DIR]/tab.yaml:3:2: tabs disallowed within this context (block indentation)
    [DIR]/latin1.yaml: is not UTF-8 (first wrong byte at 10)
    [DIR]/case.yaml:3:1: the key `title` stands here a second time
    [DIR]/gone.yaml: cannot be read: No such file or directory (os error 2)
    [DIR]: is a folder (hint: name a case file, a case or a claim)
    "#);
    Ok(())
}

#[test]
fn line_ends_and_a_byte_order_mark_do_not_matter() -> Result<()> {
    let desk = Desk::new()?;
    let plain = desk.read(&desk.write("plain.yaml", GOOD)?)??;

    for (name, text) in [("crlf.yaml", GOOD.replace('\n', "\r\n")), ("bom.yaml", format!("\u{feff}{GOOD}"))] {
        let read = desk.read(&desk.write(name, text)?)??;
        let steps = |case: &Case| -> Vec<(u64, String)> {
            case.file.steps.iter().map(|step| (step.referenced.line(), step.value.text())).collect()
        };
        assert_eq!((&read.file.title, &read.file.world), (&plain.file.title, &plain.file.world), "{name}");
        assert_eq!(steps(&read), steps(&plain), "{name}");
    }
    Ok(())
}

#[test]
fn a_report_in_markdown_is_read_where_its_case_stands() -> Result<()> {
    let desk = Desk::new()?;
    let good = format!("# It fails\n\nLike this:\n\n```yaml\n{GOOD}```\n");

    assert_eq!(desk.read(&desk.write("good.md", &good)?)??.source, GOOD);
    assert!(desk.read(&desk.write("crlf.md", good.replace('\n', "\r\n"))?)?.is_ok());
    assert!(desk.read(&desk.write("bom.md", format!("\u{feff}```yaml\n{GOOD}```\n"))?)?.is_ok());
    assert_snapshot!([
        desk.refusal("none.md", "# It fails\n\n```sh\nkratos serve\n```\n")?,
        desk.refusal("unclosed.md", "# It fails\n\n```yaml\ntitle: a\n")?,
        desk.refusal("empty-block.md", "# It fails\n\n```yaml\n```\n")?,
        desk.refusal("key.md", good.replace("submit: form", "sumbit: form"))?,
        desk.refusal("claim.md", good.replace("claim: code-flows.disable", "claim: code-flows.disabled"))?,
        desk.refusal("profile.md", good.replace("profile: code", "profile: cod"))?,
    ].join("\n"), @r#"
    [DIR]/none.md: has no fenced `yaml` block (hint: put the case between ```yaml and ```)
    [DIR]/unclosed.md:3:1: the block that begins here does not end (hint: close it with ```)
    [DIR]/empty-block.md:4:1: holds no case (hint: is it empty, or all comments?)
    [DIR]/key.md:10:9: unknown key `sumbit` (hint: did you mean `submit`?)
    [DIR]/claim.md:6:8: unknown claim `code-flows.disabled` (hint: did you mean `code-flows.disable`?)
    [DIR]/profile.md:9:13: there is no profile `cod` (hint: a folder of `fixtures/profiles`)
    "#);
    Ok(())
}
