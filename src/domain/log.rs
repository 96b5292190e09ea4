//! The logs of the platform: what can be asked of them, and the lines that operators read.

use super::delivery::{Kind, State};
use super::event::EventType;
use super::ids::{CompanyId, DeliveryId, EventId, KeyId, SubscriptionId};
use super::time::Timestamp;

/// Bytes of a page as it is written, about: one that would have more ends earlier, and says that there is more. One row it always has.
pub const MAX_PAGE_BYTES: usize = 4 << 20;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With the newest row.
    Newest,
    /// With the newest row older than this one.
    OlderThan(i64),
    /// With the oldest row newer than this one.
    NewerThan(i64),
}

/// Which part of a log.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Rows at or after this time.
    pub since: Option<Timestamp>,
    /// Rows before this time.
    pub until: Option<Timestamp>,
    /// Where to begin.
    pub place: Place,
    /// Rows at most.
    pub limit: u32,
}

/// A page, newest row first.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where older rows go on; none at the end of the log.
    pub older_than: Option<i64>,
    /// Where newer rows go on.
    pub newer_than: i64,
    /// Whether there are or may be more rows in the direction that was asked for.
    pub has_more: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// 2xx in time.
    Well,
    /// In any other way.
    Badly,
}

/// Which attempts.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    /// Of a company.
    pub company: Option<CompanyId>,
    /// To a subscription.
    pub subscription: Option<SubscriptionId>,
    /// Of an event, to whichever subscription.
    pub event: Option<EventId>,
    /// Of a delivery.
    pub delivery: Option<DeliveryId>,
    /// Of events of a type.
    pub event_type: Option<EventType>,
    /// How they ended.
    pub ended: Option<Ended>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// With this in the target or in the error, whatever the case of its ASCII letters.
    pub text: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of a company.
    pub company: Option<CompanyId>,
    /// To a subscription.
    pub subscription: Option<SubscriptionId>,
    /// Of an event.
    pub event: Option<EventId>,
    /// Of events of a type.
    pub event_type: Option<EventType>,
    /// That stand so.
    pub state: Option<State>,
}

/// Which requests.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Of a key.
    pub key: Option<KeyId>,
    /// Of a company.
    pub company: Option<CompanyId>,
    /// Answered with this status.
    pub status: Option<u16>,
    /// Answered with a status of this class: 4 for 400 to 499.
    pub class: Option<u8>,
    /// Answered with this problem.
    pub code: Option<String>,
    /// From this address.
    pub address: Option<String>,
}

/// A delivery in one line.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// Which event.
    pub event: EventId,
    /// What the event was.
    pub event_type: EventType,
    /// To which subscription.
    pub subscription: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// What its attempts are for.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Attempts made so far.
    pub n_attempts: u32,
    /// When the next one is or was due.
    pub due_at: Option<Timestamp>,
    /// When the event happened.
    pub created_at: Timestamp,
}

/// An event without its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Happened {
    /// Its number.
    pub id: EventId,
    /// Whose.
    pub company: CompanyId,
    /// What.
    pub kind: EventType,
    /// When.
    pub created_at: Timestamp,
    /// The length of its envelope.
    pub n_bytes: u64,
    /// Deliveries that it led to.
    pub n_deliveries: u32,
}

/// What can be told of a key that was refused although it has the form of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The company in it.
    pub company: CompanyId,
    /// Its last four characters.
    pub last4: String,
}

/// Bytes of text in a row of the request log at most, whatever its caller chose.
pub const MAX_REQUEST_TEXT: usize = 2_048;

/// A request to the Integration API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// Whose key it carried, if it was one of ours.
    pub caller: Option<(KeyId, CompanyId)>,
    /// Its method.
    pub method: String,
    /// The route it matched, with its placeholders; the path that was asked for is never stored.
    pub route: String,
    /// The answer's status.
    pub status: u16,
    /// The problem's code, if it was one.
    pub code: Option<String>,
    /// The problem in words; of a poll, what it was narrowed to and how much it got. Never a key, never a body.
    pub detail: Option<String>,
    /// Which key a refused one claimed to be.
    pub claimed: Option<Claimed>,
    /// Its id.
    pub request_id: String,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Its query, with the values masked that may be personal or secret.
    pub query: Option<String>,
    /// The caller's address: the peer's, or the one that a trusted proxy names.
    pub address: Option<String>,
    /// What the caller said it was.
    pub agent: Option<String>,
}

impl Request {
    /// The same with each text cut to its share of [`MAX_REQUEST_TEXT`].
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for (text, most) in self.texts() {
            text.truncate(text.floor_char_boundary(most));
        }
        self
    }

    /// Bytes of its texts.
    #[must_use]
    pub fn n_text_bytes(&self) -> usize {
        let optional = [&self.code, &self.detail, &self.query, &self.address, &self.agent].into_iter().flatten();
        let claimed = self.claimed.as_ref().map_or(0, |of| of.last4.len());
        let given = [&self.method, &self.route, &self.request_id].into_iter();
        given.chain(optional).map(String::len).sum::<usize>() + claimed
    }

    /// Every text, and how many bytes of it are kept.
    fn texts(&mut self) -> impl Iterator<Item = (&mut String, usize)> {
        let Self { method, route, code, detail, claimed, request_id, query, address, agent, .. } = self;
        let last4 = claimed.as_mut().map(|of| &mut of.last4);
        [
            (Some(method), 16),
            (Some(route), 128),
            (code.as_mut(), 64),
            (detail.as_mut(), 1_024),
            (last4, 16),
            (Some(request_id), 64),
            (query.as_mut(), 512),
            (address.as_mut(), 64),
            (agent.as_mut(), 120),
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
        fn no_row_holds_more_text_than_it_may(texts in prop::collection::vec("(?s).{0,600}", 9), times in 1_usize..40) {
            let text = |n: usize| texts[n].repeat(times);
            let request = Request {
                at: Timestamp::default(),
                caller: None,
                method: text(0),
                route: text(1),
                status: 404,
                code: Some(text(2)),
                detail: Some(text(3)),
                claimed: Some(Claimed { company: CompanyId(1), last4: text(4) }),
                request_id: text(5),
                elapsed_ms: 0,
                address: Some(text(6)),
                agent: Some(text(7)),
                query: Some(text(8)),
            };
            let bounded = request.clone().bounded();
            prop_assert!(bounded.n_text_bytes() <= MAX_REQUEST_TEXT);
            prop_assert!(request.detail.expect("given").starts_with(bounded.detail.as_deref().expect("kept")));
            prop_assert_eq!(bounded.clone().bounded(), bounded);
        }
    }
}
