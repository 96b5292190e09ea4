//! Results of the signature debugger, for the API and the command line.

use crate::domain::signature_debugger::sample::SignatureDiagnosis;
use crate::domain::signature_debugger::signature_fault::DetectedFault;
use crate::domain::text::Untrusted;
use serde::{Deserialize, Serialize};

/// Whether a signature is valid and, if not, whether the cause is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignatureFit {
    /// The signature is valid for the secret, the timestamp and the body.
    Genuine,
    /// The signature is invalid, and at least one cause was found.
    Explained,
    /// The signature is invalid, and none of the known mistakes reproduces it.
    Unexplained,
}

/// Cause of an invalid signature, with its resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct SignatureCause {
    /// Identifier of the cause, such as `sig-no-dot`.
    pub id: String,
    /// Title of the cause, in one line.
    pub title: String,
    /// Exact difference between the expected and the received signature input.
    pub difference: Untrusted,
    /// Content of the altered body and of the one that was sent, where they first differ; null if the body is not
    /// altered, and for operators who are not admins.
    #[serde(default)]
    pub excerpt: Option<Untrusted>,
    /// Resolution of the cause, as an instruction to the receiver's developer.
    pub resolution: String,
}

/// Result of debugging one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// Whether the signature is valid and, if not, whether the cause is known.
    pub fit: SignatureFit,
    /// Causes of an invalid signature; empty unless `fit` is `explained`.
    pub causes: Vec<SignatureCause>,
    /// Number of known mistakes that were tried without a match; null unless `fit` is `unexplained`.
    pub n_tried: Option<u64>,
}

/// Query of `GET /portal/v1/attempts/{id}/signature`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignatureQuery {
    /// Signature that the receiver computed, if the receiver's response does not contain it.
    pub computed: Option<String>,
}

/// Diagnosis of a receiver's signature check from its response to an attempt: the response to `GET
/// /portal/v1/attempts/{id}/signature`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignatureCheck {
    /// Result of debugging the signature that the receiver computed.
    #[serde(flatten)]
    pub lab: SignatureReport,
    /// Signature that the receiver computed, from its response or from the query; null if unknown.
    pub computed: Option<Untrusted>,
    /// Seconds that the receiver's clock is ahead of the platform's, from the `Date` header of its response; null
    /// without one.
    pub clock_ahead_seconds: Option<i64>,
}

impl From<&SignatureDiagnosis> for SignatureReport {
    fn from(of: &SignatureDiagnosis) -> Self {
        match of {
            SignatureDiagnosis::Genuine => Self { fit: SignatureFit::Genuine, causes: Vec::new(), n_tried: None },
            SignatureDiagnosis::Explained(found) => Self {
                fit: SignatureFit::Explained,
                causes: found.iter().map(SignatureCause::from).collect(),
                n_tried: None,
            },
            SignatureDiagnosis::Unexplained { n_tried } => {
                Self { fit: SignatureFit::Unexplained, causes: Vec::new(), n_tried: Some(*n_tried as u64) }
            }
        }
    }
}

impl From<&DetectedFault> for SignatureCause {
    fn from(of: &DetectedFault) -> Self {
        Self {
            id: of.fault.id().to_owned(),
            title: of.fault.title().to_owned(),
            difference: Untrusted::new(of.difference.as_str()),
            excerpt: of.excerpt.as_deref().map(Untrusted::new),
            resolution: of.fault.resolution().to_owned(),
        }
    }
}
