//! A case: what playbooks found about a subject, with the rows and bytes that somebody else needs to see the same.

use super::dossier::{Asked, Dossier, Wish};
use super::gather::gather;
use super::playbook::Source;
use super::run::run;
use crate::ambient::Ambient;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::keys::KeyRow;
use crate::api::paths;
use crate::api::report::{Report, Subject, Topic};
use crate::api::requests::RequestRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::client::connection::Client;
use crate::domain::time::Timestamp;
use futures_util::future::join_all;

/// Failed attempts that are looked at byte by byte, at most.
const FAILURES: usize = 20;
/// Refused requests that are kept, at most.
const REQUESTS: usize = 40;

/// What is known of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Over what.
    pub subject: Subject,
    /// The platform's clock.
    pub at: Timestamp,
    /// How many milliseconds the platform's clock is ahead of this machine's; unknown if the platform did not say.
    pub clock_ahead_ms: Option<i64>,
    /// The platform's version.
    pub platform: Option<String>,
    /// What playbooks found.
    pub reports: Vec<Report>,
    /// Keys that calls were refused to, and those of the subject.
    pub keys: Asked<Vec<KeyRow>>,
    /// Subscriptions that are off or fail, and that of the subject.
    pub subscriptions: Asked<Vec<SubscriptionRow>>,
    /// Failed attempts with their bytes, newest first.
    pub failures: Asked<Vec<AttemptDetail>>,
    /// Refused requests, newest first.
    pub requests: Asked<Vec<RequestRow>>,
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

/// Runs the playbooks of these topics and collects what belongs to the subject, by read-only calls.
pub async fn collect(client: &Client, ambient: &Ambient, topics: &[Topic], wish: Wish) -> Case {
    let mut reports = Vec::new();
    for topic in topics {
        reports.push(run(client, ambient, *topic, wish, None).await);
    }
    let overview = client.overview(1).await;
    let here = ambient.now();
    let clock_ahead_ms = overview.as_ref().ok().map(|overview| overview.server_utc.millis() - here.millis());
    let needs = [Source::Keys, Source::Subscriptions, Source::Refused, Source::Attempts];
    let dossier = gather(client, ambient, wish, &needs).await;
    let failures = failures(client, &dossier).await;
    Case {
        subject: wish.subject,
        at: dossier.at,
        clock_ahead_ms,
        platform: overview.ok().map(|overview| overview.platform.version),
        reports,
        keys: keys(&dossier),
        subscriptions: subscriptions(&dossier),
        failures,
        requests: Asked {
            found: dossier.refused.found.clone().map(|rows| rows.into_iter().take(REQUESTS).collect()),
            ..dossier.refused.clone()
        },
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
