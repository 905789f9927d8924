//! The container engine of this machine, and what one run of the harness has in it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::future::join_all;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use url::{Host, Url};

use super::image::Image;
use super::pod::Pod;
use crate::backend::Missing;
use crate::backend::estate::Owner;
use crate::wait::wait_until;

/// How long an engine may take to say that it is there; it takes 1 ms.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// How long it may take to say its version, or once it is busy that it is there: Podman asks several programs for theirs, for
/// 1.9 s on a busy machine.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// How long what is under way may take to end, and what is to be removed to be gone, together.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// The label that all of a run has: its value is the run's owner.
pub(super) const RUN: &str = "kratos-repro.run";

/// What starts or repairs an engine.
const CURE: &str = "`scripts/setup --docker` installs and starts one; DOCKER_HOST names another";

/// An engine that has answered, and the run that uses it.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    place: Option<String>,
    own: Option<Image>,
    version: String,
    owner: Owner,
    busy: Arc<RwLock<()>>,
    /// The networks of worlds that have not begun or have ended.
    pub(super) pods: Arc<Mutex<Vec<Pod>>>,
}

/// Something is being made or removed in the engine. The run's end waits for it.
pub(super) type Lease = OwnedRwLockReadGuard<()>;

impl Engine {
    /// Finds the engine that `DOCKER_HOST` names, else one at the usual sockets, and makes sure that it answers.
    ///
    /// # Errors
    /// When there is none, when it does not answer within a second, when it is no engine, or when it is on another
    /// machine, whose containers do not reach the edge.
    pub async fn find() -> Result<Self, Missing> {
        let place = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let missing = |why: String| {
            let place = place.as_deref().map_or("here".to_owned(), |host| format!("at `{host}`"));
            Missing::new(format!("no container engine answers {place}: {why}"), CURE)
        };
        if let Some(host) = place.as_deref().and_then(elsewhere) {
            return Err(missing(format!("`{host}` is another machine, whose containers do not reach this one's edge")));
        }
        let docker = docker_client_instance().await.map_err(|error| missing(words(&error)))?;
        within(ANSWER_LIMIT, docker.ping()).await.map_err(&missing)?;
        let version = within(VERSION_LIMIT, docker.version()).await.map_err(&missing)?;
        let name = version.components.and_then(|all| all.into_iter().next()).map(|first| first.name);
        let number = version.version.ok_or_else(|| missing("what answers is no engine".to_owned()))?;
        // Docker's own calls itself `Engine`.
        let name = name.filter(|name| name != "Engine").unwrap_or_else(|| "Docker Engine".to_owned());
        let version = format!("{name} {number}");
        let owner = Owner::this().map_err(|error| missing(format!("whose containers would they be? {error}")))?;
        Ok(Self { docker, place, own: None, version, owner, busy: Arc::default(), pods: Arc::default() })
    }

    /// The same with the harness's own servers in containers of this image.
    #[must_use]
    pub fn with_own(self, image: Image) -> Self {
        Self { own: Some(image), ..self }
    }

    /// The image of the harness, if its own servers run in containers too.
    #[must_use]
    pub fn own(&self) -> Option<&Image> {
        self.own.as_ref()
    }

    /// What it calls itself, with its version, such as `Docker Engine 20.10.24`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it was found, as far as that was said.
    #[must_use]
    pub fn place(&self) -> &str {
        self.place.as_deref().unwrap_or("its usual socket")
    }

    /// The API.
    pub(super) fn api(&self) -> &Docker {
        &self.docker
    }

    /// The label that all of the run has.
    pub(super) fn label(&self) -> (&'static str, String) {
        (RUN, self.owner.to_string())
    }

    /// Whose it all is.
    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// To be held while something is made or removed.
    pub(super) async fn lease(&self) -> Lease {
        Arc::clone(&self.busy).read_owned().await
    }

    /// Removes every container and network of the run, also what a start that was given up has left half-made.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(&self) -> Result<()> {
        // One that is away is not waited for: the reaper does that.
        let answers = within(VERSION_LIMIT, self.docker.ping()).await;
        answers.map_err(|why| anyhow!("the engine answers no more: {why}"))?;
        drop(std::mem::take(&mut *self.pods.lock().unwrap_or_else(PoisonError::into_inner)));
        let under_way = tokio::time::timeout(CLOSE_LIMIT, self.busy.write()).await;
        let _all = under_way.context("the engine is still busy with what the run had asked for")?;
        self.sweep(RUN, &self.owner.to_string()).await?;
        self.ensure_nothing_is_left().await
    }

    /// Removes every container and network with this label.
    pub(super) async fn sweep(&self, label: &str, value: &str) -> Result<()> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])]);
        wait_until("the end of the run's containers", CLOSE_LIMIT, Duration::from_millis(20), || async {
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let listed = self.docker.list_containers(Some(options)).await.map_err(|error| words(&error))?;
            let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
            let removed = join_all(ids.iter().map(|id| self.remove(id))).await;
            match removed.into_iter().find_map(Result::err) {
                Some(error) => Err(format!("{error:#}")),
                None if ids.is_empty() => Ok(()),
                None => Err(format!("{} were there", ids.len())),
            }
        })
        .await?;
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks =
            self.docker.list_networks(Some(options)).await.context("failed to list the engine's networks")?;
        for id in networks.into_iter().filter_map(|network| network.id) {
            gone(self.docker.remove_network(&id).await).context("failed to remove a world's network")?;
        }
        Ok(())
    }

    /// Kills a container and removes it with what it wrote; one that is gone already is as good.
    pub(super) async fn remove(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        gone(self.docker.remove_container(id, Some(options)).await).context("failed to remove a container")
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("version", &self.version).field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// A name that nobody else has: it becomes part of URLs, so letters and digits only.
pub(super) fn chance() -> String {
    // Each `RandomState` has keys of its own, seeded by the operating system.
    let bits = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:x}x{:016x}", std::process::id(), bits())
}

/// What the engine answers within a limit, or what came of it in words.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| words(&error)),
        Err(_) => Err(format!("it says nothing within {} ms", limit.as_millis())),
    }
}

/// An error with its causes, each said once: the client's errors repeat theirs.
pub(super) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// That a thing is not there any more, or is on its way, is what was wanted (404 and 409 of the engine's API).
pub(super) fn gone(removed: Result<(), Error>) -> Result<(), Error> {
    match removed {
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        removed => removed,
    }
}

/// The host of an engine's address, if it is not this machine.
fn elsewhere(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| ["tcp", "http", "https", "ssh"].contains(&url.scheme()))?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback() || address.is_unspecified(),
        Host::Ipv6(address) => address.is_loopback() || address.is_unspecified(),
    };
    // Of schemes that it does not know `url` takes the host for a name, whatever it looks like.
    let host = url.host_str()?;
    let here = here || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    (!here).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::elsewhere;

    #[rstest]
    #[case::socket("unix:///var/run/docker.sock", None)]
    #[case::loopback("tcp://127.0.0.1:2375", None)]
    #[case::localhost("tcp://localhost:2375", None)]
    #[case::another("tcp://192.0.2.7:2376", Some("192.0.2.7"))]
    #[case::by_ssh("ssh://ada@build.example.test", Some("build.example.test"))]
    #[case::of_a_kind_that_there_is_not("carrier-pigeon://loft", None)]
    #[case::nothing("nonsense", None)]
    fn another_machine_is_told_by_its_address(#[case] address: &str, #[case] host: Option<&str>) {
        assert_eq!(elsewhere(address).as_deref(), host);
    }
}
