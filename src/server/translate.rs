//! Conversion of the engine's values into wire types.

use crate::domain::attempt::{Attempt, HttpExchange};
use crate::domain::delivery::{AttemptOutcome, FailureKind};
use crate::domain::ids::CompanyId;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::target::TargetPolicy;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::engine::handle::Engine;
use crate::engine::overview::{self, KeyWithUsage, OverviewData, SubscriptionHealth, WindowWithHistory};
use crate::engine::subscriptions::SubscriptionTest;
use crate::wire;
use crate::wire::alerts::{AcknowledgementRow, ConditionRow};
use crate::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody};
use crate::wire::keys::{KeyRow, RecentKeyUsage};
use crate::wire::limits::LimitRow;
use crate::wire::overview::{OverdueRow, PipelineCounts, PipelineMinute, PlatformOverview, PlatformStatus};
use crate::wire::page::CappedList;
use crate::wire::subscriptions::{AttemptSummary, DeliveryHealth, SubscriptionRow, TestResult};
use std::net::{IpAddr, SocketAddr};
use url::Url;

pub(super) fn key_row(of: &KeyWithUsage) -> KeyRow {
    let usage = RecentKeyUsage {
        n_last_minute: of.usage.n,
        n_client_errors: of.usage.n_client_errors,
        n_limited: of.usage.n_limited,
        n_server_errors: of.usage.n_server_errors,
    };
    KeyRow::new(&of.key, usage)
}

pub(super) fn subscription_row(of: SubscriptionHealth) -> SubscriptionRow {
    let [last_5m, last_1h, last_24h] = of.rates.map(attempt_summary);
    let (streak_began_utc, streak_latest_utc) = of.subscription.streak.unzip();
    let health = DeliveryHealth {
        last_5m,
        last_1h,
        last_24h,
        streak_began_utc,
        streak_latest_utc,
        next_due_utc: of.backlog.next_due_at,
        n_backlog: Some(of.backlog.n_pending + of.backlog.n_in_flight),
        n_skipped: Some(of.subscription.n_missed),
        n_parked: Some(of.backlog.n_on_hold),
    };
    SubscriptionRow {
        subscription: of.subscription.into(),
        health: Some(health),
        disabled_after_utc: None,
        disabled_note: of.note.map(Untrusted::new),
    }
}

pub(super) fn test_result(of: SubscriptionTest) -> TestResult {
    let result = of.attempt.result;
    let status_code = match result.outcome {
        AttemptOutcome::Answered { status, .. } => Some(status),
        AttemptOutcome::Unanswered(_) => None,
    };
    TestResult {
        success: result.outcome.is_success(),
        status_code,
        elapsed_ms: result.elapsed_ms,
        response_body_truncated: of.n_response_bytes > of.response_body.len() as u64,
        response_body: Untrusted::new(String::from_utf8_lossy(&of.response_body)),
        target_url_used: Untrusted::new(of.attempt.subject.target_url),
        error: result.error.map(Untrusted::new),
    }
}

/// Converts the result of a test for the partner who ran it. If the target is a host name, addresses are removed from
/// the error: a partner could otherwise resolve internal names through test deliveries.
pub(super) fn partner_test_result(of: SubscriptionTest) -> TestResult {
    let is_named = Url::parse(&of.attempt.subject.target_url).is_ok_and(|url| url.domain().is_some());
    let is_blocked = of.attempt.result.outcome == AttemptOutcome::Unanswered(FailureKind::Blocked);
    let result = test_result(of);
    if !is_named {
        return result;
    }
    let error = result.error.map(|error| {
        let blocked = || "the target's host name resolves to an address that is not allowed".to_owned();
        Untrusted::new(if is_blocked { blocked() } else { without_addresses(error.raw()) })
    });
    TestResult { error, ..result }
}

/// Replaces the IP addresses in a text.
fn without_addresses(text: &str) -> String {
    let is_address = |word: &str| {
        let bare = word.trim_end_matches([',', ';', ':', '.']);
        bare.parse::<IpAddr>().is_ok() || bare.parse::<SocketAddr>().is_ok()
    };
    text.split(' ').map(|word| if is_address(word) { "its address" } else { word }).collect::<Vec<_>>().join(" ")
}

