//! What the engine has of an owner: containers, networks and volumes, by the label that says whose they are.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use testcontainers::bollard::models::ContainerSummaryStateEnum as State;
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
    owner: Owner,
    /// A container that runs, or may run.
    runs: bool,
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
        let left = of(self.owner(), self.owned().await?);
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = left.iter().map(Owned::to_string).collect();
        bail!("left behind in the engine:\n  {}", names.join("\n  "))
    }

    /// Removes what owners have left in the engine that are gone, also what the engine is still making for them, and gives
    /// the names. Where nothing is left, it takes one look.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn sweep_gone(&self) -> Result<Vec<String>> {
        if left(self.owned().await?).is_empty() {
            return Ok(Vec::new());
        }
        self.sweep_until_quiet(left).await
    }

    /// Removes what an owner leaves that has just been ended, also what the engine is still making for it.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub async fn sweep_ended(&self, owner: &Owner) -> Result<()> {
        self.sweep_until_quiet(|all| of(owner, all)).await.map(|_| ())
    }

    async fn sweep_until_quiet(&self, meant: impl Fn(Vec<Owned>) -> Vec<Owned>) -> Result<Vec<String>> {
        let swept = Mutex::new((Instant::now(), BTreeSet::new()));
        wait_until("an engine that makes no more of it", LIMIT, EVERY, || async {
            let left = match self.owned().await {
                Ok(all) => meant(all),
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

    /// All that has an owner.
    async fn owned(&self) -> Result<Vec<Owned>> {
        let filters = HashMap::from([("label".to_owned(), vec![RUN.to_owned()])]);
        let owner = |labels: Option<HashMap<String, String>>| labels?.get(RUN)?.parse::<Owner>().ok();
        let mut all = Vec::new();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = self.api().list_containers(Some(options)).await.context("failed to list containers")?;
        for container in containers {
            let Some(owner) = owner(container.labels) else { continue };
            let runs = !matches!(container.state, Some(State::CREATED | State::EXITED | State::DEAD));
            let id = container.id.context("a container has no id")?;
            let name = format!("{} ({})", id.get(..12).unwrap_or(&id), container.image.unwrap_or_default());
            all.push(Owned { kind: Kind::Container, id, name, owner, runs });
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self.api().list_networks(Some(options)).await.context("failed to list networks")?;
        for network in networks {
            let Some(owner) = owner(network.labels) else { continue };
            let id = network.id.context("a network has no id")?;
            all.push(Owned { kind: Kind::Network, id, name: network.name.unwrap_or_default(), owner, runs: false });
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = self.api().list_volumes(Some(options)).await.context("failed to list volumes")?;
        for volume in volumes.volumes.unwrap_or_default() {
            let Some(owner) = owner(Some(volume.labels)) else { continue };
            all.push(Owned { kind: Kind::Volume, id: volume.name.clone(), name: volume.name, owner, runs: false });
        }
        Ok(all)
    }
}

/// What is of this owner.
fn of(owner: &Owner, all: Vec<Owned>) -> Vec<Owned> {
    all.into_iter().filter(|it| it.owner == *owner).collect()
}

/// What has been left. Of another start of a machine that is what no container runs of: after a power cut none does, and a
/// run of another machine that shares the engine has one for each of its networks.
fn left(all: Vec<Owned>) -> Vec<Owned> {
    let running: BTreeSet<Owner> = all.iter().filter(|it| it.runs).map(|it| it.owner.clone()).collect();
    let is_left = |it: &Owner| it.is_gone() || it.is_of_another_start() && !running.contains(it);
    all.into_iter().filter(|it| is_left(&it.owner)).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use rstest::rstest;

    use super::*;

    fn owner(boot: Option<&str>, process: i32) -> Result<Owner> {
        let this = Owner::this()?.to_string();
        let mut parts: Vec<&str> = this.split('.').collect();
        let process = process.to_string();
        parts[0] = boot.unwrap_or(parts[0]);
        parts[3] = &process;
        Ok(parts.join(".").parse()?)
    }

    #[rstest]
    #[case::of_this_start_and_ended(None, true, true)]
    #[case::of_another_start_and_none_runs(Some("another"), false, true)]
    #[case::of_another_start_and_one_runs(Some("another"), true, false)]
    fn of_another_start_of_a_machine_what_runs_is_not_left(
        #[case] boot: Option<&str>,
        #[case] runs: bool,
        #[case] is_left: bool,
    ) -> Result<()> {
        let owner = owner(boot, i32::MAX)?;
        let of_one = |kind, runs| Owned { kind, id: "1".to_owned(), name: String::new(), owner: owner.clone(), runs };
        let all = vec![of_one(Kind::Network, false), of_one(Kind::Container, false), of_one(Kind::Container, runs)];

        let count = left(all).len();

        assert_eq!(count, if is_left { 3 } else { 0 });
        Ok(())
    }

    #[test]
    fn what_is_of_a_process_that_lives_is_not_left() -> Result<()> {
        let all = vec![Owned {
            kind: Kind::Network,
            id: "1".to_owned(),
            name: String::new(),
            owner: Owner::this()?,
            runs: false,
        }];

        assert!(left(all).is_empty(), "its owner is this process");
        Ok(())
    }
}
