//! The platform's secret scan: text that is about to leave is searched for the secrets that the platform holds.

use serde::{Deserialize, Serialize};

/// Result of a secret scan: where the platform's secrets occur in a text. The secrets themselves are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretScanReport {
    /// Number of bytes that were searched.
    pub n_bytes: u64,
    /// Secrets that were found, in the order of the text; empty if none.
    pub items: Vec<SecretOccurrence>,
}

/// Occurrence of one of the platform's secrets in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretOccurrence {
    /// Kind of secret that was found.
    pub kind: HeldSecretKind,
    /// ID of the subscription, key or operator that the secret belongs to.
    pub id: i64,
    /// Fingerprint of the secret: eight bytes of a digest in lowercase hex. Equal secrets have equal fingerprints.
    pub fingerprint: String,
    /// Encoding in which the secret was found: `clear`, `escaped`, `split`, `base64` or `hex`.
    pub encoding: String,
    /// Offset of the occurrence in the text, in bytes from 0.
    pub offset: u64,
    /// Length of the occurrence in the text, in bytes.
    pub length: u64,
}

/// Kind of secret that the platform holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HeldSecretKind {
    /// Signing secret of a subscription.
    SigningSecret,
    /// API key of a company, in full.
    ApiKey,
    /// Bearer token of an operator.
    OperatorToken,
}

impl HeldSecretKind {
    /// Returns the kind with its article, to be followed by the owner's number: "the API key" 7.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SigningSecret => "the signing secret of subscription",
            Self::ApiKey => "the API key",
            Self::OperatorToken => "the token of operator",
        }
    }
}
