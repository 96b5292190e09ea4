//! Incident: what playbooks found about some subjects, with the rows and bytes that support needs to see the same.

use super::caller_id::CallerId;
use super::cause_subject::CauseSubject;
use super::diagnosis_subject::DiagnosisSubject;
use super::escalation_rules;
use super::evidence_portal::{ClientPortal, EvidencePortal};
use super::evidence_set::{CallGroup, DEFAULT_LOOKBACK, DiagnosisScope, EvidenceSet, QueryRecord};
use super::gather::gather_evidence;
use super::gathering::{MAX_PAGES, PAGE_ROWS};
use super::incident_history::{IncidentHistory, MAX_GROUPS};
use super::playbook_topic::PlaybookTopic;
use super::report::{CombinedDiagnosis, DiagnosedCause, DiagnosisRemark, DiagnosisReport, active_causes};
use super::reporter::{ReporterStatement, TicketReader};
use super::run::{check_all, check_playbook};
use super::tried_steps;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::domain::ids::{AttemptId, EventId};
use crate::domain::time::Timestamp;
use crate::text::count;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::deliveries::EventDeliveryTrace;
use crate::wire::keys::KeyRow;
use crate::wire::log::RequestQuery;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use crate::wire::subscriptions::SubscriptionRow;
use futures_util::future::join_all;
use std::time::Duration;

/// Maximum number of failed attempts that are fetched with their bytes.
const MAX_FAILURES: usize = 20;
/// Maximum number of refused requests that are kept.
const MAX_REQUESTS: usize = 2 * MAX_GROUPS;
/// Maximum number of subjects that playbooks are run over.
const MAX_SUBJECTS: usize = 12;
/// Maximum number of selected rows of each kind.
const MAX_SELECTED: usize = 40;

/// Scope of an incident: what to diagnose and what to include.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentScope {
    /// Subjects that playbooks are run over; everything if empty.
    pub subjects: Vec<DiagnosisSubject>,
    /// Playbook to run; all that apply to a subject if `None`.
    pub topic: Option<PlaybookTopic>,
    /// Length of the period that the playbooks examine, which ends now.
    pub lookback: Duration,
    /// Rows and notes that the operator selected.
    pub selection: OperatorSelection,
    /// Statement of the person who reports the incident.
    pub reporter: ReporterStatement,
    /// Reader that the ticket is written for.
    pub reader: TicketReader,
}

/// Rows of logs that the operator selected, and notes about things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorSelection {
    /// Numbers of the selected attempts, in order.
    pub attempts: Vec<AttemptId>,
    /// Numbers of the selected events, in order.
    pub events: Vec<EventId>,
    /// Selected requests, by their number in the log.
    pub requests: Vec<i64>,
    /// Notes of the operator: subject and text.
    pub notes: Vec<(String, String)>,
}

impl IncidentScope {
    /// Creates the scope of some subjects over the last hour, with all playbooks.
    #[must_use]
    pub fn last_hour_of(subjects: Vec<DiagnosisSubject>) -> Self {
        Self {
            subjects,
            topic: None,
            lookback: DEFAULT_LOOKBACK,
            selection: OperatorSelection::default(),
            reporter: ReporterStatement::default(),
            reader: TicketReader::default(),
        }
    }
}

/// Incident with everything that was collected about it.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentEvidence {
    /// Subjects that playbooks were run over.
    pub subjects: Vec<DiagnosisSubject>,
    /// Time of the collection, on the platform's clock if it answered.
    pub at: Timestamp,
    /// Length of the period that was examined, which ends at that time.
    pub lookback: Duration,
    /// Milliseconds by which the platform's clock is ahead of this machine's; `None` if the platform did not answer.
    pub clock_ahead_ms: Option<i64>,
    /// Version of the platform, if it answered.
    pub platform: Option<String>,
    /// Reports of the playbooks that were run.
    pub reports: Vec<DiagnosisReport>,
    /// Causes that the playbooks found, in one ranked list for each subject.
    pub causes: Vec<DiagnosedCause>,
    /// Observations that are no faults, each once.
    pub remarks: Vec<DiagnosisRemark>,
    /// Keys whose calls were refused, and those of the subjects.
    pub keys: QueryRecord<Vec<KeyRow>>,
    /// Subscriptions that are disabled or fail, and those of the subjects.
    pub subscriptions: QueryRecord<Vec<SubscriptionRow>>,
    /// Failed attempts with their bytes, and the selected ones; newest first.
    pub failures: QueryRecord<Vec<AttemptDetail>>,
    /// Refused requests, and the selected ones; newest first.
    pub requests: QueryRecord<Vec<RequestRow>>,
    /// Traces of the selected events: their deliveries, and why.
    pub events: Vec<EventDeliveryTrace>,
    /// Notes of the operator: subject and text.
    pub notes: Vec<(String, String)>,
    /// Data that could not be collected, with the reason.
    pub not_collected: Vec<String>,
    /// Failures in groups, what they affected, what was done since, and what was changed before.
    pub history: IncidentHistory,
    /// Statement of the person who reports the incident.
    pub reporter: ReporterStatement,
    /// Reader that the ticket is written for.
    pub reader: TicketReader,
}

