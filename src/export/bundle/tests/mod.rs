//! Bundles over cases made by hand: what is in them, what never is.

mod findings;
mod secrets;

use super::*;
use crate::diagnose::escalation::{EscalationKind, FoundReason};
use crate::diagnose::evidence_set::{CallGroup, QueryRecord};
use crate::diagnose::incident_history::{FailureGroup, IncidentAct, IncidentHistory, TrendSlice};
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::report::{
    CauseOccurrence, CheckVerdict, DiagnosedCause, DiagnosisReport, Evidence, ReportedCheck,
};
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::diagnose::tried_steps::TriedOutcome;
use crate::domain::ids::{AttemptId, CompanyId, EventId, KeyId, SubscriptionId};
use crate::domain::scan::finding::{SecretEncoding, SecretKind};
use crate::domain::scope::KeyScope;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::export::bundle_reader::{self, open_bundle};
use crate::export::bundle_writer::write_bundle;
use crate::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody, PhaseTimes};
use crate::wire::keys::{KeyRow, RateLimits, RecentKeyUsage};
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::{DeliveryHealth, Subscription, SubscriptionRow};
use std::time::Duration;

const SIGNING: &str = "c2lnbmluZyBzZWNyZXQgb2YgdGhlIHRlc3Q=";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn subscription() -> SubscriptionRow {
    let subscription = Subscription {
        event_types: vec!["invoice.created".into()],
        managed_by: Some("Zapier".into()),
        consecutive_failures: Some(6),
        last_success_utc: Some(at(-60)),
        ..Subscription::new(
            SubscriptionId(7),
            CompanyId(92),
            "https://hooks.example/orders?token=abcdef".into(),
            at(-100),
        )
    };
    SubscriptionRow {
        subscription,
        disabled_after_utc: None,
        health: Some(DeliveryHealth::default()),
        disabled_note: None,
    }
}

fn failure(id: i64, status: u16, body: &str) -> AttemptDetail {
    let row = AttemptRow {
        started_utc: at(id),
        company_id: Some(CompanyId(92)),
        subscription_id: Some(SubscriptionId(7)),
        target_url: Some("https://hooks.example/orders?token=abcdef".into()),
        event_id: Some(EventId(45_000 + id)),
        event_type: "invoice.created".into(),
        number: Some(3),
        elapsed_ms: 40,
        ..AttemptRow::answered(id, status)
    };
    let bytes = |text: &[u8]| CapturedBody::new(text, text.len() as u64);
    AttemptDetail {
        row,
        request_headers: Vec::new(),
        request_body: bytes(b"{}"),
        response_headers: Vec::new(),
        response_body: bytes(body.as_bytes()),
        peer: None,
        phases: PhaseTimes::default(),
        shed_utc: None,
        answer_topic: None,
        redacted: false,
    }
}

fn request() -> RequestRow {
    RequestRow {
        id: 5,
        utc: at(3),
        key_id: Some(KeyId(4)),
        company_id: Some(CompanyId(92)),
        last4: Some("x81Q".into()),
        method: "POST".into(),
        route: "/api/v1/integrations/leads".into(),
        status: Some(403),
        code: Some("insufficient_scope".into()),
        detail: Some("this key lacks the scope integrations:write".into()),
        reason: Some("integrations:write".into()),
        claimed_company_id: None,
        claimed_last4: None,
        query: None,
        address: None,
        user_agent: None,
        answer_headers: None,
        problem: None,
        own_call: None,
        caller_name: None,
        request_id: Some("req_01J9".into()),
        elapsed_ms: 2,
    }
}

fn key() -> KeyRow {
    KeyRow {
        missing_scopes: None,
        refusal: None,
        id: KeyId(4),
        company_id: CompanyId(92),
        name: "Website Forms".into(),
        last4: "x81Q".into(),
        scopes: vec![KeyScope::EventsRead],
        is_active: Some(true),
        created_utc: Some(at(-100)),
        last_used_utc: None,
        revoked_utc: None,
        limits: Some(RateLimits { read: 60, write: 100, admin: 200 }),
        usage: Some(RecentKeyUsage::default()),
    }
}

