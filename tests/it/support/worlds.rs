//! Everything that a ticket, a document, a notice and a copy are made from, with a text of the caller's in every field that can carry text from
//! outside. Structs are written out whole, so that a new field does not compile until it has its text here.

use crow::cli::document::configuration::PlatformConfig;
use crow::export::briefing_document::{PartnerBriefing, PermittedRoute, SamplePayload};
use crow::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody, HttpHeader, PhaseTimes};
use crow::wire::deliveries::{DeliveryRow, EventDeliveryTrace, EventRow, TraceRow, TraceVerdict as Became};

use crow::diagnose::checkup::{CheckGrade, CheckReading, HealthCheckReport, ThresholdSide};
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::escalation::{EscalationKind, FoundReason};
use crow::diagnose::evidence_set::{CallGroup, QueryRecord};
use crow::diagnose::incident::IncidentEvidence;
use crow::diagnose::incident_history::{FailureGroup, IncidentAct, IncidentHistory, IncidentImpact, TrendSlice};
use crow::diagnose::playbook_topic::PlaybookTopic;
use crow::diagnose::remedy::OfferedAction;
use crow::diagnose::report::{
    CauseOccurrence, CheckVerdict, DiagnosedCause, DiagnosisRemark, DiagnosisReport, Evidence, ReportedCheck,
};
use crow::diagnose::reporter::{ReporterStatement, TicketReader};
use crow::diagnose::review::{
    ActionCount, DisabledSubscription, IdleScopes, KeyAge, PlatformReview, ReviewDay, ReviewHeader, ReviewPeriod,
    SecretAge, SubscriptionSuccess,
};
use crow::diagnose::runbook_kind::Runbook;
use crow::diagnose::runbook_progress::{RunbookProgress, RunbookStepState};
use crow::diagnose::tried_steps::TriedOutcome;
use crow::domain::alert;
use crow::domain::delivery::{AttemptKind, DeliveryState};
use crow::domain::event::EventType;
use crow::domain::health_status::HealthStatus;
use crow::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, KeyId, SubscriptionId, TripId};
use crow::domain::scope::KeyScope;
use crow::domain::text::Untrusted;
use crow::domain::time::Timestamp;
use crow::domain::window::RateBucket;
use crow::sync::alerts::{AcknowledgedBy, Alert};
use crow::wire::keys::{CompanyRow, KeyRow, RateLimits, RecentKeyUsage};
use crow::wire::limits::LimitRow;
use crow::wire::requests::{ProblemDocument, RequestRow};
use crow::wire::subscriptions::{DeliveryHealth, Subscription, SubscriptionRow};
use crow::wire::trips::{CauseCount, TripRow};
use serde_json::json;

/// Writes the text of a part.
pub(crate) type Write<'w> = dyn FnMut(&'static str) -> String + 'w;

/// Fills the fields of a world.
pub(crate) struct Pen<'w>(pub(crate) &'w mut Write<'w>);

const COMPANY: CompanyId = CompanyId(92);
const KEY: KeyId = KeyId(4);
const SUBSCRIPTION: SubscriptionId = SubscriptionId(7);

/// A moment of the world.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + seconds * 1_000)
}

fn known<T>(rows: Vec<T>) -> QueryRecord<Vec<T>> {
    QueryRecord { query: "GET /x".to_owned(), at: at(10), found: Ok(rows), is_incomplete: false }
}

