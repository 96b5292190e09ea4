//! Pollers of events, watched as their polls are logged: the latest polls of each system.

use super::event::EventType;
use super::event_poll::{EventPoll, MAX_STALL_PERIOD, PollStall, PollStreak, query_values};
use super::ids::{CompanyId, KeyId};
use super::log::LoggedRequest;
use super::time::Timestamp;
use std::collections::HashMap;

/// Route of polls, as it is logged.
const POLL_ROUTE: &str = "/api/v1/events";
/// Problem code of a poll whose cursor is invalid.
const INVALID_CURSOR: &str = "invalid_cursor";
/// Maximum number of pollers that are watched.
const MAX_POLLERS: usize = 4_096;
/// Maximum number of pollers of one key that are watched.
const MAX_POLLERS_PER_KEY: usize = 64;

/// One system that polls events of the same types with a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PollerId {
    key: KeyId,
    company: CompanyId,
    address: Option<String>,
    agent: Option<String>,
    types: String,
}

/// Watch over all pollers. Kept in memory: after a restart a poller needs as many polls as at first until it is found
/// again.
#[derive(Debug, Default)]
pub struct PollWatch {
    pollers: HashMap<PollerId, PollStreak>,
}

/// Poller without progress, as far as its polls show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckPoller {
    /// Key that the poller calls with.
    pub key: KeyId,
    /// Company of the key.
    pub company: CompanyId,
    /// Event types that it asks for; all if empty.
    pub types: Vec<EventType>,
    /// Fault of its latest polls.
    pub fault: PollStall,
    /// Number of polls in a row with the fault.
    pub n: u64,
    /// Time of the first of them.
    pub began_at: Timestamp,
    /// Time that an event of these types must have for the fault to matter; `None` if it matters anyway.
    pub excludes_since: Option<Timestamp>,
}

impl PollWatch {
    /// Notes a request, if it polls events with a key. Refusals for another reason than the cursor say nothing about
    /// progress. Where a key, or all keys, have as many
    /// pollers as are watched, those that stopped make room; if all poll, a new one is not watched.
    pub fn note(&mut self, request: &LoggedRequest) {
        let Some((key, company)) = request.caller.filter(|_| request.method == "GET" && request.route == POLL_ROUTE)
        else {
            return;
        };
        let query = request.query.as_deref();
        let page = match (request.status, request.detail.as_deref()) {
            (200, Some(logged)) => EventPoll::read(query, logged),
            _ => None,
        };
        let is_invalid = request.status == 400 && request.code.as_deref() == Some(INVALID_CURSOR);
        if page.is_none() && !is_invalid {
            return;
        }
        let id = PollerId {
            key,
            company,
            address: request.address.clone(),
            agent: request.user_agent.clone(),
            types: query_values(query.unwrap_or_default(), "type").collect::<Vec<_>>().join(","),
        };
        let pollers = &mut self.pollers;
        if !pollers.contains_key(&id) {
            let has_room = |pollers: &HashMap<PollerId, PollStreak>| {
                let n_of_key = pollers.keys().filter(|other| other.key == key).count();
                pollers.len() < MAX_POLLERS && n_of_key < MAX_POLLERS_PER_KEY
            };
            if !has_room(pollers) {
                pollers.retain(|_, streak| request.at.since(streak.last_at()) < MAX_STALL_PERIOD);
            }
            if !has_room(pollers) {
                return;
            }
        }
        let streak = pollers.entry(id).or_default();
        match page {
            Some(page) => streak.add_page(&page, request.at),
            None => streak.add_invalid_cursor(request.at),
        }
    }

    /// Lists the pollers that make no progress at `now`, in the order of their keys, worst first.
    #[must_use]
    pub fn stuck(&self, now: Timestamp) -> Vec<StuckPoller> {
        let stalled = |(id, streak): (&PollerId, &PollStreak)| {
            let (fault, n) = streak.stall(now)?;
            Some(StuckPoller {
                key: id.key,
                company: id.company,
                types: id.types.split(',').filter_map(|name| EventType::named(name.trim())).collect(),
                fault,
                n,
                began_at: streak.first_at(),
                excludes_since: streak.excludes_since(),
            })
        };
        let mut stuck: Vec<StuckPoller> = self.pollers.iter().filter_map(stalled).collect();
        stuck.sort_by_key(|of| (of.key, std::cmp::Reverse((of.n, of.began_at)), of.fault, of.types.len()));
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn poll(key: i64, agent: &str, query: &str, answer: Result<&str, &str>, at: u64) -> LoggedRequest {
        LoggedRequest {
            at: Timestamp::from_millis(0).plus(Duration::from_secs(at)),
            caller: Some((KeyId(key), CompanyId(1))),
            method: "GET".to_owned(),
            route: POLL_ROUTE.to_owned(),
            status: if answer.is_ok() { 200 } else { 400 },
            code: answer.err().map(ToOwned::to_owned),
            detail: Some(answer.unwrap_or("refused").to_owned()),
            query: Some(query.to_owned()),
            user_agent: Some(agent.to_owned()),
            ..LoggedRequest::default()
        }
    }

    #[test]
    fn each_system_of_a_key_is_watched_on_its_own() {
        let mut watch = PollWatch::default();
        for at in 0..9 {
            // The cursor of each moves or stays, whatever the other one does.
            watch.note(&poll(1, "stuck", "cursor=a", Ok("hasMore=true;n=50"), at));
            watch.note(&poll(1, "fine", &format!("cursor=a{at}"), Ok("hasMore=true;n=50"), at));
            watch.note(&poll(1, "idle", "cursor=z", Ok("hasMore=false;n=0"), at));
            watch.note(&poll(2, "old", "cursor=x", Err(INVALID_CURSOR), at));
            watch.note(&poll(2, "stuck", "type=lead.created&cursor=x", Ok("type=lead.created;hasMore=false;n=2"), at));
            watch.note(&poll(3, "wrong", "cursor=x", Err("validation_failed"), at));
        }
        let now = Timestamp::from_millis(8_000);
        let found = watch.stuck(now);
        let told: Vec<_> = found.iter().map(|of| (of.key.0, of.fault, of.n, of.types.len())).collect();
        assert_eq!(
            told,
            [(1, PollStall::SamePage, 9, 0), (2, PollStall::InvalidCursor, 9, 0), (2, PollStall::SamePage, 9, 1)]
        );
        assert!(found.iter().all(|of| of.began_at == Timestamp::from_millis(0) && of.excludes_since.is_none()));
        watch.note(&poll(1, "stuck", "cursor=b", Ok("hasMore=false;n=3"), 9));
        assert_eq!(watch.stuck(now).first().map(|of| of.key), Some(KeyId(2)), "it went on");
        assert_eq!(watch.stuck(now.plus(Duration::from_secs(3_600))), []);
    }

    #[test]
    fn pollers_without_end_take_no_more_than_their_room() {
        let mut watch = PollWatch::default();
        for n in 0..10_000 {
            watch.note(&poll(n, "many", "", Ok("hasMore=false;n=0"), 0));
        }
        assert_eq!(watch.pollers.len(), MAX_POLLERS);
        (0..100).for_each(|n| watch.note(&poll(1, &format!("agent/{n}"), "", Ok("hasMore=false;n=0"), 5_000)));
        assert_eq!(
            watch.pollers.len(),
            MAX_POLLERS_PER_KEY,
            "those that stopped made room, for one key not without end"
        );
        watch.note(&poll(2, "later", "", Ok("hasMore=false;n=0"), 5_000));
        assert_eq!(watch.pollers.len(), MAX_POLLERS_PER_KEY + 1, "another key has its own");
    }
}
