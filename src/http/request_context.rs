//! Context of a request: what guards and handlers learn, for the middleware that writes the response's headers and the log.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::RejectedKey;
use crate::domain::window::RateLimitOutcome;
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use std::sync::{Arc, Mutex, PoisonError};

/// Per-request context, filled in by guards and extractors and read by the outer middleware when the response leaves.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Mutex<RequestContextState>>);

/// What a request's context holds so far.
#[derive(Debug, Clone, Default)]
pub struct RequestContextState {
    /// Id of the request, which the response repeats.
    pub request_id: String,
    /// Route that the request matched, with placeholders.
    pub route: Option<String>,
    /// Key that authenticated the request, with its company.
    pub caller: Option<(KeyId, CompanyId)>,
    /// Decision of the rate limiter about the request.
    pub admission: Option<RateLimitOutcome>,
    /// Text for the request log, if the request succeeds.
    pub log_detail: Option<String>,
    /// Company and last four characters claimed by a refused key.
    pub claimed_key: Option<RejectedKey>,
    /// Query parameters and body fields that no handler reads.
    pub ignored_names: Vec<String>,
}

/// Maximum number of ignored names that a response reports.
const MAX_IGNORED_NAMES: usize = 16;

/// Returns whether a name may be repeated in a response header.
fn is_header_safe(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !looks_like_secret(name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

impl RequestContext {
    /// Creates the context of a request with this id.
    #[must_use]
    pub fn new(request_id: String) -> Self {
        Self(Arc::new(Mutex::new(RequestContextState { request_id, ..RequestContextState::default() })))
    }

    /// Returns the context of a request, with its route recorded.
    #[must_use]
    pub fn of_request(parts: &Parts) -> Self {
        let note = parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::new(String::new()));
        let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
        note.update(|noted| noted.route = route);
        note
    }

    /// Returns what the context holds so far.
    #[must_use]
    pub fn snapshot(&self) -> RequestContextState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records names that no handler reads, as far as they may appear in a header.
    pub fn record_ignored(&self, names: impl Iterator<Item = String>) {
        self.update(|noted| {
            for name in names.filter(|name| is_header_safe(name)) {
                if noted.ignored_names.len() < MAX_IGNORED_NAMES && !noted.ignored_names.contains(&name) {
                    noted.ignored_names.push(name);
                }
            }
        });
    }

    /// Sets the text that the request log keeps if the request succeeds.
    pub fn set_log_detail(&self, detail: String) {
        self.update(|noted| noted.log_detail = Some(detail));
    }

    /// Changes the context of the request in place.
    pub fn update(&self, change: impl FnOnce(&mut RequestContextState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Returns whether a text from a caller looks like a misplaced key or token, which must not be repeated.
#[must_use]
pub fn looks_like_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("wlcro") || lower.contains("wlop_")
}
