//! The guards: a handler's signature states its price. [`Allowed`] authenticates a key, admits the call through its window and checks its
//! scope; [`Operator`] authenticates an operator and checks the role. Neither can be had in any other way.

use super::connections::{Connection, Holder, TooManyCalls};
use super::openapi;
use super::problem::Refusal;
use super::stamp::{judge_length, may_be_secret};
use crate::api::problem::{Code, Problem};
use crate::domain::audit::AuditKey;
use crate::domain::ids::{CompanyId, KeyId, OperatorId};
use crate::domain::key::{self, Key, Misplaced, Scope};
use crate::domain::log::Claimed;
use crate::domain::operator::{self, Role};
use crate::domain::window::{Admission, Answer, Bucket};
use crate::engine::Engine;
use crate::engine::auth;
use crate::engine::caller::{Actor, Caller};
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A key with a scope; the call is counted in a bucket.
    Key(Scope, Bucket),
    /// An operator of at least this role.
    Operator(Role),
}

/// A price, as a type.
pub trait Price {
    /// The same as a value.
    const ACCESS: Access;
}

macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident: $access:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Price for $name {
            const ACCESS: Access = $access;
        }
    )+};
}

prices! {
    /// Anyone.
    Anyone: Access::Public;
    /// Polling events.
    EventsRead: Access::Key(Scope::EventsRead, Bucket::Read);
    /// Publishing test events.
    EventsTest: Access::Key(Scope::Admin, Bucket::Admin);
    /// Reading subscriptions.
    WebhooksRead: Access::Key(Scope::WebhooksWrite, Bucket::Read);
    /// Creating and changing subscriptions.
    WebhooksWrite: Access::Key(Scope::WebhooksWrite, Bucket::Admin);
    /// Deleting subscriptions.
    WebhooksRemove: Access::Key(Scope::WebhooksWrite, Bucket::Write);
    /// Actions.
    Actions: Access::Key(Scope::IntegrationsWrite, Bucket::Write);
    /// Searches.
    Searches: Access::Key(Scope::IntegrationsRead, Bucket::Read);
    /// Looking.
    Viewer: Access::Operator(Role::Viewer);
    /// Testing, enabling, disabling, emitting.
    Acting: Access::Operator(Role::Operator);
    /// Companies, keys, limits.
    Admin: Access::Operator(Role::Admin);
}

/// What the layers tell the stamp of a request.
#[derive(Debug, Clone)]
pub(super) struct Note(Arc<Mutex<Noted>>);

#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    pub(super) request_id: String,
    pub(super) route: Option<String>,
    pub(super) caller: Option<(KeyId, CompanyId)>,
    pub(super) admission: Option<Admission>,
    /// What the log is to say of a request that was no problem.
    pub(super) detail: Option<String>,
    /// Which key a refused one claimed to be.
    pub(super) claimed: Option<Claimed>,
    /// Parameters of the query and fields of the body that nobody reads.
    pub(super) ignored: Vec<String>,
}

/// Names of ignored fields and parameters that an answer tells.
const MAX_IGNORED_NAMES: usize = 16;

/// Whether a name can stand in a header.
fn is_fit(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !may_be_secret(name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Notes the parameters of a query that its route does not read.
pub(super) async fn note_query(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if let (Some(note), Some(route), Some(query)) = (request.extensions().get::<Note>(), route, request.uri().query()) {
        let known = openapi::parameters_of(request.method(), route);
        let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned());
        note.ignore(names.filter(|name| !known.contains(&name.as_str())));
    }
    next.run(request).await
}

impl Note {
    pub(super) fn new(request_id: String) -> Self {
        Self(Arc::new(Mutex::new(Noted { request_id, ..Noted::default() })))
    }

    pub(super) fn read(&self) -> Noted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes names that nobody reads, as far as they can stand in a header.
    pub(super) fn ignore(&self, names: impl Iterator<Item = String>) {
        self.write(|noted| {
            for name in names.filter(|name| is_fit(name)) {
                if noted.ignored.len() < MAX_IGNORED_NAMES && !noted.ignored.contains(&name) {
                    noted.ignored.push(name);
                }
            }
        });
    }

    fn say(&self, detail: String) {
        self.write(|noted| noted.detail = Some(detail));
    }

    fn write(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A key that may do what `P` says, in a call that its window admitted.
#[derive(Debug)]
pub struct Allowed<P> {
    key: Arc<Key>,
    note: Note,
    audit_key: AuditKey,
    price: PhantomData<P>,
}

impl<P> Allowed<P> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Has the log say this of a call that goes well.
    pub fn say(&self, detail: String) {
        self.note.say(detail);
    }

    /// Who asks, for the audit.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(Actor::Key(Arc::clone(&self.key)), self.note.read().request_id, self.audit_key.clone())
    }
}

impl<P: Price> FromRequestParts<Engine> for Allowed<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Refusal> {
        let note = note(parts);
        judge_length(&parts.headers)?;
        let Access::Key(scope, bucket) = P::ACCESS else {
            return Err(Refusal::new(Code::Internal, "the route asks for a key without saying which"));
        };
        let text = presented(&parts.headers, parts.uri.query())?;
        let key = engine.authenticate(text).map_err(|refusal| {
            note.write(|noted| noted.claimed = claimed(text));
            refused(refusal)
        })?;
        note.write(|noted| noted.caller = Some((key.id, key.company)));
        hold(parts, Holder::Key(key.id))?;
        let admission = engine.admit(&key, bucket);
        note.write(|noted| noted.admission = Some(admission));
        if admission.answer == Answer::Refused {
            return Err(Refusal::limited(&admission, engine.ambient().now()));
        }
        if !key.scopes.grant(scope) {
            let problem = Problem::new(Code::InsufficientScope, format!("this key lacks the scope {scope}"));
            return Err(problem.with("requiredScope", scope.name()).into());
        }
        if !accepts_json(&parts.headers) {
            return Err(Refusal::new(
                Code::NotAcceptable,
                "answers are application/json; say so in Accept, or leave it out",
            ));
        }
        Ok(Self { key, note, audit_key: engine.audit_key(), price: PhantomData })
    }
}

