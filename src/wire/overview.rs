//! The overview: one answer with everything that the live panes show, read in one transaction so that the lists agree
//! with each other.

use super::alerts::{AcknowledgementRow, ConditionRow};
use super::attempts::AttemptRow;
use super::coverage::PlatformCoverage;
use super::keys::KeyRow;
use super::limits::LimitRow;
use super::page::CappedList;
use super::readable::{ReadableRows, UnreadableRows};
use super::receipts::RefusedDeliveries;
use super::subscriptions::SubscriptionRow;
use super::trips::TripRow;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Overview of the platform: the data of the dashboard at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformOverview {
    /// Time of the platform's clock when the data was read.
    pub server_utc: Timestamp,
    /// Change counter; a different value means that something changed. The event stream announces new values.
    pub cursor: u64,
    /// Version and operating state of the platform; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub platform: Option<PlatformStatus>,
    /// Counters of the delivery pipeline.
    pub pipeline: PipelineCounts,
    /// Pipeline counters of the last 60 minutes, one entry per minute, oldest first; the last entry is the current
    /// minute.
    pub minutes: Vec<PipelineMinute>,
    /// API keys, worst health first.
    pub keys: CappedList<KeyRow>,
    /// Subscriptions of all companies, worst health first.
    pub subscriptions: CappedList<SubscriptionRow>,
    /// Attempts, newest first; `total` counts the attempts of the last hour.
    pub attempts: CappedList<AttemptRow>,
    /// Rate windows of active keys, least headroom first.
    pub limits: CappedList<LimitRow>,
    /// Trips of the breaker, newest first.
    pub trips: CappedList<TripRow>,
    /// Conditions that need attention and that only the platform can measure, such as missing events of a company.
    #[serde(default)]
    #[cfg_attr(test, schema(value_type = Vec<ConditionRow>))]
    pub conditions: ReadableRows<ConditionRow>,
    /// Companies with deliveries that are due but not in flight, most overdue first.
    #[serde(default)]
    #[cfg_attr(test, schema(value_type = Vec<OverdueRow>))]
    pub overdue: ReadableRows<OverdueRow>,
    /// Acknowledgements of alerts from the last 24 hours, oldest first.
    #[serde(default)]
    #[cfg_attr(test, schema(value_type = Vec<AcknowledgementRow>))]
    pub acknowledgements: ReadableRows<AcknowledgementRow>,
    /// Requests that listeners in front of receivers refused in the last 24 hours, summed up by path and reason, the most
    /// frequent first. None of them counts as received. Absent without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_deliveries: Vec<RefusedDeliveries>,
    /// Coverage of the data; null or absent if everything is known, as on a platform with a Portal.
    #[serde(default)]
    pub coverage: Option<PlatformCoverage>,
}

impl PlatformOverview {
    /// Returns the name and the unreadable rows of every list that has any.
    #[must_use]
    pub fn unreadable_lists(&self) -> Vec<(&'static str, &UnreadableRows)> {
        let all = [
            ("keys", &self.keys.unreadable),
            ("subscriptions", &self.subscriptions.unreadable),
            ("attempts", &self.attempts.unreadable),
            ("limits", &self.limits.unreadable),
            ("trips", &self.trips.unreadable),
            ("conditions", &self.conditions.unreadable),
            ("overdue", &self.overdue.unreadable),
            ("acknowledgements", &self.acknowledgements.unreadable),
        ];
        all.into_iter().filter(|(_, rows)| rows.n > 0).collect()
    }

    /// Returns whether both overviews display alike, ignoring the time they were read and the minute of unused rate
    /// windows.
    #[must_use]
    pub fn displays_like(&self, other: &Self) -> bool {
        let nouns = |coverage: &Option<PlatformCoverage>| coverage.as_ref().map(|of| of.nouns.clone());
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
            conditions,
            overdue,
            acknowledgements,
            refused_deliveries,
            coverage,
        } = self;
        (platform, pipeline, minutes) == (&other.platform, &other.pipeline, &other.minutes)
            && (keys, subscriptions, attempts) == (&other.keys, &other.subscriptions, &other.attempts)
            && (limits.total, limits.n_alarming) == (other.limits.total, other.limits.n_alarming)
            && limits.unreadable == other.limits.unreadable
            && limits.items.len() == other.limits.items.len()
            && limits.items.iter().zip(&other.limits.items).all(|(one, other)| one.displays_like(other))
            && trips == &other.trips
            && (conditions, overdue) == (&other.conditions, &other.overdue)
            && acknowledgements == &other.acknowledgements
            && refused_deliveries == &other.refused_deliveries
            && nouns(coverage) == nouns(&other.coverage)
    }
}

/// Company with deliveries that are due but not in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OverdueRow {
    /// Company that the deliveries belong to.
    pub company_id: CompanyId,
    /// Due time of the most overdue delivery.
    pub oldest_due_utc: Timestamp,
}

/// Version and operating state of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformStatus {
    /// Version of the crow that runs the platform.
    pub version: String,
    /// Whether http and private target addresses are permitted, as is meant for development and demos only.
    pub private_targets: bool,
    /// Reason why dispatch is paused by a fault of the platform itself; null while deliveries are sent.
    pub dispatch_paused: Option<String>,
}

/// Counters of the delivery pipeline over all companies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PipelineCounts {
    /// Number of deliveries that wait for their due time; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_pending: Option<u64>,
    /// Number of deliveries in flight; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_in_flight: Option<u64>,
    /// Number of scheduled attempts in the last hour that succeeded; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_succeeded_1h: Option<u64>,
    /// Number of scheduled attempts in the last hour that failed; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_failed_1h: Option<u64>,
    /// Number of breaker trips in the last 24 hours; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_trips_24h: Option<u64>,
    /// Due time of the most overdue pending delivery; null if none is overdue.
    pub oldest_due_utc: Option<Timestamp>,
    /// Number of deliveries of the last 24 hours that were missed because their subscription was disabled, and were
    /// not delivered since; counted up to 10,000, absent if unknown.
    #[serde(default)]
    pub n_skipped_24h: Option<u64>,
    /// Number of deliveries of the last 24 hours that were given up after their last attempt; counted up to 10,000,
    /// absent if unknown.
    #[serde(default)]
    pub n_exhausted_24h: Option<u64>,
}

/// Scheduled attempts of all companies in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PipelineMinute {
    /// Number of scheduled attempts that succeeded.
    pub n_ok: u32,
    /// Number of scheduled attempts that failed.
    pub n_failed: u32,
}

/// Query of `GET /portal/v1/overview`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct OverviewQuery {
    /// Maximum number of rows per list, 1 to 500; 50 if absent.
    #[serde(default)]
    pub rows: Option<u32>,
}

/// Message of the event stream `GET /portal/v1/stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangePulse {
    /// Change counter of the overview; another value than before means that something changed.
    pub cursor: u64,
    /// Time of the platform's clock when the message was sent.
    pub server_utc: Timestamp,
}
