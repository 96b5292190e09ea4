//! Answers of a platform to the console when a detail is opened.

use super::fixture::{NOW, ago, attempt, overview};
use super::shelf::{event, request};
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::tui::effect::{FetchedAttempt, FetchedDetail, FetchedEvent, FetchedKey, FetchedSubscription, FetchedWindow};
use crate::tui::ids::RowId;
use crate::wire::attempts::{AttemptDetail, CapturedBody, HttpHeader, PhaseTimes};
use crate::wire::deliveries::{DeliveryDetail, DeliveryRow, EventDeliveryTrace, EventDetail, TraceRow, TraceVerdict};
use crate::wire::limits::{CallerUsageRow, KeyUsage, LimitDetail, RouteUsageRow};
use crate::wire::stats::AttemptPoint;
use crate::wire::subscriptions::RevisionRow;
use std::time::Duration;

pub(super) fn detail() -> AttemptDetail {
    let header = |name: &str, value: &str| HttpHeader { name: name.into(), value: value.into() };
    let body = |text: &str| CapturedBody {
        base64: String::new(),
        text: Some(text.into()),
        n_bytes: text.len() as u64,
        truncated: false,
    };
    AttemptDetail {
        row: attempt(675, 7, Some(503), None),
        request_headers: vec![
            header("Content-Type", "application/json"),
            header("X-Wlcro-Timestamp", "1795442544"),
            header("X-Wlcro-Signature", "sha256=0f5a3c"),
        ],
        request_body: body(r#"{"id":45675,"payload":{"amount":10.50,"name":"<U> \u001b[2J"}}"#),
        response_headers: vec![header("Server", "nginx\u{1b}[31m")],
        response_body: body("<h1>down\u{1b}[2J</h1>\r\nsecond line"),
        peer: Some("93.184.216.34:443".into()),
        phases: PhaseTimes {
            dns_us: Some(1_240),
            connect_us: Some(18_900),
            tls_us: Some(41_070),
            head_us: Some(119_700),
            body_us: Some(90),
        },
        shed_utc: None,
        answer_topic: None,
        redacted: false,
    }
}

fn body(text: &str) -> CapturedBody {
    CapturedBody::new(text.as_bytes(), text.len() as u64)
}

fn delivery(event: EventId, subscription: i64, state: DeliveryState) -> DeliveryRow {
    DeliveryRow {
        id: DeliveryId(1_575),
        event_id: event,
        event_type: "payment.failed".into(),
        subscription_id: SubscriptionId(subscription),
        company_id: CompanyId(92),
        kind: AttemptKind::Scheduled,
        state,
        n_attempts: 3,
        due_utc: (state == DeliveryState::Pending).then(|| NOW.plus(Duration::from_secs(42))),
        created_utc: ago(120),
    }
}

fn known() -> FetchedSubscription {
    let row = overview().subscriptions.items.remove(1);
    let attempts = overview()
        .attempts
        .items
        .into_iter()
        .filter(|row| row.subscription_id.is_some_and(|id| id.0 == 23))
        .take(5)
        .collect();
    let revision = |revision, days: u64, target: &str| RevisionRow {
        revision,
        since_utc: ago(days * 86_400),
        target_url: target.into(),
        event_types: vec!["client.created".into(), "payment.failed".into()],
        description: (revision == 2).then(|| "nightly sync\u{1b}[2J".into()),
        managed_by: None,
    };
    let minutes = (0..60_u32)
        .map(|minute| AttemptPoint {
            utc: NOW.floor_to(60_000).minus(Duration::from_secs(u64::from(59 - minute) * 60)),
            n_ok: if minute < 15 || minute % 7 == 0 { 0 } else { u64::from(40 - minute / 2) },
            n_failed: if minute < 15 { 0 } else { u64::from(minute / 4) },
            p50_ms: (minute >= 15).then_some(150),
            p95_ms: (minute >= 15).then_some(if minute > 50 { 10_000 } else { 300 + minute }),
            p99_ms: (minute >= 15).then_some(10_000),
        })
        .collect();
    let revisions =
        vec![revision(2, 1, "https://api.globex.example/in"), revision(1, 90, "https://old.globex.example/in")];
    FetchedSubscription { row, attempts, revisions, minutes }
}

fn sent(id: i64) -> FetchedAttempt {
    let detail = detail();
    let tries = [id + 40, id, id - 30].map(|id| attempt(id, 7, Some(503), None)).to_vec();
    let row = delivery(EventId(45_675), 23, DeliveryState::Pending);
    FetchedAttempt { detail, delivery: Some(DeliveryDetail { row, attempts: tries }) }
}

fn happening(id: EventId) -> FetchedEvent {
    let envelope = format!(
        r#"{{"id":{id},"type":"payment.failed","createdUtc":"2026-11-23T14:02:31Z","companyId":92,"payload":{{"payment_id":7,"amount_attempted":83.95,"failure_reason":"card declined\u001b[2J","tags":[]}}}}"#
    );
    let met = |id: i64, target: &str, verdict, why: &str, state: Option<DeliveryState>| TraceRow {
        subscription_id: SubscriptionId(id),
        target_url: target.into(),
        verdict,
        why: why.to_owned(),
        delivery: state.map(|state| delivery(EventId(45_678), id, state)),
    };
    let subscriptions = vec![
        met(
            17,
            "https://crm.initech.example/wh",
            TraceVerdict::Matched,
            "subscribed to this type and enabled",
            Some(DeliveryState::Succeeded),
        ),
        met(
            21,
            "https://hooks.acme.example/orders",
            TraceVerdict::Disabled,
            "subscribed to this type but disabled when the event happened",
            Some(DeliveryState::Missed),
        ),
        met(
            23,
            "https://api.globex.example/in",
            TraceVerdict::OtherType,
            "not subscribed to this type when the event happened",
            None,
        ),
    ];
    let row = event(id.0);
    FetchedEvent {
        event: EventDetail { row: row.clone(), envelope: body(&envelope), redacted: false },
        trace: EventDeliveryTrace { event: row, subscriptions, next_cursor: None, has_more: false },
    }
}

fn routes() -> Vec<RouteUsageRow> {
    let route = |method: &str, route: &str, n| RouteUsageRow { method: method.into(), route: route.into(), n };
    vec![
        route("GET", "/api/v1/events", 41_250),
        route("POST", "/api/v1/integrations/leads", 812),
        route("PATCH", "/api/v1/integrations/clients/{id}/status", 7),
    ]
}

fn callers() -> Vec<CallerUsageRow> {
    let caller = |address: &str, agent: &str, n| CallerUsageRow {
        address: address.into(),
        user_agent: agent.into(),
        n,
        last_utc: ago(4),
    };
    vec![
        caller("203.0.113.9", "Zapier", 39_000),
        caller("198.51.100.77", "python-requests/2.32 \u{1b}]0;owned\u{7}", 3_069),
    ]
}

/// Details of an item, as a platform answers them.
pub(super) fn found(item: RowId) -> FetchedDetail {
    match item {
        RowId::Subscription(_) => FetchedDetail::Subscription(known()),
        RowId::Attempt(id) => FetchedDetail::Attempt(sent(id.0)),
        RowId::Event(id) => FetchedDetail::Event(happening(id)),
        RowId::Key(_) => FetchedDetail::Key(FetchedKey {
            usage: KeyUsage {
                since_utc: Some(ago(30 * 86_400)),
                routes: Some(routes()),
                never_used: Some(vec![KeyScope::IntegrationsWrite]),
            },
            callers: Some(callers()),
            requests: (0..5).map(|n| request(9_000 - n)).collect(),
        }),
        RowId::Window(..) => FetchedDetail::Window(FetchedWindow {
            detail: overview().limits.items.into_iter().next().map(|row| LimitDetail {
                row,
                top_routes: Some(routes()),
                callers: Some(callers()),
            }),
            refused: [8_990, 8_979, 8_968].map(request).to_vec(),
        }),
        RowId::Trip(_) | RowId::Request(_) => FetchedDetail::Nothing,
    }
}
