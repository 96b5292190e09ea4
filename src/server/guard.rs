//! Guards: extractors that authenticate and authorise a request. A handler's signature declares what its route
//! requires.
//!
//! [`AuthorizedKey`] authenticates a key, admits the request through its rate window and checks the scope; [`AuthorizedOperator`]
//! authenticates an operator's token and checks the role. Neither can be constructed in any other way, so a handler
//! cannot skip a check.

use super::openapi;
use crate::domain::audit::AuditKey;
use crate::domain::ids::OperatorId;
use crate::domain::key::{self, ApiKey};
use crate::domain::log::RejectedKey;
use crate::domain::operator::{self, OperatorRole};
use crate::domain::scope::KeyScope;
use crate::domain::window::{RateBucket, RateLimitDecision};
use crate::engine::auth;
use crate::engine::caller::{Actor, Caller};
use crate::engine::handle::Engine;
use crate::http::connections::CredentialHolder;
use crate::http::credentials::{bearer_token, misplaced_key, record_credential};
use crate::http::problem::ProblemResponse;
use crate::http::request_context::RequestContext;
use crate::http::stamp::check_content_length;
use crate::wire::problem::{Problem, ProblemCode};
use crate::wire::refusal::KeyDefect;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// Access requirement of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAccess {
    /// No credential is required for the route.
    Public,
    /// An API key with this scope is required; the call counts in this bucket.
    Key(KeyScope, RateBucket),
    /// An operator of at least this role is required.
    Operator(OperatorRole),
}

/// Access requirement, encoded as a type.
pub trait AccessRequirement {
    /// Access requirement of the type, as a value.
    const ACCESS: RouteAccess;
}

macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident: $access:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl AccessRequirement for $name {
            const ACCESS: RouteAccess = $access;
        }
    )+};
}

prices! {
    /// Requires no credential at all.
    Anyone: RouteAccess::Public;
    /// Requires the scope for polling events.
    EventsRead: RouteAccess::Key(KeyScope::EventsRead, RateBucket::Read);
    /// Requires the scope for publishing test events.
    EventsTest: RouteAccess::Key(KeyScope::Admin, RateBucket::Admin);
    /// Requires the scope for reading subscriptions.
    WebhooksRead: RouteAccess::Key(KeyScope::WebhooksWrite, RateBucket::Read);
    /// Requires the scope for creating and changing subscriptions.
    WebhooksWrite: RouteAccess::Key(KeyScope::WebhooksWrite, RateBucket::Admin);
    /// Requires the scope for deleting subscriptions.
    WebhooksRemove: RouteAccess::Key(KeyScope::WebhooksWrite, RateBucket::Write);
    /// Requires the scope for lead and client actions.
    Actions: RouteAccess::Key(KeyScope::IntegrationsWrite, RateBucket::Write);
    /// Requires the scope for lead and client searches.
    Searches: RouteAccess::Key(KeyScope::IntegrationsRead, RateBucket::Read);
    /// Requires an operator of any role.
    Viewer: RouteAccess::Operator(OperatorRole::Viewer);
    /// Requires the role operator: tests, enables, disables, replays, publishes.
    Acting: RouteAccess::Operator(OperatorRole::Operator);
    /// Requires the role admin: companies, keys, limits and operators.
    Admin: RouteAccess::Operator(OperatorRole::Admin);
}

