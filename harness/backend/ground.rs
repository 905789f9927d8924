//! Where servers run and how one is started there: written once for each server, started either way.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
#[cfg(feature = "docker")]
use std::sync::Arc;
#[cfg(feature = "docker")]
use std::time::Duration;

use anyhow::{Context, Result};

#[cfg(feature = "docker")]
use super::docker::{Container, Engine, Image, Pod, seat};
use super::estate::Swept;
use super::free_port;
use super::launch::{Ending, Launch, Output};
use super::readiness::{PORT_CHOICES, lost_its_port, ready};
#[cfg(feature = "docker")]
use super::readiness::{READY_LIMIT, answers};
use super::service::{Running, Service};

/// The program of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A binary of this machine, by its whole path.
    Binary(PathBuf),
    /// An image of the engine.
    #[cfg(feature = "docker")]
    Image(Image),
}

impl Program {
    /// The binary.
    ///
    /// # Errors
    /// When it is an image.
    pub(super) fn binary(&self) -> Result<&Path> {
        match self {
            Self::Binary(path) => Ok(path),
            #[cfg(feature = "docker")]
            Self::Image(image) => anyhow::bail!("`{image}` is an image, and a binary of this machine is needed"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(path) => write!(f, "{}", path.display()),
            #[cfg(feature = "docker")]
            Self::Image(image) => write!(f, "{image}"),
        }
    }
}

/// How the servers of a run are started.
#[derive(Debug, Clone)]
pub enum Backend {
    /// As processes of this machine.
    Native,
    /// In containers of an engine.
    #[cfg(feature = "docker")]
    Docker(Box<Engine>),
}

/// Where the servers of one world run.
#[derive(Debug, Clone)]
pub enum Ground {
    /// On this machine, as processes.
    Native,
    /// In containers, on a network of the world's own.
    #[cfg(feature = "docker")]
    Docker(Arc<Pod>, Box<Engine>),
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
    /// The container whose sockets it has, such as that of its database.
    pub sockets: Option<String>,
    /// Where its public and its admin API say that they are ready: on a busy machine one listens later than the other.
    pub health: [&'static str; 2],
    /// How it is ended.
    pub ending: Ending,
}

impl Backend {
    /// The word of the command line and of reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Native => "native",
            #[cfg(feature = "docker")]
            Self::Docker(_) => "docker",
        }
    }

    /// Makes the place for the servers of one world.
    ///
    /// # Errors
    /// When the engine makes no network.
    pub async fn ground(&self) -> Result<Ground> {
        match self {
            Self::Native => Ok(Ground::Native),
            #[cfg(feature = "docker")]
            Self::Docker(engine) => Ok(Ground::Docker(Arc::new(engine.pod().await?), engine.clone())),
        }
    }

    /// Makes the places for so many worlds, before there are browsers: some backends disturb them with it.
    ///
    /// # Errors
    /// When the engine makes no network.
    pub async fn prepare(&self, worlds: usize) -> Result<()> {
        let _ = worlds;
        match self {
            Self::Native => Ok(()),
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.fill(worlds).await,
        }
    }

    /// Removes what runs have left here that were killed, with what could remove it.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn sweep(&self) -> Result<Swept> {
        match self {
            Self::Native => Ok(Swept::default()),
            #[cfg(feature = "docker")]
            Self::Docker(engine) => Ok(engine.sweep_gone().await?.into()),
        }
    }

    /// Ends a run: removes what is still there of it, also of worlds that were given up.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(&self) -> Result<()> {
        match self {
            Self::Native => Ok(()),
            #[cfg(feature = "docker")]
            Self::Docker(engine) => engine.close().await,
        }
    }
}

