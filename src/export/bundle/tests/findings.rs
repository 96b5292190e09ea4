//! What a ticket says of failures, causes and reasons to escalate: each once, and what is open without a cause.

use super::*;
use crate::diagnose::remedy::RemediationAction;
use crate::diagnose::report::DiagnosisRemark;

#[test]
fn failures_with_the_same_answer_are_one_with_its_first_and_last_in_full() {
    let sent = |mut of: AttemptDetail| {
        let headers = [("X-Wlcro-Timestamp", "1700000000"), ("Authorization", "Bearer x"), ("user-agent", "Hooks/1")];
        of.request_headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()).into()).to_vec();
        of.peer = Some("203.0.113.7:443".into());
        of
    };
    let rows = (1..=20).rev().map(|id| sent(failure(id, 500, "down"))).chain([failure(30, 502, "gone")]).collect();
    let ticket = text(&built(&IncidentEvidence { failures: known(rows), ..case() }).expect("no leak"), "ticket.md");
    assert_eq!(ticket.matches(": 500 after 40 ms").count(), 2, "{ticket}");
    assert_eq!(ticket.matches(": 502 after 40 ms").count(), 1, "{ticket}");
    for part in [
        "- 18 attempts with the same result between these two: 2, 3, 4,",
        "  - Sent: a body of 2 bytes to `https://hooks.example/orders?REDACTED`, address `203.0.113.7:443`",
        "  - Sent: a body of 2 bytes to `https://hooks.example/orders?REDACTED`, address not recorded",
        "  - Sent header `X-Wlcro-Timestamp: 1700000000`",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    assert!(!ticket.contains("Bearer x"), "only listed headers");
}

#[test]
fn answers_that_differ_by_their_digests_are_one_kind() {
    let answer = |id: i64| format!("{{\"computed\":\"sha256={id:064x}\",\"error\":\"signature does not match\"}}");
    let other = |id: i64| failure(id, 401, &format!("no route for event {id}"));
    let rows = (1..=9).rev().map(|id| failure(id, 401, &answer(id))).chain([other(11), other(10)]).collect();
    let ticket = text(&built(&IncidentEvidence { failures: known(rows), ..case() }).expect("no leak"), "ticket.md");
    assert!(ticket.contains("- 7 attempts with the same result between these two: 2, 3, 4"), "{ticket}");
    assert_eq!(ticket.matches(": 401 after 40 ms").count(), 4, "{ticket}");
}

