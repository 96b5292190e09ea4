//! Playbook for keys that do not work (401): revoked, cut off, with white space, of another company, in the wrong
//! header, mistyped, or unknown.

use super::calls::{
    CallCount, GoodCalls, call_evidence, call_finding, code, is_recent, join_groups, main_check, n_calls, new_key,
    newest, part_check, refused, remark, span, system, systems_text, unattributed, without_noise,
};
use crate::diagnose::call_count::{of_code, of_status};
use crate::diagnose::caller_id::CallerId;
use crate::diagnose::evidence_set::{CallGroup, CallerVisibility, EvidenceSet};
use crate::diagnose::finding::CauseFinding;
use crate::diagnose::playbook::{CheckResult, Playbook, PlaybookCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{CheckVerdict, DiagnosisRemark};
use crate::domain::cause::CauseKind;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::text;
use crate::wire::keys::KeyRow;
use crate::wire::refusal::{KeyDefect, RefusalReason};
use crate::wire::requests::RequestRow;

/// Checks, in order: refused with 401, header, form, known, active.
pub const PLAYBOOK: Playbook = Playbook {
    topic: PlaybookTopic::KeyNotWorking,
    checks: &[
        PlaybookCheck { id: "refused-401", text: "Were all API keys that were sent accepted?", check: all_accepted },
        PlaybookCheck { id: "key-header", text: "Did every known system send its key in X-Api-Key?", check: header },
        PlaybookCheck { id: "key-form", text: "Is every key that was sent well-formed?", check: form },
        PlaybookCheck { id: "key-known", text: "Does every key that was sent exist in its company?", check: known },
        PlaybookCheck { id: "key-active", text: "Is every key that was sent still active?", check: active },
    ],
};

/// Calls without a key from one caller from which on they are more than a scanner's.
const MIN_ANONYMOUS_CALLS: u64 = 5;

/// Problem codes of the contract for calls whose key was not accepted.
const KEY_CODES: [&str; 4] = ["missing_key", "malformed_key", "unknown_key", "revoked_key"];

/// Problem code of a call answered 401. A platform with codes of its own does not say more of a well-formed key than
/// that it is not known; what is wrong with any other key, a relay saw.
fn key_code(row: &RequestRow) -> &str {
    if KEY_CODES.contains(&code(row)) {
        return code(row);
    }
    let is_defect = |word: &str| KeyDefect::ALL.into_iter().any(|defect| defect.name() == word);
    match row.reason.as_ref().map(Untrusted::raw) {
        _ if row.claimed_last4.is_some() => "unknown_key",
        Some(word) if is_defect(word) => "malformed_key",
        Some(_) => "missing_key",
        None => code(row),
    }
}

/// Reason of a call answered 401, as the platform's code and the word beside it tell, or a relay.
fn key_refusal(row: &RequestRow) -> Option<RefusalReason> {
    row.refusal().or_else(|| RefusalReason::parse(key_code(row), row.reason.as_ref()?.raw()))
}

fn with_code<'s>(set: &'s EvidenceSet, wanted: &str) -> Vec<&'s CallGroup> {
    refused(set, |row| row.has_status(401) && key_code(row) == wanted)
}

