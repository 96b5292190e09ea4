//! The router table: every route with its access requirement and its handler. A path that is not in the table answers
//! 404.

use super::guard::{
    AccessRequirement, Acting, Actions, Admin, Anyone, AuthorizedOperator, EventsRead, EventsTest, RouteAccess,
    RouteAccessTable, Searches, Viewer, WebhooksRead, WebhooksRemove, WebhooksWrite, record_caller,
    record_ignored_parameters,
};
use super::stamp::StampState;
use super::{
    affiliates, alerts, audit, clients, deliveries, events, health, keys, limits, log, metrics, openapi, operators,
    overview, partner_subscriptions, replays, requests, revisions, secretcheck, signature_check, stamp, stats, stream,
    subscriptions,
};
use crate::engine::handle::Engine;
use crate::http::body::JsonBody;
use crate::http::exposure::ServerReachability;
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::http::stream::ShutdownSignal;
use crate::wire::changes::{self, ChangeMethod, ChangeRoute, NoBody};
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use axum::Router;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;
use tokio::sync::watch;

/// Route of the server: method, path, access requirement and handler.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    /// HTTP method of the route.
    pub method: Method,
    /// Path of the route, with `{id}` as placeholder of a number.
    pub path: &'static str,
    /// Access requirement that the route's guard enforces.
    pub access: RouteAccess,
    handler: MethodRouter<Engine>,
}

/// Returns every route of the server.
#[must_use]
pub fn table() -> Vec<RouteEntry> {
    vec![
        get::<Anyone, _, _>(paths::HEALTHZ, health::healthz),
        get::<Anyone, _, _>(paths::READYZ, health::readyz),
        get::<Anyone, _, _>(paths::OPENAPI, openapi::get),
        get::<Anyone, _, _>(paths::DOCS, openapi::docs::get),
        get::<Anyone, _, _>(paths::METRICS, metrics::get),
        get::<EventsRead, _, _>(paths::EVENTS, events::list),
        post::<EventsTest, _, _>(paths::EVENTS_TEST, events::publish_test),
        get::<WebhooksRead, _, _>(paths::SUBSCRIPTIONS, partner_subscriptions::list),
        post::<WebhooksWrite, _, _>(paths::SUBSCRIPTIONS, partner_subscriptions::create),
        get::<WebhooksRead, _, _>(paths::SUBSCRIPTION, partner_subscriptions::get),
        patch::<WebhooksWrite, _, _>(paths::SUBSCRIPTION, partner_subscriptions::change),
        delete::<WebhooksRemove, _, _>(paths::SUBSCRIPTION, partner_subscriptions::delete),
        post::<WebhooksWrite, _, _>(paths::SUBSCRIPTION_TEST, partner_subscriptions::test),
        post::<Actions, _, _>(paths::LEADS, clients::create_lead),
        patch::<Actions, _, _>(paths::LEAD, clients::change_lead),
        patch::<Actions, _, _>(paths::LEAD_STATUS, clients::change_lead_status),
        get::<Searches, _, _>(paths::LEAD_SEARCH, clients::find_lead),
        post::<Actions, _, _>(paths::CLIENTS, clients::create_client),
        patch::<Actions, _, _>(paths::CLIENT, clients::change_client),
        patch::<Actions, _, _>(paths::CLIENT_STATUS, clients::change_client_status),
        post::<Actions, _, _>(paths::CLIENT_NOTES, clients::add_note),
        get::<Searches, _, _>(paths::CLIENT_SEARCH, clients::find_client),
        get::<Searches, _, _>(paths::CLIENT_FIND, clients::find_client),
        post::<Actions, _, _>(paths::AFFILIATES, affiliates::create),
        patch::<Actions, _, _>(paths::AFFILIATE, affiliates::change),
        get::<Viewer, _, _>(paths::OVERVIEW, overview::get),
        get::<Viewer, _, _>(paths::COVERAGE, overview::coverage),
        get::<Viewer, _, _>(paths::STREAM, stream::follow),
        get::<Viewer, _, _>(paths::COMPANIES, keys::companies),
        change::<Admin, _, _>(&changes::CREATE_COMPANY, keys::create_company),
        get::<Viewer, _, _>(paths::KEYS, keys::list),
        change::<Admin, _, _>(&changes::CREATE_KEY, keys::create),
        change::<Admin, _, _>(&changes::REVOKE_KEY, keys::revoke),
        get::<Viewer, _, _>(paths::PORTAL_SUBSCRIPTIONS, subscriptions::list),
        get::<Viewer, _, _>(paths::PORTAL_SUBSCRIPTION, subscriptions::get),
        change::<Acting, _, _>(&changes::DELETE_SUBSCRIPTION, subscriptions::delete),
        change::<Acting, _, _>(&changes::TEST_SUBSCRIPTION, subscriptions::test),
        change::<Acting, _, _>(&changes::ENABLE_SUBSCRIPTION, subscriptions::enable),
        change::<Acting, _, _>(&changes::DISABLE_SUBSCRIPTION, subscriptions::disable),
        change::<Acting, _, _>(&changes::REPLAY_SUBSCRIPTION, replays::create),
        get::<Viewer, _, _>(paths::REPLAYS, replays::list),
        get::<Viewer, _, _>(paths::REPLAY, replays::get),
        change::<Acting, _, _>(&changes::PAUSE_REPLAY, replays::pause),
        change::<Acting, _, _>(&changes::RESUME_REPLAY, replays::resume),
        change::<Acting, _, _>(&changes::CANCEL_REPLAY, replays::cancel),
        get::<Viewer, _, _>(paths::ATTEMPTS, log::list),
        get::<Viewer, _, _>(paths::ATTEMPT, log::get),
        get::<Viewer, _, _>(paths::ATTEMPT_SIGNATURE, signature_check::explain),
        post::<Viewer, _, _>(paths::SECRET_CHECK, secretcheck::check),
        get::<Viewer, _, _>(paths::LIMITS, limits::list),
        get::<Viewer, _, _>(paths::TRIPS, limits::trips),
        change::<Acting, _, _>(&changes::EMIT_EVENT, events::emit),
        get::<Viewer, _, _>(paths::PORTAL_EVENTS, deliveries::list_events),
        get::<Viewer, _, _>(paths::PORTAL_EVENT, deliveries::get_event),
        get::<Viewer, _, _>(paths::PORTAL_EVENT_TRACE, deliveries::trace),
        get::<Viewer, _, _>(paths::DELIVERIES, deliveries::list),
        get::<Viewer, _, _>(paths::DELIVERY, deliveries::get),
        change::<Acting, _, _>(&changes::RESEND_DELIVERY, deliveries::resend),
        get::<Viewer, _, _>(paths::REQUESTS, requests::list),
        get::<Viewer, _, _>(paths::STATS, stats::get),
        get::<Viewer, _, _>(paths::ACKNOWLEDGEMENTS, alerts::list),
        change::<Acting, _, _>(&changes::ACKNOWLEDGE_ALERT, alerts::acknowledge),
        get::<Viewer, _, _>(paths::AUDIT, audit::list),
        get::<Viewer, _, _>(paths::AUDIT_VERIFY, audit::verify),
        get::<Viewer, _, _>(paths::AUDIT_HEAD, audit::head),
        get::<Viewer, _, _>(paths::KEY_USAGE, requests::usage),
        change::<Admin, _, _>(&changes::LIMIT_KEY, keys::set_limits),
        get::<Admin, _, _>(paths::OPERATORS, operators::list),
        change::<Admin, _, _>(&changes::CREATE_OPERATOR, operators::create),
        change::<Admin, _, _>(&changes::REVOKE_OPERATOR, operators::revoke),
        get::<Viewer, _, _>(paths::PORTAL_SUBSCRIPTION_REVISIONS, revisions::list),
        change::<Acting, _, _>(&changes::ROLL_BACK_SUBSCRIPTION, revisions::roll_back),
    ]
}

