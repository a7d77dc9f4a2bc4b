//! Certificates of service clients (RFC 8705, section 2.2): pinned one by one, so that no issuer is trusted and no name in
//! them counts. What proves a client is that its connection was shaken hands on with the certificate's key.

use std::io::Cursor;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::id::ClientId;
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::DisplayName;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Version};

use super::manage::{ClientView, row};
use crate::api_key::create::{above, rights};
use crate::api_key::permission::KEY_MANAGE;
use crate::api_key::read::visible;
use crate::api_key::revoke::check_end;
use crate::api_key::{ApiKey, ApiKeyError, KeyKind, event};
use crate::store::ApiKeyTx;

/// Bytes of a certificate's DER at most, here and on connections.
pub const MAX_CERTIFICATE_BYTES: usize = 8 * 1024;
/// Bytes of its PEM at most.
const MAX_PEM_BYTES: usize = 16 * 1024;
/// Certificates of a client at most.
const MAX_CERTIFICATES: usize = 10;

/// A client's certificate as it is stored and shown. No more of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientCertificate {
    /// The certificate: the SHA-256 of its DER (`x5t#S256`).
    pub thumbprint: CertificateThumbprint,
    /// Name for people.
    pub name: DisplayName,
    /// It is good from then on.
    pub not_before: Timestamp,
    /// It ends then.
    pub expires_at: Timestamp,
    /// When it was added.
    pub added_at: Timestamp,
}

impl ClientCertificate {
    /// Whether the time lies within its own.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.expires_at
    }
}

/// The thumbprint of a certificate in DER.
#[must_use]
pub fn thumbprint(der: &[u8]) -> CertificateThumbprint {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, der).as_ref());
    CertificateThumbprint::from_bytes(out)
}

/// What is read of a certificate before it is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Read {
    thumbprint: CertificateThumbprint,
    not_before: Timestamp,
    expires_at: Timestamp,
}

fn invalid(rule: &'static str, message: &'static str) -> ApiKeyError {
    ApiKeyError::Invalid {
        field: "certificate",
        rule,
        message,
    }
}

fn read(pem: &str) -> Result<Read, ApiKeyError> {
    let format = || {
        invalid(
            "format",
            "must be one certificate of version 3 in PEM, of at most 8192 bytes",
        )
    };
    if pem.len() > MAX_PEM_BYTES {
        return Err(format());
    }
    let mut blocks = Pem::iter_from_reader(Cursor::new(pem.as_bytes()));
    let (Some(Ok(block)), None) = (blocks.next(), blocks.next()) else {
        return Err(format());
    };
    if block.label != "CERTIFICATE" || block.contents.len() > MAX_CERTIFICATE_BYTES {
        return Err(format());
    }
    let (rest, certificate) = X509Certificate::from_der(&block.contents).map_err(|_| format())?;
    if !rest.is_empty() || certificate.version() != X509Version::V3 {
        return Err(format());
    }
    if !is_strong(certificate.public_key()) {
        return Err(invalid(
            "key",
            "must have an RSA key of 2048 to 8192 bits, an ECDSA key on P-256, P-384 or P-521, or an Ed25519 key",
        ));
    }
    let time = |seconds| Timestamp::from_unix_seconds(seconds).ok_or_else(format);
    Ok(Read {
        thumbprint: thumbprint(&block.contents),
        not_before: time(certificate.validity().not_before.timestamp())?,
        expires_at: time(certificate.validity().not_after.timestamp())?,
    })
}

/// Whether handshakes with such a key are taken at all: here it can be said.
fn is_strong(key: &SubjectPublicKeyInfo<'_>) -> bool {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => (2048..=8192).contains(&rsa.key_size()),
        Ok(PublicKey::EC(_)) => {
            let curve = key
                .algorithm
                .parameters
                .as_ref()
                .and_then(|curve| curve.as_oid().ok());
            curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve))
        }
        _ => key.algorithm.algorithm == OID_SIG_ED25519,
    }
}

/// Registers a certificate by which a service client can prove who it is, instead of its secret. Give the certificate,
/// never its key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddClientCertificate {
    /// The client.
    pub client: ClientId,
    /// Name for people.
    pub name: DisplayName,
    /// One certificate in PEM, self-signed or issued by whom you like: nobody is asked about it.
    pub certificate: String,
}

/// Takes a certificate from a service client. Tokens that are bound to it end at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveClientCertificate {
    /// The client.
    pub client: ClientId,
    /// Which.
    pub thumbprint: CertificateThumbprint,
}

impl Operation for AddClientCertificate {
    const NAME: &'static str = "auth.client.add_certificate";
    const SUMMARY: &'static str = "Registers a certificate of a service client (RFC 8705).";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = ClientView;
    type Error = ApiKeyError;
}

