//! The network of one world: a container that does nothing and holds it, and the containers of the world's servers, which
//! share its addresses and reach the harness by its gateway.
//!
//! A container in such a network comes and goes without an interface on this machine. One with an interface of its own
//! breaks pages off that a browser is loading: Chromium drops its connections when an address appears or goes
//! (`ERR_NETWORK_CHANGED`). So pods are made before any browser is started, and are used again when they are empty.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use testcontainers::bollard::models::NetworkCreateRequest;
use testcontainers::bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptionsBuilder};

use super::container::{Attachment, Container, Manner, Order};
use super::engine::{Engine, chance};
use super::image::Image;
use crate::backend::addresses::{AddressWatch, settled};
use crate::backend::ground::{Seat, Serving};

/// The label of a world's servers: its value is the pod.
const WORLD: &str = "kratos-repro.world";

/// Where a server's folder lies in its container.
pub(super) const INSIDE: &str = "/kratos-repro";

/// The ports that servers of a world may have: four Kratos and a Hydra with two each, the interface, the legacy system.
const PORTS: Range<u16> = 4401..4413;

/// A network that is there, and the container that holds it.
#[derive(Debug)]
pub struct Pod {
    engine: Engine,
    name: String,
    gateway: IpAddr,
    holder: Container,
    taken: AtomicUsize,
}

impl Pod {
    /// Makes a network, and starts the container that holds it.
    ///
    /// # Errors
    /// When the engine makes none (it has room for 30 networks by default), or one without a gateway.
    pub(super) async fn make(engine: &Engine) -> Result<Self> {
        let image = engine.own().context("there is no image of the harness (hint: `kratos-repro setup --images`)")?;
        let name = format!("kratos-repro-{}", chance());
        let (run, value) = engine.label();
        let labels = [(run.to_owned(), value)];
        let request =
            NetworkCreateRequest { name: name.clone(), labels: Some(labels.into()), ..NetworkCreateRequest::default() };
        let making = engine.clone();
        // In a task of its own: what the engine has begun it finishes, whether or not anybody still waits.
        let made = tokio::spawn(async move {
            let _lease = making.lease().await;
            making.api().create_network(request).await
        });
        made.await.context("making a network broke")?.context("failed to make a network for a world")?;
        let options = InspectNetworkOptionsBuilder::new().build();
        let seen = engine.api().inspect_network(&name, Some(options)).await;
        let seen = seen.context("failed to look at a world's network")?;
        let gateways = seen.ipam.and_then(|ipam| ipam.config).unwrap_or_default().into_iter();
        let gateway = gateways.filter_map(|config| config.gateway?.parse().ok()).find(IpAddr::is_ipv4);
        let gateway = gateway.context("a world's network has no gateway by which containers reach the edge")?;
        let order = Order {
            image: image.clone(),
            attachment: Attachment::Network { name: name.clone(), ports: PORTS.collect() },
            name: "pod".to_owned(),
            manner: Manner::Ours,
            arguments: vec!["pause".to_owned()],
            environment: Vec::new(),
            folder: None,
            volume: None,
            volumes_of: None,
            log: None,
        };
        let holder = Container::start(engine, order).await?;
        Ok(Self { engine: engine.clone(), name, gateway, holder, taken: AtomicUsize::new(0) })
    }

    /// The address at which containers of this network reach the harness.
    #[must_use]
    pub fn gateway(&self) -> IpAddr {
        self.gateway
    }

    /// The address of its servers in its network, which they share.
    pub(in crate::backend) async fn address(&self) -> Result<IpAddr> {
        let seen = self.engine.api().inspect_container(&self.holder.id()?, None::<InspectContainerOptions>).await;
        let seen = seen.context("failed to look at what holds a world's network")?;
        let networks = seen.network_settings.and_then(|it| it.networks).unwrap_or_default();
        let address = networks.into_values().find_map(|network| network.ip_address?.parse().ok());
        address.context("the servers of a world have no address in their network")
    }

