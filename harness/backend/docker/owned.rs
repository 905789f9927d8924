//! What the engine has of an owner: containers, networks and volumes, by the label that says whose they are.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::engine::{Engine, RUN, gone};
use crate::backend::estate::Owner;
use crate::wait::wait_until;

/// How long nothing may have appeared until nothing more comes: a request may still be under way in the engine.
const QUIET: Duration = Duration::from_millis(1500);

/// How long all may take to be removed.
const LIMIT: Duration = Duration::from_secs(30);

const EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Network,
    Volume,
}

/// Something in the engine that has an owner.
#[derive(Debug)]
struct Owned {
    kind: Kind,
    id: String,
    name: String,
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Container => "container",
            Kind::Network => "network",
            Kind::Volume => "volume",
        };
        write!(f, "{kind} {}", self.name)
    }
}

impl Engine {
    /// Makes sure that nothing of this run is in the engine any more.
    ///
    /// # Errors
    /// When something is, which is named.
    pub(super) async fn ensure_nothing_is_left(&self) -> Result<()> {
        let left = self.owned(|it| it == self.owner()).await?;
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = left.iter().map(Owned::to_string).collect();
        bail!("left behind in the engine:\n  {}", names.join("\n  "))
    }

    /// Removes what these owners have left in the engine, also what the engine is still making for them, and gives the
    /// names. Where nothing is left, it takes one look.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn sweep_owned(&self, is_meant: impl Fn(&Owner) -> bool) -> Result<Vec<String>> {
        if self.owned(&is_meant).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.sweep_until_quiet(is_meant).await
    }

    /// Removes what an owner leaves that has just been ended, also what the engine is still making for it.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn sweep_ended(&self, owner: &Owner) -> Result<()> {
        self.sweep_until_quiet(|it| it == owner).await.map(|_| ())
    }

    async fn sweep_until_quiet(&self, is_meant: impl Fn(&Owner) -> bool) -> Result<Vec<String>> {
        let swept = Mutex::new((Instant::now(), BTreeSet::new()));
        wait_until("an engine that makes no more of it", LIMIT, EVERY, || async {
            let left = match self.owned(&is_meant).await {
                Ok(left) => left,
                Err(error) => return Ok(Err(error)),
            };
            // A network cannot go before its containers have; what fails now is tried again.
            let removed = self.remove_all(&left).await;
            let mut swept = swept.lock().unwrap_or_else(PoisonError::into_inner);
            let (seen, names) = &mut *swept;
            if left.is_empty() {
                return if seen.elapsed() < QUIET { Err("nothing more, not for long".to_owned()) } else { Ok(Ok(())) };
            }
            names.extend(left.iter().map(Owned::to_string));
            // The removal takes a busy engine seconds, in which more may have appeared.
            *seen = Instant::now();
            Err(removed.map_or_else(|error| format!("{error:#}"), |()| format!("{} were there", left.len())))
        })
        .await??;
        let (_, names) = swept.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(names.into_iter().collect())
    }

    /// Removes all of these, containers first: they hold the rest.
    async fn remove_all(&self, all: &[Owned]) -> Result<()> {
        for kind in [Kind::Container, Kind::Network, Kind::Volume] {
            let removed = all.iter().filter(|it| it.kind == kind).map(|one| self.remove_one(one));
            join_all(removed).await.into_iter().collect::<Result<()>>()?;
        }
        Ok(())
    }

    async fn remove_one(&self, one: &Owned) -> Result<()> {
        let removed = match one.kind {
            Kind::Container => self.remove(&one.id).await,
            Kind::Network => gone(self.api().remove_network(&one.id).await).context("the engine refuses"),
            Kind::Volume => {
                let options = RemoveVolumeOptionsBuilder::new().force(true).build();
                gone(self.api().remove_volume(&one.id, Some(options)).await).context("the engine refuses")
            }
        };
        removed.with_context(|| format!("failed to remove the {one}"))
    }

    /// What is there of these owners.
    async fn owned(&self, is_meant: impl Fn(&Owner) -> bool) -> Result<Vec<Owned>> {
        let filters = HashMap::from([("label".to_owned(), vec![RUN.to_owned()])]);
        let meant = |labels: Option<HashMap<String, String>>| {
            let owner = labels.and_then(|labels| labels.get(RUN)?.parse().ok());
            owner.is_some_and(|owner| is_meant(&owner))
        };
        let mut all = Vec::new();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = self.api().list_containers(Some(options)).await.context("failed to list containers")?;
        for container in containers.into_iter().filter(|it| meant(it.labels.clone())) {
            let id = container.id.context("a container has no id")?;
            let name = format!("{} ({})", id.get(..12).unwrap_or(&id), container.image.unwrap_or_default());
            all.push(Owned { kind: Kind::Container, id, name });
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self.api().list_networks(Some(options)).await.context("failed to list networks")?;
        for network in networks.into_iter().filter(|it| meant(it.labels.clone())) {
            let id = network.id.context("a network has no id")?;
            all.push(Owned { kind: Kind::Network, id, name: network.name.unwrap_or_default() });
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = self.api().list_volumes(Some(options)).await.context("failed to list volumes")?;
        for volume in volumes.volumes.unwrap_or_default().into_iter().filter(|it| meant(Some(it.labels.clone()))) {
            all.push(Owned { kind: Kind::Volume, id: volume.name.clone(), name: volume.name });
        }
        Ok(all)
    }
}
