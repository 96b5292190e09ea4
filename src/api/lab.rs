//! What the signature lab finds out, on the wire and in the command line.

use crate::domain::lab::Finding;
use crate::domain::lab::flaw::Found;
use crate::domain::text::Untrusted;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a signature fits, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It fits.
    Genuine,
    /// It does not, and it is known why.
    Explained,
    /// It does not, and no way of computing that was tried gives it.
    Unexplained,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlawRow {
    /// The name of the cause: `sig-no-dot`.
    pub id: String,
    /// In one line.
    pub title: String,
    /// The exact difference.
    pub difference: Untrusted,
    /// What to do.
    pub resolution: String,
}

/// What the lab found out about one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lab {
    /// Whether it fits.
    pub fit: Fit,
    /// What is wrong; empty unless explained.
    pub causes: Vec<FlawRow>,
    /// Ways of computing that were tried in vain; null unless unexplained.
    pub n_tried: Option<u64>,
}

/// The query of `GET /portal/v1/attempts/{id}/signature`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignatureQuery {
    /// The signature that the receiver computed, where its answer does not name it.
    pub computed: Option<String>,
}

/// What a receiver's answer to an attempt says about how it verified (the answer to `GET /portal/v1/attempts/{id}/signature`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureCheck {
    /// What was found out.
    #[serde(flatten)]
    pub lab: Lab,
    /// The signature that the receiver computed, by its answer or as it was told; null if it is not known.
    pub computed: Option<Untrusted>,
    /// How many seconds the receiver's clock is ahead of the platform's, by the date of its answer; null without one.
    pub clock_ahead_seconds: Option<i64>,
}

impl From<&Finding> for Lab {
    fn from(of: &Finding) -> Self {
        match of {
            Finding::Genuine => Self { fit: Fit::Genuine, causes: Vec::new(), n_tried: None },
            Finding::Explained(found) => {
                Self { fit: Fit::Explained, causes: found.iter().map(FlawRow::from).collect(), n_tried: None }
            }
            Finding::Unexplained { n_tried } => {
                Self { fit: Fit::Unexplained, causes: Vec::new(), n_tried: Some(*n_tried as u64) }
            }
        }
    }
}

impl From<&Found> for FlawRow {
    fn from(of: &Found) -> Self {
        Self {
            id: of.flaw.id().to_owned(),
            title: of.flaw.title().to_owned(),
            difference: Untrusted::new(of.difference.as_str()),
            resolution: of.flaw.resolution().to_owned(),
        }
    }
}
