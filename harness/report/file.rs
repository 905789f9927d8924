//! The files of a run's folder: `results.json`, and the two reports that are made from it.

use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::history::History;
use super::html::html_with;
use super::junit;
use crate::trial::RunOutcome;

/// The run as data.
const RESULTS: &str = "results.json";

/// Writes `results.json`, `junit.xml` and `report.html` into the folder, which is created when it is not there.
/// Each is replaced as a whole or not at all.
///
/// # Errors
///
/// An error names the file that could not be written, such as on a full disk or a read-only folder. The data is
/// written first: a report that fails can be made again from it.
pub fn write(run: &RunOutcome, folder: &Path) -> anyhow::Result<()> {
    write_with(run, folder, None)
}

/// The same with what earlier runs came to, which the history has beside this one.
///
/// # Errors
///
/// As [`write()`].
pub fn write_with(run: &RunOutcome, folder: &Path, history: Option<&History>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let mut results = serde_json::to_string_pretty(run).context("cannot turn the run into JSON")?;
    results.push('\n');
    replace(folder, RESULTS, &results)?;
    write_pages(run, folder, history)
}

/// The same without the data, for a report that is not what its `results.json` is.
///
/// # Errors
///
/// As [`write()`].
pub fn write_pages(run: &RunOutcome, folder: &Path, history: Option<&History>) -> anyhow::Result<()> {
    replace(folder, "junit.xml", &junit(run)?)?;
    replace(folder, "report.html", &html_with(run, folder, history)?)
}

/// Reads the run whose `results.json` is in the folder.
///
/// # Errors
///
/// An error says which folder holds no `results.json`, or at which line the file is not what a run writes.
pub fn read(folder: &Path) -> anyhow::Result<RunOutcome> {
    let path = folder.join(RESULTS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let folder = folder.display();
            return Err(anyhow::anyhow!("no `{RESULTS}` in `{folder}` (hint: name the folder of one run)"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    serde_json::from_str(&text).with_context(|| {
        format!("`{}` is not a run's result (hint: was it written by another version?)", path.display())
    })
}

/// Writes beside the file and renames, so that a reader sees the old file or the new one.
pub(super) fn replace(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    let write = || -> std::io::Result<()> {
        // A temporary file is private by default; a report is read by others, so the user's mask decides.
        let mode = Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new().prefix(".").suffix(name).permissions(mode).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_written_is_read_back() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let run = sample::run();

        write(&run, &folder.path().join("out/run"))?;

        assert_eq!(read(&folder.path().join("out/run"))?, run);
        let mut names: Vec<_> = std::fs::read_dir(folder.path().join("out/run"))?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()?;
        names.sort();
        assert_eq!(names, ["junit.xml", "report.html", "results.json"], "nothing else is left behind");
        Ok(())
    }

    #[test]
    fn a_folder_without_a_run_is_named() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;

        let Err(error) = read(folder.path()) else { anyhow::bail!("an empty folder was read") };

        assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_run_says_at_which_line() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(RESULTS), "{\n\"run\": oops\n}")?;

        let Err(error) = read(folder.path()) else { anyhow::bail!("broken JSON was read") };

        assert!(format!("{error:#}").contains("line 2"), "{error:#}");
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("junit.xml"))?;

        let Err(error) = write(&sample::run(), folder.path()) else { anyhow::bail!("a folder was replaced") };

        assert!(error.to_string().contains("junit.xml"), "{error:#}");
        assert!(folder.path().join(RESULTS).exists(), "the data is written first");
        Ok(())
    }
}
