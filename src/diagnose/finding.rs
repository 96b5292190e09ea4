//! Findings: causes with what they explain, as checks return them, and their order in a report.

use super::cause_subject::CauseSubject;
use super::remedy::OfferedAction;
use super::report::{CauseOccurrence, DiagnosedCause, Evidence, ExplainedShare};
use crate::domain::cause::{CauseKind, CauseState};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::{self, several};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time after the last failure within which a cause counts as acting, unless successes say otherwise.
pub const RECENT: Duration = Duration::from_secs(900);
/// Time after the last failure within which a cause has its full weight.
const FRESH: Duration = Duration::from_secs(300);
/// Number of usual gaps between failures after which their absence counts.
const QUIET_GAPS: u32 = 3;
/// Share of failures from which on one success shows that a cause is over.
const CONSTANT_SHARE: f64 = 0.95;
/// Probability that the successes since the last failure are luck, below which a cause counts as over.
const LUCK: f64 = 0.005;

/// Unit in which a cause counts what it explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainedUnit {
    /// Calls of the Integration API.
    Calls,
    /// Attempts to send deliveries.
    Attempts,
    /// Events that were not delivered.
    Events,
    /// Subscriptions of a company.
    Subscriptions,
}

impl ExplainedUnit {
    /// Name of the unit in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Attempts => "attempts",
            Self::Events => "events",
            Self::Subscriptions => "subscriptions",
        }
    }

    fn counted(self, n: u64) -> String {
        let plural = self.name();
        several(n, &plural[..plural.len() - 1], plural)
    }
}

/// Failures that a cause explains, and what happened since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Number of failures that the cause explains.
    pub n: u64,
    /// Number of tries of the subject in the period, failed or not; `None` if unknown.
    pub of: Option<u64>,
    /// Unit of both numbers.
    pub unit: ExplainedUnit,
    /// Whether both numbers are lower bounds, because a limit was reached.
    pub is_at_least: bool,
    /// Time of the first failure.
    pub first: Option<Timestamp>,
    /// Time of the last failure.
    pub last: Option<Timestamp>,
    /// Number of successes since the last failure; `None` if unknown.
    pub n_good_since: Option<u64>,
    /// Whether the cause still acts.
    pub state: CauseState,
}

impl Occurrence {
    /// Creates the occurrence of a state that lasts.
    #[must_use]
    pub const fn lasting(n: u64, unit: ExplainedUnit, since: Option<Timestamp>) -> Self {
        let (of, n_good_since) = (None, None);
        Self { n, of, unit, is_at_least: false, first: since, last: None, n_good_since, state: CauseState::Now }
    }

    /// Creates the occurrence of failures between two times, and judges by the successes since whether they go on.
    #[must_use]
    pub fn judged(
        at: Timestamp,
        (n, of, unit): (u64, Option<u64>, ExplainedUnit),
        (first, last): (Timestamp, Timestamp),
        n_good_since: Option<u64>,
    ) -> Self {
        let state = judge_state(at, (n, of), (first, last), n_good_since.unwrap_or(0));
        Self { n, of, unit, is_at_least: false, first: Some(first), last: Some(last), n_good_since, state }
    }
}

/// Judges whether failures go on: over once so many successes followed that luck is unlikely, acting while the last
/// failure is recent, and unknown otherwise.
#[must_use]
pub fn judge_state(
    at: Timestamp,
    (n, of): (u64, Option<u64>),
    (first, last): (Timestamp, Timestamp),
    n_good_since: u64,
) -> CauseState {
    let n_tries = of.unwrap_or(n).max(n).saturating_sub(n_good_since).max(n);
    let usual_gap = last.since(first) / u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    let is_overdue = at.since(last) >= usual_gap * QUIET_GAPS;
    if is_overdue && n_good_since >= good_enough(n, n_tries) {
        CauseState::Over
    } else if at.since(last) <= RECENT {
        CauseState::Now
    } else {
        CauseState::Unknown
    }
}

