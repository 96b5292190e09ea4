//! Redaction of URLs in answers to operators: an admin sees URLs in full, other roles without their secret parts.

use super::guard::Operator;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::audit::AuditRow;
use crate::api::deliveries::{DeliveryDetail, TraceRow};
use crate::api::log::LogPage;
use crate::api::overview::Overview;
use crate::api::revisions::RevisionRow;
use crate::api::subscriptions::{SubscriptionRow, TestResult};
use crate::api::trips::TripRow;
use crate::domain::text::Untrusted;
use crate::domain::url_redaction::{redact_url, redact_urls};

/// Answer that contains URLs, some with secret parts.
pub(super) trait HasUrls {
    /// Removes the secret parts of the URLs in the answer.
    fn redact_urls(&mut self);
}

/// Wraps an answer as the operator may see it.
pub(super) fn shown<P, T: HasUrls>(operator: &Operator<P>, answer: T) -> axum::Json<T> {
    axum::Json(as_seen(operator, answer))
}

/// Returns an answer as the operator may see it.
pub(super) fn as_seen<P, T: HasUrls>(operator: &Operator<P>, mut answer: T) -> T {
    if !operator.may_reveal() {
        answer.redact_urls();
    }
    answer
}

fn target(url: &mut Untrusted) {
    *url = Untrusted::new(redact_url(url.raw()));
}

fn words(text: &mut Option<Untrusted>) {
    if let Some(text) = text {
        *text = Untrusted::new(redact_urls(text.raw()).0);
    }
}

impl HasUrls for SubscriptionRow {
    fn redact_urls(&mut self) {
        target(&mut self.subscription.target_url);
        words(&mut self.subscription.description);
        words(&mut self.disabled_note);
    }
}

impl HasUrls for AttemptRow {
    fn redact_urls(&mut self) {
        target(&mut self.target_url);
        words(&mut self.error);
    }
}

impl HasUrls for AttemptDetail {
    fn redact_urls(&mut self) {
        self.row.redact_urls();
    }
}

impl HasUrls for DeliveryDetail {
    fn redact_urls(&mut self) {
        self.attempts.iter_mut().for_each(HasUrls::redact_urls);
    }
}

impl HasUrls for TraceRow {
    fn redact_urls(&mut self) {
        target(&mut self.target_url);
    }
}

impl HasUrls for TripRow {
    fn redact_urls(&mut self) {
        target(&mut self.target_url);
    }
}

impl HasUrls for RevisionRow {
    fn redact_urls(&mut self) {
        target(&mut self.target_url);
        words(&mut self.description);
    }
}

impl HasUrls for TestResult {
    fn redact_urls(&mut self) {
        target(&mut self.target_url_used);
        words(&mut self.error);
    }
}

impl HasUrls for AuditRow {
    fn redact_urls(&mut self) {
        words(&mut self.before);
        words(&mut self.after);
        words(&mut self.reason);
    }
}

impl HasUrls for Overview {
    fn redact_urls(&mut self) {
        self.subscriptions.items.iter_mut().for_each(HasUrls::redact_urls);
        self.attempts.items.iter_mut().for_each(HasUrls::redact_urls);
        self.trips.items.iter_mut().for_each(HasUrls::redact_urls);
    }
}

impl<T: HasUrls> HasUrls for LogPage<T> {
    fn redact_urls(&mut self) {
        self.items.iter_mut().for_each(HasUrls::redact_urls);
    }
}
