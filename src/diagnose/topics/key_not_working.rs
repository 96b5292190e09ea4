//! Playbook for keys that do not work (401): revoked, cut off, with white space, of another company, in the wrong
//! header, or unknown.

use super::ranking::{capped_weight, new_key, ranked_cause, with_offers};
use super::refused_calls::{any_refused, code, group_by, refused, request_evidence};
use crate::diagnose::evidence_set::{CallerVisibility, EvidenceSet};
use crate::diagnose::playbook::{CheckCondition, CheckResult, EvidenceSource, Playbook, PlaybookCheck, RankedCause};
use crate::diagnose::report::PlaybookTopic;
use crate::text::{self, count};
use crate::wire::keys::KeyRow;
use crate::wire::refusal::{KeyDefect, RefusalReason};
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 401, header, form, known, active.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::KeyNotWorking,
    needs: &[EvidenceSource::Keys, EvidenceSource::Refused, EvidenceSource::Served],
    checks: &[
        PlaybookCheck {
            id: "refused-401",
            text: "Were all API keys accepted?",
            condition: CheckCondition::Always,
            check: |of| any_refused(of, 401),
        },
        PlaybookCheck {
            id: "key-header",
            text: "Did every call send its key in X-Api-Key?",
            condition: CheckCondition::Failed("refused-401"),
            check: header,
        },
        PlaybookCheck {
            id: "key-form",
            text: "Are the keys sent well-formed?",
            condition: CheckCondition::Failed("refused-401"),
            check: form,
        },
        PlaybookCheck {
            id: "key-known",
            text: "Are the keys sent known in their company?",
            condition: CheckCondition::Failed("refused-401"),
            check: known,
        },
        PlaybookCheck {
            id: "key-active",
            text: "Are the keys sent still active?",
            condition: CheckCondition::Failed("refused-401"),
            check: active,
        },
    ],
};

/// Creates a result with one cause per group of calls that were refused with a code.
fn causes_by_code<K: Ord>(
    dossier: &EvidenceSet,
    wanted: &str,
    key: impl Fn(&RequestRow) -> K,
    name: impl Fn(&K, &[&RequestRow]) -> Option<RankedCause>,
) -> CheckResult {
    let rows = match refused(dossier, 401) {
        Ok(rows) => rows.into_iter().filter(|row| code(row) == wanted).collect::<Vec<_>>(),
        Err(unknown) => return unknown,
    };
    let evidence =
        vec![dossier.refused.evidence(&format!("calls rejected as {wanted}"), rows.len().to_string(), Some("0"))];
    let groups = group_by(rows, key);
    let causes = groups.iter().filter_map(|(key, rows)| name(key, rows)).collect();
    CheckResult::from_rows(&dossier.refused, causes, evidence)
}

fn header(dossier: &EvidenceSet) -> CheckResult {
    causes_by_code(dossier, "missing_key", RequestRow::refusal, |reason, rows| {
        let n = count(rows.len(), "call");
        let title = match reason {
            Some(RefusalReason::Misplaced(place)) => {
                format!("the key was not in X-Api-Key: {} ({n})", text::key::misplaced(*place))
            }
            _ => format!("no key was sent ({n})"),
        };
        Some(ranked_cause(
            capped_weight(3_000, rows.len()),
            "key-wrong-header",
            title,
            request_evidence(dossier, rows),
            "Send the key in the header X-Api-Key, without Bearer and not in the URL. Replace a key that was sent in a URL: URLs are \
             logged.",
        ))
    })
}

fn form(dossier: &EvidenceSet) -> CheckResult {
    causes_by_code(dossier, "malformed_key", RequestRow::refusal, |reason, rows| {
        let defect = match reason {
            Some(RefusalReason::Malformed(defect)) => Some(*defect),
            _ => None,
        };
        let (id, what, resolution) = match defect {
            Some(KeyDefect::Characters) => (
                "key-spaces",
                "the key contains white space, a line break or an invisible character",
                "Copy the key again, and strip white space and line breaks where it is read from a file or setting.",
            ),
            Some(KeyDefect::Length) => (
                "key-truncated",
                "the key is too short or too long",
                "Copy the whole key again: 43 characters follow the company's number and an underscore. A field or column at the sender may be too short.",
            ),
            Some(KeyDefect::Company) => (
                "key-wrong-company",
                "the key has no valid company number",
                "Copy the key again: it begins with wlcro_live_, the company's number and an underscore.",
            ),
            Some(KeyDefect::Repeated) => (
                "key-repeated",
                "the header X-Api-Key is sent more than once",
                "Send the header X-Api-Key once in each call.",
            ),
            None => (
                "key-malformed",
                "the key is not well-formed",
                "Copy the key again: it begins with wlcro_live_, the company's number and an underscore, and 43 characters follow.",
            ),
            Some(KeyDefect::Prefix) => (
                "key-wrong-prefix",
                "the key has the wrong prefix",
                "Use a key of this platform: it begins with wlcro_live_ or wlcro_. Check whether the key of another service is configured.",
            ),
        };
        let title = format!("{what} ({})", count(rows.len(), "call"));
        Some(ranked_cause(capped_weight(2_000, rows.len()), id, title, request_evidence(dossier, rows), resolution))
    })
}

