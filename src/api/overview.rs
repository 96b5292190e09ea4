//! One answer for the dashboard: everything the five live panes show, read in one transaction, so that they agree with each other.

use super::alerts::AcknowledgementRow;
use super::attempts::AttemptRow;
use super::keys::KeyRow;
use super::limits::LimitRow;
use super::page::Listing;
use super::readable::{ReadableRows, UnreadableRows};
use super::subscriptions::SubscriptionRow;
use super::trips::TripRow;
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The dashboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The platform's clock.
    pub server_utc: Timestamp,
    /// Grows with every change; the stream tells when it has.
    pub cursor: u64,
    /// What is answering.
    pub platform: Platform,
    /// The delivery pipeline in numbers.
    pub pipeline: Pipeline,
    /// The pipeline in each of the last 60 minutes, oldest first, the present one last.
    pub minutes: Vec<Minute>,
    /// Keys, worst first.
    pub keys: Listing<KeyRow>,
    /// Subscriptions, worst first.
    pub subscriptions: Listing<SubscriptionRow>,
    /// Attempts, newest first. Its total counts the last hour.
    pub attempts: Listing<AttemptRow>,
    /// Windows of active keys, least headroom first.
    pub limits: Listing<LimitRow>,
    /// Trips, newest first.
    pub trips: Listing<TripRow>,
    /// Companies whose events stay away for longer than three times the usual gap.
    #[serde(default)]
    #[schema(value_type = Vec<SilenceRow>)]
    pub silences: ReadableRows<SilenceRow>,
    /// Companies with deliveries that are due and not under way, the most overdue first.
    #[serde(default)]
    #[schema(value_type = Vec<OverdueRow>)]
    pub overdue: ReadableRows<OverdueRow>,
    /// Who looks after which alert, oldest first; a day old at most.
    #[serde(default)]
    #[schema(value_type = Vec<AcknowledgementRow>)]
    pub acknowledgements: ReadableRows<AcknowledgementRow>,
}

impl Overview {
    /// The lists that have rows which could not be read, by name.
    #[must_use]
    pub fn unreadable(&self) -> Vec<(&'static str, &UnreadableRows)> {
        let all = [
            ("keys", &self.keys.unreadable),
            ("subscriptions", &self.subscriptions.unreadable),
            ("attempts", &self.attempts.unreadable),
            ("limits", &self.limits.unreadable),
            ("trips", &self.trips.unreadable),
            ("silences", &self.silences.unreadable),
            ("overdue", &self.overdue.unreadable),
            ("acknowledgements", &self.acknowledgements.unreadable),
        ];
        all.into_iter().filter(|(_, rows)| rows.n > 0).collect()
    }

    /// Whether the other one shows the same; when they were taken does not matter, nor does which minute a window stands for that nobody used.
    #[must_use]
    pub fn shows_same(&self, other: &Self) -> bool {
        let Self {
            server_utc: _,
            cursor: _,
            platform,
            pipeline,
            minutes,
            keys,
            subscriptions,
            attempts,
            limits,
            trips,
            silences,
            overdue,
            acknowledgements,
        } = self;
        (platform, pipeline, minutes) == (&other.platform, &other.pipeline, &other.minutes)
            && (keys, subscriptions, attempts) == (&other.keys, &other.subscriptions, &other.attempts)
            && (limits.total, limits.n_alarming) == (other.limits.total, other.limits.n_alarming)
            && limits.unreadable == other.limits.unreadable
            && limits.items.len() == other.limits.items.len()
            && limits.items.iter().zip(&other.limits.items).all(|(one, other)| one.shows_same(other))
            && trips == &other.trips
            && (silences, overdue) == (&other.silences, &other.overdue)
            && acknowledgements == &other.acknowledgements
    }
}

/// A company with deliveries that are due and not under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverdueRow {
    /// Whose.
    pub company_id: CompanyId,
    /// When the first of them was due.
    pub oldest_due_utc: Timestamp,
}

/// A company whose events stay away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SilenceRow {
    /// Whose.
    pub company_id: CompanyId,
    /// Its name.
    pub company_name: Untrusted,
    /// When the last event happened.
    pub last_event_utc: Timestamp,
    /// The longest of the last twenty gaps between events, in milliseconds.
    pub usual_gap_ms: u64,
    /// Since when this is a silence: after three times that gap, and ten minutes at least.
    pub since_utc: Timestamp,
}

/// What is answering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Its version.
    pub version: String,
    /// Whether http and private targets are permitted, which only development and demo should.
    pub private_targets: bool,
    /// Why dispatch is paused, if it is: the platform's own trouble.
    pub dispatch_paused: Option<String>,
}

/// The delivery pipeline in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// Deliveries that wait for their time.
    pub n_pending: u64,
    /// Deliveries under way.
    pub n_in_flight: u64,
    /// Scheduled attempts of the last hour that succeeded.
    pub n_succeeded_1h: u64,
    /// Those that failed.
    pub n_failed_1h: u64,
    /// Breaker trips of the last 24 hours.
    pub n_trips_24h: u64,
    /// The earliest time at which a waiting delivery was due, if it has passed.
    pub oldest_due_utc: Option<Timestamp>,
    /// Events of the last 24 hours that were skipped because their subscription was off, and were not delivered since; counted up to 10,000.
    /// Absent where that is not known.
    #[serde(default)]
    pub n_skipped_24h: Option<u64>,
    /// Events of the last 24 hours that were given up after their last attempt; counted up to 10,000. Absent where that is not known.
    #[serde(default)]
    pub n_exhausted_24h: Option<u64>,
}

/// One minute of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Minute {
    /// Scheduled attempts that succeeded.
    pub n_ok: u32,
    /// Scheduled attempts that failed.
    pub n_failed: u32,
}

/// The query of `GET /portal/v1/overview`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverviewQuery {
    /// Rows per listing at most, 1 to 500; 50 if absent.
    #[serde(default)]
    pub rows: Option<u32>,
}

/// A message of `GET /portal/v1/stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pulse {
    /// As in the overview: another number means that something changed.
    pub cursor: u64,
    /// The platform's clock.
    pub server_utc: Timestamp,
}
