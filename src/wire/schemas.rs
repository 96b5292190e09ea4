//! OpenAPI schemas of the `domain` values that [`super::serde_domain`] and [`super::time`] serialise.

use super::keys::OneTimeSecret;
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::event::EventType;
use crate::domain::health_status::DisabledReason;
use crate::domain::ids::{
    AffiliateId, AttemptId, ClientId, CompanyId, DeliveryId, EventId, KeyId, NoteId, OperatorId, ReplayId,
    SubscriptionId, TripId,
};
use crate::domain::key::KeyScope;
use crate::domain::operator::OperatorRole;
use crate::domain::replay::ReplayState;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! described {
    ($($what:ident: $schema:expr),+ $(,)?) => {$(
        impl PartialSchema for $what {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $what {}
    )+};
}

described! {
    AffiliateId: number("An affiliate's number"),
    AttemptId: number("An attempt's number"),
    ClientId: number("A client's number"),
    CompanyId: number("A company's number"),
    DeliveryId: number("A delivery's number"),
    EventId: number("An event's number; increasing"),
    KeyId: number("A key's number"),
    NoteId: number("A note's number"),
    OperatorId: number("An operator's number; 0 for the one of a standalone process"),
    ReplayId: number("A replay's number"),
    SubscriptionId: number("A subscription's number"),
    TripId: number("A trip's number"),
    RateBucket: names("Which rate window", RateBucket::ALL.map(RateBucket::name)),
    DisabledReason: names("Why a subscription is off", [DisabledReason::Manual, DisabledReason::Breaker].map(DisabledReason::name)),
    EventType: names("What happened", EventType::ALL.map(EventType::name)),
    AttemptKind: names("What an attempt is for", AttemptKind::ALL.map(AttemptKind::name)),
    ReplayState: names("How a replay stands", ReplayState::ALL.map(ReplayState::name)),
    OperatorRole: names("What an operator may do", OperatorRole::ALL.map(OperatorRole::name)),
    KeyScope: names("What a key may do", KeyScope::ALL.map(KeyScope::name)),
    DeliveryState: names("Where a delivery stands", DeliveryState::ALL.map(DeliveryState::name)),
    Untrusted: text("Text from outside, as it came"),
    OneTimeSecret: text("A secret in the one answer or request that carries it"),
    Timestamp: text("RFC 3339 in UTC").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
}

fn number(what: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(what))
}

fn text(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(what))
}

fn names<const N: usize>(what: &str, names: [&'static str; N]) -> ObjectBuilder {
    text(what).enum_values(Some(names))
}
