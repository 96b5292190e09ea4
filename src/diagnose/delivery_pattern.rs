//! Patterns of failed deliveries: what the failures of a subscription have in common that its successes do not have.

use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::text::{count, number};
use crate::wire::attempts::AttemptRow;
use crate::wire::stats::AttemptPoint;
use std::collections::{BTreeMap, BTreeSet};

/// Least share of the failures that a pattern covers.
const MIN_RECALL: f64 = 0.9;
/// Least share of failures among the tries that fit a pattern.
const MIN_PRECISION: f64 = 0.4;
/// Factor by which failures are rarer outside a pattern.
const MIN_CONTRAST: f64 = 10.0;
/// Least number of successes outside a pattern.
const MIN_OUTSIDE: usize = 3;
/// Probability that a pattern is chance, at most.
const MAX_CHANCE: f64 = 0.01;
/// Probability that a pattern is chance, at most, where nearly all tries that fit it fail.
const MAX_CHANCE_OF_CONSTANT: f64 = 0.05;
/// Least number of tries in a minute that shows a burst.
const MIN_BURST_TRIES: u64 = 3;
/// Least number of bursts that are a pattern.
const MIN_BURSTS: usize = 2;
/// Maximum number of events, or of bursts, that a pattern names.
const MAX_NAMED: usize = 5;

/// Attempt with what patterns look at.
#[derive(Debug, Clone, Copy)]
pub struct AttemptFacts<'a> {
    /// Row of the delivery log.
    pub row: &'a AttemptRow,
    /// Length of the event in bytes, if known.
    pub size: Option<u64>,
    /// Address that was dialled, if known.
    pub peer: Option<&'a str>,
}

/// What failures have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailurePattern {
    /// Events of these types.
    Types(Vec<String>),
    /// Events of this length in bytes and longer.
    Above(u64),
    /// Deliveries to this address.
    Peer(String),
    /// These events, at every attempt.
    Events(Vec<i64>),
    /// Times at which bursts of failures began.
    Bursts(Vec<Timestamp>),
}

impl FailurePattern {
    /// Returns whether an attempt fits the pattern; one whose size or address is unknown does not.
    #[must_use]
    pub fn fits(&self, of: &AttemptFacts<'_>) -> bool {
        match self {
            Self::Types(kinds) => kinds.iter().any(|kind| kind == of.row.event_type.raw()),
            Self::Above(size) => of.size.is_some_and(|of| of >= *size),
            Self::Peer(peer) => of.peer == Some(peer.as_str()),
            Self::Events(ids) => of.row.event_id.is_some_and(|id| ids.contains(&id.0)),
            Self::Bursts(_) => true,
        }
    }

    /// Words the pattern for a title.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Types(kinds) => format!("only {}", kinds.join(", ")),
            Self::Above(size) => format!("only events of {} bytes and more", number(*size)),
            Self::Peer(peer) => format!("only at {}", crate::domain::text::Untrusted::new(peer.as_str()).sanitized()),
            Self::Events(ids) => {
                let named: Vec<String> = ids.iter().take(MAX_NAMED).map(ToString::to_string).collect();
                let more = if ids.len() > MAX_NAMED { ", \u{2026}" } else { "" };
                format!("{} at every attempt ({}{more})", count(ids.len(), "event"), named.join(", "))
            }
            Self::Bursts(starts) => {
                let named: Vec<String> =
                    starts.iter().rev().take(MAX_NAMED).rev().map(|at| at.format("%H:%M")).collect();
                format!("in {}, at {} UTC", count(starts.len(), "burst"), named.join(", "))
            }
        }
    }
}

/// Failures and successes of a subscription. The successes may be a sample.
#[derive(Debug)]
pub struct DeliverySample<'a> {
    /// Failed attempts of one cause, newest first.
    pub failures: Vec<AttemptFacts<'a>>,
    /// Successful attempts, newest first.
    pub successes: Vec<AttemptFacts<'a>>,
    /// Number of successful attempts in all.
    pub n_succeeded: u64,
    /// Tries in each minute, oldest first.
    pub minutes: &'a [AttemptPoint],
}