impl Ground {
    /// The address of this machine at which servers reach the harness.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Native => Ipv4Addr::LOCALHOST.into(),
            #[cfg(feature = "docker")]
            Self::Docker(pod, _) => pod.gateway(),
        }
    }

    /// Where a server finds this folder of ours, once it runs.
    pub fn inside(&self, folder: &Path) -> PathBuf {
        match self {
            Self::Native => folder.to_owned(),
            #[cfg(feature = "docker")]
            Self::Docker(..) => Pod::inside().to_owned(),
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
                    let serving = prepare(seat)?;
                    let health = serving.health;
                    let mut service = native(path, seat, serving)?;
                    match ready(&mut service, &http, health).await {
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
            #[cfg(feature = "docker")]
            (Self::Docker(pod, _), Program::Image(image)) => {
                let (ports, addresses) = pod.seat()?;
                let serving = prepare(seat(ports))?;
                let (name, log, health) = (serving.name, log_of(&serving), serving.health);
                let container = pod.start(image, serving).await?;
                let mut service = contained(container, name, &log, addresses, ports[1]);
                ready(&mut service, &http, health).await?;
                Ok(service)
            }
            #[cfg(feature = "docker")]
            (_, program) => anyhow::bail!("`{program}` cannot be started where this world is"),
        }
    }

    /// Whether the harness's own servers, the interface and the legacy system, run here too, as programs.
    #[must_use]
    pub fn takes_own(&self) -> bool {
        match self {
            Self::Native => false,
            #[cfg(feature = "docker")]
            Self::Docker(pod, _) => pod.takes_own(),
        }
    }

    /// Starts one of the harness's own servers as a program, and waits until it answers. `prepare` is told the port that
    /// the program is to listen on.
    ///
    /// # Errors
    /// When it exits early (its log's own words are quoted) or does not answer in time, or where they run in the harness's
    /// own process.
    pub async fn serve_own(&self, prepare: impl FnOnce(u16) -> Serving) -> Result<Service> {
        match self {
            Self::Native => {
                let _ = prepare;
                anyhow::bail!("there are no containers here")
            }
            #[cfg(feature = "docker")]
            Self::Docker(pod, _) => {
                let ([port], [address]) = pod.seat()?;
                let serving = prepare(port);
                let (name, log) = (serving.name, log_of(&serving));
                let container = pod.start_own(serving).await?;
                let mut service = contained(container, name, &log, [address; 2], port);
                let root = format!("http://{address}/");
                answers(&mut service, &crate::client::plain()?, &root, READY_LIMIT, |_| true).await?;
                Ok(service)
            }
        }
    }

    /// Starts a server that somebody else wrote from its image, and waits until it answers. `prepare` is told the port that
    /// it is to listen on. It shares the addresses of the other servers, but has none of its folder.
    ///
    /// # Errors
    /// When it exits early (its log's own words are quoted) or does not answer in time, or where there are no containers.
    #[cfg(feature = "docker")]
    pub async fn serve_foreign(
        &self,
        image: &Image,
        patience: Duration,
        prepare: impl FnOnce(u16) -> Serving,
    ) -> Result<Service> {
        let Self::Docker(pod, _) = self else {
            anyhow::bail!("`{image}` is an image, and there are no containers here")
        };
        let ([port], [address]) = pod.seat()?;
        let serving = prepare(port);
        let (name, log) = (serving.name, log_of(&serving));
        let container = pod.start_foreign(image, serving).await?;
        let mut service = contained(container, name, &log, [address; 2], port);
        let root = format!("http://{address}/");
        answers(&mut service, &crate::client::plain()?, &root, patience, |_| true).await?;
        Ok(service)
    }

    /// The address that requests of its servers come from.
    ///
    /// # Errors
    /// When the engine does not tell it.
    #[cfg(feature = "docker")]
    pub async fn peer(&self) -> Result<IpAddr> {
        match self {
            Self::Native => Ok(Ipv4Addr::LOCALHOST.into()),
            Self::Docker(pod, _) => pod.address().await,
        }
    }

    /// Ends it when its servers have ended.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        match self {
            Self::Native => Ok(()),
            #[cfg(feature = "docker")]
            Self::Docker(pod, engine) => match Arc::into_inner(pod) {
                Some(pod) => engine.take_back(pod).await,
                // The other holder ends it.
                None => Ok(()),
            },
        }
    }
}

fn native(path: &Path, seat: Seat, serving: Serving) -> Result<Service> {
    let Serving { name, folder, arguments, environment, ending, .. } = serving;
    let log = folder.join(format!("{name}.log"));
    let mut launch = Launch::new(path, &folder, Output::File(log.clone())).args(arguments).ends_by(ending);
    for (variable, value) in environment {
        launch = launch.env(variable, value);
    }
    let process = launch.start()?;
    let at = |port: u16| ([127, 0, 0, 1], port).into();
    Ok(Service::new(Running::Process(Box::new(process)), name, &log, at(seat.public), at(seat.admin)))
}

#[cfg(feature = "docker")]
fn contained(
    container: Container,
    name: &str,
    log: &Path,
    [public, admin]: [std::net::SocketAddr; 2],
    admin_inside: u16,
) -> Service {
    Service::new(Running::Container(Box::new(container)), name, log, public, admin).reached_at(admin_inside)
}

/// The file of a server's log.
#[cfg(feature = "docker")]
fn log_of(serving: &Serving) -> PathBuf {
    serving.folder.join(format!("{}.log", serving.name))
}

/// Copies every file of a folder into another, those of its folders not.
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
