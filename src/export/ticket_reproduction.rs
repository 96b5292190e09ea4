//! Commands of a ticket that show the problem again: the calls, the queries behind the evidence, and deliveries to the
//! endpoints. They contain no secrets; variables and files take their place.

use super::markdown::shell_quote;
use super::redact::Redactor;
use super::ticket_diagnosis::call_end;
use super::ticket_reasons::{SIGNATURE_REFUSED_CAUSE, acting};
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::report::DiagnosedCause;
use crate::diagnose::reporter::TicketReader;
use crate::domain::delivery::{ATTEMPT_TIMEOUT, AttemptOutcome, FailureKind};
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::domain::url_redaction::REDACTED;
use crate::wire::attempts::AttemptDetail;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use url::Url;

/// Maximum number of subscriptions whose deliveries are repeated.
const MAX_SUBSCRIPTIONS: usize = 3;
/// Maximum number of queries of the evidence.
const MAX_QUERIES: usize = 8;

/// Writes the commands for the reader of the ticket, whose causes offer others; a partner has no access to the Portal
/// API.
pub(super) fn commands(case: &IncidentEvidence, causes: &[DiagnosedCause], redactor: &mut Redactor<'_>) -> Vec<String> {
    let is_internal = case.reader == TicketReader::Support;
    let mut lines = Vec::new();
    let latest = case.requests.found.iter().flatten().next();
    match latest {
        Some(of) => lines.extend(call(of, redactor)),
        None => lines.extend(latest_poll(case, redactor)),
    }
    if is_internal {
        lines.extend(queries(case, redactor));
    }
    for of in case.subscriptions.found.iter().flatten().take(MAX_SUBSCRIPTIONS) {
        let failures = case.failures.found.iter().flatten();
        let latest = failures.into_iter().find(|attempt| attempt.row.subscription_id == Some(of.subscription.id));
        // Without a failed attempt, another delivery shows nothing.
        if let Some(latest) = latest {
            lines.extend(delivery(of, latest, case, redactor));
        }
    }
    if lines.is_empty() && is_internal {
        lines.extend(["crow check".to_owned(), portal_call(paths::OVERVIEW)]);
    }
    let offered = || causes.iter().flat_map(|cause| &cause.offers).map(|offer| &offer.command);
    let used = |(name, _): &&(&str, &str)| lines.iter().chain(offered()).any(|line| line.contains(&format!("${name}")));
    let variables: Vec<String> = VARIABLES.iter().filter(used).map(|(name, what)| format!("{name} ({what})")).collect();
    if !variables.is_empty() {
        lines.insert(0, format!("# Set first: {}. This file contains no secrets.", variables.join(", ")));
    }
    lines
}

/// Variables that the commands use, with what each holds.
const VARIABLES: [(&str, &str); 5] = [
    ("PLATFORM_URL", "address of the platform"),
    ("API_KEY", "key that the caller sends; for a PATCH, one of the company with the scope webhooks:write"),
    ("OPERATOR_TOKEN", "operator token of the Portal API"),
    ("SIGNING_SECRET", "signing secret of the subscription, from its receiver"),
    ("ID", "id in the path of the call, from the caller's log; the request log keeps none"),
];

/// Reads a path of the Portal API.
fn portal_call(path: &str) -> String {
    format!("curl -sS -H \"Authorization: Bearer $OPERATOR_TOKEN\" \"$PLATFORM_URL\"{}", shell_quote(&path.into()))
}

