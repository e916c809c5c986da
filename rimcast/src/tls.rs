//! HTTPS: the operator's certificate, or one made here for trying things out.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::settings::{Settings, Tls};

/// A certificate made here is good for this long: Apple's systems take none that is for longer.
const VALID_DAYS: i64 = 397;

/// One that is older is made anew at the next start.
const RENEWED_AFTER: Duration = Duration::from_secs(300 * 24 * 3600);

/// Why HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("cannot use {}: {why}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        why: rustls::pki_types::pem::Error,
    },
    /// A chain of none.
    #[error("{} holds no certificate; it must be PEM, the server's own certificate first", .0.display())]
    NoCertificate(PathBuf),
    /// Certificate and key do not fit, or are of no use.
    #[error("this certificate and key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
    /// Making a certificate failed.
    #[error("cannot make a certificate: {0}")]
    NotMade(#[from] rcgen::Error),
    /// Keeping it failed.
    #[error("cannot keep the certificate in {}: {why}", .folder.display())]
    NotKept {
        /// Where.
        folder: PathBuf,
        /// Why.
        why: io::Error,
    },
}

/// What accepts HTTPS connections; `None` for plain HTTP.
pub(crate) fn acceptor(settings: &Settings) -> Result<Option<TlsAcceptor>, TlsError> {
    let (cert, key) = match &settings.tls {
        Tls::Off => return Ok(None),
        Tls::Files { cert, key } => (cert.clone(), key.clone()),
        Tls::SelfSigned => self_signed(&settings.data, settings.listen.ip())?,
    };
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|why| TlsError::File { file: cert.clone(), why })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(cert));
    }
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|why| TlsError::File { file: key, why })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// The certificate made at an earlier start, or a new one.
fn self_signed(data: &Path, listen: IpAddr) -> Result<(PathBuf, PathBuf), TlsError> {
    let folder = data.join(".tls");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let age = fs::metadata(&cert).and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
    if key.exists() && age.is_some_and(|age| age < RENEWED_AFTER) {
        return Ok((cert, key));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.is_unspecified() && !listen.is_loopback() {
        names.push(listen.to_string());
    }
    let mut params = rcgen::CertificateParams::new(names)?;
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(1);
    params.not_after = now + time::Duration::days(VALID_DAYS - 1);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Rimcast on this machine");
    let pair = rcgen::KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    let keep = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        write_private(&key, &pair.serialize_pem())?;
        fs::write(&cert, made.pem())
    };
    keep().map_err(|why| TlsError::NotKept { folder: folder.clone(), why })?;
    tracing::info!("made a certificate for this machine, kept in {}", folder.display());
    Ok((cert, key))
}

/// Writes what only this user may read.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Options;

    #[test]
    fn a_certificate_made_here_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let given = Options { data: Some(dir.path().to_owned()), tls: Some(true), ..Options::default() };
        let settings = Settings::resolve(given, None).unwrap();
        assert!(acceptor(&settings).unwrap().is_some());
        let first = fs::read(dir.path().join(".tls/cert.pem")).unwrap();
        assert!(acceptor(&settings).unwrap().is_some());
        assert_eq!(fs::read(dir.path().join(".tls/cert.pem")).unwrap(), first);
    }

    #[test]
    fn unusable_files_are_named() {
        let tls = Tls::Files { cert: "/none/cert.pem".into(), key: "/none/key.pem".into() };
        let settings = Settings { tls, ..Settings::resolve(Options::default(), None).unwrap() };
        let Err(why) = acceptor(&settings) else { panic!("there is no such file") };
        assert!(why.to_string().starts_with("cannot use /none/cert.pem: "), "{why}");
    }
}
