//! Filter fields of the rows of lists and logs, for queries in the console and on the command line alike.
//!
//! Each row type implements [`QueryableRow`]; the `*_query` functions translate the part of a query that the platform can
//! evaluate itself into the filters of the log's route.

use crate::domain::health_status::HealthStatus;
use crate::domain::query::field::Field;
use crate::domain::query::matching::{FieldValue, QueryableRow};
use crate::domain::query::pushdown::RemoteFilter;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::{DeliveryRow, EventRow};
use crate::wire::keys::KeyRow;
use crate::wire::limits::{LimitDetail, LimitRow};
use crate::wire::log::{AttemptQuery, DeliveryQuery, EventQuery, RequestQuery};
use crate::wire::replays::ReplayRow;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use std::borrow::Cow;

/// Translates pushed-down filters into the query of the attempt log. Filters that the route does not know are left to
/// the caller.
#[must_use]
pub fn attempt_query(asked: &[RemoteFilter]) -> AttemptQuery {
    let mut query = AttemptQuery::default();
    for asked in asked {
        match asked.clone() {
            RemoteFilter::Number(Field::Company, n) => query.company = Some(n),
            RemoteFilter::Number(Field::Subscription, n) => query.subscription = Some(n),
            RemoteFilter::Number(Field::Event, n) => query.event = Some(n),
            // A status beyond `u16` occurs in no row; the largest `u16` takes its place, because no row has that one
            // either.
            RemoteFilter::Number(Field::Status, n) => query.status = Some(u16::try_from(n).unwrap_or(u16::MAX)),
            RemoteFilter::Word(Field::Type, word) => query.kind = Some(word),
            RemoteFilter::Word(Field::Outcome, word) => query.outcome = Some(word),
            RemoteFilter::Time(Field::Since, at) => query.since = Some(at),
            RemoteFilter::Time(Field::Until, at) => query.until = Some(at),
            RemoteFilter::Text(text) => query.q = Some(text),
            RemoteFilter::Number(..) | RemoteFilter::Word(..) | RemoteFilter::Time(..) => {}
        }
    }
    query
}

/// Translates pushed-down filters into the query of the delivery log. Filters that the route does not know are left to
/// the caller.
#[must_use]
pub fn delivery_query(asked: &[RemoteFilter]) -> DeliveryQuery {
    let mut query = DeliveryQuery::default();
    for asked in asked {
        match asked.clone() {
            RemoteFilter::Number(Field::Company, n) => query.company = Some(n),
            RemoteFilter::Number(Field::Subscription, n) => query.subscription = Some(n),
            RemoteFilter::Number(Field::Event, n) => query.event = Some(n),
            RemoteFilter::Word(Field::Type, word) => query.kind = Some(word),
            RemoteFilter::Word(Field::State, word) => query.state = Some(word),
            RemoteFilter::Time(Field::Since, at) => query.since = Some(at),
            RemoteFilter::Time(Field::Until, at) => query.until = Some(at),
            RemoteFilter::Number(..) | RemoteFilter::Word(..) | RemoteFilter::Time(..) | RemoteFilter::Text(_) => {}
        }
    }
    query
}

/// Translates pushed-down filters into the query of the event log. Filters that the route does not know are left to
/// the caller.
#[must_use]
pub fn event_query(asked: &[RemoteFilter]) -> EventQuery {
    let mut query = EventQuery::default();
    for asked in asked {
        match asked.clone() {
            RemoteFilter::Number(Field::Company, n) => query.company = Some(n),
            RemoteFilter::Word(Field::Type, word) => query.kind = Some(word),
            RemoteFilter::Time(Field::Since, at) => query.since = Some(at),
            RemoteFilter::Time(Field::Until, at) => query.until = Some(at),
            _ => {}
        }
    }
    query
}

/// Translates pushed-down filters into the query of the request log. Filters that the route does not know are left to
/// the caller.
#[must_use]
pub fn request_query(asked: &[RemoteFilter]) -> RequestQuery {
    let mut query = RequestQuery::default();
    for asked in asked {
        match asked.clone() {
            RemoteFilter::Number(Field::Company, n) => query.company = Some(n),
            RemoteFilter::Number(Field::Key, n) => query.key = Some(n),
            RemoteFilter::Number(Field::Status, n) => query.status = Some(u16::try_from(n).unwrap_or(u16::MAX)),
            RemoteFilter::Word(Field::Code, word) => query.code = Some(word),
            RemoteFilter::Time(Field::Since, at) => query.since = Some(at),
            RemoteFilter::Time(Field::Until, at) => query.until = Some(at),
            _ => {}
        }
    }
    query
}

