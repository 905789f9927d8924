//! The network of one world: its containers reach each other, and the harness by the network's gateway.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use testcontainers::bollard::models::NetworkCreateRequest;
use testcontainers::bollard::query_parameters::InspectNetworkOptionsBuilder;

use super::container::{Container, Order};
use super::engine::{Engine, chance};
use super::image::Image;
use crate::backend::ground::{Seat, Serving};

/// The label that a world's containers and network have: its value is the network's name.
pub(super) const WORLD: &str = "kratos-repro.world";

/// Where a server's folder lies in its container.
pub(super) const INSIDE: &str = "/kratos-repro";

/// Where every server listens: in containers no port is taken.
pub(in crate::backend) const SEAT: Seat = Seat { host: "0.0.0.0", public: 4433, admin: 4434 };

/// A network that is there. Dropping it removes it, with all of its containers, after a while.
#[derive(Debug)]
#[must_use = "the network is removed when this is dropped"]
pub struct Network {
    engine: Engine,
    name: String,
    gateway: IpAddr,
    closed: AtomicBool,
}

impl Network {
    /// Makes a network.
    ///
    /// # Errors
    /// When the engine makes none (it has room for 30 by default), or one whose gateway is no address of this machine.
    pub async fn make(engine: &Engine) -> Result<Self> {
        let name = format!("kratos-repro-{}", chance());
        let (run, value) = engine.label();
        let labels = [(run.to_owned(), value.to_owned()), (WORLD.to_owned(), name.clone())];
        let request =
            NetworkCreateRequest { name: name.clone(), labels: Some(labels.into()), ..NetworkCreateRequest::default() };
        let making = engine.clone();
        // In a task of its own: what the engine has begun it finishes, whether or not anybody still waits.
        let made = tokio::spawn(async move {
            let _lease = making.lease().await;
            making.api().create_network(request).await
        });
        made.await.context("making a network broke")?.context("failed to make the world's network")?;
        let mut network = Self { engine: engine.clone(), name, gateway: IpAddr::from([0; 4]), closed: false.into() };
        let options = InspectNetworkOptionsBuilder::new().build();
        let seen = engine.api().inspect_network(&network.name, Some(options)).await;
        let seen = seen.context("failed to look at the world's network")?;
        let gateways = seen.ipam.and_then(|ipam| ipam.config).unwrap_or_default().into_iter();
        let gateway = gateways.filter_map(|config| config.gateway?.parse().ok()).find(IpAddr::is_ipv4);
        network.gateway = gateway.context("the world's network has no gateway by which containers reach the edge")?;
        Ok(network)
    }

    /// The address at which containers of this network reach the harness.
    #[must_use]
    pub fn gateway(&self) -> IpAddr {
        self.gateway
    }

    /// The image of the harness itself, if its own servers run in containers too.
    pub(in crate::backend) fn own(&self) -> Option<&Image> {
        self.engine.own()
    }

    /// Starts a server in a container of this network, and publishes these of its ports.
    pub(in crate::backend) async fn start(
        &self,
        image: &Image,
        serving: Serving,
        ports: Vec<u16>,
    ) -> Result<Container> {
        let Serving { name, folder, arguments, environment, .. } = serving;
        let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
        let order = Order {
            image: image.clone(),
            network: Some(self.name.clone()),
            name: name.to_owned(),
            arguments: arguments.into_iter().map(text).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            log: folder.join(format!("{name}.log")),
            folder: Some(folder),
            ports,
        };
        Container::start(&self.engine, order).await
    }

    /// Where a server finds a folder of ours that was copied into its container.
    pub(in crate::backend) fn inside() -> &'static Path {
        Path::new(INSIDE)
    }

    /// Removes it, with what of its containers is still there.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        let _lease = self.engine.lease().await;
        self.engine.sweep(WORLD, &self.name).await
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime nobody can ask the engine; the end of the run sweeps it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (engine, name) = (self.engine.clone(), std::mem::take(&mut self.name));
        runtime.spawn(async move {
            let _lease = engine.lease().await;
            let _ = engine.sweep(WORLD, &name).await;
        });
    }
}
