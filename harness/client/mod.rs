//! HTTP clients: those of the harness itself, and the API clients that a case drives.

mod api;
mod app;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::wait::{furthest, within};

pub use api::{ApiClient, Curl, Jar, Reply, curl_program};
pub use app::{AppClient, AppRun, AppSettings, JarLife};

/// How long any answer may take, in the harness's own calls.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Sends a request of the harness itself, and waits for the answer.
///
/// # Errors
/// When none comes in time.
pub async fn ask(request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
    match within(ANSWER_LIMIT, request.send()).await {
        Ok(answer) => Ok(answer?),
        Err(deadline) => bail!("no answer within {deadline}"),
    }
}

/// A TLS configuration that trusts this authority only, or nobody.
///
/// # Errors
/// When the PEM holds no certificate.
pub fn trust(authority_pem: Option<&str>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = authority_pem {
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).context("the authority is no PEM certificate")?;
        roots.add(certificate).context("failed to trust the world's authority")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("failed to choose TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// A client for servers of the harness on 127.0.0.1: no proxy, no redirects, no cookies.
///
/// # Errors
/// When it cannot be built.
pub fn plain() -> Result<reqwest::Client> {
    build(reqwest::Client::builder().no_proxy(), None)
}

/// A client that reaches the world through a listener of the edge: no redirects, cookies as asked for.
///
/// # Errors
/// When it cannot be built.
pub fn through(listener: std::net::SocketAddr, authority_pem: &str, jar: Jar) -> Result<reqwest::Client> {
    through_url(&format!("http://{listener}"), authority_pem, jar)
}

/// The same by the listener's URL, which may have the password of a gate.
///
/// # Errors
/// When the client cannot be built.
pub fn through_url(proxy: &str, authority_pem: &str, jar: Jar) -> Result<reqwest::Client> {
    let proxy = reqwest::Proxy::all(proxy).context("failed to use the edge as proxy")?;
    build(reqwest::Client::builder().proxy(proxy).cookie_store(jar == Jar::Kept), Some(authority_pem))
}

/// A client for a server that stands alone: by the proxy that is named or by none, with trust in the authority that is
/// named or in nobody.
///
/// # Errors
/// When the proxy's URL is none, when the PEM holds no certificate, or when it cannot be built.
pub fn alone(proxy: Option<&str>, authority_pem: Option<&str>) -> Result<reqwest::Client> {
    let builder = match proxy {
        Some(proxy) => {
            let proxy = reqwest::Proxy::all(proxy).with_context(|| format!("`{proxy}` is no proxy's URL"))?;
            reqwest::Client::builder().proxy(proxy)
        }
        None => reqwest::Client::builder().no_proxy(),
    };
    build(builder, authority_pem)
}

fn build(builder: reqwest::ClientBuilder, authority_pem: Option<&str>) -> Result<reqwest::Client> {
    builder
        .tls_backend_preconfigured(trust(authority_pem)?)
        .redirect(reqwest::redirect::Policy::none())
        // The net below `ask`, also for the bodies of answers.
        .timeout(furthest(ANSWER_LIMIT))
        .build()
        .context("failed to build an HTTP client")
}