/// Repeats a call as documented.
fn call(of: &RequestRow, redactor: &mut Redactor<'_>) -> Vec<String> {
    let (method, route) = (shell_quote(&redactor.redact(&of.method)), of.route.raw());
    let query = of.query.as_ref().map_or_else(String::new, |query| format!("?{}", query.raw()));
    let target = redactor.redact_line(&format!("{route}{query}"));
    let title = if of.has_status(401) {
        "# The latest rejected call as documented, with the key in X-Api-Key; the rejected one may have differed in this:"
    } else {
        "# The latest rejected call, as the request log has it:"
    };
    let mut lines = vec![title.to_owned()];
    if target.contains('\u{2026}') {
        lines.push("# The log keeps no secret values: take \u{2026} from the caller's log.".to_owned());
    }
    if of.method.raw() != "GET" {
        lines.push("# It changes data if it is accepted now.".to_owned());
    }
    let has_body = matches!(of.method.raw(), "POST" | "PATCH" | "PUT");
    if has_body {
        lines.push(
            "# body.json: the body that the caller sent, from the caller's log; the platform keeps none.".to_owned(),
        );
    }
    let body = if has_body { " -H 'Content-Type: application/json' --data-binary @body.json" } else { "" };
    let target = shell_quote(&target.into()).replace("{id}", "'\"$ID\"'");
    if of.code.as_ref().is_some_and(|code| code.raw() == "missing_key") {
        lines.insert(0, format!("curl -sS -i -X {method}{body} \"$PLATFORM_URL\"{target}"));
        lines.insert(0, "# The latest rejected call, without a key:".to_owned());
    }
    lines.push(format!("curl -sS -i -X {method} -H \"X-Api-Key: $API_KEY\"{body} \"$PLATFORM_URL\"{target}"));
    lines
}

