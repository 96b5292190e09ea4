//! Value parsers of the command line, with error messages that name the accepted values.

use crate::demo::scenario::library;
use crate::demo::scenario::script::ScenarioScript;
use crate::diagnose::escalation::EscalationKind;
use crate::diagnose::health_check::checks::{HEALTH_CHECKS, HealthCheck};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::reporter::TicketReader;
use crate::diagnose::runbook_kind::Runbook;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::ids::SubscriptionId;
use crate::domain::patch::FieldPatch;
use crate::domain::query::QueryTime;
use crate::domain::scope::KeyScope;
use crate::http::exposure;
use crate::relay::upstream::UpstreamAddress;
use axum::http::HeaderName;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Host;

/// Retention of logs; `None` keeps them forever. Default: 90 days.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct LogRetention(pub(in crate::cli) Option<Duration>);

impl Default for LogRetention {
    fn default() -> Self {
        Self(Some(Duration::from_secs(90 * 86_400)))
    }
}

/// Parses the name of a demo scenario.
pub(super) fn parse_scenario(name: &str) -> Result<ScenarioScript, String> {
    let all = library::parse_all().map_err(|error| error.to_string())?;
    let known: Vec<&str> = all.iter().map(|script| script.name.as_str()).collect();
    let known = known.join(", ");
    all.into_iter().find(|script| script.name == name).ok_or_else(|| format!("unknown scenario; known: {known}"))
}

/// Parses the name of a runbook.
pub(super) fn parse_runbook(name: &str) -> Result<Runbook, String> {
    let known = || Runbook::ALL.map(Runbook::name).join(", ");
    Runbook::named(name).ok_or_else(|| format!("unknown runbook; known: {}", known()))
}

/// Parses `NAME=FILE` into a name and a path.
pub(super) fn parse_named_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("write NAME=FILE")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// Parses `PATH=URL`: a path that a listener serves, and its receiver.
pub(super) fn parse_route(text: &str) -> Result<(String, UpstreamAddress), String> {
    let (path, url) = text.split_once('=').ok_or("write PATH=URL: /hooks/a=http://127.0.0.1:3000/a")?;
    check_route_path(path)?;
    Ok((path.to_owned(), UpstreamAddress::parse(url)?))
}

/// Parses `PATH=ID`: a path that a listener serves, and the subscription whose deliveries arrive there.
pub(super) fn parse_route_subscription(text: &str) -> Result<(String, SubscriptionId), String> {
    let (path, id) = text.split_once('=').ok_or("write PATH=ID: /hooks/a=12")?;
    check_route_path(path)?;
    let id = id.parse().ok().filter(|id| *id > 0).ok_or_else(|| format!("{id} is not the ID of a subscription"))?;
    Ok((path.to_owned(), SubscriptionId(id)))
}

/// Refuses a path that no request can have.
fn check_route_path(path: &str) -> Result<(), String> {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    if path.starts_with('/') && is_plain { Ok(()) } else { Err("a path begins with / and has no query".to_owned()) }
}

/// Parses an address with a port.
pub(super) fn parse_listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address with a port: 127.0.0.1:8080".to_owned())
}

/// Parses the name of a header that callers name themselves in. Headers with credentials are refused.
pub(super) fn parse_header_name(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("{text} is not the name of a header"))?;
    match name.as_str() {
        "x-api-key" | "authorization" | "proxy-authorization" | "cookie" => {
            Err(format!("{name} carries a credential, which is never recorded"))
        }
        _ => Ok(name),
    }
}

/// Parses a retention such as `90d`, at least 1 h, or `forever`.
pub(super) fn parse_retention(text: &str) -> Result<LogRetention, String> {
    if text == "forever" {
        return Ok(LogRetention(None));
    }
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 90d, 12h or forever"))?;
    if duration < Duration::from_secs(3_600) {
        return Err("must be at least 1h, or forever".to_owned());
    }
    Ok(LogRetention(Some(duration)))
}

/// Parses a size such as `512MiB` or `2GiB` into bytes; at least 1 MiB.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let fault = || format!("{text} is not a size; write 512MiB or 2GiB");
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[end..].trim() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(fault()),
    };
    let number: u64 = text[..end].parse().map_err(|_| fault())?;
    let n_bytes = number.checked_mul(unit).ok_or_else(fault)?;
    if n_bytes < 1 << 20 { Err("must be at least 1MiB".to_owned()) } else { Ok(n_bytes) }
}

/// Parses a period to look back, between 1 s and 90 d.
pub(super) fn parse_lookback(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30m, 2h or 1d"))?;
    let longest = Duration::from_secs(90 * 86_400);
    if (Duration::from_secs(1)..=longest).contains(&duration) {
        Ok(duration)
    } else {
        Err("must be between 1s and 90d".to_owned())
    }
}

