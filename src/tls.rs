//! TLS 1.2 and 1.3 for the listener, by rustls on aws-lc.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and those that lead to its root, in PEM, its own first.
    pub cert: PathBuf,
    /// Its private key, in PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// What new connections are greeted with.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Loads the files.
    ///
    /// # Errors
    /// One line that names the file which cannot be used.
    pub fn load(files: TlsFiles) -> Result<Self, String> {
        let current = RwLock::new(config(&files)?);
        Ok(Self { files, current })
    }

    /// Loads the files anew, for connections that come from now on.
    ///
    /// # Errors
    /// As [`Tls::load`]; then what there was stays in use.
    pub fn reload(&self) -> Result<(), String> {
        let new = config(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }
}

fn config(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let cannot = |variable: &str, path: &Path, why: &dyn std::fmt::Display| {
        format!("{variable}={:?} cannot be used: {why}", path.display())
    };
    let certs = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| cannot("TLS_CERT", &files.cert, &error))?;
    if certs.is_empty() {
        let why = "there is no certificate in it; PEM is needed";
        return Err(cannot("TLS_CERT", &files.cert, &why));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let why = "there is no private key in it; PEM without a passphrase is needed";
            cannot("TLS_KEY", &files.key, &why)
        }
        error => cannot("TLS_KEY", &files.key, &error),
    })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS is not available: {error}"))?
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| cannot("TLS_KEY", &files.key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