fn report() -> DiagnosisReport {
    let evidence = Evidence {
        query: "subscription 7: consecutive failures".to_owned(),
        value: "6".into(),
        limit: Some("5".to_owned()),
        at_utc: at(9),
    };
    DiagnosisReport {
        topic: PlaybookTopic::Breaker,
        subject: DiagnosisSubject::Subscription(SubscriptionId(7)),
        at_utc: at(9),
        remarks: Vec::new(),
        causes: vec![DiagnosedCause {
            concerns: Vec::new(),
            occurrence: CauseOccurrence::default(),
            said: None,
            id: "endpoint-500".to_owned(),
            title: "the endpoint returns errors (500 ×6)".to_owned(),
            evidence: vec![evidence.clone()],
            resolution: "Ask the owner.".to_owned(),
            offers: Vec::new(),
        }],
        steps: vec![ReportedCheck {
            id: "endpoint-now".to_owned(),
            question: "Does it answer?".to_owned(),
            verdict: CheckVerdict::Unknown("nothing was sent".to_owned()),
            evidence: vec![evidence],
        }],
    }
}

fn known<T>(rows: Vec<T>) -> QueryRecord<Vec<T>> {
    QueryRecord { query: "GET /x".to_owned(), at: at(10), found: Ok(rows), is_incomplete: false }
}

fn case() -> IncidentEvidence {
    IncidentEvidence {
        subjects: vec![DiagnosisSubject::Subscription(SubscriptionId(7))],
        at: at(10),
        lookback: Duration::from_secs(3_600),
        clock_ahead_ms: Some(-120),
        platform: Some("0.1.0".to_owned()),
        reports: vec![report()],
        causes: report().causes,
        remarks: Vec::new(),
        keys: known(vec![key()]),
        subscriptions: known(vec![subscription()]),
        failures: known(vec![failure(2, 503, "{\"error\":\"busy\"}"), failure(1, 500, "down")]),
        requests: known(vec![request()]),
        events: Vec::new(),
        notes: Vec::new(),
        not_collected: Vec::new(),
        history: IncidentHistory::default(),
        reporter: ReporterStatement::default(),
        reader: TicketReader::Support,
    }
}

fn built(case: &IncidentEvidence) -> Result<TicketBundle, BundleError> {
    build_bundle(case, ResponseBodies::Included, &gate())
}

fn gate() -> SecretGate {
    let secrets = [SIGNING, "another known secret"].map(|text| Secret::new(text.to_owned()));
    SecretGate::new(&secrets)
}

fn text(bundle: &TicketBundle, name: &str) -> String {
    let file = bundle.files().iter().find(|file| file.name == name).expect("the file");
    file.text.as_str().to_owned()
}