/// Counts calls with a code; a platform with codes of its own may have given them another.
fn code_count<'g>(what: &'static str, groups: &[&'g CallGroup], wanted: &str) -> CallCount<'g> {
    let is_coded = groups.iter().all(|group| code(&group.newest) == wanted);
    CallCount::new(what, groups, if is_coded { of_code(wanted) } else { of_status(401) })
}

fn all_accepted(set: &EvidenceSet) -> CheckResult {
    let groups = refused(set, |row| row.has_status(401));
    let parts = [header(set), form(set), known(set), active(set)];
    let findings: Vec<CauseFinding> = parts.into_iter().flat_map(|part| part.findings).collect();
    main_check(set, CallCount::new("calls answered 401", &groups, of_status(401)), &findings)
}

fn header(set: &EvidenceSet) -> CheckResult {
    let groups = with_code(set, "missing_key");
    let (mut findings, mut remarks) = (Vec::new(), Vec::new());
    let joined = join_groups(groups.iter().copied(), |group| (key_refusal(&group.newest), group.caller()));
    for ((reason, _), groups) in &joined {
        let who = caller_name(set, groups);
        match reason {
            Some(RefusalReason::Misplaced(place)) => {
                let finding = call_finding(set, CauseKind::KeyWrongHeader, groups, who, GoodCalls::AnyRoute);
                findings.push(finding.detail(text::key::misplaced(*place)));
            }
            _ if is_known_system(set, groups) || n_calls(groups) >= MIN_ANONYMOUS_CALLS => {
                findings.push(call_finding(set, CauseKind::KeyNotSent, groups, who, GoodCalls::AnyRoute));
            }
            _ => remarks.push(anonymous_remark(set, groups)),
        }
    }
    let result = part_check(
        set,
        code_count("calls without a key in X-Api-Key", &groups, "missing_key"),
        without_noise(findings),
    );
    let result = result.skipped_without(unattributed(set));
    // Calls of no known system may be a scanner's, or a partner's first ones.
    let verdict = match result.verdict {
        CheckVerdict::Pass if !remarks.is_empty() => {
            CheckVerdict::Unknown("calls without a key came from no known system".to_owned())
        }
        other => other,
    };
    CheckResult { verdict, ..result }.with_remarks(remarks)
}

/// Calls without a key of a caller that is no known system: a scanner, or a person with a browser.
fn anonymous_remark(set: &EvidenceSet, groups: &[&CallGroup]) -> DiagnosisRemark {
    let n = text::count(n_calls(groups), "call");
    let systems = systems_text(groups);
    let title = format!(
        "{n} without a key by {systems}: they belong to no known key or company; a partner's system must send its key in X-Api-Key"
    );
    remark(CauseKind::KeyNotSent, title, call_evidence(set, groups))
}

/// Checks whether the same system made calls with a key.
fn is_known_system(set: &EvidenceSet, groups: &[&CallGroup]) -> bool {
    let served = EvidenceSet::rows(&set.served);
    let is_same =
        |row: &RequestRow| system(row).is_some() && groups.iter().any(|group| system(&group.newest) == system(row));
    served.iter().any(|group| is_same(&group.newest))
}

fn caller_name(set: &EvidenceSet, groups: &[&CallGroup]) -> String {
    groups.first().map_or_else(String::new, |group| set.caller_name(&group.caller()))
}

fn form(set: &EvidenceSet) -> CheckResult {
    let groups = with_code(set, "malformed_key");
    let joined = join_groups(groups.iter().copied(), |group| (key_refusal(&group.newest), group.caller()));
    let findings = joined.iter().map(|((reason, _), groups)| {
        let kind = match reason {
            Some(RefusalReason::Malformed(KeyDefect::Characters)) => CauseKind::KeySpaces,
            Some(RefusalReason::Malformed(KeyDefect::Length)) => CauseKind::KeyTruncated,
            Some(RefusalReason::Malformed(KeyDefect::Company)) => CauseKind::KeyWrongCompany,
            Some(RefusalReason::Malformed(KeyDefect::Repeated)) => CauseKind::KeyRepeated,
            Some(RefusalReason::Malformed(KeyDefect::Prefix)) => CauseKind::KeyWrongPrefix,
            _ => CauseKind::KeyMalformed,
        };
        call_finding(set, kind, groups, caller_name(set, groups), GoodCalls::AnyRoute)
    });
    let findings = without_noise(findings.collect());
    part_check(set, code_count("calls with a key that is not well-formed", &groups, "malformed_key"), findings)
        .skipped_without(unattributed(set))
}

/// Returns the list of keys; empty for a key alone, whose own answers are enough.
fn known_keys(set: &EvidenceSet) -> Result<&[KeyRow], CheckResult> {
    match (set.keys.result(), set.visibility) {
        (Ok(keys), _) => Ok(keys),
        (Err(_), CallerVisibility::KeyOnly) => Ok(&[]),
        (Err(why), CallerVisibility::Full) => Err(CheckResult::unknown(why)),
    }
}

fn known(set: &EvidenceSet) -> CheckResult {
    let keys = match known_keys(set) {
        Ok(keys) => keys,
        Err(unknown) => return unknown,
    };
    let groups = with_code(set, "unknown_key");
    let joined = join_groups(groups.iter().copied(), CallGroup::caller);
    let findings = joined.iter().map(|(caller, groups)| unknown_key(set, keys, caller, groups));
    let findings = without_noise(findings.collect());
    part_check(set, code_count("calls with an unknown key", &groups, "unknown_key"), findings)
}

fn unknown_key(set: &EvidenceSet, keys: &[KeyRow], caller: &CallerId, groups: &[&CallGroup]) -> CauseFinding {
    let CallerId::Claim(company, last4) = caller else {
        return call_finding(set, CauseKind::KeyUnknown, groups, set.caller_name(caller), GoodCalls::AnyRoute);
    };
    let ends_alike = |key: &&KeyRow| key.last4.raw().eq_ignore_ascii_case(last4);
    let alike = keys.iter().filter(ends_alike).find(|key| key.company_id == *company);
    let twin = keys.iter().find(|key| key.last4.raw() == last4);
    let sent = set.refused.evidence("key sent", format!("company {company}, \u{2026}{}", inert(last4)), None);
    let name = set.caller_name(caller);
    let (kind, who, detail) = match (alike, twin) {
        // An observer was refused with the same key, which the platform accepted before.
        (Some(alike), _) if set.visibility == CallerVisibility::KeyOnly && alike.is_active == Some(false) => {
            let used = alike.last_used_utc.map_or_else(String::new, |at| format!("last accepted {at}"));
            (CauseKind::KeyRevoked, set.key_name(alike.id), used)
        }
        // Only a call that the platform accepted meanwhile shows that the key itself is another one.
        (Some(alike), _)
            if set.visibility == CallerVisibility::KeyOnly && alike.last_used_utc < Some(span(groups).1) =>
        {
            (
                CauseKind::KeyUnknown,
                set.key_name(alike.id),
                "the platform does not say whether the key was revoked".to_owned(),
            )
        }
        (Some(alike), _) => (CauseKind::KeyMistyped, set.key_name(alike.id), String::new()),
        (None, Some(twin)) => {
            let really = format!("it is {} of company {}", set.key_name(twin.id), twin.company_id);
            (CauseKind::KeyWrongCompany, name, really)
        }
        (None, None) if !is_known_company(set, keys, *company) => (CauseKind::KeyWrongEnvironment, name, String::new()),
        (None, None) => {
            let is_told = groups.iter().all(|group| code(&group.newest) == "unknown_key");
            let detail = if is_told { "" } else { "the platform does not say whether the key was revoked" };
            (CauseKind::KeyUnknown, name, detail.to_owned())
        }
    };
    let mut finding = call_finding(set, kind, groups, who, GoodCalls::AnyRoute).detail(detail);
    finding.evidence.push(sent);
    finding
}

/// Checks whether the platform has a company. Where the list was not read, the keys tell.
fn is_known_company(set: &EvidenceSet, keys: &[KeyRow], id: CompanyId) -> bool {
    let of_keys = keys.is_empty() || keys.iter().any(|key| key.company_id == id);
    set.companies.found.as_ref().map_or(of_keys, |companies| companies.iter().any(|company| company.id == id))
}

fn active(set: &EvidenceSet) -> CheckResult {
    let keys = match known_keys(set) {
        Ok(keys) => keys,
        Err(unknown) => return unknown,
    };
    let groups = with_code(set, "revoked_key");
    let joined = join_groups(groups.iter().copied(), CallGroup::caller);
    let findings = joined.iter().map(|(caller, groups)| {
        let key = revoked_key(keys, caller);
        let who = key.map_or_else(|| set.caller_name(caller), |key| set.key_name(key.id));
        let mut finding = call_finding(set, CauseKind::KeyRevoked, groups, who.clone(), GoodCalls::AnyRoute);
        let since = key.and_then(|key| key.revoked_utc);
        let mut particulars = since.map_or_else(Vec::new, |at| vec![format!("revoked {at}")]);
        if is_recent(set, groups) {
            particulars.extend(Some(systems_text(groups)).filter(|of| !of.is_empty()).map(|of| format!("by {of}")));
        }
        finding.evidence.extend(since.map(|at| set.keys.evidence(&format!("{who}: revoked"), at.to_string(), None)));
        finding.said = newest(groups).and_then(|row| row.detail.clone());
        finding.detail(particulars.join("; ")).offers(new_key(key.map(|key| key.id)))
    });
    let findings = without_noise(findings.collect());
    part_check(set, code_count("calls with a revoked key", &groups, "revoked_key"), findings)
}

fn revoked_key<'k>(keys: &'k [KeyRow], caller: &CallerId) -> Option<&'k KeyRow> {
    let CallerId::Claim(company, last4) = caller else { return None };
    keys.iter().find(|key| key.company_id == *company && key.last4.raw() == last4 && key.revoked_utc.is_some())
}

fn inert(text: &str) -> String {
    Untrusted::new(text).sanitized()
}

/// Key that a claim means: the one of the company that ends so.
#[must_use]
pub fn claimed_key(keys: &[KeyRow], row: &RequestRow) -> Option<KeyId> {
    let (company, last4) = (row.claimed_company_id?, row.claimed_last4.as_ref()?);
    let is_meant = |key: &&KeyRow| key.company_id == company && key.last4.raw().eq_ignore_ascii_case(last4.raw());
    keys.iter().find(is_meant).map(|key| key.id)
}
