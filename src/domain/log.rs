//! Paging, filters and summary rows of the delivery, event and request logs.

use super::delivery::{AttemptKind, DeliveryState};
use super::event::EventType;
use super::ids::{CompanyId, DeliveryId, EventId, KeyId, SubscriptionId};
use super::time::Timestamp;

/// Approximate maximum size of a serialized page in bytes. A larger page ends early and reports more rows; a page holds
/// at least one row.
pub const MAX_PAGE_BYTES: usize = 4 << 20;

/// Position at which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePosition {
    /// Begins with the newest row.
    Newest,
    /// Begins with the newest row older than this one.
    OlderThan(i64),
    /// Begins with the oldest row newer than this one.
    NewerThan(i64),
}

/// Time range, start and size of a requested page.
#[derive(Debug, Clone, Copy)]
pub struct PageSpec {
    /// Earliest time of a row, inclusive.
    pub since: Option<Timestamp>,
    /// Latest time of a row, exclusive.
    pub until: Option<Timestamp>,
    /// Position at which the page begins.
    pub start: PagePosition,
    /// Maximum number of rows on the page.
    pub limit: u32,
}

impl PageSpec {
    /// Requests the newest rows of any time.
    #[must_use]
    pub const fn newest(limit: u32) -> Self {
        Self { since: None, until: None, start: PagePosition::Newest, limit }
    }
}

/// A page of rows, newest row first.
#[derive(Debug, Clone)]
pub struct RowPage<T> {
    /// Rows of the page, newest first.
    pub items: Vec<T>,
    /// Cursor of the next page of older rows; `None` at the end of the log.
    pub older_than: Option<i64>,
    /// Cursor of the next page of newer rows.
    pub newer_than: i64,
    /// Whether more rows exist or may exist in the requested direction.
    pub has_more: bool,
}

/// Filter on the outcome of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// Attempts answered with 2xx in time.
    Succeeded,
    /// Attempts that ended in any other way.
    Failed,
}

/// Filter of the attempt log; every given condition must match.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    /// Company that owns the subscription.
    pub company: Option<CompanyId>,
    /// Subscription to which the attempt was sent.
    pub subscription: Option<SubscriptionId>,
    /// Event that was delivered, to any subscription.
    pub event: Option<EventId>,
    /// Delivery to which the attempt belongs.
    pub delivery: Option<DeliveryId>,
    /// Type of the delivered event.
    pub event_type: Option<EventType>,
    /// Success or failure of the attempt.
    pub outcome: Option<OutcomeFilter>,
    /// HTTP status of the response.
    pub status: Option<u16>,
    /// Text in the target URL or the error.
    pub text: Option<TextFilter>,
}

/// Text that rows must contain, without regard to the case of ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextFilter {
    /// Searches the stored values, for an operator who sees them unchanged.
    Stored(String),
    /// Searches the values as [`super::url_redaction`] redacts them, so that the matching rows reveal nothing of the omitted
    /// parts.
    Redacted(String),
}

/// Filter of the delivery log; every given condition must match.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Company that owns the subscription.
    pub company: Option<CompanyId>,
    /// Subscription to which the event is delivered.
    pub subscription: Option<SubscriptionId>,
    /// Event that the delivery carries.
    pub event: Option<EventId>,
    /// Type of the delivered event.
    pub event_type: Option<EventType>,
    /// Current state of the delivery.
    pub state: Option<DeliveryState>,
}

/// Filter of the request log; every given condition must match.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Key with which the request was authenticated.
    pub key: Option<KeyId>,
    /// Company that owns the key.
    pub company: Option<CompanyId>,
    /// HTTP status of the response.
    pub status: Option<u16>,
    /// First digit of the HTTP status: 4 for 400 to 499.
    pub class: Option<u8>,
    /// Problem code of the response.
    pub code: Option<String>,
    /// Network address of the caller.
    pub address: Option<String>,
}

/// Summary of a delivery, one row of the delivery log.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySummary {
    /// Number of the delivery, unique on the platform.
    pub id: DeliveryId,
    /// Event that the delivery carries.
    pub event: EventId,
    /// Type of the delivered event.
    pub event_type: EventType,
    /// Subscription to which the event is delivered.
    pub subscription: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Reason for which its attempts are made.
    pub kind: AttemptKind,
    /// Current state of the delivery.
    pub state: DeliveryState,
    /// Number of attempts made so far.
    pub n_attempts: u32,
    /// Time at which the next attempt is or was due.
    pub due_at: Option<Timestamp>,
    /// Time at which the event was published.
    pub created_at: Timestamp,
}

/// Summary of an event, without its envelope.
#[derive(Debug, Clone, Copy)]
pub struct EventSummary {
    /// Number of the event, increasing in the order of publication.
    pub id: EventId,
    /// Company in which the event happened.
    pub company: CompanyId,
    /// Type of the published event.
    pub kind: EventType,
    /// Time at which the event was published.
    pub created_at: Timestamp,
    /// Size of the event's envelope in bytes.
    pub n_bytes: u64,
    /// Number of deliveries of the event.
    pub n_deliveries: u32,
}

