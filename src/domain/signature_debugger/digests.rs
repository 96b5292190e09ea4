//! Algorithms that receivers compute by mistake instead of HMAC-SHA256: other hashes, no HMAC at all, swapped arguments.

use super::signature_fault::{DetectedFault, SignatureFault};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_256};
use zeroize::Zeroizing;

/// Hash function that a receiver may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    /// MD5 with 16 bytes.
    Md5,
    /// SHA-1 with 20 bytes.
    Sha1,
    /// SHA-224 with 28 bytes.
    Sha224,
    /// SHA-256 with 32 bytes.
    Sha256,
    /// SHA-512/256 with 32 bytes.
    Sha512Of256,
    /// SHA-384 with 48 bytes.
    Sha384,
    /// SHA-512 with 64 bytes.
    Sha512,
}

impl HashKind {
    const ALL: [Self; 7] =
        [Self::Sha256, Self::Sha1, Self::Sha512, Self::Md5, Self::Sha384, Self::Sha224, Self::Sha512Of256];

    /// Name of the hash function.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha512Of256 => "SHA-512/256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Length of a hash in bytes.
    #[must_use]
    pub const fn n_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 | Self::Sha512Of256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => hashed::<Md5>(parts),
            Self::Sha1 => hashed::<Sha1>(parts),
            Self::Sha224 => hashed::<Sha224>(parts),
            Self::Sha256 => hashed::<Sha256>(parts),
            Self::Sha512Of256 => hashed::<Sha512_256>(parts),
            Self::Sha384 => hashed::<Sha384>(parts),
            Self::Sha512 => hashed::<Sha512>(parts),
        }
    }

    fn mac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5 => keyed(Hmac::<Md5>::new_from_slice(key).ok(), parts),
            Self::Sha1 => keyed(Hmac::<Sha1>::new_from_slice(key).ok(), parts),
            Self::Sha224 => keyed(Hmac::<Sha224>::new_from_slice(key).ok(), parts),
            Self::Sha256 => keyed(Hmac::<Sha256>::new_from_slice(key).ok(), parts),
            Self::Sha512Of256 => keyed(Hmac::<Sha512_256>::new_from_slice(key).ok(), parts),
            Self::Sha384 => keyed(Hmac::<Sha384>::new_from_slice(key).ok(), parts),
            Self::Sha512 => keyed(Hmac::<Sha512>::new_from_slice(key).ok(), parts),
        }
    }
}

fn hashed<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// HMAC takes keys of every length, so that there is one always.
fn keyed<M: Mac>(mac: Option<M>, parts: &[&[u8]]) -> Vec<u8> {
    let Some(mut mac) = mac else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// How the key and the message are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Construction {
    Hmac,
    SwappedHmac,
    HashOfMessage,
    KeyBeforeMessage,
    KeyBehindMessage,
    KeyDotMessage,
    MessageDotKey,
    KeyOnBothSides,
    HmacOfHash,
    HmacOfHexHash,
    HashOfHmac,
    HashOfHexHmac,
    HmacOfHex,
    HmacOfBase64,
    Chained,
    HashOfBodyKeyed,
}

const CONSTRUCTIONS: [Construction; 16] = [
    Construction::Hmac,
    Construction::SwappedHmac,
    Construction::HashOfMessage,
    Construction::KeyBeforeMessage,
    Construction::KeyBehindMessage,
    Construction::KeyDotMessage,
    Construction::MessageDotKey,
    Construction::KeyOnBothSides,
    Construction::HmacOfHash,
    Construction::HmacOfHexHash,
    Construction::HashOfHmac,
    Construction::HashOfHexHmac,
    Construction::HmacOfHex,
    Construction::HmacOfBase64,
    Construction::Chained,
    Construction::HashOfBodyKeyed,
];

impl Construction {
    const fn description(self) -> &'static str {
        match self {
            Self::Hmac => "an HMAC of that hash",
            Self::SwappedHmac => "an HMAC whose key is the message and whose message is the secret",
            Self::HashOfMessage => "a hash of the message without the secret",
            Self::KeyBeforeMessage => "a hash of the secret and the message, not an HMAC",
            Self::KeyBehindMessage => "a hash of the message and the secret, not an HMAC",
            Self::KeyDotMessage => "a hash of the secret, a dot and the message, not an HMAC",
            Self::MessageDotKey => "a hash of the message, a dot and the secret, not an HMAC",
            Self::KeyOnBothSides => "a hash of the message between two copies of the secret, not an HMAC",
            Self::HmacOfHash => "an HMAC of the message's hash in place of the message",
            Self::HmacOfHexHash => "an HMAC of the message's hash in hex in place of the message",
            Self::HashOfHmac => "a hash of the HMAC",
            Self::HashOfHexHmac => "a hash of the HMAC in hex",
            Self::HmacOfHex => "an HMAC of the message in hex",
            Self::HmacOfBase64 => "an HMAC of the message in Base64",
            Self::Chained => "an HMAC of the body, keyed with the HMAC of the timestamp",
            Self::HashOfBodyKeyed => "an HMAC of the timestamp, the dot and the hash of the body in hex",
        }
    }
}