impl Pen<'_> {
    fn text(&mut self, part: &'static str) -> String {
        (self.0)(part)
    }

    fn outside(&mut self, part: &'static str) -> Untrusted {
        Untrusted::new(self.text(part))
    }

    fn some(&mut self, part: &'static str) -> Option<Untrusted> {
        Some(self.outside(part))
    }

    fn url(&mut self, part: &'static str) -> Untrusted {
        Untrusted::new(format!("https://hooks.example.com/in?from={}", self.text(part)))
    }

    fn body(&mut self, part: &'static str) -> CapturedBody {
        let text = self.text(part);
        CapturedBody::new(text.as_bytes(), text.len() as u64)
    }

    pub(crate) fn key(&mut self) -> KeyRow {
        KeyRow {
            missing_scopes: None,
            refusal: None,
            id: KEY,
            company_id: COMPANY,
            name: self.outside("name of a key"),
            last4: self.outside("last four of a key"),
            scopes: vec![KeyScope::EventsRead],
            is_active: Some(true),
            created_utc: Some(at(-100)),
            last_used_utc: None,
            revoked_utc: None,
            limits: Some(RateLimits { read: 60, write: 100, admin: 200 }),
            usage: Some(RecentKeyUsage::default()),
        }
    }

    pub(crate) fn subscription(&mut self) -> SubscriptionRow {
        let new = Subscription::new(SUBSCRIPTION, COMPANY, self.url("target of a subscription"), at(-100));
        let subscription = Subscription {
            event_types: vec![self.outside("event type of a subscription")],
            description: self.some("description"),
            managed_by: self.some("tool that manages"),
            consecutive_failures: Some(6),
            last_success_utc: Some(at(-60)),
            ..new
        };
        let disabled_note = self.some("why it is off");
        SubscriptionRow {
            subscription,
            health: Some(DeliveryHealth::default()),
            disabled_after_utc: None,
            disabled_note,
        }
    }

    pub(crate) fn attempt_row(&mut self) -> AttemptRow {
        AttemptRow {
            id: AttemptId(678),
            started_utc: at(2),
            company_id: Some(COMPANY),
            subscription_id: Some(SUBSCRIPTION),
            target_url: Some(self.url("target of an attempt")),
            delivery_id: Some(DeliveryId(8)),
            event_id: Some(EventId(45_001)),
            event_type: self.outside("event type of an attempt"),
            kind: Some(AttemptKind::Scheduled),
            number: Some(3),
            of: Some(11),
            elapsed_ms: 40,
            status_code: None,
            cause: self.some("cause of an attempt"),
            error: self.some("error of an attempt"),
        }
    }

    fn header(&mut self, name: &'static str, value: &'static str) -> HttpHeader {
        HttpHeader { name: self.outside(name), value: self.outside(value) }
    }

    pub(crate) fn attempt(&mut self) -> AttemptDetail {
        AttemptDetail {
            row: self.attempt_row(),
            request_headers: vec![
                self.header("name of a sent header", "value of a sent header"),
                HttpHeader { name: "User-Agent".into(), value: self.outside("value of a listed header") },
            ],
            request_body: self.body("body that was sent"),
            response_headers: vec![self.header("name of a received header", "value of a received header")],
            response_body: self.body("body of an answer"),
            peer: self.some("address that was dialled"),
            phases: PhaseTimes::default(),
            shed_utc: None,
            answer_topic: None,
            redacted: false,
        }
    }

    fn problem(&mut self) -> ProblemDocument {
        let mut document = ProblemDocument::new();
        document.insert("detail".to_owned(), self.text("detail of a problem document").into());
        document
            .insert("errors".to_owned(), json!({ self.text("field of a problem"): [self.text("words of a problem")] }));
        document.insert(self.text("name of a problem's member"), self.text("value of a problem's member").into());
        document
    }

    pub(crate) fn request(&mut self) -> RequestRow {
        RequestRow {
            id: 5,
            utc: at(3),
            key_id: Some(KEY),
            company_id: Some(COMPANY),
            last4: self.some("last four of a call"),
            method: self.outside("method of a call"),
            route: self.outside("route of a call"),
            status: Some(403),
            code: self.some("code of a call"),
            detail: self.some("detail of a call"),
            reason: self.some("reason of a call"),
            claimed_company_id: None,
            claimed_last4: self.some("last four that a call claims"),
            query: self.some("query of a call"),
            address: self.some("address of a caller"),
            user_agent: self.some("user agent"),
            answer_headers: Some(vec![self.header("name of an answer's header", "value of an answer's header")]),
            problem: Some(self.problem()),
            own_call: self.some("purpose of an own call"),
            caller_name: None,
            request_id: Some(self.outside("request id")),
            elapsed_ms: 2,
        }
    }

    pub(crate) fn event(&mut self) -> EventRow {
        EventRow {
            id: EventId(45_001),
            company_id: COMPANY,
            kind: self.outside("type of an event"),
            created_utc: at(1),
            n_bytes: 200,
            n_deliveries: Some(1),
        }
    }

    fn trace(&mut self) -> EventDeliveryTrace {
        let delivery = DeliveryRow {
            id: DeliveryId(8),
            event_id: EventId(45_001),
            event_type: self.outside("event type of a delivery"),
            subscription_id: SUBSCRIPTION,
            company_id: COMPANY,
            kind: AttemptKind::Scheduled,
            state: DeliveryState::Pending,
            n_attempts: 3,
            due_utc: None,
            created_utc: at(1),
        };
        let row = TraceRow {
            subscription_id: SUBSCRIPTION,
            target_url: self.url("target of a trace"),
            verdict: Became::Matched,
            why: self.text("why of a trace"),
            delivery: Some(delivery),
        };
        EventDeliveryTrace { event: self.event(), subscriptions: vec![row], next_cursor: None, has_more: false }
    }

    fn evidence(&mut self) -> Evidence {
        Evidence {
            query: self.text("query of evidence"),
            value: self.outside("value of evidence"),
            limit: Some(self.text("limit of evidence")),
            at_utc: at(9),
        }
    }

    pub(crate) fn report(&mut self) -> DiagnosisReport {
        let offer = OfferedAction {
            id: "test".to_owned(),
            what: self.text("what is offered"),
            command: self.text("command that is offered"),
            remedy: None,
        };
        let cause = DiagnosedCause {
            concerns: Vec::new(),
            occurrence: CauseOccurrence::default(),
            said: self.some("words that decide"),
            id: self.text("id of a cause"),
            title: self.text("title of a cause"),
            evidence: vec![self.evidence()],
            resolution: self.text("resolution of a cause"),
            offers: vec![offer],
        };
        let remark = DiagnosisRemark {
            id: self.text("id of a remark"),
            title: self.text("title of a remark"),
            evidence: vec![self.evidence()],
        };
        let step = ReportedCheck {
            id: self.text("id of a step"),
            question: self.text("question of a step"),
            verdict: CheckVerdict::Unknown(self.text("why a step is unknown")),
            evidence: vec![self.evidence()],
        };
        DiagnosisReport {
            topic: PlaybookTopic::Breaker,
            subject: DiagnosisSubject::Subscription(SUBSCRIPTION),
            at_utc: at(9),
            remarks: vec![remark],
            causes: vec![cause],
            steps: vec![step],
        }
    }

    pub(crate) fn progress(&mut self) -> RunbookProgress {
        let offer = OfferedAction {
            id: "enable".to_owned(),
            what: self.text("what a runbook offers"),
            command: self.text("command that a runbook offers"),
            remedy: None,
        };
        let step = RunbookStepState {
            id: self.text("id of a runbook's step"),
            to_do: self.text("what is to do"),
            check: self.text("what is checked"),
            verdict: CheckVerdict::Fail,
            found: self.text("what was found"),
            at_utc: Some(at(9)),
            offers: vec![offer],
        };
        let unknown = CheckVerdict::Unknown(self.text("why a runbook's step is unknown"));
        RunbookProgress {
            runbook: Runbook::BreakerRecovery,
            subject: DiagnosisSubject::Subscription(SUBSCRIPTION),
            begun_utc: at(8),
            checked_utc: at(9),
            steps: vec![RunbookStepState { verdict: unknown, ..step.clone() }, step],
        }
    }

    pub(crate) fn checkup(&mut self) -> HealthCheckReport {
        let reading = CheckReading {
            name: "streak".to_owned(),
            grade: CheckGrade::Critical,
            said: self.text("finding of a check"),
            value: Some(15),
            unit: String::new(),
            side: ThresholdSide::Above,
            warn: Some(2),
            crit: Some(13),
        };
        HealthCheckReport { grade: CheckGrade::Critical, server_utc: Some(at(9)), readings: vec![reading] }
    }

    pub(crate) fn case(&mut self) -> IncidentEvidence {
        let report = self.report();
        IncidentEvidence {
            subjects: vec![DiagnosisSubject::Subscription(SUBSCRIPTION)],
            at: at(10),
            lookback: std::time::Duration::from_secs(3_600),
            clock_ahead_ms: Some(-120),
            platform: Some(self.text("version of the platform")),
            causes: report.causes.clone(),
            remarks: report.remarks.clone(),
            reports: vec![report],
            keys: known(vec![self.key()]),
            subscriptions: known(vec![self.subscription()]),
            failures: known(vec![self.attempt()]),
            requests: known(vec![self.request()]),
            events: vec![self.trace()],
            notes: vec![(self.text("subject of a note"), self.text("note"))],
            not_collected: vec![self.text("what could not be learnt")],
            history: self.history(),
            reporter: ReporterStatement::default(),
            reader: TicketReader::Support,
        }
    }

    /// Course of a case: a group of failures, of calls, an act, the last change, and a reason to escalate.
    pub(crate) fn history(&mut self) -> IncidentHistory {
        let act = IncidentAct {
            utc: at(9),
            action: self.outside("action of an act"),
            subject: self.outside("subject of an act"),
            by: self.outside("who acted"),
            reason: self.some("reason of an act"),
            id: 1,
        };
        let change = IncidentAct { action: self.outside("action of the last change"), id: 2, ..act.clone() };
        IncidentHistory {
            failures: vec![FailureGroup {
                subscription: SUBSCRIPTION,
                outcome: self.text("outcome of a group"),
                n: 66,
                is_at_least: false,
                first: (at(1), AttemptId(1)),
                last: (at(2), AttemptId(2)),
            }],
            calls: CallGroup::group(&[self.request()]),
            impact: IncidentImpact::default(),
            trend: vec![TrendSlice { since: at(0), n_failed: 1, n: 2 }],
            acts: vec![act],
            last_change: Some(change),
            reasons: vec![FoundReason { kind: EscalationKind::Persists, text: self.text("reason to escalate") }],
            tried: vec![TriedOutcome { utc: Some(at(5)), n_failed: Some(3), ..TriedOutcome::default() }],
        }
    }

    /// A case with the words of a reporter, for either reader.
    pub(crate) fn stated(&mut self, reader: TicketReader) -> IncidentEvidence {
        let reporter = ReporterStatement {
            tried: vec![self.text("step that was tried")],
            note: Some(self.text("reporter's note")),
            contact: Some(self.text("reporter's contact")),
            reasons: EscalationKind::GUIDE.to_vec(),
        };
        IncidentEvidence { reporter, reader, ..self.case() }
    }

    /// A case of which nothing could be learnt.
    pub(crate) fn refused(&mut self) -> IncidentEvidence {
        fn unknown<T>(why: String) -> QueryRecord<Vec<T>> {
            QueryRecord { found: Err(why), ..known(Vec::new()) }
        }
        IncidentEvidence {
            keys: unknown(self.text("why keys are unknown")),
            subscriptions: unknown(self.text("why subscriptions are unknown")),
            failures: unknown(self.text("why attempts are unknown")),
            requests: unknown(self.text("why calls are unknown")),
            reports: Vec::new(),
            causes: Vec::new(),
            events: Vec::new(),
            notes: Vec::new(),
            ..self.case()
        }
    }

    pub(crate) fn window(&mut self) -> LimitRow {
        LimitRow {
            week: None,
            own_use: None,
            key_id: KEY,
            company_id: COMPANY,
            key_name: self.outside("key's name of a window"),
            last4: self.outside("last four of a window"),
            bucket: RateBucket::Read,
            limit: 60,
            used: Some(60),
            remaining: Some(0),
            n_refused: Some(14),
            window_utc: at(0),
            reset_utc: at(60),
            history: vec![Some(0); 60],
        }
    }

    pub(crate) fn trip(&mut self) -> TripRow {
        TripRow {
            id: TripId(1),
            subscription_id: SUBSCRIPTION,
            company_id: COMPANY,
            target_url: self.url("target of a trip"),
            tripped_utc: at(0),
            causes: Some(vec![CauseCount { cause: self.outside("cause of a trip"), n: 20 }]),
            enabled_utc: Some(at(1)),
            enabled_by: self.some("operator who enabled"),
            n_missed: Some(4),
        }
    }

    pub(crate) fn review(&mut self) -> PlatformReview {
        let key = KeyAge {
            id: KEY,
            company_id: COMPANY,
            name: self.outside("name of an unused key"),
            last4: self.outside("last four of an unused key"),
            last_used_utc: None,
            days: 400,
        };
        PlatformReview {
            frame: ReviewHeader {
                platform: "http://127.0.0.1:7700".to_owned(),
                crow: "1".to_owned(),
                period: ReviewPeriod::Month,
                since_utc: at(-2_000_000),
                until_utc: at(0),
                last_utc: None,
            },
            n_keys: 2,
            n_subscriptions: 1,
            unused: vec![key.clone()],
            idle_scopes: vec![IdleScopes {
                id: KEY,
                name: self.outside("name of a key with idle scopes"),
                scopes: vec![self.text("idle scope")],
            }],
            success: vec![SubscriptionSuccess {
                id: SUBSCRIPTION,
                company_id: COMPANY,
                target_url: self.url("target that fails"),
                n_ok: 3,
                n_failed: 7,
                percent: Some(30),
            }],
            trips: vec![self.trip()],
            off: vec![DisabledSubscription {
                id: SUBSCRIPTION,
                company_id: COMPANY,
                target_url: self.url("target that is off"),
                reason: self.text("reason that it is off"),
                note: self.some("note on what is off"),
                since_utc: Some(at(0)),
                n_skipped: Some(4),
            }],
            due_keys: vec![key],
            secrets: vec![SecretAge { id: SUBSCRIPTION, target_url: self.url("target with an old secret"), days: 400 }],
            days: vec![ReviewDay {
                utc: at(0),
                n_ok: 90,
                n_failed: 10,
                n_requests: 500,
                n_limited: 5,
                n_server_errors: 0,
            }],
            acted: vec![ActionCount { action: self.outside("audited action"), n: 2 }],
            changes: vec![self.text("change since the last review")],
            unknown: vec![self.text("what a review could not learn")],
        }
    }

    pub(crate) fn brief(&mut self) -> PartnerBriefing {
        PartnerBriefing {
            platform: "http://127.0.0.1:7700".to_owned(),
            company: self.some("name of a partner"),
            key: self.key(),
            opened: vec![PermittedRoute {
                method: "GET".to_owned(),
                path: self.text("path that is open"),
                scope: KeyScope::EventsRead,
                bucket: RateBucket::Read,
            }],
            samples: vec![SamplePayload { kind: EventType::ALL[0], payload: self.text("sample payload") }],
        }
    }

    pub(crate) fn configuration(&mut self) -> PlatformConfig {
        let company =
            CompanyRow { id: COMPANY, name: Some(self.outside("name of a company")), created_utc: Some(at(-200)) };
        PlatformConfig::new(&[company], &[self.key()], &[self.subscription()])
    }

    pub(crate) fn alert(&mut self) -> Alert {
        let acknowledged = AcknowledgedBy {
            by: self.outside("who acknowledged"),
            at: at(3),
            note: self.some("words of an acknowledgement"),
        };
        Alert {
            subject: alert::AlertSubject::Subscription(SUBSCRIPTION),
            name: self.outside("name of an alert"),
            standing: HealthStatus::Failing,
            why: self.text("cause of an alert"),
            since: at(0),
            acknowledged: Some(acknowledged),
        }
    }
}
