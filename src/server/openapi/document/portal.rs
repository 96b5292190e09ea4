//! Descriptions of the public routes, and of the Portal API's routes about traffic and subscriptions.

use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::coverage::PlatformCoverage;
use crate::wire::deliveries::{DeliveryDetail, DeliveryRow, EventDeliveryTrace, EventDetail, EventRow};
use crate::wire::limits::LimitDetail;
use crate::wire::log::LogPage;
use crate::wire::operation_doc::{
    NamedSchema, OperationDoc, QueryParameter, ResponseBody, id, names, number_up_to, shape, status, text, time,
};
use crate::wire::overview::PlatformOverview;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::replays::ReplayRow;
use crate::wire::requests::RequestLogPage;
use crate::wire::secretcheck::SecretScanReport;
use crate::wire::signature_check::SignatureCheck;
use crate::wire::stats::TimeSeries;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
use crate::wire::trips::TripRow;

/// Returns the descriptions of the public routes and of the routes about traffic and subscriptions.
pub(super) fn routes() -> Vec<OperationDoc> {
    [
        public(),
        dashboard(),
        subscriptions(),
        revisions(),
        replays(),
        attempts(),
        deliveries(),
        published_events(),
        requests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Parameters that limit a log to a time range.
fn range() -> [QueryParameter; 2] {
    [
        time("since", "Start of the range: rows at or after this time"),
        time("until", "End of the range: rows before this time"),
    ]
}

fn event_type() -> QueryParameter {
    names("type", "Type of the event", EventType::ALL.map(EventType::name))
}

fn company() -> QueryParameter {
    id("company", "ID of the company that the rows belong to")
}

fn subscription() -> QueryParameter {
    id("subscription", "ID of the subscription that the rows belong to")
}

fn public() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::HEALTHZ,
            "healthz",
            "Liveness check: the process answers",
            "Version of the platform, and whether private targets are permitted",
            ResponseBody::Object,
        ),
        OperationDoc::get(
            paths::READYZ,
            "readyz",
            "Readiness check: the database is open and the dispatcher is running",
            "The platform is ready",
            ResponseBody::Object,
        ),
        OperationDoc::get(
            paths::OPENAPI,
            "openapi",
            "This document as JSON",
            "The OpenAPI document",
            ResponseBody::Object,
        ),
        OperationDoc::get(
            paths::DOCS,
            "docs",
            "This document as a page",
            "The page in HTML",
            ResponseBody::Text("text/html"),
        ),
        OperationDoc::get(
            paths::METRICS,
            "metrics",
            "Metrics for Prometheus",
            "The metrics in the Prometheus text format",
            ResponseBody::Text("text/plain"),
        ),
    ]
}

fn dashboard() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::OVERVIEW,
            "overview",
            "Everything that the dashboard shows, worst rows first",
            "The overview of the platform at one moment",
            answer!(PlatformOverview),
        )
        .with_query([number_up_to("rows", "Maximum number of rows per list; 50 if absent", 500)]),
        OperationDoc::get(
            paths::COVERAGE,
            "coverage",
            "How much is known of each noun; everything, except where an observer answers for a platform",
            "The coverage of every noun, and the state of an observed platform",
            answer!(PlatformCoverage),
        ),
        OperationDoc::get(
            paths::STREAM,
            "stream",
            "Stream of server-sent events that signals changes as they happen",
            "The open stream, with a message per change and a heartbeat every second",
            ResponseBody::Text("text/event-stream"),
        ),
        OperationDoc::get(
            paths::STATS,
            "stats",
            "Time series for charts",
            "Time series of attempts and requests, oldest point first",
            answer!(TimeSeries),
        )
        .with_query([
            names("span", "Length of time that each point covers; one minute if absent", ["minute", "hour"]),
            id("subscription", "Subscription whose attempts are counted, with percentiles; all if absent"),
            time("since", "Start of the series; 60 points before the end if absent"),
            time("until", "End of the series; now if absent"),
        ]),
        OperationDoc::get(
            paths::LIMITS,
            "listLimits",
            "Rate windows with their busiest routes and callers, least remaining first",
            "Page of rate windows",
            answer!(Page<LimitDetail>),
        )
        .paged(),
    ]
}

fn subscriptions() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::PORTAL_SUBSCRIPTIONS,
            "listAllSubscriptions",
            "Subscriptions of all companies with their health, worst first",
            "Page of subscriptions with their health",
            answer!(Page<SubscriptionRow>),
        )
        .paged(),
        OperationDoc::get(
            paths::PORTAL_SUBSCRIPTION,
            "examineSubscription",
            "One subscription with its health",
            "The requested subscription with its health",
            answer!(SubscriptionRow),
        ),
    ]
}

