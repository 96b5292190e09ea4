//! The platform's key: where it is kept, and what it seals. Everything it seals is bound to the place it is stored in.

use super::{Error, files};
use crate::ambient::Ambient;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const NONCE: usize = 24;
/// The key file's name in the data directory.
const FILE: &str = "platform.key";
/// A key that is about to take the place of the key file: it is there before anything is sealed with it.
const NEXT: &str = "platform.key.next";

/// Where the platform's key is kept.
#[derive(Debug, Clone, Default)]
pub enum Custody {
    /// In `platform.key` in the data directory (mode 0600), which is made when a platform is founded.
    #[default]
    File,
    /// Elsewhere: whoever starts the platform hands it over.
    Given(Arc<Root>),
}

/// The key itself: 32 bytes, from which everything else is derived.
pub struct Root {
    bytes: Zeroizing<[u8; 32]>,
    /// What people call the place it came from.
    origin: String,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Root({})", self.origin)
    }
}

impl Root {
    /// Reads 64 hexadecimal digits. `origin` is what people call the place they came from.
    ///
    /// # Errors
    /// [`Error::NotAKey`] naming the origin; what was read is not repeated.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| Error::NotAKey(origin.to_owned()))?;
        Ok(Self { bytes, origin: origin.to_owned() })
    }

    /// A new key that will be kept at `path`.
    pub(super) fn fresh(path: &Path, ambient: &Ambient) -> Self {
        Self { bytes: Zeroizing::new(ambient.bytes::<32>()), origin: path.display().to_string() }
    }

    /// As it stands in a file.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", hex::encode(self.bytes.as_slice())))
    }

    /// What people call the place it came from.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The pepper of platforms that were founded before peppers were kept in the database.
    pub(super) fn old_pepper(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(self.bytes.as_slice(), b"pepper"))
    }

    /// What a backup is authenticated with: its bytes go through it.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(super) fn backup_mac(&self) -> Hmac<Sha256> {
        let key = Zeroizing::new(mac(self.bytes.as_slice(), b"backup"));
        Hmac::new_from_slice(key.as_slice()).expect("HMAC takes keys of every length")
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&mac(self.bytes.as_slice(), b"sealing").into())
    }

    /// Seals bytes for the place they are stored in.
    ///
    /// # Errors
    /// [`Error::Sealed`] naming the place.
    pub(super) fn seal(&self, place: &str, bytes: &[u8], ambient: &Ambient) -> Result<Vec<u8>, Error> {
        let nonce = ambient.bytes::<NONCE>();
        let payload = Payload { msg: bytes, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| self.fault(place))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for that place.
    ///
    /// # Errors
    /// [`Error::Sealed`] naming the place, for a wrong key and for bytes that were edited or stood elsewhere.
    pub(super) fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(|| self.fault(place))?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| self.fault(place))
    }

    fn fault(&self, place: &str) -> Error {
        Error::Sealed { place: place.to_owned(), key: self.origin.clone() }
    }
}

/// The key file of a data directory.
pub(super) fn file(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// The key file that is about to take its place.
pub(super) fn next(dir: &Path) -> PathBuf {
    dir.join(NEXT)
}

/// Reads a key file; none if there is none.
///
/// # Errors
/// [`Error::NotAKey`], and what the file system says.
pub(super) fn read(path: &Path) -> Result<Option<Root>, Error> {
    match crate::files::read_text(path, crate::files::MAX_SECRET_BYTES) {
        Ok(text) => Root::parse(&Zeroizing::new(text), &path.display().to_string()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

/// The keys that may open what is in the data directory, the likeliest first.
///
/// # Errors
/// [`Error::NotAKey`], and what the file system says.
pub(super) fn candidates(dir: &Path, custody: &Custody) -> Result<Vec<Arc<Root>>, Error> {
    if let Custody::Given(root) = custody {
        return Ok(vec![Arc::clone(root)]);
    }
    let found = [read(&file(dir))?, read(&next(dir))?];
    Ok(found.into_iter().flatten().map(Arc::new).collect())
}

/// The key that opens a founded platform, by what `proof` says of it. A change of keys that was cut short leaves two files; whichever opens
/// the database is the key.
///
/// # Errors
/// [`Error::KeyMissing`], [`Error::NotAKey`], and what `proof` said of the key that should have been right.
pub(super) fn find(
    dir: &Path,
    custody: &Custody,
    proof: impl Fn(&Root) -> Result<(), Error>,
) -> Result<Arc<Root>, Error> {
    if let Custody::Given(root) = custody {
        return proof(root).map(|()| Arc::clone(root));
    }
    let first = read(&file(dir))?;
    let refused = match first {
        Some(root) => match proof(&root) {
            Ok(()) => return Ok(Arc::new(root)),
            Err(error) => error,
        },
        None => Error::KeyMissing(file(dir)),
    };
    match read(&next(dir))? {
        Some(root) if proof(&root).is_ok() => Ok(Arc::new(root)),
        _ => Err(refused),
    }
}

/// Ends a change of keys that was cut short: the file that holds `root` becomes the key file, the other one goes. Belongs under the lock of
/// the directory.
///
/// # Errors
/// What the file system says.
pub(super) fn settle(dir: &Path, root: &Root) -> Result<(), Error> {
    if root.origin == next(dir).display().to_string() {
        return files::rename(&next(dir), &file(dir));
    }
    files::remove(&next(dir))
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(super) fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
