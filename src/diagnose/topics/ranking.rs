//! Ranked causes and their offers, as the playbooks build them.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::playbook::RankedCause;
use crate::diagnose::remedy::{RemediationAction, RunbookTarget};
use crate::diagnose::report::{DiagnosedCause, Evidence};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::ids::KeyId;

pub(super) fn ranked_cause(
    weight: u32,
    id: impl Into<String>,
    title: String,
    evidence: Vec<Evidence>,
    resolution: &str,
) -> RankedCause {
    RankedCause {
        weight,
        cause: DiagnosedCause { id: id.into(), title, evidence, resolution: resolution.to_owned(), offers: Vec::new() },
    }
}

pub(super) fn with_offers(
    mut weighed: RankedCause,
    remedies: impl IntoIterator<Item = RemediationAction>,
) -> RankedCause {
    weighed.cause.offers.extend(remedies.into_iter().map(Into::into));
    weighed
}

/// Offers a key rotation, if the key is known.
pub(super) fn new_key(id: Option<KeyId>) -> Option<RemediationAction> {
    id.map(|id| {
        RemediationAction::Runbook(RunbookTarget { runbook: Runbook::KeyRotation, subject: DiagnosisSubject::Key(id) })
    })
}

/// Turns a number of rows into a weight between `base` and `base` + 999.
pub(super) fn capped_weight(base: u32, n: usize) -> u32 {
    base + u32::try_from(n).unwrap_or(u32::MAX).min(999)
}