#[test]
fn each_cause_comes_once_with_its_commands_and_checks_come_by_their_result() {
    let mut case = case();
    case.causes[0].offers = vec![RemediationAction::Test(SubscriptionId(7)).into()];
    case.causes[0].title = "subscription 7: the endpoint returns errors".to_owned();
    let mut twin = case.reports[0].clone();
    let check = |id: &str, question: &str, verdict| ReportedCheck {
        id: id.to_owned(),
        question: question.to_owned(),
        verdict,
        evidence: case.causes[0].evidence.clone(),
    };
    twin.steps.extend([
        check("a", "Is it on?", CheckVerdict::Fail),
        check("b", "Is it on?", CheckVerdict::Fail),
        check("c", "Is it new?", CheckVerdict::Pass),
        check("d", "Is it quick?", CheckVerdict::Pass),
    ]);
    case.reports.push(twin);
    let ticket = text(&built(&case).expect("no leak"), "ticket.md");
    assert_eq!(ticket.matches("(`endpoint-500`)").count(), 1, "{ticket}");
    for part in [
        "1. subscription 7 (https://hooks.example/orders?REDACTED): the endpoint returns errors (`endpoint-500`)",
        "   - To send a test to subscription 7: `crow subs test 7 --allow-actions`",
        "- **fail**: Is it on?\n  - subscription 7: consecutive failures: `6` (expected 5)\n- **unknown**",
        "- **pass**: Is it new? Is it quick?",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
}

#[test]
fn a_problem_document_that_the_log_has_is_in_the_ticket_as_it_was_answered() {
    let document = serde_json::json!({"type": "about:blank", "title": "Forbidden", "status": 403,
        "code": "insufficient_scope", "detail": "this key lacks the scope integrations:write", "requestId": "req_01J9",
        "requiredScope": "integrations:write", "errors": {"note": [SIGNING]}});
    let row = RequestRow { problem: document.as_object().cloned(), ..request() };
    let ticket =
        text(&built(&IncidentEvidence { requests: known(vec![row]), ..case() }).expect("no leak"), "ticket.md");
    let line = ticket.lines().find_map(|line| line.strip_prefix("  - Problem document: `")).expect("a line");
    assert!(
        line.contains(r#""requiredScope":"integrations:write""#) && line.contains(r#""type":"about:blank""#),
        "{line}"
    );
    assert!(!ticket.contains(SIGNING));
    assert!(!ticket.contains("code `insufficient_scope`"), "the document has it: {ticket}");
}

#[test]
fn failures_without_a_known_cause_are_the_symptom_and_observations_are_named() {
    let mut case = with_course();
    case.causes.clear();
    case.reports.iter_mut().for_each(|report| report.causes.clear());
    case.remarks = vec![DiagnosisRemark {
        id: "quiet-company".to_owned(),
        title: "company 92 had no events".to_owned(),
        evidence: Vec::new(),
    }];
    let ticket = text(&built(&case).expect("no leak"), "ticket.md");
    for part in [
        "- Symptom: 66 attempts to subscription 7 answered 500; 1 call POST /api/v1/integrations/leads answered 403 insufficient\\_scope; no known cause",
        "- Do not escalate yet: no known cause explains the failures",
        "## Observations that are no cause by themselves\n\n- company 92 had no events",
    ] {
        assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
    }
    case.reader = TicketReader::Partner;
    assert!(!text(&built(&case).expect("no leak"), "ticket.md").contains("had no events"));
}

#[test]
fn without_a_cause_the_ticket_names_what_is_open() {
    let mut open = case();
    open.causes.clear();
    open.reports[0].causes.clear();
    open.failures = known(Vec::new());
    open.requests = known(Vec::new());
    for subject in [
        DiagnosisSubject::All,
        DiagnosisSubject::Company(CompanyId(92)),
        DiagnosisSubject::Key(KeyId(4)),
        DiagnosisSubject::Subscription(SubscriptionId(7)),
    ] {
        let named = crate::export::ticket_gaps::subject_name(subject);
        let open = IncidentEvidence { subjects: vec![subject], ..open.clone() };
        let ticket = text(&built(&open).expect("no leak"), "ticket.md");
        let cause = format!("no active cause was found for {named} from 2023-11-14T21:13:30.000Z to 2023");
        for part in [cause.as_str(), "breaker: not decided: nothing was sent", &format!("# Ticket about {named}")] {
            assert!(ticket.contains(part), "{part:?} is not in\n{ticket}");
        }
        let is_narrow = matches!(subject, DiagnosisSubject::Company(_) | DiagnosisSubject::Key(_));
        assert_eq!(ticket.contains("calls without a readable key"), is_narrow, "{ticket}");
        assert!(!ticket.contains("(none found)"));
    }
}

#[test]
fn reasons_to_escalate_are_told_apart() {
    let reasons = |case: &IncidentEvidence| -> Vec<String> {
        built(case).expect("no leak").ticket().reasons.iter().map(|reason| reason.id.clone()).collect()
    };
    assert_eq!(reasons(&case()), ["not-yet"]);
    let mut broken = case();
    let text = "the platform answered 3 calls with 5xx".to_owned();
    broken.history.reasons = vec![FoundReason { kind: EscalationKind::PlatformErrors, text }];
    assert_eq!(reasons(&broken), ["platform-error"]);
    let mut tried = case();
    tried.reporter.tried = vec!["restarted the host".to_owned()];
    for (n_failed, reason) in [(Some(3), "persists"), (Some(2), "not-yet"), (Some(0), "not-yet"), (None, "not-yet")] {
        tried.history.tried = vec![self::tried(n_failed)];
        assert_eq!(reasons(&tried), [reason], "{n_failed:?} failures were counted after it");
    }
    tried.history.tried = vec![TriedOutcome::default()];
    assert_eq!(reasons(&tried), ["not-yet"], "its time is not known");
    let mut stated = case();
    stated.reporter.reasons = vec![EscalationKind::LimitsWrong];
    let ticket = built(&stated).expect("no leak");
    let told: Vec<(&str, &str)> =
        ticket.ticket().reasons.iter().map(|reason| (reason.label(), reason.id.as_str())).collect();
    assert_eq!(told, [("Stated by the reporter", "limits-wrong"), ("Found", "not-confirmed")]);
    let mut unexplained = case();
    unexplained.reports[0].causes.clear();
    unexplained.causes.clear();
    unexplained.reports[0].steps[0].verdict = CheckVerdict::Fail;
    assert_eq!(reasons(&unexplained), ["unexplained"]);
    unexplained.reports[0].steps[0].verdict = CheckVerdict::Unknown("gone".to_owned());
    assert_eq!(reasons(&unexplained), ["unreachable"]);
}

#[test]
fn what_one_playbook_explains_is_not_unexplained_in_another_about_the_same_failures() {
    let of = |topic, causes: &[&str]| {
        let mut report = DiagnosisReport { topic, ..report() };
        let cause = report.causes[0].clone();
        report.causes = causes
            .iter()
            .map(|id| DiagnosedCause { id: (*id).to_owned(), title: (*id).to_owned(), ..cause.clone() })
            .collect();
        report.steps[0].verdict = CheckVerdict::Fail;
        report
    };
    let ticket = |reports: Vec<DiagnosisReport>| {
        let causes = reports.iter().flat_map(|report| report.causes.clone()).collect();
        built(&IncidentEvidence { reports, causes, ..case() }).expect("no leak").ticket().clone()
    };
    let told = |reports| {
        let ticket = ticket(reports);
        (ticket.symptom.clone(), ticket.reasons.iter().map(|reason| reason.id.clone()).collect::<Vec<_>>())
    };
    let not_yet = |symptom: &str| (symptom.to_owned(), vec!["not-yet".to_owned()]);
    assert_eq!(
        told(vec![of(PlaybookTopic::Permissions, &["scope-missing"]), of(PlaybookTopic::ManagedSubscription, &[])]),
        not_yet("scope-missing")
    );
    let rejects = || of(PlaybookTopic::WebhooksNotArriving, &["endpoint-rejects-signature"]);
    assert_eq!(told(vec![rejects(), of(PlaybookTopic::Signature, &["sig-newline"])]), not_yet("sig-newline"));
    assert_eq!(
        told(vec![rejects(), of(PlaybookTopic::Signature, &[]), of(PlaybookTopic::LostSecret, &["lost-secret"])]),
        not_yet("lost-secret")
    );
    let (symptom, reasons) = told(vec![rejects(), of(PlaybookTopic::Signature, &[])]);
    assert_eq!((symptom.as_str(), reasons), ("endpoint-rejects-signature", vec!["signature-disputed".to_owned()]));
    // Other failures are another matter.
    let (_, reasons) =
        told(vec![of(PlaybookTopic::Permissions, &["scope-missing"]), of(PlaybookTopic::RateLimits, &[])]);
    assert_eq!(reasons, ["unexplained"]);
}
