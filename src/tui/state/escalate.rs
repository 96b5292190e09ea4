//! State of pane 0 (Escalate): scope and stage of the ticket, whether it includes response bodies, the passages that were
//! released, and the scroll position.

use crate::diagnose::incident::IncidentScope;
use crate::export::bundle::{BundleError, TicketBundle};
use crate::export::ticket::ResponseBodies;
use std::collections::BTreeSet;

/// Reason why no passage can be released.
pub const NOTHING_TO_RELEASE: &str = "no redacted passage can be released";

/// Passage that the secret gate masked or held back, and that the operator can release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPassage {
    /// Kind of secret that was found.
    pub kind: String,
    /// Place of the passage; of a masked passage, the places of all passages of its kind.
    pub places: Vec<String>,
    /// Fingerprint that releases the passage.
    pub fingerprint: String,
}

/// Failure to build a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFailure {
    /// Reason in one line.
    pub why: String,
    /// Passage that was held back, if that is the reason.
    pub held: Option<HeldPassage>,
}

impl From<BundleError> for BundleFailure {
    fn from(error: BundleError) -> Self {
        let why = error.to_string();
        let held = match error {
            BundleError::Held { place, held } => {
                Some(HeldPassage { kind: held.kind.to_string(), places: vec![place], fingerprint: held.fingerprint })
            }
            BundleError::Json(_) | BundleError::Exists { .. } | BundleError::Io { .. } => None,
        };
        Self { why, held }
    }
}

/// Question whether to release a passage, one of those that can be released.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseQuestion {
    /// Passages that can be released.
    pub passages: Vec<HeldPassage>,
    /// Index of the passage that is asked about.
    pub at: usize,
    /// Stage to which a no leads back.
    pub before: BundleStage,
}

impl ReleaseQuestion {
    /// Returns the passage that is asked about.
    #[must_use]
    pub fn passage(&self) -> &HeldPassage {
        &self.passages[self.at]
    }

    /// Returns the question about the next passage, after the last one about the first.
    #[must_use]
    pub fn next_passage(self) -> Self {
        Self { at: (self.at + 1) % self.passages.len(), ..self }
    }
}

/// Stage of the ticket, from collecting to written.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum BundleStage {
    /// No bundle was collected yet.
    #[default]
    None,
    /// Bundle is being collected from the platform.
    Collecting,
    /// Bundle could not be built.
    Failed(BundleFailure),
    /// Bundle is ready to be written.
    Ready(Box<TicketBundle>),
    /// Bundle is ready, and the operator is asked whether to write it.
    Confirming(Box<TicketBundle>),
    /// The operator is asked whether to release a passage.
    Releasing(Box<ReleaseQuestion>),
    /// Bundle was written to this path.
    Written(Box<TicketBundle>, String),
}

impl BundleStage {
    /// Returns the passages that can be released: those masked in the bundle, or the one that held it back.
    fn passages(&self) -> Vec<HeldPassage> {
        match self {
            Self::Failed(failure) => failure.held.iter().cloned().collect(),
            Self::Ready(bundle) => {
                let masked = bundle.manifest().redactions.iter().flat_map(|of| {
                    of.fingerprints.iter().map(|fingerprint| HeldPassage {
                        kind: of.what.clone(),
                        places: of.places.clone(),
                        fingerprint: fingerprint.clone(),
                    })
                });
                masked.collect()
            }
            Self::None | Self::Collecting | Self::Confirming(_) | Self::Releasing(_) | Self::Written(..) => Vec::new(),
        }
    }

    /// Whether a passage can be released.
    #[must_use]
    pub fn has_passages(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.held.is_some(),
            Self::Ready(bundle) => bundle.manifest().redactions.iter().any(|of| !of.fingerprints.is_empty()),
            Self::Releasing(_) => true,
            Self::None | Self::Collecting | Self::Confirming(_) | Self::Written(..) => false,
        }
    }

    /// Returns the question about the first passage that can be released, or about the next one.
    ///
    /// # Errors
    /// A one-line reason when no passage can be released.
    pub fn release_question(&self) -> Result<ReleaseQuestion, String> {
        if let Self::Releasing(question) = self {
            return Ok((**question).clone().next_passage());
        }
        if !self.has_passages() {
            return Err(NOTHING_TO_RELEASE.to_owned());
        }
        Ok(ReleaseQuestion { passages: self.passages(), at: 0, before: self.clone() })
    }
}

/// State of pane 0: scope and stage of the bundle, and the scroll position.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalateState {
    /// Scope of the bundle: subjects and picked items.
    pub scope: IncidentScope,
    /// Whether the bodies of responses are included.
    pub bodies: ResponseBodies,
    /// Fingerprints of the passages that were released for this bundle.
    pub released: BTreeSet<String>,
    /// Stage of the bundle, from collecting to written.
    pub stage: BundleStage,
    /// Index of the first visible line.
    pub top: usize,
}

impl Default for EscalateState {
    fn default() -> Self {
        Self {
            scope: IncidentScope::last_hour_of(Vec::new()),
            bodies: ResponseBodies::Included,
            released: BTreeSet::new(),
            stage: BundleStage::None,
            top: 0,
        }
    }
}
