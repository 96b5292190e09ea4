//! Certificates, one good and eight that no sender may accept.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// The name that good certificates are for, beside that of this machine.
pub(crate) const NAME: &str = "receiver.example";

/// Kind of certificate that a receiver presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Signed by the authority, for [`NAME`].
    Good,
    /// Ended years ago.
    Expired,
    /// Begins in a far future.
    NotYetValid,
    /// For another name.
    WrongHost,
    /// Signed by its own key.
    SelfSigned,
    /// Signed by an unknown authority.
    UnknownAuthority,
    /// Signed by a certificate that is no authority.
    SignedByALeaf,
    /// For clients only.
    WrongPurpose,
    /// None at all.
    Missing,
}

impl Kind {
    /// All kinds of bad certificates.
    pub(crate) const BAD: [Self; 8] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::SelfSigned,
        Self::UnknownAuthority,
        Self::SignedByALeaf,
        Self::WrongPurpose,
        Self::Missing,
    ];
}

/// An authority of our own, with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    pub(crate) fn named(name: &str) -> Self {
        let issuer = authority(name);
        let dir = TempDir::new().expect("a directory");
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).expect("written");
        Self { issuer, dir }
    }

    /// The file with its certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// TLS with a certificate of that kind.
    pub(crate) fn server(&self, kind: Kind) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth();
        if kind == Kind::Missing {
            return Arc::new(builder.with_cert_resolver(Arc::new(Nothing)));
        }
        let (chain, key) = self.issue(kind);
        Arc::new(builder.with_single_cert(chain, key).expect("a certificate"))
    }

    fn issue(&self, kind: Kind) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let names: &[&str] = if kind == Kind::WrongHost { &["other.example"] } else { &[NAME, "localhost"] };
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut wish = CertificateParams::new(names).expect("names");
        match kind {
            Kind::Expired => {
                (wish.not_before, wish.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
            }
            Kind::NotYetValid => {
                (wish.not_before, wish.not_after) = (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1));
            }
            Kind::WrongPurpose => wish.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            _ => {}
        }
        let chain = match kind {
            Kind::SelfSigned => vec![wish.self_signed(&key).expect("signed").der().clone()],
            Kind::UnknownAuthority => {
                let stranger = authority("stranger");
                vec![wish.signed_by(&key, &stranger).expect("signed").der().clone(), stranger.der().clone()]
            }
            Kind::SignedByALeaf => {
                let leaf = CertificateParams::new([NAME.to_owned()]).expect("a name");
                let leaf_key = KeyPair::generate().expect("a key");
                let leaf = CertifiedIssuer::signed_by(leaf, leaf_key, &self.issuer).expect("signed");
                vec![wish.signed_by(&key, &leaf).expect("signed").der().clone(), leaf.der().clone()]
            }
            _ => vec![wish.signed_by(&key, &self.issuer).expect("signed").der().clone()],
        };
        (chain, PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut wish = CertificateParams::default();
    wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wish.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(wish, KeyPair::generate().expect("a key")).expect("signed")
}

/// Resolver without a certificate for any name.
#[derive(Debug)]
struct Nothing;

impl ResolvesServerCert for Nothing {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
