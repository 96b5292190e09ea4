//! Reading of any platform with an API key: events, subscriptions, and the key's own scopes by harmless probes.
//!
//! Only documented behaviour is relied upon; undocumented fields are read where they are present and unambiguous.

use super::answer::{ApiRefusal, ReportedWindow};
use super::tolerant_reading::{ObjectFields, unwrapped};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::{CompanyId, EventId, SubscriptionId};
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::wire::events::Envelope;
use crate::wire::paths;
use crate::wire::subscriptions::{Subscription, TestResult};
use reqwest::Method;
use serde_json::value::RawValue;

/// Request that changes nothing and reveals whether a key has a scope.
#[derive(Debug, Clone)]
pub struct ScopeProbe {
    /// Scope that the request reveals.
    pub scope: KeyScope,
    /// HTTP method of the request.
    pub method: Method,
    /// Path that the request is sent to.
    pub path: &'static str,
    /// Bucket in which the request counts.
    pub bucket: RateBucket,
    /// Body of the request: empty, but present, for methods that take one. No platform can create anything from an
    /// empty body.
    pub body: Option<Vec<u8>>,
}

/// Result of probing a key for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeProbeResult {
    /// The key has the scope.
    Held,
    /// The key lacks the scope.
    Missing,
    /// The answer does not tell whether the key has the scope.
    Unclear(Untrusted),
}

impl ScopeProbe {
    /// Returns the probe for a scope. Scopes for reading are probed by reading. The others are probed by a POST with
    /// an empty body, which is refused either with 400 for what the body lacks, or with 403 for what the key lacks.
    #[must_use]
    pub fn for_scope(scope: KeyScope) -> Self {
        let (method, path, bucket, body) = match scope {
            KeyScope::EventsRead => (Method::GET, paths::EVENTS, RateBucket::Read, None),
            KeyScope::WebhooksWrite => (Method::GET, paths::SUBSCRIPTIONS, RateBucket::Read, None),
            KeyScope::IntegrationsRead => (Method::GET, paths::CLIENT_SEARCH, RateBucket::Read, None),
            KeyScope::IntegrationsWrite => (Method::POST, paths::LEADS, RateBucket::Write, Some(Vec::new())),
            KeyScope::Admin => (Method::POST, paths::EVENTS_TEST, RateBucket::Admin, Some(Vec::new())),
        };
        Self { scope, method, path, bucket, body }
    }

    /// Interprets a refusal of the probe: a validation error means that the scope is held, 403 that it is missing.
    #[must_use]
    pub fn interpret(&self, refusal: &ApiRefusal) -> ScopeProbeResult {
        match refusal.status {
            400 | 411 | 415 | 422 => ScopeProbeResult::Held,
            403 => match &refusal.required_scope {
                Some(other) if other.raw() != self.scope.name() => {
                    ScopeProbeResult::Unclear(Untrusted::new(refusal.summary_line()))
                }
                _ => ScopeProbeResult::Missing,
            },
            _ => ScopeProbeResult::Unclear(Untrusted::new(refusal.summary_line())),
        }
    }
}

/// Reads an event that the platform published on request; `owner` is the key's company.
///
/// # Errors
/// A description of the field that is missing or not understood.
pub fn read_envelope(body: &[u8], owner: CompanyId) -> Result<(PolledEvent, Envelope), String> {
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let (raw, event) = match read_event(raw, owner) {
        Ok(event) => (raw, event),
        Err(why) => {
            let inner = unwrapped(raw, &["event", "data", "result"]).ok_or(why)?;
            (inner, read_event(inner, owner)?)
        }
    };
    let fields = ObjectFields::read(raw, &[])?;
    let envelope = Envelope {
        id: event.id,
        kind: event.kind.clone(),
        created_utc: event.created_at,
        company_id: event.company,
        payload: fields.raw(&["payload", "data"]).ok_or("an event has no payload")?.to_owned(),
        metadata: fields.raw(&["metadata", "meta"]).map(ToOwned::to_owned),
    };
    Ok((event, envelope))
}

/// Event as it was polled, with the bytes of its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolledEvent {
    /// Number of the event; increases with every event.
    pub id: EventId,
    /// Type of the event, such as `lead.created`.
    pub kind: Untrusted,
    /// Time at which the event was created.
    pub created_at: Timestamp,
    /// Company of the event; the key's company if the event does not name one.
    pub company: CompanyId,
    /// Bytes of the envelope, as received.
    pub envelope: Vec<u8>,
}

/// Returns the number of an item that could not be read, if at least that can be determined.
#[must_use]
pub fn read_number(raw: &RawValue) -> Option<i64> {
    ObjectFields::read(raw, &[]).ok()?.number(&["id", "eventid", "subscriptionid"])
}

/// Reads an event from an item of a list; `owner` is the key's company.
///
/// # Errors
/// A description of the field that is missing or not understood.
pub fn read_event(raw: &RawValue, owner: CompanyId) -> Result<PolledEvent, String> {
    let fields = ObjectFields::read(raw, &[])?;
    let id = fields.number(&["id", "eventid"]).ok_or("an event's id is missing or not a whole number")?;
    let kind = fields.text(&["type", "eventtype", "event"]).ok_or("an event has no type")?;
    let created_at = fields
        .timestamp(&["createdutc", "createdat", "created", "timestamp", "occurredat"])
        .ok_or("an event's time is missing or unreadable")?;
    let company = fields.number(&["companyid", "tenantid"]).map_or(owner, CompanyId);
    Ok(PolledEvent { id: EventId(id), kind, created_at, company, envelope: raw.get().as_bytes().to_vec() })
}

