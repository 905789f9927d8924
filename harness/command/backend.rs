//! How the servers of a run are started: chosen once, said once, and the servers that this means.

use std::path::Path;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::WrongCall;
use super::databases::Found;
use super::place;
use crate::backend::cache::Cache;
#[cfg(feature = "docker")]
use crate::backend::docker::{self, Engine, Image, ImageChoice};
#[cfg(feature = "docker")]
use crate::backend::doctor;
use crate::backend::doctor::{Finding, Need};
use crate::backend::estate::Estate;
#[cfg(feature = "docker")]
use crate::backend::hydra_binary;
use crate::backend::hydra_binary::HydraBinary;
use crate::backend::kratos_binary::{self, KratosBinary, KratosChoice};
use crate::backend::postgres::Programs;
#[cfg(feature = "docker")]
use crate::backend::product::Product;
use crate::backend::progress::Progress;
#[cfg(feature = "docker")]
use crate::backend::version::UnfitServer;
use crate::backend::{Backend, DatabaseKind, Missing, network};

/// How servers are to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendName {
    /// Containers where an image is named, else processes where Kratos is built, else containers where its image is.
    Auto,
    /// Processes of this machine, which are ready sooner.
    Native,
    /// Containers of a Docker engine, or of what else answers at DOCKER_HOST.
    Docker,
}

#[derive(Debug, Args)]
pub(super) struct BackendArguments {
    /// How Kratos and Hydra are started; one that is named is never replaced by the other.
    #[arg(long, env = "KRATOS_REPRO_BACKEND", value_enum, default_value = "auto")]
    pub(super) backend: BackendName,
    /// The image of Kratos in place of `oryd/kratos` with the version, or of the local one of `setup --images`.
    #[arg(long, env = "KRATOS_REPRO_IMAGE_KRATOS", value_name = "IMAGE")]
    pub(super) image_kratos: Option<String>,
    /// The image of Hydra in place of `oryd/hydra` with its version, or of the local one.
    #[arg(long, env = "KRATOS_REPRO_IMAGE_HYDRA", value_name = "IMAGE")]
    pub(super) image_hydra: Option<String>,
    /// The image of Postgres, for `--db postgres`, in place of `postgres:15` or the local one.
    #[arg(long, env = "KRATOS_REPRO_IMAGE_POSTGRES", value_name = "IMAGE")]
    pub(super) image_postgres: Option<String>,
}

/// The backend of a run.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) backend: Backend,
    #[cfg(feature = "docker")]
    images: ImageChoice,
}

impl BackendArguments {
    /// Chooses, and says which and why where it was not named. An engine and an image that are not there are said here,
    /// before anything starts. `interface` is the flag that names the image of an interface, if it is there.
    ///
    /// # Errors
    /// [`Missing`] when what was named is not to be had, or nothing is; [`WrongCall`] when a binary is to run in a
    /// container.
    pub(super) async fn choose(
        &self,
        cache: &Cache,
        fixtures: &Path,
        estate: &Estate,
        kratos: &[KratosChoice],
        interface: Option<&'static str>,
    ) -> Result<Chosen> {
        self.ensure_known(fixtures, kratos, interface)?;
        let named = self.image_flag().or(interface);
        match (self.backend, named) {
            (BackendName::Native, Some(flag)) => {
                Err(WrongCall(format!("`{flag}` names an image, and `--backend native` has none")).into())
            }
            (BackendName::Native, None) => Ok(Chosen::native()),
            (BackendName::Docker, _) => self.docker(estate, kratos).await,
            (BackendName::Auto, Some(flag)) => {
                let chosen = self.docker(estate, kratos).await?;
                place::say(&format!("backend: docker, as `{flag}` names an image"));
                Ok(chosen)
            }
            (BackendName::Auto, None) => self.what_is_there(cache, fixtures, estate, kratos).await,
        }
    }

    /// Refuses a Kratos that there cannot be, before anything is said or looked for. An engine may have an image of any
    /// version, so where one is named it is asked instead.
    ///
    /// # Errors
    /// [`UnfitServer`](crate::backend::version::UnfitServer) if so.
    pub(super) fn ensure_known(&self, fixtures: &Path, kratos: &[KratosChoice], interface: Option<&str>) -> Result<()> {
        let of_images = self.backend == BackendName::Docker || self.image_flag().or(interface).is_some();
        let asked = kratos.iter().filter(|it| !of_images || matches!(it, KratosChoice::Path(_)));
        for choice in asked {
            choice.ensure_known(fixtures)?;
        }
        Ok(())
    }

