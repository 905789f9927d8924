//! The fixture user interface of a world: a small web server that shows Kratos's self-service flows.
//! It is responsible for pages only; what they submit goes from the browser to Kratos.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::case::interface::{Credentials, Expired, Guard, Submit, TenantsBy};

mod pages;
mod place;
mod routes;
mod upstream;

use pages::Pages;
use place::Links;
pub use place::UiTenant;
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

/// A running interface. It stops when it is closed or dropped.
#[derive(Debug)]
#[must_use = "the interface stops when it is dropped"]
pub struct Ui {
    url: Url,
    places: Vec<(String, Links)>,
    addr: SocketAddr,
    // Dropping the sender is the signal to stop, so a dropped `Ui` stops as well.
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Ui {
    /// Reads the templates and serves the interface.
    ///
    /// # Errors
    /// If a file is missing from the folder, if a template has a mistake, or if the port cannot be bound.
    pub async fn start(settings: UiSettings) -> Result<Self> {
        let pages = Pages::load(&settings.templates, settings.submit, settings.guard, settings.credentials).await?;
        let mut places = Vec::new();
        let mut tenants = Vec::new();
        for tenant in settings.tenants {
            let links = Links::new(tenant.route.as_deref(), settings.tenants_by);
            places.push((tenant.name, links.clone()));
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
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    // An error means that the sender is gone, which is the signal too.
                    stopped.await.ok();
                })
                .await
        });
        Ok(Self { url: settings.url, places, addr, stop, server })
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where browsers reach it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of a path of it, which begins with `/`.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("{}{}", self.url.as_str().trim_end_matches('/'), path)
    }

    /// The page that says who is signed in, by the tenant's name; without one that of the first.
    #[must_use]
    pub fn welcome(&self, at: Option<&str>) -> String {
        let links = self.places.iter().find(|(name, _)| at.is_none_or(|at| name == at)).map(|(_, links)| links);
        self.url_of(links.map_or("/welcome", |links| &links.welcome))
    }

    /// What the Kratos of this name at this base URL has to be told of the pages, as its configuration.
    ///
    /// # Errors
    /// When the interface has no pages for it.
    pub fn addresses(&self, name: &str, kratos: &str) -> Result<Value> {
        let links = self.places.iter().find(|(it, _)| it == name).map(|(_, links)| links);
        links.with_context(|| format!("the interface has no pages for `{name}`"))?.addresses(&self.url, kratos)
    }

    /// Stops listening and waits up to two seconds for the requests that are under way.
    ///
    /// # Errors
    /// If the server had failed, or if a request is still under way after two seconds.
    pub async fn close(self) -> Result<()> {
        let Self { addr, stop, mut server, .. } = self;
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
