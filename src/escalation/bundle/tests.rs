//! Bundles over pictures made by hand: what is in them, what never is.

use super::*;
use crate::api::report::{Cause, Evidence, Step, Subject, Topic, Verdict};
use crate::api::subscriptions::{Health, Subscription};
use crate::domain::delivery::Kind as AttemptKind;
use crate::domain::ids::{AttemptId, CompanyId, EventId, SubscriptionId};
use crate::escalation::leak::Form;
use crate::escalation::write::write;

const SIGNING: &str = "c2lnbmluZyBzZWNyZXQgb2YgdGhlIHRlc3Q=";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn row() -> SubscriptionRow {
    let subscription = Subscription {
        id: SubscriptionId(7),
        company_id: CompanyId(92),
        target_url: "https://hooks.example/orders?token=abcdef".into(),
        event_types: vec!["invoice.created".into()],
        is_enabled: true,
        description: None,
        managed_by: Some("Zapier".into()),
        consecutive_failures: 6,
        disabled_reason: None,
        disabled_utc: None,
        last_attempt_utc: None,
        last_success_utc: Some(at(-60)),
        created_utc: at(-100),
        updated_utc: at(-100),
    };
    SubscriptionRow { subscription, health: Health::default() }
}

fn attempt(id: i64, status: u16, error: Option<&str>) -> AttemptRow {
    AttemptRow {
        id: AttemptId(id),
        started_utc: at(id),
        company_id: CompanyId(92),
        subscription_id: SubscriptionId(7),
        target_url: "https://hooks.example/orders?token=abcdef".into(),
        delivery_id: None,
        event_id: Some(EventId(45_000 + id)),
        event_type: "invoice.created".into(),
        kind: AttemptKind::Scheduled,
        number: 3,
        of: 11,
        elapsed_ms: 40,
        status_code: Some(status),
        cause: None,
        error: error.map(Into::into),
    }
}

