//! One of Ory's servers that runs, whichever way it was started: its addresses, its log, its end.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result};

#[cfg(feature = "docker")]
use super::docker::Container;
use super::process::Process;

/// A running server with a public and an admin API. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "the server ends when this is dropped"]
pub struct Service {
    running: Running,
    name: String,
    log: PathBuf,
    public: SocketAddr,
    admin: SocketAddr,
    admin_inside: u16,
}

/// What it runs as.
#[derive(Debug)]
pub(super) enum Running {
    Process(Box<Process>),
    #[cfg(feature = "docker")]
    Container(Box<Container>),
}

/// How a server ended that nobody had asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    code: Option<i32>,
    text: String,
}

impl Service {
    pub(super) fn new(running: Running, name: &str, log: &Path, public: SocketAddr, admin: SocketAddr) -> Self {
        let admin_inside = admin.port();
        Self { running, name: name.to_owned(), log: log.to_owned(), public, admin, admin_inside }
    }

    /// The same where other servers of the world reach its admin API on another port than the harness.
    #[cfg(feature = "docker")]
    pub(super) fn reached_at(self, admin_inside: u16) -> Self {
        Self { admin_inside, ..self }
    }

    /// The program's name, such as `kratos`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where the harness reaches its public API.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the harness reaches its admin API.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The base URL of its admin API as another server of the world reaches it: they share their addresses.
    pub fn admin_inside(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_inside)
    }

    /// Whether it is what listens on its ports. Another server of the same kind can have taken one of them before it, and
    /// answers as it would.
    pub(super) fn listens(&self) -> bool {
        match &self.running {
            Running::Process(process) => [self.public, self.admin].iter().all(|it| process.listens_on(it.port())),
            // Its ports are the container's own.
            #[cfg(feature = "docker")]
            Running::Container(_) => true,
        }
    }

    /// Whether a signal has stopped it. What an engine has paused is not seen.
    pub fn is_stopped(&self) -> bool {
        match &self.running {
            Running::Process(process) => process.is_stopped(),
            #[cfg(feature = "docker")]
            Running::Container(_) => false,
        }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn exited(&mut self) -> Result<Exit> {
        match &mut self.running {
            Running::Process(process) => Ok(process.exited().await?.into()),
            #[cfg(feature = "docker")]
            Running::Container(container) => container.exited().await,
        }
    }

    /// Ends it and waits until nothing of it is left.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        match self.running {
            Running::Process(process) => process.close().await,
            #[cfg(feature = "docker")]
            Running::Container(container) => container.close().await,
        }
    }

    /// Asks it to end, waits for that, and copies a file out of its folder.
    ///
    /// # Errors
    /// When something of it stays, or there is no such file.
    pub(super) async fn finish_with(self, file: &str, to: &Path) -> Result<()> {
        match self.running {
            Running::Process(process) => {
                let from = self.log.with_file_name(file);
                process.close().await?;
                fs::copy(&from, to).with_context(|| format!("failed to copy `{}`", from.display()))?;
                Ok(())
            }
            #[cfg(feature = "docker")]
            Running::Container(container) => {
                container.stop().await?;
                container.take(file, to).await?;
                container.close().await
            }
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), text: status.to_string() }
    }
}

#[cfg(feature = "docker")]
impl Exit {
    /// The exit code of a container's program, as the engine tells it: 128 and the number after a signal.
    pub(super) fn of_container(code: i64) -> Self {
        let number = i32::try_from(code).ok();
        Self { code: number, text: format!("exit code {code}") }
    }

    /// Whether it is the end of a program that did what it was asked to.
    pub(super) fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// An end of which nothing else is known.
    pub(super) fn unknown(text: &str) -> Self {
        Self { code: None, text: text.to_owned() }
    }
}

impl Exit {
    /// The shortest way to say it: `code 1`, or the signal.
    #[must_use]
    pub fn brief(&self) -> String {
        self.code.map_or_else(|| self.text.clone(), |code| format!("code {code}"))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
