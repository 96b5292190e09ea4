//! What is told about the Portal API and the public routes.

use super::shape::{Answer, Shape, Told, id, names, status, text, time, upto};
use crate::api::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::audit::{AuditCheck, AuditHead, AuditRow};
use crate::api::deliveries::{DeliveryDetail, DeliveryRow, EventDetail, EventRow, Trace};
use crate::api::events::{Envelope, NewEvent};
use crate::api::keys::{Company, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
use crate::api::lab::SignatureCheck;
use crate::api::limits::{KeyUsage, LimitDetail};
use crate::api::log::LogPage;
use crate::api::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::api::overview::Overview;
use crate::api::page::Page;
use crate::api::paths;
use crate::api::replays::{NewReplay, ReplayPlan, ReplayRow};
use crate::api::requests::RequestLog;
use crate::api::revisions::{RevisionRow, Rollback};
use crate::api::secretcheck::SecretCheck;
use crate::api::stats::Stats;
use crate::api::subscriptions::{Disable, Enable, SubscriptionRow, TestDelivery, TestResult};
use crate::api::trips::TripRow;
use crate::domain::delivery::State;
use crate::domain::event::EventType;

macro_rules! shape {
    ($row:ident) => {
        Shape::of::<$row>(stringify!($row))
    };
}

macro_rules! json {
    ($wrapper:ident<$row:ident>) => {
        Answer::Json(
            Shape::of::<$wrapper<$row>>(concat!(stringify!($wrapper), "_", stringify!($row))).listing(shape!($row)),
        )
    };
    ($row:ident) => {
        Answer::Json(Shape::of::<$row>(stringify!($row)))
    };
}

/// Every route for operators and for anyone.
pub(super) fn routes() -> Vec<Told> {
    [public(), access(), subscriptions(), replays(), logs(), records()].into_iter().flatten().collect()
}

fn public() -> Vec<Told> {
    vec![
        Told::get(paths::HEALTHZ, "healthz", "The process answers", Answer::Object),
        Told::get(paths::READYZ, "readyz", "The platform can work: database open, dispatcher running", Answer::Object),
        Told::get(paths::OPENAPI, "openapi", "This document", Answer::Object),
        Told::get(paths::DOCS, "docs", "This document for people", Answer::Text("text/html")),
        Told::get(paths::METRICS, "metrics", "Counters for Prometheus", Answer::Text("text/plain")),
        Told::get(paths::OVERVIEW, "overview", "Everything the dashboard shows, worst things first", json!(Overview))
            .asked([upto("rows", "Rows per listing at most; 50 if absent", 500)]),
        Told::get(paths::STREAM, "stream", "Says at once that something changed", Answer::Text("text/event-stream")),
        Told::get(paths::STATS, "stats", "Time series for charts", json!(Stats)).asked([
            names("span", "How wide a point is; a minute if absent", ["minute", "hour"]),
            id("subscription", "Attempts of one subscription, with percentiles; of all if absent"),
            time("since", "Where to begin; 60 points before the end if absent"),
            time("until", "Where to end; now if absent"),
        ]),
    ]
}

fn access() -> Vec<Told> {
    vec![
        Told::get(paths::COMPANIES, "listCompanies", "All companies", json!(Page<Company>)).paged(),
        Told::post(paths::COMPANIES, "createCompany", "Create a company", json!(Company))
            .taking(shape!(NewCompany), r#"{"name": "Acme Credit"}"#)
            .creating(),
        Told::get(paths::KEYS, "listKeys", "Keys of all companies, worst first", json!(Page<KeyRow>)).paged(),
        Told::post(paths::KEYS, "createKey", "Create a key; it is in this answer alone", json!(CreatedKey))
            .taking(
                shape!(NewKey),
                r#"{"companyId": 1, "name": "Zapier", "scopes": ["events:read", "webhooks:write"]}"#,
            )
            .creating(),
        Told::post(paths::KEY_REVOKE, "revokeKey", "Revoke a key, for good and at once", json!(RevokedKey)),
        Told::get(
            paths::KEY_LIMITS,
            "limitKey",
            "Give a key limits of its own; null means the default, absent ones stay",
            json!(KeyRow),
        )
        .by("PATCH")
        .taking(shape!(LimitsPatch), r#"{"read": 120, "write": null}"#),
        Told::get(
            paths::KEY_USAGE,
            "keyUsage",
            "Which routes a key calls and which scopes it never used",
            json!(KeyUsage),
        ),
        Told::get(paths::OPERATORS, "listOperators", "All operators, revoked ones too", json!(Page<OperatorRow>))
            .paged(),
        Told::post(
            paths::OPERATORS,
            "createOperator",
            "Create an operator; the token is in this answer alone",
            json!(CreatedOperator),
        )
        .taking(shape!(NewOperator), r#"{"name": "Grace", "role": "viewer"}"#)
        .creating(),
        Told::post(
            paths::OPERATOR_REVOKE,
            "revokeOperator",
            "Revoke an operator, for good and at once; the last admin stays",
            json!(RevokedOperator),
        ),
        Told::get(
            paths::LIMITS,
            "listLimits",
            "Rate windows with who fills them, least headroom first",
            json!(Page<LimitDetail>),
        )
        .paged(),
    ]
}

fn subscriptions() -> Vec<Told> {
    vec![
        Told::get(
            paths::PORTAL_SUBSCRIPTIONS,
            "listAllSubscriptions",
            "Subscriptions of all companies with their health, worst first",
            json!(Page<SubscriptionRow>),
        )
        .paged(),
        Told::get(
            paths::PORTAL_SUBSCRIPTION,
            "examineSubscription",
            "One subscription with its health",
            json!(SubscriptionRow),
        ),
        Told {
            answers: vec![(204, Answer::Nothing)],
            ..Told::get(
                paths::PORTAL_SUBSCRIPTION,
                "removeSubscription",
                "Delete a subscription, whoever manages it; its log stays",
                Answer::Nothing,
            )
        }
        .by("DELETE"),
        Told::post(
            paths::PORTAL_SUBSCRIPTION_TEST,
            "testSubscription",
            "Send a sample now; counts for nothing",
            json!(TestResult),
        )
        .taking(shape!(TestDelivery), r#"{"eventType": "lead.created"}"#),
        Told::post(
            paths::PORTAL_SUBSCRIPTION_ENABLE,
            "enableSubscription",
            "Enable; the streak is zeroed, what was parked resumes",
            json!(SubscriptionRow),
        )
        .taking(shape!(Enable), r#"{"replay": "skipped"}"#),
        Told::post(
            paths::PORTAL_SUBSCRIPTION_DISABLE,
            "disableSubscription",
            "Disable; what waits is parked. A reason marks it as intended, also later",
            json!(SubscriptionRow),
        )
        .taking(shape!(Disable), r#"{"reason": "the partner asked for it"}"#),
        Told::get(
            paths::PORTAL_SUBSCRIPTION_REVISIONS,
            "listRevisions",
            "Every configuration a subscription had, the one in force first",
            json!(Page<RevisionRow>),
        )
        .paged(),
        Told::post(
            paths::PORTAL_SUBSCRIPTION_ROLLBACK,
            "rollBackSubscription",
            "Bring an earlier configuration back, as a new revision",
            json!(SubscriptionRow),
        )
        .taking(shape!(Rollback), r#"{"revision": 1}"#),
    ]
}

fn replays() -> Vec<Told> {
    let plan = |path, id, summary| Told::post(path, id, summary, json!(ReplayRow));
    vec![
        Told::post(
            paths::PORTAL_SUBSCRIPTION_REPLAY,
            "replaySubscription",
            "Plan to deliver again what is selected, each delivery once, at a pace; a dry run only counts",
            json!(ReplayPlan),
        )
        .taking(
            shape!(NewReplay),
            r#"{"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "states": ["skipped", "exhausted"], "dryRun": true}"#,
        )
        .maybe_creating(),
        Told::get(paths::REPLAYS, "listReplays", "Replays, newest first", json!(LogPage<ReplayRow>))
            .asked([id("subscription", "Of a subscription")])
            .paged(),
        Told::get(paths::REPLAY, "getReplay", "How one replay stands", json!(ReplayRow)),
        plan(paths::REPLAY_PAUSE, "pauseReplay", "Take nothing more for now; one that is over stays as it is"),
        plan(paths::REPLAY_RESUME, "resumeReplay", "Go on with a paused replay; one that is over stays as it is"),
        plan(paths::REPLAY_CANCEL, "cancelReplay", "Give a replay up for good; what it had taken is still delivered"),
    ]
}

fn logs() -> Vec<Told> {
    let span = || [time("since", "At or after"), time("until", "Before")];
    let types = || names("type", "Of events of this type", EventType::ALL.map(EventType::name));
    let owners = || [id("company", "Of a company"), id("subscription", "Of a subscription")];
    vec![
        Told::get(paths::ATTEMPTS, "listAttempts", "Attempts, newest first", json!(LogPage<AttemptRow>))
            .asked(owners())
            .asked([
                id("event", "Of an event"),
                types(),
                names("outcome", "How they ended", ["success", "failure"]),
                status("status", "Answered with this status"),
                text("q", "In the target or the error. No index helps: a page looks at 20,000 rows and may come back short, with a cursor"),
            ])
            .asked(span())
            .paged(),
        Told::get(paths::ATTEMPT, "getAttempt", "One attempt byte by byte", json!(AttemptDetail)),
        Told::get(
            paths::ATTEMPT_SIGNATURE,
            "explainSignature",
            "What the receiver's answer says about how it verified; reveals no secret",
            json!(SignatureCheck),
        )
        .asked([text("computed", "The signature that the receiver computed, where its answer does not name it")]),
        Told::post(
            paths::SECRET_CHECK,
            "checkSecrets",
            "Where in a text the secrets are that the platform holds, and whose; reveals no secret",
            json!(SecretCheck),
        )
        .taking_octets("The text, at most 1 MiB; one check at a time for each operator"),
        Told::get(paths::DELIVERIES, "listDeliveries", "Deliveries, newest first", json!(LogPage<DeliveryRow>))
            .asked(owners())
            .asked([id("event", "Of an event"), types(), names("state", "That stand so", State::ALL.map(State::name))])
            .asked(span())
            .paged(),
        Told::get(paths::DELIVERY, "getDelivery", "One delivery with its attempts", json!(DeliveryDetail)),
        Told::post(
            paths::DELIVERY_RESEND,
            "resendDelivery",
            "Make a delivery once more, whatever became of it; counts for nothing. A success ends it, a failure leaves it as it was",
            json!(DeliveryRow),
        )
        .accepting(),
        Told::get(paths::PORTAL_EVENTS, "listAllEvents", "Events of all companies, newest first", json!(LogPage<EventRow>))
            .asked([id("company", "Of a company"), types()])
            .asked(span())
            .paged(),
        Told::post(paths::PORTAL_EVENTS, "emitEvent", "Do what the CRM would; a sample without a payload", json!(Envelope))
            .taking(shape!(NewEvent), r#"{"companyId": 1, "type": "lead.created"}"#)
            .creating(),
        Told::get(paths::PORTAL_EVENT, "getEvent", "One event with its exact bytes", json!(EventDetail)),
        Told::get(paths::PORTAL_EVENT_TRACE, "traceEvent", "Which subscriptions matched, which not and why", json!(Trace)),
        Told::get(paths::TRIPS, "listTrips", "The breaker's history, newest first", json!(LogPage<TripRow>))
            .asked(owners())
            .paged(),
    ]
}

fn records() -> Vec<Told> {
    vec![
        Told::get(paths::REQUESTS, "listRequests", "Requests to the Integration API, newest first", json!(RequestLog))
            .asked([
                id("company", "Of a company"),
                id("key", "Of a key"),
                status("status", "Answered with this status"),
                names("class", "Answered with a status of this class", ["1xx", "2xx", "3xx", "4xx", "5xx"]),
                text("code", "Answered with this problem code"),
                text("caller", "From this address"),
                time("since", "At or after"),
                time("until", "Before"),
            ])
            .paged(),
        Told::get(
            paths::ACKNOWLEDGEMENTS,
            "listAcknowledgements",
            "Who looks after which alert, oldest first; a day old at most",
            json!(Page<AcknowledgementRow>),
        )
        .paged(),
        Told::post(
            paths::ACKNOWLEDGEMENTS,
            "acknowledgeAlert",
            "Say that you look after an alert; it holds for a day, for as long as the alert stands no worse",
            json!(AcknowledgementRow),
        )
        .taking(
            shape!(NewAcknowledgement),
            r#"{"subject": "subscription 17", "state": "err", "note": "the partner knows"}"#,
        )
        .creating(),
        Told::get(paths::AUDIT, "listAudit", "Every change, newest first", json!(LogPage<AuditRow>)).paged(),
        Told::get(
            paths::AUDIT_VERIFY,
            "verifyAudit",
            "Whether every change is there as it was written",
            json!(AuditCheck),
        ),
        Told::get(
            paths::AUDIT_HEAD,
            "auditHead",
            "The end of the trail: kept elsewhere, it shows later whether rows were cut off or replaced",
            json!(AuditHead),
        ),
    ]
}