fn number_value(n: impl TryInto<i64>) -> Vec<FieldValue<'static>> {
    vec![FieldValue::Number(n.try_into().unwrap_or(i64::MAX))]
}

fn optional_number(n: Option<impl TryInto<i64>>) -> Vec<FieldValue<'static>> {
    n.map_or_else(Vec::new, number_value)
}

fn text_value(text: &Untrusted) -> Vec<FieldValue<'_>> {
    vec![FieldValue::Text(Cow::Borrowed(text.raw()))]
}

fn word_value(word: &str) -> Vec<FieldValue<'_>> {
    vec![FieldValue::Text(Cow::Borrowed(word))]
}

/// Health status as the screen writes it, in lower case.
fn status_value(standing: HealthStatus) -> Vec<FieldValue<'static>> {
    word_value(standing.code())
}

fn raw_texts(texts: &[&Untrusted]) -> Vec<Cow<'static, str>> {
    texts.iter().map(|text| Cow::Owned(text.raw().to_owned())).collect()
}

impl QueryableRow for KeyRow {
    fn fields() -> &'static [Field] {
        &[Field::State, Field::Company, Field::Name, Field::Scope, Field::Used, Field::Id]
    }

    fn member_of(field: Field) -> Option<&'static str> {
        (field == Field::Used).then_some("usage")
    }

    fn values(&self, field: Field, now: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::State => status_value(self.assess(now).status),
            Field::Company => number_value(self.company_id.0),
            Field::Key | Field::Id => number_value(self.id.0),
            Field::Name => text_value(&self.name),
            Field::Scope => self.scopes.iter().flat_map(|scope| word_value(scope.name())).collect(),
            Field::Used => optional_number(self.usage.map(|usage| usage.n_last_minute)),
            _ => Vec::new(),
        }
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        raw_texts(&[&self.name, &self.last4])
    }
}

impl QueryableRow for SubscriptionRow {
    fn fields() -> &'static [Field] {
        &[
            Field::State,
            Field::Company,
            Field::Subscription,
            Field::Type,
            Field::Target,
            Field::Streak,
            Field::Managed,
            Field::Id,
        ]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        let of = &self.subscription;
        match field {
            Field::State => status_value(self.assess().status),
            Field::Company => number_value(of.company_id.0),
            Field::Subscription | Field::Id => number_value(of.id.0),
            Field::Type => of.event_types.iter().flat_map(text_value).collect(),
            Field::Target => text_value(&of.target_url),
            Field::Streak => optional_number(of.consecutive_failures),
            Field::Managed => of.managed_by.as_ref().map_or_else(Vec::new, text_value),
            _ => Vec::new(),
        }
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let of = &self.subscription;
        let mut texts = vec![&of.target_url];
        texts.extend(&of.description);
        texts.extend(&of.managed_by);
        raw_texts(&texts)
    }
}

impl QueryableRow for AttemptRow {
    fn fields() -> &'static [Field] {
        &[
            Field::Status,
            Field::Outcome,
            Field::Cause,
            Field::Company,
            Field::Subscription,
            Field::Event,
            Field::Delivery,
            Field::Type,
            Field::Kind,
            Field::Target,
            Field::Ms,
            Field::Try,
            Field::Since,
            Field::Until,
            Field::Id,
        ]
    }

    fn member_of(field: Field) -> Option<&'static str> {
        match field {
            Field::Cause => Some("cause"),
            Field::Delivery => Some("deliveryId"),
            Field::Kind => Some("kind"),
            Field::Target => Some("targetUrl"),
            _ => None,
        }
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::Status => optional_number(self.status_code),
            Field::Outcome => word_value(if self.outcome().is_success() { "success" } else { "failure" }),
            Field::Cause => self.cause.as_ref().map_or_else(Vec::new, text_value),
            Field::Company => optional_number(self.company_id.map(|id| id.0)),
            Field::Subscription => optional_number(self.subscription_id.map(|id| id.0)),
            Field::Event => optional_number(self.event_id.map(|id| id.0)),
            Field::Delivery => optional_number(self.delivery_id.map(|id| id.0)),
            Field::Type => text_value(&self.event_type),
            Field::Kind => self.kind.map_or_else(Vec::new, |kind| word_value(kind.name())),
            Field::Target => self.target_url.as_ref().map_or_else(Vec::new, text_value),
            Field::Ms => number_value(self.elapsed_ms),
            Field::Try => optional_number(self.number),
            Field::Id => number_value(self.id.0),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.started_utc)
    }

    /// Texts of the row that the platform searches as well, so that a text search can be pushed down.
    fn texts(&self) -> Vec<Cow<'_, str>> {
        let mut texts: Vec<&Untrusted> = self.target_url.iter().collect();
        texts.extend(&self.error);
        raw_texts(&texts)
    }
}