/// Repeats the latest poll of a cause that acts, as the request log has its query.
fn latest_poll(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<String> {
    let mut evidence = acting(case).flat_map(|cause| &cause.evidence);
    let Some(latest) = evidence.find(|of| of.query.contains(": latest query, ")) else { return Vec::new() };
    let query = redactor.redact_line(latest.value.raw());
    let target = shell_quote(&format!("{}?{query}", paths::EVENTS).into());
    vec![
        "# The latest poll, answered 2xx, with its filters:".to_owned(),
        format!("curl -sS -i -H \"X-Api-Key: $API_KEY\" \"$PLATFORM_URL\"{target}"),
    ]
}

/// Repeats the queries that the evidence of the active causes was read with, each once; those of the causes that are
/// over if none is active.
fn queries(case: &IncidentEvidence, redactor: &mut Redactor<'_>) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    let mut shown: Vec<&DiagnosedCause> = acting(case).collect();
    if shown.is_empty() {
        shown = case.causes.iter().collect();
    }
    let remarks = case.remarks.iter().filter(|_| case.causes.is_empty()).flat_map(|remark| &remark.evidence);
    for evidence in shown.into_iter().flat_map(|cause| &cause.evidence).chain(remarks) {
        let Some((_, call)) = evidence.query.find("GET /").map(|at| evidence.query.split_at(at)) else { continue };
        let (call, rest) = call.split_at(call_end(call));
        let target = redactor.redact_line(&call["GET ".len()..]);
        // Undelivered events are read by their states, which the query names behind the first.
        let others = rest.split("state=").skip(1).filter_map(|part| part.split([',', ' ']).next());
        let base = target.split("&state=").next().unwrap_or(&target).to_owned();
        let others: Vec<String> = others.map(|state| format!("{base}&state={state}")).collect();
        // A placeholder stands for several calls.
        for target in [target].into_iter().chain(others).filter(|target| !target.contains('{')) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    if targets.is_empty() {
        return Vec::new();
    }
    targets.truncate(MAX_QUERIES);
    let title = "# The evidence of the causes, read again:".to_owned();
    [title].into_iter().chain(targets.iter().map(|target| portal_call(target))).collect()
}

/// Repeats a failed delivery.
fn delivery(
    of: &SubscriptionRow,
    latest: &AttemptDetail,
    case: &IncidentEvidence,
    redactor: &mut Redactor<'_>,
) -> Vec<String> {
    let is_internal = case.reader == TicketReader::Support;
    let (row, attempt) = (&of.subscription, latest.row.id);
    let target = redactor.redact(&row.target_url).sanitized();
    let mut lines = Vec::new();
    if is_internal {
        lines.push(format!("# Subscription {}: its attempts, and a test delivery by the platform:", row.id));
        lines.push(format!("crow deliveries attempts --filter sub:{} --limit 20", row.id));
        lines.push(format!("crow subs test {} --allow-actions", row.id));
    }
    // Without a connection, no body and no headers were sent.
    let is_sent = latest.row.outcome().is_sent();
    if is_internal && is_sent {
        lines.push(
            "# The bytes and headers of its latest failed attempt (an admin's token; others get them masked):"
                .to_owned(),
        );
        lines.push(format!("{} > attempt.json", portal_call(&paths::with_value(paths::ATTEMPT, attempt))));
        lines.push("jq -r .requestBody.base64 attempt.json | base64 -d > body.bin".to_owned());
        lines.push(r#"jq -r '.requestHeaders[] | "\(.name): \(.value)"' attempt.json > headers.txt"#.to_owned());
    }
    if is_internal && is_sent && acting(case).any(is_about_signatures) {
        lines.push("# With the receiver's secret: a valid signature shows that its secret is right.".to_owned());
        lines.push("crow verify --headers headers.txt --body body.bin".to_owned());
    }
    lines.extend(endpoint_facts(latest.row.outcome(), &target));
    if target.contains(REDACTED) {
        lines.push(format!("# {REDACTED} hides secret parts of the target: take them from its owner."));
    }
    if is_internal && is_sent {
        lines.push("# One delivery to its endpoint, with these bytes:".to_owned());
    } else {
        lines.push(
            "# One delivery to its endpoint. body.bin: a delivery's body from the receiver's log, or any JSON:"
                .to_owned(),
        );
        lines.push("[ -f body.bin ] || printf '{}' > body.bin".to_owned());
    }
    let mut headers = latest.request_headers.iter();
    let agent = headers.find(|header| header.name.raw().eq_ignore_ascii_case("user-agent"));
    let agent =
        agent.map_or_else(String::new, |agent| format!(" -A {}", quoted(&redactor.redact_line(agent.value.raw()))));
    lines.push("timestamp=$(date +%s)".to_owned());
    lines.push("signature=$({ printf '%s.' \"$timestamp\"; cat body.bin; } | openssl dgst -sha256 -hmac \"$SIGNING_SECRET\" -r | cut -d' ' -f1)".to_owned());
    lines.push(format!("curl -sS -i --max-time {} -X POST {}{agent} -H 'Content-Type: application/json' -H \"X-Wlcro-Timestamp: $timestamp\" -H \"X-Wlcro-Signature: sha256=$signature\" --data-binary @body.bin", ATTEMPT_TIMEOUT.as_secs(), shell_quote(&target.into())));
    lines
}

/// Whether a cause is about what the receiver verifies with a secret that it has.
fn is_about_signatures(cause: &DiagnosedCause) -> bool {
    SignatureFault::from_id(&cause.id).is_some() || cause.id == SIGNATURE_REFUSED_CAUSE
}

/// Shows what an endpoint has where an attempt failed: the addresses of its name, or its certificate with subject,
/// issuer, names and dates.
fn endpoint_facts(outcome: AttemptOutcome, target: &str) -> Vec<String> {
    let AttemptOutcome::Unanswered(kind @ (FailureKind::Dns | FailureKind::Tls)) = outcome else { return Vec::new() };
    let Ok(url) = Url::parse(target) else { return Vec::new() };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Vec::new() };
    if kind == FailureKind::Dns {
        return vec![
            "# The addresses that the host name has, seen from this machine:".to_owned(),
            format!("getent hosts {}", quoted(host)),
        ];
    }
    let name = if url.domain().is_some() { format!(" -servername {}", quoted(host)) } else { String::new() };
    let address = quoted(&format!("{host}:{port}"));
    vec![
        "# The certificate that the endpoint presents:".to_owned(),
        format!(
            "openssl s_client -connect {address}{name} </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
        ),
    ]
}

fn quoted(text: &str) -> String {
    shell_quote(&Untrusted::new(text))
}
