//! `--ui-command` and `--ui-image`: another interface in the place of ours.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::backend::Chosen;
#[cfg(not(feature = "docker"))]
use super::backend::without_containers;
#[cfg(feature = "docker")]
use crate::backend::Backend;
use crate::backend::Missing;
use crate::case::WorldSpec;
use crate::world::ui::{Interface, UiProgram};
use crate::world::{World, WorldSettings};

/// How long another interface may take until it answers. One that is compiled when it starts takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which interface worlds have. Only a person at the command line says it: a case file runs no command.
#[derive(Debug, Args)]
pub(super) struct InterfaceArguments {
    /// Start this login page in every world in place of ours, by /bin/sh in this folder. It must listen on
    /// 127.0.0.1:PORT. It gets HOST, PORT, KRATOS_PUBLIC_URL, KRATOS_BROWSER_URL, KRATOS_ADMIN_URL, ORY_SDK_URL,
    /// HYDRA_ADMIN_URL (where there is a Hydra), COOKIE_SECRET, CSRF_COOKIE_NAME and CSRF_COOKIE_SECRET, of your own
    /// variables PATH and HOME, KRATOS_REPRO_OWNER by which it is known to be the run's, and no other.
    #[arg(long, env = "KRATOS_REPRO_UI_COMMAND", value_name = "COMMAND")]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    ui_command: Option<String>,
    /// Start a container of this image in every world as the login page, for `--backend docker`. It must listen on
    /// 0.0.0.0:PORT, and gets the variables of --ui-command but for PATH and HOME; those that its image sets it keeps.
    #[arg(long, env = "KRATOS_REPRO_UI_IMAGE", value_name = "IMAGE", conflicts_with = "ui_command")]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    ui_image: Option<String>,
}

impl InterfaceArguments {
    /// Whether another one than ours is asked for.
    pub(super) fn is_another(&self) -> bool {
        self.ui_command.is_some() || self.ui_image.is_some()
    }

    /// The flag that names an image, if it is there.
    pub(super) fn image_flag(&self) -> Option<&'static str> {
        self.ui_image.as_ref().map(|_| "--ui-image")
    }

    /// The interface that is asked for.
    ///
    /// # Errors
    /// [`Missing`] when the image is not in the engine, or the folder that the command is to run in is gone.
    pub(super) async fn interface(&self, chosen: &Chosen) -> Result<Interface> {
        if let Some(image) = &self.ui_image {
            return of_image(image, chosen).await;
        }
        let Some(command) = &self.ui_command else { return Ok(Interface::Ours) };
        let folder: PathBuf = std::env::current_dir().map_err(|error| {
            Missing::new(format!("the folder that this was called in is gone: {error}"), "change to another folder")
        })?;
        Ok(Interface::Program(UiProgram { command: command.clone(), folder, patience: PATIENCE }))
    }
}

#[cfg(feature = "docker")]
async fn of_image(image: &str, chosen: &Chosen) -> Result<Interface> {
    let Backend::Docker(engine) = &chosen.backend else {
        anyhow::bail!("`{image}` is an image, and no engine is chosen")
    };
    engine.named(image).await.map(Interface::Image)
}

#[cfg(not(feature = "docker"))]
async fn of_image(_: &str, _: &Chosen) -> Result<Interface> {
    Err(without_containers().into())
}

/// Starts another interface once before the first trial: one that does not start makes no trial.
///
/// # Errors
/// [`Missing`] when it does not start; anything else that keeps a world from starting.
pub(super) async fn try_out(settings: &WorldSettings) -> Result<()> {
    if settings.interface == Interface::Ours {
        return Ok(());
    }
    let world = World::start(&WorldSpec::default(), settings).await?;
    world.close().await.context("the interface was tried out")
}
