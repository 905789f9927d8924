//! Where things lie, and how text reaches the person who asked.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::backend::estate::{self, Estate, Swept};
use crate::backend::{Missing, network};
use crate::report::terminal::Colour;
use crate::world::LONGEST_FOLDER;

/// The folder `fixtures`: by its variable, else that of the source tree which the program was built from.
///
/// # Errors
/// When there is no such folder.
pub(super) fn fixtures() -> Result<PathBuf> {
    let folder = std::env::var_os("KRATOS_REPRO_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures"), PathBuf::from);
    if !folder.join("claims.yaml").is_file() {
        let what = format!("`{}` is no folder of fixtures", folder.display());
        return Err(Missing::new(what, "set KRATOS_REPRO_FIXTURES to the folder `fixtures` of the source tree").into());
    }
    Ok(folder)
}

/// Where runs go unless told otherwise.
pub(super) fn runs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/kratos-repro")
}

/// What this run has in the machine: its temporary files are all below the folder of it. What runs have left that were
/// killed goes first, which is said.
///
/// # Errors
/// When there is no place for it.
pub(super) async fn estate() -> Result<Estate> {
    let place = std::env::temp_dir();
    // What entered a network of its own has swept before, while it saw all processes.
    if !network::is_own() {
        say_swept(Ok(estate::sweep(&place).await));
    }
    let estate = Estate::open(&place).await?;
    if estate.folder().as_os_str().len() > LONGEST_FOLDER {
        let what = format!("`{}` is too long a path for the sockets of browsers", estate.folder().display());
        return Err(Missing::new(what, "TMPDIR names a place with a shorter path").into());
    }
    // It is the first, and one alone can be told.
    let _ = tempfile::env::override_temp_dir(estate.folder());
    Ok(estate)
}

/// Says what was removed. What could not be is no reason not to run.
pub(super) fn say_swept(swept: Result<Swept>) {
    match swept {
        Ok(swept) => {
            if !swept.is_empty() {
                say(&swept.to_string());
            }
            for stays in swept.stays() {
                say(&format!("what a run that was killed had left stays: {stays}"));
            }
        }
        Err(error) => say(&format!("what a run that was killed had left cannot be removed: {error:#}")),
    }
}

/// Colour on what is a terminal, unless `NO_COLOR` is set (no-color.org).
pub(super) fn colour(stream: &impl IsTerminal) -> Colour {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    if stream.is_terminal() && !plain { Colour::Always } else { Colour::Never }
}

/// Tells something on standard error. Nobody may be there to read it, as when the terminal was closed: no error.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a result to standard output. A reader that has gone away is no error.
///
/// # Errors
/// When it cannot be written.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("failed to write to standard output"),
    }
}