impl QueryableRow for DeliveryRow {
    fn fields() -> &'static [Field] {
        &[
            Field::State,
            Field::Company,
            Field::Subscription,
            Field::Event,
            Field::Type,
            Field::Kind,
            Field::Try,
            Field::Since,
            Field::Until,
            Field::Id,
        ]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::State => word_value(self.state.name()),
            Field::Company => number_value(self.company_id.0),
            Field::Subscription => number_value(self.subscription_id.0),
            Field::Event => number_value(self.event_id.0),
            Field::Type => text_value(&self.event_type),
            Field::Kind => word_value(self.kind.name()),
            Field::Try => number_value(self.n_attempts),
            Field::Delivery | Field::Id => number_value(self.id.0),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.created_utc)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        raw_texts(&[&self.event_type])
    }
}

impl QueryableRow for EventRow {
    fn fields() -> &'static [Field] {
        &[Field::Type, Field::Company, Field::Since, Field::Until, Field::Id]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::Type => text_value(&self.kind),
            Field::Company => number_value(self.company_id.0),
            Field::Event | Field::Id => number_value(self.id.0),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.created_utc)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        raw_texts(&[&self.kind])
    }
}

impl QueryableRow for LimitRow {
    fn fields() -> &'static [Field] {
        &[Field::State, Field::Company, Field::Key, Field::Name, Field::Bucket, Field::Used, Field::Left]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::State => status_value(self.assess().status),
            Field::Company => number_value(self.company_id.0),
            Field::Key => number_value(self.key_id.0),
            Field::Name => text_value(&self.key_name),
            Field::Bucket => word_value(self.bucket.name()),
            Field::Used => optional_number(self.used),
            Field::Left => optional_number(self.percent_left()),
            _ => Vec::new(),
        }
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        raw_texts(&[&self.key_name, &self.last4])
    }
}

impl QueryableRow for LimitDetail {
    fn fields() -> &'static [Field] {
        LimitRow::fields()
    }

    fn values(&self, field: Field, now: Timestamp) -> Vec<FieldValue<'_>> {
        self.row.values(field, now)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        self.row.texts()
    }
}

impl QueryableRow for ReplayRow {
    fn fields() -> &'static [Field] {
        &[Field::Company, Field::Subscription, Field::Since, Field::Until, Field::Id]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::Company => number_value(self.company_id.0),
            Field::Subscription => number_value(self.subscription_id.0),
            Field::Id => number_value(self.id.0),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.created_utc)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        raw_texts(&[&self.asked_by])
    }
}

impl QueryableRow for TripRow {
    fn fields() -> &'static [Field] {
        &[
            Field::State,
            Field::Company,
            Field::Subscription,
            Field::Cause,
            Field::Target,
            Field::Since,
            Field::Until,
            Field::Id,
        ]
    }

    fn member_of(field: Field) -> Option<&'static str> {
        (field == Field::Cause).then_some("causes")
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::State => {
                status_value(if self.enabled_utc.is_none() { HealthStatus::Tripped } else { HealthStatus::Healthy })
            }
            Field::Company => number_value(self.company_id.0),
            Field::Subscription => number_value(self.subscription_id.0),
            Field::Cause => self.causes.iter().flatten().flat_map(|cause| text_value(&cause.cause)).collect(),
            Field::Target => text_value(&self.target_url),
            Field::Id => number_value(self.id.0),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.tripped_utc)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let mut texts = vec![&self.target_url];
        texts.extend(&self.enabled_by);
        raw_texts(&texts)
    }
}

impl QueryableRow for RequestRow {
    fn fields() -> &'static [Field] {
        &[
            Field::Status,
            Field::Code,
            Field::Company,
            Field::Key,
            Field::Method,
            Field::Route,
            Field::Ms,
            Field::Since,
            Field::Until,
            Field::Id,
        ]
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::Status => optional_number(self.status),
            Field::Code => self.code.as_ref().map_or_else(Vec::new, text_value),
            Field::Company => optional_number(self.company_id.map(|id| id.0)),
            Field::Key => optional_number(self.key_id.map(|id| id.0)),
            Field::Method => text_value(&self.method),
            Field::Route => text_value(&self.route),
            Field::Ms => number_value(self.elapsed_ms),
            Field::Id => number_value(self.id),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.utc)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let mut texts = vec![&self.route];
        texts.extend(&self.request_id);
        texts.extend(&self.code);
        texts.extend(&self.last4);
        raw_texts(&texts)
    }
}
