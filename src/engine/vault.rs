//! Use of the master key: peppered hashes of keys and tokens, and sealed signing secrets, each bound to its row and
//! column.

use super::root::{self, Custody, Root};
use super::{Error, files};
use crate::ambient::RuntimeEnv;
use crate::domain::audit::AuditKey;
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::store;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Place name that a pepper beside a plain audit trail is sealed for.
const PEPPER: &str = "custody/pepper";
/// Place name that the pepper is sealed for once the audit trail has MACs. A pepper sealed for this place proves that
/// plain hashes are no longer accepted, and cannot be forged without the master key.
const CHAINED: &str = "custody/pepper beside a keyed audit trail";

/// Evidence in a database of the key that sealed it.
#[derive(Debug)]
pub(super) enum Proof {
    /// Nothing is sealed yet: a new database.
    None,
    /// Sealed signing secret of a platform created before the pepper was stored in the database.
    Secret(SubscriptionId, Vec<u8>),
    /// Operators but no sealed value, on a platform created before the pepper was stored in the database.
    Hashes,
    /// Sealed pepper of the platform.
    Pepper(Vec<u8>),
}

impl Proof {
    /// Reads the strongest evidence that the database has.
    pub(super) fn of(connection: &Connection) -> Result<Self, store::Error> {
        if let Some(sealed) = store::sealed_values::pepper(connection)? {
            return Ok(Self::Pepper(sealed));
        }
        if let Some((id, sealed)) = store::sealed_values::any_signing_secret(connection)? {
            return Ok(Self::Secret(id, sealed));
        }
        Ok(if store::operators::list_all(connection)?.is_empty() { Self::None } else { Self::Hashes })
    }

    /// Tests whether `root` is the key that sealed the database.
    pub(super) fn judge(&self, root: &Root) -> Result<(), Error> {
        match self {
            Self::None | Self::Hashes => Ok(()),
            Self::Secret(id, sealed) => root.unseal(&place(*id), sealed).map(drop),
            Self::Pepper(sealed) => open_pepper(root, sealed).map(drop),
        }
    }
}

/// Opens the pepper, and tells from its place whether the audit trail has MACs.
fn open_pepper(root: &Root, sealed: &[u8]) -> Result<(Zeroizing<[u8; 32]>, Trail), Error> {
    let (bytes, trail) = match root.unseal(CHAINED, sealed) {
        Ok(bytes) => (bytes, Trail::Keyed),
        Err(_) => (root.unseal(PEPPER, sealed)?, Trail::Plain),
    };
    let fault = |_| Error::Sealed { place: PEPPER.to_owned(), key: root.origin().to_owned() };
    Ok((Zeroizing::new(bytes.as_slice().try_into().map_err(fault)?), trail))
}

/// Kind of chaining of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trail {
    /// Plain hashes, which need no key, as in early versions.
    Plain,
    /// MACs under the platform's audit key.
    Keyed,
}

/// Master key and pepper of a platform.
#[derive(Clone)]
pub(super) struct Vault {
    root: Arc<Root>,
    pepper: Arc<Zeroizing<[u8; 32]>>,
    trail: Trail,
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
    /// [`Error::KeyMissing`] where an existing platform has lost its key, since a new key would open nothing;
    /// [`Error::Sealed`] for a wrong key; [`Error::NotAKey`] or [`Error::Io`] for an unusable key file.
    pub(super) fn open(dir: &Path, custody: &Custody, proof: &Proof, ambient: &RuntimeEnv) -> Result<Self, Error> {
        let root = match root::find(dir, custody, |root| proof.judge(root)) {
            Err(Error::KeyMissing(path)) if matches!(proof, Proof::None) => {
                let root = Root::fresh(&path, ambient);
                files::write_private(&path, &root.text())?;
                Arc::new(root)
            }
            found => found?,
        };
        Ok(Self::with(Arc::clone(&root), proof)?.unwrap_or_else(|| {
            let pepper = Arc::new(Zeroizing::new(ambient.random_bytes::<32>()));
            Self { root, pepper, trail: Trail::Plain }
        }))
    }