/// Middleware of routes without a guard: records the query parameters which the route does not read.
pub(super) async fn record_ignored_parameters(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(note) = parts.extensions.get::<RequestContext>() {
        record_ignored(note, &parts);
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Records the route of a call that no guard admits, and its key if that is valid, for the request log.
pub(super) fn record_caller(engine: &Engine, parts: &Parts) {
    let note = RequestContext::of_request(parts);
    let key = presented_key(&parts.headers, None).ok().and_then(|text| engine.identify_key(text).ok());
    note.update(|noted| noted.caller = key.map(|key| (key.id, key.company)));
}

/// Returns the context of a request, with its route and the query parameters which that does not read.
fn context(parts: &Parts) -> RequestContext {
    let note = RequestContext::of_request(parts);
    record_ignored(&note, parts);
    note
}

/// Records the query parameters which the route of a request does not read.
fn record_ignored(note: &RequestContext, parts: &Parts) {
    let (Some(route), Some(query)) = (parts.extensions.get::<MatchedPath>(), parts.uri.query()) else { return };
    let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    let is_ignored = |name: &Cow<'_, str>| !openapi::is_query_parameter(&parts.method, route.as_str(), name);
    note.record_ignored(names.filter(is_ignored).map(Cow::into_owned));
}

/// Access requirement of every route, for handlers that report the scopes and buckets of past calls.
#[derive(Debug, Clone)]
pub(super) struct RouteAccessTable(Arc<[(Method, &'static str, RouteAccess)]>);

impl RouteAccessTable {
    pub(super) fn new(routes: impl Iterator<Item = (Method, &'static str, RouteAccess)>) -> Self {
        Self(routes.collect())
    }

    /// Scope that a route of the Integration API requires; `None` for other routes.
    pub(super) fn scope(&self, method: &str, path: &str) -> Option<KeyScope> {
        self.of_key_route(method, path).map(|(scope, _)| scope)
    }

    /// Rate limit bucket in which a route of the Integration API counts; `None` for other routes.
    pub(super) fn bucket(&self, method: &str, path: &str) -> Option<RateBucket> {
        self.of_key_route(method, path).map(|(_, bucket)| bucket)
    }

    fn of_key_route(&self, method: &str, path: &str) -> Option<(KeyScope, RateBucket)> {
        let (_, _, access) = self.0.iter().find(|(of, route, _)| of.as_str() == method && *route == path)?;
        match *access {
            RouteAccess::Key(scope, bucket) => Some((scope, bucket)),
            RouteAccess::Public | RouteAccess::Operator(_) => None,
        }
    }
}

/// Proof that the request carries a key with the access `P` and was admitted by its rate window.
#[derive(Debug)]
pub struct AuthorizedKey<P> {
    key: Arc<ApiKey>,
    note: RequestContext,
    audit_key: AuditKey,
    price: PhantomData<P>,
}

impl<P> AuthorizedKey<P> {
    /// Returns the key that authenticated the request.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Sets the text that the request log keeps if the request succeeds.
    pub fn set_log_detail(&self, detail: String) {
        self.note.set_log_detail(detail);
    }

    /// Returns the caller, for the audit trail.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(Actor::Key(Arc::clone(&self.key)), self.note.snapshot().request_id, self.audit_key.clone())
    }
}

impl<P: AccessRequirement> FromRequestParts<Engine> for AuthorizedKey<P> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, ProblemResponse> {
        let note = context(parts);
        check_content_length(&parts.headers)?;
        let RouteAccess::Key(scope, bucket) = P::ACCESS else {
            return Err(ProblemResponse::new(ProblemCode::Internal, "the route asks for a key without saying which"));
        };
        let text = presented_key(&parts.headers, parts.uri.query())?;
        let key = engine.authenticate(text).map_err(|refusal| {
            note.update(|noted| noted.claimed_key = claimed_key(text));
            auth_refusal(refusal)
        })?;
        note.update(|noted| noted.caller = Some((key.id, key.company)));
        record_credential(parts, CredentialHolder::Key(key.id))?;
        // Counted before the scope is checked, so that calls without the scope are rate limited as well.
        let admission = engine.admit_call(&key, bucket);
        note.update(|noted| noted.admission = Some(admission));
        if admission.decision == RateLimitDecision::Refused {
            return Err(ProblemResponse::rate_limited(&admission, engine.ambient().now()));
        }
        if !key.scopes.contains(scope) {
            let problem = Problem::new(ProblemCode::InsufficientScope, format!("this key lacks the scope {scope}"));
            return Err(problem.with("requiredScope", scope.name()).into());
        }
        if !accepts_json(&parts.headers) {
            return Err(ProblemResponse::new(
                ProblemCode::NotAcceptable,
                "answers are application/json; set Accept accordingly, or omit it",
            ));
        }
        Ok(Self { key, note, audit_key: engine.audit_key(), price: PhantomData })
    }
}

/// Returns whether the caller accepts JSON. An unreadable `Accept` header counts as absent.
fn accepts_json(headers: &HeaderMap) -> bool {
    let ranges: Vec<&str> = headers
        .get_all("accept")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let is_taken = |range: &&str| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        ["application/json", "application/problem+json", "application/*", "*/*"].contains(&name.as_str()) && !is_refused
    };
    ranges.iter().all(|range| range.trim().is_empty()) || ranges.iter().any(is_taken)
}

/// Returns the key from its header, or a refusal that names the right header if the key was sent elsewhere.
fn presented_key<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, ProblemResponse> {
    let mut given = headers.get_all("x-api-key").iter();
    if let Some(value) = given.next() {
        if given.next().is_some() {
            let detail = "header X-Api-Key is sent twice; send it once";
            return Err(Problem::malformed_key(KeyDefect::Repeated, detail).into());
        }
        let detail = "the key has characters that no key has";
        return value.to_str().map_err(|_| Problem::malformed_key(KeyDefect::Characters, detail).into());
    }
    Err(Problem::missing_key(misplaced_key(headers, query)).into())
}

/// Returns what may be logged of a refused key. Only a well-formed key qualifies: any other text may be an unrelated
/// secret.
fn claimed_key(text: &str) -> Option<RejectedKey> {
    let company = key::parse_key_company(text).ok()?;
    Some(RejectedKey { company, last4: text.get(text.len() - 4..)?.to_owned() })
}

fn auth_refusal(refusal: auth::KeyRejection) -> ProblemResponse {
    match refusal {
        auth::KeyRejection::Malformed(fault) => Problem::from(fault).into(),
        auth::KeyRejection::Unknown => {
            ProblemResponse::new(ProblemCode::UnknownKey, "unknown key; copy it again, or ask for a new one")
        }
        auth::KeyRejection::Revoked => {
            ProblemResponse::new(ProblemCode::RevokedKey, "this key was revoked permanently; ask for a new one")
        }
    }
}

/// Proof that the request carries the token of an operator with the access `P`.
#[derive(Debug)]
pub struct AuthorizedOperator<P> {
    operator: operator::OperatorAccount,
    request_id: String,
    audit_key: AuditKey,
    price: PhantomData<P>,
}

impl<P> AuthorizedOperator<P> {
    /// Returns the caller, for the audit trail.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(Actor::Operator(self.operator.clone()), self.request_id.clone(), self.audit_key.clone())
    }

    /// Returns the number of the operator.
    pub(super) fn id(&self) -> OperatorId {
        self.operator.id
    }

    /// Returns whether payloads are shown unmasked, as only admins see them.
    pub(super) fn can_reveal(&self) -> bool {
        self.operator.role == OperatorRole::Admin
    }
}

impl<P: AccessRequirement> FromRequestParts<Engine> for AuthorizedOperator<P> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, ProblemResponse> {
        let note = context(parts);
        check_content_length(&parts.headers)?;
        let RouteAccess::Operator(role) = P::ACCESS else {
            return Err(ProblemResponse::new(
                ProblemCode::Internal,
                "the route asks for an operator without saying which",
            ));
        };
        let token = bearer_token(&parts.headers);
        let unknown = || {
            ProblemResponse::new(
                ProblemCode::UnknownOperator,
                "send an operator token as Authorization: Bearer wlop_…; the first one is in operator.token",
            )
        };
        let operator = engine.authenticate_operator(token.ok_or_else(unknown)?).ok_or_else(unknown)?;
        record_credential(parts, CredentialHolder::Operator(operator.id))?;
        if operator.role < role {
            return Err(ProblemResponse::new(
                ProblemCode::InsufficientRole,
                format!("this needs the role {}, not {}", role.name(), operator.role.name()),
            ));
        }
        let (request_id, audit_key) = (note.snapshot().request_id, engine.audit_key());
        Ok(Self { operator, request_id, audit_key, price: PhantomData })
    }
}
