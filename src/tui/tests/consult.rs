//! Panes 9 and 0: what keys ask for, and what is shown of what came.

use super::fixture::{NOW, TestConsole, ago, overview};
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::evidence_set::QueryRecord;
use crate::diagnose::incident::IncidentEvidence;
use crate::diagnose::incident_history::IncidentHistory;
use crate::diagnose::playbook_topic::PlaybookTopic;
use crate::diagnose::remedy::OfferedAction;
use crate::diagnose::remedy::{MissedRange, RemediationAction, RunbookTarget};
use crate::diagnose::report::{
    CauseOccurrence, CheckVerdict, CombinedDiagnosis, DiagnosedCause, DiagnosisReport, Evidence, ReportedCheck,
};
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::diagnose::runbook_kind::Runbook;
use crate::diagnose::runbook_progress::{RunbookProgress, RunbookStepState};
use crate::domain::ids::{AttemptId, KeyId, SubscriptionId};
use crate::domain::outbound::SecretGate;
use crate::export::bundle::{BundleError, TicketBundle, build_bundle};
use crate::export::bundle_documents::SupportTicket;
use crate::export::ticket::ResponseBodies;
use crate::sync::platform_change::PlatformChange;
use crate::tui::effect::DiagnoseResult;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::runtime::state_file;
use crate::tui::state::config::ConsoleAccess;
use crate::tui::state::escalate::BundleStage;
use crate::tui::widgets::theme::ConsoleAppearance;
use crate::wire::signature_check::{SignatureCause, SignatureCheck, SignatureFit, SignatureReport};
use crate::wire::subscriptions::MissedEventsChoice;
use crossterm::event::KeyCode;

pub(super) const TRIPPED: SubscriptionId = SubscriptionId(21);
pub(super) const FAILING: SubscriptionId = SubscriptionId(23);

fn evidence(query: &str, value: &str, limit: Option<&str>) -> Evidence {
    Evidence { query: query.to_owned(), value: value.into(), limit: limit.map(ToOwned::to_owned), at_utc: NOW }
}

pub(super) fn report(subject: DiagnosisSubject) -> DiagnosisReport {
    let failures = evidence(
        "subscription 23: failures in a row, GET /portal/v1/subscriptions",
        "13",
        Some("below 3; trips at 20"),
    );
    let step = |id: &str, question: &str, verdict| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict,
        evidence: vec![failures.clone()],
    };
    let guide = RunbookTarget { runbook: Runbook::BreakerRecovery, subject: DiagnosisSubject::Subscription(TRIPPED) };
    DiagnosisReport {
        topic: PlaybookTopic::WebhooksNotArriving,
        subject,
        at_utc: NOW,
        remarks: Vec::new(),
        causes: vec![
            DiagnosedCause {
                concerns: Vec::new(),
                occurrence: CauseOccurrence::default(),
                said: None,
                id: "breaker-tripped".to_owned(),
                title:
                    "subscription 21: the breaker tripped after 20 failures in a row (500 \u{d7}18, timeout \u{d7}2)"
                        .to_owned(),
                evidence: vec![evidence(
                    "subscription 21: missed events, GET /portal/v1/subscriptions",
                    "118",
                    Some("0"),
                )],
                resolution: "Fix the endpoint, send tests until one succeeds, then enable the subscription.".to_owned(),
                offers: [
                    RemediationAction::Test(TRIPPED),
                    RemediationAction::Enable(TRIPPED),
                    RemediationAction::Runbook(guide),
                ]
                .map(OfferedAction::from)
                .to_vec(),
            },
            DiagnosedCause {
                concerns: Vec::new(),
                occurrence: CauseOccurrence::default(),
                said: None,
                id: "endpoint-500".to_owned(),
                title: "subscription 23: the endpoint returns errors \u{1b}[2J (500 \u{d7}13)".to_owned(),
                evidence: Vec::new(),
                resolution: "Ask the endpoint's owner.".to_owned(),
                offers: Vec::new(),
            },
        ],
        steps: vec![
            step("enabled", "Are all subscriptions enabled?", CheckVerdict::Fail),
            step(
                "endpoint-answers",
                "Do the endpoints return 2xx?",
                CheckVerdict::Unknown("the platform went away".to_owned()),
            ),
        ],
    }
}