/// Number of successes in a row that would hardly follow by luck, while `n` of `of` tries fail.
fn good_enough(n: u64, of: u64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no more digits")]
    let share = n as f64 / of.max(1) as f64;
    if share >= CONSTANT_SHARE {
        // One failure alone says little about what usually happens.
        return if n == 1 { 3 } else { 1 };
    }
    let needed = (LUCK.ln() / (1.0 - share).max(f64::MIN_POSITIVE).ln()).ceil().clamp(1.0, 1_000.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1 to 1,000")]
    let needed = needed as u64;
    needed
}

/// Cause that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseFinding {
    /// Kind of the cause.
    pub kind: CauseKind,
    /// What the cause concerns; the first is the one that the title names.
    pub subjects: Vec<CauseSubject>,
    /// Name of the subject, with which the title begins.
    pub who: String,
    /// Particulars of the cause, for the title.
    pub detail: Option<String>,
    /// Host of the endpoint, by which causes of several subscriptions are one.
    pub host: Option<String>,
    /// Failures that the cause explains.
    pub occurrence: Occurrence,
    /// Words of the platform or the receiver that decide.
    pub said: Option<Untrusted>,
    /// Facts that the cause is based on.
    pub evidence: Vec<Evidence>,
    /// Advice beyond the usual resolution, such as numbers from the log.
    pub advice: Option<String>,
    /// Actions against the cause.
    pub offers: Vec<OfferedAction>,
}

impl CauseFinding {
    /// Creates a finding without particulars.
    #[must_use]
    pub fn new(kind: CauseKind, subject: CauseSubject, who: impl Into<String>, occurrence: Occurrence) -> Self {
        Self {
            kind,
            subjects: vec![subject],
            who: who.into(),
            detail: None,
            host: None,
            occurrence,
            said: None,
            evidence: Vec::new(),
            advice: None,
            offers: Vec::new(),
        }
    }

    /// Sets the particulars for the title.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into()).filter(|detail| !detail.is_empty());
        self
    }

    /// Sets the evidence of the finding.
    #[must_use]
    pub fn evidence(mut self, evidence: Vec<Evidence>) -> Self {
        self.evidence = evidence;
        self
    }

    /// Adds actions against the cause.
    #[must_use]
    pub fn offers<T: Into<OfferedAction>>(mut self, offers: impl IntoIterator<Item = T>) -> Self {
        self.offers.extend(offers.into_iter().map(Into::into));
        self
    }

    /// Title of the cause in one line.
    fn title(&self) -> String {
        let mut title = format!("{}: {}", self.who, text::cause::headline(self.kind));
        if let Some(detail) = &self.detail {
            title.push_str(&format!("; {detail}"));
        }
        title.push_str(&self.measure());
        title
    }

    /// Numbers and times of the title, behind a space.
    fn measure(&self) -> String {
        let of = &self.occurrence;
        let at_least = if of.is_at_least { "at least " } else { "" };
        let fate = match self.kind {
            CauseKind::SubDisabled | CauseKind::BreakerTripped | CauseKind::BreakerFixed => " missed or on hold",
            _ => "",
        };
        let counted = match of.of {
            _ if of.n == 0 => None,
            Some(all) if all > of.n => Some(format!("{at_least}{} of {}", text::number(of.n), of.unit.counted(all))),
            _ => Some(format!("{at_least}{}{fate}", of.unit.counted(of.n))),
        };
        let clock = |at: Timestamp| at.format("%H:%M:%S UTC");
        let state = match (of.state, of.last) {
            (CauseState::Now, _) => None,
            (CauseState::Over, last) => {
                Some(format!("over{}", last.map_or_else(String::new, |at| format!(" since {}", clock(at)))))
            }
            (CauseState::Unknown, Some(last)) => Some(format!("not seen since {}", clock(last))),
            (CauseState::Unknown, None) => Some("whether it continues is unknown".to_owned()),
        };
        let parts: Vec<String> = counted.into_iter().chain(state).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
    }

    /// Weight among causes of the same state: what the cause explains, more if it was seen lately.
    fn weight(&self, at: Timestamp) -> u64 {
        let of = &self.occurrence;
        let age = of.last.map_or(Duration::ZERO, |last| at.since(last));
        let recency = if age <= FRESH {
            10
        } else if age <= RECENT {
            6
        } else {
            3
        };
        let weight = of.n.saturating_add(1).saturating_mul(recency);
        if self.kind.depth() >= 10 { weight / 100 } else { weight }
    }

    fn into_cause(self) -> DiagnosedCause {
        let of = self.occurrence;
        let resolution = text::cause::resolution(self.kind);
        DiagnosedCause {
            id: self.kind.id().to_owned(),
            title: self.title(),
            occurrence: CauseOccurrence {
                state: of.state,
                explained: (of.n > 0).then(|| ExplainedShare {
                    n: of.n,
                    of: of.of,
                    unit: of.unit.name().to_owned(),
                    is_at_least: of.is_at_least,
                }),
                first_utc: of.first,
                last_utc: of.last,
                good_since: of.n_good_since,
            },
            said: self.said,
            evidence: self.evidence,
            concerns: self.subjects,
            resolution: match self.advice {
                Some(advice) => format!("{resolution} {advice}"),
                None => resolution.to_owned(),
            },
            offers: self.offers,
        }
    }
}

