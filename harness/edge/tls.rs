//! TLS for the world's own names: a certificate authority that lives as long as the world.

use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

/// A throw-away certificate authority and one server certificate for all names of a world.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Authority {
    /// Makes the authority and its one server certificate. It offers HTTP/1.1 only.
    ///
    /// # Errors
    /// When a host is no valid DNS name.
    pub fn new(hosts: &[&str]) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "kratos-repro throw-away authority");
        let authority_key = KeyPair::generate().context("failed to make the authority's key")?;
        let authority = params.self_signed(&authority_key).context("failed to make the authority's certificate")?;
        let issuer = Issuer::new(params, authority_key);

        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("failed to take the world's host names")?;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().context("failed to make the server's key")?;
        let certificate = params.signed_by(&key, &issuer).context("failed to sign the server's certificate")?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("failed to choose TLS versions")?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone(), authority.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .context("failed to use the server's certificate")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { pem: authority.pem(), config: Arc::new(config) })
    }

    /// The authority's certificate, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}