    /// The flag that names an image of a server, if one is there.
    fn image_flag(&self) -> Option<&'static str> {
        let named = [
            ("--image-kratos", &self.image_kratos),
            ("--image-hydra", &self.image_hydra),
            ("--image-postgres", &self.image_postgres),
        ];
        named.into_iter().find_map(|(flag, image)| image.as_ref().map(|_| flag))
    }

    /// Whether the call says which backend it is to be.
    pub(super) fn is_chosen(&self) -> bool {
        self.backend != BackendName::Auto || self.image_flag().is_some()
    }

    /// Whether the servers will be in containers, or may be: asked before a run has any thread.
    ///
    /// # Errors
    /// When there is no cache to look into.
    pub(super) fn in_containers(&self, fixtures: &Path, kratos: &[KratosChoice]) -> Result<bool> {
        Ok(match self.backend {
            BackendName::Native => false,
            BackendName::Docker => true,
            BackendName::Auto if self.image_flag().is_some() => true,
            BackendName::Auto => {
                let cache = Cache::open()?;
                let mut may_be_here = true;
                for choice in kratos {
                    may_be_here &= kratos_binary::may_be_here(&cache, fixtures, choice)?;
                }
                !may_be_here
            }
        })
    }

    /// Refuses an image of Postgres where no Postgres is asked for.
    ///
    /// # Errors
    /// [`WrongCall`] if so.
    pub(super) fn refuse(&self, database: DatabaseKind) -> Result<()> {
        if self.image_postgres.is_some() && database != DatabaseKind::Postgres {
            let text = format!("`--image-postgres` names an image, and `--db {database}` has none");
            return Err(WrongCall(text).into());
        }
        Ok(())
    }

    /// Processes are ready in a third of the time, so they are taken where they can be.
    async fn what_is_there(
        &self,
        cache: &Cache,
        fixtures: &Path,
        estate: &Estate,
        kratos: &[KratosChoice],
    ) -> Result<Chosen> {
        let lacking = match located(cache, fixtures, kratos).await {
            Ok(paths) => {
                for choice in kratos {
                    kratos_binary::ensure_is_one(choice).await?;
                }
                place::say(&format!("backend: native, as Kratos is here: {paths}"));
                return Ok(Chosen::native());
            }
            // The ports of containers are not in reach from there.
            Err(error) if network::is_own() => {
                let hint = "a network of its own leaves processes alone (hint: `--network machine` has containers too)";
                return Err(error.context(hint));
            }
            Err(error) => error,
        };
        match self.docker(estate, kratos).await {
            Ok(chosen) => {
                place::say(&format!("backend: docker, as {lacking:#}"));
                Ok(chosen)
            }
            // A version that nobody builds here is a wrong call, and stays one.
            Err(other) => match (lacking.downcast_ref::<Missing>(), other.downcast_ref::<Missing>()) {
                (Some(native), Some(docker)) => {
                    let what = format!("neither backend can be used\n  native: {native}\n  docker: {docker}\n ");
                    Err(Missing::new(what, "do one of both").into())
                }
                _ => Err(lacking),
            },
        }
    }

    /// Adds what was found of containers. With `--backend docker` they are what a run cannot do without, and the binary
    /// of Kratos is not.
    pub(super) async fn examine(&self, fixtures: &Path, kratos: &KratosChoice, findings: &mut Vec<Finding>) {
        #[cfg(feature = "docker")]
        findings.extend(doctor::examine_containers(fixtures, kratos, &self.images()).await);
        #[cfg(not(feature = "docker"))]
        let _ = (fixtures, kratos);
        if self.backend == BackendName::Docker {
            for finding in findings {
                match finding.name {
                    "kratos" | "go" | "C compiler" => finding.need = Need::Partly,
                    "engine" | "image of Kratos" => finding.need = Need::Required,
                    _ => {}
                }
            }
        }
    }

    #[cfg(feature = "docker")]
    fn images(&self) -> ImageChoice {
        ImageChoice {
            kratos: self.image_kratos.clone(),
            hydra: self.image_hydra.clone(),
            postgres: self.image_postgres.clone(),
        }
    }

    #[cfg(feature = "docker")]
    async fn docker(&self, estate: &Estate, every_kratos: &[KratosChoice]) -> Result<Chosen> {
        let images = self.images();
        for kratos in every_kratos {
            refuse_path(kratos)?;
        }
        let engine = Engine::find().await?;
        estate.note_engine()?;
        let with_own = async {
            for kratos in every_kratos {
                image(&engine, &images, kratos).await?;
            }
            with_own(engine.clone(), &mut Progress::on_stderr()).await
        };
        match with_own.await {
            Ok(engine) => Ok(Chosen { backend: Backend::Docker(Box::new(engine)), images }),
            Err(lacking) => {
                // What does not go now is left to the reaper.
                let _ = engine.close().await.inspect(|()| estate.clear_engine());
                Err(lacking)
            }
        }
    }

    #[cfg(not(feature = "docker"))]
    async fn docker(&self, _: &Estate, _: &[KratosChoice]) -> Result<Chosen> {
        Err(without_containers().into())
    }
}

