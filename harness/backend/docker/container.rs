//! One container: how it is started, its ports, its log, its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::{Mount, MountType, MountVolumeOptions, PortBinding};
use testcontainers::bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::engine::{Engine, words};
use super::image::Image;
use super::pod::INSIDE;
use crate::backend::service::Exit;

/// How long the rest of a log may take to be written once its container has ended.
const LOG_LIMIT: Duration = Duration::from_secs(2);

/// How long the engine may take to start one.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What is to be started.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) image: Image,
    /// What network it has.
    pub(super) attachment: Attachment,
    /// What it is called in errors.
    pub(super) name: String,
    /// As whom and where its program runs.
    pub(super) manner: Manner,
    /// What the image's program is called with.
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// A folder that is copied into the container, and is the program's working folder there.
    pub(super) folder: Option<PathBuf>,
    /// A place in it that is a volume of its own, which goes with it.
    pub(super) volume: Option<&'static str>,
    /// Another container, by its id, whose volumes it has as well, to read and to connect to what listens there.
    pub(super) volumes_of: Option<String>,
    /// The file that its output is written to, on this machine, if it is wanted.
    pub(super) log: Option<PathBuf>,
}

/// As whom and where the program of a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As root in the folder of its own, whatever the image says: what is copied in belongs to root.
    Ours,
    /// As its image says.
    OfImage,
}