fn progress(id: KeyId, n_done: usize) -> RunbookProgress {
    let texts = [
        (
            "new-key",
            "Create a key for the same company with the same scopes. It is shown once.",
            "a newer active key has these scopes",
        ),
        ("new-in-use", "Deploy the new key to every system that uses the old one.", "the new key authenticated a call"),
        ("old-silent", "Wait until the old key is no longer used.", "no call with the old key for 15 minutes"),
        ("old-revoked", "Revoke the old key. This is permanent.", "the old key is revoked"),
    ];
    let step = |(at, (id_of, to_do, check)): (usize, (&str, &str, &str))| RunbookStepState {
        id: id_of.to_owned(),
        to_do: to_do.to_owned(),
        check: check.to_owned(),
        verdict: match at {
            at if at < n_done => CheckVerdict::Pass,
            at if at == n_done => CheckVerdict::Fail,
            _ => CheckVerdict::Skipped("waiting for an earlier step".to_owned()),
        },
        found: if at < n_done { "seen" } else { "not yet" }.to_owned(),
        at_utc: (at <= n_done).then_some(NOW),
        offers: if at == n_done && at == 3 { vec![RemediationAction::Revoke(id).into()] } else { Vec::new() },
    };
    RunbookProgress {
        runbook: Runbook::KeyRotation,
        subject: DiagnosisSubject::Key(id),
        begun_utc: ago(3_600),
        checked_utc: NOW,
        steps: texts.into_iter().enumerate().map(step).collect(),
    }
}

fn check(fit: SignatureFit) -> SignatureCheck {
    let flaw = SignatureCause {
        id: "sig-no-dot".to_owned(),
        title: "the dot between timestamp and body is missing".to_owned(),
        difference: "the receiver signed 1795442551{\u{22}id\u{22}:… instead of 1795442551.{\u{22}id\u{22}:…".into(),
        excerpt: None,
        resolution: "Put a dot between the timestamp and the raw body.".to_owned(),
    };
    let causes = if fit == SignatureFit::Explained { vec![flaw] } else { Vec::new() };
    SignatureCheck {
        lab: SignatureReport { fit, causes, n_tried: None },
        computed: (fit == SignatureFit::Explained).then(|| "sha256=00ff".into()),
        clock_ahead_seconds: Some(-2),
    }
}

pub(super) fn came(bench: &mut TestConsole, came: DiagnoseResult) {
    bench.tell(Msg::JobFinished(JobResult::Diagnosed(Box::new(came))));
}

/// A bundle over a case with a failure, a report and a note.
pub(super) fn built(subjects: Vec<DiagnosisSubject>) -> TicketBundle {
    built_with(subjects, "the customer called at noon", &SecretGate::default()).expect("no leak")
}

/// The same with another note, through a gate.
pub(super) fn built_with(
    subjects: Vec<DiagnosisSubject>,
    note: &str,
    gate: &SecretGate,
) -> Result<TicketBundle, BundleError> {
    fn known<T>(rows: Vec<T>) -> QueryRecord<Vec<T>> {
        QueryRecord { query: "GET /x".to_owned(), at: NOW, found: Ok(rows), is_incomplete: false }
    }
    let overview = overview();
    let case = IncidentEvidence {
        at: NOW,
        lookback: std::time::Duration::from_secs(3_600),
        clock_ahead_ms: Some(12),
        platform: Some("0.1.0".to_owned()),
        reports: vec![report(subjects[0])],
        causes: report(subjects[0]).causes,
        remarks: report(subjects[0]).remarks,
        keys: known(overview.keys.items[..1].to_vec()),
        subscriptions: known(overview.subscriptions.items[..2].to_vec()),
        failures: QueryRecord { found: Err("no answer within 10 s".to_owned()), ..known(Vec::new()) },
        requests: known(Vec::new()),
        events: Vec::new(),
        notes: vec![("subscription 21".to_owned(), note.to_owned())],
        not_collected: Vec::new(),
        history: IncidentHistory::default(),
        reporter: ReporterStatement::default(),
        reader: TicketReader::Support,
        subjects,
    };
    build_bundle(&case, ResponseBodies::Included, gate)
}

/// Pane 9 over a subscription, with a report in it.
pub(super) fn with_report(bench: &mut TestConsole) {
    bench.press("3jP\u{1b}j\n");
    came(bench, DiagnoseResult::Report(Box::new(report(DiagnosisSubject::Subscription(FAILING)))));
    bench.press("\n");
}

