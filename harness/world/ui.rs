//! The user interface of a world. Ours is a small web server that shows Kratos's self-service flows; it is responsible
//! for pages only, what they submit goes from the browser to Kratos. A program of somebody else may stand in its place.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

#[cfg(feature = "docker")]
use crate::backend::Ground;
#[cfg(feature = "docker")]
use crate::backend::docker::Image;
use crate::backend::{Exit, Process, Service};
use crate::case::interface::{Credentials, Expired, Guard, Submit, TenantsBy};
use crate::edge::BLANK_PATH;

#[cfg(feature = "docker")]
mod image;
mod pages;
mod place;
mod program;
mod routes;
mod upstream;

use pages::Pages;
use place::Links;
pub use place::{Places, UiTenant};
pub use program::{Interface, Told, UiProgram};
use routes::{Site, Tenant};
use upstream::Upstream;

/// How long [`Ui::close`] waits for requests that are under way.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// What an interface needs to start.
#[derive(Debug, Clone)]
pub struct UiSettings {
    /// How it sends a form to Kratos.
    pub submit: Submit,
    /// What it does against a second submit.
    pub guard: Guard,
    /// The folder with the templates, the style sheet and the script.
    pub templates: PathBuf,
    /// What it does with a flow that has expired.
    pub expired: Expired,
    /// Whether its script sends cookies along.
    pub credentials: Credentials,
    /// Where browsers reach it: a scheme, a host and perhaps a port.
    pub url: Url,
    /// Whose flows it shows.
    pub tenants: Vec<UiTenant>,
    /// How it tells them apart, where there are several.
    pub tenants_by: TenantsBy,
    /// The client for the interface's own requests to Kratos. It must not follow redirects.
    pub client: reqwest::Client,
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
}

/// The ways of the fixture interface.
#[derive(Debug, Clone, Copy)]
pub struct UiWays {
    /// How it sends a form to Kratos.
    pub submit: Submit,
    /// What it does against a second submit.
    pub guard: Guard,
    /// What it does with a flow that has expired.
    pub expired: Expired,
    /// Whether its script sends cookies along.
    pub credentials: Credentials,
    /// How it tells tenants apart, where there are several.
    pub tenants_by: TenantsBy,
}

/// A running interface, ours or another. It stops when it is closed or dropped.
#[derive(Debug)]
#[must_use = "the interface stops when it is dropped"]
pub struct Ui {
    places: Places,
    addr: SocketAddr,
    server: Server,
}

/// What answers for an interface.
#[derive(Debug)]
enum Server {
    /// Ours, in this process.
    Ours {
        // Dropping the sender is the signal to stop, so a dropped `Ui` stops as well.
        stop: oneshot::Sender<()>,
        task: JoinHandle<std::io::Result<()>>,
    },
    /// Ours, as a program in a container.
    Contained(Box<Service>),
    /// A program that somebody else wrote.
    Program(Box<Process>),
    /// An image that somebody else made.
    #[cfg(feature = "docker")]
    Image(Box<Service>),
}

