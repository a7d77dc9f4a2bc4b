//! The server's certificate and its key, which are replaced while it runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest::{Context as Digest, SHA256};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use wisdom_adapters::config::resolve;
use wisdom_core::secret::SecretText;

use super::TlsError;

/// Where both come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) certificate: PathBuf,
    /// A reference.
    pub(super) key: String,
}

/// Both as they are written.
struct Texts {
    certificate: Vec<u8>,
    key: SecretText,
}

impl Source {
    fn read(&self) -> Result<Texts, TlsError> {
        let certificate = std::fs::read(&self.certificate).map_err(|cause| TlsError::File {
            path: self.certificate.display().to_string(),
            cause,
        })?;
        Ok(Texts {
            certificate,
            key: resolve(&self.key)?,
        })
    }

    fn certified(&self, texts: &Texts, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let damaged = || TlsError::Certificate(self.certificate.display().to_string());
        let chain = CertificateDer::pem_slice_iter(&texts.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| damaged())?;
        if chain.is_empty() {
            return Err(damaged());
        }
        let key = PrivateKeyDer::from_pem_slice(texts.key.expose().as_bytes()).map_err(|_| TlsError::Key)?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
            other => TlsError::Unusable(other),
        })
    }
}

impl Texts {
    /// By which a change is seen, without keeping the key's text.
    fn digest(&self) -> [u8; 32] {
        let mut digest = Digest::new(&SHA256);
        digest.update(&(self.certificate.len() as u64).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(self.key.expose().as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(digest.finish().as_ref());
        out
    }
}

/// The pair that new connections get.
#[derive(Debug)]
pub(super) struct Pair {
    source: Source,
    provider: Arc<CryptoProvider>,
    /// What was seen last, good or not.
    seen: Mutex<[u8; 32]>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Pair {
    pub(super) fn open(source: Source, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let texts = source.read()?;
        let key = source.certified(&texts, &provider)?;
        Ok(Self {
            source,
            provider,
            seen: Mutex::new(texts.digest()),
            current: RwLock::new(Arc::new(key)),
        })
    }

    /// Takes a new pair up, if there is one; answers whether it did. Reads files.
    pub(super) fn look(&self) -> Result<bool, TlsError> {
        let texts = self.source.read()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = texts.digest();
        if *seen == digest {
            return Ok(false);
        }
        // Two files are never written at one moment: a pair that does not match is told once, and read again when either changes.
        *seen = digest;
        let key = self.source.certified(&texts, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        Ok(true)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertifiedKey as Made, KeyPair, generate_simple_self_signed};
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;

    fn made() -> Made<KeyPair> {
        generate_simple_self_signed(["localhost".to_owned()]).unwrap()
    }

    fn write(dir: &Path, certificate: &str, key: &str) {
        std::fs::write(dir.join("certificate.pem"), certificate).unwrap();
        std::fs::write(dir.join("key.pem"), key).unwrap();
    }

    fn open(dir: &Path) -> Result<Pair, TlsError> {
        let source = Source {
            certificate: dir.join("certificate.pem"),
            key: format!("file:{}", dir.join("key.pem").display()),
        };
        Pair::open(source, Arc::new(default_provider()))
    }

    fn refused(dir: &Path) -> String {
        let text = open(dir).unwrap_err().to_string();
        text.replace(&dir.display().to_string(), "DIR")
    }

    #[test]
    fn a_pair_that_does_not_work_names_the_key_and_the_rule() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (one, other) = (made(), made());
        assert!(refused(dir).starts_with("`server.tls.certificate`: DIR/certificate.pem cannot be read: "));
        let key = one.signing_key.serialize_pem();
        for nothing in [
            "",
            "nothing",
            &key,
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ] {
            write(dir, nothing, &key);
            assert_eq!(
                refused(dir),
                "`server.tls.certificate`: DIR/certificate.pem must hold the server's certificate in PEM, and nothing \
                 that is damaged"
            );
        }
        write(dir, &one.cert.pem(), "");
        assert_eq!(
            refused(dir),
            "`server.tls.key`: the secret behind file:DIR/key.pem is empty"
        );
        write(dir, &one.cert.pem(), &one.cert.pem());
        assert_eq!(
            refused(dir),
            "`server.tls.key` must be a private key in PEM (PKCS #8, PKCS #1 or SEC 1) that is not encrypted"
        );
        write(dir, &one.cert.pem(), &other.signing_key.serialize_pem());
        assert_eq!(
            refused(dir),
            "`server.tls.key` must be the key of the first certificate in `server.tls.certificate`"
        );
        write(dir, &one.cert.pem(), &key);
        open(dir).unwrap();
    }

    #[test]
    fn a_new_pair_is_taken_up_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (one, other) = (made(), made());
        write(dir, &one.cert.pem(), &one.signing_key.serialize_pem());
        let pair = open(dir).unwrap();
        let serves = |made: &Made<KeyPair>| pair.current().cert[0] == *made.cert.der();
        assert!(!pair.look().unwrap());
        std::fs::write(dir.join("certificate.pem"), other.cert.pem()).unwrap();
        assert!(matches!(pair.look(), Err(TlsError::Mismatch)));
        assert!(
            !pair.look().unwrap(),
            "what was refused is not read again and again"
        );
        assert!(serves(&one));
        std::fs::write(dir.join("key.pem"), other.signing_key.serialize_pem()).unwrap();
        assert!(pair.look().unwrap());
        assert!(serves(&other));
        std::fs::remove_file(dir.join("certificate.pem")).unwrap();
        assert!(matches!(pair.look(), Err(TlsError::File { .. })));
        assert!(serves(&other));
    }
}
