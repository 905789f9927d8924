//! The programs of a Postgres that is installed, and as whom they run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::{Gid, Uid, User};
use tokio::process::Command;

use crate::backend::child::{self, find_program, is_executable};
use crate::backend::missing::Missing;

/// The variable that names the folder of the programs.
const VARIABLE: &str = "KRATOS_REPRO_POSTGRES_PROGRAMS";

/// How it comes to this machine.
const CURE: &str =
    "run `scripts/setup --postgres`, or set KRATOS_REPRO_POSTGRES_PROGRAMS to the folder of its programs";

/// Where Debian keeps them, by major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// What is needed of it.
const NEEDED: [&str; 3] = ["postgres", "initdb", "psql"];

/// How long it may take to tell its version.
const LIMIT: Duration = Duration::from_secs(10);

/// The programs of one Postgres.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
    version: String,
    account: Option<Account>,
}

/// Somebody who is not root: Postgres refuses to run as root (`check_root` of `src/backend/main/main.c`).
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

impl Programs {
    /// Finds them: in the folder that the variable names, else the newest that Debian has installed, else on the `PATH`.
    ///
    /// # Errors
    /// [`Missing`] if there are none, if they are of another program, or if root cannot start them as somebody else.
    pub async fn find() -> Result<Self> {
        match std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => Self::at(Path::new(&folder)).await,
            None => {
                let folder = newest(Path::new(DEBIAN)).or_else(on_path);
                Self::at(&folder.ok_or_else(|| Missing::new("Postgres is not installed", CURE))?).await
            }
        }
    }

    /// Those in a folder.
    ///
    /// # Errors
    /// [`Missing`] as for [`Programs::find`].
    pub async fn at(folder: &Path) -> Result<Self> {
        if let Some(name) = NEEDED.into_iter().find(|name| !is_executable(&folder.join(name))) {
            let what = format!("there is no program `{}`", folder.join(name).display());
            bail!(Missing::new(what, CURE));
        }
        let postgres = folder.join(NEEDED[0]);
        let mut command = Command::new(&postgres);
        command.arg("--version").env_clear();
        let said = child::answer(&mut command, LIMIT).await.map(|answer| answer.stdout).unwrap_or_default();
        let Some(version) = version_in(&said) else {
            bail!(Missing::new(format!("`{}` is no Postgres", postgres.display()), CURE));
        };
        let account = if Uid::effective().is_root() { Some(Account::find()?) } else { None };
        Ok(Self { folder: folder.to_owned(), version: version.to_owned(), account })
    }

    /// The version, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn psql(&self) -> PathBuf {
        self.folder.join("psql")
    }

    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// The command line that runs one of them, as somebody else where this is root: program and arguments.
    pub(super) fn line<'a>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = &'a OsStr>,
    ) -> (PathBuf, Vec<OsString>) {
        let program = self.folder.join(name);
        let arguments = arguments.into_iter().map(OsStr::to_owned);
        match &self.account {
            None => (program, arguments.collect()),
            Some(account) => {
                let somebody = [
                    OsString::from(format!("--reuid={}", account.uid)),
                    OsString::from(format!("--regid={}", account.gid)),
                    OsString::from("--clear-groups"),
                    program.into_os_string(),
                ];
                (PathBuf::from(SETPRIV), somebody.into_iter().chain(arguments).collect())
            }
        }
    }
}

/// Becomes somebody else and runs a program in the same process (util-linux, on every Debian).
const SETPRIV: &str = "/usr/bin/setpriv";

impl Account {
    /// The user of Debian's package, else the one who owns nothing.
    fn find() -> Result<Self> {
        if !is_executable(Path::new(SETPRIV)) {
            bail!(Missing::new(
                format!("Postgres does not run as root, and there is no `{SETPRIV}` to start it as somebody else"),
                "install util-linux, or run as another user"
            ));
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name).with_context(|| format!("failed to look up the user `{name}`"))? {
                return Ok(Self { name: name.to_owned(), uid: user.uid, gid: user.gid });
            }
        }
        bail!(Missing::new("Postgres does not run as root, and there is no user `postgres`", CURE))
    }
}

/// The newest folder of programs among those by major version.
fn newest(versions: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(versions).ok()?.flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| is_executable(&folder.join(NEEDED[0])))
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

fn on_path() -> Option<PathBuf> {
    find_program("postgres")?.canonicalize().ok()?.parent().map(Path::to_owned)
}

/// The version in what it says of itself: `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn version_in(said: &str) -> Option<&str> {
    said.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rstest::rstest;

    use super::*;
    use crate::backend::fake_program;

    #[rstest]
    #[case::debian("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some("15.18"))]
    #[case::bare("postgres (PostgreSQL) 17rc1\n", Some("17rc1"))]
    #[case::its_client("psql (PostgreSQL) 15.18\n", None)]
    #[case::another("GNU coreutils 9.1\n", None)]
    fn only_a_server_says_its_version(#[case] said: &str, #[case] version: Option<&str>) {
        assert_eq!(version_in(said), version);
    }

    #[test]
    fn the_newest_that_has_a_server_is_taken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for version in ["9", "15", "17"] {
            fs::create_dir_all(folder.path().join(version).join("bin"))?;
        }
        for version in ["9", "15"] {
            fake_program::write(&folder.path().join(version).join("bin/postgres"), "true")?;
        }

        assert_eq!(newest(folder.path()), Some(folder.path().join("15/bin")));
        Ok(())
    }

    #[tokio::test]
    async fn another_program_of_the_name_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for name in NEEDED {
            fake_program::write(&folder.path().join(name), "echo 'another 1.0'")?;
        }

        let error = Programs::at(folder.path()).await.err();

        let missing = error.as_ref().and_then(|error| error.downcast_ref::<Missing>());
        assert!(missing.is_some_and(|missing| missing.to_string().contains("is no Postgres")), "{error:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_folder_without_all_of_it_is_refused_by_the_name_of_what_lacks() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fake_program::write(&folder.path().join("postgres"), "echo 'postgres (PostgreSQL) 15.18'")?;

        let error = Programs::at(folder.path()).await.err();

        let missing = error.as_ref().and_then(|error| error.downcast_ref::<Missing>());
        assert!(missing.is_some_and(|missing| missing.to_string().contains("/initdb`")), "{error:?}");
        Ok(())
    }
}
