//! No secret of a run is in what it writes: planted ones in every place that a case has, and those that Kratos made.

mod hard;
mod unreadable;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;

use crate::support::{Sandbox, files};

/// Planted in the case, each in another place.
const PLANTED: [&str; 6] = [
    "canary-password-1f",
    "canary-cookie-2f",
    "canary-bearer-3f",
    "canary-csrf-4f",
    "canary-cdn-5f",
    "canary-config-secret-6f-6f-6f-6f-6f",
];

const CASE: &str = "\
title: A case full of secrets
world:
  kratos: { config: { secrets: { cookie: [canary-config-secret-6f-6f-6f-6f-6f] } } }
  browsers: { a: {} }
  clients: { c: {} }
  faults: [{ method: GET, path: /self-service/login/api, add_cookie: \"cdn_session=canary-cdn-5f; Path=/\" }]
steps:
  - identity: { email: ada@example.test, password: canary-password-1f }
  - start_flow: { by: c, flow: login }
  - submit_flow:
      by: c
      values: { method: password, identifier: ada@example.test, password: canary-password-1f }
      headers: { Cookie: session=canary-cookie-2f, Authorization: Bearer canary-bearer-3f, X-CSRF-Token: canary-csrf-4f }
  - open: { in: a, flow: login }
  - fill: { identifier: ada@example.test }
  - submit: code
  - read_mail: ada@example.test
  - fill: { code: $code }
  - submit: code
symptom:
  - signed_in: { in: a, as: ada@example.test }
";

/// A login through Hydra with a legacy account, whose secrets are a client's, a person's and those that Hydra makes.
const MIGRATION: &str = "\
title: A migration full of secrets
world:
  kratos: { profile: oidc }
  hydra: {}
  legacy: { users: [{ email: ada@example.test, password: canary-legacy-7f, name: Ada Lovelace }] }
  browsers: { a: {} }
steps:
  - open: { in: a, flow: login }
  - submit: { button: provider, value: hydra }
  - fill: { email: ada@example.test, password: canary-legacy-7f }
  - submit: { button: decision, value: sign-in }
  - submit: { button: decision, value: allow }
symptom:
  - signed_in: { in: a, as: ada@example.test }
";

#[test]
fn no_secret_of_a_migration_is_in_what_a_run_writes() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("migration.yaml", MIGRATION)?;

    let ended = sandbox.run(&[&path])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let client = base64::engine::general_purpose::STANDARD.encode("kratos:only-for-tests-not-a-secret-0003");
    let mut planted = spellings("canary-legacy-7f");
    planted.extend(spellings("only-for-tests-not-a-secret-0003"));
    planted.push(client);
    let mut seen = String::new();
    for file in files(&sandbox.run_folder()?)? {
        let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        for secret in &planted {
            ensure!(!text.contains(secret.as_str()), "`{secret}` is in `{}`", file.display());
        }
        // A JSON Web Token, and the prefixes of what Hydra hands out (fosite `token/hmac`, `ory_at_` and its like).
        for mark in ["\"eyJ", "=eyJ", "ory_at_", "ory_rt_", "ory_ac_"] {
            ensure!(!text.contains(mark), "`{mark}` is in `{}`", file.display());
        }
        seen.push_str(&text);
    }
    // What is hidden was there: the exchange of the code for tokens, and both challenges.
    for shown in [
        "\"access_token\\\":\\\"token#",
        "\"id_token\\\":\\\"token#",
        "login_challenge=token#",
        "consent_challenge=token#",
        "code_verifier=token#",
        "?code=code#",
    ] {
        ensure!(seen.contains(shown), "`{shown}` is nowhere");
    }
    Ok(())
}

/// A secret as it may be spelled.
fn spellings(secret: &str) -> Vec<String> {
    let bytes: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = secret.replace('/', "\\/").replace('+', "\\u002b");
    let html = secret.replace('+', "&#43;").replace('=', "&#61;");
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    vec![secret.to_owned(), bytes.to_lowercase(), bytes, json, html, base64]
}

#[test]
fn no_secret_is_in_what_a_run_writes() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("secrets.yaml", CASE)?;

    let ended = sandbox.run(&[&path, "--keep"])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    let mut secrets: BTreeSet<String> = PLANTED.map(str::to_owned).into();
    // Kratos's own secrets are in the files that --keep has left as they were: the codes that it mailed and used.
    let kept = files(&sandbox.tmp())?;
    let database = kept.iter().filter(|path| path.to_string_lossy().contains("kratos.sqlite"));
    let raw: Vec<u8> = database.map(fs::read).collect::<std::io::Result<Vec<_>>>()?.concat();
    let text = String::from_utf8_lossy(&raw);
    let tokens = text.match_indices("ory_st_").map(|(at, _)| text[at..].chars().take(39).collect::<String>());
    secrets.extend(tokens.filter(|token| token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')));
    ensure!(secrets.len() > PLANTED.len(), "the session tokens were found in the kept database");
    let written = files(&sandbox.run_folder()?)?;
    ensure!(written.len() >= 5, "results, junit, page, log and picture: {written:?}");
    for secret in &secrets {
        for spelling in spellings(secret) {
            ensure!(!ended.stdout.contains(&spelling) && !ended.stderr.contains(&spelling), "`{spelling}` was printed");
            for file in &written {
                let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
                ensure!(!text.contains(&spelling), "`{spelling}` is in {}", file.display());
            }
        }
    }
    Ok(())
}

#[test]
fn equal_secrets_have_equal_names() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("secrets.yaml", CASE)?;

    sandbox.run(&[&path])?;

    let outcome = sandbox.outcome()?;
    let exchanges = outcome["trials"][0]["exchanges"].as_array().context("no exchanges")?;
    let header = |wanted: &'static str, part: &'static str| {
        let all = exchanges.iter().flat_map(move |exchange| exchange[part].as_array().into_iter().flatten());
        let values = all.filter(move |header| header[0] == wanted).filter_map(|header| header[1].as_str());
        values.filter_map(|value| {
            let (_, rest) = value.split_once("ory_kratos_session=")?;
            Some(rest.split([';', ' ']).next().unwrap_or(rest).to_owned())
        })
    };
    let set: BTreeSet<String> = header("set-cookie", "response_headers").collect();
    let sent: BTreeSet<String> = header("cookie", "request_headers").collect();
    ensure!(!sent.is_empty() && sent.is_subset(&set), "what was set ({set:?}) is what was sent ({sent:?})");
    ensure!(set.iter().all(|name| name.starts_with("session#")), "{set:?}");
    Ok(())
}
