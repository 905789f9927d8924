//! The container engine of this machine with the images of the servers, where they are there.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::docker::{self, ContainedPostgres, Engine, Image};
use kratos_repro::backend::estate::Owner;
use kratos_repro::backend::product::Product;
use kratos_repro::backend::progress::Progress;
use kratos_repro::backend::{Backend, Database};
use kratos_repro::browser::Engine as Browser;
use kratos_repro::case::{Case, Catalogue};
use kratos_repro::trial::{CaseOutcome, Thoroughness, Turn};
use kratos_repro::world::WorldSettings;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::ContainerCreateBody;
use testcontainers::bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptions,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};
use testcontainers::core::client::docker_client_instance;

use crate::support::{Sandbox, list, trials};

/// An engine that has what the cases need.
#[derive(Debug)]
pub(crate) struct Containers {
    engine: Engine,
    _turn: File,
    pub(crate) kratos: Image,
    pub(crate) hydra: Image,
}

impl Containers {
    /// Looks for them. Where they are not, the test is not run, which is said where a captured test can be heard.
    pub(crate) async fn find() -> Option<Self> {
        match Self::look().await {
            Ok(containers) => Some(containers),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "not run: {error:#}");
                None
            }
        }
    }

    async fn look() -> Result<Self> {
        // One after the other, whichever program they are in; the lock goes with the file.
        let turn = File::create(std::env::temp_dir().join("kratos-repro-containers.lock"))?;
        turn.lock()?;
        let engine = Engine::find().await?;
        let kratos = engine.image(Product::Kratos, "v1.3.1", None).await?;
        let hydra = engine.image(Product::Hydra, "v2.3.0", None).await?;
        let program = Path::new(env!("CARGO_BIN_EXE_kratos-repro"));
        let own = docker::make_own_image(&engine, program, &mut Progress::silent()).await?;
        Ok(Self { engine: engine.with_own(own), _turn: turn, kratos, hydra })
    }

    /// The Postgres of an image, started for one test; nothing where there is no image, which is said as well.
    pub(crate) async fn postgres(&self) -> Result<Option<ContainedPostgres>> {
        match self.engine.postgres_image(None).await {
            Ok(image) => ContainedPostgres::start(&self.engine, &image).await.map(Some),
            Err(lacking) => {
                let _ = writeln!(std::io::stderr(), "not run: {lacking:#}");
                Ok(None)
            }
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        Backend::Docker(Box::new(self.engine.clone()))
    }

    /// The name of the image of the harness.
    pub(crate) fn own(&self) -> Option<&str> {
        self.engine.own().map(Image::name)
    }

    /// An image by its name.
    pub(crate) async fn image(&self, name: &str) -> Result<Image> {
        self.engine.named(name).await
    }

    /// What worlds are made from in containers.
    pub(crate) async fn world_settings(&self, folder: &Path, cases: &[Case]) -> Result<WorldSettings> {
        let cache = Cache::open()?;
        let kratos = docker::kratos(&self.engine, &cache, &self.kratos, &mut Progress::silent()).await?;
        let hydra = docker::hydra(&self.engine, &cache, &self.hydra, &mut Progress::silent()).await?;
        let native = trials::world_settings(folder, cases).await?;
        Ok(WorldSettings { backend: self.backend(), kratos, hydra: Some(hydra), ..native })
    }
}

/// A case in its first lineup on Chromium.
pub(crate) fn turn(id: &str) -> Result<Turn> {
    let catalogue = Catalogue::read(&trials::fixtures())?;
    let case = catalogue.cases().iter().find(|case| case.id == id).context("there is no such case")?;
    let turns = Turn::all(case, &[Browser::Chromium], Thoroughness::FirstLineup);
    turns.into_iter().next().context("the case has no lineup")
}

/// Runs all trials of a case in one lineup, its servers in containers, and gives what they showed.
pub(crate) async fn run(containers: &Containers, turn: Turn) -> Result<Box<CaseOutcome>> {
    run_on(containers, turn, None).await
}

/// The same with the databases in a Postgres.
pub(crate) async fn run_on(
    containers: &Containers,
    turn: Turn,
    postgres: Option<&ContainedPostgres>,
) -> Result<Box<CaseOutcome>> {
    let folder = trials::folder()?;
    let mut world = containers.world_settings(folder.path(), std::slice::from_ref(&turn.case)).await?;
    if let Some(postgres) = postgres {
        world.database = Database::Postgres(postgres.migrate(&world.kratos).await?);
    }
    let outcome = trials::run_with(turn, world, &folder).await;
    containers.backend().close().await?;
    outcome
}