fn report() -> Report {
    let evidence = Evidence {
        query: "subscription 7: consecutive failures".to_owned(),
        value: "6".into(),
        limit: Some("5".to_owned()),
        at_utc: at(9),
    };
    Report {
        topic: Topic::Breaker,
        at_utc: at(0),
        subject: Subject::Subscription(SubscriptionId(7)),
        causes: vec![Cause {
            id: "endpoint-500".to_owned(),
            title: "the endpoint answers with an error (500 ×6)".to_owned(),
            evidence: vec![evidence.clone()],
            resolution: "Ask the owner.".to_owned(),
            offers: Vec::new(),
        }],
        steps: vec![Step {
            id: "endpoint-now".to_owned(),
            question: "Does it answer?".to_owned(),
            verdict: Verdict::Unknown("nothing was sent".to_owned()),
            evidence: vec![evidence],
        }],
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn built(attempts: &[AttemptRow]) -> Result<Bundle, Error> {
    bundle(&report(), &row(), attempts, &[&secret(SIGNING), &secret("another known secret")], at(10))
}

fn text(bundle: &Bundle, name: &str) -> String {
    let file = bundle.files().iter().find(|file| file.name == name).expect("the file");
    String::from_utf8(file.bytes.clone()).expect("text")
}

#[test]
fn a_ticket_says_what_happened_when_to_whom_and_how_to_see_it_again() {
    let bundle = built(&[attempt(2, 503, Some("x")), attempt(1, 500, None), attempt(3, 200, None)]).expect("no leak");
    let ticket = text(&bundle, "ticket.md");
    for part in [
        "# Webhooks of subscription 7",
        "- Symptom: the endpoint answers with an error (500 ×6)",
        "- Target: `https://hooks.example/orders?token=REDACTED`",
        "- Managed by: `Zapier`",
        "- 2023-11-14T22:13:21.000Z: 500 after 40 ms; attempt 1 (scheduled, 3 of 11), event 45001 `invoice.created`",
        "- Actual: 500, 503.",
        "1. `endpoint-500`: the endpoint",
        "What to do: Ask the owner.",
        "- Does it answer? **unknown**: `nothing was sent`",
        "(limit 5), asked 2023-11-14T22:13:29.000Z",
        "-X POST 'https://hooks.example/orders?token=REDACTED'",
        "$SIGNING_SECRET",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    assert!(!ticket.contains("attempt 3"), "a success is no failure");
    assert!(!ticket.contains("abcdef"));
    assert_eq!(bundle.folder(), "crow-breaker-subscription-7-20231114T221330Z");
}

#[test]
fn the_manifest_proves_the_ticket_and_names_its_window() {
    let bundle = built(&[attempt(2, 503, None), attempt(1, 500, None)]).expect("no leak");
    let manifest: Manifest = serde_json::from_str(&text(&bundle, "manifest.json")).expect("a manifest");
    let ticket = text(&bundle, "ticket.md");
    assert_eq!(manifest.files[0].sha256, hex::encode(Sha256::digest(ticket.as_bytes())));
    assert_eq!(manifest.files[0].n_bytes, ticket.len() as u64);
    assert_eq!(manifest.window, Some(Window { since_utc: at(1), until_utc: at(2) }));
    assert_eq!(manifest.n_redactions, 2);
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_order_of_attempts() {
    let (one, two) = (attempt(1, 500, None), attempt(2, 503, Some("x")));
    let bundles = [built(&[one.clone(), two.clone()]), built(&[two, one])].map(|bundle| bundle.expect("no leak"));
    assert_eq!(bundles[0], bundles[1]);
}

#[test]
fn a_planted_secret_refuses_the_bundle_and_is_not_repeated() {
    let key = format!("wlcro_live_92_{}", "Zz9".repeat(15));
    for (planted, kind) in [
        (SIGNING.to_owned(), Kind::Known(Form::Plain)),
        (SIGNING.replace('=', "%3D"), Kind::Known(Form::Percent)),
        (format!("{}\n{}", &SIGNING[..10], &SIGNING[10..]), Kind::Known(Form::Escaped)),
        (key, Kind::KeyShaped(Form::Plain)),
    ] {
        let refused = built(&[attempt(1, 500, Some(&format!("upstream said {planted}")))]).expect_err("a leak");
        let said = refused.to_string();
        assert!(matches!(refused, Error::Leak { file: "ticket.md", kind: found } if found == kind), "{said}");
        assert!(!said.contains(&planted[..8]), "{said}");
    }
}

#[test]
fn a_secret_planted_in_any_outside_text_refuses_the_bundle() {
    let plants: [fn(&mut Report, &mut SubscriptionRow); 6] = [
        |report, _| report.causes[0].title = SIGNING.to_owned(),
        |report, _| report.causes[0].evidence[0].value = SIGNING.into(),
        |report, _| report.steps[0].verdict = Verdict::Unknown(SIGNING.to_owned()),
        |_, row| row.subscription.target_url = format!("https://hooks.example/{SIGNING}").into(),
        |_, row| row.subscription.event_types = vec![SIGNING.into()],
        |_, row| row.subscription.managed_by = Some(SIGNING.into()),
    ];
    for (position, plant) in plants.into_iter().enumerate() {
        let (mut report, mut row) = (report(), row());
        plant(&mut report, &mut row);
        let refused = bundle(&report, &row, &[], &[&secret(SIGNING)], at(10));
        assert!(matches!(refused, Err(Error::Leak { .. })), "plant {position}: {refused:?}");
    }
}

#[test]
fn hostile_text_stays_inert() {
    let hostile = "\u{1b}[2J\n# Heading\n```\n<script>@all `x` \u{202e}";
    let bundle = built(&[attempt(1, 500, Some(hostile))]).expect("no leak");
    let ticket = text(&bundle, "ticket.md");
    assert!(ticket.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!ticket.contains('\u{202e}'));
    assert!(!ticket.lines().any(|line| line.starts_with("# Heading") || line.starts_with("<script>")));
    assert_eq!(ticket.lines().filter(|line| line.starts_with("```")).count(), 2);
}

#[test]
fn a_bundle_goes_into_a_new_folder_and_never_over_an_old_one() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("ticket");
    let bundle = built(&[attempt(1, 500, None)]).expect("no leak");
    write(&bundle, &dir).expect("written");
    for file in bundle.files() {
        assert_eq!(std::fs::read(dir.join(file.name)).expect("readable"), file.bytes);
    }
    assert!(matches!(write(&bundle, &dir), Err(Error::Exists { .. })));
    let nowhere = home.path().join("missing").join("ticket");
    assert!(matches!(write(&bundle, &nowhere), Err(Error::Io { .. })));
}
