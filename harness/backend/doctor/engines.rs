//! The programs of the browser engines, with their versions. An engine that is not whole blocks nothing: what needs it
//! does not run, and says so. That no engine is whole does, and so does a program that a person names and that is not there.

use std::path::Path;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::process::Command;

use super::{Finding, Need, State, examine_at, examine_by};
use crate::browser::{Display, Engine, Program};

/// Looks at these engines at once.
pub(super) async fn examine(engines: &[Engine]) -> Vec<Finding> {
    let mut examined = join_all(engines.iter().map(|engine| examine_engine(*engine))).await;
    let whole = |findings: &Vec<Finding>| findings.iter().all(|it| matches!(it.state, State::Found { .. }));
    let any_whole = examined.iter().any(whole);
    for (engine, findings) in engines.iter().zip(&mut examined) {
        for (finding, program) in findings.iter_mut().zip(engine.programs()) {
            if program.is_named() || !any_whole {
                finding.need = Need::Required;
            }
        }
        findings.extend(join_all(engine.optional_programs().iter().map(examine_optional)).await);
    }
    examined.into_iter().flatten().collect()
}

async fn examine_engine(engine: Engine) -> Vec<Finding> {
    let needed_for = match engine {
        Engine::Chromium => "the engine chromium",
        Engine::Firefox => "the engine firefox",
        Engine::WebKitGtk => "the engine webkitgtk",
    };
    let states = join_all(engine.programs().iter().map(examine_program)).await;
    let mut findings: Vec<Finding> = engine
        .programs()
        .iter()
        .zip(states)
        .map(|(program, state)| Finding { name: program.name, state, needed_for, need: Need::Partly })
        .collect();
    if engine == Engine::Chromium
        && let [browser, driver] = findings.as_mut_slice()
    {
        let seen = driver.state.clone();
        driver.state = match_majors(&browser.state, seen);
    }
    findings
}

async fn examine_optional(program: &Program) -> Finding {
    let state = examine_program(program).await;
    let need = if program.is_named() { Need::Required } else { Need::Partly };
    Finding { name: program.name, state, needed_for: "faster runs on chromium", need }
}

async fn examine_program(program: &Program) -> State {
    let Some(path) = program.find() else {
        return State::missing(program.cure());
    };
    let cure = program.cure();
    match program.name {
        // It says its version only on a display.
        "MiniBrowser" => match on_display(&path, &cure).await {
            Ok(state) => state,
            Err(error) => State::missing(format!("{error:#}; {cure}")),
        },
        // These two have no option that tells it: they are of one build with what is asked.
        "WebKitWebDriver" | "Xvfb" => State::Found { version: "present".to_owned(), path },
        _ => examine_at(path, &cure).await,
    }
}

async fn on_display(path: &Path, cure: &str) -> Result<State> {
    let folder = tempfile::tempdir()?;
    let display = Display::start(folder.path()).await?;
    let mut command = Command::new(path);
    command.arg("--version").envs(display.access().variables()).env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    let state = examine_by(command, path.to_owned(), cure).await;
    display.close().await?;
    Ok(state)
}

/// A driver drives the browser of its own major version only (chromedriver's "version selection").
fn match_majors(chromium: &State, chromedriver: State) -> State {
    let (State::Found { version: browser, .. }, State::Found { version: driver, .. }) = (chromium, &chromedriver)
    else {
        return chromedriver;
    };
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(browser) == major(driver) {
        return chromedriver;
    }
    State::missing(format!(
        "chromedriver {driver} does not drive Chromium {browser}: install both of one version, \
         `apt-get install chromium chromium-driver` on Debian"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(version: &str) -> State {
        State::found(version.to_owned(), Some("/usr/bin/program".into()))
    }

    #[test]
    fn a_driver_of_another_major_version_counts_as_missing() {
        let fits = match_majors(&found("156.0.1"), found("156.0.2"));
        let unfit = match_majors(&found("156.0.1"), found("155.0.1"));

        assert_eq!(fits, found("156.0.2"));
        assert!(
            matches!(&unfit, State::Missing { cure } if cure.contains("155.0.1 does not drive Chromium 156.0.1")),
            "{unfit:?}"
        );
    }
}