/// The containers and networks in the engine that a process with this id has made.
pub(crate) async fn made_by(process: u32) -> Result<Vec<String>> {
    let engine: Docker = docker_client_instance().await?;
    let filters = HashMap::from([("label", vec!["kratos-repro.run"])]);
    let of_it = |labels| is_of(process, labels);
    let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = engine.list_containers(Some(containers)).await.context("failed to list containers")?;
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks = engine.list_networks(Some(networks)).await.context("failed to list networks")?;
    let containers = containers.into_iter().filter(|it| of_it(it.labels.clone()));
    let networks = networks.into_iter().filter(|it| of_it(it.labels.clone()));
    let containers = containers.map(|it| format!("container {}", it.image.unwrap_or_default()));
    Ok(containers.chain(networks.map(|it| format!("network {}", it.name.unwrap_or_default()))).collect())
}

/// The names of all volumes in the engine.
pub(crate) async fn volumes() -> Result<BTreeSet<String>> {
    let engine: Docker = docker_client_instance().await?;
    let listed = engine.list_volumes(None::<ListVolumesOptions>).await.context("failed to list volumes")?;
    Ok(listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
}

/// The id of a container that a process with this id has made from an image with this in its name.
pub(crate) async fn made_from(process: u32, image: &str) -> Result<Option<String>> {
    let engine: Docker = docker_client_instance().await?;
    let filters = HashMap::from([("label", vec!["kratos-repro.run"])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = engine.list_containers(Some(options)).await.context("failed to list containers")?;
    let of_it = containers.into_iter().filter(|it| is_of(process, it.labels.clone()));
    Ok(of_it.filter(|it| it.image.as_ref().is_some_and(|name| name.contains(image))).find_map(|it| it.id))
}

/// Whether these are the labels of something that a process with this id has made.
fn is_of(process: u32, labels: Option<HashMap<String, String>>) -> bool {
    let owner = labels.and_then(|labels| labels.get("kratos-repro.run")?.parse::<Owner>().ok());
    owner.is_some_and(|owner| u32::try_from(owner.process()) == Ok(process))
}

/// Nothing of a process may be left in the engine.
pub(crate) async fn ensure_none_is_left(process: u32) -> Result<()> {
    let left = made_by(process).await?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// How long a call may take that is refused.
const REFUSAL_LIMIT: Duration = Duration::from_secs(120);

/// A call with these flags is refused by name and with this code, before a run has begun or anything was made.
pub(crate) async fn ensure_refused(flags: &[&str], case: &str, code: i32, why: &str) -> Result<()> {
    for call in ["run", "up"] {
        let sandbox = Sandbox::new()?;
        let mut command = sandbox.command(&[&[call], flags, &[case]].concat());
        command.env("KRATOS_REPRO_OUT", sandbox.path("out"));
        let refused = sandbox.start(command)?;
        let id = refused.id();

        let ended = refused.end(REFUSAL_LIMIT)?;

        ended.ensure_refused(code, &[why])?;
        ensure!(list(&sandbox.path("out"))?.is_empty(), "no run has begun");
        ensure_none_is_left(id).await?;
        sandbox.ensure_nothing_is_left()?;
    }
    Ok(())
}

/// A container of somebody else, with an image and a label of ours.
#[derive(Debug)]
pub(crate) struct Stranger {
    engine: Docker,
    id: String,
}

impl Stranger {
    /// Makes it, lets the story happen, and removes it, which fails where somebody else has. The story tells what fails
    /// by its error: after a panic the container would stay.
    pub(crate) async fn beside(containers: &Containers, story: impl Future<Output = Result<()>>) -> Result<()> {
        let stranger = Self::make(containers.kratos.name(), "somebody").await?;
        let told = story.await;
        told.and(stranger.remove().await)
    }

    /// The same with one of this owner that runs.
    pub(crate) async fn running_beside(
        containers: &Containers,
        owner: &str,
        story: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let stranger = Self::make(containers.own().context("the harness has no image")?, owner).await?;
        let started = stranger.engine.start_container(&stranger.id, None::<StartContainerOptions>).await;
        let told = if let Err(error) = started { Err(error.into()) } else { story.await };
        told.and(stranger.remove().await)
    }

    async fn make(image: &str, owner: &str) -> Result<Self> {
        let engine: Docker = docker_client_instance().await?;
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(vec!["pause".to_owned()]),
            labels: Some(HashMap::from([("kratos-repro.run".to_owned(), owner.to_owned())])),
            ..ContainerCreateBody::default()
        };
        let id = engine.create_container(None::<CreateContainerOptions>, body).await?.id;
        Ok(Self { engine, id })
    }

    async fn remove(self) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let removed = self.engine.remove_container(&self.id, Some(options)).await;
        removed.context("somebody else's container is gone")
    }
}
