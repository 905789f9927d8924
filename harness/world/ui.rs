//! The fixture user interface of a world: a small web server that shows Kratos's self-service flows.
//! It is responsible for pages only; what they submit goes from the browser to Kratos.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::case::interface::{Guard, Submit};

mod pages;
mod routes;
mod upstream;

use pages::Pages;
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
    /// Kratos's public base URL as browsers see it.
    pub kratos: Url,
    /// The client for the interface's own requests to Kratos. It must not follow redirects.
    pub client: reqwest::Client,
}

/// A running interface. It stops when it is closed or dropped.
#[derive(Debug)]
#[must_use = "the interface stops when it is dropped"]
pub struct Ui {
    addr: SocketAddr,
    // Dropping the sender is the signal to stop, so a dropped `Ui` stops as well.
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Ui {
    /// Reads the templates and serves the interface on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If a file is missing from the folder, if a template has a mistake, or if no port can be bound.
    pub async fn start(settings: UiSettings) -> Result<Self> {
        let kratos = folder_url(settings.kratos);
        let pages = Pages::load(&settings.templates, settings.submit, settings.guard, &kratos).await?;
        let upstream = Upstream::new(kratos, settings.client);
        let listener =
            TcpListener::bind("127.0.0.1:0").await.context("cannot bind a port for the fixture interface")?;
        let addr = listener.local_addr().context("cannot read the port of the fixture interface")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = routes::build(pages, upstream, settings.submit);
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    // An error means that the sender is gone, which is the signal too.
                    stopped.await.ok();
                })
                .await
        });
        Ok(Self { addr, stop, server })
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
        let Self { addr, stop, mut server } = self;
        drop(stop);
        match tokio::time::timeout(CLOSE_DEADLINE, &mut server).await {
            Ok(ended) => ended.context("the fixture interface panicked")?.context("the fixture interface failed"),
            Err(_) => {
                server.abort();
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