/// Returns the list of keys; empty for a key alone, whose own answers are enough.
fn known_keys(dossier: &EvidenceSet) -> Result<&[KeyRow], CheckResult> {
    match (dossier.keys.result(), dossier.visibility) {
        (Ok(keys), _) => Ok(keys),
        (Err(_), CallerVisibility::KeyOnly) => Ok(&[]),
        (Err(why), CallerVisibility::Full) => Err(CheckResult::unknown(why)),
    }
}

type RefusedKeyClaim = (Option<i64>, String);

fn claim(row: &RequestRow) -> RefusedKeyClaim {
    let last4 = row.claimed_last4.as_ref().map(|last4| last4.raw().to_owned()).unwrap_or_default();
    (row.claimed_company_id.map(|company| company.0), last4)
}

fn known(dossier: &EvidenceSet) -> CheckResult {
    let keys = match known_keys(dossier) {
        Ok(keys) => keys,
        Err(unknown) => return unknown,
    };
    causes_by_code(dossier, "unknown_key", claim, |(company, last4), rows| {
        let of = company.map_or_else(|| "unknown".to_owned(), |company| company.to_string());
        let ends_so = |key: &&KeyRow| key.last4.raw().eq_ignore_ascii_case(last4);
        let (alike, twin) = match keys.iter().filter(ends_so).find(|key| Some(key.company_id.0) == *company) {
            Some(alike) => (Some(alike), None),
            None => (None, keys.iter().find(|key| key.last4.raw() == last4)),
        };
        let mut evidence = request_evidence(dossier, rows);
        evidence.push(dossier.refused.evidence("key sent", format!("company {of}, \u{2026}{last4}"), None));
        if let Some(alike) = alike {
            let name = dossier.key_name(Some(alike.id));
            let title =
                format!("the key sent ends like {name} but differs before that ({})", count(rows.len(), "call"));
            let resolution = "Copy the key again: a character was mistyped, or its case was changed.";
            return Some(ranked_cause(capped_weight(1_000, rows.len()), "key-unknown", title, evidence, resolution));
        }
        Some(match twin {
            Some(twin) => {
                let really = format!("{} of company {}", dossier.key_name(Some(twin.id)), twin.company_id);
                evidence.push(dossier.keys.evidence("key with this ending", really.clone(), None));
                let title = format!(
                    "the key names company {of}, but the key with this ending is {really} ({})",
                    count(rows.len(), "call")
                );
                let resolution = "Use the key as issued: the company number is part of it and cannot be changed. For another company, create a \
                                  key there.";
                ranked_cause(capped_weight(2_000, rows.len()), "key-wrong-company", title, evidence, resolution)
            }
            None => {
                let title = format!("no key of company {of} ends in {last4} ({})", count(rows.len(), "call"));
                let resolution = "Compare the last four characters with the list of keys. If the key belongs to another environment or was never \
                                  issued here, create a new key and deploy it.";
                ranked_cause(capped_weight(1_000, rows.len()), "key-unknown", title, evidence, resolution)
            }
        })
    })
}

fn active(dossier: &EvidenceSet) -> CheckResult {
    let keys = match known_keys(dossier) {
        Ok(keys) => keys,
        Err(unknown) => return unknown,
    };
    causes_by_code(dossier, "revoked_key", claim, |(_, last4), rows| {
        let key = keys.iter().find(|key| key.last4.raw() == last4 && key.revoked_utc.is_some());
        let mut evidence = request_evidence(dossier, rows);
        let name = key.map_or_else(|| format!("key \u{2026}{last4}"), |key| dossier.key_name(Some(key.id)));
        let since =
            key.and_then(|key| key.revoked_utc).map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
        evidence.extend(key.map(|_| dossier.keys.evidence(&format!("{name}: revoked"), since.clone(), None)));
        let title = format!("{name} was revoked at {since} but is still in use ({})", count(rows.len(), "call"));
        let resolution = "Revocation is permanent. Create a new key with the same scopes and deploy it to the system that still sends the old one.";
        let weighed = ranked_cause(capped_weight(2_500, rows.len()), "key-revoked", title, evidence, resolution);
        Some(with_offers(weighed, new_key(key.map(|key| key.id))))
    })
}
