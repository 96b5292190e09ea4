//! Faults: each changes the plan of a healthy world, and says what the true cause is.

use crate::calls::{CallerPlan, PlannedCall, Polling, Sent};
use crate::dice::Dice;
use crate::plan::{Change, Outage, Plan};
use crate::receivers::{Condition, Delivered, ReceiverModel, Reply, Rule};
use crow::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crow::domain::scope::KeyScope;
use crow::domain::time::Timestamp;
use crow::wire::keys::RateLimits;
use crow::wire::paths;
use std::time::Duration;

/// Whether a fault lasts, was repaired, or its caller gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Ongoing,
    Over,
    Silent,
}

/// The truth about a world.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// Id of the true cause.
    pub(crate) id: &'static str,
    pub(crate) phase: Phase,
    pub(crate) company: Option<CompanyId>,
    pub(crate) key: Option<KeyId>,
    pub(crate) subscription: Option<SubscriptionId>,
    /// Whether the cause concerns every subject.
    pub(crate) is_everywhere: bool,
}

/// Where and when a fault acts.
pub(crate) struct Stage<'s> {
    pub(crate) plan: &'s mut Plan,
    pub(crate) dice: &'s mut Dice,
    pub(crate) company: CompanyId,
    pub(crate) phase: Phase,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Stage<'_> {
    fn truth(&self, id: &'static str) -> Truth {
        let (company, phase) = (Some(self.company), self.phase);
        Truth { id, phase, company, key: None, subscription: None, is_everywhere: false }
    }

    fn of_key(&self, id: &'static str, key: KeyId) -> Truth {
        Truth { key: Some(key), ..self.truth(id) }
    }

    fn of_subscription(&self, id: &'static str, subscription: SubscriptionId) -> Truth {
        Truth { subscription: Some(subscription), ..self.truth(id) }
    }

    fn nowhere(&self, id: &'static str) -> Truth {
        Truth { company: None, ..self.truth(id) }
    }

    fn everywhere(&self, id: &'static str) -> Truth {
        Truth { is_everywhere: true, ..self.nowhere(id) }
    }

    /// Adds a subscription whose endpoint has a rule while the fault acts.
    fn endpoint(
        &mut self,
        holds: impl Fn(&Delivered<'_>) -> bool + Send + Sync + 'static,
        reply: Reply,
    ) -> SubscriptionId {
        let id = self.plan.add_subscription(self.company, self.dice);
        let (from, until) = (self.from, self.until);
        let holds: Condition = Box::new(move |to| to.at >= from && to.at < until && holds(to));
        self.plan.subscription(id).receiver.rules.push(Rule { holds, reply, is_fault: true });
        id
    }

    /// Adds a system with a key of its own, which calls in a healthy way.
    fn system(&mut self, scopes: &[KeyScope], agent: &'static str) -> (KeyId, CallerPlan) {
        let key = self.plan.add_key(self.company, scopes, self.dice);
        (key, CallerPlan::new(self.dice, agent, Sent::Key(key)))
    }

    fn add(&mut self, caller: CallerPlan) {
        self.plan.callers.push(caller);
    }

    fn span(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }

    /// The last hour and a little more; a caller that gave up calls until then.
    fn hour(&self) -> (Timestamp, Timestamp) {
        let end = if self.phase == Phase::Silent { self.until } else { self.plan.at };
        (self.plan.ago(4_000), end)
    }

    fn pace(&mut self) -> i64 {
        self.dice.between(8, 40)
    }

    /// A poller that sends something wrong while the fault acts, and its key before and after.
    fn bad_key(&mut self, id: &'static str, sent: impl Fn(&mut Self, KeyId) -> Sent) -> (KeyId, Truth) {
        let (key, mut caller) = self.system(&[KeyScope::EventsRead], "reporting/4.2");
        let wrong = sent(self, key);
        caller.sent.push((self.from, wrong));
        if self.phase == Phase::Over {
            caller.sent.push((self.until, Sent::Key(key)));
        }
        let (pace, hour, (from, until)) = (self.pace(), self.hour(), self.span());
        let poll = move |at| {
            let call = PlannedCall::poll(at, Polling::Cursor, Vec::new());
            if at >= from && at < until { call.fault() } else { call }
        };
        caller.each(self.dice, pace, hour, poll);
        self.add(caller);
        (key, self.of_key(id, key))
    }

    /// A system whose calls to one route are refused while the fault acts, by percent, among good ones.
    fn bad_calls(
        &mut self,
        id: &'static str,
        (method, route): (&'static str, &'static str),
        percent: u64,
        refusal: (u16, &'static str, Option<&'static str>, &'static str),
    ) -> Truth {
        let scopes = [KeyScope::IntegrationsWrite, KeyScope::IntegrationsRead, KeyScope::WebhooksWrite];
        let (key, mut caller) = self.system(&scopes, "csv-import/1.1");
        let scope = match (method, route) {
            (_, paths::SUBSCRIPTIONS) => KeyScope::WebhooksWrite,
            ("GET", _) => KeyScope::IntegrationsRead,
            _ => KeyScope::IntegrationsWrite,
        };
        let (pace, hour, (from, until)) = (self.pace(), self.hour(), self.span());
        let mut at = hour.0;
        while at < hour.1 {
            let call = PlannedCall::new(at, method, route, scope);
            let is_bad = at >= from && at < until && self.dice.chance(percent);
            caller.calls.push(if is_bad { call.refused(refusal).fault() } else { call });
            at = at.plus(Duration::from_millis(self.dice.between(pace * 700, pace * 1_300).unsigned_abs()));
        }
        self.add(caller);
        self.of_key(id, key)
    }

    fn poller(&mut self, id: &'static str, polling: Polling, types: Vec<&'static str>) -> Truth {
        let (key, mut caller) = self.system(&[KeyScope::EventsRead], "events-poller/0.3");
        let (pace, hour, (from, until)) = (self.pace(), self.hour(), self.span());
        let call = move |at: Timestamp| {
            if at >= from && at < until {
                PlannedCall::poll(at, polling.clone(), types.clone()).fault()
            } else {
                PlannedCall::poll(at, Polling::Since, types.clone())
            }
        };
        caller.each(self.dice, pace, hour, call);
        self.add(caller);
        self.of_key(id, key)
    }

    /// Calls of a key, so many a minute, in the minutes of the fault.
    /// Healthy calls after the fault, unless the caller gave up.
    fn afterwards(&mut self, caller: &mut CallerPlan, seconds: i64, call: impl Fn(Timestamp) -> PlannedCall) {
        if self.phase == Phase::Over {
            let (until, at) = (self.until, self.plan.at);
            caller.each(self.dice, seconds, (until, at), call);
        }
    }

    fn rush(&mut self, caller: &mut CallerPlan, per_minute: i64, call: impl Fn(Timestamp) -> PlannedCall) {
        let mut at = self.from;
        while at < self.until {
            caller.calls.push(call(at).fault());
            let gap = 60_000 / per_minute;
            at = at.plus(Duration::from_millis(self.dice.between(gap * 8 / 10, gap * 12 / 10).unsigned_abs()));
        }
    }

    fn retire(&mut self, id: SubscriptionId, change: Change, at: Timestamp, action: &str, reason: Option<&str>) {
        self.plan.subscription(id).changes.push((at, change));
        let texts = [None, None, reason.map(str::to_owned)];
        self.plan.note(at, "operator 1 (dana)", action, format!("subscription {id}"), texts);
    }
}

type Make = fn(&mut Stage<'_>) -> Truth;

/// A kind of fault: how to stage it, and whether it can be over, or its caller can give up.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) make: Make,
    pub(crate) can_be_over: bool,
    pub(crate) is_of_calls: bool,
}

const fn fault(name: &'static str, make: Make) -> Fault {
    Fault { name, make, can_be_over: true, is_of_calls: true }
}

/// A fault that lasts until a person ends it.
const fn lasting(name: &'static str, make: Make) -> Fault {
    Fault { name, make, can_be_over: false, is_of_calls: false }
}

/// A fault of an endpoint.
const fn endpoint(name: &'static str, make: Make) -> Fault {
    Fault { name, make, can_be_over: true, is_of_calls: false }
}

fn json(status: u16, text: &str) -> Reply {
    Reply::status(status, text)
}

/// Every kind of fault that is generated.
pub(crate) const FAULTS: &[Fault] = &[
    fault("key-revoked", |s| {
        let (key, mut caller) = s.system(&[KeyScope::EventsRead], "reporting/4.2");
        s.plan.key(key).revoked_utc = Some(s.from);
        s.plan.key(key).is_active = Some(false);
        if s.phase == Phase::Over {
            let new = s.plan.add_key(s.company, &[KeyScope::EventsRead], s.dice);
            caller.sent.push((s.until, Sent::Key(new)));
        }
        let (pace, hour, (from, until)) = (s.pace(), s.hour(), s.span());
        let call = move |at| {
            let call = PlannedCall::poll(at, Polling::Cursor, Vec::new());
            if at >= from && at < until { call.fault() } else { call }
        };
        caller.each(s.dice, pace, hour, call);
        s.add(caller);
        s.of_key("key-revoked", key)
    }),
    fault("key-mistyped", |s| {
        s.bad_key("key-mistyped", |s, key| {
            let row = s.plan.key(key);
            let last4 = row.last4.raw().to_owned();
            Sent::Unknown(row.company_id, last4)
        })
        .1
    }),
    fault("key-mistyped-case", |s| {
        s.bad_key("key-mistyped", |s, key| {
            let row = s.plan.key(key);
            let last4 = row.last4.raw().to_lowercase();
            Sent::Unknown(row.company_id, last4)
        })
        .1
    }),
    fault("key-unknown", |s| {
        let truth = s.bad_key("key-unknown", |s, _| Sent::Unknown(s.company, "qqqq".to_owned())).1;
        Truth { key: None, ..truth }
    }),
    fault("key-wrong-company", |s| {
        let other = s.plan.add_company(s.dice);
        let truth = s
            .bad_key("key-wrong-company", move |s, key| Sent::Unknown(other, s.plan.key(key).last4.raw().to_owned()))
            .1;
        // The call claims the other company.
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-wrong-environment", |s| {
        let truth = s.bad_key("key-wrong-environment", |_, _| Sent::Unknown(CompanyId(90_210), "zzzz".to_owned())).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-truncated", |s| {
        let truth = s.bad_key("key-truncated", |_, _| Sent::Malformed("length")).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-spaces", |s| {
        let truth = s.bad_key("key-spaces", |_, _| Sent::Malformed("characters")).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-wrong-prefix", |s| {
        let truth = s.bad_key("key-wrong-prefix", |_, _| Sent::Malformed("prefix")).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-wrong-header", |s| {
        let place = *s.dice.pick(&["authorization_header", "query_string", "other_header"]);
        let truth = s.bad_key("key-wrong-header", move |_, _| Sent::Misplaced(place)).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("key-not-sent", |s| {
        let truth = s.bad_key("key-not-sent", |_, _| Sent::Nothing).1;
        Truth { key: None, company: None, ..truth }
    }),
    fault("scope-missing", |s| {
        let (key, mut caller) = s.system(&[KeyScope::EventsRead], "forms/2.0");
        let (pace, (from, until)) = (s.pace(), s.span());
        caller.each(s.dice, pace, (from, until), |at| PlannedCall::lead(at).fault());
        if s.phase == Phase::Over {
            let new = s.plan.add_key(s.company, &[KeyScope::IntegrationsWrite], s.dice);
            caller.sent.push((until, Sent::Key(new)));
            let at = s.plan.at;
            caller.each(s.dice, pace, (until, at), PlannedCall::lead);
        }
        s.add(caller);
        s.of_key("scope-missing", key)
    }),
    fault("events-no-scope", |s| {
        let (key, mut caller) = s.system(&[KeyScope::WebhooksWrite], "Zapier/1.0");
        let (pace, (from, until)) = (s.pace(), s.span());
        caller.each(s.dice, pace, (from, until), |at| PlannedCall::poll(at, Polling::Since, Vec::new()).fault());
        if s.phase == Phase::Over {
            let new = s.plan.add_key(s.company, &[KeyScope::EventsRead], s.dice);
            caller.sent.push((until, Sent::Key(new)));
            let at = s.plan.at;
            caller.each(s.dice, pace, (until, at), |at| PlannedCall::poll(at, Polling::Since, Vec::new()));
        }
        s.add(caller);
        s.of_key("scope-missing", key)
    }),
    fault("other-company", |s| {
        s.bad_calls(
            "other-company",
            ("GET", paths::CLIENT_SEARCH),
            100,
            (403, "other_company", None, "the id belongs to another company"),
        )
    }),
    fault("managed-zapier", |s| {
        s.bad_calls(
            "managed-zapier",
            ("PATCH", paths::SUBSCRIPTION),
            100,
            (403, "managed_subscription", Some("Zapier"), "managed by Zapier"),
        )
    }),
    fault("call-invalid", |s| {
        let percent = s.dice.between(15, 60).unsigned_abs();
        s.bad_calls(
            "call-invalid",
            ("POST", paths::LEADS),
            percent,
            (400, "validation_failed", Some("email"), "email must have one @"),
        )
    }),
    fault("call-malformed", |s| {
        s.bad_calls("call-malformed", ("POST", paths::LEADS), 80, (400, "malformed_json", None, "not JSON"))
    }),
    fault("call-not-found", |s| {
        s.bad_calls("call-not-found", ("PATCH", paths::LEAD), 60, (404, "not_found", None, "no lead has this id"))
    }),
    fault("call-wrong-method", |s| {
        s.bad_calls("call-wrong-method", ("PUT", paths::LEAD), 100, (405, "method_not_allowed", None, "use PATCH"))
    }),
    fault("call-conflict", |s| {
        s.bad_calls(
            "call-conflict",
            ("POST", paths::LEADS),
            40,
            (409, "idempotency_conflict", None, "this Idempotency-Key was used with another body"),
        )
    }),
    fault("call-quota", |s| {
        s.bad_calls(
            "call-quota",
            ("POST", paths::SUBSCRIPTIONS),
            100,
            (409, "quota_reached", None, "the company has 100 subscriptions"),
        )
    }),
    fault("call-too-large", |s| {
        s.bad_calls("call-too-large", ("POST", paths::CLIENT_NOTES), 50, (413, "payload_too_large", None, "too large"))
    }),
    fault("call-media-type", |s| {
        s.bad_calls(
            "call-media-type",
            ("POST", paths::LEADS),
            100,
            (415, "unsupported_media_type", None, "send application/json"),
        )
    }),
    endpoint("platform-errors", |s| {
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsWrite], "forms/2.0");
        let (pace, hour, (from, until)) = (s.dice.between(5, 20), s.hour(), s.span());
        let call = move |at| {
            let call = PlannedCall::lead(at);
            if at >= from && at < until { call.fault() } else { call }
        };
        caller.each(s.dice, pace, hour, call);
        s.add(caller);
        let percent = s.dice.between(40, 100).unsigned_abs();
        let route = Some(("POST", paths::LEADS));
        s.plan.outages.push(Outage { from, until, status: 500, code: "internal", route, percent });
        s.of_key("platform-errors", key)
    }),
    lasting("dispatch-paused", |s| {
        s.plan.paused = Some((s.from, "the platform has no name resolution"));
        s.plan.not_ready = Some("503 contended: dispatch is paused: the platform has no name resolution");
        s.everywhere("dispatch-paused")
    }),
    lasting("dispatch-late", |s| {
        s.plan.paused = Some((s.plan.ago(900), ""));
        s.everywhere("dispatch-late")
    }),
    lasting("storage-full", |s| {
        let (_, mut caller) = s.system(&[KeyScope::IntegrationsWrite], "forms/2.0");
        let (pace, hour, (from, until)) = (s.pace(), s.hour(), s.span());
        let call = move |at| {
            let call = PlannedCall::lead(at);
            if at >= from && at < until { call.fault() } else { call }
        };
        caller.each(s.dice, pace, hour, call);
        s.add(caller);
        s.plan.outages.push(Outage { from, until, status: 507, code: "storage_full", route: None, percent: 100 });
        s.plan.not_ready = Some("503 storage_full: the disk is full; writes are rejected, reads keep working");
        s.everywhere("storage-full")
    }),
    lasting("platform-clock", |s| {
        s.plan.platform_ahead = *s.dice.pick(&[600, -900, 3_600, 120]);
        // Receivers that check timestamps refuse.
        let id = s.plan.add_subscription(s.company, s.dice);
        let from = s.from;
        let reply = json(401, r#"{"error":"timestamp outside of tolerance"}"#).dated(0).mistaken("sig-stale-clock");
        s.plan.subscription(id).receiver.rules.push(Rule {
            holds: Box::new(move |to| to.at >= from),
            reply,
            is_fault: true,
        });
        s.plan.subscription(id).receiver.date = Some(0);
        s.everywhere("platform-clock")
    }),
    fault("bulk-contended", |s| {
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsWrite], "migration/1.0");
        s.plan.key(key).limits = Some(RateLimits { read: 60, write: 100_000, admin: 200 });
        s.rush(&mut caller, 300, PlannedCall::lead);
        let (from, until) = s.span();
        s.afterwards(&mut caller, 20, PlannedCall::lead);
        s.add(caller);
        s.plan.outages.push(Outage {
            from,
            until,
            status: 503,
            code: "contended",
            route: Some(("POST", paths::LEADS)),
            percent: 60,
        });
        s.of_key("bulk-contended", key)
    }),
    fault("bulk-client-timeout", |s| {
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsWrite], "migration/1.0");
        let (hour, (from, until)) = (s.hour(), s.span());
        let call = move |at| {
            let call = PlannedCall::lead(at);
            if at >= from && at < until { PlannedCall { elapsed_ms: 9_000, ..call } } else { call }
        };
        caller.each(s.dice, 20, hour, call);
        s.add(caller);
        s.of_key("bulk-client-timeout", key)
    }),
    fault("rate-polling", |s| {
        let (key, mut caller) = s.system(&[KeyScope::EventsRead], "events-poller/0.3");
        let per_minute = s.dice.between(90, 200);
        s.rush(&mut caller, per_minute, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.afterwards(&mut caller, 10, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.add(caller);
        s.of_key("rate-polling", key)
    }),
    fault("rate-polling-beside-another", |s| {
        let (key, mut caller) = s.system(&[KeyScope::EventsRead, KeyScope::IntegrationsWrite], "events-poller/0.3");
        s.rush(&mut caller, 120, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.afterwards(&mut caller, 10, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        let mut forms = CallerPlan::new(s.dice, "forms/2.0", Sent::Key(key));
        let hour = s.hour();
        forms.each(s.dice, 30, hour, PlannedCall::lead);
        s.add(caller);
        s.add(forms);
        s.of_key("rate-polling", key)
    }),
    fault("rate-shared-key", |s| {
        let (key, mut first) = s.system(&[KeyScope::EventsRead], "Zapier/1.0");
        s.rush(&mut first, 40, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.afterwards(&mut first, 10, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.add(first);
        for agent in ["n8n/1.64", "reporting/4.2"] {
            let mut other = CallerPlan::new(s.dice, agent, Sent::Key(key));
            s.rush(&mut other, 40, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
            s.add(other);
        }
        s.of_key("rate-shared-key", key)
    }),
    fault("rate-bulk", |s| {
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsWrite], "csv-import/1.1");
        let per_minute = s.dice.between(150, 400);
        s.rush(&mut caller, per_minute, PlannedCall::lead);
        s.afterwards(&mut caller, 20, PlannedCall::lead);
        s.add(caller);
        s.of_key("rate-bulk", key)
    }),
    fault("rate-burst", |s| {
        s.from = s.from.min(s.plan.ago(300));
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsRead], "nightly/1.0");
        let mut minute = s.from.floor_to(60_000);
        while minute < s.until {
            for n in 0..90 {
                let at = minute.plus(Duration::from_millis(n * 40 + s.dice.below(20)));
                if at >= s.from && at < s.until {
                    caller
                        .calls
                        .push(PlannedCall::new(at, "GET", paths::CLIENT_SEARCH, KeyScope::IntegrationsRead).fault());
                }
            }
            minute = minute.plus(Duration::from_secs(60));
        }
        s.afterwards(&mut caller, 15, |at| {
            PlannedCall::new(at, "GET", paths::CLIENT_SEARCH, KeyScope::IntegrationsRead)
        });
        s.add(caller);
        s.of_key("rate-burst", key)
    }),
    fault("rate-retry-ignored", |s| {
        let (key, mut caller) = s.system(&[KeyScope::IntegrationsRead], "sync/3.1");
        let call = |at| PlannedCall::new(at, "GET", paths::CLIENT_SEARCH, KeyScope::IntegrationsRead);
        s.plan.key(key).limits.as_mut().expect("limits").read = 20;
        // Twenty calls 2.5 s apart use up the limit; then refused calls are repeated each 150 ms until the minute ends.
        let mut minute = s.from.floor_to(60_000).plus(Duration::from_secs(60));
        while minute < s.until {
            for n in 0..20_u64 {
                caller.calls.push(call(minute.plus(Duration::from_millis(n * 2_500 + s.dice.below(300)))).fault());
            }
            for n in 0..60_u64 {
                caller.calls.push(call(minute.plus(Duration::from_millis(50_500 + n * 150))).fault());
            }
            minute = minute.plus(Duration::from_secs(60));
        }
        caller.calls.retain(|call| call.at < s.until);
        s.afterwards(&mut caller, 15, call);
        s.add(caller);
        s.of_key("rate-retry-ignored", key)
    }),
    lasting("rate-limit-lowered", |s| {
        let (key, mut caller) = s.system(&[KeyScope::EventsRead], "Zapier/1.0");
        s.plan.key(key).limits.as_mut().expect("limits").read = 5;
        s.plan.lowered = Some((key, s.from, 60));
        let texts =
            [Some("read 60, write 100, admin 200".to_owned()), Some("read 5, write 100, admin 200".to_owned()), None];
        s.plan.note(s.from, "operator 2 (kim)", "limit key", format!("key {key}"), texts);
        let (hour, (from, _)) = (s.hour(), s.span());
        let call = move |at| {
            let call = PlannedCall::poll(at, Polling::Cursor, Vec::new());
            if at >= from { call.fault() } else { call }
        };
        caller.each(s.dice, 4, hour, call);
        s.add(caller);
        s.of_key("rate-limit-lowered", key)
    }),
    fault("events-since-future", |s| {
        let ahead = *s.dice.pick(&[3_600, 7_200, 28_800]);
        s.poller("events-since-future", Polling::Future(ahead), Vec::new())
    }),
    fault("events-filtered-until", |s| {
        let until = s.plan.ago(5_000);
        s.poller("events-filtered", Polling::Until(until), Vec::new())
    }),
    fault("events-filtered-late", |s| {
        let truth = s.poller("events-filtered", Polling::Late(2), Vec::new());
        s.plan.company(s.company).per_hour = 90;
        truth
    }),
    fault("two-pollers-on-a-key", |s| {
        let truth = s.poller("events-since-future", Polling::Future(7_200), Vec::new());
        let key = truth.key.expect("its key");
        let mut beside = CallerPlan::new(s.dice, "warehouse/1.0", Sent::Key(key));
        let (pace, hour) = (s.pace() + 10, s.hour());
        beside.each(s.dice, pace, hour, |at| PlannedCall::poll(at, Polling::Cursor, Vec::new()));
        s.add(beside);
        truth
    }),
    fault("events-stuck", |s| {
        let truth = s.poller("events-stuck", Polling::FirstPage(10), Vec::new());
        s.plan.company(s.company).per_hour = 90;
        truth
    }),
    fault("events-unknown-type", |s| {
        let refusal = (400, "validation_failed", Some("type"), "type must be existing event types");
        refused_poller(s, "events-unknown-type", refusal)
    }),
    fault("events-poll-invalid", |s| {
        refused_poller(s, "events-poll-invalid", (400, "validation_failed", Some("since"), "since must have a zone"))
    }),
    fault("events-cursor-invalid", |s| {
        refused_poller(s, "events-cursor-invalid", (400, "invalid_cursor", None, "this cursor is not ours"))
    }),
    fault("type-wrong-case", |s| {
        let refusal = (400, "validation_failed", Some("eventTypes"), "eventTypes must be existing event types");
        s.bad_calls("type-wrong-case", ("POST", paths::SUBSCRIPTIONS), 100, refusal)
    }),
    fault("target-refused", |s| {
        let refusal = (400, "validation_failed", Some("targetUrl"), "targetUrl must be a public address");
        s.bad_calls("endpoint-private", ("POST", paths::SUBSCRIPTIONS), 100, refusal)
    }),
    lasting("sub-disabled", |s| {
        let id = s.plan.add_subscription(s.company, s.dice);
        let reason = *s.dice.pick(&[None, Some("maintenance")]);
        s.retire(id, Change::Disable(reason), s.from, "disable subscription", reason);
        s.of_subscription("sub-disabled", id)
    }),
    lasting("breaker-tripped", |s| {
        let reply = s
            .dice
            .pick(&[
                json(500, r#"{"error":"no such table"}"#),
                Reply::failed("timeout", "no complete answer within 10 s").after(10_000),
                Reply::failed("refused", "connection refused"),
            ])
            .clone();
        s.from = s.plan.ago(6_000);
        let id = s.endpoint(|_| true, reply);
        s.plan.company(s.company).per_hour = 90;
        s.of_subscription("breaker-tripped", id)
    }),
    lasting("breaker-fixed", |s| {
        s.from = s.plan.ago(6_000);
        s.until = s.plan.ago(700);
        let id = s.endpoint(|_| true, json(500, r#"{"error":"no such table"}"#));
        s.plan.company(s.company).per_hour = 90;
        let at = s.plan.ago(s.dice.between(30, 500));
        s.plan.subscription(id).changes.push((at, Change::Test));
        s.of_subscription("breaker-fixed", id)
    }),
    lasting("breaker-flaps", |s| {
        s.from = s.plan.since;
        s.until = s.plan.at;
        let id = s.endpoint(|_| true, json(503, r#"{"error":"overloaded"}"#));
        s.plan.company(s.company).per_hour = 90;
        let mut at = s.plan.since.plus(Duration::from_secs(1_500));
        while at < s.plan.at {
            s.plan.subscription(id).changes.push((at, Change::Enable { replay: true }));
            at = at.plus(Duration::from_secs(1_500));
        }
        s.of_subscription("breaker-flaps", id)
    }),
    endpoint("subscription-changed", |s| {
        let id = s.endpoint(|_| true, Reply::failed("dns", "the name does not exist"));
        s.plan.subscription(id).row.event_types =
            s.plan.company(s.company).kinds.clone().into_iter().map(Into::into).collect();
        s.retire(
            id,
            Change::Target("https://hooks.old-name.example.net/in".to_owned()),
            s.from,
            "change subscription",
            None,
        );
        if s.phase == Phase::Over {
            let url = s.plan.subscription(id).row.target_url.raw().to_owned();
            s.retire(id, Change::Target(url), s.until, "change subscription", None);
        }
        s.of_subscription("subscription-changed", id)
    }),
    lasting("subscription-deleted", |s| {
        let id = s.plan.add_subscription(s.company, s.dice);
        let of = s.plan.subscription(id);
        let kinds = of.row.event_types.iter().map(|kind| kind.raw().to_owned()).collect::<Vec<_>>().join(",");
        let before = format!("{} [{kinds}] ", of.row.target_url.raw());
        of.changes.push((s.from, Change::Delete));
        let texts = [Some(before), Some("deleted, 0 cancelled".to_owned()), None];
        s.plan.note(
            s.from,
            "key 1 (CRM Backoffice, …abcd)",
            "delete subscription",
            format!("subscription {id}"),
            texts,
        );
        // No other subscription of the company takes its events.
        let company = s.company;
        for other in s.plan.subscriptions.iter_mut().filter(|of| of.row.company_id == company && of.row.id != id) {
            other.row.event_types = vec!["agreement.signed".into()];
        }
        s.of_subscription("subscription-deleted", id)
    }),
    lasting("subscription-duplicate", |s| {
        let id = s.plan.add_subscription(s.company, s.dice);
        let (url, kinds) =
            (s.plan.subscription(id).row.target_url.clone(), s.plan.subscription(id).row.event_types.clone());
        let twin = s.plan.add_subscription(s.company, s.dice);
        (s.plan.subscription(twin).row.target_url, s.plan.subscription(twin).row.event_types) = (url, kinds);
        s.of_subscription("subscription-duplicate", id)
    }),
    lasting("subscription-replaced", |s| {
        let reply = json(401, r#"{"error":"signature does not match"}"#).mistaken("sig-wrong-secret");
        let id = s.endpoint(|_| true, reply);
        let (url, kinds) =
            (s.plan.subscription(id).row.target_url.clone(), s.plan.subscription(id).row.event_types.clone());
        let twin = s.plan.add_subscription(s.company, s.dice);
        let from = s.from;
        let new = s.plan.subscription(twin);
        (new.row.target_url, new.row.event_types) = (url, kinds);
        new.row.created_utc = Some(from);
        (new.row.last_success_utc, new.row.last_attempt_utc) = (None, None);
        s.of_subscription("subscription-replaced", id)
    }),
    lasting("type-removed", |s| {
        let id = s.plan.add_subscription(s.company, s.dice);
        let mut kinds: Vec<&'static str> = s.plan.company(s.company).kinds.clone();
        let company = s.company;
        let removed = kinds.remove(0);
        let all: Vec<&'static str> = std::iter::once(removed).chain(kinds.iter().copied()).collect();
        for other in s.plan.subscriptions.iter_mut().filter(|of| of.row.company_id == company) {
            other.row.event_types = kinds.iter().map(|kind| (*kind).into()).collect();
        }
        s.plan.subscription(id).row.event_types = all.into_iter().map(Into::into).collect();
        s.plan.subscription(id).changes.push((s.from, Change::Types(kinds)));
        s.plan.note(
            s.from,
            "key 1 (CRM Backoffice, …abcd)",
            "change subscription",
            format!("subscription {id}"),
            [None, None, None],
        );
        // The type is one that happens often enough.
        s.plan.company(company).per_hour = 90;
        s.of_subscription("type-not-subscribed", id)
    }),
    lasting("channel-gap", |s| {
        let id = s.plan.add_subscription(s.company, s.dice);
        let (from, until) = (s.plan.ago(s.dice.between(3_000, 5_000)), s.plan.ago(s.dice.between(1_300, 2_500)));
        s.plan.subscription(id).changes.push((from, Change::Disable(Some("deployment"))));
        s.plan.subscription(id).changes.push((until, Change::Enable { replay: false }));
        s.of_subscription("channel-gap", id)
    }),
    endpoint("endpoint-500", |s| total(s, "endpoint-500", json(500, r#"{"error":"could not open connection"}"#))),
    endpoint("endpoint-proxy", |s| {
        let reply = Reply::html(502, "nginx", "<html><head><title>502 Bad Gateway</title></head></html>");
        total(s, "endpoint-proxy", reply)
    }),
    endpoint("endpoint-slow", |s| {
        total(s, "endpoint-slow", Reply::failed("timeout", "no complete answer within 10 s").after(10_000))
    }),
    endpoint("endpoint-refused", |s| total(s, "endpoint-refused", Reply::failed("refused", "connection refused"))),
    endpoint("endpoint-dns", |s| total(s, "endpoint-dns", Reply::failed("dns", "the name does not exist"))),
    endpoint("endpoint-tls-expired", |s| {
        total(s, "endpoint-tls-expired", Reply::failed("tls", "the receiver's certificate has expired"))
    }),
    endpoint("endpoint-tls-name", |s| {
        total(s, "endpoint-tls-name", Reply::failed("tls", "the receiver's certificate is for another host name"))
    }),
    endpoint("endpoint-tls-untrusted", |s| {
        let error = "the receiver's certificate is self-signed, from an unknown authority, or lacks an intermediate";
        total(s, "endpoint-tls-untrusted", Reply::failed("tls", error))
    }),
    endpoint("endpoint-broken", |s| {
        total(
            s,
            "endpoint-broken",
            Reply::failed("broken", "the receiver reset the connection before the response headers"),
        )
    }),
    endpoint("endpoint-wrong-scheme", |s| {
        let reply = s
            .dice
            .pick(&[
                Reply::failed("tls", "the server on that port does not speak TLS"),
                Reply::failed("garbled", "response is not HTTP/1.1"),
                Reply::html(400, "nginx", "<title>400 The plain HTTP request was sent to HTTPS port</title>"),
            ])
            .clone();
        total(s, "endpoint-wrong-scheme", reply)
    }),
    endpoint("endpoint-redirects", |s| {
        let reply = json(301, "").with("location", "https://www.partner.example.com/in");
        total(s, "endpoint-redirects", reply)
    }),
    endpoint("endpoint-gone", |s| {
        let status = *s.dice.pick(&[404, 410]);
        total(s, "endpoint-gone", json(status, "gone"))
    }),
    endpoint("endpoint-wrong-method", |s| total(s, "endpoint-wrong-method", json(405, "POST not allowed"))),
    endpoint("endpoint-login", |s| {
        let reply = s
            .dice
            .pick(&[
                json(401, "").with("www-authenticate", "Basic realm=\"intranet\""),
                json(401, r#"{"message":"Unauthenticated."}"#),
                json(302, "").with("location", "/users/sign_in"),
            ])
            .clone();
        total(s, "endpoint-login", reply)
    }),
    endpoint("endpoint-firewall", |s| {
        let reply = s
            .dice
            .pick(&[
                Reply::html(403, "cloudflare", "<title>Attention Required! | Cloudflare</title>")
                    .with("cf-ray", "8f12"),
                Reply::html(403, "AkamaiGHost", "<H1>Access Denied</H1>"),
                json(403, r#"{"error":"IP address is not allowed"}"#),
            ])
            .clone();
        total(s, "endpoint-firewall", reply)
    }),
    endpoint("endpoint-validation", |s| {
        total(s, "endpoint-validation", json(422, r#"{"message":"unexpected property metadata"}"#))
    }),
    endpoint("endpoint-unexplained", |s| total(s, "endpoint-unexplained", json(403, "no"))),
    endpoint("endpoint-rejects-signature", |s| {
        let status = *s.dice.pick(&[401, 500, 422]);
        total(s, "endpoint-rejects-signature", json(status, r#"{"error":"signature verification failed"}"#))
    }),
    endpoint("sig-wrong-secret", |s| signature(s, "sig-wrong-secret")),
    endpoint("sig-reserialised", |s| signature(s, "sig-reserialised")),
    endpoint("sig-no-dot", |s| signature(s, "sig-no-dot")),
    endpoint("sig-newline", |s| signature(s, "sig-newline")),
    endpoint("sig-stale-clock", |s| {
        let ahead = *s.dice.pick(&[-900, 640]);
        let reply = json(401, r#"{"error":"timestamp outside of tolerance"}"#).dated(ahead).mistaken("sig-stale-clock");
        total(s, "sig-stale-clock", reply)
    }),
    endpoint("sig-clock-without-date", |s| total(s, "sig-stale-clock", json(400, "timestamp too old: 640 seconds"))),
    endpoint("sig-unexplained", |s| {
        total(s, "sig-unexplained", json(401, r#"{"error":"signature mismatch, computed bb"}"#).unexplained())
    }),
    endpoint("trace-id-is-no-signature", |s| {
        total(s, "endpoint-unexplained", json(403, "trace 9f86d081").unexplained())
    }),
    endpoint("lost-secret", |s| {
        let reply = s
            .dice
            .pick(&[
                json(401, r#"{"error":"signing secret is not configured"}"#),
                json(500, "WEBHOOK_SECRET is not set"),
            ])
            .clone();
        total(s, "lost-secret", reply)
    }),
    endpoint("endpoint-limits-us", |s| {
        partial(s, "endpoint-limits-us", |to| to.luck % 10 < 4, json(429, "slow down").with("retry-after", "60"))
    }),
    endpoint("endpoint-too-large", |s| {
        partial(s, "endpoint-too-large", |to| to.size > 7_000, json(413, "request entity too large"))
    }),
    endpoint("endpoint-near-timeout", |s| {
        partial(s, "endpoint-near-timeout", |_| true, json(200, r#"{"received":true}"#).after(7_000))
    }),
    endpoint("intermittent-random", |s| {
        let share = s.dice.between(2, 6).unsigned_abs();
        let reply = failing_reply(s);
        partial(s, "endpoint-intermittent", move |to| to.luck % 10 < share, reply)
    }),
    endpoint("intermittent-type", |s| {
        let kinds = s.plan.company(s.company).kinds.clone();
        let kind = *s.dice.pick(&kinds);
        let reply = failing_reply(s);
        partial(s, "endpoint-intermittent", move |to| to.kind == kind, reply)
    }),
    endpoint("intermittent-size", |s| {
        let reply = failing_reply(s);
        partial(s, "endpoint-intermittent", |to| to.size > 7_000, reply)
    }),
    endpoint("intermittent-peer", |s| {
        let reply = failing_reply(s);
        partial(s, "endpoint-intermittent", |to| to.node == 2, reply)
    }),
    endpoint("intermittent-bursts", |s| {
        let reply = failing_reply(s);
        let truth = partial(s, "endpoint-intermittent", |to| to.at.seconds() / 60 % 12 == 5, reply);
        s.plan.company(s.company).per_hour = 240;
        truth
    }),
    endpoint("intermittent-events", |s| {
        partial(
            s,
            "endpoint-intermittent",
            |to| to.event.is_some_and(|id| id.0 % 19 == 3),
            json(500, r#"{"error":"bad name"}"#),
        )
    }),
    endpoint("signature-fails-for-a-type", |s| {
        let kinds = s.plan.company(s.company).kinds.clone();
        let kind = *s.dice.pick(&kinds);
        let reply = json(401, r#"{"error":"signature does not match"}"#).mistaken("sig-reserialised");
        partial(s, "sig-reserialised", move |to| to.kind == kind, reply)
    }),
    lasting("thirty-subscriptions-fail", |s| {
        s.from = s.plan.ago(s.dice.between(200, 400));
        s.plan.company(s.company).per_hour = 120;
        let mut first = None;
        for _ in 0..30 {
            let id = s.endpoint(|_| true, json(500, r#"{"error":"could not open connection"}"#));
            let kinds = s.plan.company(s.company).kinds.clone();
            s.plan.subscription(id).row.event_types = kinds.into_iter().map(Into::into).collect();
            first = first.or(Some(id));
        }
        s.of_subscription("endpoint-500", first.expect("thirty"))
    }),
    endpoint("umlauts-fail-the-signature", |s| {
        let reply = json(401, r#"{"error":"signature does not match"}"#).mistaken("sig-reserialised");
        partial(s, "sig-reserialised", |to| to.event.is_some_and(|id| id.0 % 13 == 3), reply)
    }),
];

fn refused_poller(
    s: &mut Stage<'_>,
    id: &'static str,
    refusal: (u16, &'static str, Option<&'static str>, &'static str),
) -> Truth {
    let (key, mut caller) = s.system(&[KeyScope::EventsRead], "events-poller/0.3");
    let (pace, hour, (from, until)) = (s.pace(), s.hour(), s.span());
    let call = move |at: Timestamp| {
        let call = PlannedCall::poll(at, Polling::Since, Vec::new());
        if at >= from && at < until { call.refused(refusal).fault() } else { call }
    };
    caller.each(s.dice, pace, hour, call);
    s.add(caller);
    s.of_key(id, key)
}

/// An endpoint that fails at everything for a while, too short for the breaker.
fn total(s: &mut Stage<'_>, id: &'static str, reply: Reply) -> Truth {
    if s.phase == Phase::Ongoing {
        s.from = s.plan.ago(s.dice.between(150, 500));
    } else {
        s.until = s.from.plus(Duration::from_secs(s.dice.between(150, 400).unsigned_abs()));
    }
    let subscription = s.endpoint(|_| true, reply);
    s.of_subscription(id, subscription)
}

fn signature(s: &mut Stage<'_>, id: &'static str) -> Truth {
    total(s, id, json(401, r#"{"error":"signature does not match"}"#).mistaken(id))
}

fn failing_reply(s: &mut Stage<'_>) -> Reply {
    s.dice
        .pick(&[
            json(500, r#"{"error":"deadlock"}"#),
            Reply::html(502, "nginx", "<title>502 Bad Gateway</title>"),
            Reply::failed("timeout", "no complete answer within 10 s").after(10_000),
            json(503, r#"{"error":"maintenance"}"#),
        ])
        .clone()
}

/// A subscription that takes all of many events, and whose endpoint fails for a part of them.
fn partial(
    s: &mut Stage<'_>,
    id: &'static str,
    holds: impl Fn(&Delivered<'_>) -> bool + Send + Sync + 'static,
    reply: Reply,
) -> Truth {
    s.plan.company(s.company).per_hour = s.dice.between(80, 140);
    if s.phase == Phase::Ongoing {
        s.from = if s.dice.chance(70) { s.plan.since } else { s.plan.ago(s.dice.between(1_500, 3_000)) };
    }
    let subscription = s.endpoint(holds, reply);
    let kinds = s.plan.company(s.company).kinds.clone();
    s.plan.subscription(subscription).row.event_types = kinds.into_iter().map(Into::into).collect();
    s.of_subscription(id, subscription)
}

/// Noise of life in an otherwise healthy receiver: one first attempt of fifty fails, and its retry succeeds.
pub(crate) fn noisy(receiver: &mut ReceiverModel, dice: &mut Dice) {
    let turn = dice.below(50);
    let holds: Condition = Box::new(move |to| to.number == 1 && to.serial % 50 == turn);
    receiver.rules.push(Rule { holds, reply: Reply::status(503, "busy"), is_fault: false });
}
