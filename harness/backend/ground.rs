//! Where servers run and how one is started there: written once for each server, started either way.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::free_port;
use super::launch::{Ending, Launch, Output};
use super::readiness::{PORT_CHOICES, lost_its_port, ready};
use super::service::{Running, Service};

/// The program of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A binary of this machine, by its whole path.
    Binary(PathBuf),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where the servers of one world run.
#[derive(Debug, Clone)]
pub enum Ground {
    /// On this machine, as processes.
    Native,
}

/// Where a server listens, as its own configuration has to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The address.
    pub host: &'static str,
    /// The port of its public API.
    pub public: u16,
    /// The port of its admin API.
    pub admin: u16,
}

/// A server to be started. Everything that it reads lies in its folder, which is its working folder too, so what its
/// configuration and its arguments say of files is relative to that. Its environment is empty but for what is set here.
#[derive(Debug)]
pub struct Serving {
    /// Its name; its log is the file `<name>.log` of the folder.
    pub name: &'static str,
    /// The folder, on this machine.
    pub folder: PathBuf,
    /// What the program is called with.
    pub arguments: Vec<OsString>,
    /// Its environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// How it is ended.
    pub ending: Ending,
}

impl Ground {
    /// Where a server finds this folder of ours, once it runs.
    pub fn inside(&self, folder: &Path) -> PathBuf {
        match self {
            Self::Native => folder.to_owned(),
        }
    }

    /// Starts a server and waits until it is ready. `prepare` writes the configuration for the place that the server is
    /// given; it is called again with another one when a program was quicker to take a port, which says nothing about
    /// the server.
    ///
    /// # Errors
    /// When the server refuses its configuration (the keys are named), exits early (its log's own words are quoted) or
    /// is not ready in time.
    pub async fn serve(&self, program: &Program, mut prepare: impl FnMut(Seat) -> Result<Serving>) -> Result<Service> {
        let http = crate::client::plain()?;
        match (self, program) {
            (Self::Native, Program::Binary(path)) => {
                let mut choices = 0;
                loop {
                    choices += 1;
                    let seat = Seat { host: "127.0.0.1", public: free_port()?, admin: free_port()? };
                    let mut service = native(path, seat, prepare(seat)?)?;
                    match ready(&mut service, &http).await {
                        Ok(()) => return Ok(service),
                        Err(error) if choices < PORT_CHOICES && lost_its_port(&error) => {
                            let log = service.log().to_owned();
                            service.close().await?;
                            let _ = fs::remove_file(log);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}

fn native(path: &Path, seat: Seat, serving: Serving) -> Result<Service> {
    let Serving { name, folder, arguments, environment, ending } = serving;
    let log = folder.join(format!("{name}.log"));
    let mut launch = Launch::new(path, &folder, Output::File(log.clone())).args(arguments).ends_by(ending);
    for (variable, value) in environment {
        launch = launch.env(variable, value);
    }
    let process = launch.start()?;
    let at = |port: u16| ([127, 0, 0, 1], port).into();
    Ok(Service::new(Running::Process(process), name, &log, at(seat.public), at(seat.admin)))
}

/// Copies every file of a folder, which has no folders in it, into another.
///
/// # Errors
/// When one cannot be copied; the error names the folder.
pub fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().with_context(|| format!("failed to copy the files of `{}`", from.display()))
}
