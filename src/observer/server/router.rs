//! The observer's router table: every route of the Portal API, served from what was observed, done with a key, or
//! refused with where it is done.

use super::not_observable::{REFUSED_ROUTES, handler};
use super::{acts, lists, logs, operators, overview, reports, secretcheck, stamp};
use crate::http::exposure::ServerReachability;
use crate::http::problem::ProblemResponse;
use crate::http::stream::ShutdownSignal;
use crate::observer::handle::PlatformObserver;
use crate::wire::changes::{self, ChangeRoute};
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;
use tokio::sync::watch;

/// Route of the observer: method, path and handler.
#[derive(Debug, Clone)]
pub struct ObserverRoute {
    /// HTTP method of the route.
    pub method: &'static str,
    /// Path of the route, with `{id}` as placeholder of a number.
    pub path: &'static str,
    handler: MethodRouter<PlatformObserver>,
}

/// Returns every route of the observer.
#[must_use]
pub fn table() -> Vec<ObserverRoute> {
    let read = |path, handler| ObserverRoute { method: "GET", path, handler };
    fn change<Id, Body, Answer>(
        route: &ChangeRoute<Id, Body, Answer>,
        handler: MethodRouter<PlatformObserver>,
    ) -> ObserverRoute {
        ObserverRoute { method: route.method.name(), path: route.path, handler }
    }
    let served = [
        read(paths::HEALTHZ, get(overview::healthz)),
        read(paths::READYZ, get(overview::readyz)),
        read(paths::OVERVIEW, get(overview::get)),
        read(paths::COVERAGE, get(overview::coverage)),
        read(paths::STREAM, get(overview::follow)),
        read(paths::COMPANIES, get(lists::companies)),
        read(paths::KEYS, get(lists::keys)),
        read(paths::KEY_USAGE, get(lists::key_usage)),
        read(paths::PORTAL_SUBSCRIPTIONS, get(lists::subscriptions)),
        read(paths::PORTAL_SUBSCRIPTION, get(lists::subscription)),
        read(paths::PORTAL_SUBSCRIPTION_REVISIONS, get(lists::revisions)),
        read(paths::LIMITS, get(lists::limits)),
        read(paths::REPLAYS, get(lists::replays)),
        read(paths::ACKNOWLEDGEMENTS, get(lists::acknowledgements)),
        read(paths::STATS, get(lists::stats)),
        read(paths::PORTAL_EVENTS, get(logs::events)),
        read(paths::PORTAL_EVENT, get(logs::event)),
        read(paths::PORTAL_EVENT_TRACE, get(logs::trace)),
        read(paths::ATTEMPTS, get(logs::attempts)),
        read(paths::ATTEMPT, get(logs::attempt)),
        read(paths::DELIVERIES, get(logs::deliveries)),
        read(paths::AUDIT, get(logs::audit)),
        read(paths::TRIPS, get(logs::trips)),
        read(paths::REQUESTS, get(logs::requests)),
        ObserverRoute { method: "POST", path: paths::SECRET_CHECK, handler: post(secretcheck::check) },
        ObserverRoute { method: "POST", path: paths::RECEIPTS, handler: post(reports::receipts) },
        ObserverRoute { method: "POST", path: paths::CALLS, handler: post(reports::calls) },
        change(&changes::TEST_SUBSCRIPTION, post(acts::test)),
        change(&changes::ENABLE_SUBSCRIPTION, post(acts::enable)),
        change(&changes::DISABLE_SUBSCRIPTION, post(acts::disable)),
        change(&changes::EMIT_EVENT, post(acts::emit)),
        change(&changes::ACKNOWLEDGE_ALERT, post(acts::acknowledge)),
        read(paths::ATTEMPT_SIGNATURE, get(logs::signature)),
        read(paths::OPERATORS, get(operators::list)),
        change(&changes::CREATE_OPERATOR, post(operators::create)),
        change(&changes::REVOKE_OPERATOR, post(operators::revoke)),
        change(&changes::DELETE_SUBSCRIPTION, delete(acts::delete)),
    ];
    let refused = REFUSED_ROUTES.iter().map(|route| ObserverRoute {
        method: route.method,
        path: route.path,
        handler: handler(route),
    });
    served.into_iter().chain(refused).collect()
}

/// Builds the router with its middleware.
pub(super) fn router(
    observer: PlatformObserver,
    stop: watch::Receiver<bool>,
    reachability: Arc<ServerReachability>,
) -> Router {
    table()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler))
        .fallback(async || ProblemResponse::new(ProblemCode::NotFound, "unknown path"))
        .method_not_allowed_fallback(async || {
            ProblemResponse::new(ProblemCode::MethodNotAllowed, "method not allowed on this path; see Allow")
        })
        .layer(from_fn_with_state((observer.clone(), reachability, ShutdownSignal(stop)), stamp::stamp_response))
        .with_state(observer)
}
