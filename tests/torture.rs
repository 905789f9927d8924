//! The harness ends, and what it has started is killed, at random moments: a short form of `scripts/torture`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use kratos_repro::browser::Engine;

#[test]
fn nothing_is_left_and_nobody_is_hurt_whatever_ends_when() -> Result<()> {
    let engines = [Engine::Chromium, Engine::Firefox, Engine::WebKitGtk];
    let engines: Vec<&str> = engines.into_iter().filter(|it| it.lacks().is_none()).map(Engine::name).collect();
    let has_python = Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok();
    if engines.is_empty() || !has_python {
        let _ = writeln!(std::io::stderr(), "not run: there is no browser, or no python3");
        return Ok(());
    }
    let all = ["KILL", "INT", "TERM", "HUP", "terminal", "panic", "abort", "driver", "browser", "kratos"];
    let mut only = all.to_vec();
    only.extend(engines.contains(&"webkitgtk").then_some("Xvfb"));
    let mut torture = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/torture"));
    torture.args(["--rounds", "2", "--victims", "1", "--engine", &engines.join(","), "--only", &only.join(",")]);
    torture.args(["--program", env!("CARGO_BIN_EXE_kratos-repro")]);

    let ended = torture.output()?;

    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(ended.status.success(), "{}{}", said(&ended.stderr), said(&ended.stdout));
    Ok(())
}