#[test]
fn a_ticket_says_what_happened_when_to_whom_and_how_to_see_it_again() {
    let bundle = built(&case()).expect("no leak");
    let ticket = text(&bundle, "ticket.md");
    for part in [
        "# Ticket about subscription 7",
        "- Symptom: the endpoint returns errors (500 ×6)",
        "- Do not escalate yet: a cause was found",
        "- Platform clock minus this machine's: -120 ms",
        "- Failures from 2023-11-14T22:13:21.000Z to 2023-11-14T22:13:23.000Z (UTC)",
        "- Key 4 `Website Forms`, ends in `x81Q`, company 92",
        "- Target: `https://hooks.example/orders?REDACTED`",
        "managed by `Zapier`",
        "- 2023-11-14T22:13:21.000Z: 500 after 40 ms; attempt 1 (scheduled, try 3 of 11), subscription 7",
        "  - Answer: `{\"error\":\"busy\"}`",
        "request id `req_01J9`",
        "- Actual: a call answered 403 insufficient\\_scope; an attempt answered 500; an attempt answered 503.",
        "- Period examined: 2023-11-14T21:13:30.000Z to 2023-11-14T22:13:30.000Z (UTC)",
        "--data-binary @body.json \"$PLATFORM_URL\"'/api/v1/integrations/leads'",
        "1. the endpoint returns errors (500 ×6) (`endpoint-500`)\n   - Active\n",
        "What to do: Ask the owner.",
        "- **unknown** (`nothing was sent`): Does it answer?",
        "- Evidence read at 2023-11-14T22:13:29.000Z",
        "-X POST 'https://hooks.example/orders?REDACTED'",
        "$SIGNING_SECRET",
        "event payloads and signing secrets",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    assert!(!ticket.contains("abcdef"));
    assert_eq!(bundle.folder(), "crow-subscription-7-20231114T221330Z");
}

/// A step of which so many failures are known since.
fn tried(n_failed: Option<u64>) -> TriedOutcome {
    TriedOutcome { utc: Some(at(1)), n_failed, n_good: Some(2), ..TriedOutcome::default() }
}

/// A case with a course: two failures of one kind, refused calls, a change before and an act since.
fn with_course() -> IncidentEvidence {
    let act = |id: i64, action: &str| IncidentAct {
        utc: at(id),
        action: action.into(),
        subject: "subscription 7".into(),
        by: "operator 1 (dana)".into(),
        reason: Some("asked by the partner".into()),
        id,
    };
    let told = [("Allow", "GET"), ("X-Request-Id", "req_01J9"), ("X-Internal", "rack 7")];
    let answer_headers = Some(told.map(|(name, value)| (name.to_owned(), value.to_owned()).into()).to_vec());
    let row =
        RequestRow { query: Some("limit=50".into()), user_agent: Some("import/2".into()), answer_headers, ..request() };
    let mut detail = failure(2, 500, "down");
    detail.response_headers = [("Retry-After", "120"), ("Set-Cookie", "session=1"), ("server", "nginx")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()).into())
        .to_vec();
    let history = IncidentHistory {
        failures: vec![FailureGroup {
            subscription: SubscriptionId(7),
            outcome: "500".to_owned(),
            n: 66,
            is_at_least: false,
            first: (at(1), AttemptId(1)),
            last: (at(2), AttemptId(2)),
        }],
        calls: CallGroup::group(std::slice::from_ref(&row)),
        trend: vec![TrendSlice { since: at(0), n_failed: 2, n: 9 }, TrendSlice { since: at(5), n_failed: 64, n: 64 }],
        acts: vec![act(8, "enable subscription")],
        last_change: Some(act(-3, "change subscription")),
        ..IncidentHistory::default()
    };
    let failures = known(vec![detail, failure(1, 500, "down")]);
    IncidentEvidence { history, failures, requests: known(vec![row]), ..case() }
}

