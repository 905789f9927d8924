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
fn a_world_keeps_to_the_fixtures_and_to_itself() -> Result<()> {
    let config = |text: &str| format!("config: {{ {text} }}");
    let configs = [
        "dsn: memory",
        "courier: { smtp: { connection_uri: 'smtp://x/' } }",
        "dev: true",
        "serve: { admin: { port: 1 } }",
        "serve.admin.port: 1",
        "serve: { public: { cors: { allowed_origins: ['https://ui.example.test', 'https://evil.test'] } } }",
        "identity: { schemas: [{ id: a, url: 'file:///etc/passwd' }] }",
        "identity: { schemas: [{ id: a, url: 'file://./../secret' }] }",
        "selfservice: { default_browser_return_url: 'https://ui.example.test:x@evil.test/' }",
        "selfservice: { default_browser_return_url: 'https://ui.example.test.evil.test/' }",
        "selfservice: { default_browser_return_url: 'http://127.0.0.1:4434/admin' }",
        "a: 'ldap://x'",
        "serve: { public: { socket: { mode: 511 } } }",
        "tracing: { provider: otel, providers: { otlp: { server_url: 'evil.test:4318' } } }",
        "serve.public: { tls: { key: { path: /etc/shadow } } }",
        "selfservice: { methods: { password: { config: { haveibeenpwned_host: '127.0.0.1:22' } } } }",
        "identity: { schemas: [{ id: a, url: 'file:/etc/passwd' }] }",
        "identity: { schemas: [{ id: a, url: 'file://./%2e%2e/secret' }] }",
        "identity: { schemas: [{ id: a, url: 'file://./kratos.sqlite' }] }",
        // {"properties":{"a":{"$ref":"file:///etc/passwd"}}}, once with an escape in its key.
        "identity: { schemas: [{ id: a, url: 'base64://eyJwcm9wZXJ0aWVzIjp7ImEiOnsiJHJlZiI6ImZpbGU6Ly8vZXRjL3Bhc3N3ZCJ9fX0=' }] }",
        "identity: { schemas: [{ id: a, url: 'base64://eyJwcm9wZXJ0aWVzIjp7ImEiOnsiXHUwMDI0cmVmIjoiZmlsZTovLy9ldGMvcGFzc3dkIn19fQ' }] }",
        // {"properties":{"x":{"$id":"http://127.0.0.1:1/any","$ref":"#x"}}}: an anchor is looked up where `$id` says.
        "identity: { schemas: [{ id: a, url: 'base64://eyJwcm9wZXJ0aWVzIjp7IngiOnsiJGlkIjoiaHR0cDovLzEyNy4wLjAuMToxL2FueSIsIiRyZWYiOiIjeCJ9fX0=' }] }",
        // {"title":"\ud800","$ref":"file:///etc/passwd"} and {"maximum":1e999,"$ref":...}: Go reads both.
        "identity: { schemas: [{ id: a, url: 'base64://eyJ0aXRsZSI6Ilx1ZDgwMCIsIiRyZWYiOiJmaWxlOi8vL2V0Yy9wYXNzd2QifQ==' }] }",
        "identity: { schemas: [{ id: a, url: 'base64://eyJtYXhpbXVtIjoxZTk5OSwiJHJlZiI6ImZpbGU6Ly8vZXRjL3Bhc3N3ZCJ9' }] }",
        // {"$ref":"file:///etc/passwd"} with a line break in it, over which Go's Base64 reads.
        r#"identity: { schemas: [{ id: a, url: "base64://eyIkcmVm\nIjoiZmlsZTovLy9ldGMvcGFzc3dkIn0=" }] }"#,
        r#"session: { whoami: { tokenizer: { templates: { a: { claims_mapper_url: "base64://aW1wb3J0\nc3RyICIvZXRjL3Bhc3N3ZCI=" } } } } }"#,
        // importstr "/etc/passwd"
        "session: { whoami: { tokenizer: { templates: { a: { jwks_url: 'base64://aW1wb3J0c3RyICIvZXRjL3Bhc3N3ZCI=' } } } } }",
        // Kratos puts `file://` before the first three, a browser takes the next two for other hosts.
        "selfservice: { flows: { login: { after: { hooks: [{ hook: web_hook, config: { body: /etc/passwd } }] } } } }",
        "selfservice: { flows: { login: { after: { hooks: [{ hook: web_hook, config: { body: kratos.json } }] } } } }",
        "selfservice: { flows: { login: { after: { hooks: [{ hook: web_hook, config: { body: ~/.netrc } }] } } } }",
        "selfservice: { flows: { login: { ui_url: '//127.0.0.1:18999/secret.json' } } }",
        r#"selfservice: { flows: { login: { ui_url: ' /\127.0.0.1:18999/secret.json' } } }"#,
        // A key that nobody looked at, as a newer Kratos may have.
        "a: /etc/passwd",
        "a: secret.txt",
        "a: 'file:/etc/passwd'",
        "a: 'https://ui.example.test/'",
        "clients: { http: { private_ip_exception_urls: ['http://127.0.0.1/'] } }",
        "selfservice: { default_browser_return_url: 'file://./identity.schema.json' }",
        "cookies: { domain: 'ldap://example.test' }",
        "serve: { public: { cors: { allowed_origins: ['app://local', 'javascript:a'] } } }",
    ];
    let configs: Vec<String> = configs.iter().map(|it| config(it)).collect();
    let mut changes = vec![
        ("profile: code", "profile: cod"),
        ("profile: code", "profile: ../../etc"),
        ("profile: code", "profile: /etc"),
        ("profile: code", "profile: ''"),
        ("browsers: { a: {} }", "browsers: { a: {}, ui: {} }"),
        ("browsers: { a: {} }", "browsers: { a: {}, c: {} }"),
        ("clients: { c: { program: http } }", "clients: { c: {}, ../c: {} }"),
        ("config: { log: { level: info } }", "config: [log]"),
    ];
    changes.extend(configs.iter().map(|it| ("config: { log: { level: info } }", it.as_str())));
    // It would follow Kratos's redirect to the interface, past the edge, to whatever listens there.
    let on_loopback = "config: { identity: { schemas: [{ id: a, url: 'https://ory.example.test/any' }] } }, url: http://localhost:4433/";
    changes.push(("config: { log: { level: info } }", on_loopback));
    assert_snapshot!(Desk::new()?.refusals(&changes)?, @r#"
    [DIR]/case.yaml:4:13: there is no profile `cod` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:4:13: there is no profile `../../etc` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:4:13: there is no profile `/etc` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:4:13: there is no profile `` (hint: a folder of `fixtures/profiles`)
    [DIR]/case.yaml:6:22: `ui` cannot name a browser or client (hint: up to 32 letters, digits and `-`; not `ui`, `kratos`, `mail`, `hydra`, `legacy`)
    [DIR]/case.yaml:7:14: `c` names a browser and a client (hint: each needs a name of its own)
    [DIR]/case.yaml:7:21: `../c` cannot name a browser or client (hint: up to 32 letters, digits and `-`; not `ui`, `kratos`, `mail`, `hydra`, `legacy`)
    [DIR]/case.yaml:4:28: `kratos.config` is no map
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `dsn`: the harness does
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `courier`: the harness does
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `dev`: the harness does
    [DIR]/case.yaml:4:47: `kratos.config` cannot set `serve.admin`: the harness does
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `serve.admin`: the harness does
    [DIR]/case.yaml:4:110: `kratos.config` names a host outside the world at `serve.public.cors.allowed_origins.1`: `evil.test`
    [DIR]/case.yaml:4:69: `kratos.config` names a file outside the profile at `identity.schemas.0.url` (hint: `file://./...`)
    [DIR]/case.yaml:4:69: `kratos.config` names a file outside the profile at `identity.schemas.0.url` (hint: `file://./...`)
    [DIR]/case.yaml:4:53: `kratos.config` names a host outside the world at `selfservice.default_browser_return_url`: `ui.example.test:x@evil.test`
    [DIR]/case.yaml:4:53: `kratos.config` names a host outside the world at `selfservice.default_browser_return_url`: `ui.example.test.evil.test`
    [DIR]/case.yaml:4:53: `kratos.config` names a host outside the world at `selfservice.default_browser_return_url`: `127.0.0.1:4434`
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `a`: no other text is known to do no harm there
    [DIR]/case.yaml:4:57: `kratos.config` cannot set `serve.public.socket`: the harness does
    [DIR]/case.yaml:4:38: `kratos.config` cannot set `tracing`: it leads out of the world
    [DIR]/case.yaml:4:54: `kratos.config` cannot set `serve.public.tls`: it leads out of the world
    [DIR]/case.yaml:4:86: `kratos.config` cannot set `selfservice.methods.password.config.haveibeenpwned_host`: it leads out of the world
    [DIR]/case.yaml:4:69: `kratos.config` has no scheme at `identity.schemas.0.url`, where Kratos fetches what it names
    [DIR]/case.yaml:4:69: `kratos.config` names a file outside the profile at `identity.schemas.0.url` (hint: `file://./...`)
    [DIR]/case.yaml:4:69: the profile `code` has no file `kratos.sqlite`, which `identity.schemas.0.url` names
    [DIR]/case.yaml:4:69: `kratos.config` refers to `file:///etc/passwd` at `identity.schemas.0.url` (hint: `#/...`, inside the schema)
    [DIR]/case.yaml:4:69: `kratos.config` refers to `file:///etc/passwd` at `identity.schemas.0.url` (hint: `#/...`, inside the schema)
    [DIR]/case.yaml:4:69: `kratos.config` refers to `#x` at `identity.schemas.0.url` (hint: `#/...`, inside the schema)
    [DIR]/case.yaml:4:69: `kratos.config` has no JSON that can be read strictly at `identity.schemas.0.url`
    [DIR]/case.yaml:4:69: `kratos.config` has no JSON that can be read strictly at `identity.schemas.0.url`
    [DIR]/case.yaml:4:69: `kratos.config` has Base64 that cannot be decoded at `identity.schemas.0.url`
    [DIR]/case.yaml:4:90: `kratos.config` has Base64 that cannot be decoded at `session.whoami.tokenizer.templates.a.claims_mapper_url`
    [DIR]/case.yaml:4:90: `kratos.config` imports a file at `session.whoami.tokenizer.templates.a.jwks_url`
    [DIR]/case.yaml:4:116: `kratos.config` has no scheme at `selfservice.flows.login.after.hooks.0.config.body`, where Kratos fetches what it names
    [DIR]/case.yaml:4:116: `kratos.config` has no scheme at `selfservice.flows.login.after.hooks.0.config.body`, where Kratos fetches what it names
    [DIR]/case.yaml:4:116: `kratos.config` has no scheme at `selfservice.flows.login.after.hooks.0.config.body`, where Kratos fetches what it names
    [DIR]/case.yaml:4:71: `kratos.config` has neither a path nor an address of the world at `selfservice.flows.login.ui_url`
    [DIR]/case.yaml:4:71: `kratos.config` has neither a path nor an address of the world at `selfservice.flows.login.ui_url`
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `a`: no other text is known to do no harm there
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `a`: no other text is known to do no harm there
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `a`: no other text is known to do no harm there
    [DIR]/case.yaml:4:38: `kratos.config` cannot have more than a plain word at `a`: no other text is known to do no harm there
    [DIR]/case.yaml:4:85: `kratos.config` cannot have more than a plain word at `clients.http.private_ip_exception_urls.0`: no other text is known to do no harm there
    [DIR]/case.yaml:4:53: `kratos.config` cannot use `file://` at `selfservice.default_browser_return_url`
    [DIR]/case.yaml:4:49: `kratos.config` cannot use `ldap://` at `cookies.domain`
    [DIR]/case.yaml:4:98: `kratos.config` has neither a path nor an address of the world at `serve.public.cors.allowed_origins.1`
    [DIR]/case.yaml:4:69: `kratos.config` has Kratos fetch `identity.schemas.0.url` in a world with a base URL on a loopback address, to which it goes without the edge
    "#);
    Ok(())
}

#[test]
fn a_world_may_name_its_own_hosts_and_files() -> Result<()> {
    let desk = Desk::new()?;
    for config in [
        "config: { selfservice: { default_browser_return_url: 'https://ui.example.test/x?y#z', allowed_return_urls: ['https://*.example.test', 'http://example.test', /settings] } }",
        "config: { serve: { public: { cors: { allowed_origins: ['*', 'app://local'], allowed_headers: [Content-Type] } } } }",
        "config: { cookies: { domain: 'https://example.test', path: /a }, secrets: { cookie: ['/with: anything.in it'] } }",
        "config: { session: { lifespan: 1h30m, cookie: { name: a.b } }, hashers: { argon2: { memory: 64KB } } }",
        "config: { identity: { schemas: [{ id: a, url: 'file://./identity.schema.json' }] }, secrets: { default: [a b] } }",
        // A schema with an id of its own, which refers to its own parts.
        "config: { identity: { schemas: [{ id: a, url: 'base64://eyIkaWQiOiJodHRwczovL3NjaGVtYXMuZXhhbXBsZS50ZXN0L2EuanNvbiIsIiRyZWYiOiIjL2RlZmluaXRpb25zL2EiLCJkZWZpbml0aW9ucyI6eyJhIjp7IiRyZWYiOiIjIn19fQ==' }] } }",
        // A Jsonnet program: function(ctx) {}
        "config: { session: { whoami: { tokenizer: { templates: { a: { claims_mapper_url: 'base64://ZnVuY3Rpb24oY3R4KSB7fQ' } } } } } }",
    ] {
        let text = super::GOOD.replace("config: { log: { level: info } }", config);
        assert_eq!(desk.read(&desk.write("case.yaml", text)?)?.err(), None, "{config}");
    }
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
