//! The edge: one local proxy through which every browser, client and server of a world reaches the others.
//!
//! Each of them gets a listener of its own on 127.0.0.1, so a listener *is* a browser session. The edge ends TLS itself
//! for the world's own host names, records every exchange, injects faults, and refuses every other host. A listener on
//! an address that others reach has a gate: it keeps out who does not know its password.

mod carry;
mod dns;
mod fault;
mod gate;
mod jitter;
mod listener;
mod meeting;
mod names;
mod origin;
mod peer;
pub mod policy;
mod record;
mod refusal;
mod tls;
mod treat;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use url::Url;

pub use carry::{BLANK_PATH, UPSTREAM_LIMIT};
pub use dns::{Dns, DnsRecord};
pub use fault::{Effect, Fault};
pub use gate::Gate;
pub use jitter::Jitter;
use listener::Listener;
pub use meeting::Meeting;
pub use names::Names;
use origin::Origin;
use policy::Itp;
pub use record::Record;
pub use tls::Authority;

/// What the listeners of one world share.
#[derive(Debug)]
struct Shared {
    names: Names,
    dns: Dns,
    record: Record,
    faults: Vec<Fault>,
    acceptor: DebugAcceptor,
}

/// `TlsAcceptor` has no `Debug`.
struct DebugAcceptor(TlsAcceptor);

impl std::fmt::Debug for DebugAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

/// The running edge of one world. Dropping it closes its listeners and every connection.
#[derive(Debug)]
#[must_use = "the edge closes when it is dropped"]
pub struct Edge {
    shared: Arc<Shared>,
    authority: Authority,
    tasks: JoinSet<()>,
}

impl Edge {
    /// Makes an edge with a throw-away certificate authority for the given host names.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn new(hosts: &[&str], faults: Vec<Fault>) -> Result<Self> {
        let authority = Authority::new(hosts)?;
        let acceptor = DebugAcceptor(authority.acceptor());
        let shared = Shared { names: Names::default(), dns: Dns::default(), record: Record::new(), faults, acceptor };
        Ok(Self { shared: Arc::new(shared), authority, tasks: JoinSet::new() })
    }

    /// Opens a listener for one browser, client or server and says where it listens.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn listen(&mut self, name: &str) -> Result<SocketAddr> {
        self.listen_with(name, None).await
    }

    /// The same for a browser whose cookies are treated by a policy.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn listen_with(&mut self, name: &str, policy: Option<Itp>) -> Result<SocketAddr> {
        self.open(Listener::new(name, policy)).await
    }

    /// Opens a listener that stands for the server of this URL, for somebody who knows of no proxy: what is asked of it
    /// as of a server goes there.
    ///
    /// # Errors
    /// When the URL is not one of http or https, or no port can be bound.
    pub async fn listen_for(&mut self, name: &str, url: &Url) -> Result<SocketAddr> {
        let origin = Origin::of(url).with_context(|| format!("nothing can stand for `{url}`"))?;
        self.open(Listener::standing_for(name, origin)).await
    }

    /// The same on another address of this machine, for one server elsewhere, by the address that its requests come from:
    /// everybody else is refused and recorded.
    ///
    /// # Errors
    /// As [`Edge::listen_for`].
    pub async fn listen_for_at(&mut self, name: &str, url: &Url, address: IpAddr, peer: IpAddr) -> Result<SocketAddr> {
        let origin = Origin::of(url).with_context(|| format!("nothing can stand for `{url}`"))?;
        let (socket, address) = bind(name, address).await?;
        let gate = Gate::new(address)?;
        gate.admit(peer);
        let listener = Arc::new(Listener::standing_for(name, origin).behind(gate));
        self.tasks.spawn(listener::serve(socket, listener, Arc::clone(&self.shared)));
        Ok(address)
    }

    async fn open(&mut self, listener: Listener) -> Result<SocketAddr> {
        let (socket, address) = bind(&listener.name, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        self.tasks.spawn(listener::serve(socket, Arc::new(listener), Arc::clone(&self.shared)));
        Ok(address)
    }

    /// The same on another address of this machine, for what runs elsewhere: a container, a browser on a node. It has a
    /// password of its own; who does not know it is refused and recorded.
    ///
    /// # Errors
    /// When no port can be bound on that address.
    pub async fn listen_at(&mut self, name: &str, policy: Option<Itp>, address: IpAddr) -> Result<Gate> {
        let (socket, address) = bind(name, address).await?;
        let gate = Gate::new(address)?;
        let listener = Arc::new(Listener::new(name, policy).behind(gate.clone()));
        self.tasks.spawn(listener::serve(socket, listener, Arc::clone(&self.shared)));
        Ok(gate)
    }

    /// The host names and what is behind them.
    pub fn names(&self) -> &Names {
        &self.shared.names
    }

    /// Where the names lead, for browsers that judge by it.
    pub fn dns(&self) -> &Dns {
        &self.shared.dns
    }

    /// What has crossed the edge so far.
    pub fn record(&self) -> &Record {
        &self.shared.record
    }

    /// The throw-away certificate authority that clients must trust, as PEM.
    pub fn authority_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Closes every listener and waits until their tasks have ended.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A socket on a free port of the address, and where it is.
async fn bind(name: &str, address: IpAddr) -> Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind((address, 0))
        .await
        .with_context(|| format!("failed to open the edge's listener for `{name}` on {address}"))?;
    let address = socket.local_addr().context("failed to read the listener's address")?;
    Ok((socket, address))
}
