//! Redaction of URLs in answers to operators: an admin sees URLs in full, other roles without their secret parts.

use crate::domain::text::Untrusted;
use crate::domain::url_redaction::{redact_url, redact_urls};
use crate::wire::alerts::ConditionRow;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::audit::AuditRow;
use crate::wire::deliveries::{DeliveryDetail, TraceRow};
use crate::wire::log::LogPage;
use crate::wire::overview::PlatformOverview;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow, TestResult};
use crate::wire::trips::TripRow;

/// Answer that contains URLs, some with secret parts.
pub trait HasUrls {
    /// Removes the secret parts of the URLs in the answer.
    fn redact_urls(&mut self);
}

fn redact_target(url: &mut Untrusted) {
    *url = Untrusted::new(redact_url(url.raw()));
}

fn redact_text(text: &mut Option<Untrusted>) {
    if let Some(text) = text {
        *text = Untrusted::new(redact_urls(text.raw()).0);
    }
}

impl HasUrls for SubscriptionRow {
    fn redact_urls(&mut self) {
        redact_target(&mut self.subscription.target_url);
        redact_text(&mut self.subscription.description);
        redact_text(&mut self.disabled_note);
    }
}

impl HasUrls for AttemptRow {
    fn redact_urls(&mut self) {
        self.target_url.iter_mut().for_each(redact_target);
        redact_text(&mut self.error);
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
        redact_target(&mut self.target_url);
    }
}

impl HasUrls for TripRow {
    fn redact_urls(&mut self) {
        redact_target(&mut self.target_url);
    }
}

impl HasUrls for RevisionRow {
    fn redact_urls(&mut self) {
        redact_target(&mut self.target_url);
        redact_text(&mut self.description);
    }
}

impl HasUrls for TestResult {
    fn redact_urls(&mut self) {
        redact_target(&mut self.target_url_used);
        redact_text(&mut self.error);
    }
}

impl HasUrls for AuditRow {
    fn redact_urls(&mut self) {
        redact_text(&mut self.before);
        redact_text(&mut self.after);
        redact_text(&mut self.reason);
    }
}

impl HasUrls for ConditionRow {
    fn redact_urls(&mut self) {
        for text in [&mut self.name, &mut self.why] {
            *text = Untrusted::new(redact_urls(text.raw()).0);
        }
    }
}

impl HasUrls for PlatformOverview {
    fn redact_urls(&mut self) {
        self.subscriptions.items.iter_mut().for_each(HasUrls::redact_urls);
        self.attempts.items.iter_mut().for_each(HasUrls::redact_urls);
        self.trips.items.iter_mut().for_each(HasUrls::redact_urls);
        self.conditions.rows.iter_mut().for_each(HasUrls::redact_urls);
    }
}

impl<T: HasUrls> HasUrls for LogPage<T> {
    fn redact_urls(&mut self) {
        self.items.iter_mut().for_each(HasUrls::redact_urls);
    }
}
