//! The ticket: what a person at the other end needs, in Markdown, built only from what is listed here.

use super::markdown::{code, prose, shell};
use super::redact::Redactor;
use crate::api::attempts::AttemptRow;
use crate::api::report::{Cause, Evidence, Report, Step};
use crate::api::subscriptions::SubscriptionRow;
use crate::domain::delivery::DEADLINE;
use crate::domain::standing::judge_subscription;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;

/// What a ticket is made of.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// What a playbook found.
    pub report: &'a Report,
    /// The subscription.
    pub subscription: &'a SubscriptionRow,
    /// Its failed attempts, oldest first.
    pub failures: &'a [&'a AttemptRow],
    /// When it is told.
    pub now: Timestamp,
}

/// Writes the ticket.
#[must_use]
pub fn write(story: &Story<'_>, redactor: &mut Redactor) -> String {
    let mut lines = Vec::new();
    head(story, redactor, &mut lines);
    failures(story, redactor, &mut lines);
    expected(story, &mut lines);
    section("Causes", &mut lines);
    if story.report.causes.is_empty() {
        lines.push("The playbook found none.".to_owned());
    }
    for (position, cause) in story.report.causes.iter().enumerate() {
        lines.extend(of_cause(position + 1, cause, redactor));
    }
    section("Checks", &mut lines);
    for step in &story.report.steps {
        lines.extend(of_step(step, redactor));
    }
    reproduce(story, redactor, &mut lines);
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn section(title: &str, lines: &mut Vec<String>) {
    lines.extend([String::new(), format!("## {title}"), String::new()]);
}

fn head(story: &Story<'_>, redactor: &mut Redactor, lines: &mut Vec<String>) {
    let subscription = &story.subscription.subscription;
    lines.push(format!("# Webhooks of subscription {}", subscription.id));
    lines.push(String::new());
    let symptom = story.report.causes.first().map_or("no cause was found", |cause| cause.title.as_str());
    lines.push(format!("- Symptom: {}", prose(symptom)));
    lines.push(format!("- State: {}", prose(&judge_subscription(&story.subscription.facts()).why)));
    lines.push(format!("- Subscription: {} of company {}", subscription.id, subscription.company_id));
    lines.push(format!("- Target: {}", code(&redactor.target(&subscription.target_url))));
    let types: Vec<String> = subscription.event_types.iter().map(code).collect();
    lines.push(format!("- Event types: {}", types.join(", ")));
    if let Some(owner) = &subscription.managed_by {
        lines.push(format!("- Managed by: {}", code(owner)));
    }
    let time = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    lines.push(format!("- Last success: {}", time(subscription.last_success_utc)));
    lines.push(format!("- Written: {} by crow {}", story.now, env!("CARGO_PKG_VERSION")));
}

fn failures(story: &Story<'_>, redactor: &mut Redactor, lines: &mut Vec<String>) {
    section("Failures (UTC, oldest first)", lines);
    if story.failures.is_empty() {
        lines.push("None among the attempts at hand.".to_owned());
    }
    for row in story.failures {
        let event = row.event_id.map_or_else(|| "no event".to_owned(), |id| format!("event {id}"));
        lines.push(format!(
            "- {}: {} after {} ms; attempt {} ({}, {} of {}), {event} {}",
            row.started_utc,
            row.outcome(),
            row.elapsed_ms,
            row.id,
            row.kind.name(),
            row.number,
            row.of,
            code(&row.event_type),
        ));
        if let Some(error) = &row.error {
            lines.push(format!("  - {}", code(&redactor.clean(error))));
        }
    }
}

fn expected(story: &Story<'_>, lines: &mut Vec<String>) {
    section("Expected and actual", lines);
    lines.push(format!("- Expected: status 200 to 299, complete within {} s.", DEADLINE.as_secs()));
    let mut outcomes: Vec<String> = story.failures.iter().map(|row| row.outcome().to_string()).collect();
    outcomes.sort();
    outcomes.dedup();
    let actual = if outcomes.is_empty() { "no failure at hand".to_owned() } else { outcomes.join(", ") };
    lines.push(format!("- Actual: {actual}."));
}

fn of_cause(position: usize, cause: &Cause, redactor: &mut Redactor) -> Vec<String> {
    let mut lines = vec![format!("{position}. {}: {}", code(&Untrusted::new(&*cause.id)), prose(&cause.title))];
    lines.extend(cause.evidence.iter().map(|evidence| format!("   - {}", of_evidence(evidence, redactor))));
    lines.push(format!("   - What to do: {}", prose(&cause.resolution)));
    lines
}

fn of_step(step: &Step, redactor: &mut Redactor) -> Vec<String> {
    let why = step.verdict.why().map_or_else(String::new, |why| format!(": {}", code(&redactor.clean(&why.into()))));
    let mut lines = vec![format!("- {} **{}**{why}", prose(&step.question), step.verdict.name())];
    lines.extend(step.evidence.iter().map(|evidence| format!("  - {}", of_evidence(evidence, redactor))));
    lines
}

fn of_evidence(evidence: &Evidence, redactor: &mut Redactor) -> String {
    let limit = evidence.limit.as_ref().map_or_else(String::new, |limit| format!(" (limit {})", prose(limit)));
    let value = code(&redactor.clean(&evidence.value));
    format!("{}: {value}{limit}, asked {}", prose(&evidence.query), evidence.at_utc)
}

fn reproduce(story: &Story<'_>, redactor: &mut Redactor, lines: &mut Vec<String>) {
    let subscription = &story.subscription.subscription;
    let target = shell(&redactor.target(&subscription.target_url));
    let kind = subscription.event_types.first().map_or_else(
        || shell(&"".into()),
        |kind| shell(&Untrusted::new(format!("X-Wlcro-Event-Type: {}", kind.raw()))),
    );
    section("How to reproduce", lines);
    lines.push("Fill in the placeholders; no secret is in this file.".to_owned());
    lines.push(String::new());
    lines.push("```sh".to_owned());
    lines.push("# The attempts, from the platform:".to_owned());
    let path = format!("\"$PLATFORM_URL/portal/v1/attempts?subscription={}&limit=20\"", subscription.id);
    lines.push(format!("curl -sS -H \"Authorization: Bearer $OPERATOR_TOKEN\" {path}"));
    lines.push("# One delivery, to the endpoint, with the event's exact bytes in body.json:".to_owned());
    lines.push("timestamp=$(date +%s)".to_owned());
    lines.push(
        "signature=$({ printf '%s.' \"$timestamp\"; cat body.json; } | openssl dgst -sha256 -hmac \"$SIGNING_SECRET\" -r | cut -d' ' -f1)"
            .to_owned(),
    );
    lines.push(format!(
        "curl -sS -i --max-time {} -X POST {target} -H 'Content-Type: application/json' -H {kind} -H \"X-Wlcro-Timestamp: $timestamp\" \
         -H \"X-Wlcro-Signature: sha256=$signature\" --data-binary @body.json",
        DEADLINE.as_secs()
    ));
    lines.push("```".to_owned());
}
