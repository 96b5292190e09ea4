//! Fields of queries: their names, the kinds of their values and short explanations.

use crate::domain::delivery::{AttemptKind, DeliveryState, FailureKind};
use crate::domain::event::EventType;
use crate::domain::health_status::HealthStatus;
use crate::domain::scope::KeyScope;
use crate::domain::window::RateBucket;

/// Kind of a field's values, which decides the permitted comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Whole numbers, with all comparisons, alternatives and ranges.
    Number,
    /// One word of a closed list.
    Word,
    /// Free text, matched as a substring.
    Text,
    /// A time, absolute or relative to now.
    Moment,
}

macro_rules! fields {
    ($($name:ident $word:literal $sort:ident $doc:literal),+ $(,)?) => {
        /// A field that can be queried.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $doc] $name),+
        }

        impl Field {
            /// All fields, in the order of completion.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Name of the field in a query.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// AttemptKind of the field's values.
            #[must_use]
            pub const fn sort(self) -> Sort {
                match self { $(Self::$name => Sort::$sort),+ }
            }

            /// Explanation of the field in a few words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc),+ }
            }
        }
    };
}

fields! {
    Status "status" Number "HTTP status: 503, 5xx, 500..504",
    State "state" Word "ok wrn err trp off unk, or a delivery state",
    Outcome "outcome" Word "success or failure",
    Type "type" Word "event type; payment.* for a family",
    Kind "kind" Word "kind of attempt",
    Company "company" Number "company id",
    Subscription "sub" Number "subscription id",
    Event "event" Number "event id",
    Delivery "delivery" Number "delivery id",
    Key "key" Number "key id",
    Id "id" Number "id of the row",
    Since "since" Moment "at or after: 15m, 14:02, 2026-11-23",
    Until "until" Moment "before: 15m, 14:02, 2026-11-23",
    Ms "ms" Number "duration in milliseconds",
    Try "try" Number "attempt number, 1 for the first",
    Streak "streak" Number "failures in a row",
    Target "target" Text "target URL",
    Cause "cause" Text "cause of a missing response: timeout, dns, tls",
    Name "name" Text "name of a key or company",
    Managed "managed" Text "managing tool",
    Scope "scope" Word "scope of a key",
    Bucket "bucket" Word "read, write or admin",
    Used "used" Number "calls in the current or last minute",
    Left "left" Number "remaining share of a rate limit in percent",
    Code "code" Text "problem code",
    Route "route" Text "route called",
    Method "method" Text "request method",
}

/// Health statuses that the field `state` accepts besides delivery states, in the order of completion.
const COMPLETED_STATUSES: [HealthStatus; 6] = [
    HealthStatus::Healthy,
    HealthStatus::Warning,
    HealthStatus::Failing,
    HealthStatus::Tripped,
    HealthStatus::Off,
    HealthStatus::Unknown,
];

impl Field {
    /// Looks up a field by its name or by a longer alias such as `subscription` or `elapsed`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = match name {
            "subscription" => "sub",
            "elapsed" => "ms",
            "url" => "target",
            "request" => "id",
            name => name,
        };
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Word that rows have for a word of a filter: the code of a health status that is named in full, and the word in use
    /// for a former one, so that saved filters stay valid. Other words stay as they are.
    #[must_use]
    pub fn current_word(self, word: &str) -> &str {
        match self {
            Self::Cause => FailureKind::named(word).map(FailureKind::name).unwrap_or(word),
            Self::State => {
                let code = || HealthStatus::named(word).map(HealthStatus::code);
                DeliveryState::named(word).map(DeliveryState::name).or_else(code).unwrap_or(word)
            }
            _ => word,
        }
    }

    /// Permitted words of a closed list; empty for other kinds of values.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::State => COMPLETED_STATUSES
                .map(HealthStatus::code)
                .into_iter()
                .chain(DeliveryState::ALL.map(DeliveryState::name))
                .collect(),
            Self::Outcome => vec!["success", "failure"],
            Self::Type => EventType::ALL.map(EventType::name).to_vec(),
            Self::Kind => AttemptKind::ALL.map(AttemptKind::name).to_vec(),
            Self::Scope => KeyScope::ALL.map(KeyScope::name).to_vec(),
            Self::Bucket => RateBucket::ALL.map(RateBucket::name).to_vec(),
            _ => Vec::new(),
        }
    }
}
