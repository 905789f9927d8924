//! What a world may name: the fixtures and itself, whatever its Kratos could be told.

use anyhow::Result;
use insta::assert_snapshot;

use super::Desk;

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
