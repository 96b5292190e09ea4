//! Use of the master key: peppered hashes of keys and tokens, and sealed signing secrets, each bound to its row and
//! column.

use super::error::Error;
use super::files;
use super::master_key::{self, MasterKey, MasterKeySource};
use crate::clock::RuntimeEnv;
use crate::domain::audit::AuditKey;
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Place name that a pepper beside a plain audit trail is sealed for.
const PEPPER_PLACE: &str = "custody/pepper";
/// Place name that the pepper is sealed for once the audit trail has MACs. A pepper sealed for this place proves that
/// plain hashes are no longer accepted, and cannot be forged without the master key.
const CHAINED_PEPPER_PLACE: &str = "custody/pepper beside a keyed audit trail";

/// Evidence in a database of the key that sealed it.
#[derive(Debug)]
pub(super) enum KeyProof {
    /// Nothing is sealed yet: a new database.
    None,
    /// Sealed signing secret of a platform created before the pepper was stored in the database.
    Secret(SubscriptionId, Vec<u8>),
    /// Operators but no sealed value, on a platform created before the pepper was stored in the database.
    Hashes,
    /// Sealed pepper of the platform.
    Pepper(Vec<u8>),
}

impl KeyProof {
    /// Reads the strongest evidence that the database has.
    pub(super) fn read(connection: &Connection) -> Result<Self, store::Error> {
        if let Some(sealed) = store::sealed_values::pepper(connection)? {
            return Ok(Self::Pepper(sealed));
        }
        if let Some((id, sealed)) = store::sealed_values::any_signing_secret(connection)? {
            return Ok(Self::Secret(id, sealed));
        }
        Ok(if store::operators::list_all(connection)?.is_empty() { Self::None } else { Self::Hashes })
    }

    /// Tests whether `root` is the key that sealed the database.
    pub(super) fn check(&self, root: &MasterKey) -> Result<(), Error> {
        match self {
            Self::None | Self::Hashes => Ok(()),
            Self::Secret(id, sealed) => root.unseal(&secret_place(*id), sealed).map(drop),
            Self::Pepper(sealed) => open_pepper(root, sealed).map(drop),
        }
    }
}

/// Opens the pepper, and tells from its place whether the audit trail has MACs.
fn open_pepper(root: &MasterKey, sealed: &[u8]) -> Result<(Zeroizing<[u8; 32]>, AuditChaining), Error> {
    let (bytes, trail) = match root.unseal(CHAINED_PEPPER_PLACE, sealed) {
        Ok(bytes) => (bytes, AuditChaining::Keyed),
        Err(_) => (root.unseal(PEPPER_PLACE, sealed)?, AuditChaining::Plain),
    };
    let fault = |_| Error::UnsealFailed { place: PEPPER_PLACE.to_owned(), key: root.origin().to_owned() };
    Ok((Zeroizing::new(bytes.as_slice().try_into().map_err(fault)?), trail))
}

/// Kind of chaining of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuditChaining {
    /// Plain hashes, which need no key, as in early versions.
    Plain,
    /// MACs under the platform's audit key.
    Keyed,
}

/// Master key and pepper of a platform.
#[derive(Clone)]
pub(super) struct Vault {
    master_key: Arc<MasterKey>,
    pepper: Arc<Zeroizing<[u8; 32]>>,
    /// Derived from the pepper once, since every request has a caller that may be audited.
    audit_key: AuditKey,
    audit_chaining: AuditChaining,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Opens the vault of the platform in `dir`, or creates one where nothing is sealed yet. The result of
    /// [`Vault::sealed_pepper`] must be stored before anything is hashed.
    ///
    /// # Errors
    /// [`Error::MasterKeyMissing`] where an existing platform has lost its key, since a new key would open nothing;
    /// [`Error::UnsealFailed`] for a wrong key; [`Error::InvalidMasterKey`] or [`Error::Io`] for an unusable key file.
    pub(super) fn open(
        dir: &Path,
        custody: &MasterKeySource,
        proof: &KeyProof,
        ambient: &RuntimeEnv,
    ) -> Result<Self, Error> {
        let root = match master_key::find_key(dir, custody, |root| proof.check(root)) {
            Err(Error::MasterKeyMissing(path)) if matches!(proof, KeyProof::None) => {
                let root = MasterKey::fresh(&path, ambient);
                files::write_private(&path, &root.file_text())?;
                Arc::new(root)
            }
            found => found?,
        };
        Ok(Self::open_with(Arc::clone(&root), proof)?
            .unwrap_or_else(|| Self::new(root, Zeroizing::new(ambient.random_bytes::<32>()), AuditChaining::Plain)))
    }

    /// Opens the vault of an existing platform with a key. `None` where nothing is sealed yet.
    ///
    /// # Errors
    /// [`Error::UnsealFailed`] for a wrong key.
    pub(super) fn open_with(root: Arc<MasterKey>, proof: &KeyProof) -> Result<Option<Self>, Error> {
        let (pepper, trail) = match proof {
            KeyProof::None => return Ok(None),
            KeyProof::Secret(..) | KeyProof::Hashes => (root.legacy_pepper(), AuditChaining::Plain),
            KeyProof::Pepper(sealed) => open_pepper(&root, sealed)?,
        };
        Ok(Some(Self::new(root, pepper, trail)))
    }