/// Runs the playbooks of a scope and collects the evidence, with read-only calls.
pub async fn collect_incident(
    client: &PlatformClient,
    ambient: &RuntimeEnv,
    matter: &IncidentScope,
) -> IncidentEvidence {
    let mut case = collect_evidence(&ClientPortal::new(client, ambient), matter).await;
    add_selection(client, &matter.selection, &mut case).await;
    case
}

/// Runs the playbooks of a scope and collects the evidence, without the rows that the operator selected.
pub async fn collect_evidence<P: EvidencePortal>(portal: &P, matter: &IncidentScope) -> IncidentEvidence {
    let mut subjects = if matter.subjects.is_empty() { vec![DiagnosisSubject::All] } else { matter.subjects.clone() };
    let n_subjects = subjects.len();
    subjects.truncate(MAX_SUBJECTS);
    let overview = portal.overview().await;
    let here = portal.now();
    let clock_ahead_ms = overview.as_ref().ok().map(|overview| overview.server_utc.millis() - here.millis());
    let silent = overview.as_ref().err().map(|why| format!("clock difference and platform version ({why})"));
    let mut case = IncidentEvidence {
        at: overview.as_ref().map_or(here, |overview| overview.server_utc),
        lookback: matter.lookback,
        clock_ahead_ms,
        platform: overview.ok().and_then(|overview| overview.platform).map(|status| status.version),
        reports: Vec::new(),
        causes: Vec::new(),
        remarks: Vec::new(),
        keys: QueryRecord::not_asked(),
        subscriptions: QueryRecord::not_asked(),
        failures: QueryRecord::not_asked(),
        requests: QueryRecord::not_asked(),
        events: Vec::new(),
        notes: matter.selection.notes.clone(),
        not_collected: silent.into_iter().collect(),
        subjects,
        history: IncidentHistory::default(),
        reporter: matter.reporter.clone(),
        reader: matter.reader,
    };
    if n_subjects > MAX_SUBJECTS {
        case.not_collected.push(format!(
            "{}: at most {MAX_SUBJECTS} are diagnosed",
            count(n_subjects - MAX_SUBJECTS, "more subject")
        ));
    }
    for (position, subject) in case.subjects.clone().into_iter().enumerate() {
        let set = gather_evidence(portal, DiagnosisScope { subject, lookback: matter.lookback }).await;
        let CombinedDiagnosis { reports, causes, remarks, .. } = checked(&set, matter.topic);
        let mut history = IncidentHistory::read(&set, &causes);
        history.reasons = escalation_rules::find_reasons(&set, &history);
        history.tried = tried_steps::measure(&set, &matter.reporter.tried, history.first_failure());
        let failures = failures(portal, &set, &history).await;
        if position == 0 {
            case.at = set.at;
            (case.keys, case.subscriptions) = (keys(&set, &causes), subscriptions(&set, &causes));
            (case.failures, case.requests, case.history) = (failures, requests(&set), history);
        } else {
            case.history.add(history);
            add_subject(&mut case, &set, &causes, failures);
        }
        case.reports.extend(reports);
        case.causes.extend(causes);
        case.remarks.extend(remarks);
    }
    truncate_newest(&mut case.failures, MAX_FAILURES, |of| (of.row.started_utc, of.row.id.0));
    truncate_newest(&mut case.requests, MAX_REQUESTS, |row| (row.utc, row.id));
    case
}

/// Checks one playbook, or all that apply, with the causes in one ranked list.
fn checked(set: &EvidenceSet, topic: Option<PlaybookTopic>) -> CombinedDiagnosis {
    let Some(topic) = topic else { return check_all(set) };
    let report = check_playbook(topic, set, None);
    CombinedDiagnosis {
        subject: report.subject,
        at_utc: report.at_utc,
        causes: report.causes.clone(),
        remarks: report.remarks.clone(),
        reports: vec![report],
    }
}

