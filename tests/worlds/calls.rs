//! Callers of the Integration API: pollers, forms, imports and scanners, and the platform that answers and logs them.

use crate::dice::Dice;
use crate::plan::Plan;
use crow::domain::ids::{CompanyId, KeyId};
use crow::domain::scope::KeyScope;
use crow::domain::time::{MINUTE_MS, Timestamp};
use crow::domain::window::RateBucket;
use crow::wire::deliveries::EventRow;
use crow::wire::paths;
use crow::wire::requests::RequestRow;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a caller sends as its key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sent {
    /// A key of the plan, unless it is revoked by then.
    Key(KeyId),
    /// A well-formed key that the platform does not know: its company and last four characters.
    Unknown(CompanyId, String),
    /// A text that is not a key, with the word of its defect.
    Malformed(&'static str),
    /// A key in another place, with its word.
    Misplaced(&'static str),
    /// Nothing.
    Nothing,
}

/// How a poller asks for events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Polling {
    /// Follows the cursor of the last page.
    Cursor,
    /// Asks for events since its last poll.
    Since,
    /// Asks for the newest events, as Zapier does.
    Newest,
    /// Asks since so many seconds after now.
    Future(i64),
    /// Asks until a time.
    Until(Timestamp),
    /// Asks for the first page, without a cursor, of so many events.
    FirstPage(u64),
    /// Asks since so many seconds before its poll, less than the interval, so that events fall between.
    Late(i64),
}

/// A call that is refused whatever the key: status, code, reason and words.
pub(crate) type Refusal = (u16, &'static str, Option<&'static str>, &'static str);

/// One call that a caller makes.
#[derive(Debug, Clone)]
pub(crate) struct PlannedCall {
    pub(crate) at: Timestamp,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) scope: KeyScope,
    pub(crate) polling: Option<(Polling, Vec<&'static str>)>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) elapsed_ms: u64,
    /// Whether the fault of the world shows in this call, if it is refused.
    pub(crate) is_fault: bool,
}

impl PlannedCall {
    pub(crate) fn new(at: Timestamp, method: &'static str, route: &'static str, scope: KeyScope) -> Self {
        Self { at, method, route, scope, polling: None, refusal: None, elapsed_ms: 6, is_fault: false }
    }

    pub(crate) fn poll(at: Timestamp, polling: Polling, types: Vec<&'static str>) -> Self {
        Self { polling: Some((polling, types)), ..Self::new(at, "GET", paths::EVENTS, KeyScope::EventsRead) }
    }

    pub(crate) fn lead(at: Timestamp) -> Self {
        Self::new(at, "POST", paths::LEADS, KeyScope::IntegrationsWrite)
    }

    pub(crate) fn refused(self, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    pub(crate) fn fault(self) -> Self {
        Self { is_fault: true, ..self }
    }
}

/// A calling system.
pub(crate) struct CallerPlan {
    pub(crate) address: String,
    pub(crate) agent: &'static str,
    /// What is sent as the key, from each time on.
    pub(crate) sent: Vec<(Timestamp, Sent)>,
    pub(crate) calls: Vec<PlannedCall>,
}

impl CallerPlan {
    pub(crate) fn new(dice: &mut Dice, agent: &'static str, sent: Sent) -> Self {
        let address = format!("198.51.100.{}", dice.between(1, 250));
        Self { address, agent, sent: vec![(Timestamp::from_millis(0), sent)], calls: Vec::new() }
    }

    fn sent_at(&self, at: Timestamp) -> &Sent {
        self.sent.iter().rev().find(|(from, _)| *from <= at).map_or(&Sent::Nothing, |(_, sent)| sent)
    }

    /// Adds a call each `seconds`, with some irregularity, between two times.
    pub(crate) fn each(
        &mut self,
        dice: &mut Dice,
        seconds: i64,
        (from, until): (Timestamp, Timestamp),
        call: impl Fn(Timestamp) -> PlannedCall,
    ) {
        let mut at = from.plus(Duration::from_millis(dice.between(0, seconds * 1_000).unsigned_abs()));
        while at < until {
            self.calls.push(call(at));
            at = at.plus(Duration::from_millis(dice.between(seconds * 900, seconds * 1_100).unsigned_abs()));
        }
    }
}

/// A logged call, and whether it shows the fault of the world.
#[derive(Debug, Clone)]
pub(crate) struct ModelCall {
    pub(crate) row: RequestRow,
    pub(crate) is_fault: bool,
}

/// Answers all calls of a plan in their order, as the platform does, and logs them.
pub(crate) fn answer(plan: &Plan, events: &[EventRow], mut dice: Dice) -> Vec<ModelCall> {
    let mut calls: Vec<(Timestamp, usize, usize)> = Vec::new();
    for (caller, of) in plan.callers.iter().enumerate() {
        calls.extend(of.calls.iter().enumerate().map(|(n, call)| (call.at, caller, n)));
    }
    calls.sort_unstable();
    let mut desk = FrontDesk { plan, events, windows: BTreeMap::new(), positions: BTreeMap::new(), log: Vec::new() };
    for (_, caller, n) in calls {
        desk.answer(&mut dice, caller, n);
    }
    desk.log
}

struct FrontDesk<'p> {
    plan: &'p Plan,
    events: &'p [EventRow],
    windows: BTreeMap<(KeyId, RateBucket, Timestamp), u32>,
    /// Last poll and number of events seen of each caller.
    positions: BTreeMap<usize, (Timestamp, u64)>,
    log: Vec<ModelCall>,
}

impl FrontDesk<'_> {
    fn answer(&mut self, dice: &mut Dice, caller: usize, n: usize) {
        let of = &self.plan.callers[caller];
        let call = of.calls[n].clone();
        let sent = of.sent_at(call.at).clone();
        let key = match &sent {
            Sent::Key(id) => self.plan.keys.iter().find(|key| key.id == *id),
            _ => None,
        };
        let mut row = RequestRow {
            id: self.log.len() as i64 + 1,
            utc: call.at,
            key_id: None,
            company_id: None,
            last4: None,
            method: call.method.into(),
            route: call.route.into(),
            status: Some(200),
            code: None,
            detail: None,
            reason: None,
            claimed_company_id: None,
            claimed_last4: None,
            query: None,
            address: Some(of.address.as_str().into()),
            user_agent: Some(of.agent.into()),
            answer_headers: None,
            problem: None,
            own_call: None,
            caller_name: None,
            request_id: Some(format!("req_{}", self.log.len() + 1).into()),
            elapsed_ms: call.elapsed_ms + dice.below(8),
        };
        let refusal: Option<Refusal> = match (&sent, key) {
            _ if call.refusal.is_some_and(|(status, ..)| matches!(status, 404 | 405)) && sent == Sent::Nothing => {
                call.refusal
            }
            (Sent::Nothing, _) => Some((401, "missing_key", None, "send the key in the header X-Api-Key")),
            (Sent::Misplaced(place), _) => {
                Some((401, "missing_key", Some(place), "send the key in the header X-Api-Key"))
            }
            (Sent::Malformed(defect), _) => Some((401, "malformed_key", Some(defect), "the key is not well-formed")),
            (Sent::Unknown(company, last4), _) => {
                (row.claimed_company_id, row.claimed_last4) = (Some(*company), Some(last4.as_str().into()));
                Some((401, "unknown_key", None, "unknown key; copy it again, or ask for a new one"))
            }
            (Sent::Key(_), Some(key)) if key.revoked_utc.is_some_and(|at| at <= call.at) => {
                (row.claimed_company_id, row.claimed_last4) = (Some(key.company_id), Some(key.last4.clone()));
                Some((401, "revoked_key", None, "this key was revoked; create a new one"))
            }
            (Sent::Key(_), Some(key)) => {
                (row.key_id, row.company_id, row.last4) = (Some(key.id), Some(key.company_id), Some(key.last4.clone()));
                self.refused_by_platform(dice, key.id, &call)
            }
            (Sent::Key(_), None) => None,
        };
        match refusal {
            Some((status, code, reason, words)) => {
                row.status = Some(status);
                row.code = Some(code.into());
                row.reason = reason.map(Into::into);
                row.detail = Some(words.into());
                if code == "insufficient_scope" {
                    row.reason = Some(call.scope.name().into());
                }
            }
            None => row.status = Some(if call.method == "POST" { 201 } else { 200 }),
        }
        if let Some((polling, types)) = &call.polling {
            self.poll(caller, &mut row, polling, types);
        }
        let is_fault = call.is_fault || row.is_server_error();
        self.log.push(ModelCall { row, is_fault });
    }

    /// Refusal of a call whose key is in force.
    fn refused_by_platform(&mut self, dice: &mut Dice, key: KeyId, call: &PlannedCall) -> Option<Refusal> {
        let row = self.plan.keys.iter().find(|row| row.id == key).expect("a key");
        let bucket = match (call.method, call.route) {
            ("GET", _) => RateBucket::Read,
            (_, paths::SUBSCRIPTIONS | paths::SUBSCRIPTION) => RateBucket::Admin,
            _ => RateBucket::Write,
        };
        let limit = row.limits.expect("limits").for_bucket(bucket);
        let before = self.plan.lowered.filter(|(of, at, _)| *of == key && call.at < *at && bucket == RateBucket::Read);
        let limit = before.map_or(limit, |(.., before)| before);
        let used = self.windows.entry((key, bucket, call.at.floor_to(MINUTE_MS))).or_default();
        if *used >= limit {
            return Some((429, "rate_limited", None, "the rate limit is used up; wait for Retry-After"));
        }
        *used += 1;
        if !row.scopes.contains(&call.scope) {
            return Some((403, "insufficient_scope", None, "this key lacks a scope"));
        }
        if call.refusal.is_some() {
            return call.refusal;
        }
        let outage = self.plan.outages.iter().find(|outage| {
            let is_route = outage.route.map_or(call.method != "GET", |route| route == (call.method, call.route));
            is_route && call.at >= outage.from && call.at < outage.until
        });
        let outage = outage.filter(|outage| dice.chance(outage.percent))?;
        Some((outage.status, outage.code, None, "see the platform's log under this request id"))
    }

    fn poll(&mut self, caller: usize, row: &mut RequestRow, polling: &Polling, types: &[&str]) {
        let at = row.utc;
        let company = row.company_id;
        let (last, seen) = self.positions.get(&caller).copied().unwrap_or((at.minus(Duration::from_secs(60)), 0));
        let between = |from: Timestamp, until: Timestamp| {
            let wanted = self.events.iter().filter(|event| {
                Some(event.company_id) == company
                    && event.created_utc >= from
                    && event.created_utc < until
                    && (types.is_empty() || types.contains(&event.kind.raw()))
            });
            wanted.count() as u64
        };
        let start = Timestamp::from_millis(0);
        let seconds = |at: Timestamp| at.whole_second().to_rfc3339_seconds();
        let kinds: String = types.iter().map(|kind| format!("type={kind};")).collect();
        let mut query: Vec<String> = types.iter().map(|kind| format!("type={kind}")).collect();
        let since_detail = |since: Timestamp| format!("since={};", since.whole_second().to_rfc3339_seconds());
        let (filters, n) = match polling {
            Polling::Cursor => {
                let n = between(last, at);
                query.push(format!("cursor=c{seen}"));
                (String::new(), n)
            }
            Polling::Since => {
                query.push(format!("since={}", seconds(last)));
                (since_detail(last), between(last.whole_second(), at))
            }
            Polling::Newest => {
                query.push("order=desc".to_owned());
                ("order=desc;".to_owned(), between(start, at).min(50))
            }
            Polling::Future(ahead) => {
                let since = at.plus(Duration::from_secs(ahead.unsigned_abs()));
                query.push(format!("since={}", seconds(since)));
                (since_detail(since), 0)
            }
            Polling::Until(until) => {
                query.push(format!("until={}", seconds(*until)));
                (format!("until={};", seconds(*until)), 0)
            }
            Polling::FirstPage(limit) => {
                query.push(format!("limit={limit}"));
                (String::new(), between(start, at).min(*limit))
            }
            Polling::Late(late) => {
                let since = at.minus(Duration::from_secs(late.unsigned_abs()));
                query.push(format!("since={}", seconds(since)));
                (since_detail(since), between(since.whole_second(), at))
            }
        };
        row.query = Some(query.join("&").into());
        if row.has_status(200) {
            row.detail = Some(format!("{kinds}{filters}n={n}").into());
            self.positions.insert(caller, (at, seen + n));
        }
    }
}