#[test]
fn a_ticket_has_the_course_of_the_problem_and_the_words_of_the_reporter() {
    let mut case = with_course();
    case.reporter = ReporterStatement {
        tried: vec!["a restart of the host".to_owned()],
        note: Some("since the *deploy*".to_owned()),
        contact: Some("dana@partner.example".to_owned()),
        reasons: Vec::new(),
    };
    case.history.tried = vec![tried(Some(3))];
    let bundle = built(&case).expect("no leak");
    let ticket = text(&bundle, "ticket.md");
    for part in [
        "- Impact: 66 attempts failed, 1 call rejected or failed, since 2023-11-14T22:13:21.000Z",
        "- To be resolved by: the owner of the receiver",
        "- Escalate: 3 failures since 2023-11-14T22:13:21.000Z; 2 successes or more since, after the reporter tried: a restart of the host\n",
        "- since the \\*deploy\\*",
        "- Tried: a restart of the host\n  - 3 failures since 2023-11-14T22:13:21.000Z; 2 successes or more since\n",
        "- Contact: dana@partner.example",
        "- Subscription 7: 500 × 66, same result, first 2023-11-14T22:13:21.000Z, last 2023-11-14T22:13:22.000Z",
        "- `POST /api/v1/integrations/leads`: 403 `insufficient_scope` × 1, key ends in `x81Q`, by `import/2 at an unknown address`",
        "- Failed scheduled attempts by time: 22:13:20 to 22:13:25: 2 of 9; 22:13:25 to 22:13:30: 64 of 64 (parts of the period without an attempt: 0)",
        "- Last change before: 2023-11-14T22:13:17.000Z change subscription (subscription 7) by `operator 1 (dana)`: `asked by the partner`",
        "- Done since: 2023-11-14T22:13:28.000Z enable subscription (subscription 7) by",
        "  - Header `Retry-After: 120`",
        "  - Header `server: nginx`",
        "  - Header `Allow: GET`",
        "  - Header `X-Request-Id: req_01J9`",
        "Problem document, as far as the request log keeps it: `{\"code\":\"insufficient_scope\",\"detail\":",
        "- Actual: 66 attempts to subscription 7 answered 500; 1 call POST /api/v1/integrations/leads answered 403",
        "leads?limit=50'",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    assert!(!ticket.contains("session") && !ticket.contains("rack 7"), "cookies and other headers stay out");
}

#[test]
fn a_partner_is_told_what_to_do_and_nothing_internal() {
    let mut case = with_course();
    case.reader = TicketReader::Partner;
    case.notes = vec![("subscription 7".to_owned(), "they never answer".to_owned())];
    let stranger = RequestRow { id: 6, key_id: None, last4: None, company_id: None, ..request() };
    case.requests.found.as_mut().expect("rows").push(stranger.clone());
    case.history.calls.extend(CallGroup::group(&[RequestRow { route: "/secret/scanner".into(), ..stranger }]));
    let bundle = built(&case).expect("no leak");
    let (ticket, values) = (text(&bundle, "ticket.md"), text(&bundle, "ticket.json"));
    for part in [
        "- For: the partner",
        "## What to do\n",
        "What to do: Ask the owner.",
        "- Subscription 7: 500 × 66",
        "- Done since: 2023-11-14T22:13:28.000Z enable subscription (subscription 7)",
        "-X POST 'https://hooks.example/orders?REDACTED'",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    for part in ["dana", "they never answer", "scanner", "OPERATOR_TOKEN", "/portal/", "Checks:", "scalate", "-120"] {
        assert!(!ticket.contains(part) && !values.contains(part), "{part:?} is in\n{ticket}");
    }
    assert_eq!(bundle.ticket().requests.len(), 1);
    case.reporter.reasons = EscalationKind::GUIDE.to_vec();
    let stated = built(&case).expect("no leak");
    for kind in EscalationKind::GUIDE {
        let line = format!("- Stated by the reporter: {}\n", kind.rule());
        assert!(text(&stated, "ticket.md").contains(&line), "what the reporter states is kept: {line}");
    }
}

#[test]
fn a_secret_in_the_reporters_words_stops_the_ticket_and_the_field_is_named() {
    let of = |tried: &str, note: &str, contact: &str| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let tried = text(tried).into_iter().collect();
        let reporter = ReporterStatement { tried, note: text(note), contact: text(contact), reasons: Vec::new() };
        built(&IncidentEvidence { reporter, ..case() }).map_err(|error| error.to_string())
    };
    let key = format!("wlcro_live_92_{}", "Zz9".repeat(15));
    for secret in [SIGNING, &key] {
        for (field, made) in [
            ("--tried", of(&format!("sent {secret}"), "", "")),
            ("--note", of("", &format!("the key is {secret}"), "")),
            ("--contact", of("", "", secret)),
        ] {
            let said = made.expect_err("it is held back");
            assert!(said.starts_with(&format!("nothing was written: in {field}, ")), "{said}");
            assert!(!said.contains(&secret[..12]), "{said}");
        }
    }
    assert!(of("a restart", "since noon", "dana").is_ok());
}

#[test]
fn the_manifest_proves_the_files_and_says_what_was_left_out() {
    let bundle = built(&case()).expect("no leak");
    let manifest: BundleManifest = serde_json::from_str(&text(&bundle, "manifest.json")).expect("a manifest");
    assert_eq!(
        manifest.files.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
        ["ticket.md", "ticket.json"]
    );
    for entry in &manifest.files {
        let bytes = text(&bundle, &entry.name);
        assert_eq!((entry.sha256.as_str(), entry.n_bytes), (&*sha256_hex(bytes.as_bytes()), bytes.len() as u64));
    }
    let left_out = &manifest.redactions[0];
    assert_eq!((left_out.what.as_str(), left_out.n), ("secret parts of URLs", 4));
    let ticket: SupportTicket = serde_json::from_str(&text(&bundle, "ticket.json")).expect("a ticket");
    assert_eq!(&ticket, bundle.ticket());
    assert_eq!(built(&case()).expect("no leak"), bundle, "the same input gives the same bytes");
}

#[test]
fn what_could_not_be_learnt_is_said_to_be_missing() {
    let gone = IncidentEvidence {
        failures: QueryRecord { found: Err("no answer within 10 s".to_owned()), ..known(Vec::new()) },
        requests: known(Vec::new()),
        not_collected: vec!["clock difference: no answer".to_owned()],
        ..case()
    };
    let missing = built(&gone).expect("no leak").ticket().missing.join("\n");
    for part in ["failed deliveries (no answer within 10 s)", "rejected calls: none was read", "clock difference"] {
        assert!(missing.contains(part), "{part} in {missing}");
    }
}

#[test]
fn t2_hostile_text_stays_inert_in_markdown_and_json() {
    let hostile = "\u{1b}[2J\n# Heading\n```\n<script>@all `x` [a](javascript:b) \u{202e}=cmd()";
    let mut case = case();
    case.failures = known(vec![failure(1, 500, hostile)]);
    case.keys.found.as_mut().expect("rows")[0].name = hostile.into();
    case.reports[0].causes[0].title = hostile.to_owned();
    let bundle = built(&case).expect("no leak");
    for file in bundle.files() {
        let text = file.text.as_str();
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{}", file.name);
    }
    let ticket = text(&bundle, "ticket.md");
    assert!(!ticket.lines().any(|line| line.starts_with("# Heading") || line.starts_with("<script>")));
    assert_eq!(ticket.lines().filter(|line| line.starts_with("```")).count(), 2);
    let values = text(&bundle, "ticket.json");
    assert!(!values.contains("\\u001b"), "an escape that a reader would decode again");
}

#[test]
fn a_bundle_goes_into_a_new_folder_or_archive_never_over_an_old_one_and_can_be_opened_again() {
    let home = tempfile::tempdir().expect("a folder");
    let bundle = built(&case()).expect("no leak");
    for name in ["ticket", "ticket.zip"] {
        let path = home.path().join(name);
        write_bundle(&bundle, &path).expect("written");
        assert!(matches!(write_bundle(&bundle, &path), Err(BundleError::Exists { .. })));
        let opened = open_bundle(&path).expect("opened");
        assert_eq!((&opened.ticket, &opened.manifest), (bundle.ticket(), bundle.manifest()));
    }
    let again = home.path().join("again.zip");
    write_bundle(&bundle, &again).expect("written");
    let bytes = |path: &std::path::Path| std::fs::read(path).expect("readable");
    assert_eq!(bytes(&again), bytes(&home.path().join("ticket.zip")), "the same bytes");
    std::fs::write(home.path().join("ticket/ticket.md"), "changed").expect("written");
    assert!(
        matches!(open_bundle(&home.path().join("ticket")), Err(bundle_reader::OpenBundleError::Changed { name }) if name == "ticket.md")
    );
    assert!(matches!(
        open_bundle(&home.path().join("nowhere")),
        Err(bundle_reader::OpenBundleError::Unreadable { .. })
    ));
    let nowhere = home.path().join("missing").join("ticket");
    assert!(matches!(write_bundle(&bundle, &nowhere), Err(BundleError::Io { .. })));
}
