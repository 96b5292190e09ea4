//! What playbooks rest on: everything that was asked for, each with its query, its time and either what came or why nothing came.

use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::deliveries::{DeliveryRow, EventRow};
use crate::api::keys::KeyRow;
use crate::api::lab::SignatureCheck;
use crate::api::limits::LimitDetail;
use crate::api::report::{Evidence, Subject};
use crate::api::requests::RequestRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::api::trips::TripRow;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// What was learnt, or why not.
pub type Learnt<T> = Result<T, String>;

/// How far back a playbook looks unless told otherwise.
pub const WINDOW: Duration = Duration::from_secs(3_600);

/// What a playbook is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Over what.
    pub subject: Subject,
    /// How far back.
    pub back: Duration,
}

impl Wish {
    /// The last hour of a subject.
    #[must_use]
    pub const fn about(subject: Subject) -> Self {
        Self { subject, back: WINDOW }
    }
}

/// How much of the platform can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sight {
    /// All of it: an operator asks.
    #[default]
    Whole,
    /// What one key sees: its company's subscriptions and events, and the answers to its own calls.
    Own,
}

/// A question to the platform and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<T> {
    /// The call: `GET /portal/v1/requests?status=401`.
    pub query: String,
    /// When it was asked, by the platform's clock.
    pub at: Timestamp,
    /// What came.
    pub found: Learnt<T>,
    /// Whether there is more than was read.
    pub is_cut: bool,
}

impl<T> Asked<T> {
    /// Something that this playbook does not ask for.
    #[must_use]
    pub fn never() -> Self {
        let found = Err("this playbook does not ask for it".to_owned());
        Self { query: String::new(), at: Timestamp::default(), found, is_cut: false }
    }

    /// What came.
    ///
    /// # Errors
    /// What was asked and why nothing came, in one line.
    pub fn get(&self) -> Result<&T, String> {
        self.found.as_ref().map_err(|why| format!("{} gave nothing: {why}", self.query))
    }

    /// Something in the answer, as evidence. A number out of an answer that is not whole is a lower bound.
    #[must_use]
    pub fn evidence(&self, what: &str, value: impl Into<Untrusted>, limit: Option<&str>) -> Evidence {
        let cut = if self.is_cut { " (not all: there are more rows, or some could not be read)" } else { "" };
        let value: Untrusted = value.into();
        let is_bound = self.is_cut && value.raw().bytes().all(|byte| byte.is_ascii_digit());
        Evidence {
            query: format!("{what}, {}{cut}", self.query),
            value: if is_bound { Untrusted::new(format!("at least {}", value.raw())) } else { value },
            limit: limit.map(ToOwned::to_owned),
            at_utc: self.at,
        }
    }
}

/// An attempt that was refused by its receiver, byte by byte, and what the lab makes of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The attempt.
    pub attempt: AttemptRow,
    /// Its bytes.
    pub detail: Asked<AttemptDetail>,
    /// The lab's answer.
    pub check: Asked<SignatureCheck>,
}

/// The latest attempts to one subscription, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempts {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The rows.
    pub rows: Asked<Vec<AttemptRow>>,
}

/// All that was asked. Rows are those of the subject, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// What was to be looked at.
    pub wish: Wish,
    /// How much could be seen.
    pub sight: Sight,
    /// The platform's clock when it was asked; this machine's if the platform did not say.
    pub at: Timestamp,
    /// Keys.
    pub keys: Asked<Vec<KeyRow>>,
    /// Subscriptions with their health.
    pub subscriptions: Asked<Vec<SubscriptionRow>>,
    /// Requests that were answered 400, 401, 403, 429 or 503 in the window.
    pub refused: Asked<Vec<RequestRow>>,
    /// Requests that were answered 200 or 201 in the window.
    pub served: Asked<Vec<RequestRow>>,
    /// Attempts to each subscription that is off or fails, and to those asked for by name.
    pub attempts: Vec<Attempts>,
    /// Attempts that receivers refused, the newest of each subscription.
    pub refusals: Asked<Vec<Refusal>>,
    /// Events of the window.
    pub events: Asked<Vec<EventRow>>,
    /// Deliveries of the window that did not arrive: skipped, exhausted, parked.
    pub undelivered: Asked<Vec<DeliveryRow>>,
    /// Rate windows with who fills them.
    pub limits: Asked<Vec<LimitDetail>>,
    /// Trips.
    pub trips: Asked<Vec<TripRow>>,
}

impl Dossier {
    /// A dossier in which nothing was asked yet.
    #[must_use]
    pub fn empty(wish: Wish, at: Timestamp) -> Self {
        Self {
            wish,
            sight: Sight::Whole,
            at,
            keys: Asked::never(),
            subscriptions: Asked::never(),
            refused: Asked::never(),
            served: Asked::never(),
            attempts: Vec::new(),
            refusals: Asked::never(),
            events: Asked::never(),
            undelivered: Asked::never(),
            limits: Asked::never(),
            trips: Asked::never(),
        }
    }

    /// Where the window begins.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.at.minus(self.wish.back)
    }

    /// The key of that number.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&KeyRow> {
        self.keys.found.as_ref().ok()?.iter().find(|key| key.id == id)
    }

    /// How people call a key: `Zapier Production (…aZ3k)`.
    #[must_use]
    pub fn key_name(&self, id: Option<KeyId>) -> String {
        match id.and_then(|id| self.key(id)) {
            Some(key) => format!("{} (\u{2026}{})", key.name.inert(), key.last4.inert()),
            None => id.map_or_else(|| "an unknown key".to_owned(), |id| format!("key {id}")),
        }
    }

    /// How people call who made a request: by its key, else by what the key ends in.
    #[must_use]
    pub fn caller(&self, row: &RequestRow) -> String {
        match (row.key_id, &row.last4) {
            (None, Some(last4)) => format!("the key that ends in {}", last4.inert()),
            (id, _) => self.key_name(id),
        }
    }

    /// Subscriptions of a company.
    pub fn subscriptions_of(&self, company: CompanyId) -> impl Iterator<Item = &SubscriptionRow> {
        let all = self.subscriptions.found.as_ref().map_or(&[][..], Vec::as_slice);
        all.iter().filter(move |row| row.subscription.company_id == company)
    }
}