/// Reads a subscription from an item of a list; `owner` is the key's company. What the platform does not report is
/// `None`.
///
/// # Errors
/// A description of the field that is missing or not understood.
pub fn read_subscription(raw: &RawValue, owner: CompanyId) -> Result<Subscription, String> {
    let fields = ObjectFields::read(raw, &["subscription", "webhook", "data", "item"])?;
    let id = fields.number(&["id", "subscriptionid"]).ok_or("a subscription's id is missing or not a whole number")?;
    let target_url = fields
        .text(&["targeturl", "url", "endpoint", "endpointurl", "callbackurl"])
        .ok_or("a subscription has no target URL")?;
    let is_enabled = fields
        .boolean(&["isenabled", "enabled", "active", "isactive", "status"])
        .ok_or("a subscription's enabled flag is missing or unreadable")?;
    let failures = fields.number(&["consecutivefailures", "failurecount"]);
    let reason = fields.text(&["disabledreason"]);
    Ok(Subscription {
        id: SubscriptionId(id),
        company_id: fields.number(&["companyid", "tenantid"]).map_or(owner, CompanyId),
        target_url,
        event_types: fields.texts(&["eventtypes", "events", "types", "topics"]).unwrap_or_default(),
        is_enabled,
        description: fields.text(&["description", "name"]),
        managed_by: fields.text(&["managedby", "owner", "source"]),
        consecutive_failures: failures.and_then(|n| u32::try_from(n).ok()),
        disabled_reason: reason.and_then(|reason| DisabledReason::named(reason.raw())).filter(|_| !is_enabled),
        disabled_utc: fields.timestamp(&["disabledutc", "disabledat"]).filter(|_| !is_enabled),
        last_attempt_utc: fields.timestamp(&["lastattemptutc", "lastattemptat"]),
        last_success_utc: fields.timestamp(&["lastsuccessutc", "lastsuccessat"]),
        created_utc: fields.timestamp(&["createdutc", "createdat", "created"]),
        updated_utc: fields.timestamp(&["updatedutc", "updatedat", "updated", "modifiedutc"]),
    })
}

/// Reads the result of a test delivery.
///
/// # Errors
/// A description of the field that is missing or not understood.
pub fn read_test_result(body: &[u8]) -> Result<TestResult, String> {
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let fields = ObjectFields::read(raw, &["result", "data"])?;
    let status_code = fields.number(&["statuscode", "status", "httpstatus"]).and_then(|code| u16::try_from(code).ok());
    let success =
        fields.boolean(&["success", "succeeded", "ok"]).or(status_code.map(|code| (200..300).contains(&code)));
    Ok(TestResult {
        success: success.ok_or("the test's result is missing or unreadable")?,
        status_code,
        elapsed_ms: fields.number(&["elapsedms", "durationms"]).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0),
        response_body_truncated: fields.boolean(&["responsebodytruncated", "truncated"]).unwrap_or(false),
        response_body: fields.text(&["responsebody", "response", "body"]).unwrap_or_default(),
        target_url_used: fields.text(&["targeturlused", "targeturl", "url"]).unwrap_or_default(),
        error: fields.text(&["error", "errormessage"]),
    })
}

impl ReportedWindow {
    /// Returns the calls allowed and left, if both were reported.
    #[must_use]
    pub fn counts(&self) -> Option<(u32, u32)> {
        self.limit.zip(self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn events_and_subscriptions_are_read_under_other_names_with_ids_as_texts() {
        let came = read_event(
            &raw(r#"{"event_id":"41","event_type":"lead.created","created_at":"2026-11-24T10:00:00+02:00","extra":1}"#),
            CompanyId(92),
        );
        let came = came.expect("understood");
        assert_eq!((came.id, came.company), (EventId(41), CompanyId(92)));
        assert_eq!(Some(came.created_at), Timestamp::parse("2026-11-24T08:00:00Z"));
        assert_eq!(
            read_event(&raw(r#"{"id":"evt_1","type":"x","createdUtc":"2026-11-24T08:00:00Z"}"#), CompanyId(1)),
            Err("an event's id is missing or not a whole number".to_owned())
        );

        let came = read_subscription(
            &raw(r#"{"webhook":{"id":7,"url":"https://x","events":["a"],"active":false}}"#),
            CompanyId(92),
        );
        let came = came.expect("understood");
        assert!(!came.is_enabled && came.disabled_reason.is_none());
        assert_eq!((came.consecutive_failures, came.created_utc), (None, None), "what was not told is not known");
        assert!(read_subscription(&raw(r#"{"id":7,"url":"https://x"}"#), CompanyId(92)).is_err());
    }

    #[test]
    fn a_probe_tells_held_from_lacking_and_never_carries_a_body_that_could_create_anything() {
        let refusal = |status, required: Option<&str>| ApiRefusal {
            status,
            code: None,
            detail: "no".into(),
            required_scope: required.map(Untrusted::new),
        };
        for scope in KeyScope::ALL {
            let probe = ScopeProbe::for_scope(scope);
            assert!(probe.method == Method::GET || probe.body.as_ref().is_some_and(Vec::is_empty), "{scope}");
            assert_eq!(probe.interpret(&refusal(400, None)), ScopeProbeResult::Held);
            assert_eq!(probe.interpret(&refusal(403, None)), ScopeProbeResult::Missing);
            assert_eq!(probe.interpret(&refusal(403, Some(scope.name()))), ScopeProbeResult::Missing);
            assert!(matches!(probe.interpret(&refusal(404, None)), ScopeProbeResult::Unclear(_)));
            assert!(matches!(probe.interpret(&refusal(403, Some("other:scope"))), ScopeProbeResult::Unclear(_)));
        }
    }
}