impl DeliverySample<'_> {
    /// Finds what the failures have in common; `None` if nothing tells them from the successes.
    #[must_use]
    pub fn pattern(&self) -> Option<FailurePattern> {
        if self.failures.len() < 3 || self.successes.is_empty() {
            return None;
        }
        let candidates = [self.types(), self.above(), self.peer()];
        let found = candidates.into_iter().flatten().find(|pattern| self.tells(pattern));
        found.or_else(|| self.events()).or_else(|| self.bursts())
    }

    /// Number of successes that one of the sample stands for.
    #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no more digits")]
    fn scale(&self) -> f64 {
        (self.n_succeeded as f64 / self.successes.len().max(1) as f64).max(1.0)
    }

    /// Checks whether a pattern covers the failures and is absent from the successes, and that this is no chance.
    #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no more digits")]
    fn tells(&self, pattern: &FailurePattern) -> bool {
        // Only tries of which the pattern's property is known.
        let is_known = |of: &&AttemptFacts<'_>| match pattern {
            FailurePattern::Above(_) => of.size.is_some(),
            FailurePattern::Peer(_) => of.peer.is_some(),
            _ => true,
        };
        let failures: Vec<_> = self.failures.iter().filter(is_known).collect();
        let successes: Vec<_> = self.successes.iter().filter(is_known).collect();
        let inside = |of: &[&AttemptFacts<'_>]| of.iter().filter(|of| pattern.fits(of)).count();
        let (failed, failed_inside) = (failures.len(), inside(&failures));
        let (succeeded, succeeded_inside) = (successes.len(), inside(&successes));
        let outside = succeeded - succeeded_inside;
        if failed < 3 || outside < MIN_OUTSIDE {
            return false;
        }
        let scale = if matches!(pattern, FailurePattern::Peer(_)) { 1.0 } else { self.scale() };
        let (good_inside, good_outside) = (succeeded_inside as f64 * scale, outside as f64 * scale);
        let recall = failed_inside as f64 / failed as f64;
        let precision = failed_inside as f64 / (failed_inside as f64 + good_inside);
        let bad_outside = (failed - failed_inside) as f64;
        let rate_outside = bad_outside / (bad_outside + good_outside);
        // Retries of one delivery are no further evidence.
        let deliveries: BTreeSet<_> =
            failures.iter().filter(|of| pattern.fits(of)).map(|of| (of.row.delivery_id, of.row.event_id)).collect();
        let share = (good_inside + deliveries.len() as f64) / (good_inside + good_outside + deliveries.len() as f64);
        let chance = share.powf(deliveries.len() as f64);
        recall >= MIN_RECALL
            && precision >= MIN_PRECISION
            && rate_outside * MIN_CONTRAST <= precision
            && chance <= if precision >= MIN_RECALL { MAX_CHANCE_OF_CONSTANT } else { MAX_CHANCE }
    }

    fn types(&self) -> Option<FailurePattern> {
        let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
        for of in &self.failures {
            *failed.entry(of.row.event_type.raw()).or_default() += 1;
        }
        // A type that failed once among many is noise.
        let most = failed.values().copied().max()?;
        let kinds: Vec<String> =
            failed.into_iter().filter(|(_, n)| *n * 10 >= most).map(|(kind, _)| kind.to_owned()).collect();
        Some(FailurePattern::Types(kinds))
    }

    fn above(&self) -> Option<FailurePattern> {
        let mut sizes: Vec<u64> = self.failures.iter().filter_map(|of| of.size).collect();
        sizes.sort_unstable();
        let largest_good = self.successes.iter().filter_map(|of| of.size).max()?;
        let smallest = *sizes.get(sizes.len() / 10)?;
        // The smallest failure, unless a few are noise below the others.
        let all = *sizes.first()?;
        Some(FailurePattern::Above(if all > largest_good { all } else { smallest }))
    }

    fn peer(&self) -> Option<FailurePattern> {
        let mut peers: BTreeMap<&str, usize> = BTreeMap::new();
        for peer in self.failures.iter().filter_map(|of| of.peer) {
            *peers.entry(peer).or_default() += 1;
        }
        let (peer, _) = peers.into_iter().max_by_key(|(_, n)| *n)?;
        Some(FailurePattern::Peer(peer.to_owned()))
    }

    /// Finds events that failed at every attempt, where most others arrived.
    fn events(&self) -> Option<FailurePattern> {
        let mut tries: BTreeMap<i64, usize> = BTreeMap::new();
        for id in self.failures.iter().filter_map(|of| of.row.event_id) {
            *tries.entry(id.0).or_default() += 1;
        }
        let arrived: BTreeSet<i64> = self.successes.iter().filter_map(|of| Some(of.row.event_id?.0)).collect();
        let stuck: Vec<i64> =
            tries.iter().filter(|(id, n)| **n >= 2 && !arrived.contains(id)).map(|(id, _)| *id).collect();
        let covered: usize = stuck.iter().map(|id| tries[id]).sum();
        let is_rare = (stuck.len() as u64) * 5 <= self.n_succeeded;
        let is_persistent = stuck.iter().any(|id| tries[id] >= 3);
        (is_persistent && is_rare && covered * 10 >= self.failures.len() * 9).then_some(FailurePattern::Events(stuck))
    }

    /// Finds bursts: minutes in which most tries failed, among minutes in which most succeeded.
    fn bursts(&self) -> Option<FailurePattern> {
        let tried = |point: &&AttemptPoint| point.n_ok + point.n_failed > 0;
        let is_bad = |point: &AttemptPoint| point.n_failed * 2 > point.n_ok + point.n_failed;
        let (mut starts, mut last): (Vec<Timestamp>, Option<Timestamp>) = (Vec::new(), None);
        let (mut covered, mut n_bad, mut n_good) = (0, 0_usize, 0_usize);
        let mut tries_in_bad = 0;
        let n_failed: u64 = self.minutes.iter().map(|point| point.n_failed).sum();
        for point in self.minutes.iter().filter(tried) {
            if !is_bad(point) {
                n_good += 1;
                continue;
            }
            n_bad += 1;
            covered += point.n_failed;
            tries_in_bad += point.n_ok + point.n_failed;
            let goes_on = last.is_some_and(|last| point.utc.millis() - last.millis() <= 2 * MINUTE_MS);
            if !goes_on {
                starts.push(point.utc);
            }
            last = Some(point.utc);
        }
        let is_pattern = starts.len() >= MIN_BURSTS
            && covered * 10 >= n_failed * 9
            && n_good >= 2 * n_bad
            && tries_in_bad >= MIN_BURST_TRIES * n_bad as u64;
        is_pattern.then_some(FailurePattern::Bursts(starts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{DeliveryId, EventId};

    fn row(n: i64, kind: &str, status: u16) -> AttemptRow {
        AttemptRow {
            started_utc: Timestamp::from_millis(n * 10_000),
            delivery_id: Some(DeliveryId(n)),
            event_id: Some(EventId(n)),
            event_type: kind.into(),
            ..AttemptRow::answered(n, status)
        }
    }

    /// Rows of 90 tries of three types; `fails` tells which fail, `size` and `peer` what they are like.
    fn pattern(
        fails: fn(i64) -> bool,
        size: fn(i64) -> u64,
        peer: fn(i64) -> &'static str,
        event: fn(i64) -> i64,
    ) -> Option<FailurePattern> {
        let kinds = ["lead.created", "invoice.created", "payment.failed"];
        let rows: Vec<AttemptRow> = (0..90)
            .map(|n| AttemptRow {
                event_id: Some(EventId(event(n))),
                ..row(n, kinds[usize::try_from(n % 3).unwrap()], if fails(n) { 500 } else { 200 })
            })
            .collect();
        let facts = |row| -> AttemptFacts<'_> {
            let row: &AttemptRow = row;
            AttemptFacts { row, size: Some(size(row.id.0)), peer: Some(peer(row.id.0)) }
        };
        let (failed, good): (Vec<&AttemptRow>, Vec<&AttemptRow>) = rows.iter().partition(|row| fails(row.id.0));
        let sample = DeliverySample {
            n_succeeded: good.len() as u64,
            failures: failed.into_iter().map(facts).collect(),
            successes: good.into_iter().map(facts).collect(),
            minutes: &[],
        };
        sample.pattern()
    }

    const SMALL: fn(i64) -> u64 = |n| 300 + n.unsigned_abs() % 40;
    const ONE: fn(i64) -> &'static str = |_| "192.0.2.1";
    const NODES: fn(i64) -> &'static str =
        |n| ["192.0.2.1", "192.0.2.2", "192.0.2.3"][usize::try_from(n / 3 % 3).unwrap_or_default()];

    #[test]
    fn failures_are_told_from_successes_by_what_they_have_in_common() {
        let types = pattern(|n| n % 3 == 0, SMALL, ONE, |n| n);
        assert_eq!(types, Some(FailurePattern::Types(vec!["lead.created".to_owned()])));
        let size = pattern(|n| n % 7 == 0, |n| if n % 7 == 0 { 9_000 } else { 300 }, ONE, |n| n);
        assert_eq!(size, Some(FailurePattern::Above(9_000)));
        let peer = pattern(|n| n / 3 % 3 == 2, SMALL, NODES, |n| n);
        assert_eq!(peer, Some(FailurePattern::Peer("192.0.2.3".to_owned())));
        let events = pattern(|n| n % 9 == 4, SMALL, ONE, |n| if n % 9 == 4 { 7 + n % 2 } else { 100 + n });
        assert_eq!(events, Some(FailurePattern::Events(vec![7, 8])));
        let none = pattern(|n| (n * 7 + n / 11) % 10 < 3, SMALL, ONE, |n| n);
        assert_eq!(none, None);
    }

    #[test]
    fn bursts_are_minutes_in_which_most_tries_fail() {
        let minutes: Vec<AttemptPoint> = (0..60)
            .map(|n| AttemptPoint {
                utc: Timestamp::from_millis(n * MINUTE_MS),
                n_ok: if n % 20 == 7 { 0 } else { 5 },
                n_failed: if n % 20 == 7 { 5 } else { 0 },
                p50_ms: None,
                p95_ms: None,
                p99_ms: None,
            })
            .collect();
        let rows: Vec<AttemptRow> = (0..15).map(|n| row(n, "lead.created", 503)).collect();
        let good: Vec<AttemptRow> = (20..60).map(|n| row(n, "lead.created", 200)).collect();
        let facts = |row| AttemptFacts { row, size: None, peer: None };
        let sample = DeliverySample {
            failures: rows.iter().map(facts).collect(),
            successes: good.iter().map(facts).collect(),
            n_succeeded: 285,
            minutes: &minutes,
        };
        let found = sample.pattern().expect("a pattern");
        assert_eq!(found.text(), "in 3 bursts, at 00:07, 00:27, 00:47 UTC");
    }
}
