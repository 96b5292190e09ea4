//! Findings about one endpoint: its failures by cause, with what they have in common, and what happened since.

use super::answer_reading::AnswerReading;
use super::call_count::part_count;
use super::cause_subject::CauseSubject;
use super::clocks::{self, ClockVerdict};
use super::delivery_pattern::{AttemptFacts, DeliverySample, FailurePattern};
use super::endpoint::{cause_of, is_instability, outcomes_text};
use super::endpoint_gathering::{MAX_ENDPOINTS, NEAR_TIMEOUT_MS};
use super::evidence_set::{CallerVisibility, EndpointEvidence, EvidenceSet, QueryOutcome, QueryRecord, known_health};
use super::finding::{CauseFinding, ExplainedUnit, Occurrence, judge_state};
use super::report::Evidence;
use crate::domain::answer_topic::AnswerTopic;
use crate::domain::cause::{CauseKind, CauseState};
use crate::domain::delivery::AttemptKind;
use crate::domain::health_status::SUCCESS_PERCENT_LIMITS;
use crate::domain::ids::SubscriptionId;
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::success_rate::MIN_RATE_SAMPLES;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::count;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::signature_check::{SignatureCheck, SignatureFit};
use crate::wire::subscriptions::SubscriptionRow;
use std::collections::BTreeMap;
use url::Url;

/// Failures in a row from which on an endpoint counts as failing.
pub const FAILING_STREAK: u32 = 3;
/// Percent of failures from which on few tries count as a low rate.
const MIN_FAILED_PERCENT_OF_FEW: u64 = 20;
/// Number of failures from which on their address tells something: addresses are known of a sample alone.
const MIN_PEER_FAILURES: u64 = 5;
/// Probability up to which failures in a row of an endpoint at which a part fails are no luck.
const LUCKY_STREAK: f64 = 0.01;
/// Number of newest successes, and of slow ones among them, by which an endpoint counts as slow.
const NEWEST_SUCCESSES: (usize, usize) = (20, 2);
/// Gap between bursts, in times of the longest seen, after which no further burst is expected.
const BURST_GAP_TOLERANCE: f64 = 1.5;

/// Judges the endpoint of every subscription of a scope.
#[must_use]
pub fn judge_all(set: &EvidenceSet) -> BTreeMap<SubscriptionId, QueryOutcome<Vec<CauseFinding>>> {
    let rows = EvidenceSet::rows(&set.subscriptions);
    rows.iter().map(|row| (row.subscription.id, endpoint_findings(set, row))).collect()
}

/// Judges the endpoint of a subscription: its causes, most failures first. An endpoint whose log was not read has the
/// cause that its counters show.
///
/// # Errors
///
/// One line that says why the delivery log could not be read.
fn endpoint_findings(set: &EvidenceSet, row: &SubscriptionRow) -> QueryOutcome<Vec<CauseFinding>> {
    let Some(evidence) = set.endpoint(row.subscription.id) else {
        return Ok(by_counters(set, row).into_iter().collect());
    };
    if evidence.failures.found.is_err() && set.visibility == CallerVisibility::KeyOnly {
        return Ok(by_counters(set, row).into_iter().collect());
    }
    let judgement = EndpointJudgement::new(set, row, evidence)?;
    let mut findings: Vec<CauseFinding> =
        judgement.groups().into_iter().filter_map(|(kind, rows)| judgement.finding(kind, &rows)).collect();
    if findings.iter().all(|finding| finding.occurrence.state == CauseState::Over) {
        findings.extend(judgement.near_timeout());
    }
    Ok(findings)
}

/// Name of a subscription at the beginning of a title.
#[must_use]
pub fn subscription_name(row: &SubscriptionRow) -> String {
    format!("subscription {}", row.subscription.id)
}

/// Host of a subscription's target.
#[must_use]
pub fn target_host(row: &SubscriptionRow) -> Option<String> {
    let url = Url::parse(row.subscription.target_url.raw()).ok()?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}{port}", url.host_str()?))
}