/// Parses an end of a period: a period before now, as [`parse_lookback`] takes it, or a time as filters take it.
pub(super) fn parse_period_end(text: &str) -> Result<QueryTime, String> {
    if humantime::parse_duration(text).is_ok() {
        return parse_lookback(text).map(QueryTime::Ago);
    }
    QueryTime::parse(text).ok_or_else(|| "write 30m, 2h, 14:02, 2026-11-23 or 2026-11-23T14:02:31Z".to_owned())
}

/// Parses the topic of a playbook by name.
pub(super) fn parse_topic(text: &str) -> Result<PlaybookTopic, String> {
    let known = || PlaybookTopic::ALL.map(PlaybookTopic::name).join(", ");
    PlaybookTopic::named(text).ok_or_else(|| format!("unknown topic; known: {}", known()))
}

/// Parses a reason to escalate that the troubleshooting guide names.
pub(super) fn parse_reason(text: &str) -> Result<EscalationKind, String> {
    let known = || EscalationKind::GUIDE.map(EscalationKind::id).join(", ");
    EscalationKind::named(text).ok_or_else(|| format!("unknown reason; known: {}", known()))
}

/// Parses the reader of a ticket.
pub(super) fn parse_reader(text: &str) -> Result<TicketReader, String> {
    let known = || TicketReader::ALL.map(TicketReader::name).join(", ");
    TicketReader::named(text).ok_or_else(|| format!("unknown reader; known: {}", known()))
}

/// Parses the delay before a first retry, between 10 ms and 1 h.
pub(super) fn parse_retry_base(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s, 500ms or 2m"))?;
    let range = Duration::from_millis(10)..=Duration::from_secs(3_600);
    if range.contains(&duration) { Ok(duration) } else { Err("must be between 10ms and 1h".to_owned()) }
}

/// Parses a key scope by its name.
pub(super) fn parse_scope(text: &str) -> Result<KeyScope, String> {
    let known = || KeyScope::ALL.map(KeyScope::name).join(", ");
    KeyScope::named(text).ok_or_else(|| format!("unknown scope; known: {}", known()))
}

/// Parses an event type by its name.
pub(super) fn parse_event_type(text: &str) -> Result<EventType, String> {
    let known = || EventType::ALL.map(EventType::name).join(", ");
    EventType::named(text).ok_or_else(|| format!("unknown event type; known: {}", known()))
}

/// Parses a delivery state that a replay can select.
pub(super) fn parse_replay_state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::named(text).ok_or_else(|| "unknown state; known: missed, exhausted, on_hold, succeeded".to_owned())
}

/// Parses the name of a health check.
pub(super) fn parse_check_name(text: &str) -> Result<&'static HealthCheck, String> {
    let known = || HEALTH_CHECKS.iter().map(|probe| probe.name).collect::<Vec<_>>().join(", ");
    HealthCheck::named(text).ok_or_else(|| format!("unknown check; known: {}", known()))
}

/// Parses `NAME=N` into a health check's name and a threshold.
pub(super) fn parse_threshold(text: &str) -> Result<(&'static str, u64), String> {
    let (name, limit) = text.split_once('=').ok_or("write NAME=N")?;
    let limit = limit.parse().map_err(|_| format!("{limit} is not a whole number"))?;
    Ok((parse_check_name(name)?.name, limit))
}

/// Parses a number of calls per minute, 1 to 1,000,000, or `default`.
pub(super) fn parse_call_limit(text: &str) -> Result<FieldPatch<u32>, String> {
    match (text, text.parse()) {
        ("default", _) => Ok(FieldPatch::Clear),
        (_, Ok(n)) if (1..=1_000_000).contains(&n) => Ok(FieldPatch::Set(n)),
        _ => Err("must be 1 to 1000000, or default".to_owned()),
    }
}

/// Parses how long an alert must last before it is reported, at most 1 d.
pub(super) fn parse_alert_hold(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 0s, 30s or 5m"))?;
    if duration <= Duration::from_secs(86_400) { Ok(duration) } else { Err("must be at most 1d".to_owned()) }
}

/// Parses the URL of an OpenTelemetry collector; without a path, `/v1/metrics` is added.
pub(super) fn parse_collector_url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("{error}; write http://127.0.0.1:4318/v1/metrics"))?;
    match (url.scheme(), url.path()) {
        ("http" | "https", "/") => Ok(format!("{url}v1/metrics")),
        ("http" | "https", _) => Ok(url.into()),
        _ => Err("must begin with http:// or https://".to_owned()),
    }
}

/// Parses a host name or address, without scheme and port.
pub(super) fn parse_public_name(text: &str) -> Result<Host, String> {
    let fault = || "must be a name or an address without a scheme and a port: hooks.example.com".to_owned();
    exposure::parse_name(text).ok_or_else(fault)
}

/// Parses an interval between 1 s and 1 h.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 10s or 1m"))?;
    let range = Duration::from_secs(1)..=Duration::from_secs(3_600);
    if range.contains(&duration) { Ok(duration) } else { Err("must be between 1s and 1h".to_owned()) }
}
