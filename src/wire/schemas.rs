//! OpenAPI schemas of the `domain` values that [`super::serde_domain`] and [`super::time`] serialise.

use super::keys::OneTimeSecret;
use crate::domain::alert::AlertSubject;
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{
    AffiliateId, AttemptId, ClientId, CompanyId, DeliveryId, EventId, KeyId, NoteId, OperatorId, ReplayId,
    SubscriptionId, TripId,
};
use crate::domain::operator::OperatorRole;
use crate::domain::replay::ReplayState;
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! described {
    ($($named:ident: $schema:expr),+ $(,)?) => {$(
        impl PartialSchema for $named {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $named {}
    )+};
}

described! {
    AffiliateId: number("ID of an affiliate"),
    AttemptId: number("ID of an attempt"),
    ClientId: number("ID of a client or lead"),
    CompanyId: number("ID of a company"),
    DeliveryId: number("ID of a delivery"),
    EventId: number("ID of an event; increases with every event"),
    KeyId: number("ID of a key"),
    NoteId: number("ID of a note"),
    OperatorId: number("ID of an operator; 0 for the operator of a standalone process"),
    ReplayId: number("ID of a replay"),
    SubscriptionId: number("ID of a subscription"),
    TripId: number("ID of a trip"),
    AlertSubject: text(&format!("Subject of an alert: {}", AlertSubject::FORMS)),
    HealthStatus: names("Health status, worst first", HealthStatus::ALL.map(HealthStatus::code)),
    RateBucket: names("Bucket of a rate limit", RateBucket::ALL.map(RateBucket::name)),
    DisabledReason: names("Reason why a subscription is disabled", [DisabledReason::Manual, DisabledReason::Breaker].map(DisabledReason::name)),
    EventType: names("Type of an event", EventType::ALL.map(EventType::name)),
    AttemptKind: names("Purpose of an attempt", AttemptKind::ALL.map(AttemptKind::name)),
    ReplayState: names("State of a replay", ReplayState::ALL.map(ReplayState::name)),
    OperatorRole: names("Role of an operator; each role includes the ones before it", OperatorRole::ALL.map(OperatorRole::name)),
    KeyScope: names("Permission of a key; no scope implies another", KeyScope::ALL.map(KeyScope::name)),
    DeliveryState: names("State of a delivery", DeliveryState::ALL.map(DeliveryState::name)),
    Untrusted: text("Text from outside, unchanged"),
    OneTimeSecret: text("Secret that only this response or request carries"),
    Timestamp: text("Time in UTC, as RFC 3339 writes it").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
}

fn number(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(description))
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn names<const N: usize>(description: &str, names: [&'static str; N]) -> ObjectBuilder {
    text(description).enum_values(Some(names))
}
