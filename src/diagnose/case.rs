//! A case: what playbooks found about some subjects, with the rows and bytes that somebody else needs to see the same.

use super::dossier::{Asked, Dossier, WINDOW, Wish};
use super::gather::picked_requests;
use super::own;
use super::playbook::Source;
use super::run::run_all;
use crate::ambient::Ambient;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::deliveries::Trace;
use crate::api::keys::KeyRow;
use crate::api::paths;
use crate::api::report::{Report, Subject, Topic};
use crate::api::requests::RequestRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::client::connection::Client;
use crate::domain::ids::{AttemptId, EventId};
use crate::domain::time::Timestamp;
use futures_util::future::join_all;
use std::time::Duration;

/// Failed attempts that are looked at byte by byte, at most.
const FAILURES: usize = 20;
/// Refused requests that are kept, at most.
const REQUESTS: usize = 40;
/// Subjects that playbooks are run over, at most.
const SUBJECTS: usize = 12;
/// Rows of each kind that can be picked out.
const PICKED: usize = 40;

/// What a case is to be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// What playbooks are run over; everything, if there is none.
    pub subjects: Vec<Subject>,
    /// The playbook that is run; all that fit a subject, if none is named.
    pub topic: Option<Topic>,
    /// How far back they look.
    pub back: Duration,
    /// What somebody picked out beside them.
    pub picked: Picked,
}

/// Rows of logs that somebody picked out, and what was noted about things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picked {
    /// Attempts.
    pub attempts: Vec<AttemptId>,
    /// Events.
    pub events: Vec<EventId>,
    /// Requests, by their places in the log.
    pub requests: Vec<i64>,
    /// About what, and the note.
    pub notes: Vec<(String, String)>,
}

impl Matter {
    /// The last hour of some subjects.
    #[must_use]
    pub fn about(subjects: Vec<Subject>) -> Self {
        Self { subjects, topic: None, back: WINDOW, picked: Picked::default() }
    }
}

/// What is known of a matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Over what.
    pub subjects: Vec<Subject>,
    /// The platform's clock.
    pub at: Timestamp,
    /// How many milliseconds the platform's clock is ahead of this machine's; unknown if the platform did not say.
    pub clock_ahead_ms: Option<i64>,
    /// The platform's version.
    pub platform: Option<String>,
    /// What playbooks found.
    pub reports: Vec<Report>,
    /// Keys that calls were refused to, and those of the subjects.
    pub keys: Asked<Vec<KeyRow>>,
    /// Subscriptions that are off or fail, and those of the subjects.
    pub subscriptions: Asked<Vec<SubscriptionRow>>,
    /// Failed attempts with their bytes, and those that were picked out; newest first.
    pub failures: Asked<Vec<AttemptDetail>>,
    /// Refused requests, and those that were picked out; newest first.
    pub requests: Asked<Vec<RequestRow>>,
    /// What became of the events that were picked out.
    pub events: Vec<Trace>,
    /// About what, and what was noted.
    pub notes: Vec<(String, String)>,
    /// What could not be had, and why.
    pub unlearnt: Vec<String>,
}

/// The playbooks that fit a subject.
#[must_use]
pub fn fitting(subject: Subject) -> Vec<Topic> {
    match subject {
        Subject::All | Subject::Company(_) => Topic::ALL.to_vec(),
        Subject::Key(_) => {
            vec![Topic::KeyNotWorking, Topic::Permissions, Topic::RateLimits, Topic::EventsMissing, Topic::BulkTimeouts]
        }
        Subject::Subscription(_) => vec![
            Topic::WebhooksNotArriving,
            Topic::Breaker,
            Topic::Signature,
            Topic::LostSecret,
            Topic::ManagedSubscription,
            Topic::Discrepancy,
        ],
    }
}

