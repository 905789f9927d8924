//! Shell scripts that stand in for programs in the tests of this folder.

use std::{path::Path, process::Command};

/// Writes an executable shell script.
///
/// A child process writes it: were the file open for writing in this process, a program that another
/// test starts at that moment would inherit it, and the system would refuse to run it ("text file busy").
pub(super) fn write(path: &Path, script: &str) -> anyhow::Result<()> {
    let status = Command::new("sh")
        .args(["-c", "printf '%s\\n' '#!/bin/sh' \"$2\" > \"$1\" && chmod +x \"$1\"", "sh"])
        .arg(path)
        .arg(script)
        .status()?;
    anyhow::ensure!(status.success(), "cannot write `{}`", path.display());
    Ok(())
}