/// Puts causes in order: those that act first, of these the platform-wide ones, then the subject with the most failures
/// explained; causes of one subject stay together, the deeper cause first.
#[must_use]
pub fn rank(findings: Vec<CauseFinding>, at: Timestamp) -> Vec<DiagnosedCause> {
    let findings = without_repeats(merge_by_host(findings));
    let mut heaviest: BTreeMap<(CauseState, CauseSubject), u64> = BTreeMap::new();
    let cluster = |finding: &CauseFinding| {
        (finding.occurrence.state, finding.subjects.first().cloned().unwrap_or(CauseSubject::Platform))
    };
    for finding in &findings {
        let weight = heaviest.entry(cluster(finding)).or_default();
        *weight = (*weight).max(finding.weight(at));
    }
    let mut ranked = findings;
    ranked.sort_by_cached_key(|finding| {
        let (state, subject) = cluster(finding);
        let of_cluster = heaviest.get(&(state, subject.clone())).copied().unwrap_or_default();
        let own = (finding.kind.depth(), Reverse(finding.occurrence.n), finding.kind);
        (state, !finding.kind.is_platform_wide(), Reverse(of_cluster), subject, own)
    });
    ranked.into_iter().map(CauseFinding::into_cause).collect()
}

/// Makes one cause of those that several subscriptions at one host have in common.
fn merge_by_host(findings: Vec<CauseFinding>) -> Vec<CauseFinding> {
    let mut merged: Vec<CauseFinding> = Vec::new();
    for finding in findings {
        let is_same = |there: &&mut CauseFinding| {
            there.host.is_some()
                && there.host == finding.host
                && there.kind == finding.kind
                && there.occurrence.state == finding.occurrence.state
                && there.subjects != finding.subjects
        };
        match merged.iter_mut().find(is_same) {
            Some(there) => add_to(there, finding),
            None => merged.push(finding),
        }
    }
    merged
}

fn add_to(there: &mut CauseFinding, other: CauseFinding) {
    let new = other.subjects.into_iter().filter(|subject| !there.subjects.contains(subject)).collect::<Vec<_>>();
    there.subjects.extend(new);
    let ids: Vec<String> = there
        .subjects
        .iter()
        .filter_map(|subject| match subject {
            CauseSubject::Subscription(id) => Some(id.to_string()),
            _ => None,
        })
        .collect();
    let host = there.host.clone().unwrap_or_default();
    there.who = format!("subscriptions {} at {}", ids.join(", "), Untrusted::new(host).sanitized());
    let (a, b) = (&mut there.occurrence, other.occurrence);
    a.n += b.n;
    a.of = a.of.zip(b.of).map(|(a, b)| a + b);
    a.is_at_least |= b.is_at_least;
    a.first = [a.first, b.first].into_iter().flatten().min();
    a.last = [a.last, b.last].into_iter().flatten().max();
    a.n_good_since = a.n_good_since.zip(b.n_good_since).map(|(a, b)| a + b);
    there.evidence.extend(other.evidence);
    there.offers.extend(other.offers);
}