/// Pane 9 with a runbook open.
pub(super) fn with_runbook(bench: &mut TestConsole, n_done: usize) {
    bench.press("2P\u{1b}G\n");
    came(bench, DiagnoseResult::Runbook(Box::new(progress(KeyId(1), n_done))));
    bench.press("\n");
}

/// Pane 9 with the lab's answer open.
pub(super) fn with_lab(bench: &mut TestConsole) {
    bench.press("4");
    bench.answer_pages();
    bench.press("P\u{1b}j\n");
    let id = AttemptId(678);
    let subject = bench.app.diagnose.subject;
    came(bench, DiagnoseResult::SignatureCheck(id, subject, Ok(Box::new(check(SignatureFit::Explained)))));
    bench.press("\n");
}

/// Pane 0 with a bundle that can be written.
pub(super) fn with_bundle(bench: &mut TestConsole) {
    bench.press("3b2b0\n");
    let subjects = bench.app.escalate_state.scope.subjects.clone();
    came(bench, DiagnoseResult::Bundle(Ok(Box::new(built(subjects)))));
}

#[test]
fn playbooks_that_fit_the_selection_are_run_and_opened() {
    let mut bench = TestConsole::new(120, 36);
    let subject = DiagnosisSubject::Subscription(FAILING);
    let everything = Effect::StartJob(BackgroundJob::RunAllPlaybooks(subject));
    assert_eq!(bench.press("3jP"), std::slice::from_ref(&everything), "all playbooks run at once");
    assert!(bench.screen().contains("9 Diagnose: everything, subscription 23"), "{}", bench.screen());
    let report = report(subject);
    let combined = CombinedDiagnosis {
        subject,
        at_utc: NOW,
        causes: report.causes.clone(),
        remarks: Vec::new(),
        reports: vec![report.clone()],
    };
    came(&mut bench, DiagnoseResult::Combined(Box::new(combined)));
    let screen = bench.screen();
    for part in ["2. subscription 23: the endpoint returns errors", "create a ticket for subscription 23"] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    assert_eq!(bench.press("r"), [everything], "and again on demand");
    bench.press("\u{1b}");
    assert!(bench.screen().contains("9 Diagnose: subscription 23"), "{}", bench.screen());
    let asked = Effect::StartJob(BackgroundJob::RunPlaybook(PlaybookTopic::WebhooksNotArriving, subject, None));
    assert_eq!(bench.press("j\n"), std::slice::from_ref(&asked));
    assert!(bench.screen().contains("running"));
    assert_eq!(bench.press("\n"), [], "it is asked once");
    came(&mut bench, DiagnoseResult::Report(Box::new(report.clone())));
    assert!(bench.screen().contains("2 causes: breaker-tripped, endpoint-500"), "{}", bench.screen());
    bench.press("\n");
    let screen = bench.screen();
    for part in [
        "2. subscription 23: the endpoint returns errors",
        "Ask the endpoint's owner",
        "unknown",
        "the platform went away",
        "(expected below 3; trips at 20)",
    ] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    assert!(!screen.contains('\u{1b}'));
    let earlier = Some(Box::new(report.clone()));
    assert_eq!(
        bench.press("u"),
        [Effect::StartJob(BackgroundJob::RunPlaybook(PlaybookTopic::WebhooksNotArriving, subject, earlier))]
    );
    came(&mut bench, DiagnoseResult::Report(Box::new(report.clone())));
    bench.press("\u{1b}");
    assert!(bench.screen().contains("2 causes:"), "one layer back, to the list");
    assert_eq!(bench.press("r"), [asked], "again on demand");
    bench.press("\u{1b}9");
    assert!(bench.screen().contains("9 Diagnose: all companies") && bench.screen().contains("key-not-working"));
    assert!(bench.screen().contains("Earlier results"), "{}", bench.screen());
    assert!(bench.screen().contains("webhooks-not-arriving, subscription 23"), "{}", bench.screen());
}

