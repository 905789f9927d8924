//! A gate: what keeps others out of a listener that more than this machine can reach.
//!
//! A program sends the listener's password with each request, by Basic (RFC 7617). A browser cannot: the proxy that it
//! is told by WebDriver has no credentials (WebDriver, section 8.1), and no one is there to fill in a dialogue. So it is
//! sent to the listener's own address, which has the password in its path, and from then on the address that it came
//! from is let in: by this listener alone, for as long as it lives, and of this machine for the user alone who came.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hyper::header::PROXY_AUTHORIZATION;
use hyper::{Method, Request};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use super::peer::{Peer, Whose};

/// The user's name beside the password.
const USER: &str = "kratos-repro";

/// The host of the address that lets a browser in; no world has it.
const HOST: &str = "edge.kratos-repro.test";

/// How many bytes of chance a password has.
const STRENGTH: usize = 24;

/// A listener that others than the programs of this machine may reach: where it is, and its password.
#[derive(Clone)]
pub struct Gate {
    address: SocketAddr,
    password: String,
    admitted: Arc<Mutex<BTreeSet<Peer>>>,
}

/// What a gate makes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It may pass.
    Open,
    /// It has just let in the one who asked.
    LetIn,
    /// It is kept out.
    Shut,
}

impl Gate {
    /// Makes a gate with a password that nobody else has.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn new(address: SocketAddr) -> Result<Self> {
        let mut bytes = [0; STRENGTH];
        SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random bytes for a password")?;
        Ok(Self { address, password: BASE64_URL_SAFE_NO_PAD.encode(bytes), admitted: Arc::default() })
    }

    /// Lets in who comes from this address, for one who can give no password. No other user of this machine has it.
    pub(super) fn admit(&self, address: IpAddr) {
        let peers = [Whose::Ours, Whose::Elsewhere].map(|whose| Peer { address, whose });
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner).extend(peers);
    }

    /// Where the listener is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The proxy's URL with user and password, as `HTTPS_PROXY` takes it.
    pub fn url(&self) -> String {
        format!("http://{USER}:{}@{}", self.password, self.address)
    }

    /// The page that a browser is sent to first, through the listener: the address that it comes from is let in.
    pub fn door(&self) -> String {
        format!("http://{HOST}/{}", self.password)
    }

    /// Whether anybody has come by the door.
    pub fn has_let_in(&self) -> bool {
        !self.admitted.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Judges a request by its password, by who it comes from, or by the page that it asks for.
    pub(super) fn judge<B>(&self, request: &Request<B>, peer: Peer) -> Entry {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let uri = request.uri();
        if request.method() == Method::GET && uri.host() == Some(HOST) && self.is_mine(uri.path().trim_matches('/')) {
            admitted.insert(peer);
            return Entry::LetIn;
        }
        let named = request.headers().get(PROXY_AUTHORIZATION).and_then(|value| password(value.as_bytes()));
        // What nobody knows the owner of is nobody who was let in.
        let is_admitted = peer.whose != Whose::Unknown && admitted.contains(&peer);
        if is_admitted || named.is_some_and(|password| self.is_mine(&password)) {
            return Entry::Open;
        }
        Entry::Shut
    }

    /// Digests are compared: how long that takes says nothing about the password.
    fn is_mine(&self, password: &str) -> bool {
        Sha256::digest(password) == Sha256::digest(&self.password)
    }
}

/// The password of an `Authorization` by Basic.
fn password(value: &[u8]) -> Option<String> {
    let (scheme, credentials) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let credentials = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    credentials.split_once(':').filter(|(user, _)| *user == USER).map(|(_, password)| password.to_owned())
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("address", &self.address).finish_non_exhaustive()
    }
}
