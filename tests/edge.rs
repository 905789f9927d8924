//! The edge against real sockets: clients on one side, a small server on the other.

mod faults;
mod gate;
mod passing;
mod policy;
mod record;
mod refusing;
mod upstream;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use kratos_repro::client::{self, Jar};
use kratos_repro::edge::{Edge, Fault};
use kratos_repro::evidence::Exchange;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use upstream::Upstream;

/// The host that most stories are about.
const ORY: &str = "ory.example.test";
const UI: &str = "ui.example.test";

/// An edge with one server behind both hosts.
struct Scene {
    edge: Edge,
    upstream: Upstream,
}

impl Scene {
    async fn set(faults: Vec<Fault>) -> Result<Self> {
        let edge = Edge::new(&[ORY, UI], faults)?;
        let upstream = Upstream::start().await?;
        for host in [ORY, UI] {
            edge.names().set(host, upstream.address());
        }
        Ok(Self { edge, upstream })
    }

    /// A client with a listener of its own.
    async fn client(&mut self, name: &str) -> Result<reqwest::Client> {
        let listener = self.edge.listen(name).await?;
        client::through(listener, self.edge.authority_pem(), Jar::None)
    }

    /// The one exchange that crossed the edge.
    fn only_exchange(&self) -> Result<Exchange> {
        let mut exchanges = self.edge.record().exchanges();
        anyhow::ensure!(exchanges.len() == 1, "one exchange is expected: {exchanges:#?}");
        exchanges.pop().context("there is one")
    }
}

/// Sends these bytes and reads until the other side closes.
async fn send_raw(listener: SocketAddr, text: &str) -> Result<String> {
    let mut stream = TcpStream::connect(listener).await.context("failed to reach the listener")?;
    stream.write_all(text.as_bytes()).await.context("failed to send")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.context("failed to read the answer")?;
    Ok(answer)
}
