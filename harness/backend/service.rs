//! One of Ory's servers that runs, whichever way it was started: its addresses, its log, its end.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::Result;

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
}

/// What it runs as.
#[derive(Debug)]
pub(super) enum Running {
    Process(Process),
}

/// How a server ended that nobody had asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    code: Option<i32>,
    text: String,
}

impl Service {
    pub(super) fn new(running: Running, name: &str, log: &Path, public: SocketAddr, admin: SocketAddr) -> Self {
        Self { running, name: name.to_owned(), log: log.to_owned(), public, admin }
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

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn exited(&mut self) -> Result<Exit> {
        match &mut self.running {
            Running::Process(process) => Ok(process.exited().await?.into()),
        }
    }

    /// Ends it and waits until nothing of it is left.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        match self.running {
            Running::Process(process) => process.close().await,
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), text: status.to_string() }
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
