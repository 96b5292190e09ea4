//! Playbook for a lost signing secret: receivers that say they have none, and the way to a new one.

use super::ranking::{ranked_cause, with_offers};
use super::refused_calls::DELIVERY_LOG_UNKNOWN;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::remedy::{RemediationAction, RunbookTarget};
use crate::diagnose::report::{Evidence, PlaybookTopic};
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::text::Untrusted;
use crate::wire::attempts::AttemptDetail;

/// Checks, in order: the receiver has a secret, a replacement is running.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::LostSecret,
    needs: &[EvidenceSource::Subscriptions, EvidenceSource::Refusals],
    checks: &[
        PlaybookCheck {
            id: "receiver-has-secret",
            text: "Do the receivers have a signing secret?",
            condition: CheckCondition::Always,
            check: has_secret,
        },
        PlaybookCheck {
            id: "overlap",
            text: "Do enabled subscriptions differ in target or event types?",
            condition: CheckCondition::Failed("receiver-has-secret"),
            check: replacement_running,
        },
    ],
};

/// Checks whether an answer says that the receiver has no secret: it mentions a secret, and that there is none.
#[must_use]
pub fn says_no_secret(detail: &AttemptDetail) -> bool {
    let Some(text) = &detail.response_body.text else { return false };
    let text = text.raw().to_lowercase();
    let none = [
        "not configured",
        "missing",
        "no signing secret",
        "not set",
        "unset",
        "lost",
        "undefined",
        "no secret",
        "empty",
    ];
    text.contains("secret") && none.into_iter().any(|word| text.contains(word))
}

fn has_secret(dossier: &EvidenceSet) -> CheckResult {
    let refusals = match dossier.refusals.result() {
        Ok(refusals) => refusals,
        Err(why) => return CheckResult::unknown(why),
    };
    let mut causes: Vec<RankedCause> = Vec::new();
    let mut evidence: Vec<Evidence> = Vec::new();
    for of in refusals {
        let detail = match of.detail.result() {
            Ok(detail) => detail,
            Err(why) => {
                return CheckResult { causes, evidence, verdict: crate::diagnose::report::CheckVerdict::Unknown(why) };
            }
        };
        let Some(id) = of.attempt.subscription_id else { continue };
        let said = detail.response_body.text.as_ref().map_or_else(|| "(not text)".to_owned(), Untrusted::sanitized);
        let found = of.detail.evidence(&format!("subscription {id}: receiver's answer"), said, None);
        evidence.push(found.clone());
        if !says_no_secret(detail) {
            continue;
        }
        let title = format!("the receiver of subscription {id} reports that it has no signing secret");
        let weighed = ranked_cause(
            2_000,
            "lost-secret",
            title,
            vec![found],
            "A secret is shown only once. Create a second subscription with the same target and event types: the response contains a new \
             secret. Configure it in the receiver, wait for the first success, then delete the old subscription. While both are enabled, \
             each event arrives twice: drop duplicates by event id.",
        );
        let guide = RunbookTarget { runbook: Runbook::LostSecret, subject: DiagnosisSubject::Subscription(id) };
        causes.push(with_offers(weighed, [RemediationAction::Runbook(guide)]));
    }
    if refusals.is_empty() && dossier.visibility == CallerVisibility::KeyOnly {
        return CheckResult::unknown(DELIVERY_LOG_UNKNOWN);
    }
    if refusals.is_empty() {
        let rows = dossier.subscriptions.found.iter().flatten();
        if rows.clone().count() == 0 || rows.clone().all(|row| row.subscription.last_attempt_utc.is_none()) {
            return CheckResult::unknown("nothing was sent yet, so no receiver verified anything");
        }
    }
    CheckResult::from_causes(causes, evidence)
}

fn replacement_running(dossier: &EvidenceSet) -> CheckResult {
    if let DiagnosisSubject::Subscription(_) = dossier.scope.subject {
        return CheckResult::skipped("needs all subscriptions of the company (--company)");
    }
    let rows = match dossier.subscriptions.result() {
        Ok(rows) => rows,
        Err(why) => return CheckResult::unknown(why),
    };
    let mut evidence = Vec::new();
    for (position, one) in rows.iter().enumerate() {
        let (a, id) = (&one.subscription, one.subscription.id);
        let twin = rows[position + 1..].iter().find(|other| {
            let b = &other.subscription;
            b.company_id == a.company_id
                && b.target_url == a.target_url
                && b.event_types == a.event_types
                && a.is_enabled
                && b.is_enabled
        });
        evidence.extend(twin.map(|other| {
            let other = other.subscription.id;
            dossier.subscriptions.evidence(
                &format!("subscriptions {id} and {other}"),
                "same target and event types, both enabled: events arrive twice",
                None,
            )
        }));
    }
    if evidence.is_empty() {
        return CheckResult::pass(vec![dossier.subscriptions.evidence(
            "pairs with the same target and event types",
            "0",
            None,
        )]);
    }
    CheckResult { verdict: crate::diagnose::report::CheckVerdict::Fail, evidence, causes: Vec::new() }
}