fn revisions() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::PORTAL_SUBSCRIPTION_REVISIONS,
            "listRevisions",
            "Every configuration that a subscription had, the one in force first",
            "Page of revisions of the subscription",
            answer!(Page<RevisionRow>),
        )
        .paged(),
    ]
}

fn replays() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::REPLAYS,
            "listReplays",
            "Replays, newest first",
            "Page of replays",
            answer!(LogPage<ReplayRow>),
        )
        .with_query([subscription()])
        .paged(),
        OperationDoc::get(
            paths::REPLAY,
            "getReplay",
            "One replay with its progress",
            "The requested replay with its progress",
            answer!(ReplayRow),
        ),
    ]
}

fn attempts() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::ATTEMPTS,
            "listAttempts",
            "Attempts, newest first",
            "Page of attempts that match the filters",
            answer!(LogPage<AttemptRow>),
        )
        .with_query([
            company(),
            subscription(),
            id("event", "ID of the event that was sent"),
            event_type(),
            names("outcome", "Outcome of the attempt", ["success", "failure"]),
            status("status", "HTTP status of the receiver's response"),
            text(
                "q",
                "Text that the target URL or the error contains as the operator sees them. Uses no index: a page scans 20,000 rows and may be short, with a cursor",
            ),
        ])
        .with_query(range())
        .paged(),
        OperationDoc::get(
            paths::ATTEMPT,
            "getAttempt",
            "One attempt with the exact bytes sent and received",
            "The requested attempt; personal values are masked unless the operator is an admin",
            answer!(AttemptDetail),
        ),
        OperationDoc::get(
            paths::ATTEMPT_SIGNATURE,
            "explainSignature",
            "Explain from the receiver's response how it verified the signature; reveals no secret",
            "Diagnosis of the receiver's signature check",
            answer!(SignatureCheck),
        )
        .with_query([text("computed", "Signature that the receiver computed, if the receiver's response does not contain it")]),
        OperationDoc::post(
            paths::SECRET_CHECK,
            "checkSecrets",
            "Search a text for the secrets that the platform holds; reveals no secret",
            "Places in the text where secrets occur, with their owners",
            answer!(SecretScanReport),
        )
        .with_raw_body("Text to search, at most 1 MiB; one check at a time per operator"),
    ]
}

fn deliveries() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::DELIVERIES,
            "listDeliveries",
            "Deliveries, newest first",
            "Page of deliveries that match the filters",
            answer!(LogPage<DeliveryRow>),
        )
        .with_query([
            company(),
            subscription(),
            id("event", "ID of the event that is delivered"),
            event_type(),
            names("state", "State of the delivery", DeliveryState::ALL.map(DeliveryState::name)),
        ])
        .with_query(range())
        .paged(),
        OperationDoc::get(
            paths::DELIVERY,
            "getDelivery",
            "One delivery with its attempts",
            "The requested delivery with its attempts",
            answer!(DeliveryDetail),
        ),
        OperationDoc::get(
            paths::TRIPS,
            "listTrips",
            "Trips of the breaker, newest first",
            "Page of trips that match the filters",
            answer!(LogPage<TripRow>),
        )
        .with_query([company(), subscription()])
        .paged(),
    ]
}

fn published_events() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::PORTAL_EVENTS,
            "listAllEvents",
            "Events of all companies, newest first",
            "Page of events that match the filters",
            answer!(LogPage<EventRow>),
        )
        .with_query([company(), event_type()])
        .with_query(range())
        .paged(),
        OperationDoc::get(
            paths::PORTAL_EVENT,
            "getEvent",
            "One event with the exact bytes of its envelope",
            "The requested event; personal values are masked unless the operator is an admin",
            answer!(EventDetail),
        ),
        OperationDoc::get(
            paths::PORTAL_EVENT_TRACE,
            "traceEvent",
            "Trace an event: which subscriptions matched, which did not, and why",
            "The event with every subscription of its company",
            answer!(EventDeliveryTrace),
        )
        .paged_by_bytes(),
    ]
}

fn requests() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::REQUESTS,
            "listRequests",
            "Requests to the Integration API, newest first",
            "Page of requests that match the filters, with counts of the last hour",
            answer!(RequestLogPage),
        )
        .with_query([
            company(),
            id("key", "ID of the key that made the request"),
            status("status", "HTTP status of the response"),
            names("class", "Class of the response's HTTP status", ["1xx", "2xx", "3xx", "4xx", "5xx"]),
            text("code", "Problem code of the response"),
            text("caller", "Address that the request came from"),
        ])
        .with_query(range())
        .paged(),
    ]
}
