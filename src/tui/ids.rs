//! Identities of the console: panes, rows, main views, drill-downs and forms.

use crate::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId, TripId};
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::sync::logs::LogName;
use crate::text;
use crate::wire::coverage::CoveredNoun;
use crate::wire::log::{AttemptQuery, RequestQuery};
use std::fmt;
use std::time::Duration;

/// Pane with a list of rows: five on the dashboard, and the logs of events and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// API keys with their use.
    Keys,
    /// Webhook subscriptions with their health.
    Subscriptions,
    /// Rate limits of each key and bucket.
    Limits,
    /// History of the circuit breaker.
    Trips,
    /// Log of delivery attempts, newest first.
    Deliveries,
    /// Log of events, newest first.
    Events,
    /// Log of Integration API requests, newest first.
    Requests,
}

impl Pane {
    /// All panes, in the order of the focus.
    pub const ALL: [Self; 7] =
        [Self::Keys, Self::Subscriptions, Self::Limits, Self::Trips, Self::Deliveries, Self::Events, Self::Requests];
    /// Panes of the dashboard, in the order of the focus.
    pub const DASHBOARD: [Self; 5] = [Self::Keys, Self::Subscriptions, Self::Limits, Self::Trips, Self::Deliveries];

    /// Title of the pane: its key and its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Keys => "2 Keys",
            Self::Subscriptions => "3 Subscriptions",
            Self::Deliveries => "4 Deliveries",
            Self::Events => "5 Events",
            Self::Limits => "6 Limits",
            Self::Trips => "7 Trips",
            Self::Requests => "8 Requests",
        }
    }

    /// Noun of the platform that the rows are.
    #[must_use]
    pub const fn noun(self) -> CoveredNoun {
        match self {
            Self::Keys => CoveredNoun::Keys,
            Self::Subscriptions => CoveredNoun::Subscriptions,
            Self::Deliveries => CoveredNoun::Attempts,
            Self::Events => CoveredNoun::Events,
            Self::Limits => CoveredNoun::Limits,
            Self::Trips => CoveredNoun::Trips,
            Self::Requests => CoveredNoun::Requests,
        }
    }

    /// Log that the rows are paged from, newest first; `None` for a list, which the snapshot holds.
    #[must_use]
    pub const fn log(self) -> Option<LogName> {
        match self {
            Self::Deliveries => Some(LogName::Attempts),
            Self::Events => Some(LogName::Events),
            Self::Trips => Some(LogName::Trips),
            Self::Requests => Some(LogName::Requests),
            Self::Keys | Self::Subscriptions | Self::Limits => None,
        }
    }

    /// Pane `by` places after this one among `among`, wrapping around the end.
    #[must_use]
    pub fn stepped(self, by: usize, among: &[Self]) -> Self {
        let at = among.iter().position(|pane| *pane == self).unwrap_or(0);
        among.get((at + by) % among.len().max(1)).copied().unwrap_or(self)
    }

    /// Whether the rows are a log that is paged, newest first.
    #[must_use]
    pub const fn is_log(self) -> bool {
        self.log().is_some()
    }
}

/// Id of a row in any pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowId {
    /// Key, by its number on the platform.
    Key(KeyId),
    /// Subscription, by its number on the platform.
    Subscription(SubscriptionId),
    /// Attempt, by its number on the platform.
    Attempt(AttemptId),
    /// Rate window of a key's bucket.
    Window(KeyId, RateBucket),
    /// Trip, by its number on the platform.
    Trip(TripId),
    /// Event, by its number on the platform.
    Event(EventId),
    /// Request, by its position in the request log.
    Request(i64),
}

impl RowId {
    /// Pane that shows the row.
    #[must_use]
    pub const fn pane(self) -> Pane {
        match self {
            Self::Key(_) => Pane::Keys,
            Self::Subscription(_) => Pane::Subscriptions,
            Self::Attempt(_) => Pane::Deliveries,
            Self::Window(..) => Pane::Limits,
            Self::Trip(_) => Pane::Trips,
            Self::Event(_) => Pane::Events,
            Self::Request(_) => Pane::Requests,
        }
    }

