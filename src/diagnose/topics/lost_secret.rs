//! Playbook for a lost signing secret: receivers that say they have none, and the way to a new one.

use super::deliveries::{configuration_findings, endpoint_findings, none_judged, subscriptions};
use super::webhooks_not_arriving::no_subscription;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::domain::cause::CauseKind;
use crate::wire::coverage::CoveredNoun;

/// Checks, in order: the receiver has a secret, a replacement is running.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::LostSecret,
    checks: &[
        PlaybookCheck { id: "receiver-has-secret", text: "Do the receivers have a signing secret?", check: has_secret },
        PlaybookCheck { id: "overlap", text: "Does each target have one subscription?", check: overlap },
    ],
};

fn has_secret(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    if let Some(why) = set.endpoints.iter().find_map(|of| of.details.result().err()) {
        return CheckResult::unknown(why);
    }
    let findings: Vec<CauseFinding> = match endpoint_findings(set) {
        Ok(findings) => findings.into_iter().filter(|finding| finding.kind == CauseKind::LostSecret).collect(),
        Err(why) => return CheckResult::unknown(why),
    };
    if findings.is_empty() && set.visibility == CallerVisibility::KeyOnly {
        return CheckResult::unknown(set.why_partial(CoveredNoun::Attempts));
    }
    if findings.is_empty() && subscriptions(set).iter().all(|row| row.subscription.last_attempt_utc.is_none()) {
        return CheckResult::unknown("nothing was sent yet, so no receiver verified anything");
    }
    if let Some(why) = none_judged(set).filter(|_| findings.is_empty()) {
        return CheckResult::unknown(why);
    }
    let n = findings.len().to_string();
    let evidence = vec![set.subscriptions.evidence("receivers that say they have no secret", n, Some("0"))];
    CheckResult::from_rows(&set.subscriptions, findings, evidence)
}

fn overlap(set: &EvidenceSet) -> CheckResult {
    if let Some(unknown) = no_subscription(set) {
        return unknown;
    }
    let is_mine = |finding: &CauseFinding| {
        matches!(finding.kind, CauseKind::SubscriptionDuplicate | CauseKind::SubscriptionReplaced)
    };
    let findings: Vec<CauseFinding> = configuration_findings(set).into_iter().filter(is_mine).collect();
    let n = findings.len().to_string();
    CheckResult::from_findings(findings, vec![set.siblings.evidence("targets with two subscriptions", n, Some("0"))])
}
