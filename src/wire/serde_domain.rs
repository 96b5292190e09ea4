//! Serialisation of `domain` values: ids as integers, closed sets as their names, text from outside as text.

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
use crate::domain::window::RateBucket;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! integers {
    ($($id:ident),+) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map(Self)
            }
        }
    )+};
}

integers!(
    AffiliateId,
    AttemptId,
    ClientId,
    CompanyId,
    DeliveryId,
    EventId,
    KeyId,
    NoteId,
    OperatorId,
    ReplayId,
    SubscriptionId,
    TripId
);

macro_rules! names {
    ($($named:ident::$name:ident: $what:literal),+ $(,)?) => {$(
        impl Serialize for $named {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.$name())
            }
        }

        impl<'de> Deserialize<'de> for $named {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                let known = || Self::ALL.map(Self::$name).join(", ");
                Self::named(&name).ok_or_else(|| D::Error::custom(format!("unknown {}, expected one of {}", $what, known())))
            }
        }
    )+};
}

names! {
    RateBucket::name: "bucket",
    DisabledReason::name: "reason",
    EventType::name: "event type",
    AttemptKind::name: "kind of attempt",
    ReplayState::name: "phase of a replay",
    OperatorRole::name: "role",
    KeyScope::name: "scope",
    DeliveryState::name: "delivery state",
    HealthStatus::code: "health status",
}

impl Serialize for AlertSubject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AlertSubject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format!("unknown subject, expected {}", Self::FORMS)))
    }
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.raw())
    }
}

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