impl Ui {
    /// Reads the templates and serves the interface.
    ///
    /// # Errors
    /// If a file is missing from the folder, if a template has a mistake, or if the port cannot be bound.
    pub async fn start(settings: UiSettings) -> Result<Self> {
        let pages = Pages::load(&settings.templates, settings.submit, settings.guard, settings.credentials).await?;
        let names = settings.tenants.iter().map(|tenant| (tenant.name.as_str(), tenant.route.as_deref()));
        let places = Places::new(settings.url, names, settings.tenants_by);
        let mut tenants = Vec::new();
        for tenant in settings.tenants {
            let links = Links::new(tenant.route.as_deref(), settings.tenants_by);
            let upstream =
                Upstream::new(folder_url(tenant.kratos), folder_url(tenant.asked_at), settings.client.clone());
            tenants.push(Tenant { route: tenant.route, links, upstream });
        }
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("cannot listen on `{}` for the fixture interface", settings.listen))?;
        let addr = listener.local_addr().context("cannot read the port of the fixture interface")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = routes::build(Site { pages, tenants, submit: settings.submit, expired: settings.expired });
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    // An error means that the sender is gone, which is the signal too.
                    stopped.await.ok();
                })
                .await
        });
        Ok(Self { places, addr, server: Server::Ours { stop, task } })
    }

    /// Starts the program of another interface, and waits until it answers.
    ///
    /// # Errors
    /// [`crate::backend::Missing`] when it ends early or does not answer in time, with its own last words.
    pub async fn start_program(program: &UiProgram, told: &Told, log: &Path, places: Places) -> Result<Self> {
        let (process, addr) = program::start(program, told, log).await?;
        Ok(Self { places, addr, server: Server::Program(Box::new(process)) })
    }

    /// Starts the image of another interface where the other servers of the world are, and waits until it answers.
    ///
    /// # Errors
    /// [`crate::backend::Missing`] when it ends early or does not answer in time, with its own last words.
    #[cfg(feature = "docker")]
    pub async fn start_image(
        image: &Image,
        told: &Told,
        ground: &Ground,
        folder: &Path,
        places: Places,
    ) -> Result<Self> {
        let service = image::start(image, told, ground, folder).await?;
        Ok(Self { places, addr: service.public(), server: Server::Image(Box::new(service)) })
    }

    /// The fixture interface as a program that answers already.
    pub(super) fn contained(service: Service, places: Places) -> Self {
        Self { places, addr: service.public(), server: Server::Contained(Box::new(service)) }
    }

    /// Whether it is the fixture interface.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.server, Server::Ours { .. } | Server::Contained(_))
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its pages stand.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Where browsers reach it.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.places.url()
    }

    /// The URL of a path of it, which begins with `/`.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        self.places.url_of(path)
    }

    /// The page that says who is signed in, by the tenant's name; without one that of the first.
    #[must_use]
    pub fn welcome(&self, at: Option<&str>) -> String {
        self.places.welcome(at)
    }

    /// A page of its host on which no flow begins. Of a page that somebody else wrote that is not known, so the edge's
    /// own empty one stands for it.
    #[must_use]
    pub fn quiet_page(&self) -> String {
        if self.is_ours() { self.welcome(None) } else { self.url_of(BLANK_PATH) }
    }

    /// What it has written so far, where it is a program.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<Option<String>> {
        let path = match &self.server {
            Server::Ours { .. } | Server::Contained(_) => return Ok(None),
            Server::Program(process) => process.log(),
            #[cfg(feature = "docker")]
            Server::Image(service) => service.log(),
        };
        let log = std::fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        Ok(Some(String::from_utf8_lossy(&log).into_owned()))
    }

    /// Whether its program has ended by itself, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<Exit> {
        let exited = async {
            match &mut self.server {
                Server::Ours { .. } => None,
                Server::Contained(service) => service.exited().await.ok(),
                #[cfg(feature = "docker")]
                Server::Image(service) => service.exited().await.ok(),
                Server::Program(process) => process.exited().await.ok().map(Exit::from),
            }
        };
        tokio::time::timeout(limit, exited).await.ok()?
    }

    /// Stops it. Ours waits up to two seconds for the requests that are under way.
    ///
    /// # Errors
    /// If the server had failed, if a request is still under way after two seconds, or if something of a program stays.
    pub async fn close(self) -> Result<()> {
        let addr = self.addr;
        let (stop, mut task) = match self.server {
            Server::Ours { stop, task } => (stop, task),
            Server::Contained(service) => return service.close().await,
            #[cfg(feature = "docker")]
            Server::Image(service) => return service.close().await,
            Server::Program(process) => return process.close().await,
        };
        drop(stop);
        match tokio::time::timeout(CLOSE_DEADLINE, &mut task).await {
            Ok(ended) => ended.context("the fixture interface panicked")?.context("the fixture interface failed"),
            Err(_) => {
                task.abort();
                Err(anyhow!("the fixture interface on `{addr}` still answers a request after {CLOSE_DEADLINE:?}"))
            }
        }
    }
}

/// Gives a base URL the closing slash without which `Url::join` would drop its last segment.
fn folder_url(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

#[cfg(test)]
mod tests;