    /// Opens the vault of an existing platform with a key. `None` where nothing is sealed yet.
    ///
    /// # Errors
    /// [`Error::Sealed`] for a wrong key.
    pub(super) fn with(root: Arc<Root>, proof: &Proof) -> Result<Option<Self>, Error> {
        let (pepper, trail) = match proof {
            Proof::None => return Ok(None),
            Proof::Secret(..) | Proof::Hashes => (root.old_pepper(), Trail::Plain),
            Proof::Pepper(sealed) => open_pepper(&root, sealed)?,
        };
        Ok(Some(Self { root, pepper: Arc::new(pepper), trail }))
    }

    /// Master key of the platform.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Kind of chaining of the audit trail.
    pub(super) const fn trail(&self) -> Trail {
        self.trail
    }

    /// Key of the audit trail. The key is derived from the pepper, so that a change of the master key does not affect
    /// it.
    pub(super) fn audit_key(&self) -> AuditKey {
        AuditKey::new(root::mac(self.pepper.as_slice(), b"audit trail"))
    }

    /// Seals the pepper for its place beside an audit trail with MACs.
    pub(super) fn sealed_pepper(&self, ambient: &RuntimeEnv) -> Result<Vec<u8>, Error> {
        self.root.seal(CHAINED, self.pepper.as_slice(), ambient)
    }

    /// Returns a vault with the same pepper under another master key.
    pub(super) fn under(&self, root: Arc<Root>) -> Self {
        Self { root, pepper: Arc::clone(&self.pepper), trail: self.trail }
    }

    /// Computes the peppered hash by which a key or token is found.
    pub(super) fn hash(&self, text: &str) -> [u8; 32] {
        root::mac(self.pepper.as_slice(), text.as_bytes())
    }

    /// Seals the signing secret of a subscription.
    pub(super) fn seal(&self, id: SubscriptionId, secret: &Secret, ambient: &RuntimeEnv) -> Result<Vec<u8>, Error> {
        self.root.seal(&place(id), secret.reveal().as_bytes(), ambient)
    }

    /// Tests whether a master key opens the signing secret of a subscription.
    pub(super) fn opens(root: &Root, id: SubscriptionId, sealed: &[u8]) -> Result<(), Error> {
        root.unseal(&place(id), sealed).map(drop)
    }

    /// Unseals the signing secret of a subscription.
    pub(super) fn unseal(&self, id: SubscriptionId, sealed: &[u8]) -> Result<Secret, Error> {
        let bytes = self.root.unseal(&place(id), sealed)?;
        let fault = |_| Error::Sealed { place: place(id), key: self.root.origin().to_owned() };
        String::from_utf8(bytes.to_vec()).map(Secret::new).map_err(fault)
    }
}

/// Place name that a signing secret is sealed for.
fn place(id: SubscriptionId) -> String {
    format!("subscriptions/{id}/secret")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    const ONE: SubscriptionId = SubscriptionId(1);

    fn founded(dir: &Path, ambient: &RuntimeEnv) -> (Vault, Proof) {
        let vault = Vault::open(dir, &Custody::File, &Proof::None, ambient).unwrap();
        let proof = Proof::Pepper(vault.sealed_pepper(ambient).unwrap());
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
        let again = Vault::open(dir.path(), &Custody::File, &proof, &ambient).unwrap();
        assert_eq!(again.unseal(ONE, &sealed).unwrap().reveal(), "whsec");
        assert_eq!(again.hash("key"), vault.hash("key"));
        let lost = Vault::open(elsewhere.path(), &Custody::File, &proof, &ambient);
        assert!(matches!(lost, Err(Error::KeyMissing(_))), "a lost key is not replaced");
        let (other, _) = founded(elsewhere.path(), &ambient);
        assert!(other.unseal(ONE, &sealed).is_err());
        assert_ne!(other.hash("key"), vault.hash("key"));
        let wrong = Vault::open(elsewhere.path(), &Custody::File, &proof, &ambient);
        assert!(matches!(wrong, Err(Error::Sealed { .. })), "a wrong key is noticed at once");
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
        let root = Root::fresh(&root::file(dir.path()), &ambient);
        files::write_private(&root::file(dir.path()), &root.text()).unwrap();
        let vault = Vault::open(dir.path(), &Custody::File, &Proof::Hashes, &ambient).unwrap();
        assert_eq!(vault.hash("key"), root::mac(root.old_pepper().as_slice(), b"key"));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        founded(dir.path(), &RuntimeEnv::scripted(Timestamp::default(), 1));
        assert_eq!(std::fs::metadata(root::file(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