    /// Number of the item; for a window, the number of its key.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Key(KeyId(id)) | Self::Window(KeyId(id), _) => id,
            Self::Subscription(SubscriptionId(id)) => id,
            Self::Attempt(AttemptId(id)) => id,
            Self::Trip(TripId(id)) => id,
            Self::Event(EventId(id)) => id,
            Self::Request(id) => id,
        }
    }

    /// Kind of the row in one word.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Subscription(_) => "subscription",
            Self::Attempt(_) => "attempt",
            Self::Window(..) => "window",
            Self::Trip(_) => "trip",
            Self::Event(_) => "event",
            Self::Request(_) => "request",
        }
    }

    /// Parses what [`Display`](fmt::Display) writes; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut words = name.split(' ');
        let (noun, id) = (words.next()?, words.next()?.parse().ok()?);
        Some(match noun {
            "key" => Self::Key(KeyId(id)),
            "subscription" => Self::Subscription(SubscriptionId(id)),
            "attempt" => Self::Attempt(AttemptId(id)),
            "trip" => Self::Trip(TripId(id)),
            "event" => Self::Event(EventId(id)),
            "request" => Self::Request(id),
            "window" => {
                let bucket = words.next()?;
                Self::Window(KeyId(id), RateBucket::ALL.into_iter().find(|known| known.name() == bucket)?)
            }
            _ => return None,
        })
    }
}

/// Kind and number, such as `subscription 17`; for a window also its bucket.
impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.noun();
        let text = match self {
            Self::Window(_, bucket) => format!("{noun} {} {bucket}", self.number()),
            _ => format!("{noun} {}", self.number()),
        };
        f.pad(&text)
    }
}

/// Main view below all overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MainView {
    /// Dashboard: all of its panes at once, as far as there is room.
    Overview,
    /// Focused pane alone, on the whole body.
    Single,
}

/// Drill-down to the log rows that belong to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillDown {
    /// Requests made with a key.
    Key(KeyId),
    /// Attempts to a subscription's endpoint.
    Subscription(SubscriptionId),
    /// Attempts to a subscription until it tripped at this time.
    Trip(SubscriptionId, Timestamp),
    /// Attempts that deliver an event.
    Event(EventId),
}

impl DrillDown {
    /// Pane that shows the rows.
    #[must_use]
    pub const fn pane(self) -> Pane {
        match self {
            Self::Key(_) => Pane::Requests,
            Self::Subscription(_) | Self::Trip(..) | Self::Event(_) => Pane::Deliveries,
        }
    }

    /// Restricts a log query to the rows of this drill-down.
    pub fn restrict(self, attempts: &mut AttemptQuery, requests: &mut RequestQuery) {
        match self {
            Self::Key(id) => requests.key = Some(id.0),
            Self::Subscription(id) => attempts.subscription = Some(id.0),
            Self::Trip(id, at) => {
                attempts.subscription = Some(id.0);
                // The attempt that caused the trip began before the trip, so it is included.
                attempts.until = Some(at.plus(Duration::from_millis(1)));
            }
            Self::Event(id) => attempts.event = Some(id.0),
        }
    }

    /// Name of the item that the rows belong to, for titles.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Key(id) => format!("key {id}"),
            Self::Subscription(id) => format!("subscription {id}"),
            Self::Trip(id, at) => format!("subscription {id} until {}", at.format("%m-%d %H:%M:%S")),
            Self::Event(id) => format!("event {}", text::number(id.0)),
        }
    }
}

/// Purpose of a form: what it creates or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormPurpose {
    /// Create a company with a name.
    Company,
    /// Create an API key with scopes.
    Key,
    /// Create an operator with a role.
    Operator,
    /// Emit a sample event of a type.
    Event,
    /// Set the rate limits of a key.
    Limits(KeyId),
    /// Replay a time range of a subscription's deliveries.
    Replay(SubscriptionId),
    /// Disable the selected or marked subscriptions.
    Disable,
    /// Set the reason why a subscription was disabled manually.
    DisableReason(SubscriptionId),
    /// Acknowledge the selected alert, with an optional note.
    Acknowledge,
    /// Say what a ticket reports, and for whom it is; it changes nothing.
    Ticket,
}

impl FormPurpose {
    /// Label of the form's entry in menus.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Company => "Create a company …",
            Self::Key => "Create a key …",
            Self::Operator => "Create an operator …",
            Self::Event => "Emit a sample event …",
            Self::Limits(_) => "Set rate limits …",
            Self::Replay(_) => "Replay deliveries …",
            Self::Disable => "Disable …",
            Self::DisableReason(_) => "Add a reason …",
            Self::Acknowledge => "Acknowledge …",
            Self::Ticket => "Collect a ticket …",
        }
    }
}