    /// Where a server finds a folder of ours that was copied into its container.
    pub(in crate::backend) fn inside() -> &'static Path {
        Path::new(INSIDE)
    }

    /// Whether the harness's own servers run here too.
    pub(in crate::backend) fn takes_own(&self) -> bool {
        self.engine.own().is_some()
    }

    /// Starts one of the harness's own servers.
    pub(in crate::backend) async fn start_own(&self, serving: Serving) -> Result<Container> {
        self.start(self.engine.own().context("there is no image of the harness")?, serving).await
    }

    /// Ports that no server of the world has yet, as many as asked for, and where they are published.
    pub(in crate::backend) fn seat<const N: usize>(&self) -> Result<([u16; N], [SocketAddr; N])> {
        let first = self.taken.fetch_add(N, Ordering::Relaxed);
        let mut ports = PORTS.skip(first).zip(self.holder.published().iter().skip(first).copied());
        let mut seat = ([0; N], [self.holder.published()[0]; N]);
        for place in 0..N {
            let (port, address) = ports.next().context("a world has more servers than its network has ports for")?;
            (seat.0[place], seat.1[place]) = (port, address);
        }
        Ok(seat)
    }

    /// Starts a server with a copy of its folder.
    pub(in crate::backend) async fn start(&self, image: &Image, serving: Serving) -> Result<Container> {
        self.start_by(image, serving, Manner::Ours).await
    }

    /// Starts a server that somebody else wrote, as its image says; of its folder it has nothing.
    pub(in crate::backend) async fn start_foreign(&self, image: &Image, serving: Serving) -> Result<Container> {
        self.start_by(image, serving, Manner::OfImage).await
    }

    async fn start_by(&self, image: &Image, serving: Serving, manner: Manner) -> Result<Container> {
        let Serving { name, folder, arguments, environment, sockets, .. } = serving;
        let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
        let order = Order {
            image: image.clone(),
            attachment: Attachment::Shared { holder: self.holder.id()?, label: (WORLD, self.name.clone()) },
            name: name.to_owned(),
            manner,
            arguments: arguments.into_iter().map(text).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            log: Some(folder.join(format!("{name}.log"))),
            folder: (manner == Manner::Ours).then_some(folder),
            volume: None,
            volumes_of: sockets,
        };
        Container::start(&self.engine, order).await
    }

    /// Removes what is still there of the world's servers.
    async fn empty(&self) -> Result<()> {
        let _lease = self.engine.lease().await;
        self.engine.sweep(WORLD, &self.name).await?;
        self.taken.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// Where every server listens in its network.
pub(in crate::backend) fn seat([public, admin]: [u16; 2]) -> Seat {
    Seat { host: "0.0.0.0", public, admin }
}

impl Engine {
    /// Makes pods for so many worlds, before there are browsers.
    ///
    /// # Errors
    /// As [`Engine::pod`].
    pub(in crate::backend) async fn fill(&self, worlds: usize) -> Result<()> {
        let watch = AddressWatch::start()?;
        let pods = futures_util::future::try_join_all((0..worlds).map(|_| Pod::make(self))).await?;
        settled(&watch).await;
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).extend(pods);
        Ok(())
    }

    /// A pod without servers, for one world.
    ///
    /// # Errors
    /// When there is none left, and no other can be made.
    pub(in crate::backend) async fn pod(&self) -> Result<Pod> {
        let left = self.pods.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match left {
            Some(pod) => Ok(pod),
            None => Pod::make(self).await,
        }
    }

    /// Takes a pod back whose world has ended. It is used again once nothing of that world is in it.
    ///
    /// # Errors
    /// When something of the world stays in it.
    pub(in crate::backend) async fn take_back(&self, pod: Pod) -> Result<()> {
        pod.empty().await?;
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).push(pod);
        Ok(())
    }
}