/// Adds what was collected about one more subject.
fn add_subject(
    case: &mut IncidentEvidence,
    of: &EvidenceSet,
    causes: &[DiagnosedCause],
    failures: QueryRecord<Vec<AttemptDetail>>,
) {
    let unlearnt = &mut case.not_collected;
    merge_rows(&mut case.keys, keys(of, causes), |row| row.id.0, unlearnt);
    merge_rows(&mut case.subscriptions, subscriptions(of, causes), |row| row.subscription.id.0, unlearnt);
    merge_rows(&mut case.failures, failures, |of| of.row.id.0, unlearnt);
    merge_rows(&mut case.requests, requests(of), |row| row.id, unlearnt);
}

/// Refused requests: the first and the last of each group that the history keeps.
fn requests(set: &EvidenceSet) -> QueryRecord<Vec<RequestRow>> {
    let groups = EvidenceSet::rows(&set.refused);
    let mut rows: Vec<RequestRow> = Vec::new();
    for group in groups.iter().take(MAX_GROUPS) {
        rows.push(group.newest.clone());
        rows.extend((group.oldest.id != group.newest.id).then(|| group.oldest.clone()));
    }
    let n_calls: u64 = groups.iter().map(|group| group.n).sum();
    QueryRecord {
        query: set.refused.query.clone(),
        at: set.refused.at,
        is_incomplete: set.refused.is_incomplete || n_calls > rows.len() as u64,
        found: set.refused.found.as_ref().map(|_| rows).map_err(Clone::clone),
    }
}

/// Merges the rows of another subject into those collected so far. If one of the two is missing, the other is kept
/// and the reason recorded.
fn merge_rows<T>(
    there: &mut QueryRecord<Vec<T>>,
    more: QueryRecord<Vec<T>>,
    id: impl Fn(&T) -> i64,
    unlearnt: &mut Vec<String>,
) {
    there.is_incomplete |= more.is_incomplete;
    match (&mut there.found, more.found) {
        (Ok(rows), Ok(more)) => {
            for row in more {
                if !rows.iter().any(|old| id(old) == id(&row)) {
                    rows.push(row);
                }
            }
        }
        (Ok(_), Err(why)) => unlearnt.push(format!("{} ({why})", more.query)),
        (Err(why), Ok(rows)) => {
            unlearnt.push(format!("{} ({why})", there.query));
            there.found = Ok(rows);
        }
        (Err(_), Err(_)) => {}
    }
}

/// Sorts rows newest first, and keeps at most `most` of them.
fn truncate_newest<T, K: Ord>(asked: &mut QueryRecord<Vec<T>>, most: usize, age: impl Fn(&T) -> K) {
    if let Ok(rows) = &mut asked.found {
        rows.sort_by_key(|row| std::cmp::Reverse(age(row)));
        asked.is_incomplete |= rows.len() > most;
        rows.truncate(most);
    }
}

/// Adds the rows that the operator selected, whether they failed or not.
async fn add_selection(client: &PlatformClient, picked: &OperatorSelection, case: &mut IncidentEvidence) {
    let there: Vec<AttemptId> = case.failures.found.iter().flatten().map(|of| of.row.id).collect();
    let wanted = picked.attempts.iter().filter(|id| !there.contains(id)).take(MAX_SELECTED);
    let attempts = join_all(wanted.map(async |id| (id, client.attempt(*id).await))).await;
    let mut found = Vec::new();
    for (id, came) in attempts {
        match came {
            Ok(detail) => found.push(detail),
            Err(error) => case.not_collected.push(format!("selected attempt {id} ({error})")),
        }
    }
    if !found.is_empty() {
        let more = QueryRecord { found: Ok(found), ..QueryRecord::not_asked() };
        merge_rows(&mut case.failures, more, |of| of.row.id.0, &mut case.not_collected);
        truncate_newest(&mut case.failures, MAX_FAILURES + MAX_SELECTED, |of| (of.row.started_utc, of.row.id.0));
    }
    for (id, came) in
        join_all(picked.events.iter().take(MAX_SELECTED).map(async |id| (id, client.trace(*id).await))).await
    {
        match came {
            Ok(trace) => {
                if trace.has_more {
                    case.not_collected.push(format!("event {id}: some subscriptions of its company were not read"));
                }
                case.events.push(trace);
            }
            Err(error) => case.not_collected.push(format!("selected event {id}: {error}")),
        }
    }
    let there: Vec<i64> = case.requests.found.iter().flatten().map(|row| row.id).collect();
    let wanted: Vec<i64> =
        picked.requests.iter().copied().filter(|id| !there.contains(id)).take(MAX_SELECTED).collect();
    let (rows, why) = find_requests(client, &wanted).await;
    for id in wanted.iter().filter(|id| !rows.iter().any(|row| row.id == **id)) {
        case.not_collected.push(format!("selected request {id}: {why}"));
    }
    if !rows.is_empty() {
        let more = QueryRecord { found: Ok(rows), ..QueryRecord::not_asked() };
        merge_rows(&mut case.requests, more, |row| row.id, &mut case.not_collected);
        truncate_newest(&mut case.requests, MAX_REQUESTS + MAX_SELECTED, |row| (row.utc, row.id));
    }
}

