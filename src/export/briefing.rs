//! Partner briefing: what a key gives access to, what is delivered, how to verify it, and what to do about errors.
//! Built as a list of blocks, and written as Markdown or HTML.

use super::briefing_document::PartnerBriefing;
use super::markdown::{code_span, escape_prose};
use super::review::html::{escape, html_page};
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::delivery::{ATTEMPT_TIMEOUT, MAX_RETRIES, RetryPolicy};
use crate::domain::scope::KeyScope;
use crate::domain::secret::Secret;
use crate::domain::signature::sign;
use crate::domain::text::Untrusted;
use crate::domain::window::RateBucket;
use crate::text::or_unknown;
use crate::wire::problem::ProblemCode;
use std::fmt::Write as _;

/// Block of a briefing, independent of the format.
enum BriefingBlock {
    Title(&'static str),
    Prose(String),
    Table(Vec<&'static str>, Vec<Vec<Untrusted>>),
    Code(String),
}

/// Secret of the test vector; it gives access to nothing.
const VECTOR_SECRET: &str = "whsec_test_secret_0123456789";
const VECTOR_AT: i64 = 1_700_000_000;
const VECTOR_BODY: &str = r#"{"id":1}"#;

/// Writes the briefing as Markdown.
#[must_use]
pub fn markdown(brief: &PartnerBriefing) -> String {
    let mut text = format!("# Briefing: {}\n", code_span(&brief.key.name));
    for block in blocks(brief) {
        match block {
            BriefingBlock::Title(title) => {
                let _ = write!(text, "\n## {title}\n");
            }
            BriefingBlock::Prose(line) => {
                let _ = write!(text, "\n{}\n", escape_prose(&line));
            }
            BriefingBlock::Code(lines) => {
                let _ = write!(text, "\n```\n{lines}\n```\n");
            }
            BriefingBlock::Table(head, rows) => {
                let _ = write!(text, "\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| code_span(cell).replace('|', "\\|")).collect();
                    let _ = writeln!(text, "| {} |", cells.join(" | "));
                }
            }
        }
    }
    text
}

/// Style sheet of the HTML page.
const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1.2rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}\
    pre{overflow-x:auto;padding:.8rem;border:1px solid #8886;border-radius:.4rem}@media print{body{margin:0}}";

/// Writes the briefing as one HTML page without external resources.
#[must_use]
pub fn html(brief: &PartnerBriefing) -> String {
    let mut body = format!("<h1>Briefing: {}</h1>\n", escape(&brief.key.name));
    for block in blocks(brief) {
        let _ = match block {
            BriefingBlock::Title(title) => writeln!(body, "<h2>{title}</h2>"),
            BriefingBlock::Prose(line) => writeln!(body, "<p>{}</p>", escape(&Untrusted::new(line))),
            BriefingBlock::Code(lines) => {
                let lines: Vec<String> = lines.lines().map(|line| escape(&Untrusted::new(line))).collect();
                writeln!(body, "<pre>{}</pre>", lines.join("\n"))
            }
            BriefingBlock::Table(head, rows) => {
                let head: String = head.iter().map(|head| format!("<th>{head}</th>")).collect();
                let rows: String = rows
                    .iter()
                    .map(|row| {
                        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
                        format!("<tr>{cells}</tr>\n")
                    })
                    .collect();
                writeln!(body, "<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>")
            }
        };
    }
    html_page(&format!("Briefing: {}", brief.key.name.sanitized()), STYLE, &body)
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, made where they are used")]
fn text(text: impl ToString) -> Untrusted {
    Untrusted::new(text.to_string())
}

fn blocks(brief: &PartnerBriefing) -> Vec<BriefingBlock> {
    let mut blocks = access(brief);
    blocks.extend(limits(brief));
    if !brief.samples.is_empty() {
        blocks.extend(events(brief));
    }
    if brief.key.scopes.contains(&KeyScope::WebhooksWrite) {
        blocks.extend(webhooks());
    }
    blocks.extend(errors());
    blocks
}

fn access(brief: &PartnerBriefing) -> Vec<BriefingBlock> {
    let key = &brief.key;
    let company = brief.company.as_ref().map_or_else(String::new, |name| format!(", {}", name.sanitized()));
    let scopes = key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let unknown = key.unknown_scopes().map(KeyScope::name).collect::<Vec<_>>().join(", ");
    let unknown =
        if unknown.is_empty() { unknown } else { format!(" It is not known whether it also has: {unknown}.") };
    let opened = brief
        .opened
        .iter()
        .map(|of| vec![text(&of.method), text(&of.path), text(of.scope.name()), text(of.bucket.name())]);
    vec![
        BriefingBlock::Title("Access"),
        BriefingBlock::Prose(format!(
            "This briefing is for company {}{company}. The key ending in {} has these scopes: {scopes}.{unknown} Scopes cannot be changed. Revocation is immediate and permanent.",
            key.company_id,
            key.last4.sanitized()
        )),
        BriefingBlock::Prose(
            "You receive the key separately from this document. Keep it on a server, never in a web page or an app. \
             Send it only in the header X-Api-Key."
                .to_owned(),
        ),
        BriefingBlock::Code(format!("curl -H 'X-Api-Key: YOUR_KEY' {}/api/v1/events", brief.platform)),
        BriefingBlock::Title("Permitted calls"),
        BriefingBlock::Table(vec!["Method", "Path", "Scope", "Limit"], opened.collect()),
    ]
}

fn limits(brief: &PartnerBriefing) -> Vec<BriefingBlock> {
    let limits = brief.key.limits.as_ref();
    let of = |bucket| or_unknown(limits.map(|limits| limits.for_bucket(bucket)));
    let used = RateBucket::ALL.into_iter().filter(|bucket| brief.opened.iter().any(|route| route.bucket == *bucket));
    vec![
        BriefingBlock::Title("Rate limits"),
        BriefingBlock::Table(vec!["Limit", "Calls a minute"], used.map(|bucket| vec![text(bucket.name()), text(of(bucket))]).collect()),
        BriefingBlock::Prose(
            "Limits reset at the start of each clock minute. Every answer has the headers X-RateLimit-Limit, -Remaining, -Reset, -Window and -Policy. \
             A call over the limit gets 429 with Retry-After in seconds: wait that long, then retry."
                .to_owned(),
        ),
    ]
}

fn events(brief: &PartnerBriefing) -> Vec<BriefingBlock> {
    let mut blocks = vec![
        BriefingBlock::Title("Events"),
        BriefingBlock::Prose(
            "An event is an object with id, type, createdUtc, companyId, payload and sometimes metadata. Ids increase. Payloads may gain fields: \
             ignore unknown ones. Sample payloads:"
                .to_owned(),
        ),
    ];
    for sample in &brief.samples {
        blocks.push(BriefingBlock::Prose(format!("{}:", sample.kind)));
        blocks.push(BriefingBlock::Code(sample.payload.clone()));
    }
    blocks
}

fn webhooks() -> Vec<BriefingBlock> {
    let signature = sign(&Secret::new(VECTOR_SECRET.to_owned()), VECTOR_AT, VECTOR_BODY.as_bytes());
    let schedule = RetryPolicy::default();
    vec![
        BriefingBlock::Title("Webhooks"),
        BriefingBlock::Prose(format!(
            "Events are sent as JSON by POST to your https URL. Answer 2xx within {} seconds, and do the work after that. Redirects are not followed. \
             Delivery is at least once and in no guaranteed order: use X-Wlcro-Event-Id to drop duplicates.",
            ATTEMPT_TIMEOUT.as_secs()
        )),
        BriefingBlock::Prose(format!(
            "A failed delivery is retried up to {MAX_RETRIES} times: first after {} s, then with twice the delay each time, up to {} h. After {FAILURE_THRESHOLD} failures in a \
             row the subscription is disabled and misses events until it is enabled again; then ask us for a replay.",
            schedule.base.as_secs(),
            schedule.max_delay().as_secs() / 3_600
        )),
        BriefingBlock::Title("Verify every webhook"),
        BriefingBlock::Prose(
            "X-Wlcro-Signature is sha256= followed by the lowercase hex HMAC-SHA256 of X-Wlcro-Timestamp, a dot and the raw body, keyed with \
             the text of your signing secret. Compare in constant time before you parse, and reject timestamps that are more than 300 s off. The secret is \
             shown once, when the subscription is created."
                .to_owned(),
        ),
        BriefingBlock::Code(format!(
            "secret      {VECTOR_SECRET}\ntimestamp   {VECTOR_AT}\nbody        {VECTOR_BODY}\nsignature   {signature}"
        )),
        BriefingBlock::Prose("Test your code against this vector:".to_owned()),
        BriefingBlock::Code(format!("printf '%s' '{VECTOR_AT}.{VECTOR_BODY}' | openssl dgst -sha256 -hmac {VECTOR_SECRET}")),
    ]
}

fn errors() -> Vec<BriefingBlock> {
    let rows = [
        (ProblemCode::MalformedJson, "fix the JSON; nothing was changed"),
        (ProblemCode::ValidationFailed, "errors lists the invalid fields; nothing was changed"),
        (ProblemCode::MissingKey, "send the key in X-Api-Key"),
        (ProblemCode::MalformedKey, "detail says what is wrong, such as a space or a missing part"),
        (ProblemCode::UnknownKey, "not a key of this platform; ask for a new one"),
        (ProblemCode::RevokedKey, "the key was revoked; ask for a new one"),
        (ProblemCode::InsufficientScope, "requiredScope names the missing scope; ask for a key that has it"),
        (ProblemCode::OtherCompany, "the id belongs to another company"),
        (ProblemCode::IdempotencyConflict, "this Idempotency-Key was used with another body"),
        (ProblemCode::RateLimited, "wait for Retry-After, then retry"),
        (ProblemCode::Internal, "retry later; if it persists, send us the request id"),
        (ProblemCode::Contended, "contention, not a rate limit: wait for Retry-After, then retry"),
    ];
    let name = |code: ProblemCode| {
        serde_json::to_value(code).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let rows = rows.into_iter().map(|(code, what)| vec![text(code.status()), text(name(code)), text(what)]);
    vec![
        BriefingBlock::Title("Errors"),
        BriefingBlock::Prose(
            "Errors are application/problem+json with a code for programs and a detail for people. Every answer has X-Request-Id: log it. Send an \
             Idempotency-Key with calls that create something: a retry with the same key and body gets the same answer and creates no duplicate."
                .to_owned(),
        ),
        BriefingBlock::Table(vec!["Status", "Code", "What to do"], rows.collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventType;
    use crate::domain::ids::{CompanyId, KeyId};
    use crate::domain::time::Timestamp;
    use crate::export::briefing_document::{PermittedRoute, SamplePayload};
    use crate::wire::keys::{KeyRow, RateLimits, RecentKeyUsage};

    fn brief(scopes: &[KeyScope]) -> PartnerBriefing {
        let key = KeyRow {
            missing_scopes: None,
            refusal: None,
            id: KeyId(7),
            company_id: CompanyId(92),
            name: "<b>`Zap`</b>\u{1b}[2J".into(),
            last4: "x81Q".into(),
            scopes: scopes.to_vec(),
            is_active: Some(true),
            created_utc: Some(Timestamp::default()),
            last_used_utc: None,
            revoked_utc: None,
            limits: Some(RateLimits { read: 60, write: 100, admin: 7 }),
            usage: Some(RecentKeyUsage::default()),
        };
        let opened = PermittedRoute {
            method: "GET".to_owned(),
            path: "/api/v1/events".to_owned(),
            scope: KeyScope::EventsRead,
            bucket: RateBucket::Read,
        };
        let sample = SamplePayload { kind: EventType::LeadCreated, payload: r#"{"client_id":1}"#.to_owned() };
        PartnerBriefing {
            platform: "https://p.example".to_owned(),
            company: Some("Acme & Co".into()),
            key,
            opened: vec![opened],
            samples: vec![sample],
        }
    }

    #[test]
    fn a_briefing_has_what_the_key_opens_and_nothing_active() {
        let of = brief(&[KeyScope::EventsRead, KeyScope::WebhooksWrite]);
        let (text, page) = (markdown(&of), html(&of));
        for part in [
            "/api/v1/events",
            "lead.created",
            "25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3",
            "429",
            "Retry-After",
        ] {
            assert!(text.contains(part) && page.contains(part), "{part}");
        }
        assert!(!page.contains("<b>") && page.contains("&lt;b&gt;") && page.contains("default-src 'none'"));
        assert!(!text.contains('\u{1b}') && !page.contains('\u{1b}'));
        assert!(!text.contains("| `admin` | `7` |"), "a window that nothing counts in is not told");
    }

    #[test]
    fn who_has_no_webhooks_is_not_told_of_them() {
        assert!(!markdown(&brief(&[KeyScope::EventsRead])).contains("## Webhooks"));
    }
}
