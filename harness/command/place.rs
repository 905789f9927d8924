//! Where things lie, and how text reaches the person who asked.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::backend::Missing;
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

/// A folder for the files of worlds, gone when it is dropped.
///
/// # Errors
/// When it cannot be made.
pub(super) fn worlds() -> Result<tempfile::TempDir> {
    let made = tempfile::Builder::new().prefix("kratos-repro-").tempdir();
    let folder = made.map_err(|error| {
        Missing::new(format!("a folder for the worlds cannot be made: {error}"), "TMPDIR names another place")
    })?;
    if folder.path().as_os_str().len() > LONGEST_FOLDER {
        let what = format!("`{}` is too long a path for the sockets of browsers", folder.path().display());
        return Err(Missing::new(what, "TMPDIR names a place with a shorter path").into());
    }
    Ok(folder)
}

/// Colour for a terminal, unless `NO_COLOR` is set (no-color.org).
pub(super) fn colour() -> Colour {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    if std::io::stdout().is_terminal() && !plain { Colour::Always } else { Colour::Never }
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