/// Whether a caller takes JSON. A header that cannot be read counts as none.
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

/// The key in its header; or why there is none, naming the right header where it was put elsewhere.
fn presented<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Refusal> {
    let mut given = headers.get_all("x-api-key").iter();
    if let Some(value) = given.next() {
        if given.next().is_some() {
            return Err(Refusal::new(Code::MalformedKey, "the header X-Api-Key is given twice; send it once"));
        }
        let malformed = |_| Refusal::new(Code::MalformedKey, "the key has characters that no key has");
        return value.to_str().map_err(malformed);
    }
    let place = if headers.contains_key("authorization") {
        Some(Misplaced::Authorization)
    } else if query.is_some_and(|query| query.to_ascii_lowercase().contains("key=")) {
        Some(Misplaced::Query)
    } else {
        Misplaced::OTHER_HEADERS.into_iter().any(|name| headers.contains_key(name)).then_some(Misplaced::OtherHeader)
    };
    let elsewhere = place.map_or_else(String::new, |place| format!("; {place}"));
    Err(Refusal::new(Code::MissingKey, format!("send the key in the header X-Api-Key{elsewhere}")))
}

/// What can be told of a key that was refused: only where it has the form of one, because anything else may be another secret.
fn claimed(text: &str) -> Option<Claimed> {
    let company = key::judge(text).ok()?;
    Some(Claimed { company, last4: text.get(text.len() - 4..)?.to_owned() })
}

fn refused(refusal: auth::Refusal) -> Refusal {
    match refusal {
        auth::Refusal::Malformed(malformed) => Refusal::new(Code::MalformedKey, malformed.to_string()),
        auth::Refusal::Unknown => {
            Refusal::new(Code::UnknownKey, "this key is not known; copy it again, or ask for a new one")
        }
        auth::Refusal::Revoked => {
            Refusal::new(Code::RevokedKey, "this key was revoked, which is permanent; ask for a new one")
        }
    }
}

/// An operator who may do what `P` says.
#[derive(Debug)]
pub struct Operator<P> {
    operator: operator::Operator,
    request_id: String,
    audit_key: AuditKey,
    price: PhantomData<P>,
}

impl<P> Operator<P> {
    /// Who asks, for the audit.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(Actor::Operator(self.operator.clone()), self.request_id.clone(), self.audit_key.clone())
    }

    /// Who asks.
    pub(super) fn id(&self) -> OperatorId {
        self.operator.id
    }

    /// Whether payloads are shown to it as they are.
    pub(super) fn may_reveal(&self) -> bool {
        self.operator.role == Role::Admin
    }
}

impl<P: Price> FromRequestParts<Engine> for Operator<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Refusal> {
        let note = note(parts);
        judge_length(&parts.headers)?;
        let Access::Operator(role) = P::ACCESS else {
            return Err(Refusal::new(Code::Internal, "the route asks for an operator without saying which"));
        };
        let token = parts.headers.get("authorization").and_then(|value| bearer(value.to_str().ok()?));
        let unknown = || {
            Refusal::new(
                Code::UnknownOperator,
                "send an operator's token as Authorization: Bearer wlop_…; the first one is in operator.token",
            )
        };
        let operator = engine.operator(token.ok_or_else(unknown)?).ok_or_else(unknown)?;
        hold(parts, Holder::Operator(operator.id))?;
        if operator.role < role {
            return Err(Refusal::new(
                Code::InsufficientRole,
                format!("this needs the role {}, not {}", role.name(), operator.role.name()),
            ));
        }
        let (request_id, audit_key) = (note.read().request_id, engine.audit_key());
        Ok(Self { operator, request_id, audit_key, price: PhantomData })
    }
}

/// The token behind the scheme, which has no case; any number of spaces may be between them.
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_matches(' '))
}

/// Notes on the connection whose credential it carries. Refuses the call where as many others of its kind as there may be are under way.
fn hold(parts: &Parts, holder: Holder) -> Result<(), Refusal> {
    let Some(connection) = parts.extensions.get::<Arc<Connection>>() else { return Ok(()) };
    connection.held_by(holder).map_err(|TooManyCalls| {
        let detail = "too many calls of this credential, or of its kind, are under way; this is contention, not a rate limit: try again";
        Refusal::new(Code::Contended, detail)
    })
}

/// The request's note, with its route.
fn note(parts: &Parts) -> Note {
    let note = parts.extensions.get::<Note>().cloned().unwrap_or_else(|| Note::new(String::new()));
    let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    note.write(|noted| noted.route = route);
    note
}
