//! A program of an image that is asked something and ends by itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::container::{Attachment, Container, Order};
use super::engine::Engine;
use super::image::Image;
use crate::backend::service::Exit;

/// A program that has ended, and the container that it ran in.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) container: Container,
    pub(super) exit: Exit,
    /// What it wrote to both of its streams.
    pub(super) said: String,
}

/// Runs the image's program to its end, in a working folder with a copy of these files.
pub(super) async fn run(
    engine: &Engine,
    image: &Image,
    arguments: &[&str],
    environment: &[(&str, &str)],
    folder: Option<&Path>,
    limit: Duration,
) -> Result<Done> {
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let log = place.path().join("log");
    let order = Order {
        image: image.clone(),
        attachment: Attachment::Alone,
        name: arguments.first().unwrap_or(&"task").to_string(),
        arguments: arguments.iter().map(|&it| it.to_owned()).collect(),
        environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        folder: folder.map(Path::to_owned),
        log: Some(log.clone()),
    };
    let mut container = Container::start(engine, order).await?;
    let Ok(exit) = tokio::time::timeout(limit, container.exited()).await else {
        container.close().await?;
        bail!("no end after {} ms", limit.as_millis());
    };
    let said = fs::read_to_string(&log).map_err(|error| anyhow!("what a container said cannot be read: {error}"))?;
    Ok(Done { exit: exit?, said, container })
}
