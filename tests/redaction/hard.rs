//! Secrets that are hard to hide: spelled in many ways, never sent, of a change, or made by Kratos on the way.

use std::fs;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use crate::support::{Sandbox, files};

/// A password with everything that an encoding changes.
const PASSWORD: &str = r#"canary & horse's <"battery"> 100% +/é"#;

/// The secrets that the case itself names.
const NAMED: [&str; 12] = [
    PASSWORD,
    "canary-config-cookie-secret-1",
    "canary-config-cipher-secret-0123",
    "canary-edge-cookie",
    "canary-sent-cookie",
    "canary-origin-token",
    "canary-authorization",
    "canary-session-token",
    "canary-not-reached-cookie",
    "canary-not-reached-password",
    "canary-of-the-fix",
    "canary-config-of-the-fix-00001",
];

fn case() -> String {
    format!(
        r#"title: Secrets in every place
world:
  kratos: {{ config: {{ secrets: {{ cookie: [canary-config-cookie-secret-1], cipher: [canary-config-cipher-secret-0123] }} }} }}
  clients: {{ c: {{ program: curl, cookie_jar: true }}, h: {{}} }}
  faults: [{{ host: ory.example.test, method: GET, add_cookie: "edge=canary-edge-cookie; Path=/" }}]
steps:
  - identity: {{ email: ada@example.test, password: '{single}' }}
  - start_flow: {{ by: h, flow: login }}
  - submit_flow:
      by: h
      values: {{ method: password, identifier: ada@example.test, password: {double} }}
      headers:
        Cookie: theme=canary-sent-cookie
        Origin: https://ui.example.test/?token=canary-origin-token
        Authorization: Bearer canary-authorization
        X-Session-Token: canary-session-token
  - start_flow: {{ by: c, flow: login, type: browser }}
  - submit_flow: {{ by: c, values: {{ method: code, identifier: ada@example.test }} }}
  - read_mail: ada@example.test
  - submit_flow: {{ by: c, values: {{ method: code, identifier: ada@example.test, code: $code }} }}
  - start_flow: {{ by: h, flow: settings }}
  - submit_flow: {{ by: h, values: {{ method: password, password: canary-not-reached-password }}, headers: {{ Cookie: a=canary-not-reached-cookie }} }}
symptom:
  - sessions: {{ of: ada@example.test, count: 9 }}
no_wrong_fixes: none is needed here
fix:
  why: Other secrets.
  world: {{ kratos: {{ config: {{ secrets: {{ cookie: [canary-config-of-the-fix-00001] }} }} }} }}
  steps:
    - identity: {{ email: ada@example.test, password: canary-of-the-fix }}
  expect:
    - sessions: {{ of: ada@example.test, count: 9 }}
"#,
        single = PASSWORD.replace('\'', "''"),
        double = Value::from(PASSWORD),
    )
}

/// A secret as reports, URLs, forms, JSON, HTML and YAML may spell it.
fn spellings(secret: &str) -> Vec<String> {
    let percent = |space: &str| -> String {
        let coded = secret.bytes().map(|byte| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        coded.collect()
    };
    let json = Value::from(secret).to_string();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut all = vec![
        secret.to_owned(),
        percent("%20"),
        percent("+"),
        percent("%20").to_lowercase(),
        STANDARD.encode(secret),
        URL_SAFE.encode(secret),
        json.trim_matches('"').to_owned(),
        Value::from(json.trim_matches('"')).to_string().trim_matches('"').to_owned(),
        json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e").trim_matches('"').to_owned(),
        html.replace('"', "&quot;").replace('\'', "&#39;"),
        html.replace('"', "&#34;").replace('\'', "&#x27;"),
        secret.replace('\'', "''"),
    ];
    all.sort();
    all.dedup();
    all
}

/// The values of curl's cookie jar (curl's `docs/HTTP-COOKIES.md`: seven fields, the last two name and value).
fn jar_values(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim_start_matches("#HttpOnly_")).filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Some(((*fields.get(5)?).to_owned(), (*fields.get(6)?).to_owned()))
        })
        .collect()
}

#[test]
fn a_run_writes_and_says_no_secret() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let case = sandbox.case("secrets.yaml", &case())?;

    let ended = sandbox.run(&["--keep", &case])?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let kept = files(&sandbox.tmp())?;
    let read = |end: &str| -> Result<String> {
        let path = kept.iter().find(|path| path.ends_with(end));
        Ok(fs::read_to_string(path.with_context(|| format!("no `{end}` was kept: {kept:?}"))?)?)
    };
    let body: Value = serde_json::from_str(&read("c/body.json")?)?;
    let code = body["code"].as_str().context("the last request has no code")?;
    let token = body["csrf_token"].as_str().context("the last request has no anti-CSRF token")?;
    ensure!(code.len() == 6, "`{code}` is no code");
    let cookies = jar_values(&read("c/cookies.txt")?);
    for name in ["ory_kratos_session", "edge"] {
        ensure!(cookies.iter().any(|(known, _)| known == name), "no cookie `{name}`: {cookies:?}");
    }

    let mut written = vec![("standard output".to_owned(), ended.stdout), ("standard error".to_owned(), ended.stderr)];
    for path in files(&sandbox.run_folder()?)? {
        written.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path)?).into_owned()));
    }
    for file in ["results.json", "junit.xml", "report.html", "kratos.log"] {
        ensure!(written.iter().any(|(name, _)| name.ends_with(file)), "there is no `{file}`");
    }
    let secrets = NAMED.into_iter().chain([code, token]).chain(cookies.iter().map(|(_, value)| value.as_str()));
    let mut leaks = Vec::new();
    for secret in secrets {
        for spelled in spellings(secret) {
            // Six digits may stand in a time or an address by chance; a code stands alone.
            let alone = |text: &str| {
                text.match_indices(&spelled).any(|(at, _)| {
                    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit() || c == '.');
                    secret != code
                        || !(digit(text[..at].chars().next_back()) || digit(text[at + spelled.len()..].chars().next()))
                })
            };
            leaks.extend(written.iter().filter(|(_, text)| alone(text)).map(|(file, _)| format!("{spelled}: {file}")));
        }
    }
    ensure!(leaks.is_empty(), "{}", leaks.join("\n"));
    Ok(())
}