/// The network of a container.
#[derive(Debug)]
pub(super) enum Attachment {
    /// None.
    Alone,
    /// One of its own, with these ports published, each on a free port of 127.0.0.1.
    Network { name: String, ports: Vec<u16> },
    /// That of another container, with a label that says so.
    Shared { holder: String, label: (&'static str, String) },
}

/// A container that was started. It is removed when this is dropped, after a while.
#[derive(Debug)]
#[must_use = "the container is removed when this is dropped"]
pub(in crate::backend) struct Container {
    engine: Engine,
    /// Nothing once its removal has begun.
    inner: Option<ContainerAsync<GenericImage>>,
    published: Vec<SocketAddr>,
    exit: watch::Receiver<Option<Exit>>,
}

impl Container {
    /// Starts it. That it may have ended already is for the caller to see.
    pub(super) async fn start(engine: &Engine, order: Order) -> Result<Self> {
        let Order { name, log, image, attachment, .. } = &order;
        let (log, what) = (log.clone(), format!("`{name}` in a container of `{image}`"));
        let ports = if let Attachment::Network { ports, .. } = attachment { ports.clone() } else { Vec::new() };
        let request = request(engine, order);
        let lease = engine.lease().await;
        // In a task of its own: given up half-way it would leave a container that nobody knows of.
        let started = tokio::spawn(async move {
            let _lease = lease;
            request.start().await
        });
        let inner = started.await.context("starting a container broke")?;
        let inner = inner.map_err(|error| anyhow!("failed to start {what}: {}", words(&error)))?;
        let exit = watch_over(engine.api().clone(), inner.id().to_owned(), log);
        let mut container = Self { engine: engine.clone(), inner: Some(inner), published: Vec::new(), exit };
        for port in ports {
            container.published.push(container.address_of(port).await?);
        }
        Ok(container)
    }

    /// Where a port is published. A container that has ended has none: then it is a port on which nobody is.
    async fn address_of(&self, port: u16) -> Result<SocketAddr> {
        let inner = self.inner()?;
        let published = match inner.get_host_port_ipv4(port).await {
            Ok(published) => published,
            Err(_) if !inner.is_running().await.unwrap_or(false) => 0,
            Err(error) => return Err(anyhow!("the engine does not publish port {port}: {}", words(&error))),
        };
        Ok(([127, 0, 0, 1], published).into())
    }

    /// Its id.
    pub(super) fn id(&self) -> Result<String> {
        Ok(self.inner()?.id().to_owned())
    }

    /// Where its ports are published, in the order in which they were asked for.
    pub(in crate::backend) fn published(&self) -> &[SocketAddr] {
        &self.published
    }

    /// Waits until its program has ended; its log is written then.
    pub(in crate::backend) async fn exited(&mut self) -> Result<Exit> {
        let exit = self.exit.wait_for(Option::is_some).await.context("nobody watches over the container any more")?;
        exit.clone().context("a container has ended and not ended")
    }

    /// Asks its program to end, and waits for that: at most 5 s, then it is killed.
    pub(in crate::backend) async fn stop(&self) -> Result<()> {
        let stopped = self.inner()?.stop_with_timeout(Some(5)).await;
        stopped.map_err(|error| anyhow!("failed to stop a container: {}", words(&error)))
    }

    /// Copies a file of the program's working folder out of it.
    pub(in crate::backend) async fn take(&self, name: &str, to: &Path) -> Result<()> {
        let taken = self.inner()?.copy_file_from(format!("{INSIDE}/{name}"), to).await;
        taken.map_err(|error| anyhow!("failed to copy `{name}` out of a container: {}", words(&error)))
    }

    /// Kills its program, if it runs, and removes it.
    pub(in crate::backend) async fn close(mut self) -> Result<()> {
        let _lease = self.engine.lease().await;
        let Some(inner) = self.inner.take() else { return Ok(()) };
        let id = inner.id().to_owned();
        // Its own removal would not say what went wrong, and would take one that is gone already for an error.
        std::mem::forget(inner);
        self.engine.remove(&id).await?;
        let _ = tokio::time::timeout(LOG_LIMIT, self.exit.wait_for(Option::is_some)).await;
        Ok(())
    }

    fn inner(&self) -> Result<&ContainerAsync<GenericImage>> {
        self.inner.as_ref().context("the container has been removed")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let id = inner.id().to_owned();
        // Its own drop blocks this thread, one container after the other, and panics where there is no runtime.
        std::mem::forget(inner);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let engine = self.engine.clone();
        runtime.spawn(async move {
            let _lease = engine.lease().await;
            let _ = engine.remove(&id).await;
        });
    }
}

fn request(engine: &Engine, order: Order) -> ContainerRequest<GenericImage> {
    let (name, tag) = order.image.name_and_tag();
    let mut image = GenericImage::new(name, tag);
    if let Attachment::Network { ports, .. } = &order.attachment {
        image = ports.iter().fold(image, |image, port| image.with_exposed_port(port.tcp()));
    }
    let mut request = ContainerRequest::from(image)
        .with_cmd(order.arguments)
        .with_label(engine.label().0, engine.label().1)
        .with_startup_timeout(START_LIMIT);
    if order.manner == Manner::Ours {
        request = request.with_user("0:0").with_working_dir(INSIDE);
    }
    for (name, value) in order.environment {
        request = request.with_env_var(name, value);
    }
    if let Some(folder) = order.folder {
        request = request.with_copy_to(INSIDE, folder);
    }
    if let Attachment::Shared { label: (label, value), .. } = &order.attachment {
        request = request.with_label(*label, value);
    }
    let (attachment, volumes_of) = (order.attachment, order.volumes_of);
    let mounts = order.volume.map(|place| vec![own_volume(place, engine.label())]);
    // By the configuration itself: testcontainers would make a network of any name that it does not find.
    request.with_host_config_modifier(move |config| {
        config.publish_all_ports = Some(false);
        config.port_bindings = None;
        config.mounts = mounts.clone();
        config.volumes_from = volumes_of.as_ref().map(|container| vec![format!("{container}:ro")]);
        match &attachment {
            Attachment::Alone => config.network_mode = Some("none".to_owned()),
            Attachment::Shared { holder, .. } => config.network_mode = Some(format!("container:{holder}")),
            Attachment::Network { name, ports } => {
                let here = || PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some("0".to_owned()) };
                let bindings = ports.iter().map(|port| (format!("{port}/tcp"), Some(vec![here()])));
                config.network_mode = Some(name.clone());
                config.port_bindings = Some(bindings.collect());
            }
        }
    })
}

/// A volume without a name, which the engine removes with its container. It says too whose it is: one that stays is seen.
fn own_volume(place: &str, (label, owner): (&'static str, String)) -> Mount {
    let labels = Some([(label.to_owned(), owner)].into());
    Mount {
        target: Some(place.to_owned()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions { labels, ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

/// Writes a container's output to a file as it comes, and tells when the container has ended, which is after its last
/// word.
fn watch_over(docker: Docker, id: String, log: Option<PathBuf>) -> watch::Receiver<Option<Exit>> {
    let (told, exit) = watch::channel(None);
    tokio::spawn(async move {
        let ended = async {
            let (written, ended) = tokio::join!(follow(&docker, &id, log.as_deref()), end(&docker, &id));
            // A log that cannot be followed is missed where it is read.
            let _ = written;
            told.send_replace(Some(ended));
            told.closed().await;
        };
        tokio::select! {
            () = ended => {}
            // Nobody wants to know any more.
            () = told.closed() => {}
        }
    });
    exit
}

async fn follow(docker: &Docker, id: &str, log: Option<&Path>) -> Result<()> {
    let Some(log) = log else { return Ok(()) };
    let mut file = File::options().create(true).append(true).open(log).await?;
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).tail("all").build();
    let mut output = std::pin::pin!(docker.logs(id, Some(options)));
    while let Some(part) = output.next().await {
        file.write_all(&part?.into_bytes()).await?;
        file.flush().await?;
    }
    Ok(())
}

async fn end(docker: &Docker, id: &str) -> Exit {
    let mut end = std::pin::pin!(docker.wait_container(id, None::<WaitContainerOptions>));
    match end.next().await {
        Some(Ok(answer)) => Exit::of_container(answer.status_code),
        // The client takes every code but 0 for an error.
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Exit::of_container(code),
        Some(Err(error)) => Exit::unknown(&format!("the engine does not say how: {}", words(&error))),
        None => Exit::unknown("the engine does not say how"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_says_whose_it_is() {
        let volume = own_volume("/place", ("label", "owner".to_owned()));

        let labels = volume.volume_options.and_then(|options| options.labels);
        assert_eq!(labels, Some([("label".to_owned(), "owner".to_owned())].into()));
        assert_eq!((volume.target.as_deref(), volume.source), (Some("/place"), None));
    }
}
