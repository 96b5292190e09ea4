//! Clocks: this machine's, the platform's, and those of the endpoints. Where two differ, the third tells which is wrong.

use super::cause_subject::CauseSubject;
use super::evidence_set::{EvidenceSet, QueryRecord};
use super::finding::{CauseFinding, ExplainedUnit, Occurrence};
use crate::domain::cause::{CauseKind, CauseState};
use crate::domain::ids::SubscriptionId;
use crate::domain::signature_debugger::response_hints::http_date;
use crate::wire::attempts::AttemptDetail;
use std::collections::BTreeMap;

/// Difference of two clocks in seconds up to which they agree.
const AGREEMENT: u64 = 30;

/// Which clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockVerdict {
    /// The platform's clock and this machine's agree, or cannot be compared.
    Agree,
    /// The platform's clock is wrong by these seconds.
    PlatformWrong(i64),
    /// This machine's clock is wrong: the endpoints agree with the platform.
    OursWrong(i64),
    /// The clocks differ by these seconds, and no third clock tells which is wrong.
    Undecided(i64),
}

/// Returns the seconds by which the clock of the endpoint is ahead of the platform's, from the answer to an attempt.
fn endpoint_ahead(detail: &AttemptDetail) -> Option<i64> {
    let date = detail.response_headers.iter().find(|header| header.name.raw().eq_ignore_ascii_case("date"))?;
    Some(http_date(date.value.raw())? - detail.row.started_utc.seconds())
}

/// Lists the endpoints with the seconds by which their clocks are ahead of the platform's.
#[must_use]
pub fn endpoint_clocks(set: &EvidenceSet) -> BTreeMap<SubscriptionId, i64> {
    let of_endpoints = set.endpoints.iter().flat_map(|of| EvidenceSet::rows(&of.details));
    let samples = EvidenceSet::rows(&set.clock_samples).iter();
    of_endpoints.chain(samples).filter_map(|of| Some((of.row.subscription_id?, endpoint_ahead(of)?))).collect()
}

/// Decides which clock is wrong: each endpoint votes for the clock that agrees with its own.
#[must_use]
pub fn judge_clocks(set: &EvidenceSet) -> ClockVerdict {
    let Some(ahead) = set.clock_ahead_ms.map(|ms| ms / 1_000) else { return ClockVerdict::Agree };
    if ahead.unsigned_abs() <= AGREEMENT {
        return ClockVerdict::Agree;
    }
    let clocks = endpoint_clocks(set);
    let with_ours = clocks.values().filter(|clock| (**clock + ahead).unsigned_abs() <= AGREEMENT).count();
    let with_platform = clocks.values().filter(|clock| clock.unsigned_abs() <= AGREEMENT).count();
    match with_ours.cmp(&with_platform) {
        std::cmp::Ordering::Greater => ClockVerdict::PlatformWrong(ahead),
        std::cmp::Ordering::Less => ClockVerdict::OursWrong(ahead),
        std::cmp::Ordering::Equal => ClockVerdict::Undecided(ahead),
    }
}

/// Creates the finding about the platform's clock; `None` if nothing speaks against it.
#[must_use]
pub fn clock_finding(set: &EvidenceSet) -> Option<CauseFinding> {
    let (ahead, state, detail) = match judge_clocks(set) {
        ClockVerdict::Agree | ClockVerdict::OursWrong(_) => return None,
        ClockVerdict::PlatformWrong(ahead) => (ahead, CauseState::Now, format!("{ahead:+} s against all others")),
        ClockVerdict::Undecided(ahead) => {
            (ahead, CauseState::Unknown, format!("{ahead:+} s against this machine, and no third clock is known"))
        }
    };
    let record = QueryRecord::<()> { at: set.at, ..QueryRecord::of(&set.overview.query) };
    let mut evidence =
        vec![record.evidence("platform's clock ahead of this machine's", format!("{ahead:+} s"), Some("\u{b1} 30 s"))];
    for (id, clock) in endpoint_clocks(set).into_iter().take(5) {
        // The endpoints of other subscriptions are only a vote.
        let who = match set.subscription(id) {
            Some(_) => format!("subscription {id}: endpoint's clock ahead of the platform's (Date header)"),
            None => "another endpoint's clock ahead of the platform's (Date header)".to_owned(),
        };
        evidence.push(record.evidence(&who, format!("{clock:+} s"), None));
    }
    let occurrence = Occurrence { state, ..Occurrence::lasting(0, ExplainedUnit::Attempts, None) };
    let finding = CauseFinding::new(CauseKind::PlatformClock, CauseSubject::Platform, "platform", occurrence);
    Some(finding.detail(detail).evidence(evidence))
}
