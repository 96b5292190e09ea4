//! Master key of the platform: its source, and authenticated encryption bound to the place of a stored value.

use super::error::Error;
use super::files;
use crate::clock::RuntimeEnv;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// File name of the master key in the data directory.
const KEY_FILE: &str = "platform.key";
/// File name of the next master key, written before anything is sealed with that key.
const NEXT_KEY_FILE: &str = "platform.key.next";

/// Source of the master key.
#[derive(Debug, Clone, Default)]
pub enum MasterKeySource {
    /// File `platform.key` in the data directory (mode 0600), created with the platform.
    #[default]
    File,
    /// Key handed over by the program that starts the platform.
    Provided(Arc<MasterKey>),
}

/// Master key of 32 bytes, from which all other keys are derived.
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    /// Name of the key's origin in messages, such as a path.
    origin: String,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.origin)
    }
}

impl MasterKey {
    /// Parses 64 hexadecimal digits. `origin` names the source in messages.
    ///
    /// # Errors
    /// [`Error::InvalidMasterKey`] naming the origin; the text is not repeated.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| Error::InvalidMasterKey(origin.to_owned()))?;
        Ok(Self { bytes, origin: origin.to_owned() })
    }

    /// Generates a key that will be stored at `path`.
    pub(super) fn fresh(path: &Path, ambient: &RuntimeEnv) -> Self {
        Self { bytes: Zeroizing::new(ambient.random_bytes::<32>()), origin: path.display().to_string() }
    }

    /// Text of a key file: the key in hexadecimal and a line end.
    pub(super) fn file_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", hex::encode(self.bytes.as_slice())))
    }

    /// Name of the key's origin in messages.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Pepper of platforms created before the pepper was stored in the database.
    pub(super) fn legacy_pepper(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(self.bytes.as_slice(), b"pepper"))
    }

    /// MAC that authenticates the bytes of a backup.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(super) fn backup_mac(&self) -> Hmac<Sha256> {
        let key = Zeroizing::new(hmac_sha256(self.bytes.as_slice(), b"backup"));
        Hmac::new_from_slice(key.as_slice()).expect("HMAC takes keys of every length")
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&hmac_sha256(self.bytes.as_slice(), b"sealing").into())
    }

    /// Encrypts bytes and binds them to the place where they are stored.
    ///
    /// # Errors
    /// [`Error::UnsealFailed`] naming the place.
    pub(super) fn seal(&self, place: &str, bytes: &[u8], ambient: &RuntimeEnv) -> Result<Vec<u8>, Error> {
        let nonce = ambient.random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: bytes, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| self.unseal_error(place))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts a value stored at a place.
    ///
    /// # Errors
    /// [`Error::UnsealFailed`] naming the place, for a wrong key, edited bytes, or bytes sealed for another place.
    pub(super) fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| self.unseal_error(place))?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| self.unseal_error(place))
    }

    fn unseal_error(&self, place: &str) -> Error {
        Error::UnsealFailed { place: place.to_owned(), key: self.origin.clone() }
    }
}

/// Path of the key file in a data directory.
pub(super) fn key_file(dir: &Path) -> PathBuf {
    dir.join(KEY_FILE)
}

/// Path of the next key file during a key change.
pub(super) fn next_key_file(dir: &Path) -> PathBuf {
    dir.join(NEXT_KEY_FILE)
}

/// Reads a key file; `None` if there is no file.
///
/// # Errors
/// [`Error::InvalidMasterKey`] for a malformed file, [`Error::Io`] when the file cannot be read.
pub(super) fn read_key_file(path: &Path) -> Result<Option<MasterKey>, Error> {
    match crate::files::read_text_limited(path, crate::files::MAX_SECRET_BYTES) {
        Ok(text) => MasterKey::parse(&Zeroizing::new(text), &path.display().to_string()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// Lists the keys that may open the data directory, the likeliest first.
///
/// # Errors
/// [`Error::InvalidMasterKey`] for a malformed file, [`Error::Io`] when a file cannot be read.
pub(super) fn candidate_keys(dir: &Path, custody: &MasterKeySource) -> Result<Vec<Arc<MasterKey>>, Error> {
    if let MasterKeySource::Provided(root) = custody {
        return Ok(vec![Arc::clone(root)]);
    }
    let found = [read_key_file(&key_file(dir))?, read_key_file(&next_key_file(dir))?];
    Ok(found.into_iter().flatten().map(Arc::new).collect())
}

/// Finds the key that opens an existing platform, tested with `proof`. An interrupted key change leaves two files;
/// the file that opens the database has the key.
///
/// # Errors
/// [`Error::MasterKeyMissing`], [`Error::InvalidMasterKey`], [`Error::Io`], and the error of `proof` for the expected key.
pub(super) fn find_key(
    dir: &Path,
    custody: &MasterKeySource,
    proof: impl Fn(&MasterKey) -> Result<(), Error>,
) -> Result<Arc<MasterKey>, Error> {
    if let MasterKeySource::Provided(root) = custody {
        return proof(root).map(|()| Arc::clone(root));
    }
    let first = read_key_file(&key_file(dir))?;
    let refused = match first {
        Some(root) => match proof(&root) {
            Ok(()) => return Ok(Arc::new(root)),
            Err(error) => error,
        },
        None => Error::MasterKeyMissing(key_file(dir)),
    };
    match read_key_file(&next_key_file(dir))? {
        Some(root) if proof(&root).is_ok() => Ok(Arc::new(root)),
        _ => Err(refused),
    }
}

/// Completes an interrupted key change: the file with `root` becomes the key file, the other file is removed. Call
/// this under the lock of the data directory.
///
/// # Errors
/// [`Error::Io`] when a file cannot be renamed or removed.
pub(super) fn finish_key_change(dir: &Path, root: &MasterKey) -> Result<(), Error> {
    if root.origin == next_key_file(dir).display().to_string() {
        return files::rename(&next_key_file(dir), &key_file(dir));
    }
    files::remove(&next_key_file(dir))
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