impl Operation for RemoveClientCertificate {
    const NAME: &'static str = "auth.client.remove_certificate";
    const SUMMARY: &'static str = "Takes a certificate from a service client, and ends its tokens.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = ();
    type Error = ApiKeyError;
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for AddClientCertificate {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ClientView>, ApiKeyError> {
        let frame = Arc::clone(tx.frame());
        let now = frame.now();
        let client = visible(tx, KeyKind::Client, row(self.client)).await?;
        let (_, own) = rights(tx).await?;
        if !own.covers(&client.ceiling()) {
            return Err(above("client"));
        }
        if !client.is_live(now) {
            return Err(ApiKeyError::Ended);
        }
        let read = read(&self.certificate)?;
        if read.expires_at <= now {
            return Err(invalid("future", "must not have ended"));
        }
        if client
            .certificates
            .iter()
            .any(|known| known.thumbprint == read.thumbprint)
        {
            return Err(invalid("unique", "is registered for this client already"));
        }
        if client.certificates.len() >= MAX_CERTIFICATES {
            return Err(invalid("limit", "a client has at most 10; remove one first"));
        }
        let added = ClientCertificate {
            thumbprint: read.thumbprint,
            name: self.name.clone(),
            not_before: read.not_before,
            expires_at: read.expires_at,
            added_at: now,
        };
        let mut certificates = client.certificates.clone();
        certificates.push(added.clone());
        let changed = ApiKey {
            certificates,
            version: client.version + 1,
            ..client.clone()
        };
        tx.api_keys().update(&changed, client.version).await?;
        let entry = changed.entry().with(json!({
            "certificate": added.thumbprint, "name": added.name, "expires_at": added.expires_at,
        }));
        let told = event::certificate("auth.client.certificate_added", &changed, &added);
        Ok(Outcome::audited(ClientView::of(&changed), entry).emit(told))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for RemoveClientCertificate {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, ApiKeyError> {
        let frame = Arc::clone(tx.frame());
        let client = visible(tx, KeyKind::Client, row(self.client)).await?;
        check_end(&frame, &client)?;
        let mut certificates = client.certificates.clone();
        let place = certificates
            .iter()
            .position(|known| known.thumbprint == self.thumbprint)
            .ok_or(ApiKeyError::NotFound)?;
        let gone = certificates.remove(place);
        let changed = ApiKey {
            certificates,
            version: client.version + 1,
            ..client.clone()
        };
        tx.api_keys().update(&changed, client.version).await?;
        let entry = changed
            .entry()
            .with(json!({ "certificate": gone.thumbprint, "name": gone.name }));
        let told = event::certificate("auth.client.certificate_removed", &changed, &gone);
        Ok(Outcome::audited((), entry).emit(told))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    fn made(algorithm: &'static SignatureAlgorithm) -> rcgen::Certificate {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(["importer.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        params.self_signed(&key).unwrap()
    }

    fn rule(pem: &str) -> &'static str {
        match read(pem) {
            Err(ApiKeyError::Invalid { rule, .. }) => rule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn thumbprint_and_times_are_read() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let certificate = made(algorithm);
            let read = read(&certificate.pem()).unwrap();
            assert_eq!(read.thumbprint, thumbprint(certificate.der()));
            assert_eq!(read.not_before.to_string(), "2026-01-01T00:00:00.000000Z");
            assert_eq!(read.expires_at.to_string(), "2027-01-01T00:00:00.000000Z");
        }
    }

    #[test]
    fn a_certificate_is_good_within_its_time() {
        let second = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let certificate = ClientCertificate {
            thumbprint: CertificateThumbprint::from_bytes([1; 32]),
            name: DisplayName::parse("Importer").unwrap(),
            not_before: second(10),
            expires_at: second(20),
            added_at: second(0),
        };
        let good: Vec<i64> = (0..30)
            .filter(|seconds| certificate.is_good(second(*seconds)))
            .collect();
        assert_eq!(good, (10..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let (one, other) = (made(&rcgen::PKCS_ED25519).pem(), made(&rcgen::PKCS_ED25519).pem());
        let key = KeyPair::generate().unwrap().serialize_pem();
        let cases = [
            String::new(),
            "nothing".to_owned(),
            key.clone(),
            format!("{one}{other}"),
            format!("{one}{key}"),
            one.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            one.replace("MI", "!!"),
            one.replace("-----END CERTIFICATE-----", ""),
            format!("{}{one}", "x".repeat(MAX_PEM_BYTES)),
        ];
        for case in cases {
            assert_eq!(rule(&case), "format", "{case}");
        }
    }

    /// RSA of 1024 bits, made with OpenSSL: this day's libraries no longer make such.
    #[test]
    fn a_weak_key_is_refused() {
        const WEAK: &str = include_str!("weak_certificate.pem");
        assert_eq!(rule(WEAK), "key");
    }

    proptest! {
        #[test]
        fn reading_never_fails_otherwise(place in 0_usize..400, byte: u8) {
            let mut der = made(&rcgen::PKCS_ED25519).der().to_vec();
            let place = place % der.len();
            der[place] = byte;
            let lines = STANDARD.encode(&der);
            let text = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
            if let Ok(read) = read(&text) {
                prop_assert_eq!(read.thumbprint, thumbprint(&der));
            }
        }
    }
}