    fn new(master_key: Arc<MasterKey>, pepper: Zeroizing<[u8; 32]>, audit_chaining: AuditChaining) -> Self {
        let audit_key = AuditKey::new(master_key::hmac_sha256(pepper.as_slice(), b"audit trail"));
        Self { master_key, pepper: Arc::new(pepper), audit_key, audit_chaining }
    }

    /// Master key of the platform.
    pub(super) fn master_key(&self) -> &MasterKey {
        &self.master_key
    }

    /// Kind of chaining of the audit trail.
    pub(super) const fn audit_chaining(&self) -> AuditChaining {
        self.audit_chaining
    }

    /// Key of the audit trail. The key is derived from the pepper, so that a change of the master key does not affect
    /// it.
    pub(super) fn audit_key(&self) -> AuditKey {
        self.audit_key.clone()
    }

    /// Seals the pepper for its place beside an audit trail with MACs.
    pub(super) fn sealed_pepper(&self, ambient: &RuntimeEnv) -> Result<Vec<u8>, Error> {
        self.master_key.seal(CHAINED_PEPPER_PLACE, self.pepper.as_slice(), ambient)
    }

    /// Returns a vault with the same pepper under another master key.
    pub(super) fn with_master_key(&self, root: Arc<MasterKey>) -> Self {
        Self { master_key: root, ..self.clone() }
    }

    /// Computes the peppered hash by which a key or token is found.
    pub(super) fn hash(&self, text: &str) -> [u8; 32] {
        master_key::hmac_sha256(self.pepper.as_slice(), text.as_bytes())
    }

    /// Seals the signing secret of a subscription.
    pub(super) fn seal(&self, id: SubscriptionId, secret: &Secret, ambient: &RuntimeEnv) -> Result<Vec<u8>, Error> {
        self.master_key.seal(&secret_place(id), secret.reveal().as_bytes(), ambient)
    }

    /// Tests whether a master key opens the signing secret of a subscription.
    pub(super) fn check_opens(root: &MasterKey, id: SubscriptionId, sealed: &[u8]) -> Result<(), Error> {
        root.unseal(&secret_place(id), sealed).map(drop)
    }

    /// Unseals the signing secret of a subscription.
    pub(super) fn unseal(&self, id: SubscriptionId, sealed: &[u8]) -> Result<Secret, Error> {
        let bytes = self.master_key.unseal(&secret_place(id), sealed)?;
        let fault = |_| Error::UnsealFailed { place: secret_place(id), key: self.master_key.origin().to_owned() };
        String::from_utf8(bytes.to_vec()).map(Secret::new).map_err(fault)
    }
}

/// Place name that a signing secret is sealed for.
fn secret_place(id: SubscriptionId) -> String {
    format!("subscriptions/{id}/secret")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    const ONE: SubscriptionId = SubscriptionId(1);

    fn founded(dir: &Path, ambient: &RuntimeEnv) -> (Vault, KeyProof) {
        let vault = Vault::open(dir, &MasterKeySource::File, &KeyProof::None, ambient).unwrap();
        let proof = KeyProof::Pepper(vault.sealed_pepper(ambient).unwrap());
        (vault, proof)
    }

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ambient = RuntimeEnv::scripted(Timestamp::default(), 1);
        let (vault, proof) = founded(dir.path(), &ambient);
        let mut sealed = vault.seal(ONE, &Secret::new("whsec".into()), &ambient).unwrap();
        assert!(!sealed.windows(5).any(|bytes| bytes == b"whsec"));
        assert!(vault.unseal(SubscriptionId(2), &sealed).is_err());
        let again = Vault::open(dir.path(), &MasterKeySource::File, &proof, &ambient).unwrap();
        assert_eq!(again.unseal(ONE, &sealed).unwrap().reveal(), "whsec");
        assert_eq!(again.hash("key"), vault.hash("key"));
        let lost = Vault::open(elsewhere.path(), &MasterKeySource::File, &proof, &ambient);
        assert!(matches!(lost, Err(Error::MasterKeyMissing(_))), "a lost key is not replaced");
        let (other, _) = founded(elsewhere.path(), &ambient);
        assert!(other.unseal(ONE, &sealed).is_err());
        assert_ne!(other.hash("key"), vault.hash("key"));
        let wrong = Vault::open(elsewhere.path(), &MasterKeySource::File, &proof, &ambient);
        assert!(matches!(wrong, Err(Error::UnsealFailed { .. })), "a wrong key is noticed at once");
        for position in 0..sealed.len() {
            sealed[position] ^= 1;
            assert!(vault.unseal(ONE, &sealed).is_err(), "byte {position}");
            sealed[position] ^= 1;
        }
    }

    #[test]
    fn a_platform_from_before_keeps_its_pepper() {
        let dir = tempfile::tempdir().unwrap();
        let ambient = RuntimeEnv::scripted(Timestamp::default(), 1);
        let root = MasterKey::fresh(&master_key::key_file(dir.path()), &ambient);
        files::write_private(&master_key::key_file(dir.path()), &root.file_text()).unwrap();
        let vault = Vault::open(dir.path(), &MasterKeySource::File, &KeyProof::Hashes, &ambient).unwrap();
        assert_eq!(vault.hash("key"), master_key::hmac_sha256(root.legacy_pepper().as_slice(), b"key"));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        founded(dir.path(), &RuntimeEnv::scripted(Timestamp::default(), 1));
        assert_eq!(std::fs::metadata(master_key::key_file(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
