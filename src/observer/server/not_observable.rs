//! Routes of the Portal API for which keys of the Integration API do not suffice: each refusal says where it is done.

use super::guard::{AttachedOperator, MayRead};
use crate::http::problem::ProblemResponse;
use crate::observer::handle::PlatformObserver;
use crate::wire::changes::{self, ChangeRoute};
use crate::wire::paths;
use crate::wire::problem::ProblemCode;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

/// Route that an observer does not serve: method, path, and where it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedRoute {
    /// HTTP method of the route.
    pub method: &'static str,
    /// Path of the route, with placeholders.
    pub path: &'static str,
    /// Sentence that says why a key does not suffice, and where it is done.
    pub detail: &'static str,
}

const fn reading(path: &'static str, detail: &'static str) -> RefusedRoute {
    RefusedRoute { method: "GET", path, detail }
}

const fn change<Id, Body, Answer>(route: &ChangeRoute<Id, Body, Answer>, detail: &'static str) -> RefusedRoute {
    RefusedRoute { method: route.method.name(), path: route.path, detail }
}

/// All routes that an observer does not serve.
pub(super) const REFUSED_ROUTES: &[RefusedRoute] = &[
    change(&changes::CREATE_COMPANY, "a key cannot create companies; they are created in the Admin Portal"),
    change(&changes::CREATE_KEY, "a key cannot create keys; they are created in the Admin Portal, under API keys"),
    change(&changes::REVOKE_KEY, "a key cannot revoke keys; they are revoked in the Admin Portal, under API keys"),
    change(&changes::LIMIT_KEY, "a key cannot change rate limits; they are set in the Admin Portal, under API keys"),
    change(
        &changes::REPLAY_SUBSCRIPTION,
        "a key cannot replay deliveries; they are replayed in the Admin Portal, in the delivery log",
    ),
    reading(paths::REPLAY, "a key cannot see replays; they are in the Admin Portal"),
    change(&changes::PAUSE_REPLAY, "a key cannot pause replays; they are controlled in the Admin Portal"),
    change(&changes::RESUME_REPLAY, "a key cannot resume replays; they are controlled in the Admin Portal"),
    change(&changes::CANCEL_REPLAY, "a key cannot cancel replays; they are controlled in the Admin Portal"),
    reading(paths::DELIVERY, "a key cannot read the delivery log; it is in the Admin Portal"),
    change(
        &changes::RESEND_DELIVERY,
        "a key cannot resend deliveries; they are resent in the Admin Portal, in the delivery log",
    ),
    reading(paths::AUDIT_VERIFY, "a key cannot read the audit trail; it is in the Admin Portal"),
    reading(paths::AUDIT_HEAD, "a key cannot read the audit trail; it is in the Admin Portal"),
    change(
        &changes::ROLL_BACK_SUBSCRIPTION,
        "a key cannot see earlier configurations; change the subscription instead",
    ),
];

/// Refuses what an observer cannot do with keys; `detail` says where it is done.
pub(super) fn not_observable(detail: &str) -> ProblemResponse {
    ProblemResponse::new(ProblemCode::NotObservable, detail)
}

/// Handler of a route that an observer does not serve. The operator is authenticated first.
pub(super) fn handler(route: &RefusedRoute) -> MethodRouter<PlatformObserver> {
    let detail = route.detail;
    let refuse = move |_: AttachedOperator<MayRead>| async move { not_observable(detail) };
    let method = Method::from_bytes(route.method.as_bytes()).ok();
    on(method.and_then(|method| MethodFilter::try_from(method).ok()).unwrap_or(MethodFilter::POST), refuse)
}
