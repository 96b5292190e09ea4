//! The platform's own key: it peppers the hashes of keys and tokens and seals signing secrets, each bound to its row and column.

use super::{Error, files};
use crate::ambient::Ambient;
use crate::domain::secret::Secret;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// Whether a platform is being founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Its database is empty.
    New,
    /// It was founded earlier.
    Founded,
}

/// The key file, opened.
pub(super) struct Vault {
    path: PathBuf,
    pepper: Zeroizing<[u8; 32]>,
    sealing: XChaCha20Poly1305,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Reads the key file; a platform that is being founded makes one (mode 0600).
    ///
    /// # Errors
    /// [`Error::KeyMissing`] where a founded platform has lost it: a new one could open nothing.
    pub(super) fn open(path: &Path, ambient: &Ambient, age: Age) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && age == Age::Founded => {
                return Err(Error::KeyMissing(path.to_owned()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let root = Zeroizing::new(ambient.bytes::<32>());
                let text = Zeroizing::new(format!("{}\n", hex::encode(root.as_slice())));
                files::write_private(path, &text)?;
                text
            }
            Err(error) => return Err(io(error)),
        };
        let mut root = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), root.as_mut_slice())
            .map_err(|_| io(std::io::Error::new(std::io::ErrorKind::InvalidData, "this is not a key file of ours")))?;
        Ok(Self {
            path: path.to_owned(),
            pepper: Zeroizing::new(mac(root.as_slice(), b"pepper")),
            sealing: XChaCha20Poly1305::new(&mac(root.as_slice(), b"sealing").into()),
        })
    }

    /// The peppered hash by which a key or token is found.
    pub(super) fn hash(&self, text: &str) -> [u8; 32] {
        mac(self.pepper.as_slice(), text.as_bytes())
    }

    /// Seals a secret for the place it is stored in.
    pub(super) fn seal(&self, place: &str, secret: &Secret, ambient: &Ambient) -> Result<Vec<u8>, Error> {
        let nonce = ambient.bytes::<NONCE>();
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: place.as_bytes() };
        let sealed =
            self.sealing.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::Sealed(self.path.clone()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for that place.
    pub(super) fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Secret, Error> {
        let fault = || Error::Sealed(self.path.clone());
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(fault)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let text = self.sealing.decrypt(&XNonce::from(*nonce), payload).map_err(|_| fault())?;
        String::from_utf8(text).map(Secret::new).map_err(|_| fault())
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let ambient = Ambient::scripted(Timestamp::default(), 1);
        let vault = Vault::open(&dir.path().join("a.key"), &ambient, Age::New).unwrap();
        let sealed = vault.seal("subscriptions/1/secret", &Secret::new("whsec".into()), &ambient).unwrap();
        assert!(!sealed.windows(5).any(|bytes| bytes == b"whsec"));
        assert!(vault.unseal("subscriptions/2/secret", &sealed).is_err());
        let again = Vault::open(&dir.path().join("a.key"), &ambient, Age::New).unwrap();
        assert_eq!(again.unseal("subscriptions/1/secret", &sealed).unwrap().reveal(), "whsec");
        assert_eq!(again.hash("key"), vault.hash("key"));
        let lost = Vault::open(&dir.path().join("lost.key"), &ambient, Age::Founded);
        assert!(matches!(lost, Err(Error::KeyMissing(_))), "a lost key is not replaced");
        let other = Vault::open(&dir.path().join("b.key"), &ambient, Age::New).unwrap();
        assert!(other.unseal("subscriptions/1/secret", &sealed).is_err());
        assert_ne!(other.hash("key"), vault.hash("key"));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        Vault::open(&path, &Ambient::scripted(Timestamp::default(), 1), Age::New).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