fn get<P: AccessRequirement, H: Handler<T, Engine>, T: 'static>(path: &'static str, handler: H) -> RouteEntry {
    RouteEntry { method: Method::GET, path, access: P::ACCESS, handler: on(MethodFilter::GET, handler) }
}

fn post<P: AccessRequirement, H: Handler<T, Engine>, T: 'static>(path: &'static str, handler: H) -> RouteEntry {
    RouteEntry { method: Method::POST, path, access: P::ACCESS, handler: on(MethodFilter::POST, handler) }
}

fn patch<P: AccessRequirement, H: Handler<T, Engine>, T: 'static>(path: &'static str, handler: H) -> RouteEntry {
    RouteEntry { method: Method::PATCH, path, access: P::ACCESS, handler: on(MethodFilter::PATCH, handler) }
}

fn delete<P: AccessRequirement, H: Handler<T, Engine>, T: 'static>(path: &'static str, handler: H) -> RouteEntry {
    RouteEntry { method: Method::DELETE, path, access: P::ACCESS, handler: on(MethodFilter::DELETE, handler) }
}

/// Extractors of a handler that requires the access `P` of an operator and reads the body `B`.
trait ChangeExtractors<P, B> {}

impl<M, P, B> ChangeExtractors<P, B> for (M, AuthorizedOperator<P>, State<Engine>, JsonBody<B>) {}
impl<M, P, B> ChangeExtractors<P, B> for (M, AuthorizedOperator<P>, State<Engine>, PathId, JsonBody<B>) {}
impl<M, P> ChangeExtractors<P, NoBody> for (M, AuthorizedOperator<P>, State<Engine>, PathId) {}

/// Routes a change to a handler that requires the access `P` and reads the body that the route declares.
fn change<P: AccessRequirement, B, T: ChangeExtractors<P, B> + 'static>(
    route: &ChangeRoute<impl Sized, B, impl Sized>,
    handler: impl Handler<T, Engine>,
) -> RouteEntry {
    match route.method {
        ChangeMethod::Post => post::<P, _, _>(route.path, handler),
        ChangeMethod::Patch => patch::<P, _, _>(route.path, handler),
        ChangeMethod::Delete => delete::<P, _, _>(route.path, handler),
    }
}

/// Builds the router with its middleware. There is one for all of its work, since each layer costs every request a copy
/// of the route and two allocations.
pub(super) fn router(engine: Engine, stop: watch::Receiver<bool>, reachability: Arc<ServerReachability>) -> Router {
    let table = table();
    let stop = ShutdownSignal(stop);
    let access = RouteAccessTable::new(table.iter().map(|route| (route.method.clone(), route.path, route.access)));
    let stamped = StampState { engine: engine.clone(), reachability, access, stop };
    table
        .into_iter()
        .fold(Router::new(), |router, route| {
            let handler = match route.access {
                RouteAccess::Public => route.handler.route_layer(from_fn(record_ignored_parameters)),
                RouteAccess::Key(..) | RouteAccess::Operator(_) => route.handler,
            };
            router.route(route.path, handler)
        })
        .fallback(async || ProblemResponse::new(ProblemCode::NotFound, "unknown path"))
        .method_not_allowed_fallback(async |State(engine): State<Engine>, parts: Parts| {
            record_caller(&engine, &parts);
            ProblemResponse::new(ProblemCode::MethodNotAllowed, "method not allowed on this path; see Allow")
        })
        .layer(from_fn_with_state(Arc::new(stamped), stamp::stamp_response))
        .with_state(engine)
}
