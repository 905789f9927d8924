//! The legacy system of a world: users with hashes of their passwords, the login and consent pages that Hydra sends
//! browsers to, and the endpoint that Kratos's password migration hook asks. It stands for what people migrate from.

mod admin;
mod pages;
mod routes;
mod users;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backend::Service;
use crate::case::{HookAnswer, LegacyUser};
use admin::Admin;
use pages::Pages;
use users::Users;

/// How long [`Legacy::close`] waits for requests that are under way.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// What a legacy system needs to start.
#[derive(Debug, Clone)]
pub struct LegacySettings {
    /// Its users.
    pub users: Vec<LegacyUser>,
    /// What it answers to a question about a password.
    pub hook: HookAnswer,
    /// The base URL of the admin API of the Hydra that stands in front of it, if one does.
    pub hydra: Option<String>,
    /// The folder with the templates and the style sheet.
    pub templates: PathBuf,
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
}

/// A running legacy system. It stops when it is closed or dropped.
#[derive(Debug)]
#[must_use = "the legacy system stops when it is dropped"]
pub struct Legacy {
    addr: SocketAddr,
    server: Server,
}

/// What answers for it.
#[derive(Debug)]
enum Server {
    /// This process.
    Ours {
        // Dropping the sender is the signal to stop, so a dropped `Legacy` stops as well.
        stop: watch::Sender<()>,
        task: JoinHandle<std::io::Result<()>>,
    },
    /// A program in a container.
    Contained(Box<Service>),
}

impl Legacy {
    /// Hashes the passwords, reads the templates and serves.
    ///
    /// # Errors
    /// If a file is missing from the folder, if a template has a mistake, or if the port cannot be bound.
    pub async fn start(settings: LegacySettings) -> Result<Self> {
        let pages = Pages::load(&settings.templates).await?;
        let users = Users::new(&settings.users)?;
        let admin = settings.hydra.map(Admin::new).transpose()?;
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("cannot listen on `{}` for the legacy system", settings.listen))?;
        let addr = listener.local_addr().context("cannot read the port of the legacy system")?;
        let (stop, stopped) = watch::channel(());
        let router = routes::build(pages, users, admin, settings.hook, stopped.clone());
        let task =
            tokio::spawn(
                async move { axum::serve(listener, router).with_graceful_shutdown(routes::end(stopped)).await },
            );
        Ok(Self { addr, server: Server::Ours { stop, task } })
    }

    /// The legacy system as a program that answers already.
    pub(super) fn contained(service: Service) -> Self {
        Self { addr: service.public(), server: Server::Contained(Box::new(service)) }
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening and waits up to two seconds for the requests that are under way.
    ///
    /// # Errors
    /// If the server had failed, or if a request is still under way after two seconds.
    pub async fn close(self) -> Result<()> {
        let Self { addr, server } = self;
        let (stop, mut task) = match server {
            Server::Ours { stop, task } => (stop, task),
            Server::Contained(service) => return service.close().await,
        };
        drop(stop);
        match tokio::time::timeout(CLOSE_DEADLINE, &mut task).await {
            Ok(ended) => ended.context("the legacy system panicked")?.context("the legacy system failed"),
            Err(_) => {
                task.abort();
                Err(anyhow!("the legacy system on `{addr}` still answers a request after {CLOSE_DEADLINE:?}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
