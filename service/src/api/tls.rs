//! TLS by rustls. The certificate is read again when its files change, without a connection being lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, pki_types};

use crate::config::Tls;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("`{file}` cannot be read as PEM: {reason}")]
    File {
        /// Which file.
        file: PathBuf,
        /// Why not; it holds nothing of the key.
        reason: pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("`{0}` holds no certificate")]
    Empty(PathBuf),
    /// The key and the certificate do not fit, or are of a kind that is not known.
    #[error("the certificate cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// The certificate in force.
#[derive(Debug)]
struct InForce(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for InForce {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What a listener needs to speak TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. A task looks after the files as long as the
/// current runtime lives.
///
/// # Errors
///
/// The files cannot be used. Later ones that cannot be are logged, and the ones before stay in force.
pub(super) fn listener(tls: &Tls) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let in_force = Arc::new(InForce(ArcSwap::new(Arc::new(read(tls, &provider)?))));
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let resolver = Arc::clone(&in_force) as Arc<dyn ResolvesServerCert>;
    let config = config.with_no_client_auth().with_cert_resolver(resolver);
    actix_web::rt::spawn(keep(tls.clone(), provider, in_force));
    Ok(config)
}

async fn keep(tls: Tls, provider: Arc<CryptoProvider>, in_force: Arc<InForce>) {
    let mut seen = changed(&tls);
    loop {
        actix_web::rt::time::sleep(LOOK).await;
        let now = changed(&tls);
        if now == seen {
            continue;
        }
        seen = now;
        match read(&tls, &provider) {
            Ok(certified) => {
                in_force.0.store(Arc::new(certified));
                tracing::info!("the new certificate is in force");
            }
            // Certificate and key are two files: the second may follow in a moment.
            Err(error) => tracing::warn!(%error, "the certificate in force stays"),
        }
    }
}

/// When the files changed last, as far as that is known.
fn changed(tls: &Tls) -> [Option<SystemTime>; 2] {
    [&tls.certificate, &tls.key].map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
}

fn read(tls: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let unreadable = |file: &Path| {
        let file = file.to_owned();
        move |reason| TlsError::File { file, reason }
    };
    let certificates =
        CertificateDer::pem_file_iter(&tls.certificate).map_err(unreadable(&tls.certificate))?;
    let chain: Vec<CertificateDer<'static>> =
        certificates.collect::<Result<_, _>>().map_err(unreadable(&tls.certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(tls.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(unreadable(&tls.key))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}
