//! A program of an image that is asked something and ends by itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::container::{Attachment, Container, Manner, Order};
use super::engine::Engine;
use super::image::Image;
use crate::backend::service::Exit;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) image: &'a Image,
    pub(super) arguments: &'a [&'a str],
    pub(super) environment: &'a [(&'a str, &'a str)],
    /// The files that it finds a copy of in its working folder.
    pub(super) folder: Option<&'a Path>,
    /// The container whose volumes it has as well.
    pub(super) volumes_of: Option<String>,
    pub(super) limit: Duration,
}

/// A program that has ended, and the container that it ran in.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) container: Container,
    pub(super) exit: Exit,
    /// What it wrote to both of its streams.
    pub(super) said: String,
}

impl<'a> Task<'a> {
    /// A call of the image's program that finds nothing in its place.
    pub(super) fn new(image: &'a Image, arguments: &'a [&'a str], limit: Duration) -> Self {
        Self { image, arguments, environment: &[], folder: None, volumes_of: None, limit }
    }
}

/// Runs the image's program to its end.
pub(super) async fn run(engine: &Engine, task: Task<'_>) -> Result<Done> {
    let Task { image, arguments, environment, folder, volumes_of, limit } = task;
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let log = place.path().join("log");
    let order = Order {
        image: image.clone(),
        attachment: Attachment::Alone,
        name: arguments.first().unwrap_or(&"task").to_string(),
        manner: Manner::Ours,
        arguments: arguments.iter().map(|&it| it.to_owned()).collect(),
        environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        folder: folder.map(Path::to_owned),
        volume: None,
        volumes_of,
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