/// What is lacking for whatever needs an engine.
#[cfg(not(feature = "docker"))]
pub(super) fn without_containers() -> Missing {
    Missing::new("this program was built without containers", "build it with the feature `docker`")
}

/// Where the binaries of the choices are.
async fn located(cache: &Cache, fixtures: &Path, every_kratos: &[KratosChoice]) -> Result<String> {
    let mut paths = Vec::new();
    for kratos in every_kratos {
        paths.push(kratos_binary::locate(cache, fixtures, kratos).await?.display().to_string());
    }
    Ok(paths.join(", "))
}

/// The engine with an image of this very program, for its own servers.
#[cfg(feature = "docker")]
pub(super) async fn with_own(engine: Engine, progress: &mut Progress) -> Result<Engine> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let own = docker::make_own_image(&engine, &program, progress).await?;
    Ok(engine.with_own(own))
}

#[cfg(feature = "docker")]
pub(super) fn refuse_path(kratos: &KratosChoice) -> Result<()> {
    if let KratosChoice::Path(path) = kratos {
        let text = format!(
            "`{}` is a binary of this machine, and containers run images (hint: `--image-kratos` names one)",
            path.display()
        );
        return Err(WrongCall(text).into());
    }
    Ok(())
}

/// The image of the Kratos that is asked for.
#[cfg(feature = "docker")]
async fn image(engine: &Engine, images: &ImageChoice, kratos: &KratosChoice) -> Result<Image> {
    engine.image(Product::Kratos, &kratos.to_string(), images.kratos.as_deref()).await
}

impl Chosen {
    /// Processes, whatever else is here.
    pub(super) fn native() -> Self {
        Self {
            backend: Backend::Native,
            #[cfg(feature = "docker")]
            images: ImageChoice::default(),
        }
    }

    /// Ends a run in its backend. What an engine does not give up now is left to the reaper.
    ///
    /// # Errors
    /// When something of it stays.
    pub(super) async fn close(&self, estate: &Estate) -> Result<()> {
        let closed = self.backend.close().await.inspect(|()| estate.clear_engine());
        closed.context(
            "the run has ended, and something of it stays \
             (hint: it goes when the engine answers within two minutes, or at the next start)",
        )
    }

    /// Looks for the Postgres of `--db postgres`: the programs of this machine for processes, an image for containers.
    ///
    /// # Errors
    /// [`Missing`] if it is not there.
    pub(super) async fn postgres(&self) -> Result<Found> {
        match &self.backend {
            Backend::Native => Ok(Found::Postgres(Programs::find().await?)),
            #[cfg(feature = "docker")]
            Backend::Docker(engine) => {
                let image = engine.postgres_image(self.images.postgres.as_deref()).await?;
                Ok(Found::Image(engine.clone(), image))
            }
        }
    }

    /// Makes the Kratos that is asked for ready.
    ///
    /// # Errors
    /// As [`KratosBinary::find`]; in a container, [`UnfitServer`] when the image is of another program or version.
    pub(super) async fn kratos(
        &self,
        cache: &Cache,
        fixtures: &Path,
        choice: &KratosChoice,
        progress: &mut Progress,
    ) -> Result<KratosBinary> {
        match &self.backend {
            Backend::Native => KratosBinary::find(cache, fixtures, choice, progress).await,
            #[cfg(feature = "docker")]
            Backend::Docker(engine) => {
                let image = image(engine, &self.images, choice).await?;
                let kratos = docker::kratos(engine, cache, &image, progress).await?;
                if self.images.kratos.is_none() && kratos.version.to_string() != choice.to_string() {
                    let reason = format!("it says that it is {}, not {choice}", kratos.version);
                    return Err(UnfitServer::new(Product::Kratos, image, reason).into());
                }
                Ok(kratos)
            }
        }
    }

    /// Makes Hydra ready.
    ///
    /// # Errors
    /// [`Missing`] when it has not been built, or its image is not in the engine.
    pub(super) async fn hydra(&self, cache: &Cache, fixtures: &Path, progress: &mut Progress) -> Result<HydraBinary> {
        match &self.backend {
            Backend::Native => HydraBinary::find(cache, fixtures, progress).await,
            #[cfg(feature = "docker")]
            Backend::Docker(engine) => {
                let version = hydra_binary::version(fixtures)?;
                let image = engine.image(Product::Hydra, &version, self.images.hydra.as_deref()).await?;
                docker::hydra(engine, cache, &image, progress).await
            }
        }
    }
}
