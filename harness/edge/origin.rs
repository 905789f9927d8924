//! Scheme, host and port of a request.

use url::Url;

use super::Shared;

/// Where the client believes that it talks to.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) scheme: &'static str,
    pub(super) host: String,
    /// The port, where it is not the scheme's own.
    pub(super) port: Option<u16>,
}

impl Origin {
    /// Takes a host and the port that was named with it.
    pub(super) fn new(scheme: &'static str, host: &str, port: Option<u16>) -> Self {
        let usual = if scheme == "https" { 443 } else { 80 };
        Self { scheme, host: host.to_ascii_lowercase(), port: port.filter(|port| *port != usual) }
    }

    /// That of a URL, if it is one of http or https.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let scheme = ["http", "https"].into_iter().find(|scheme| *scheme == url.scheme())?;
        Some(Self::new(scheme, url.host_str()?, url.port()))
    }

    /// Scheme, host and, where it is not the usual one, port.
    pub(super) fn text(&self) -> String {
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{}{port}", self.scheme, self.host)
    }

    /// Why nothing is passed on to it, if that is so.
    pub(super) fn refuse(&self, shared: &Shared) -> Option<String> {
        shared.names.refuse(self.scheme, &self.host, self.port)
    }
}
