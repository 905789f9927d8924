//! The reverse proxy in front of a world's hosts: a real nginx, which stands for Cloudflare and its like.
//! Browsers meet all of its hosts at the addresses that the case gives it; the edge hands it what is for them.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use url::Url;

use crate::backend::{Exit, Launch, Output, Process, free_port, nginx};
use crate::edge::UPSTREAM_LIMIT;
use crate::wait::{furthest, within};

/// How long nginx may take until it listens; it takes 20 ms.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// How often another port is chosen when a program took it before nginx did.
const PORT_CHOICES: usize = 3;

/// A running nginx.
#[derive(Debug)]
#[must_use = "nginx is killed when this is dropped"]
pub struct Front {
    process: Process,
    address: SocketAddr,
}

impl Front {
    /// Starts nginx in a folder of its own, in front of the servers at these base URLs.
    ///
    /// # Errors
    /// When it is not here, refuses its configuration or does not listen in time.
    pub async fn start(folder: &Path, servers: &[(Url, SocketAddr)]) -> Result<Self> {
        let program = nginx::program().ok_or_else(nginx::missing)?;
        let mut choices = 0;
        loop {
            choices += 1;
            let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
            let path = folder.join("nginx.conf");
            fs::write(&path, config(folder, address, servers))
                .with_context(|| format!("failed to write `{}`", path.display()))?;
            let log = folder.join("nginx.log");
            let mut process = Launch::new(&program, folder, Output::File(log.clone()))
                .args([Path::new("-e"), Path::new("stderr"), Path::new("-p"), folder, Path::new("-c"), &path])
                .start()?;
            match ready(&mut process, address, &log).await {
                Ok(()) => return Ok(Self { process, address }),
                Err(error) if choices < PORT_CHOICES && error.to_string().contains("Address already in use") => {
                    process.close().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has ended by itself, and how; waits so long for it to be seen.
    pub async fn exit_within(&mut self, limit: Duration) -> Option<Exit> {
        tokio::time::timeout(limit, self.process.exited()).await.ok()?.ok().map(Exit::from)
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn close(self) -> Result<()> {
        self.process.close().await
    }
}

async fn ready(process: &mut Process, address: SocketAddr, log: &Path) -> Result<()> {
    let words = || fs::read_to_string(log).unwrap_or_default().trim().to_owned();
    match within(READY_LIMIT, process.listening(address.port())).await {
        Ok(listening) => match listening? {
            None => Ok(()),
            Some(exit) => Err(anyhow!("nginx exited ({exit}) before it listened: {}", words())),
        },
        Err(deadline) => Err(anyhow!("nginx did not listen on {address} within {deadline}: {}", words())),
    }
}

/// One process, everything it writes in its folder.
fn config(folder: &Path, address: SocketAddr, servers: &[(Url, SocketAddr)]) -> String {
    let mut text = String::from("daemon off;\nmaster_process off;\nerror_log stderr;\n");
    let mut line = |indent: usize, words: &str| {
        // Writing to a string cannot fail.
        writeln!(text, "{:indent$}{words}", "").ok();
    };
    line(0, &format!("pid \"{}\";", folder.join("nginx.pid").display()));
    line(0, "events { worker_connections 64; }");
    line(0, "http {");
    line(2, "access_log off;");
    // By itself it would answer 504 in the place of a server that the edge still waits for.
    line(2, &format!("proxy_read_timeout {}s;", furthest(UPSTREAM_LIMIT).as_secs()));
    for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        line(2, &format!("{name}_temp_path \"{}\";", folder.join(name).display()));
    }
    let mut hosts: Vec<&str> = servers.iter().filter_map(|(url, _)| url.host_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        line(2, &format!("server {{\n    listen {address};\n    server_name {host};"));
        for (url, upstream) in servers.iter().filter(|(url, _)| url.host_str() == Some(host)) {
            line(4, &format!("location {} {{", url.path()));
            // The closing slash strips the path of the base URL, as the edge does without a front.
            line(6, &format!("proxy_pass http://{upstream}/;"));
            line(6, "proxy_http_version 1.1;");
            line(6, "proxy_set_header Host $host;");
            line(6, "proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;");
            line(4, "}");
        }
        line(2, "}");
    }
    line(0, "}");
    text
}