fn attempt_summary(of: overview::AttemptRate) -> AttemptSummary {
    AttemptSummary {
        n_succeeded: of.tally.n_ok,
        n_failed: of.tally.n_failed,
        p50_ms: of.histogram.percentile(0.5),
        p95_ms: of.histogram.percentile(0.95),
        p99_ms: of.histogram.percentile(0.99),
    }
}

pub(super) fn limit_row(of: WindowWithHistory) -> LimitRow {
    let limit = of.key.limits.for_bucket(of.bucket);
    LimitRow {
        key_id: of.key.id,
        company_id: of.key.company,
        key_name: Untrusted::new(of.key.name.as_str()),
        last4: Untrusted::new(of.key.last4.as_str()),
        bucket: of.bucket,
        limit,
        used: Some(of.window.used),
        remaining: Some(limit.saturating_sub(of.window.used)),
        n_refused: Some(of.n_refused),
        window_utc: of.window.start,
        reset_utc: of.window.reset_at(),
        history: of.history.into_iter().map(Some).collect(),
        week: None,
        own_use: None,
    }
}

pub(super) fn attempt_detail(of: Attempt, exchange: HttpExchange, sent: &[u8]) -> AttemptDetail {
    AttemptDetail {
        row: AttemptRow::from(of),
        request_headers: exchange.request_headers.into_iter().map(Into::into).collect(),
        request_body: CapturedBody::new(sent, sent.len() as u64),
        response_headers: exchange.response_headers.into_iter().map(Into::into).collect(),
        response_body: CapturedBody::new(&exchange.response_body, exchange.n_body_bytes_read),
        peer: exchange.peer.map(Untrusted::new),
        phases: exchange.phases.into(),
        shed_utc: exchange.content_dropped_at,
        answer_topic: None,
        redacted: false,
    }
}

const fn overdue_row((company_id, oldest_due_utc): (CompanyId, Timestamp)) -> OverdueRow {
    OverdueRow { company_id, oldest_due_utc }
}

pub(super) fn overview_answer(of: OverviewData, engine: &Engine) -> PlatformOverview {
    let sum = |side: fn(&SuccessCounts) -> u64| of.minutes.iter().map(side).sum();
    let pipeline = PipelineCounts {
        n_pending: Some(of.backlog.n_pending),
        n_in_flight: Some(of.backlog.n_in_flight),
        n_succeeded_1h: Some(sum(|minute| minute.n_ok)),
        n_failed_1h: Some(sum(|minute| minute.n_failed)),
        n_trips_24h: Some(of.n_trips_24h),
        oldest_due_utc: of.backlog.next_due_at.filter(|due| *due < of.now),
        n_skipped_24h: Some(of.missed.0),
        n_exhausted_24h: Some(of.missed.1),
    };
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    PlatformOverview {
        server_utc: of.now,
        cursor: of.cursor,
        platform: Some(PlatformStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            private_targets: engine.settings().target_policy == TargetPolicy::Private,
            dispatch_paused: engine.status().pause_reason,
        }),
        pipeline,
        minutes: of
            .minutes
            .iter()
            .map(|minute| PipelineMinute { n_ok: narrow(minute.n_ok), n_failed: narrow(minute.n_failed) })
            .collect(),
        keys: capped_list(of.keys, |used| key_row(&used)),
        subscriptions: capped_list(of.subscriptions, subscription_row),
        attempts: capped_list(of.attempts, AttemptRow::from),
        limits: capped_list(of.windows, limit_row),
        trips: capped_list(of.trips, wire::trips::TripRow::from),
        conditions: of.conditions.into_iter().map(ConditionRow::from).collect::<Vec<_>>().into(),
        overdue: of.overdue.into_iter().map(overdue_row).collect::<Vec<_>>().into(),
        acknowledgements: of.acknowledgements.iter().map(AcknowledgementRow::from).collect::<Vec<_>>().into(),
        refused_deliveries: Vec::new(),
        coverage: None,
    }
}

fn capped_list<A, B>(of: overview::TopRows<A>, translate: impl FnMut(A) -> B) -> CappedList<B> {
    CappedList::new(of.items.into_iter().map(translate).collect(), of.total, of.n_alarming)
}
