//! The platform's own secret check: text that is about to leave is searched for the secrets that the platform holds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the held secrets are in a text, in the order of the text. None of them is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretCheck {
    /// How many bytes were searched.
    pub n_bytes: u64,
    /// What was found; empty if nothing was.
    pub items: Vec<HeldSecret>,
}

/// A held secret in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldSecret {
    /// What it is.
    pub kind: HeldKind,
    /// The subscription, key or operator it belongs to.
    pub id: i64,
    /// Eight bytes of a digest over it, in lowercase hex: the same secret has the same.
    pub fingerprint: String,
    /// How it is written: `clear`, `escaped`, `split`, `base64` or `hex`.
    pub encoding: String,
    /// The first byte of the text that it is in, from 0.
    pub offset: u64,
    /// How many bytes of the text it is in.
    pub length: u64,
}

/// A kind of secret that the platform holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldKind {
    /// The signing secret of a subscription.
    SigningSecret,
    /// An API key.
    ApiKey,
    /// An operator's token.
    OperatorToken,
}

impl HeldKind {
    /// What people call it, with its article.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SigningSecret => "the signing secret of subscription",
            Self::ApiKey => "the API key",
            Self::OperatorToken => "the token of operator",
        }
    }
}