/// Identifying parts of a well-formed key that was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RejectedKey {
    /// Company number contained in the key.
    pub company: CompanyId,
    /// Last four characters of the key.
    pub last4: String,
}

/// Maximum number of text bytes in a request log row, whatever the caller sent.
pub const MAX_REQUEST_TEXT: usize = 4_096;

/// A logged request to the Integration API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LoggedRequest {
    /// Time at which the request arrived.
    pub at: Timestamp,
    /// Key and company of an authenticated caller; `None` if the key is missing or unknown.
    pub caller: Option<(KeyId, CompanyId)>,
    /// HTTP method of the request.
    pub method: String,
    /// Route template that the request matched; the requested path is never stored.
    pub route: String,
    /// HTTP status of the response.
    pub status: u16,
    /// Problem code of an error response.
    pub code: Option<String>,
    /// Problem in words; for a poll, its filters and the number of returned events. Never contains a key or a body.
    pub detail: Option<String>,
    /// Stable word for the reason of a refusal, such as the missing scope.
    pub reason: Option<String>,
    /// Identity claimed by a rejected key.
    pub rejected_key: Option<RejectedKey>,
    /// Id of the request, as returned in `X-Request-Id`.
    pub request_id: String,
    /// Duration of the request in milliseconds.
    pub elapsed_ms: u64,
    /// Query string, with values masked that may be personal or secret.
    pub query: Option<String>,
    /// Address of the caller: the peer, or the address named by a trusted proxy.
    pub address: Option<String>,
    /// `User-Agent` header of the caller.
    pub user_agent: Option<String>,
    /// Telling headers of a refusal, as lines `Name: value`; `None` for a success.
    pub answer_headers: Option<String>,
    /// Members of a refusal's problem document that depend on its code, as a JSON object; `None` for other answers.
    pub problem_members: Option<String>,
}

impl LoggedRequest {
    /// Truncates every text to its share of [`MAX_REQUEST_TEXT`].
    #[must_use]
    pub fn truncated(mut self) -> Self {
        for (text, most) in self.texts_with_limits() {
            text.truncate(text.floor_char_boundary(most));
        }
        self
    }

    /// Total size of all texts in bytes.
    #[must_use]
    pub fn n_text_bytes(&self) -> usize {
        let optional = [
            &self.code,
            &self.detail,
            &self.reason,
            &self.query,
            &self.address,
            &self.user_agent,
            &self.answer_headers,
            &self.problem_members,
        ]
        .into_iter()
        .flatten();
        let claimed = self.rejected_key.as_ref().map_or(0, |of| of.last4.len());
        let given = [&self.method, &self.route, &self.request_id].into_iter();
        given.chain(optional).map(String::len).sum::<usize>() + claimed
    }

    /// Every text with its maximum size in bytes.
    fn texts_with_limits(&mut self) -> impl Iterator<Item = (&mut String, usize)> {
        let Self {
            method,
            route,
            code,
            detail,
            reason,
            rejected_key: claimed,
            request_id,
            query,
            address,
            user_agent: agent,
            answer_headers: headers,
            problem_members: members,
            ..
        } = self;
        let last4 = claimed.as_mut().map(|of| &mut of.last4);
        [
            (Some(method), 16),
            (Some(route), 128),
            (code.as_mut(), 64),
            (detail.as_mut(), 944),
            (reason.as_mut(), 80),
            (last4, 16),
            (Some(request_id), 64),
            (query.as_mut(), 512),
            (address.as_mut(), 64),
            (agent.as_mut(), 120),
            (headers.as_mut(), 1_024),
            (members.as_mut(), 1_024),
        ]
        .into_iter()
        .filter_map(|(text, most)| Some((text?, most)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_row_holds_more_text_than_it_may(texts in prop::collection::vec("(?s).{0,600}", 12), times in 1_usize..40) {
            let text = |n: usize| texts[n].repeat(times);
            let request = LoggedRequest {
                at: Timestamp::default(),
                caller: None,
                method: text(0),
                route: text(1),
                status: 404,
                code: Some(text(2)),
                detail: Some(text(3)),
                rejected_key: Some(RejectedKey { company: CompanyId(1), last4: text(4) }),
                request_id: text(5),
                elapsed_ms: 0,
                address: Some(text(6)),
                user_agent: Some(text(7)),
                query: Some(text(8)),
                reason: Some(text(9)),
                answer_headers: Some(text(10)),
                problem_members: Some(text(11)),
            };
            let bounded = request.clone().truncated();
            prop_assert!(bounded.n_text_bytes() <= MAX_REQUEST_TEXT);
            prop_assert!(request.detail.expect("given").starts_with(bounded.detail.as_deref().expect("kept")));
            prop_assert_eq!(bounded.clone().truncated(), bounded);
        }
    }
}