/// Finds requests by their numbers among the newest of the log. Returns those found, and the reason why the others
/// are missing.
async fn find_requests(client: &PlatformClient, wanted: &[i64]) -> (Vec<RequestRow>, String) {
    let (mut found, mut cursor): (Vec<RequestRow>, Option<String>) = (Vec::new(), None);
    let newest = MAX_PAGES * usize::try_from(PAGE_ROWS).unwrap_or_default();
    for _ in 0..MAX_PAGES {
        if found.len() == wanted.len() {
            break;
        }
        match client.log_page(&RequestQuery::default(), cursor.as_deref(), PAGE_ROWS).await {
            Ok(log) => {
                found.extend(log.page.items.into_iter().filter(|row| wanted.contains(&row.id)));
                cursor = log.page.next_cursor.filter(|_| log.page.has_more);
            }
            Err(error) => return (found, error.to_string()),
        }
        if cursor.is_none() {
            break;
        }
    }
    (found, format!("not among the newest {newest} requests of the log"))
}

fn keys(set: &EvidenceSet, causes: &[DiagnosedCause]) -> QueryRecord<Vec<KeyRow>> {
    let refused: Vec<&RequestRow> =
        EvidenceSet::rows(&set.refused).iter().map(|group: &CallGroup| &group.newest).collect();
    let found = set.keys.found.clone().map(|mut rows| {
        rows.retain(|key| {
            set.scope.subject == DiagnosisSubject::Key(key.id)
                || is_concerned(causes, &CauseSubject::Caller(CallerId::Key(key.id)))
                || refused
                    .iter()
                    .any(|row| row.key_id == Some(key.id) || row.claimed_last4.as_ref() == Some(&key.last4))
        });
        rows
    });
    QueryRecord { found, ..set.keys.clone() }
}

/// Whether a cause that acts concerns an object.
fn is_concerned(causes: &[DiagnosedCause], object: &CauseSubject) -> bool {
    active_causes(causes).any(|cause| cause.concerns.contains(object))
}

fn subscriptions(set: &EvidenceSet, causes: &[DiagnosedCause]) -> QueryRecord<Vec<SubscriptionRow>> {
    let found = set.subscriptions.found.clone().map(|mut rows| {
        rows.retain(|row| {
            let of = &row.subscription;
            !of.is_enabled
                || row.failures_in_a_row() > 0
                || set.scope.subject == DiagnosisSubject::Subscription(of.id)
                || is_concerned(causes, &CauseSubject::Subscription(of.id))
        });
        rows
    });
    QueryRecord { found, ..set.subscriptions.clone() }
}

/// Failed attempts in full: the first and the last of each group, then the newest others.
async fn failures<P: EvidencePortal>(
    portal: &P,
    set: &EvidenceSet,
    history: &IncidentHistory,
) -> QueryRecord<Vec<AttemptDetail>> {
    let query = format!("GET {}", paths::ATTEMPT);
    let asked = |found| QueryRecord { query: query.clone(), at: set.at, found, is_incomplete: false };
    if let Err(why) = &set.subscriptions.found {
        return asked(Err(why.clone()));
    }
    let mut rows: Vec<AttemptRow> = Vec::new();
    for of in &set.endpoints {
        match &of.failures.found {
            Ok(found) => rows.extend(found.iter().cloned()),
            Err(why) => return asked(Err(why.clone())),
        }
    }
    let telling = history.telling_attempts();
    let rank = |row: &AttemptRow| telling.iter().position(|id| *id == row.id).unwrap_or(usize::MAX);
    rows.sort_by_cached_key(|row| (rank(row), std::cmp::Reverse((row.started_utc, row.id))));
    let is_cut = rows.len() > MAX_FAILURES;
    let details = join_all(rows.iter().take(MAX_FAILURES).map(|row| portal.attempt(row.id))).await;
    let found: Result<Vec<AttemptDetail>, _> = details.into_iter().collect();
    let found = found.map(|mut rows| {
        rows.sort_by_key(|of| std::cmp::Reverse((of.row.started_utc, of.row.id)));
        rows
    });
    QueryRecord { is_incomplete: is_cut, ..asked(found) }
}
