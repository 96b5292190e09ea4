//! Fields of queries: their names, the kinds of their values and short explanations.

use crate::domain::delivery::{Kind, State};
use crate::domain::event::EventType;
use crate::domain::key::Scope;
use crate::domain::window::Bucket;

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

            /// Kind of the field's values.
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
    Status "status" Number "the answer's status: 503, 5xx, 500..504",
    State "state" Word "ok wrn err trp off unk, or a delivery's state",
    Outcome "outcome" Word "success or failure",
    Type "type" Word "the event's type, payment.* for all of a kind",
    Kind "kind" Word "what an attempt was for",
    Company "company" Number "the company's number",
    Subscription "sub" Number "the subscription's number",
    Event "event" Number "the event's number",
    Delivery "delivery" Number "the delivery's number",
    Key "key" Number "the key's number",
    Id "id" Number "the row's own number",
    Since "since" Moment "at or after: 15m, 14:02, 2026-11-23",
    Until "until" Moment "before: 15m, 14:02, 2026-11-23",
    Ms "ms" Number "how long it took, in milliseconds",
    Try "try" Number "which try it was, 1 for the first",
    Streak "streak" Number "failures in a row",
    Target "target" Text "where it goes",
    Cause "cause" Text "why no answer came: timeout, dns, tls",
    Name "name" Text "the name of a key or a company",
    Managed "managed" Text "the tool that owns it",
    Scope "scope" Word "what a key may do",
    Bucket "bucket" Word "read, write or admin",
    Used "used" Number "calls in the window or the last minute",
    Left "left" Number "what is left of a window, in percent",
    Code "code" Text "the problem's code",
    Route "route" Text "the route that was called",
    Method "method" Text "the request's method",
}

/// Codes of the health statuses, which the field `state` accepts besides delivery states.
const STANDINGS: [&str; 6] = ["ok", "wrn", "err", "trp", "off", "unk"];

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

    /// Permitted words of a closed list; empty for other kinds of values.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::State => STANDINGS.into_iter().chain(State::ALL.map(State::name)).collect(),
            Self::Outcome => vec!["success", "failure"],
            Self::Type => EventType::ALL.map(EventType::name).to_vec(),
            Self::Kind => Kind::ALL.map(Kind::name).to_vec(),
            Self::Scope => Scope::ALL.map(Scope::name).to_vec(),
            Self::Bucket => Bucket::ALL.map(Bucket::name).to_vec(),
            _ => Vec::new(),
        }
    }
}