#[test]
fn what_a_playbook_offers_is_done_from_there_after_a_question() {
    let mut bench = TestConsole::new(120, 36);
    with_report(&mut bench);
    assert_eq!(bench.press("\n"), [], "the first line does nothing");
    assert!(bench.screen().contains("nothing to run on this line"), "{}", bench.screen());
    assert_eq!(bench.press("\t\n"), []);
    assert!(bench.screen().contains("Send a test event to subscription 21?"), "{}", bench.screen());
    bench.press("n");
    bench.press("\t\n");
    let screen = bench.screen();
    assert!(screen.contains("Enable subscription 21 and replay missed events?"), "{screen}");
    let enable = PlatformChange::Enable(TRIPPED, MissedEventsChoice::Missed);
    assert_eq!(bench.press("y"), [Effect::StartJob(BackgroundJob::Change(enable))]);
    let guide = BackgroundJob::RunRunbook(Runbook::BreakerRecovery, DiagnosisSubject::Subscription(TRIPPED), None);
    assert_eq!(bench.press("\t\n"), [Effect::StartJob(guide)], "the runbook begins");
    assert!(bench.screen().contains("runbook breaker-recovery, subscription 21"), "{}", bench.screen());

    let mut bench = TestConsole::with(120, 36, ConsoleAccess::ReadOnly, ConsoleAppearance::default());
    with_report(&mut bench);
    assert_eq!(bench.press("\t\n"), []);
    assert!(bench.screen().contains("read-only"), "{}", bench.screen());
}

#[test]
fn a_run_book_is_begun_gone_on_with_remembered_and_forgotten() {
    let mut bench = TestConsole::new(120, 36);
    let (key, subject) = (KeyId(1), DiagnosisSubject::Key(KeyId(1)));
    bench.press("2P\u{1b}");
    assert_eq!(bench.press("G\n"), [Effect::StartJob(BackgroundJob::RunRunbook(Runbook::KeyRotation, subject, None))]);
    came(&mut bench, DiagnoseResult::Runbook(Box::new(progress(key, 2))));
    assert!(bench.screen().contains("2 of 4 steps done; next: Wait until the old key"), "{}", bench.screen());
    bench.press("\n");
    let again = BackgroundJob::RunRunbook(Runbook::KeyRotation, subject, Some(Box::new(progress(key, 2))));
    assert_eq!(bench.press("r"), [Effect::StartJob(again)]);
    came(&mut bench, DiagnoseResult::Runbook(Box::new(progress(key, 3))));
    bench.press("\u{1b}\n");
    let callers = Effect::StartJob(BackgroundJob::FetchDetail(crate::tui::ids::RowId::Key(key)));
    assert_eq!(bench.press("\n"), [callers], "the cursor is on what can be done now");
    assert!(bench.screen().contains("revoke key 1"), "{}", bench.screen());
    bench.press("\u{1b}");
    let kept = state_file::persisted_state(&bench.app);
    let mut next = TestConsole::new(120, 36);
    state_file::restore_state(&mut next.app, &kept, NOW);
    next.press("9");
    assert!(next.screen().contains("runbook key-rotation, key 1"), "{}", next.screen());
    next.press("Gd");
    assert!(!next.screen().contains("key-rotation"), "{}", next.screen());
    came(&mut bench, DiagnoseResult::Runbook(Box::new(progress(key, 4))));
    assert!(bench.screen().contains("All steps are done."), "{}", bench.screen());
    assert_eq!(
        bench.press("r"),
        [Effect::StartJob(BackgroundJob::RunRunbook(Runbook::KeyRotation, subject, None))],
        "a new one"
    );
}