/// Returns whether the counters of a subscription are those of a failing one.
#[must_use]
pub fn is_failing_by_counters(row: &SubscriptionRow) -> bool {
    let hour = known_health(row).last_1h.tally();
    let is_low = hour.percent_if_significant().is_some_and(|percent| percent < SUCCESS_PERCENT_LIMITS.0);
    row.failures_in_a_row() >= FAILING_STREAK || is_low
}

/// Creates the cause of a failing endpoint whose delivery log was not read.
fn by_counters(set: &EvidenceSet, row: &SubscriptionRow) -> Option<CauseFinding> {
    let of = &row.subscription;
    if !of.is_enabled || !is_failing_by_counters(row) {
        return None;
    }
    let (health, streak) = (known_health(row), u64::from(row.failures_in_a_row()));
    let n = health.last_1h.n_failed.max(streak);
    let all = Some(n + health.last_1h.n_succeeded);
    let why = match set.endpoint(of.id).map(|evidence| &evidence.failures.found) {
        Some(Err(why)) => why.clone(),
        _ => format!("the logs of the worst {MAX_ENDPOINTS} were read, not this one"),
    };
    let occurrence = Occurrence {
        of: all,
        last: health.streak_latest_utc,
        ..Occurrence::lasting(n, ExplainedUnit::Attempts, health.streak_began_utc)
    };
    let success = of.last_success_utc.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let name = subscription_name(row);
    let evidence = vec![
        set.subscriptions.evidence(&format!("{name}: failures in a row"), streak.to_string(), Some("below 3")),
        set.subscriptions.evidence(&format!("{name}: latest success"), success, None),
    ];
    let subject = CauseSubject::Subscription(of.id);
    let finding = CauseFinding::new(CauseKind::EndpointFailing, subject, name, occurrence);
    Some(CauseFinding { host: None, ..finding.detail(why).evidence(evidence) })
}

/// Attempts of one subscription with what is needed to judge them.
struct EndpointJudgement<'a> {
    set: &'a EvidenceSet,
    row: &'a SubscriptionRow,
    evidence: &'a EndpointEvidence,
    failures: Vec<&'a AttemptRow>,
    successes: Vec<&'a AttemptRow>,
    sizes: BTreeMap<i64, u64>,
}

impl<'a> EndpointJudgement<'a> {
    fn new(set: &'a EvidenceSet, row: &'a SubscriptionRow, evidence: &'a EndpointEvidence) -> Result<Self, String> {
        let failures: Vec<&AttemptRow> =
            evidence.failures.result()?.iter().filter(|row| row.outcome().is_about_receiver()).collect();
        let successes: Vec<&AttemptRow> = evidence.successes.result()?.iter().collect();
        let sizes = EvidenceSet::rows(&set.events).iter().map(|event| (event.id.0, event.n_bytes)).collect();
        Ok(Self { set, row, evidence, failures, successes, sizes })
    }

    fn streak(&self) -> u32 {
        self.row.failures_in_a_row()
    }

    /// Number of successful attempts of the period.
    fn n_succeeded(&self) -> u64 {
        let read = self.successes.len() as u64;
        if !self.evidence.successes.is_incomplete {
            return read;
        }
        let health = known_health(self.row);
        let is_hour = self.set.scope.lookback <= super::evidence_set::DEFAULT_LOOKBACK;
        read.max(if is_hour { health.last_1h.n_succeeded } else { health.last_24h.n_succeeded })
    }

