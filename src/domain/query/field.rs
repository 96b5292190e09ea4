//! The fields that can be asked for: their names, what their values are, and in one line what they mean.

use crate::domain::delivery::{Kind, State};
use crate::domain::event::EventType;
use crate::domain::key::Scope;
use crate::domain::window::Bucket;

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Whole numbers: all comparisons, alternatives and spans.
    Number,
    /// One word of a closed list.
    Word,
    /// Text, searched for a part of it.
    Text,
    /// A moment, absolute or so long ago.
    Moment,
}

macro_rules! fields {
    ($($name:ident $word:literal $sort:ident $doc:literal),+ $(,)?) => {
        /// A field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $doc] $name),+
        }

        impl Field {
            /// All of them, in the order of completion.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in a query.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// What its values are.
            #[must_use]
            pub const fn sort(self) -> Sort {
                match self { $(Self::$name => Sort::$sort),+ }
            }

            /// What it means, in a few words.
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

/// A row's state, by the words of the screen in lower case.
const STANDINGS: [&str; 6] = ["ok", "wrn", "err", "trp", "off", "unk"];

impl Field {
    /// The field of that name, also of a longer one that people try first.
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

    /// The words it can be, if they are a closed list.
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
