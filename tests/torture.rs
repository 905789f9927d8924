//! The harness ends, and what it has started is killed, at random moments: a short form of `scripts/torture`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::Engine;
use serde_json::Value;

use crate::support::Sandbox;

fn torture() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/torture"))
}

fn has_python() -> bool {
    Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok()
}

#[test]
fn nothing_is_left_and_nobody_is_hurt_whatever_ends_when() -> Result<()> {
    let engines = [Engine::Chromium, Engine::Firefox, Engine::WebKitGtk];
    let engines: Vec<&str> = engines.into_iter().filter(|it| it.lacks().is_none()).map(Engine::name).collect();
    if engines.is_empty() || !has_python() {
        let _ = writeln!(std::io::stderr(), "not run: there is no browser, or no python3");
        return Ok(());
    }
    let all = ["KILL", "INT", "TERM", "HUP", "terminal", "panic", "abort", "driver", "browser", "kratos"];
    let mut only = all.to_vec();
    only.extend(engines.contains(&"webkitgtk").then_some("Xvfb"));
    let mut torture = torture();
    torture.args(["--rounds", "2", "--victims", "1", "--engine", &engines.join(","), "--only", &only.join(",")]);
    torture.args(["--program", env!("CARGO_BIN_EXE_kratos-repro")]);

    let ended = torture.output()?;

    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(ended.status.success(), "{}{}", said(&ended.stderr), said(&ended.stdout));
    Ok(())
}

/// A world that stands, and runs that have ended before anybody comes.
const SOON_OVER: &str = "\
#!/bin/sh
[ \"$1\" = up ] || exit 0
echo 'Ctrl-C ends it'
exec sleep 600
";

#[test]
fn a_round_in_which_nothing_was_ended_is_not_done() -> Result<()> {
    if !has_python() {
        let _ = writeln!(std::io::stderr(), "not run: there is no python3");
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let program = sandbox.path("bin/program");
    fs::write(&program, SOON_OVER)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let mut torture = torture();
    torture.args(["--only", "KILL,kratos", "--rounds", "1", "--victims", "1", "--engine", "chromium", "--json"]);
    torture.arg("--program").arg(program).env("TMPDIR", sandbox.tmp());

    let ended = sandbox.end(torture)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let rows: Value =
        serde_json::from_str(&ended.stdout).with_context(|| format!("it prints no table: {}", ended.stderr))?;
    for kind in ["KILL", "kratos"] {
        let row = &rows[kind];
        assert_eq!((&row["rounds"], &row["not done"], &row["too late"]), (&0.into(), &1.into(), &10.into()), "{rows}");
    }
    Ok(())
}