    /// Groups the failures by cause, most frequent first. Tests count only where nothing else was tried.
    fn groups(&self) -> Vec<(CauseKind, Vec<&'a AttemptRow>)> {
        let is_real = |row: &&&AttemptRow| row.kind != Some(AttemptKind::Test);
        let has_real = self.failures.iter().chain(&self.successes).any(|row| is_real(&row));
        let mut groups: BTreeMap<CauseKind, Vec<&AttemptRow>> = BTreeMap::new();
        for row in self.failures.iter().filter(|row| !has_real || is_real(row)) {
            let reading = self.answer(row).map(AnswerReading::of);
            let error = row.error.as_ref().map(Untrusted::raw);
            if let Some(kind) = cause_of(&row.outcome(), error, reading.as_ref()) {
                groups.entry(kind).or_default().push(row);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
        groups
    }

    /// Attempt in full with the same outcome, the attempt itself if it was read.
    fn answer(&self, row: &AttemptRow) -> Option<&'a AttemptDetail> {
        let details = EvidenceSet::rows(&self.evidence.details);
        let own = details.iter().find(|detail| detail.row.id == row.id);
        own.or_else(|| details.iter().find(|detail| detail.row.outcome() == row.outcome()))
    }

    fn facts(&self, row: &'a AttemptRow) -> AttemptFacts<'a> {
        let peer = self.evidence.detail(row.id).and_then(|detail| detail.peer.as_ref()).map(|peer| host_of(peer.raw()));
        AttemptFacts { row, size: row.event_id.and_then(|id| self.sizes.get(&id.0).copied()), peer }
    }

    fn pattern(&self, rows: &[&'a AttemptRow]) -> Option<FailurePattern> {
        let real = |rows: &[&'a AttemptRow]| -> Vec<AttemptFacts<'a>> {
            rows.iter().filter(|row| row.kind != Some(AttemptKind::Test)).map(|row| self.facts(row)).collect()
        };
        let sample = DeliverySample {
            failures: real(rows),
            successes: real(&self.successes),
            n_succeeded: self.n_succeeded(),
            minutes: EvidenceSet::rows(&self.evidence.minutes),
        };
        sample.pattern()
    }

    /// Rows of the failures in a row that the subscription has now.
    fn is_in_streak(&self, rows: &[&AttemptRow]) -> bool {
        // A listener does not know the kind of what it received.
        let scheduled = self.failures.iter().filter(|row| row.kind.is_none_or(|kind| kind == AttemptKind::Scheduled));
        let streak = scheduled.take(self.streak() as usize);
        let latest_success = self.successes.first().map(|row| row.started_utc);
        self.streak() >= FAILING_STREAK
            && streak
                .filter(|row| latest_success.is_none_or(|success| row.started_utc >= success))
                .any(|row| rows.iter().any(|of| of.id == row.id))
    }

    /// Checks whether the failures are more than noise: they go on, they have something in common, or they are many.
    fn is_significant(&self, rows: &[&AttemptRow], pattern: Option<&FailurePattern>) -> bool {
        let (n, all) = (rows.len() as u64, self.failures.len() as u64 + self.n_succeeded());
        let has_never_succeeded = self.row.subscription.last_success_utc.is_none() && self.successes.is_empty();
        let failed_percent = (self.failures.len() as u64 * 100).checked_div(all).unwrap_or(0);
        let limit = if all >= MIN_RATE_SAMPLES { 100 - SUCCESS_PERCENT_LIMITS.0 } else { MIN_FAILED_PERCENT_OF_FEW };
        let is_low = n >= 3 && failed_percent >= limit && n * 4 >= self.failures.len() as u64;
        let is_off = !self.row.subscription.is_enabled && n >= 3;
        let is_told = |of: &FailurePattern| n >= MIN_PEER_FAILURES || !matches!(of, FailurePattern::Peer(_));
        let has_pattern = pattern.is_some_and(is_told);
        self.is_in_streak(rows) || has_never_succeeded || has_pattern || is_low || is_off
    }

    fn finding(&self, kind: CauseKind, rows: &[&'a AttemptRow]) -> Option<CauseFinding> {
        let pattern = self.pattern(rows).filter(|_| !self.is_total(rows));
        if !self.is_significant(rows, pattern.as_ref()) {
            return None;
        }
        let occurrence = self.occurrence(rows, pattern.as_ref())?;
        let newest = rows.first()?;
        let detail = self.answer(newest);
        let reading = detail.map(AnswerReading::of);
        let (kind, particulars) = self.refined(kind, rows, reading.as_ref(), pattern.as_ref());
        let outcomes = outcomes_text(rows.iter().map(|row| row.outcome().to_string()));
        let pattern = pattern.map(|pattern| pattern.text());
        let text: Vec<String> = particulars.into_iter().chain(pattern).chain([outcomes]).collect();
        let name = subscription_name(self.row);
        let subject = CauseSubject::Subscription(self.row.subscription.id);
        let mut finding = CauseFinding::new(kind, subject, name, occurrence).detail(text.join("; "));
        finding.host = target_host(self.row);
        finding.evidence = self.facts_about(rows, reading.as_ref());
        finding.said = reading.and_then(|reading| reading.words);
        Some(finding)
    }

    /// Judges whether failures go on.
    fn occurrence(&self, rows: &[&'a AttemptRow], pattern: Option<&FailurePattern>) -> Option<Occurrence> {
        let (first, last) = span(rows)?;
        let fits = |row: &&&'a AttemptRow| match pattern {
            Some(pattern @ (FailurePattern::Types(_) | FailurePattern::Above(_) | FailurePattern::Events(_))) => {
                pattern.fits(&self.facts(row))
            }
            _ => true,
        };
        let n = rows.len() as u64;
        let good_since = self.successes.iter().filter(|row| row.started_utc > last).filter(fits).count() as u64;
        // Successes in the sample that fit the pattern, and before the last failure.
        let good_before = self.successes.iter().filter(|row| row.started_utc <= last).filter(fits).count() as u64;
        let is_whole =
            !matches!(pattern, Some(FailurePattern::Types(_) | FailurePattern::Above(_) | FailurePattern::Events(_)));
        let of = if is_whole { n + self.n_succeeded() } else { n + good_before + good_since };
        let all = self.failures.len() as u64 + self.n_succeeded();
        let state = match pattern {
            // Events that never arrived are undelivered, whatever else arrives.
            Some(FailurePattern::Events(_)) => CauseState::Now,
            Some(FailurePattern::Bursts(starts)) if self.is_burst_due(starts, last) => CauseState::Now,
            _ if self.is_in_streak(rows) && good_since == 0 => CauseState::Now,
            _ if !self.row.subscription.is_enabled && good_since == 0 => CauseState::Now,
            _ => judge_state(self.set.at, (n, Some(of.max(n))), (first, last), good_since),
        };
        Some(Occurrence {
            n,
            of: Some(all.max(n)),
            unit: ExplainedUnit::Attempts,
            is_at_least: self.evidence.failures.is_incomplete,
            first: Some(first),
            last: Some(last),
            n_good_since: Some(good_since),
            state,
        })
    }

    /// Checks whether a further burst is to be expected.
    #[expect(clippy::cast_precision_loss, reason = "a duration needs no more digits")]
    fn is_burst_due(&self, starts: &[Timestamp], last: Timestamp) -> bool {
        let longest = starts.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).max().unwrap_or_default();
        self.set.at.since(last).as_millis() as f64 <= longest as f64 * BURST_GAP_TOLERANCE
    }

    /// Number of successes between the first and the last failure.
    fn n_between(&self, rows: &[&AttemptRow]) -> u64 {
        let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else { return 0 };
        let between = |row: &&&AttemptRow| {
            row.kind != Some(AttemptKind::Test)
                && row.started_utc > oldest.started_utc
                && row.started_utc < newest.started_utc
        };
        let n = self.successes.iter().filter(between).count() as u64;
        // The successes may be a sample of the newest ones.
        n * (self.n_succeeded() / (self.successes.len() as u64).max(1)).max(1)
    }

    /// Checks whether everything failed from the first failure to the last.
    fn is_total(&self, rows: &[&AttemptRow]) -> bool {
        self.n_between(rows) == 0
    }

    /// Checks whether successes lie between the failures, so that only a part of the deliveries fails.
    fn is_partial(&self, rows: &[&AttemptRow]) -> bool {
        self.n_between(rows) * 20 >= (rows.len() as u64).max(20)
    }

    /// Checks whether so many failures in a row are more than the luck of an endpoint at which a part fails.
    #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no more digits")]
    fn is_steady(&self, rows: &[&AttemptRow]) -> bool {
        let share = rows.len() as f64 / (rows.len() as u64 + self.n_between(rows)).max(1) as f64;
        self.is_in_streak(rows) && share.powf(f64::from(self.streak())) <= LUCKY_STREAK
    }

    /// Refines a cause: by what the signature debugger found, and by whether only a part of the deliveries fails.
    /// Returns it with its particulars.
    fn refined(
        &self,
        kind: CauseKind,
        rows: &[&AttemptRow],
        reading: Option<&AnswerReading>,
        pattern: Option<&FailurePattern>,
    ) -> (CauseKind, Option<String>) {
        if matches!(kind, CauseKind::EndpointRejectsSignature | CauseKind::EndpointUnexplained) {
            let check = self.evidence.checks.iter().find_map(|(id, check)| {
                let is_alike = rows.iter().any(|row| row.id == *id);
                check.found.as_ref().ok().filter(|_| is_alike)
            });
            if let Some(found) = self.signature_cause(check, reading) {
                return found;
            }
        }
        let is_part = pattern.is_some() || self.is_partial(rows) && !self.is_steady(rows);
        match reading.and_then(|reading| reading.location.as_ref()) {
            Some(location) if kind == CauseKind::EndpointRedirects => {
                (kind, Some(format!("to {}", location.sanitized())))
            }
            _ if is_instability(kind) && is_part => (CauseKind::EndpointIntermittent, None),
            _ => (kind, None),
        }
    }

    /// Names the mistake of the receiver's signature check, if its answer is about that.
    fn signature_cause(
        &self,
        check: Option<&SignatureCheck>,
        reading: Option<&AnswerReading>,
    ) -> Option<(CauseKind, Option<String>)> {
        let is_about = reading.is_some_and(AnswerReading::is_about_signature);
        let is_clock = reading.is_some_and(|reading| reading.topic == AnswerTopic::Clock);
        let first = check.and_then(|check| check.lab.causes.first());
        let fault = first.and_then(|cause| SignatureFault::from_id(&cause.id));
        let difference = first.map(|cause| cause.difference.sanitized());
        match (check.map(|check| check.lab.fit), fault) {
            (_, Some(SignatureFault::StaleClock)) if self.is_platform_clock_wrong() => None,
            (Some(SignatureFit::Explained), Some(fault)) => Some((CauseKind::Signature(fault), difference)),
            _ if is_clock && self.is_platform_clock_wrong() => None,
            _ if is_clock => Some((CauseKind::Signature(SignatureFault::StaleClock), None)),
            (Some(SignatureFit::Unexplained), _) if is_about => Some((CauseKind::SignatureUnexplained, None)),
            _ => None,
        }
    }

    fn is_platform_clock_wrong(&self) -> bool {
        matches!(clocks::judge_clocks(self.set), ClockVerdict::PlatformWrong(_))
    }

    fn facts_about(&self, rows: &[&AttemptRow], reading: Option<&AnswerReading>) -> Vec<Evidence> {
        let name = subscription_name(self.row);
        let log = &self.evidence.failures;
        let mut evidence = vec![part_count(log, &format!("{name}: failed attempts"), rows.len())];
        let succeeded = self.n_succeeded().to_string();
        evidence.push(self.evidence.successes.evidence(&format!("{name}: successful attempts"), succeeded, None));
        if let (Some(newest), Some((first, last))) = (rows.first(), span(rows)) {
            let times = format!("{first} \u{2026} {last}");
            evidence.push(log.evidence(&format!("{name}: first and latest failure"), times, None));
            let latest = format!("{}, {} after {} ms", newest.id, newest.outcome(), newest.elapsed_ms);
            evidence.push(log.evidence(&format!("{name}: latest failed attempt"), latest, None));
            evidence.extend(
                newest.error.as_ref().map(|error| log.evidence(&format!("{name}: error"), error.sanitized(), None)),
            );
        }
        let details = &self.evidence.details;
        if let Some(reading) = reading {
            let heads = [
                ("Location", &reading.location),
                ("Retry-After", &reading.retry_after),
                ("Server", &reading.server),
                ("WWW-Authenticate", &reading.challenge),
            ];
            let said = reading.words.as_ref().map(|words| ("answer", words.sanitized()));
            let heads = heads.into_iter().filter_map(|(head, value)| Some((head, value.as_ref()?.sanitized())));
            for (what, value) in said.into_iter().chain(heads) {
                evidence.push(details.evidence(&format!("{name}: {what}"), value, None));
            }
        }
        for (id, check) in &self.evidence.checks {
            if !rows.iter().any(|row| row.id == *id) {
                continue;
            }
            evidence.extend(check_facts(&name, check));
        }
        evidence
    }

    /// Creates the cause of an endpoint that succeeds close to the time limit.
    fn near_timeout(&self) -> Option<CauseFinding> {
        let hour = known_health(self.row).last_1h;
        let p95 = hour.p95_ms.filter(|ms| *ms > NEAR_TIMEOUT_MS)?;
        // The hour may have been slow, or may have had timeouts, that are over.
        let newest = self.successes.iter().take(NEWEST_SUCCESSES.0);
        let n_slow = newest.filter(|row| row.elapsed_ms > u64::from(NEAR_TIMEOUT_MS)).count();
        let is_enough = hour.tally().total() >= MIN_RATE_SAMPLES && n_slow >= NEWEST_SUCCESSES.1;
        if !self.row.subscription.is_enabled || !is_enough {
            return None;
        }
        let name = subscription_name(self.row);
        let value = format!("above {NEAR_TIMEOUT_MS} ms, at most {p95} ms");
        let fact = self.set.subscriptions.evidence(
            &format!("{name}: 95th percentile of the latency in 1 h"),
            value,
            Some("at most 5,000 ms; the limit of an attempt is 10,000 ms"),
        );
        let occurrence = Occurrence::lasting(0, ExplainedUnit::Attempts, None);
        let subject = CauseSubject::Subscription(self.row.subscription.id);
        let finding = CauseFinding::new(CauseKind::EndpointNearTimeout, subject, name, occurrence);
        Some(finding.detail("1 of 20 takes more than 5 s").evidence(vec![fact]))
    }
}

/// Times of the first and the last of some attempts; attempts of one moment may be numbered in another order.
fn span(rows: &[&AttemptRow]) -> Option<(Timestamp, Timestamp)> {
    let times = || rows.iter().map(|row| row.started_utc);
    times().min().zip(times().max())
}

/// Host of an address with a port.
fn host_of(peer: &str) -> &str {
    peer.rsplit_once(':').map_or(peer, |(host, _)| host)
}

fn check_facts(name: &str, check: &QueryRecord<SignatureCheck>) -> Vec<Evidence> {
    let Ok(found) = &check.found else { return Vec::new() };
    let said = found.computed.as_ref().map_or_else(|| "none reported".to_owned(), Untrusted::sanitized);
    let mut facts =
        vec![check.evidence(&format!("{name}: signature that the receiver reports"), said, Some("the signature sent"))];
    if let Some(ahead) = found.clock_ahead_seconds {
        let what = format!("{name}: receiver's clock (Date header)");
        facts.push(check.evidence(&what, format!("{ahead:+} s"), None));
    }
    for cause in &found.lab.causes {
        facts.push(check.evidence(&format!("{name}: {}", cause.id), cause.difference.sanitized(), None));
    }
    facts.extend(found.lab.n_tried.map(|n| check.evidence(&format!("{name}: tried"), count(n, "variant"), None)));
    facts
}
