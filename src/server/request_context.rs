//! Context of a request: what guards and handlers learn, for the middleware that writes the response's headers and the log.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::RejectedKey;
use crate::domain::window::RateLimitOutcome;
use std::sync::{Arc, Mutex, PoisonError};

/// Per-request context, filled in by guards and extractors and read by the outer middleware when the response leaves.
#[derive(Debug, Clone)]
pub(super) struct RequestContext(Arc<Mutex<RequestContextState>>);

#[derive(Debug, Clone, Default)]
pub(super) struct RequestContextState {
    pub(super) request_id: String,
    pub(super) route: Option<String>,
    pub(super) caller: Option<(KeyId, CompanyId)>,
    pub(super) admission: Option<RateLimitOutcome>,
    /// Text for the request log, if the request succeeds.
    pub(super) log_detail: Option<String>,
    /// Company and last four characters claimed by a refused key.
    pub(super) claimed_key: Option<RejectedKey>,
    /// Query parameters and body fields that no handler reads.
    pub(super) ignored_names: Vec<String>,
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
    pub(super) fn new(request_id: String) -> Self {
        Self(Arc::new(Mutex::new(RequestContextState { request_id, ..RequestContextState::default() })))
    }

    pub(super) fn snapshot(&self) -> RequestContextState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records names that no handler reads, as far as they may appear in a header.
    pub(super) fn record_ignored(&self, names: impl Iterator<Item = String>) {
        self.update(|noted| {
            for name in names.filter(|name| is_header_safe(name)) {
                if noted.ignored_names.len() < MAX_IGNORED_NAMES && !noted.ignored_names.contains(&name) {
                    noted.ignored_names.push(name);
                }
            }
        });
    }

    pub(super) fn set_log_detail(&self, detail: String) {
        self.update(|noted| noted.log_detail = Some(detail));
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut RequestContextState)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Returns whether a text from a caller looks like a misplaced key or token, which must not be repeated.
pub(super) fn looks_like_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("wlcro") || lower.contains("wlop_")
}