/// Runs the playbooks that a matter asks for and collects what belongs to it, by read-only calls.
pub async fn collect(client: &Client, ambient: &Ambient, matter: &Matter) -> Case {
    let mut subjects = if matter.subjects.is_empty() { vec![Subject::All] } else { matter.subjects.clone() };
    let n_subjects = subjects.len();
    subjects.truncate(SUBJECTS);
    let overview = match own::key(client) {
        Some(_) => Err(own::PORTAL.to_owned()),
        None => client.overview(1).await.map_err(|error| error.to_string()),
    };
    let here = ambient.now();
    let clock_ahead_ms = overview.as_ref().ok().map(|overview| overview.server_utc.millis() - here.millis());
    let silent = overview
        .as_ref()
        .err()
        .map(|why| format!("the difference between the clocks and the platform's version: {why}"));
    let mut case = Case {
        at: overview.as_ref().map_or(here, |overview| overview.server_utc),
        clock_ahead_ms,
        platform: overview.ok().map(|overview| overview.platform.version),
        reports: Vec::new(),
        keys: Asked::never(),
        subscriptions: Asked::never(),
        failures: Asked::never(),
        requests: Asked::never(),
        events: Vec::new(),
        notes: matter.picked.notes.clone(),
        unlearnt: silent.into_iter().collect(),
        subjects,
    };
    if n_subjects > SUBJECTS {
        case.unlearnt.push(format!("{} more things that were collected: {SUBJECTS} at most", n_subjects - SUBJECTS));
    }
    for (position, subject) in case.subjects.clone().into_iter().enumerate() {
        let topics = matter.topic.map_or_else(|| fitting(subject), |topic| vec![topic]);
        let needs = [Source::Keys, Source::Subscriptions, Source::Refused, Source::Attempts];
        let wish = Wish { subject, back: matter.back };
        let (dossier, reports) = run_all(client, ambient, &topics, wish, &needs).await;
        case.reports.extend(reports);
        let failures = failures(client, &dossier).await;
        if position == 0 {
            case.at = dossier.at;
            (case.keys, case.subscriptions) = (keys(&dossier), subscriptions(&dossier));
            (case.failures, case.requests) = (failures, dossier.refused);
        } else {
            add(&mut case, dossier, failures);
        }
    }
    cut(&mut case.failures, FAILURES, |of| (of.row.started_utc, of.row.id.0));
    cut(&mut case.requests, REQUESTS, |row| (row.utc, row.id));
    add_picked(client, &matter.picked, &mut case).await;
    case
}

/// Adds what is known of one more subject.
fn add(case: &mut Case, of: Dossier, failures: Asked<Vec<AttemptDetail>>) {
    let unlearnt = &mut case.unlearnt;
    join(&mut case.keys, keys(&of), |row| row.id.0, unlearnt);
    join(&mut case.subscriptions, subscriptions(&of), |row| row.subscription.id.0, unlearnt);
    join(&mut case.failures, failures, |of| of.row.id.0, unlearnt);
    join(&mut case.requests, of.refused, |row| row.id, unlearnt);
}

/// Adds what another subject has to what is there. What one of them lacks does not take away what the other has; it is said.
fn join<T>(there: &mut Asked<Vec<T>>, more: Asked<Vec<T>>, id: impl Fn(&T) -> i64, unlearnt: &mut Vec<String>) {
    there.is_cut |= more.is_cut;
    match (&mut there.found, more.found) {
        (Ok(rows), Ok(more)) => {
            for row in more {
                if !rows.iter().any(|old| id(old) == id(&row)) {
                    rows.push(row);
                }
            }
        }
        (Ok(_), Err(why)) => unlearnt.push(format!("{}: {why}", more.query)),
        (Err(why), Ok(rows)) => {
            unlearnt.push(format!("{}: {why}", there.query));
            there.found = Ok(rows);
        }
        (Err(_), Err(_)) => {}
    }
}

/// Puts the newest first, and keeps so many.
fn cut<T, K: Ord>(asked: &mut Asked<Vec<T>>, most: usize, age: impl Fn(&T) -> K) {
    if let Ok(rows) = &mut asked.found {
        rows.sort_by_key(|row| std::cmp::Reverse(age(row)));
        asked.is_cut |= rows.len() > most;
        rows.truncate(most);
    }
}