/// An algorithm to try in place of HMAC-SHA256, with the fault that a match shows.
#[derive(Debug, Clone)]
pub struct DigestCandidate {
    hash: HashKind,
    construction: Construction,
    /// Fault that a match shows.
    pub found: DetectedFault,
}

impl DigestCandidate {
    /// Computes the digest of a message of three parts, the body in the middle.
    #[must_use]
    pub fn compute(&self, key: &[u8], message: [&[u8]; 3]) -> Vec<u8> {
        let hash = self.hash;
        let [before, body, behind] = message;
        let whole = || Zeroizing::new(message.concat());
        match self.construction {
            Construction::Hmac => hash.mac(key, &message),
            Construction::SwappedHmac => hash.mac(&whole(), &[key]),
            Construction::HashOfMessage => hash.hash(&message),
            Construction::KeyBeforeMessage => hash.hash(&[key, before, body, behind]),
            Construction::KeyBehindMessage => hash.hash(&[before, body, behind, key]),
            Construction::KeyDotMessage => hash.hash(&[key, b".", before, body, behind]),
            Construction::MessageDotKey => hash.hash(&[before, body, behind, b".", key]),
            Construction::KeyOnBothSides => hash.hash(&[key, before, body, behind, key]),
            Construction::HmacOfHash => hash.mac(key, &[&hash.hash(&message)]),
            Construction::HmacOfHexHash => hash.mac(key, &[hex::encode(hash.hash(&message)).as_bytes()]),
            Construction::HashOfHmac => hash.hash(&[&hash.mac(key, &message)]),
            Construction::HashOfHexHmac => hash.hash(&[hex::encode(hash.mac(key, &message)).as_bytes()]),
            Construction::HmacOfHex => hash.mac(key, &[hex::encode(&*whole()).as_bytes()]),
            Construction::HmacOfBase64 => {
                use base64::Engine as _;
                hash.mac(key, &[base64::engine::general_purpose::STANDARD.encode(&*whole()).as_bytes()])
            }
            Construction::Chained => {
                let stamp = before.strip_suffix(b".").unwrap_or(before);
                hash.mac(&hash.mac(key, &[stamp]), &[body])
            }
            Construction::HashOfBodyKeyed => {
                hash.mac(key, &[before, hex::encode(hash.hash(&[body])).as_bytes(), behind])
            }
        }
    }
}

/// Lists the algorithms whose digests can have one of these lengths in bytes, the commonest first.
#[must_use]
pub fn candidates(lengths: &[usize]) -> Vec<DigestCandidate> {
    let fits = |hash: HashKind| lengths.iter().any(|n| *n == hash.n_bytes() || (*n < hash.n_bytes() && *n == 32));
    let mut candidates = Vec::new();
    for construction in CONSTRUCTIONS {
        for hash in HashKind::ALL.into_iter().filter(|hash| fits(*hash)) {
            if (hash, construction) == (HashKind::Sha256, Construction::Hmac) {
                continue;
            }
            let what = format!("the signature matches {}: {}", hash.name(), construction.description());
            candidates.push(DigestCandidate {
                hash,
                construction,
                found: DetectedFault::new(SignatureFault::Algorithm, what),
            });
        }
    }
    candidates
}

/// Hash function that the label of a signature names: `sha1=…`, `md5:…`, `hmac-sha512=…`.
#[must_use]
pub fn labelled(label: &str) -> Option<HashKind> {
    let folded: String = label.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match folded.strip_prefix("hmac").unwrap_or(&folded) {
        "md5" => Some(HashKind::Md5),
        "sha1" | "sha" => Some(HashKind::Sha1),
        "sha224" => Some(HashKind::Sha224),
        "sha256" => Some(HashKind::Sha256),
        "sha384" => Some(HashKind::Sha384),
        "sha512" => Some(HashKind::Sha512),
        _ => None,
    }
}
