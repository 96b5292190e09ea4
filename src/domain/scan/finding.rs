//! What a secret scan finds, and what it is given to find.

use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;

/// Kind of a found secret, the most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A secret from the list of known secrets.
    Known,
    /// An API key of the platform.
    ApiKey,
    /// An operator token of the platform.
    OperatorToken,
    /// A signing secret with its prefix.
    SigningSecret,
    /// A private key in PEM format.
    PrivateKey,
    /// A key of a cloud provider.
    CloudKey,
    /// A token of a code host, messenger, payment or mail service.
    ServiceToken,
    /// A JSON Web Token (JWT).
    JsonWebToken,
    /// An authentication scheme with its credentials.
    Authorization,
    /// A user name and password before a host.
    UrlPassword,
    /// The value of something named password, secret, token or key.
    Assignment,
    /// Random bytes of a length that secrets have.
    RandomBytes,
}

impl SecretKind {
    /// Name of the kind with its article, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "a known secret",
            Self::ApiKey => "an API key",
            Self::OperatorToken => "an operator token",
            Self::SigningSecret => "a signing secret",
            Self::PrivateKey => "a private key",
            Self::CloudKey => "a cloud provider's key",
            Self::ServiceToken => "a service's token",
            Self::JsonWebToken => "a JSON Web Token",
            Self::Authorization => "an Authorization header",
            Self::UrlPassword => "a user name with its password",
            Self::Assignment => "the value of a password, secret, token or key",
            Self::RandomBytes => "a random secret",
        }
    }

    /// Text that replaces a secret of this kind.
    #[must_use]
    pub const fn mask(self) -> &'static str {
        match self {
            Self::Known => "[redacted secret]",
            Self::ApiKey => "[redacted API key]",
            Self::OperatorToken => "[redacted operator token]",
            Self::SigningSecret => "[redacted signing secret]",
            Self::PrivateKey => "[redacted private key]",
            Self::CloudKey => "[redacted cloud key]",
            Self::ServiceToken => "[redacted service token]",
            Self::JsonWebToken => "[redacted JWT]",
            Self::Authorization => "[redacted authorization]",
            Self::UrlPassword => "[redacted login]",
            Self::Assignment => "[redacted value]",
            Self::RandomBytes => "[redacted random secret]",
        }
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Encoding in which a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretEncoding {
    /// Written in clear text, unencoded.
    Clear,
    /// Escaped for JSON, URLs, HTML, Markdown or quoted-printable.
    Escaped,
    /// Split over lines, strings or markup.
    Split,
    /// Encoded in Base64 of either alphabet.
    Base64,
    /// Encoded as a hexadecimal number.
    Hex,
}

impl SecretEncoding {
    /// Name of the encoding on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Escaped => "escaped",
            Self::Split => "split",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// Looks up an encoding by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Clear, Self::Escaped, Self::Split, Self::Base64, Self::Hex].into_iter().find(|of| of.name() == name)
    }
}

impl fmt::Display for SecretEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "in clear",
            Self::Escaped => "with escapes",
            Self::Split => "in pieces",
            Self::Base64 => "in Base64",
            Self::Hex => "in hexadecimal digits",
        })
    }
}

/// Fingerprint of a secret: eight bytes of a SHA-256, which identify the secret without revealing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretFingerprint([u8; 8]);

impl SecretFingerprint {
    pub(super) fn of(secret: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"crow secret fingerprint\0").chain_update(secret).finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(bytes)
    }
}

impl fmt::Display for SecretFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A secret found in a text, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFinding {
    /// Kind of the found secret.
    pub kind: SecretKind,
    /// Encoding in which the secret is written.
    pub encoding: SecretEncoding,
    /// Byte range of the secret in the text.
    pub range: Range<usize>,
    /// Fingerprint by which an operator can release the finding.
    pub fingerprint: SecretFingerprint,
    /// Number of the known secret, as numbered by [`HeldSecrets`].
    pub known: Option<usize>,
}

/// Known secrets that are searched for besides the shapes of credentials.
pub trait HeldSecrets {
    /// Finds every known secret in a text, with its number. `joints` are the sorted offsets at which the text was
    /// joined.
    fn find(&self, text: &[u8], joints: &[usize]) -> Vec<(Range<usize>, usize)>;
}

/// Part of a view that looks like a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CredentialShape {
    pub(super) kind: SecretKind,
    pub(super) range: Range<usize>,
}