/// Adds the rows that somebody picked out, whatever they are.
async fn add_picked(client: &Client, picked: &Picked, case: &mut Case) {
    let there: Vec<AttemptId> = case.failures.found.iter().flatten().map(|of| of.row.id).collect();
    let wanted = picked.attempts.iter().filter(|id| !there.contains(id)).take(PICKED);
    let attempts = join_all(wanted.map(async |id| (id, client.attempt(*id).await))).await;
    let mut found = Vec::new();
    for (id, came) in attempts {
        match came {
            Ok(detail) => found.push(detail),
            Err(error) => case.unlearnt.push(format!("attempt {id}, which was picked out: {error}")),
        }
    }
    if !found.is_empty() {
        let more = Asked { found: Ok(found), ..Asked::never() };
        join(&mut case.failures, more, |of| of.row.id.0, &mut case.unlearnt);
        cut(&mut case.failures, FAILURES + PICKED, |of| (of.row.started_utc, of.row.id.0));
    }
    for (id, came) in join_all(picked.events.iter().take(PICKED).map(async |id| (id, client.trace(*id).await))).await {
        match came {
            Ok(trace) => case.events.push(trace),
            Err(error) => case.unlearnt.push(format!("event {id}, which was picked out: {error}")),
        }
    }
    let there: Vec<i64> = case.requests.found.iter().flatten().map(|row| row.id).collect();
    let wanted: Vec<i64> = picked.requests.iter().copied().filter(|id| !there.contains(id)).take(PICKED).collect();
    let (rows, why) = picked_requests(client, &wanted).await;
    for id in wanted.iter().filter(|id| !rows.iter().any(|row| row.id == **id)) {
        case.unlearnt.push(format!("request {id}, which was picked out: {why}"));
    }
    if !rows.is_empty() {
        let more = Asked { found: Ok(rows), ..Asked::never() };
        join(&mut case.requests, more, |row| row.id, &mut case.unlearnt);
        cut(&mut case.requests, REQUESTS + PICKED, |row| (row.utc, row.id));
    }
}

fn keys(dossier: &Dossier) -> Asked<Vec<KeyRow>> {
    let refused: Vec<&RequestRow> = dossier.refused.found.iter().flatten().collect();
    let found = dossier.keys.found.clone().map(|mut rows| {
        rows.retain(|key| {
            dossier.wish.subject == Subject::Key(key.id)
                || refused
                    .iter()
                    .any(|row| row.key_id == Some(key.id) || row.claimed_last4.as_ref() == Some(&key.last4))
        });
        rows
    });
    Asked { found, ..dossier.keys.clone() }
}

fn subscriptions(dossier: &Dossier) -> Asked<Vec<SubscriptionRow>> {
    let found = dossier.subscriptions.found.clone().map(|mut rows| {
        rows.retain(|row| {
            let of = &row.subscription;
            !of.is_enabled || of.consecutive_failures > 0 || dossier.wish.subject == Subject::Subscription(of.id)
        });
        rows
    });
    Asked { found, ..dossier.subscriptions.clone() }
}

async fn failures(client: &Client, dossier: &Dossier) -> Asked<Vec<AttemptDetail>> {
    let query = format!("GET {}", paths::ATTEMPT);
    let asked = |found| Asked { query: query.clone(), at: dossier.at, found, is_cut: false };
    if let Err(why) = &dossier.subscriptions.found {
        return asked(Err(why.clone()));
    }
    let mut rows: Vec<AttemptRow> = Vec::new();
    for of in &dossier.attempts {
        match &of.rows.found {
            Ok(found) => rows.extend(found.iter().filter(|row| !row.outcome().is_success()).cloned()),
            Err(why) => return asked(Err(why.clone())),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.started_utc, row.id)));
    let is_cut = rows.len() > FAILURES;
    let details = join_all(rows.iter().take(FAILURES).map(|row| client.attempt(row.id))).await;
    let found: Result<Vec<AttemptDetail>, _> = details.into_iter().collect();
    Asked { is_cut, ..asked(found.map_err(|error| error.to_string())) }
}