#[test]
fn the_lab_asks_what_the_receiver_computed() {
    let mut bench = TestConsole::new(120, 36);
    with_lab(&mut bench);
    let screen = bench.screen();
    for part in
        ["signature of attempt 678", "sig-no-dot", "Put a dot between", "-2 s", "receiver computed: sha256=00ff"]
    {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    bench.press("\t\n");
    assert!(bench.screen().contains("Signature computed by the receiver of attempt 678"), "{}", bench.screen());
    bench.tell(Msg::Pasted("sha256=abcd".to_owned()));
    let subject = bench.app.diagnose.subject;
    let asked = BackgroundJob::CheckSignature(AttemptId(678), subject, Some("sha256=abcd".to_owned()));
    assert_eq!(bench.press("\n"), [Effect::StartJob(asked)]);
    assert!(bench.screen().contains("running"), "{}", bench.screen());
    came(
        &mut bench,
        DiagnoseResult::SignatureCheck(AttemptId(678), subject, Ok(Box::new(check(SignatureFit::Genuine)))),
    );
    assert!(bench.screen().contains("the signature sent is valid"), "{}", bench.screen());
}

#[test]
fn a_secret_that_is_typed_is_shown_nowhere_and_goes_nowhere_but_into_the_lab() {
    const HELD: &str = "whsec-0123456789abcdef0123";
    let mut bench = TestConsole::new(120, 36);
    with_lab(&mut bench);
    bench.press("\t\t\n");
    assert!(bench.screen().contains("Secret of the receiver of attempt 678"), "{}", bench.screen());
    assert_eq!(bench.press("\n"), [], "there is nothing to compare");
    bench.press("\n");
    bench.tell(Msg::Pasted(format!("{HELD}\u{7}\n")));
    bench.press("45");
    bench.code(KeyCode::Backspace);
    let screen = bench.screen();
    assert!(screen.contains("27 characters") && !screen.contains("whsec"), "{screen}");
    let told = format!("{:?}", bench.app.overlays);
    assert!(!told.contains("whsec"), "{told}");
    let effects = bench.press("\n");
    let [Effect::StartJob(BackgroundJob::CheckSignatureWithSecret(AttemptId(678), subject, held))] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(held.secret().reveal(), format!("{HELD}4"));
    assert_eq!(*subject, bench.app.diagnose.subject);
    assert!(!format!("{effects:?}").contains("whsec"));
    let kept = serde_json::to_string(&state_file::persisted_state(&bench.app)).expect("plain data");
    assert!(!kept.contains("whsec"), "{kept}");
}

#[test]
fn a_refused_call_has_the_playbook_of_its_status_first() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("8");
    bench.answer_pages();
    for _ in 0..20 {
        let view = bench.app.view().expect("a picture");
        let id = bench.app.selected().expect("a row").number();
        let status = crate::tui::panes::requests::find(&view, id).expect("a request").status;
        if status == Some(429) || status == Some(403) || status == Some(401) {
            let first = match status {
                Some(401) => "key-not-working",
                Some(403) => "permissions",
                _ => "rate-limits",
            };
            bench.press("P\u{1b}j");
            let screen = bench.screen();
            let row = screen.lines().find(|line| line.contains('>')).expect("the cursor").to_owned();
            assert!(row.contains(first), "{status:?}: {row}");
            return;
        }
        bench.press("j");
    }
    panic!("no refused call among the first rows");
}

#[test]
fn p_in_the_alerts_diagnoses_what_the_selected_alert_is_about() {
    let mut bench = TestConsole::new(120, 36);
    let everything = |subject| [Effect::StartJob(BackgroundJob::RunAllPlaybooks(subject))];
    assert_eq!(bench.press("aP"), everything(DiagnosisSubject::Subscription(TRIPPED)));
    bench.press("\u{1b}\u{1b}");
    assert_eq!(bench.press("jP"), everything(DiagnosisSubject::Subscription(FAILING)));
}

#[test]
fn a_gap_is_counted_and_then_asked_about_as_a_replay() {
    let mut bench = TestConsole::new(120, 36);
    bench.press("3P\u{1b}j");
    let gap = MissedRange { subscription: TRIPPED, since_utc: ago(600), until_utc: NOW };
    let mut found = report(DiagnosisSubject::Subscription(TRIPPED));
    found.causes.truncate(1);
    found.causes[0].offers = vec![RemediationAction::Replay(gap).into()];
    came(&mut bench, DiagnoseResult::Report(Box::new(found)));
    let effects = bench.press("\n\t\n");
    let [Effect::StartJob(BackgroundJob::CountReplay(id, wish))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((*id, wish.since, wish.until), (TRIPPED, ago(600), Some(NOW)));
    assert!(bench.screen().contains("Replay deliveries of subscription 21"), "{}", bench.screen());
}

#[test]
fn hostile_text_in_a_report_or_a_ticket_is_inert() {
    let mut bench = TestConsole::new(120, 36);
    with_report(&mut bench);
    assert!(!bench.screen().chars().any(|c| c.is_control() && c != '\n'));
    with_bundle(&mut bench);
    let ticket: &SupportTicket = match &bench.app.escalate_state.stage {
        BundleStage::Ready(bundle) => bundle.ticket(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ticket.notes[0].text, "the customer called at noon");
    assert!(!bench.screen().chars().any(|c| c.is_control() && c != '\n'));
}