/// Drops causes that another check found as well, and those that say less about the same failures.
fn without_repeats(findings: Vec<CauseFinding>) -> Vec<CauseFinding> {
    let mut kept: Vec<CauseFinding> = Vec::new();
    for finding in findings {
        if !kept
            .iter()
            .any(|there| there.kind == finding.kind && there.who == finding.who && there.detail == finding.detail)
        {
            kept.push(finding);
        }
    }
    let has_scope_cause = |subjects: &[CauseSubject], all: &[CauseFinding]| {
        all.iter().any(|of| of.kind == CauseKind::ScopeMissing && of.subjects == subjects)
    };
    let all = kept.clone();
    kept.retain(|of| of.kind != CauseKind::EventsNoScope || !has_scope_cause(&of.subjects, &all));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::caller_id::CallerId;
    use crate::domain::ids::{KeyId, SubscriptionId};

    const AT: Timestamp = Timestamp::from_millis(10_000_000);

    fn ago(seconds: u64) -> Timestamp {
        AT.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn successes_since_the_last_failure_and_its_age_tell_whether_a_cause_acts() {
        let constant = |last, good| judge_state(AT, (20, Some(20 + good)), (ago(3_000), ago(last)), good);
        assert_eq!(constant(60, 0), CauseState::Now);
        assert_eq!(constant(1_800, 0), CauseState::Unknown, "nothing was tried since");
        assert_eq!(constant(1_800, 5), CauseState::Over);
        let third = |good| judge_state(AT, (30, Some(90 + good)), (ago(3_000), ago(400)), good);
        assert_eq!(third(3), CauseState::Now, "three successes are luck where a third fails");
        assert_eq!(third(14), CauseState::Over);
        // Failures each 60 s with successes of another system between them: the next failure is not due yet.
        let beside = judge_state(AT, (10, Some(100)), (ago(570), ago(30)), 90);
        assert_eq!(beside, CauseState::Now);
        let once = |good| judge_state(AT, (1, Some(1 + good)), (ago(1_200), ago(1_200)), good);
        assert_eq!([once(0), once(2), once(3)], [CauseState::Unknown, CauseState::Unknown, CauseState::Over]);
    }

    fn finding(kind: CauseKind, subject: CauseSubject, n: u64, last: u64, state: CauseState) -> CauseFinding {
        let mut occurrence = Occurrence::judged(AT, (n, Some(n), ExplainedUnit::Calls), (ago(last), ago(last)), None);
        occurrence.state = state;
        CauseFinding::new(kind, subject, "x", occurrence)
    }

    #[test]
    fn what_explains_most_comes_first_and_what_is_over_last() {
        let key = |id| CauseSubject::Caller(CallerId::Key(KeyId(id)));
        let sub = |id| CauseSubject::Subscription(SubscriptionId(id));
        let findings = vec![
            finding(CauseKind::KeyTruncated, key(9), 900, 3_000, CauseState::Over),
            finding(CauseKind::KeyNotSent, key(1), 1, 10, CauseState::Now),
            finding(CauseKind::EndpointErrors, sub(2), 20, 10, CauseState::Now),
            finding(CauseKind::KeyRevoked, key(2), 200, 10, CauseState::Now),
            finding(CauseKind::BreakerTripped, sub(2), 5, 10, CauseState::Now),
            finding(CauseKind::TypeWrongCase, key(3), 1, 3_000, CauseState::Unknown),
            finding(CauseKind::DispatchPaused, CauseSubject::Platform, 0, 10, CauseState::Now),
        ];
        let ids: Vec<String> = rank(findings, AT).into_iter().map(|cause| cause.id).collect();
        let expected = [
            "dispatch-paused",
            "key-revoked",
            "breaker-tripped",
            "endpoint-500",
            "key-not-sent",
            "type-wrong-case",
            "key-truncated",
        ];
        assert_eq!(ids, expected);
    }

    #[test]
    fn subscriptions_at_one_host_have_one_cause() {
        let at_host = |id| CauseFinding {
            host: Some("hooks.example.com".to_owned()),
            ..finding(CauseKind::EndpointDns, CauseSubject::Subscription(SubscriptionId(id)), 5, 10, CauseState::Now)
        };
        let causes = rank(vec![at_host(1), at_host(2), at_host(3)], AT);
        assert_eq!(causes.len(), 1);
        let title = "subscriptions 1, 2, 3 at hooks.example.com: the endpoint's host name does not resolve (15 calls)";
        assert_eq!(causes[0].title, title);
    }
}
