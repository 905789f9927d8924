//! Evidence that cannot be read takes no other with it: what was to be hidden is hidden.

use std::fs;

use anyhow::{Result, ensure};
use rstest::rstest;

use crate::support::programs::kratos_after;
use crate::support::{Sandbox, files};

/// In a step, in a check's text, in a header and in what the edge adds.
const PLANTED: [&str; 3] = ["canary-password-1u", "canary-cookie-2u", "canary-edge-3u"];

const CASE: &str = "\
title: Secrets beside a log that cannot be read
world:
  clients: { c: {} }
  faults: [{ method: GET, path: /self-service/login/api, add_cookie: \"edge=canary-edge-3u; Path=/\" }]
steps:
  - identity: { email: ada@example.test, password: canary-password-1u }
  - start_flow: { by: c, flow: login }
  - submit_flow:
      by: c
      values: { method: password, identifier: ada@example.test, password: canary-password-1u }
      headers: { Cookie: session=canary-cookie-2u }
symptom:
  - identities: { of: ada@example.test, count: 1 }
  - sessions: { of: ada@example.test, count: 0 }
";

#[rstest]
#[case::of_bytes_that_are_no_text(r"printf '\377\n' >&2", "reproduced")]
#[case::gone(r#"rm "$(readlink "/proc/$$/fd/2")""#, "error")]
fn a_log_that_cannot_be_read_leaves_no_secret_as_it_was(#[case] first: &str, #[case] verdict: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let path = sandbox.case("unreadable.yaml", CASE)?;
    let kratos = kratos_after(&sandbox, first)?;
    let mut command = sandbox.run_command(&["--kratos", &kratos, &path]);
    command.env("KRATOS_REPRO_CACHE", sandbox.path("cache"));

    let ended = sandbox.end(command)?;

    assert_eq!(sandbox.outcome()?["verdict"], verdict, "{}{}", ended.stderr, ended.stdout);
    let mut seen = format!("{}{}", ended.stdout, ended.stderr);
    for file in files(&sandbox.run_folder()?)? {
        seen.push_str(&String::from_utf8_lossy(&fs::read(&file)?));
    }
    for secret in PLANTED {
        ensure!(!seen.contains(secret), "`{secret}` was written");
    }
    for shown in ["password#1", "session=session#", "edge=cookie#"] {
        ensure!(seen.contains(shown), "`{shown}` is nowhere");
    }
    Ok(())
}
