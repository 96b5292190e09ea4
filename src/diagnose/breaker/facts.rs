//! Facts about one subscription's circuit breaker, in the terms of the playbook's steps.

use super::evidence::BreakerEvidence;
use crate::diagnose::endpoint::{FaultGroup, group_failures};
use crate::diagnose::evidence_set::CallerVisibility;
use crate::diagnose::report::Evidence;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::paths;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use std::fmt;
use std::time::Duration;

/// Failures in a row from which on a breaker counts as close to tripping: a quarter of the threshold.
pub const NEAR_TRIP_FAILURES: u32 = 5;

/// State of a subscription's circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// The subscription is enabled, with fewer failures in a row than [`NEAR_TRIP_FAILURES`].
    Closed,
    /// The subscription is enabled, and its failures in a row have reached [`NEAR_TRIP_FAILURES`].
    NearThreshold,
    /// The breaker disabled the subscription, at this time at the latest.
    Tripped(Timestamp),
    /// The subscription was disabled by hand, at this time at the latest.
    DisabledManually(Timestamp),
}

/// Facts about one subscription, derived from what was collected.
#[derive(Debug)]
pub struct BreakerFacts<'a> {
    /// Row of the subscription, with its health.
    pub row: &'a SubscriptionRow,
    /// State of the subscription's breaker.
    pub state: BreakerState,
    /// Visibility with which the data was collected.
    pub visibility: CallerVisibility,
    known: &'a BreakerEvidence,
}

impl<'a> BreakerFacts<'a> {
    /// Derives the facts about a subscription that could be read.
    #[must_use]
    pub fn new(row: &'a SubscriptionRow, known: &'a BreakerEvidence) -> Self {
        let subscription = &row.subscription;
        // The time has whole seconds, so the end of that second is the latest possible moment.
        let off_by = subscription.disabled_utc.unwrap_or(known.at).plus(Duration::from_secs(1));
        let state = match subscription.disabled_reason {
            Some(DisabledReason::Breaker) => {
                BreakerState::Tripped(open_trip(known).map_or(off_by, |trip| trip.tripped_utc))
            }
            Some(DisabledReason::Manual) => BreakerState::DisabledManually(off_by),
            None if !subscription.is_enabled => BreakerState::DisabledManually(off_by),
            None if row.failures_in_a_row() >= NEAR_TRIP_FAILURES => BreakerState::NearThreshold,
            None => BreakerState::Closed,
        };
        Self { row, state, visibility: known.visibility, known }
    }

    /// Returns since when the subscription is disabled; `None` if it is enabled.
    #[must_use]
    pub const fn disabled_since(&self) -> Option<Timestamp> {
        match self.state {
            BreakerState::Tripped(at) | BreakerState::DisabledManually(at) => Some(at),
            BreakerState::Closed | BreakerState::NearThreshold => None,
        }
    }

    /// Returns the attempts that say something about the endpoint, newest first.
    ///
    /// # Errors
    ///
    /// Reason why the delivery log could not be read.
    pub fn attempts(&self) -> Result<Vec<&'a AttemptRow>, &'a str> {
        let rows = self.known.attempts.as_ref().map_err(String::as_str)?;
        let mut rows: Vec<&AttemptRow> = rows.iter().filter(|row| row.outcome().is_about_receiver()).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.started_utc, row.id)));
        Ok(rows)
    }

    /// Returns the failures that explain the streak, in groups: those recorded with the open trip, otherwise those of
    /// the scheduled attempts since the last success.
    ///
    /// # Errors
    ///
    /// Reason why neither source could be read.
    pub fn failures(&self) -> Result<Vec<FaultGroup>, String> {
        if let (BreakerState::Tripped(_), Some(trip)) = (self.state, open_trip(self.known)) {
            let causes = trip.causes.iter().flatten();
            return Ok(group_failures(causes.map(|count| (count.cause.raw().to_owned(), count.n))));
        }
        Ok(group_failures(self.streak()?.iter().map(|row| (row.outcome().to_string(), 1))))
    }

    /// Returns the latest failed attempt of the streak.
    #[must_use]
    pub fn latest_failure(&self) -> Option<&'a AttemptRow> {
        self.streak().ok()?.first().copied()
    }

    fn streak(&self) -> Result<Vec<&'a AttemptRow>, String> {
        let attempts = self.attempts().map_err(|why| format!("the delivery log could not be read: {why}"))?;
        let scheduled = attempts.into_iter().filter(|row| row.kind == Some(AttemptKind::Scheduled));
        Ok(scheduled.take_while(|row| !row.outcome().is_success()).collect())
    }

    /// Creates evidence from a field of the subscription.
    #[must_use]
    pub fn subscription_evidence(&self, field: &str, value: impl Into<Untrusted>, limit: Option<String>) -> Evidence {
        let id = self.row.subscription.id;
        let path = match self.visibility {
            CallerVisibility::Full => paths::PORTAL_SUBSCRIPTION,
            CallerVisibility::KeyOnly => paths::SUBSCRIPTION,
        };
        let query = format!("subscription {id}: {field}, GET {}", paths::with_value(path, id));
        Evidence { query, value: value.into(), limit, at_utc: self.known.at }
    }

    /// Creates evidence from the delivery log of the subscription.
    #[must_use]
    pub fn log_evidence(
        &self,
        what: impl fmt::Display,
        value: impl Into<Untrusted>,
        limit: Option<String>,
    ) -> Evidence {
        let id = self.row.subscription.id;
        let query = format!("{what}, GET {}?subscription={id}&limit={FAILURE_THRESHOLD}", paths::ATTEMPTS);
        Evidence { query, value: value.into(), limit, at_utc: self.known.at }
    }

    /// Creates evidence from the source of [`Self::failures`]: the open trip, otherwise the delivery log.
    #[must_use]
    pub fn failures_evidence(&self, what: impl fmt::Display, value: impl Into<Untrusted>) -> Evidence {
        let evidence = self.log_evidence(&what, value, None);
        match (self.state, open_trip(self.known)) {
            (BreakerState::Tripped(_), Some(trip)) => {
                Evidence { query: format!("{what}, GET {}, trip {}", paths::OVERVIEW, trip.id), ..evidence }
            }
            _ => evidence,
        }
    }
}

fn open_trip(known: &BreakerEvidence) -> Option<&TripRow> {
    known.trip.as_ref().ok()?.as_ref().filter(|trip| trip.enabled_utc.is_none())
}
